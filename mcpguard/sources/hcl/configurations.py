"""From the files of a scan to what their configurations declare: root modules, values of variables, resources.

A folder with ``.tf`` files that no module call leads to is a root. A module is judged as it is called, and by itself
only when nothing calls it. Values are taken as Terraform takes them: ``terraform.tfvars``, then ``*.auto.tfvars`` by
name, then one file that is named on the command line (developer.hashicorp.com/terraform/language/values/variables).
Which one that is nobody can tell, so each gives a deployment of its own, as several parameter files of a template do.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mcpguard.core.location import Location, Route, TextRange
from mcpguard.evidence import Json
from mcpguard.sources.hcl.ast import Node
from mcpguard.sources.hcl.blocks import Block, File, Folder, read_file
from mcpguard.sources.hcl.defaults import fill
from mcpguard.sources.hcl.evaluator import Purse
from mcpguard.sources.hcl.files import Files
from mcpguard.sources.hcl.instances import Live, Program
from mcpguard.sources.hcl.json_values import read_values
from mcpguard.sources.hcl.missing import REMEDY, all_missing
from mcpguard.sources.hcl.scopes import Binding
from mcpguard.sources.hcl.secrets import note_secrets
from mcpguard.sources.hcl.tracing import locate
from mcpguard.sources.hcl.values import Exhausted, Reference
from mcpguard.sources.reading import Reading
from mcpguard.sources.terraform import FORMAT
from mcpguard.sources.terraform.instances import Document, Instance, Missing, References, Referent
from mcpguard.sources.terraform.resources import is_read, take_document

TEXT_FORMAT = "hcl"
_OF_AZD = "main.tfvars.json"
_MAX_FILES = 10
"""Files of values that one configuration is evaluated with."""
_JSON = ".tf.json"
_JSON_VALUES = ".tfvars.json"
_FIRST = ("terraform.tfvars", "terraform.tfvars.json")
_TOO_MUCH = "evaluating the configuration takes more work than its size allows; the rest is left unevaluated"
_NOTHING = "Terraform without resources that mcpguard knows"


def take_configurations(readings: Sequence[Reading]) -> None:
    """Evaluate every configuration among the files."""
    folders: dict[str, Folder] = {}
    values: list[File] = []
    overrides: list[tuple[Folder, File]] = []
    for reading in sorted(readings, key=lambda reading: reading.path):
        if reading.path.endswith(_JSON_VALUES):
            found = read_values(reading)
            if found is not None:
                values.append(found)
                note_secrets(reading)
        if reading.text_format != TEXT_FORMAT:
            continue
        file = read_file(reading)
        note_secrets(reading)
        if reading.path.endswith(".tfvars"):
            values.append(file)
        else:
            path = posixpath.dirname(reading.path)
            folder = folders.setdefault(path, Folder(path))
            name = posixpath.basename(reading.path)
            if name == "override.tf" or name.endswith("_override.tf"):
                overrides.append((folder, file))
            else:
                folder.add(file)
    for folder, file in overrides:
        folder.override(file)
    files = Files(readings)
    by_path = {reading.path: reading for reading in readings}
    given = _assign(values, _roots(folders, files), folders)
    purse = Purse(sum(len(reading.data) for reading in readings if reading.text_format == TEXT_FORMAT))
    for root in sorted(given):
        _Configuration(files, folders, root, given[root], by_path, purse).take()
    files.settle()
    for reading in readings:
        if reading.text_format == TEXT_FORMAT and not reading.kind:
            if reading.troubles:
                reading.kind = FORMAT
            else:
                reading.skip(_NOTHING)


def _roots(folders: Mapping[str, Folder], files: Files) -> list[str]:
    """The folders to begin with: those that nothing calls, and one of each ring of folders that only call each other."""
    calls = {path: _called(folder, folders, files) for path, folder in folders.items()}
    called = {inner for path, inners in calls.items() for inner in inners if inner != path}
    roots = [path for path in sorted(folders) if path not in called]
    reached: set[str] = set()
    todo = list(roots)
    waiting = sorted(folders)
    while todo or waiting:
        if not todo:
            path = waiting.pop(0)
            if path in reached:
                continue
            roots.append(path)
            todo = [path]
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo.extend(calls[path])
    return roots


def _called(folder: Folder, folders: Mapping[str, Folder], files: Files) -> set[str]:
    out: set[str] = set()
    for block in folder.modules.values():
        source = block.attributes.get("source")
        written = source.expression.text.strip('"') if source else ""
        path = files.resolve(folder.path, written) if written.startswith(".") else None
        if isinstance(path, str) and path in folders:
            out.add(path)
    return out


def _assign(values: Iterable[File], roots: Sequence[str], folders: Mapping[str, Folder]) -> dict[str, list[File]]:
    """The files of values of each root: those in its folder, and those below it in folders without a configuration."""
    given: dict[str, list[File]] = {root: [] for root in roots}
    for file in values:
        folder = posixpath.dirname(file.source.path)
        while folder and folder not in folders:
            folder = posixpath.dirname(folder)
        if folder not in given:
            file.reading.reason = "values of variables, and no configuration in its folder or above that they are for"
        elif folders[folder].variables.keys().isdisjoint(file.attributes):
            file.reading.reason = f"values of variables that the configuration in {folder or '.'} does not declare"
        else:
            given[folder].append(file)
    return given


def _is_automatic(file: File, root: str) -> bool:
    folder, name = posixpath.split(file.source.path)
    return folder == root and (name in _FIRST or name.endswith((".auto.tfvars", ".auto.tfvars.json")))


class _Configuration:
    """One root with its files of values."""

    def __init__(
        self,
        files: Files,
        folders: Mapping[str, Folder],
        root: str,
        values: Sequence[File],
        readings: Mapping[str, Reading],
        purse: Purse,
    ) -> None:
        self.files, self.folders, self.root, self.readings, self.purse = files, folders, root, readings, purse
        self.main = folders[root].files[0].reading
        self.used: dict[str, Reading] = {}
        """The files of the modules that it is made of."""
        self.automatic = sorted(
            (file for file in values if _is_automatic(file, root)),
            key=lambda file: (posixpath.basename(file.source.path) not in _FIRST, file.source.path),
        )
        # What azd uses comes first, then what lies beside the configuration.
        self.named = sorted(
            (file for file in values if file not in self.automatic),
            key=lambda file: (
                posixpath.basename(file.source.path) != _OF_AZD,
                file.source.path.count("/"),
                file.source.path,
            ),
        )

    def take(self) -> None:
        """Take what the root declares with each file of values."""
        results: list[tuple[Reading, Reading]] = []
        for file in self.named[:_MAX_FILES]:
            results.append((file.reading, self.evaluate(file)))
        if not results:
            results.append((self.main, self.evaluate(None)))
        for file in self.named[_MAX_FILES:]:
            file.reading.notes.append(f"not used: {self.root or '.'} was evaluated with {_MAX_FILES} other files already")
        for file in (*self.automatic, *self.named[:_MAX_FILES]):
            file.reading.kind, file.reading.reason = FORMAT, ""
            file.reading.notes.append(f"values for the configuration in {self.root or '.'}")
        whole = results[0][1]
        if len(results) > 1:
            from mcpguard.sources.arm.files import join

            whole = Reading(self.root or ".", b"")
            join(whole, results)
        self.distribute(whole, {secret for _, result in results for secret in result.secrets})

    def evaluate(self, values: File | None) -> Reading:
        """Take what the root declares with one file of values; everything goes into one reading."""
        result = Reading(self.main.path, self.main.data)
        bindings: dict[str, Binding] = {}
        for file in (*self.automatic, *((values,) if values else ())):
            bindings.update({name: Binding(given) for name, given in file.attributes.items()})
        program = Program(self.files, self.folders, self.root, bindings, self.purse)
        found = _Instances(program, _label(self.root))
        instances: list[Instance] = []
        cut_short: tuple[Missing, ...] = ()
        try:
            for live in program.walk(lambda block: block.type == "resource" and is_read(block.labels[0])):
                instances.append(found.of(live))
        except Exhausted:
            result.miss(_TOO_MUCH, self.main.at(0))
            cut_short = (Missing(frozenset({"*"}), f"{self.main.path}: {_TOO_MUCH}", REMEDY, self.main.at(0)),)
        scratch: dict[str, Reading] = {}
        for module in program.modules:
            for path, reading in module.folder.readings.items():
                if path not in scratch:
                    self.used[path] = reading
                    scratch[path] = Reading(path, reading.data, secrets=set(reading.secrets))
        missing = tuple(all_missing(program))
        unread = tuple(self.unread(program))
        document = Document(
            tuple(instances), found, False, found.label, scratch, (*cut_short, *unread, *missing), found.find_text
        )
        take_document(result, document)
        self.note(program, result)
        result.secrets |= program.secrets
        for reading in scratch.values():
            result.resources += reading.resources
            result.gaps += reading.gaps
            result.complete += reading.complete
            result.troubles += reading.troubles
            result.notes += reading.notes
            result.secrets |= reading.secrets
            real = self.readings[reading.path]
            for route, place in reading.moved.items():
                real.moved.setdefault(route, place)
        if result.resources or result.gaps:
            for module in program.modules:
                for reading in module.folder.readings.values():
                    reading.kind = FORMAT
        return result

    def unread(self, program: Program) -> Iterator[Missing]:
        """Files of the modules that are written as JSON, and may hold anything."""
        paths = {module.folder.path for module in program.modules}
        for path in sorted(self.readings):
            if path.endswith(_JSON) and posixpath.dirname(path) in paths:
                detail = f"{path} is Terraform written as JSON, which is not read"
                yield Missing(frozenset({"*"}), detail, REMEDY, self.readings[path].at())

    def note(self, program: Program, result: Reading) -> None:
        """Say what could not be evaluated."""
        evaluator = program.evaluator
        for reason, node in evaluator.troubles.items():
            result.miss(f"line {_line(node)}: {reason}", _place(node))
        for detail, at in program.notes.items():
            result.miss(detail, at)
        for name, node in evaluator.unknown_functions.items():
            result.miss(f"line {_line(node)}: the function {name[:60]} is not worked out here", _place(node))

    def distribute(self, whole: Reading, secrets: set[str]) -> None:
        """Give every file what stands in it."""
        self.files.settle()
        for resource in whole.resources:
            self.readings[resource.origin.artifact].resources.append(resource)
        for trouble in whole.troubles:
            owner = self.readings.get(trouble.at.artifact, self.main) if trouble.at else self.main
            if trouble not in owner.troubles:
                owner.troubles.append(trouble)
        self.main.gaps += whole.gaps
        self.main.complete += whole.complete
        self.main.notes += whole.notes
        for reading in self.used.values():
            reading.secrets |= secrets
        for file in (*self.automatic, *self.named):
            file.reading.secrets |= secrets
        for path in self.files.loaded:
            self.readings[path].secrets |= secrets


def _label(root: str) -> str:
    """What stand-ins of a configuration begin with: its folder, so written that no word in it is taken for one of a name."""
    return re.sub(r"[^A-Za-z0-9]+", "~", root) + "~" if root else ""


def _line(node: Node) -> int:
    return node.source.data.count(b"\n", 0, node.start) + 1


def _place(node: Node) -> Location:
    characters = node.source.characters
    return Location(node.source.path, (), TextRange(characters(node.start), characters(node.end)))


class _Instances(References):
    """The instances of a program as the tables read them, made when they are asked for."""

    def __init__(self, program: Program, label: str) -> None:
        self.program, self.label = program, label
        self._made: dict[str, Instance] = {}

    def of(self, live: Live) -> Instance:
        """The instance with all its attributes."""
        found = self._made.get(live.address)
        if found is None:
            found = self._made[live.address] = self._make(live)
        return found

    def _make(self, live: Live) -> Instance:
        offsets: dict[Route, int] = {}
        values = live.body(offsets)
        path = live.block.source.path
        if live.module.call is not None and live.module.folder.is_known:
            path = live.module.call.source.path
            places = _places_in_call(live, live.module.call, offsets)
        else:
            fill(live.type, values)
            places = {route: (offset,) for route, offset in offsets.items()}
        return Instance(
            live.address,
            live.module.calls,
            live.type,
            live.name,
            live.managed,
            values,
            (self.label + live.address,),
            path,
            places,
            live.condition,
        )

    def block(self, instance: Instance) -> dict[str, Json]:
        """Nothing: values tell themselves what they refer to."""
        return {}

    def resolve(self, instance: Instance, expression: Json, value: Json) -> Referent | None:
        """The resource that a value is an attribute of."""
        live = self.program.lives.get(value.target) if isinstance(value, Reference) else None
        if live is None:
            return None
        try:
            return Referent(self.of(live), value.attribute)
        except Exhausted:
            return None

    def find_text(self, instance: Instance, route: Route, text: str) -> Location | None:
        """Where the characters of a text stand."""
        live = self.program.lives[instance.address]
        call = live.module.call
        if call is not None and live.module.folder.is_known:
            argument, steps = _in_call(live, route)
            given = call.attributes.get(argument)
            frame = next(iter(live.module.bindings.values())).frame or live.frame
            return locate(self.program.evaluator, given.expression, frame, steps, text) if given else None
        block = live.block
        while len(route) > 2 and isinstance(route[1], int):
            nested = [inner for inner in block.blocks if inner.type == route[0]]
            if route[1] >= len(nested):
                return None  # a dynamic block made it
            block, route = nested[route[1]], route[2:]
        given = block.attributes.get(str(route[0])) if route else None
        return locate(self.program.evaluator, given.expression, live.frame, route[1:], text) if given else None


def _in_call(live: Live, route: Route) -> tuple[str, Route]:
    """The argument of a known module that an attribute comes from, and the way to it within that."""
    names = tuple(step for step in route if isinstance(step, str))
    if live.name == "this":
        return (names[0] if names else ""), names[1:]
    key = live.turn.key
    between = ("policy",) if live.type.endswith("_api_policy") else ()
    return live.name, ((key,) if isinstance(key, str) else ()) + between + names


def _places_in_call(live: Live, call: Block, offsets: Mapping[Route, int]) -> dict[Route, Route]:
    """Where the attributes of what a known module declares stand: in the arguments of its call."""
    places: dict[Route, Route] = {}
    for route in offsets:
        argument, steps = _in_call(live, route)
        given = call.attributes.get(argument)
        places[route] = (given.start, *steps) if given is not None else (call.start,)
    return places

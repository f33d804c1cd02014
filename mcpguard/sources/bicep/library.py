"""The files that Bicep files name: modules, imports, and what they load. Each is read once, none outside of what is scanned."""

from __future__ import annotations

import base64
import contextlib
import posixpath
from collections.abc import Callable, Iterable, Iterator

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Artifact, Json, Unresolved
from mcpguard.sources.arm.ast import Literal
from mcpguard.sources.arm.scopes import Scope
from mcpguard.sources.arm.template import Linked, Unfollowed
from mcpguard.sources.arm.values import MAX_TEXT, Weights
from mcpguard.sources.bicep import registry
from mcpguard.sources.bicep.lowering import plain
from mcpguard.sources.bicep.symbols import FUNCTION
from mcpguard.sources.bicep.syntax import Constant, Expression, Invocation
from mcpguard.sources.bicep.template import File, Trouble
from mcpguard.sources.files import EMPTY, Source
from mcpguard.sources.reading import Reading

_OUTSIDE = "it lies outside of what is scanned; scan the folder that holds both, or say --allow-outside"
_ENCODINGS = {"us-ascii": "ascii", "iso-8859-1": "latin-1", "utf-16": "utf-16-le", "utf-16be": "utf-16-be"}


class Library:
    """Every file of one scan, by its path in reports."""

    def __init__(self, readings: Iterable[Reading], fetch: Callable[[str], Source | Artifact | None]) -> None:
        """``fetch`` reads a file that is not among the readings, when it may be read; None when there is none."""
        self.readings = {reading.path: reading for reading in readings}
        self.fetched: list[Reading] = []
        self.loaded: dict[str, list[Location]] = {}
        """Files whose contents others load, and where."""
        self.weights = Weights()
        """Of what is loaded, which several deployments share."""
        self._fetch = fetch
        self._named: dict[str, frozenset[str]] = {}
        self._texts: dict[str, str] = {}
        self._documents: dict[tuple[str, bool], Json] = {}
        self._files: dict[str, File] = {}
        self._equipped: dict[str, dict[str, tuple[Json, Location | None]]] = {}

    def resolve(self, base: str, path: str) -> str:
        """The path in reports of what a file names.

        Raises:
            Unfollowed: it lies outside, or is not there.
        """
        found = posixpath.normpath(posixpath.join(posixpath.dirname(base), path.replace("\\", "/")))
        if found in self.readings:
            return found
        if path.startswith(("/", "\\")) or ":" in path:
            raise Unfollowed("its path is not relative")
        source = self._fetch(found)
        if isinstance(source, Artifact):
            # An empty module declares nothing.
            raise Unfollowed(source.detail, frozenset() if source.detail == EMPTY else None)
        if source is None:
            raise Unfollowed(_OUTSIDE if found.startswith("../") else f"there is no file {found}")
        reading = Reading(found, source.data, note=source.note)
        if found.endswith((".bicep", ".bicepparam")):
            reading.kind = reading.text_format = "bicep"
        self.readings[found] = reading
        self.fetched.append(reading)
        return found

    def file(self, path: str) -> File:
        """A Bicep file that was read."""
        found = self._files.get(path)
        if found is None:
            found = self._files[path] = File(path, self.readings[path].data.decode("utf-8", "replace"))
        return found

    def named(self, path: str) -> frozenset[str]:
        """The paths of the files that a Bicep file names as modules and imports, as far as they are here."""
        found = self._named.get(path)
        if found is None:
            found = self._named[path] = frozenset(self._links(self.file(path)))
        return found

    def _links(self, file: File) -> Iterator[str]:
        for link, _ in file.links:
            if not registry.is_registry(link):
                with contextlib.suppress(Unfollowed):
                    yield self.resolve(file.path, link)

    def reached(self, path: str) -> list[File]:
        """A Bicep file and all that it leads to."""
        found: dict[str, File] = {}
        todo = [path]
        while todo:
            current = todo.pop()
            if current not in found and current.endswith(".bicep"):
                found[current] = self.file(current)
                todo.extend(self.named(current))
        return list(found.values())

    @property
    def files(self) -> list[File]:
        """All that were parsed."""
        return list(self._files.values())

    # -- what is loaded --------------------------------------------------------------------------------------------------

    def contents(self, file: File) -> dict[str, tuple[Json, Location | None]]:
        """What a file loads, by the variable that stands for it, with the place of a text that is taken as it is."""
        found = self._equipped.get(file.path)
        if found is None:
            _ = file.template  # which finds what is loaded
            found = {name: self._content(file, call) for name, call in file.lowering.loads.items()}
            self._equipped[file.path] = found
        return found

    def _content(self, file: File, call: Invocation) -> tuple[Json, Location | None]:
        written = f"[{file.text[call.start : call.end]}]"
        path = _text(call.arguments, 0)
        if not path:
            return Literal(Unresolved(written, reason="the file that it loads is not named by a text")), None
        try:
            found = self.resolve(file.path, path)
        except Unfollowed as unfollowed:
            where = file.range(call.start, call.end)
            file.troubles.append(Trouble(f"{path[:200]} cannot be loaded: {unfollowed.reason}", where))
            return Literal(Unresolved(written, reason=f"{path[:200]} cannot be loaded")), None
        self.loaded.setdefault(found, []).append(file.range(call.start, call.end))
        data = self.readings[found].data
        if len(data) > MAX_TEXT:
            return Literal(Unresolved(written, reason=f"{path[:200]} is too large")), None
        if found not in self._texts:
            self._texts[found] = data.decode("utf-8", "replace")
        text = self._texts[found]
        match call.name.lower():
            case "loadtextcontent":
                return plain(text), Location(found)
            case "loadfileasbase64":
                return base64.b64encode(data).decode("ascii"), None
            case name:
                key = found, name == "loadyamlcontent"
                if key not in self._documents:
                    self._documents[key] = _structured(text, is_yaml=key[1])
                value = _selected(self._documents[key], _text(call.arguments, 1))
                if isinstance(value, Unresolved):
                    value = msgspec.structs.replace(value, expression=written)
                return Literal(value), None

    # -- what a file sees of others --------------------------------------------------------------------------------------

    def equip(self, scope: Scope, file: File, scopes: dict[str, Scope] | None = None) -> None:
        """Give the scope of a file what it loads and imports."""
        scopes = {} if scopes is None else scopes
        for name, (value, at) in self.contents(file).items():
            scope.variables[name] = name, value
            scope.elsewhere[name] = at or file.at.child("variables", name)
        for declaration in file.of("import"):
            try:
                other = self.file(self.resolve(file.path, declaration.text))
            except Unfollowed:
                continue  # mostly types; what is missing is unresolved where it is used
            theirs = scopes.get(other.path)
            if theirs is None:
                theirs = scopes[other.path] = Scope(other.template, other.at, scope.place, {})
                self.equip(theirs, other, scopes)
            exported = [found for found in other.of("var", "func") if found.is_exported]
            for name, ours in declaration.names:
                for found in exported:
                    if name in ("*", found.name):
                        alias = f"{ours}.{found.name}" if name == "*" else ours
                        _import(scope, theirs, found.keyword, found.name.lower(), alias.lower())

    def follow(self, properties: dict[str, Json], at: Location) -> Linked:
        """The module that a deployment names.

        Raises:
            Unfollowed: it is not here.
        """
        link = properties["templateLink"]
        path = link.get("relativePath") if isinstance(link, dict) else None
        if not isinstance(path, str):
            raise Unfollowed("its template is a link")
        if registry.is_registry(path):
            if left := registry.unmapped(path, properties.get("parameters")):
                note = f"parameters of {path} that are not looked at: {', '.join(left)}"
                if note not in self.readings[at.artifact].notes:
                    self.readings[at.artifact].notes.append(note)
            return registry.follow(path, at)
        found = self.resolve(at.artifact, path)
        reading = self.readings[found]
        if found.endswith(".bicep"):
            file = self.file(found)
            return Linked(file.template, file.at, lambda scope: self.equip(scope, file))
        for template, route in reading.templates:
            if not route:
                return Linked(template, Location(found), lambda scope: None)
        raise Unfollowed("it is neither Bicep nor a template")


def _import(scope: Scope, theirs: Scope, keyword: str, name: str, alias: str) -> None:
    if keyword == "var":
        scope.imported[alias] = theirs, name
    elif f"{FUNCTION}{name}" in theirs.functions:
        scope.functions[f"{FUNCTION}{alias}"] = theirs.functions[f"{FUNCTION}{name}"]
        scope.owners[f"{FUNCTION}{alias}"] = theirs


def _text(arguments: tuple[Expression, ...], index: int) -> str:
    match arguments[index : index + 1]:
        case (Constant(value=str() as text),):
            return text
        case _:
            return ""


def _structured(text: str, *, is_yaml: bool) -> Json:
    if is_yaml:
        from mcpguard.sources.yaml_text import YamlError, read_yaml

        try:
            return read_yaml(text).value
        except YamlError:
            return Unresolved("", reason="the file that it loads is no YAML")
    from mcpguard.core.jsontext import JsonError, decode

    try:
        return decode(text.encode("utf-8", "replace")).value
    except JsonError:
        return Unresolved("", reason="the file that it loads is no JSON")


def _selected(value: Json, path: str) -> Json:
    """The part of a document that a JSON path without wildcards names; all of it for an empty one."""
    steps = path.replace("['", ".").replace("']", "").replace("[", ".").replace("]", "").lstrip("$").split(".")
    for step in filter(None, steps):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return Unresolved("", reason=f"there is nothing at {path[:80]}")
    return value

"""The resources and modules of a configuration, as often as ``count`` and ``for_each`` make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.ast import Call, Node
from mcpguard.sources.hcl.blocks import Block, Folder
from mcpguard.sources.hcl.evaluator import Evaluator, Purse
from mcpguard.sources.hcl.expansions import Expansion, Turn, counted, keyed
from mcpguard.sources.hcl.files import Files, Refusal
from mcpguard.sources.hcl.known_modules import known_module, types_left_out
from mcpguard.sources.hcl.scopes import Binding, Frame, Module, reference
from mcpguard.sources.hcl.values import Encoded, Failure, Handle, Reference, plain, shorten
from mcpguard.sources.terraform.sensitive import hidden

_MAX_MODULES = 2000
_MAX_CALLS = 20
"""Modules that call each other."""
_META = frozenset({"count", "for_each", "depends_on", "provider", "providers", "source", "version", "lifecycle"})
_META_BLOCKS = frozenset({"lifecycle", "provisioner", "connection", "timeouts", "precondition", "postcondition"})
_TEXTS_OF_OBJECTS = frozenset({"body", "sensitive_body"})
_ACTIONS = frozenset({"azapi_resource_action"})


class Live(Handle):
    """One instance of a resource or data source."""

    __slots__ = (
        "_known",
        "_open",
        "address",
        "block",
        "condition",
        "frame",
        "managed",
        "module",
        "name",
        "program",
        "turn",
        "type",
    )

    def __init__(self, program: Program, module: Module, block: Block, turn: Turn, condition: Unresolved | None) -> None:
        self.program, self.module, self.block, self.condition = program, module, block, condition
        self.managed = block.type == "resource"
        self.type, self.name = block.labels[0], block.labels[1]
        self.address = f"{module.address}{'' if self.managed else 'data.'}{self.type}.{self.name}{turn.suffix}"
        self.turn = turn
        self.frame = Frame(module, turn.names)
        self._known: dict[str, Json] = {}
        self._open: set[str] = set()
        program.lives[self.address] = self

    @property
    def written(self) -> str:
        """The address within its module."""
        return self.address[len(self.module.address) :]

    def whole(self) -> Json:
        """A reference to all of it."""
        return reference(self.written, self.address, "")

    def attribute(self, name: str) -> Json:
        """What an attribute is set to, or a reference to it when it is not known before deployment."""
        if name in self._known:
            return self._known[name]
        given = self.block.attributes.get(name)
        if self.type in _ACTIONS and name == "output":
            found = self._answer()
        elif given is None or name in _META or name in self._open:
            found = reference(f"{self.written}.{name}", self.address, name)
        else:
            self._open.add(name)
            try:
                found = self.program.evaluator.value(given.expression, self.frame)
            finally:
                self._open.discard(name)
            if isinstance(found, Unresolved) and not isinstance(found, Encoded | Reference):
                found = reference(f"{self.written}.{name}", self.address, name, found)
        self._known[name] = found
        return found

    def _answer(self) -> Json:
        """What an action such as ``listKeys`` answers."""
        action, target = self.attribute("action") if "action" in self.block.attributes else "", self.attribute("resource_id")
        name = action.lower() if isinstance(action, str) else ""
        arguments = (plain(target),) if isinstance(target, str | Unresolved) else ()
        return Unresolved(f"{self.written}.output", name or "azapi-action", arguments)

    def body(self, places: dict[tuple[str | int, ...], int]) -> dict[str, Json]:
        """All attributes and nested blocks; ``places`` gets the offsets of what was written."""
        return self.program.body(self.block, self.frame, (), places)


class Group(msgspec.Struct):
    """All instances of one block."""

    value: Json
    lives: list[Live]
    expansion: Expansion


class Lost(msgspec.Struct, frozen=True):
    """A block of which it is not known how often it is there, or a module that is not followed."""

    block: Block
    module: Module
    detail: str
    folder: Folder | None = None
    """What the module would declare."""


class Program:
    """One configuration: a root module and all that it calls, with one set of variables."""

    def __init__(
        self, files: Files, folders: Mapping[str, Folder], root: str, bindings: Mapping[str, Binding], purse: Purse
    ) -> None:
        self.files, self.folders, self.root = files, folders, root
        self.evaluator = Evaluator(purse)
        self.lives: dict[str, Live] = {}
        self.lost: list[Lost] = []
        self.notes: dict[str, Location] = {}
        self.secrets: set[str] = set()
        self.modules: list[Module] = []
        self.main = Module(self, folders[root], bindings)
        self.modules.append(self.main)

    # -- what evaluation asks for ----------------------------------------------------------------------------------------

    def note(self, detail: str, start: int, path: str) -> None:
        """Remember something that is wrong with the configuration, at an offset of a file."""
        self.notes.setdefault(detail, Location(path, (start,)))

    def hide(self, value: Json) -> Json:
        """A sensitive value, masked; what it was is struck out of quotations."""
        todo = [plain(value)]
        while todo:
            current = todo.pop()
            if isinstance(current, str):
                if len(current) >= 4:
                    self.secrets.add(current)
            elif isinstance(current, dict):
                todo.extend(current.values())
            elif isinstance(current, list):
                todo.extend(current)
        return value if isinstance(value, Unresolved) else hidden(plain(value))

    def path_of(self, module: Module) -> str:
        """``path.module``: the way from the root module to the folder of a module."""
        import posixpath

        return posixpath.relpath(f"/{module.folder.path}", f"/{self.root}")

    def group(self, module: Module, *, managed: bool, type: str, name: str) -> Group:
        """The instances of a block.

        Raises:
            Failure: there is no such block, or it depends on itself.
        """
        key = managed, type, name
        found = module.groups.get(key)
        if found is not None:
            return found
        block = module.folder.resources.get(key)
        if block is None:
            raise Failure(f"there is no {'resource' if managed else 'data source'} {type[:80]}.{name[:80]}")
        self.evaluator.charge(1)
        written = f"{'' if managed else 'data.'}{type}.{name}"
        module.groups[key] = Group(Unresolved(written, reason="it depends on itself"), [], Expansion())
        expansion = self.expand(block, module.frame)
        condition = expansion.condition or module.condition
        lives = [Live(self, module, block, turn, condition) for turn in expansion.turns]
        value: Json = Unresolved(written) if expansion.open is not None else expansion.gather(list(lives))
        module.groups[key] = group = Group(value, lives, expansion)
        if expansion.open is not None:
            self.lost.append(Lost(block, module, self._how_often(f"{module.address}{written}", expansion.open)))
        return group

    def _how_often(self, written: str, count: Unresolved) -> str:
        why = f" ({count.reason})" if count.reason else ""
        return f"{written} as often as {shorten(count.expression)} says, which is not known{why}"

    def called(self, module: Module, name: str) -> Json:
        """What ``module.name`` means: an instance of the module, or several.

        Raises:
            Failure: there is no such call.
        """
        if name in module.modules:
            return module.modules[name]
        block = module.folder.modules.get(name)
        if block is None:
            raise Failure(f"there is no module {name[:80]}")
        written = f"module.{name}"
        module.modules[name] = Unresolved(written, reason="it depends on itself")
        module.modules[name] = value = self._called(module, name, block)
        return value

    def _called(self, module: Module, name: str, block: Block) -> Json:
        written = f"module.{name}"
        folder = self._source(module, name, block)
        if folder is None:
            return Unresolved(written)
        expansion = self.expand(block, module.frame)
        if expansion.open is not None:
            self.lost.append(Lost(block, module, self._how_often(f"{module.address}{written}", expansion.open), folder))
            return Unresolved(written)
        if len(self.modules) + len(expansion.turns) > _MAX_MODULES or len(module.calls) >= _MAX_CALLS:
            self.lost.append(Lost(block, module, f"{module.address}{written}, beyond the modules that are followed", folder))
            return Unresolved(written)
        made: list[Json] = []
        for turn in expansion.turns:
            frame = Frame(module, turn.names)
            bindings = {key: Binding(given, frame) for key, given in block.attributes.items() if key not in _META}
            condition = expansion.condition or module.condition
            address = f"{module.address}{written}{turn.suffix}."
            inner = Module(self, folder, bindings, address, (*module.calls, name), condition, block)
            self.modules.append(inner)
            made.append(inner)
        return expansion.gather(made)

    def _source(self, module: Module, name: str, block: Block) -> Folder | None:
        """The folder of a module; None for one that is not here, which is remembered."""
        given = block.attributes.get("source")
        source = self.evaluator.value(given.expression, module.frame) if given else None
        label = f"{module.address}module.{name}"
        if not isinstance(source, str):
            self.lost.append(Lost(block, module, f"{label}, of which the source is not known"))
            return None
        known = known_module(source)
        if known is not None:
            if types_left_out(block):
                self.lost.append(Lost(block, module, f"{label}, of which not all arguments are read", known))
            return known
        if not source.startswith(("./", "../", ".\\", "..\\")):
            self.lost.append(Lost(block, module, f"{label} from {shorten(source)}, which is not followed"))
            return None
        path = self.files.resolve(module.folder.path, source)
        if isinstance(path, Refusal):
            self.lost.append(Lost(block, module, f"{label}: {path.reason}"))
            return None
        folder = self.folders.get(path)
        if folder is None:
            self.lost.append(Lost(block, module, f"{label}: there are no .tf files in {shorten(path) or 'its folder'}"))
        return folder

    # -- instances -------------------------------------------------------------------------------------------------------

    def expand(self, block: Block, frame: Frame) -> Expansion:
        """The instances of a block that ``count`` or ``for_each`` make."""
        count, each = block.attributes.get("count"), block.attributes.get("for_each")
        if count is not None:
            return counted(self.evaluator.value(count.expression, frame))
        if each is not None:
            return keyed(self.evaluator.value(each.expression, frame))
        return Expansion()

    def walk(self, wanted: Callable[[Block], bool]) -> Iterator[Live]:
        """Every instance of the blocks that are wanted, in all modules."""
        done = 0
        while done < len(self.modules):
            module = self.modules[done]
            done += 1
            for (managed, type_, name), block in module.folder.resources.items():
                if wanted(block):
                    yield from self.group(module, managed=managed, type=type_, name=name).lives
            for name in module.folder.modules:
                self.called(module, name)

    def body(
        self, block: Block, frame: Frame, path: tuple[str | int, ...], places: dict[tuple[str | int, ...], int]
    ) -> dict[str, Json]:
        """The attributes and nested blocks of a block, evaluated; nested blocks are lists, as in a plan."""
        out: dict[str, Json] = {}
        places[path] = block.start
        is_azapi = not path and block.labels[0].startswith("azapi_") if block.labels else False
        for name, given in block.attributes.items():
            if path or name not in _META:
                value = self._evaluated(given.expression, frame, decode=is_azapi and name in _TEXTS_OF_OBJECTS)
                out[name] = self.hide(value) if is_azapi and name == "sensitive_body" else value
                places[*path, name] = given.start if given.source is block.source else block.start
        for inner in block.blocks:
            if inner.type == "dynamic" and inner.labels:
                self._dynamic(inner, frame, path, places, out)
            elif path or inner.type not in _META_BLOCKS:
                self._nested(inner.type, inner, inner.start, frame, path, places, out)
        return out

    def _evaluated(self, node: Node, frame: Frame, *, decode: bool) -> Json:
        """The value of an attribute, as a copy that may be changed."""
        if decode and isinstance(node, Call) and node.name == "jsonencode" and len(node.arguments) == 1:
            node = node.arguments[0]
        value = self.evaluator.value(node, frame)
        if decode and isinstance(value, Encoded):
            value = value.value
        return self.evaluator.copied(value)

    def _nested(
        self,
        name: str,
        block: Block,
        start: int,
        frame: Frame,
        path: tuple[str | int, ...],
        places: dict[tuple[str | int, ...], int],
        out: dict[str, Json],
    ) -> None:
        siblings = out.setdefault(name, [])
        if isinstance(siblings, list):
            below = (*path, name, len(siblings))
            siblings.append(self.body(block, frame, below, places))
            places[below] = start
            places.setdefault((*path, name), start)

    def _dynamic(
        self,
        block: Block,
        frame: Frame,
        path: tuple[str | int, ...],
        places: dict[tuple[str | int, ...], int],
        out: dict[str, Json],
    ) -> None:
        """``dynamic "name"``: a nested block for each member of a collection; the block is unknown when that is."""
        name, content = block.labels[0], block.first("content")
        each, iterator = block.attributes.get("for_each"), block.attributes.get("iterator")
        if content is None or each is None:
            return
        expansion = keyed(self.evaluator.value(each.expression, frame), is_set=False)
        if expansion.open is not None or expansion.condition is not None:
            out[name] = expansion.open or expansion.condition
            places[*path, name] = block.start
            return
        called = iterator.expression.text if iterator else name
        for turn in expansion.turns:
            inner = frame.with_names({called: turn.names["each"]})
            self._nested(name, content, block.start, inner, path, places, out)

    def at(self, block: Block) -> Location:
        """The place of a block."""
        return Location(block.source.path, (block.start,))

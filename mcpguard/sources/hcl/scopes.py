"""What names mean where an expression stands: variables, locals, resources and outputs of one instance of a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.ast import Member, Node, Step
from mcpguard.sources.hcl.blocks import Attribute, Block, Folder
from mcpguard.sources.hcl.files import Files
from mcpguard.sources.hcl.types import converted, with_defaults
from mcpguard.sources.hcl.values import Failure, Handle, Reference, plain, shorten

if TYPE_CHECKING:
    from mcpguard.sources.hcl.evaluator import Evaluator
    from mcpguard.sources.hcl.instances import Group, Program

_NO_NAMES: Mapping[str, Json] = {}


class Frame(msgspec.Struct, frozen=True):
    """Where an expression is evaluated."""

    module: Module
    names: Mapping[str, Json] = _NO_NAMES
    """Variables of loops and templates, and ``each``, ``count``, ``self``."""
    templates: int = 0
    """How many templates have loaded each other."""

    def with_names(self, names: Mapping[str, Json]) -> Frame:
        """The same with more names."""
        return Frame(self.module, {**self.names, **names}, self.templates)


class Binding(msgspec.Struct, frozen=True):
    """What a variable is set to: an expression, evaluated where it stands."""

    attribute: Attribute
    frame: Frame | None = None
    """None for one in a ``.tfvars`` file, which knows no names."""


class Module(Handle):
    """One instance of a module: the root, or one that a call makes."""

    __slots__ = (
        "_cycle",
        "_locals",
        "_variables",
        "address",
        "bindings",
        "call",
        "calls",
        "condition",
        "folder",
        "frame",
        "groups",
        "modules",
        "program",
        "root",
    )

    def __init__(
        self,
        program: Program,
        folder: Folder,
        bindings: Mapping[str, Binding],
        address: str = "",
        calls: tuple[str, ...] = (),
        condition: Unresolved | None = None,
        call: Block | None = None,
    ) -> None:
        self.program, self.folder, self.bindings, self.call = program, folder, bindings, call
        self.address, self.calls, self.condition = address, calls, condition
        """The address, with a dot at its end; the names of the calls; the test that decides whether it is there at all."""
        self.root = program.root
        self.frame = Frame(self)
        self.groups: dict[tuple[bool, str, str], Group] = {}
        self.modules: dict[str, Json] = {}
        self._variables: dict[str, Json] = {}
        self._locals: dict[str, Json] = {}
        self._cycle: set[str] = set()

    @property
    def files(self) -> Files:
        """The files that it may read."""
        return self.program.files

    @property
    def written(self) -> str:
        """``module.a``."""
        return self.address.removesuffix(".")

    def output(self, name: str) -> Attribute | None:
        """The expression of an output."""
        block = self.folder.outputs.get(name)
        return block.attributes.get("value") if block else None

    def attribute(self, name: str) -> Json:
        """The value of an output."""
        given = self.output(name)
        if given is None:
            raise Failure(f"the module has no output {name[:80]}")
        return self._once(f"output {name}", given, self.program.evaluator)

    def _once(self, key: str, attribute: Attribute, evaluator: Evaluator) -> Json:
        """The value of an attribute that names may lead back to."""
        if key in self._locals:
            return self._locals[key]
        if key in self._cycle:
            self.program.note(f"{key} depends on itself", attribute.start, attribute.source.path)
            raise Failure("it depends on itself")
        self._cycle.add(key)
        try:
            found = evaluator.value(attribute.expression, self.frame)
        finally:
            self._cycle.discard(key)
        self._locals[key] = found
        return found

    # -- names -----------------------------------------------------------------------------------------------------------

    def root_value(self, evaluator: Evaluator, name: str, steps: tuple[Step, ...], node: Node) -> tuple[int, Json]:
        """What a name at the beginning of a chain means, and how many of the steps that takes.

        Raises:
            Failure: there is no such thing.
        """
        first = steps[0].name if steps and isinstance(steps[0], Member) else ""
        second = steps[1].name if len(steps) > 1 and isinstance(steps[1], Member) else ""
        match name:
            case "var" if first:
                return 1, self.variable(first)
            case "local" if first:
                given = self.folder.locals.get(first)
                if given is None:
                    raise Failure(f"there is no local value {first[:80]}")
                return 1, self._once(f"local.{first}", given, evaluator)
            case "module" if first:
                return 1, self.program.called(self, first)
            case "path" if first in ("module", "root"):
                return 1, self.program.path_of(self) if first == "module" else "."
            case "data" if second:
                return 2, self.program.group(self, managed=False, type=first, name=second).value
            case "each" | "count" | "self" | "path" | "terraform" | "data" | "module" | "var" | "local":
                return len(steps), Unresolved(shorten(node.text or name))
            case _:
                pass
        if not first:
            raise Failure(f"the name {name[:80]} means nothing here")
        return 1, self.program.group(self, managed=True, type=name, name=first).value

    def variable(self, name: str) -> Json:
        """The value of a variable: what is given, or its default; sensitive ones are hidden."""
        if name in self._variables:
            return self._variables[name]
        block = self.folder.variables.get(name)
        if block is None:
            raise Failure(f"there is no variable {name[:80]}")
        if f"var.{name}" in self._cycle:
            self.program.note(f"var.{name} depends on itself", block.start, block.source.path)
            raise Failure("it depends on itself")
        self._cycle.add(f"var.{name}")
        try:
            value = self._given(name, block)
        finally:
            self._cycle.discard(f"var.{name}")
        self._variables[name] = value
        return value

    def _given(self, name: str, block: Block) -> Json:
        evaluator = self.program.evaluator
        binding, default = self.bindings.get(name), block.attributes.get("default")
        value: Json = None
        if binding is not None:
            value = evaluator.value(binding.attribute.expression, binding.frame or self.frame)
        if value is None and default is not None and (binding is None or not _is_nullable(block)):
            value = evaluator.value(default.expression, self.frame)
        elif binding is None:
            return Unresolved(f"var.{name}")
        type_ = block.attributes.get("type")
        if type_ is not None:
            value = converted(
                type_.expression, with_defaults(type_.expression, value, lambda node: evaluator.value(node, self.frame))
            )
        if is_true(block, "sensitive"):
            return self.program.hide(value)
        return value


def is_true(block: Block, name: str) -> bool:
    """Whether an attribute is the literal ``true``."""
    found = block.attributes.get(name)
    return found is not None and found.expression.text == "true"


def _is_nullable(block: Block) -> bool:
    found = block.attributes.get("nullable")
    return found is None or found.expression.text != "false"


def reference(written: str, target: str, attribute: str, value: Json = None) -> Reference:
    """An attribute that is not known; ``value`` is what it is set to, when some of that is known."""
    parts = value.parts if isinstance(value, Unresolved) else ()
    arguments = (plain(value),) if isinstance(value, Unresolved) else ()
    return Reference(shorten(written), target=target, attribute=attribute, parts=parts, arguments=arguments)

"""What the names of a Bicep file mean."""

from __future__ import annotations

import msgspec

from mcpguard.sources.bicep.syntax import Declaration, ObjectLiteral
from mcpguard.sources.ids import type_in

FUNCTION = "__bicep."
"""What stands before the names of declared functions, as the compiler writes them."""
_FOREIGN = "microsoft.graph/"


class Symbol(msgspec.Struct, frozen=True):
    """A resource or module."""

    key: str
    """Its symbolic name, after those of the resources that it stands in: ``parent::child``."""
    declaration: Declaration
    type: str
    """Of a resource its whole type; of a module its path."""
    version: str
    outer: Symbol | None = None
    """The resource that it stands in."""

    @property
    def body(self) -> ObjectLiteral:
        """What it is declared with."""
        value = self.declaration.value
        return value if isinstance(value, ObjectLiteral) else ObjectLiteral((), 0, 0)

    @property
    def is_loop(self) -> bool:
        """Whether there is one for each turn of a loop."""
        return self.declaration.loop is not None

    @property
    def is_foreign(self) -> bool:
        """Whether it is no resource of Resource Manager, but of an extension such as Microsoft Graph."""
        return self.type.lower().startswith(_FOREIGN) or not type_in(self.type)


class Symbols:
    """The names of one file."""

    def __init__(self, declarations: tuple[Declaration, ...]) -> None:
        self.kinds: dict[str, str] = {}
        """``param`` or ``var`` for parameters and variables, own and imported ones."""
        self.functions: set[str] = set()
        self.namespaces: set[str] = set()
        """Names under which all of another file was imported."""
        self.all: dict[str, Symbol] = {}
        """Resources and modules by key, those that stand in others too."""
        self.repeated: list[Declaration] = []
        """Resources and modules whose name is taken."""
        self._short: dict[str, Symbol] = {}
        for declaration in declarations:
            match declaration.keyword:
                case "param" | "var":
                    self.kinds[declaration.name] = declaration.keyword
                case "func":
                    self.functions.add(declaration.name)
                case "resource" | "module":
                    self._add(declaration, None)
                case _:
                    pass

    def _add(self, declaration: Declaration, outer: Symbol | None) -> None:
        todo = [(declaration, outer)]
        while todo:
            found, above = todo.pop()
            key = f"{above.key}::{found.name}" if above else found.name
            type_, _, version = found.text.removeprefix("az:").partition("@")
            if found.keyword == "module":
                type_, version = found.text, ""
            elif above is not None:
                type_ = f"{above.type}/{type_}"
                version = version or above.version
            symbol = Symbol(key, found, type_, version, above)
            if key in self.all:
                self.repeated.append(found)
                continue
            self.all[key] = symbol
            self._short.setdefault(found.name, symbol)
            todo.extend((inner, symbol) for inner in symbol.body.nested[::-1])

    def find(self, name: str) -> Symbol | None:
        """A resource or module by its own name; those within others are found by it too."""
        return self.all.get(name) or (None if name in self.kinds else self._short.get(name))

    def below(self, symbol: Symbol, name: str) -> Symbol | None:
        """A resource that stands in another one."""
        return self.all.get(f"{symbol.key}::{name}")

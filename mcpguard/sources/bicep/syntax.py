"""The syntax tree of Bicep: expressions and declarations with their places.

Language: learn.microsoft.com/azure/azure-resource-manager/bicep/file. Offsets count characters from the beginning of the file.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Constant(msgspec.Struct, frozen=True, gc=False):
    """A text without values in it, a number, a truth value or null."""

    value: str | int | bool | None
    start: int
    end: int


class Interpolated(msgspec.Struct, frozen=True):
    """A text with values in it: one text more than there are values."""

    texts: tuple[str, ...]
    values: tuple[Expression, ...]
    start: int
    end: int
    offsets: tuple[int, ...] = ()
    """Where each text begins, for texts that stand in the file as they are; empty for texts with escapes."""


class Name(msgspec.Struct, frozen=True, gc=False):
    """A parameter, variable, resource, module, or what a loop or lambda names."""

    name: str
    start: int
    end: int


class Member(msgspec.Struct, frozen=True):
    """``base.name``, ``base.?name``; with ``is_nested`` ``base::name``."""

    base: Expression
    name: str
    start: int
    end: int
    is_safe: bool = False
    is_nested: bool = False


class Item(msgspec.Struct, frozen=True):
    """``base[index]``, ``base[?index]``, ``base[^index]``."""

    base: Expression
    index: Expression
    start: int
    end: int
    is_safe: bool = False
    is_from_end: bool = False


class Invocation(msgspec.Struct, frozen=True):
    """``name(…)``, or ``base.name(…)`` of a namespace or a resource."""

    name: str
    arguments: tuple[Expression, ...]
    start: int
    end: int
    base: Expression | None = None


class Operation(msgspec.Struct, frozen=True):
    """An operator with its operands: one of ``! - * / % + < <= > >= == != =~ !~ && || ?? ?:``."""

    operator: str
    operands: tuple[Expression, ...]
    start: int
    end: int


class Spread(msgspec.Struct, frozen=True):
    """``...value`` in an object or array."""

    value: Expression
    start: int
    end: int


class ArrayLiteral(msgspec.Struct, frozen=True):
    """``[a, b]``."""

    items: tuple[Expression | Spread, ...]
    start: int
    end: int


class Property(msgspec.Struct, frozen=True):
    """``key: value`` in an object."""

    key: str | Interpolated
    value: Expression
    start: int
    end: int


class ObjectLiteral(msgspec.Struct, frozen=True):
    """``{ … }``, with the resources that are declared in it."""

    members: tuple[Property | Spread, ...]
    start: int
    end: int
    nested: tuple[Declaration, ...] = ()

    def find(self, name: str) -> Property | None:
        """The member of that name; the last one when it is repeated. Names in Bicep are compared with case."""
        found = None
        for member in self.members:
            if isinstance(member, Property) and member.key == name:
                found = member
        return found


class Function(msgspec.Struct, frozen=True):
    """``(a, b) => body``."""

    names: tuple[str, ...]
    body: Expression
    start: int
    end: int


class Loop(msgspec.Struct, frozen=True):
    """``[for (item, index) in collection: body]``; a condition of the body belongs to each turn."""

    item: str
    index: str
    collection: Expression
    body: Expression
    start: int
    end: int
    condition: Expression | None = None


class Broken(msgspec.Struct, frozen=True):
    """What could not be read."""

    message: str
    start: int
    end: int


Expression: TypeAlias = (
    Constant | Interpolated | Name | Member | Item | Invocation | Operation | ArrayLiteral | ObjectLiteral | Function | Loop
)


class Declaration(msgspec.Struct, frozen=True):
    """A statement of a file, or a resource within another one."""

    keyword: str
    """``param``, ``var``, ``output``, ``resource``, ``module``, ``func``, ``import``, ``using``, ``targetScope`` or
    ``extension``.
    """
    name: str
    start: int
    end: int
    text: str = ""
    """The type of a resource with its version; the path of a module or import; the type of a parameter or output."""
    value: Expression | None = None
    """Of a resource or module its body; of a function a :class:`Function`."""
    condition: Expression | None = None
    is_existing: bool = False
    is_secure: bool = False
    is_exported: bool = False
    names: tuple[tuple[str, str], ...] = ()
    """Of an import: what the other file calls it, and what this one does; ``*`` for everything."""
    loop: Loop | None = None
    """The loop around a resource or module, whose body ``value`` is."""
    at: int = 0
    """Where its name stands."""
    text_at: tuple[int, int] = (0, 0)
    """Where its type or path stands."""

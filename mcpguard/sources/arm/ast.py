"""The syntax tree of expressions, of JSON templates and of Bicep. Operators do not exist: ``a + b`` is a call of ``add``."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Json


class Literal(msgspec.Struct, frozen=True):
    """A text, a number, or whatever else stands for itself."""

    value: Json
    at: Location | None = None
    """The file in which a text stands as it is, when that is known, and the offset of its beginning."""
    start: int = 0


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments."""

    name: str
    """Lower case; a function of the template's own has its namespace before a dot: ``contoso.uniquename``."""
    arguments: tuple[Node, ...]
    text: str
    """The text of the whole expression, and where in it the call stands."""
    start: int
    end: int

    @property
    def source(self) -> str:
        """The call as it is written, in brackets."""
        return f"[{self.text[self.start : self.end]}]"


class Access(msgspec.Struct, frozen=True):
    """A member of an object, or an item of an array: ``base.key``, ``base['key']``, ``base[0]``."""

    base: Node
    key: Node
    text: str
    start: int
    end: int

    @property
    def source(self) -> str:
        """The access as it is written, from the beginning of its base, in brackets."""
        return f"[{self.text[self.start : self.end]}]"


class Structure(msgspec.Struct, frozen=True):
    """An object or array with expressions in it, where an expression is wanted."""

    value: Json


Node: TypeAlias = Literal | Call | Access | Structure
NODES = frozenset({Literal, Call, Access, Structure})
"""The types of trees. In JSON templates expressions are texts in brackets; in what Bicep becomes, trees stand for them."""


def source_of(value: Json) -> str:
    """An expression as it is written, in brackets; any other text as it is, and nothing for what is no text."""
    if isinstance(value, Call | Access):
        return value.source
    return value if isinstance(value, str) else ""

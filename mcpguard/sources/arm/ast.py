"""The syntax tree of template expressions. Operators do not exist: ``a + b`` is a call of ``add``."""

from typing import TypeAlias

import msgspec

from mcpguard.evidence import Json


class Literal(msgspec.Struct, frozen=True):
    """A text, a number, or whatever else stands for itself."""

    value: Json


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments."""

    name: str
    """Lower case; a function of the template's own has its namespace before a dot: ``contoso.uniquename``."""
    arguments: tuple["Node", ...]
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

    base: "Node"
    key: "Node"
    text: str
    start: int
    end: int

    @property
    def source(self) -> str:
        """The access as it is written, from the beginning of its base, in brackets."""
        return f"[{self.text[self.start : self.end]}]"


Node: TypeAlias = Literal | Call | Access

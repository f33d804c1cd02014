"""The tree of an expression. Every node knows the text that it stands in, so that places can be told later."""

from __future__ import annotations

import msgspec

_MARK = 4096


class Source:
    """A text in which nodes have their offsets: a file."""

    __slots__ = ("_marks", "data", "path")

    def __init__(self, path: str, data: bytes) -> None:
        self.path, self.data = path, data
        self._marks: list[int] | None = [] if data.isascii() else None

    def text(self, start: int, end: int) -> str:
        """The characters between two offsets, which are bytes."""
        return self.data[start:end].decode("utf-8", "replace")

    def characters(self, offset: int) -> int:
        """A byte offset as one of characters."""
        if self._marks == []:
            return offset
        if self._marks is None:  # the characters before every so many bytes, so that many offsets cost no more than one
            count, self._marks = 0, [0]
            for start in range(0, len(self.data), _MARK):
                count += _beginnings(self.data[start : start + _MARK])
                self._marks.append(count)
        mark = offset // _MARK
        return self._marks[mark] + _beginnings(self.data[mark * _MARK : offset])


def _beginnings(data: bytes) -> int:
    """How many characters begin in some bytes of UTF-8."""
    return len(data) - sum(data.count(bytes((byte,))) for byte in range(0x80, 0xC0))


class Node(msgspec.Struct, frozen=True, eq=False):
    """An expression, or a part of one."""

    source: Source
    start: int
    """Bytes."""
    end: int

    @property
    def text(self) -> str:
        """As it is written."""
        return self.source.text(self.start, self.end)


class Literal(Node, frozen=True, eq=False):
    """A number, a truth value or ``null``."""

    value: int | float | bool | None


class Text(Node, frozen=True, eq=False):
    """A stretch of a template that stands for itself. An escape is a stretch of its own."""

    value: str


class Template(Node, frozen=True, eq=False):
    """A text, between quotes, as a heredoc, or a file: stretches, expressions and directives in their order."""

    parts: tuple[Node, ...]


class Choice(Node, frozen=True, eq=False):
    """``%{ if … }`` in a template."""

    condition: Node
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


class Turns(Node, frozen=True, eq=False):
    """``%{ for … }`` in a template."""

    key: str
    value: str
    collection: Node
    parts: tuple[Node, ...]


class Name(Node, frozen=True, eq=False):
    """A name that a chain of steps begins with: ``var``, ``each``, a type of resource, a variable of a loop."""

    name: str


class Member(msgspec.Struct, frozen=True, eq=False):
    """``.name``."""

    name: str


class Index(msgspec.Struct, frozen=True, eq=False):
    """``[…]``."""

    key: Node


class Splat(msgspec.Struct, frozen=True, eq=False):
    """``[*]`` or ``.*``, with the steps that are taken in every item."""

    steps: tuple[Member | Index | Splat, ...]


Step = Member | Index | Splat


class Chain(Node, frozen=True, eq=False):
    """A value with steps into it."""

    base: Node
    steps: tuple[Step, ...]


class Call(Node, frozen=True, eq=False):
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]
    expands: bool = False
    """Whether the last argument is a list of arguments (``…``)."""


class Unary(Node, frozen=True, eq=False):
    """``!`` or ``-``."""

    operator: str
    operand: Node


class Binary(Node, frozen=True, eq=False):
    """Two operands with an operator between."""

    operator: str
    left: Node
    right: Node


class Conditional(Node, frozen=True, eq=False):
    """``test ? then : otherwise``."""

    condition: Node
    then: Node
    otherwise: Node


class ListMaker(Node, frozen=True, eq=False):
    """``[…]``."""

    items: tuple[Node, ...]


class ObjectMaker(Node, frozen=True, eq=False):
    """``{…}``: keys with their values; a bare name as key is a :class:`Text`."""

    items: tuple[tuple[Node, Node], ...]


class For(Node, frozen=True, eq=False):
    """``[for … ]`` or ``{for … }``."""

    key: str
    value: str
    collection: Node
    result: Node
    condition: Node | None = None
    result_key: Node | None = None
    """Set for one that makes an object."""
    groups: bool = False


class Broken(Node, frozen=True, eq=False):
    """What could not be parsed."""

    reason: str

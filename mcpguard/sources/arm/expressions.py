"""Template expressions read into the tree of :mod:`.ast`.

Grammar: learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions. Texts stand in single quotes, which
are doubled inside; numbers are whole; names of functions are compared without case.
"""

from __future__ import annotations

import re

from mcpguard.evidence import Json
from mcpguard.sources.arm.ast import NODES, Access, Call, Literal, Node

MAX_LENGTH = 24_576
"""Characters that Resource Manager allows in an expression (azure-subscription-service-limits)."""
MAX_DEPTH = 100
_TOKEN = re.compile(r"\s*(?:([A-Za-z_$][\w$]*)|'((?:[^']|'')*+)'|(-?\d{1,19})(?![\w.])|([()\[\],.])|(\Z))")


class BadExpression(Exception):
    """Text in brackets that is no expression; ``offset`` counts from the opening bracket."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def is_expression(text: str) -> bool:
    """Whether the template language computes a text: it stands in brackets, and not in doubled ones."""
    return text[:1] == "[" and text[-1:] == "]" and text[1:2] != "["


def is_computed(value: Json) -> bool:
    """Whether a value of a template is an expression, as a text or as a tree."""
    return is_expression(value) if isinstance(value, str) else type(value) in NODES


def unescape(text: str) -> str:
    """A text in doubled brackets is meant literally and loses one of them."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def parse(text: str) -> Node:
    """The tree of an expression, given with its brackets.

    Raises:
        BadExpression: it is none, it is too long, or it is nested too deeply.
    """
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"an expression of {len(text)} characters; {MAX_LENGTH} are allowed", 0)
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.stop = len(text) - 1
        self.position = 1
        self.kind = 0
        self.value = ""
        self.start = 1
        self.end = 1
        """Where the token before the current one ended."""
        self.advance()

    def advance(self) -> None:
        """Read the next token: 1 name, 2 text, 3 number, 4 symbol, 5 the end."""
        self.end = self.position
        match = _TOKEN.match(self.text, self.position, self.stop)
        if match is None:
            at = self.position + len(self.text[self.position :]) - len(self.text[self.position :].lstrip())
            raise BadExpression(f"unexpected {self.text[at : at + 1]!r}", at)
        self.kind = match.lastindex or 5
        self.value = match[self.kind]
        self.start = match.start(self.kind) - (self.kind == 2)
        self.position = match.end()

    def expect(self, symbol: str) -> None:
        if self.kind != 4 or self.value != symbol:
            found = "the end" if self.kind == 5 else repr(self.value)
            raise BadExpression(f"expected {symbol!r}, found {found}", self.start)
        self.advance()

    def is_symbol(self, symbol: str) -> bool:
        return self.kind == 4 and self.value == symbol

    def whole(self) -> Node:
        node = self.expression(0)
        if self.kind != 5:
            raise BadExpression(f"unexpected {self.value!r} after the expression", self.start)
        return node

    def expression(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise BadExpression("nested too deeply", self.start)
        start, value = self.start, self.value
        node: Node
        match self.kind:
            case 1:
                self.advance()
                while self.is_symbol("."):
                    self.advance()
                    if self.kind != 1:
                        raise BadExpression("expected a name after the dot", self.start)
                    value += "." + self.value
                    self.advance()
                arguments = self.arguments(depth)
                node = Call(value.lower(), arguments, self.text, start, self.end)
            case 2:
                self.advance()
                node = Literal(value.replace("''", "'"))
            case 3:
                self.advance()
                node = Literal(int(value))
            case _:
                raise BadExpression("expected a function, a text or a number", start)
        return self.accesses(node, start, depth)

    def arguments(self, depth: int) -> tuple[Node, ...]:
        self.expect("(")
        found: list[Node] = []
        if not self.is_symbol(")"):
            found.append(self.expression(depth + 1))
            while self.is_symbol(","):
                self.advance()
                found.append(self.expression(depth + 1))
        self.expect(")")
        return tuple(found)

    def accesses(self, node: Node, start: int, depth: int) -> Node:
        key: Node
        for count in range(MAX_DEPTH + 1):
            if self.is_symbol("."):
                self.advance()
                if self.kind != 1 and not self.is_symbol("["):
                    raise BadExpression("expected a name after the dot", self.start)
            elif not self.is_symbol("["):
                return node
            if self.kind == 1:
                key = Literal(self.value)
                self.advance()
            else:
                self.advance()
                key = self.expression(depth + count + 1)
                self.expect("]")
            node = Access(node, key, self.text, start, self.end)
        raise BadExpression("nested too deeply", self.start)

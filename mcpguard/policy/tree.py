"""What a policy text becomes: elements, attributes, texts and expressions, each knowing where it stands.

Offsets are character offsets into the text that was read. Nodes are immutable and hold no parent, so they never form a
cycle and the garbage collector need not look at them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

NAMED_VALUE = re.compile(r"\{\{\s*([A-Za-z0-9_.\-]+)\s*\}\}")
"""``{{name}}``: replaced in the text before APIM parses it, wherever it stands."""


class Expression(msgspec.Struct, frozen=True, gc=False):
    """One policy expression."""

    start: int
    end: int
    code: str
    """The C# between the outer brackets, entities decoded; the same length as the source unless entities were."""
    block: bool
    """``@{…}``: statements; otherwise ``@(…)``: one expression."""


class Value(msgspec.Struct, frozen=True, gc=False):
    """The value of an attribute or the text of an element."""

    start: int
    end: int
    text: str
    """Decoded, with expressions as they were written, white space kept."""
    expressions: tuple[Expression, ...] = ()

    @property
    def expression(self) -> Expression | None:
        """The expression, if the value is nothing else."""
        if len(self.expressions) == 1 and self.text.strip().startswith("@"):
            return self.expressions[0]
        return None

    @property
    def named_values(self) -> tuple[str, ...]:
        """The names in ``{{…}}``, in order."""
        return tuple(match[1] for match in NAMED_VALUE.finditer(self.text)) if "{{" in self.text else ()


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """One attribute, from the first letter of its name to the closing quote."""

    name: str
    value: Value
    start: int
    end: int


class Text(msgspec.Struct, frozen=True, gc=False):
    """Text between tags, or the content of a CDATA section."""

    value: Value
    cdata: bool = False


class Comment(msgspec.Struct, frozen=True, gc=False):
    """A comment with its delimiters."""

    start: int
    end: int


class Element(msgspec.Struct, frozen=True, gc=False):
    """One element."""

    name: str
    attributes: tuple[Attribute, ...]
    children: tuple[Element | Text | Comment, ...]
    start: int
    head_end: int
    """The offset after the start tag, which is where a finding about the element ends."""
    end: int

    def attribute(self, name: str) -> Value | None:
        """The value of an attribute, or None."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.value
        return None

    @property
    def elements(self) -> tuple[Element, ...]:
        """The child elements."""
        return tuple([child for child in self.children if type(child) is Element])

    def find(self, name: str) -> Element | None:
        """The first child element of that name."""
        for child in self.children:
            if isinstance(child, Element) and child.name == name:
                return child
        return None

    @property
    def content(self) -> Value:
        """All text of the element as one value; comments are left out."""
        texts = [child.value for child in self.children if isinstance(child, Text)]
        if len(texts) == 1:
            return texts[0]
        if not texts:
            return Value(self.head_end, self.head_end, "")
        return Value(
            texts[0].start,
            texts[-1].end,
            "".join(text.text for text in texts),
            tuple(expression for text in texts for expression in text.expressions),
        )

    def walk(self) -> Iterator[Element]:
        """The element and everything below it, in document order, without recursion."""
        stack: list[Element] = [self]
        while stack:
            element = stack.pop()
            yield element
            if element.children:
                stack.extend([child for child in reversed(element.children) if type(child) is Element])


class Problem(msgspec.Struct, frozen=True, gc=False):
    """A part of the text that could not be read."""

    start: int
    end: int
    message: str


class Document(msgspec.Struct, frozen=True):
    """A policy text, read."""

    text: str
    nodes: tuple[Element | Text | Comment, ...]
    """The top level in document order: usually one element, ``policies`` or ``fragment``, and comments."""
    problems: tuple[Problem, ...]
    cuts: tuple[int, ...]
    """Offsets at which tokens end, ascending; the last is the length of the text."""

    @property
    def roots(self) -> tuple[Element, ...]:
        """The top-level elements."""
        return tuple([node for node in self.nodes if type(node) is Element])

    def root(self, name: str) -> Element | None:
        """The first top-level element of that name."""
        for node in self.nodes:
            if type(node) is Element and node.name == name:
                return node
        return None

    def expressions(self) -> Iterator[Expression]:
        """Every expression of the document, in document order."""
        for root in self.nodes:
            if isinstance(root, Text):
                yield from root.value.expressions
            elif isinstance(root, Element):
                for element in root.walk():
                    for attribute in element.attributes:
                        if attribute.value.expressions:
                            yield from attribute.value.expressions
                    for child in element.children:
                        if type(child) is Text and child.value.expressions:
                            yield from child.value.expressions

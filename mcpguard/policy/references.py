"""What a policy text refers to by name: fragments and named values."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.policy.tree import Document, Element, Text, Value


class Reference(msgspec.Struct, frozen=True):
    """One reference, with the range of the value that holds it."""

    kind: str
    """``fragment`` or ``named value``."""
    name: str
    start: int
    end: int


def references(document: Document) -> Iterator[Reference]:
    """Every reference in document order, each name once. Liquid templates are left out: their braces are their own."""
    seen: set[tuple[str, str]] = set()
    for reference in _all(document):
        identity = (reference.kind, reference.name.lower())
        if identity not in seen:
            seen.add(identity)
            yield reference


def _all(document: Document) -> Iterator[Reference]:
    for root in document.roots:
        for element in root.walk():
            if element.name == "include-fragment":
                wanted = element.attribute("fragment-id")
                if wanted is not None and not wanted.expressions and "{{" not in wanted.text:
                    yield Reference("fragment", wanted.text.strip(), wanted.start, wanted.end)
            for value in _values(element):
                for name in value.named_values:
                    yield Reference("named value", name, value.start, value.end)


def _values(element: Element) -> Iterator[Value]:
    for attribute in element.attributes:
        yield attribute.value
    template = element.attribute("template")
    if element.name == "set-body" and template is not None and template.text.strip().lower() == "liquid":
        return
    for child in element.children:
        if isinstance(child, Text):
            yield child.value

"""Policy texts of which a template leaves a part open: the part becomes a name in double braces, as for a named value.

So the rest of the policy is judged, and what depends on the open part is unknown. That is done only where a value cannot change
which policies there are: in attributes, and in elements that hold nothing but a value.
"""

from __future__ import annotations

from mcpguard.evidence import Unresolved
from mcpguard.policy.reader import read
from mcpguard.policy.tree import Element, Text
from mcpguard.sources.arm.values import digest_of

_PREFIX = "template-value-"
_TEXTS = "address address-range application-id audience header issuer key message method origin"
_VALUES = frozenset([*_TEXTS.split(), "set-body", "set-method", "set-url", "url", "value"])
"""Elements that hold a text (learn.microsoft.com/azure/api-management/api-management-policies)."""


def name_of(part: Unresolved) -> str:
    """What stands for an open part, equal for equal parts."""
    return f"{{{{{_PREFIX}{digest_of(part)[:8]}}}}}"


def fill(value: Unresolved) -> tuple[str, dict[str, Unresolved]] | None:
    """The text with names for its open parts, and the parts by name; None when a part may hold more than a value."""
    if not value.parts:
        return None
    text = "".join(part if isinstance(part, str) else name_of(part) for part in value.parts)
    document = read(text)
    if document.problems or any(isinstance(node, Text) and _PREFIX in node.value.text for node in document.nodes):
        return None
    for root in document.roots:
        for element in root.walk():
            if not _is_sound(element):
                return None
    return text, {name_of(part).strip("{}"): part for part in value.parts if isinstance(part, Unresolved)}


def _is_sound(element: Element) -> bool:
    if _PREFIX in element.name or any(_PREFIX in attribute.name for attribute in element.attributes):
        return False
    texts = [child for child in element.children if isinstance(child, Text) and _PREFIX in child.value.text]
    return not texts or element.name in _VALUES

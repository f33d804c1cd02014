"""The shape of the vocabulary's tables. Imported with the tables, which only ``policy check`` and ``policy show`` need."""

from enum import Enum

import msgspec

AS_OF = "2026-11-22"
"""The day as of which the tables were compiled (facts/apim.md 2.4 and 2.5 and the sources named in them)."""

BOOLEAN = ("true", "false")


class Need(Enum):
    """Whether something has to be there."""

    REQUIRED = "required"
    DOCUMENTED = "documented"
    """The reference calls it required, but its own examples, or Microsoft's samples, do without it."""
    OPTIONAL = "optional"


class AttributeRule(msgspec.Struct, frozen=True):
    """One attribute of an element."""

    name: str
    need: Need = Need.OPTIONAL
    default: str = ""
    """What the platform assumes when it is not set; empty when nothing, or when that is not documented."""
    values: tuple[str, ...] = ()
    """The words it takes, when that set is closed; compared without case. Empty when it is open."""
    expressions: bool | None = None
    """Whether policy expressions may stand in it; None when no source says."""
    security: bool = False
    """Whether its default matters for security, so that ``policy show`` names it when it is not set."""


class ElementRule(msgspec.Struct, frozen=True):
    """One element: a policy, or a part of one."""

    name: str
    attributes: tuple[AttributeRule, ...] = ()
    elements: "tuple[ElementRule | str, ...]" = ()
    """The child elements; a string names a policy that may stand there."""
    anything: bool = False
    """Whether any element may stand below: bodies, style sheets."""
    policies: bool = False
    """Whether policies stand below."""

    def attribute(self, name: str) -> AttributeRule | None:
        """The attribute of that name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


class PolicyRule(msgspec.Struct, frozen=True):
    """One policy: where it may stand, and what it looks like."""

    element: ElementRule
    sections: frozenset[str]
    """Names of the sections in which it may stand."""
    source: str
    """Where it is documented: the policy reference is azure-docs ``articles/api-management/x-policy.md``."""


_SECTIONS = {"I": "inbound", "B": "backend", "O": "outbound", "E": "on-error"}


def policy(name: str, sections: str, *parts: AttributeRule | ElementRule | str, source: str = "") -> PolicyRule:
    """A policy whose ``sections`` are given by their first letters: ``I``, ``B``, ``O``, ``E``."""
    allowed = frozenset(_SECTIONS[letter] for letter in sections)
    return PolicyRule(element(name, *parts), allowed, source or f"policy reference: {name}")


def element(name: str, *parts: AttributeRule | ElementRule | str, anything: bool = False) -> ElementRule:
    """An element from its attributes and child elements."""
    return ElementRule(
        name,
        tuple(part for part in parts if isinstance(part, AttributeRule)),
        tuple(part for part in parts if isinstance(part, (ElementRule, str))),
        anything,
    )


def required(name: str, *values: str, expressions: bool | None = None, documented_only: bool = False) -> AttributeRule:
    """An attribute that has to be there."""
    need = Need.DOCUMENTED if documented_only else Need.REQUIRED
    return AttributeRule(name, need, "", values, expressions)


def optional(name: str, *values: str, default: str = "", expressions: bool | None = None) -> AttributeRule:
    """An attribute that may be left out."""
    return AttributeRule(name, Need.OPTIONAL, default, values, expressions)


def telling(name: str, *values: str, default: str, expressions: bool | None = None) -> AttributeRule:
    """An optional attribute whose default matters for security."""
    return AttributeRule(name, Need.OPTIONAL, default, values, expressions, security=True)


def plain(*names: str) -> tuple[AttributeRule, ...]:
    """Optional attributes in which no expression may stand."""
    return tuple(AttributeRule(name, expressions=False) for name in names)

"""The shape of the vocabulary's tables. Imported with the tables, which only ``policy check`` and ``policy show`` need."""

from __future__ import annotations

from enum import Enum

import msgspec

AS_OF = "2026-11-22"
"""The day as of which the tables were compiled (facts/apim.md 2.4 and 2.5 and the sources named in them)."""

BOOLEAN = ("true", "false")


class Need(Enum):
    """Whether something has to be so."""

    REQUIRED = "required"
    DOCUMENTED = "documented"
    """The reference asks for it, but its own examples, Microsoft's samples or another copy of it do without."""
    OPTIONAL = "optional"


class Numbers(msgspec.Struct, frozen=True):
    """The numbers that an attribute takes; None where the reference gives no bound."""

    lowest: int | None = None
    highest: int | None = None
    besides: tuple[int, ...] = ()
    """Numbers outside the range that it takes too."""

    def __contains__(self, number: float) -> bool:
        above = self.lowest is None or number >= self.lowest
        below = self.highest is None or number <= self.highest
        return number in self.besides or (above and below)

    def __str__(self) -> str:
        if self.lowest is None or self.highest is None:
            words = f"at most {self.highest}" if self.lowest is None else f"at least {self.lowest}"
        else:
            words = f"{self.lowest} to {self.highest}"
        return " or ".join([*map(str, self.besides), words])


class AttributeRule(msgspec.Struct, frozen=True):
    """One attribute of an element."""

    name: str
    need: Need = Need.OPTIONAL
    default: str = ""
    """What the platform assumes when it is not set; empty when nothing, or when that is not documented. Its source is that of
    the policy."""
    values: tuple[str, ...] = ()
    """The words it takes, when that set is closed; compared without case. Empty when it is open."""
    expressions: bool | None = None
    """Whether policy expressions may stand in it; None when no source says."""
    security: bool = False
    """Whether its default matters for security, so that ``policy show`` names it when it is not set."""
    numbers: Numbers | None = None
    """The range, when the reference gives one."""


class Count(Enum):
    """How many of a few attributes or child elements may stand together."""

    SOME = "some"
    """At least one."""
    ONE = "one"
    """Exactly one."""
    NOT_BOTH = "not both"
    """At most one."""
    TOGETHER = "together"
    """All or none."""


class Group(msgspec.Struct, frozen=True):
    """Attributes or child elements that need or exclude one another."""

    names: tuple[str, ...]
    count: Count
    need: Need = Need.REQUIRED
    unless: tuple[str, str] | None = None
    """An attribute and the word in it with which the group does not hold."""


class ElementRule(msgspec.Struct, frozen=True):
    """One element: a policy, or a part of one."""

    name: str
    attributes: tuple[AttributeRule, ...] = ()
    elements: tuple[ElementRule | str, ...] = ()
    """The child elements; a string names a policy that may stand there."""
    anything: bool = False
    """Whether any element may stand below: bodies, style sheets."""
    policies: bool = False
    """Whether policies stand below; ``elements`` then lists the only ones that the reference names, if it names some."""
    groups: tuple[Group, ...] = ()
    """Groups of attributes."""
    parts: tuple[Group, ...] = ()
    """Groups of child elements."""
    once: tuple[str, ...] = ()
    """Child elements that may stand once at most."""
    partial: bool = False
    """Whether no source lists all of its members, so that an unknown one is no error."""

    def attribute(self, name: str) -> AttributeRule | None:
        """The attribute of that name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


class PolicyRule(msgspec.Struct, frozen=True):
    """One policy: where it may stand, and what it looks like."""

    element: ElementRule
    sections: frozenset[str]
    """Names of the sections in which it may stand; none for what stands in a GraphQL resolver alone."""
    source: str
    """Where it is documented: the policy reference is azure-docs ``articles/api-management/x-policy.md``."""
    scopes: frozenset[str]
    """Scopes at which it may stand: ``global``, ``workspace``, ``product``, ``API``, ``operation``, ``resolver``."""
    doubtful: frozenset[str] = frozenset()
    """Scopes that one source lists and another does not, or that came after the reference was written."""
    once: Need = Need.OPTIONAL
    """Whether it may stand only once in a section."""


_SECTIONS = {"I": "inbound", "B": "backend", "O": "outbound", "E": "on-error"}
_SCOPES = {"G": "global", "W": "workspace", "P": "product", "A": "API", "O": "operation", "R": "resolver"}
EVERY_SCOPE = "GWPAO"
NO_WORKSPACE = "GwPAO"
"""The reference leaves the workspace scope out, and was written when there were workspaces."""

Part = AttributeRule | ElementRule | Group | str


def policy(
    name: str,
    sections: str,
    *parts: Part,
    scopes: str = EVERY_SCOPE,
    once: Need = Need.OPTIONAL,
    source: str = "",
    holds: ElementRule | None = None,
) -> PolicyRule:
    """A policy whose ``sections`` and ``scopes`` are given by their first letters.

    A small letter is a scope in doubt. ``holds`` is the element when it is more than attributes and parts.
    """
    return PolicyRule(
        holds or element(name, *parts),
        frozenset(_SECTIONS[letter] for letter in sections),
        source or f"policy reference: {name}",
        frozenset(_SCOPES[letter] for letter in scopes if letter.isupper()),
        frozenset(_SCOPES[letter.upper()] for letter in scopes if letter.islower()),
        once,
    )


def element(
    name: str,
    *parts: Part,
    anything: bool = False,
    policies: bool = False,
    needs: tuple[Group, ...] = (),
    once: tuple[str, ...] = (),
    partial: bool = False,
) -> ElementRule:
    """An element from its attributes, their groups and its child elements."""
    return ElementRule(
        name,
        tuple(part for part in parts if isinstance(part, AttributeRule)),
        tuple(part for part in parts if isinstance(part, (ElementRule, str))),
        anything,
        policies,
        tuple(part for part in parts if isinstance(part, Group)),
        needs,
        once,
        partial,
    )


def required(
    name: str,
    *values: str,
    expressions: bool | None = None,
    documented_only: bool = False,
    default: str = "",
    numbers: Numbers | None = None,
) -> AttributeRule:
    """An attribute that has to be there."""
    need = Need.DOCUMENTED if documented_only else Need.REQUIRED
    return AttributeRule(name, need, default, values, expressions, numbers=numbers)


def optional(
    name: str, *values: str, default: str = "", expressions: bool | None = None, numbers: Numbers | None = None
) -> AttributeRule:
    """An attribute that may be left out."""
    return AttributeRule(name, Need.OPTIONAL, default, values, expressions, numbers=numbers)


def telling(name: str, *values: str, default: str, expressions: bool | None = None) -> AttributeRule:
    """An optional attribute whose default matters for security."""
    return AttributeRule(name, Need.OPTIONAL, default, values, expressions, security=True)


def plain(*names: str) -> tuple[AttributeRule, ...]:
    """Optional attributes in which no expression may stand."""
    return tuple(AttributeRule(name, expressions=False) for name in names)


def free(*names: str) -> tuple[AttributeRule, ...]:
    """Optional attributes in which an expression may stand."""
    return tuple(AttributeRule(name, expressions=True) for name in names)


def some(*names: str, need: Need = Need.REQUIRED, unless: tuple[str, str] | None = None) -> Group:
    """At least one of them has to be there."""
    return Group(names, Count.SOME, need, unless)


def one(*names: str, need: Need = Need.REQUIRED) -> Group:
    """Exactly one of them has to be there."""
    return Group(names, Count.ONE, need)


def not_both(*names: str, need: Need = Need.REQUIRED) -> Group:
    """One of them at most may be there."""
    return Group(names, Count.NOT_BOTH, need)


def together(*names: str) -> Group:
    """All of them, or none."""
    return Group(names, Count.TOGETHER)

"""What the three formats of ``policy show`` share: the effective policy with its ways in, and what to say of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.restrictions import Demand
from mcpguard.policy.effective import (
    CONTAINERS,
    EffectivePolicy,
    Either,
    Hole,
    Node,
    ScopedPolicy,
    Section,
    Statement,
    resolve_named_values,
)
from mcpguard.policy.tree import Document, Element, Text, Value
from mcpguard.policy.vocabulary import policies
from mcpguard.policy.vocabulary_types import AttributeRule


class Way(msgspec.Struct, frozen=True):
    """One way in."""

    key: str
    """``none``, ``service`` or ``product``."""
    product: str
    """Name of the product in whose context the call runs; empty outside products."""
    title: str
    doubt: Unknown | None
    """Set when it is not known whether this way exists at all."""


class Shown(msgspec.Struct, frozen=True):
    """One effective policy, with every way in on which it runs."""

    ways: tuple[Way, ...]
    policy: EffectivePolicy
    demands: tuple[Demand, ...] = ()
    """The service's restrictions on the documents that it comes from."""


class Show(msgspec.Struct, frozen=True):
    """What ``policy show`` was asked for."""

    api: str
    """Name of the API."""
    api_id: str
    display_name: str
    service: str
    operation: str
    """Name of the operation; empty for the API as a whole."""
    operation_title: str
    policies: tuple[Shown, ...]


def sections(policy: EffectivePolicy) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """Name and nodes of the four sections, in the order in which they run."""
    yield Section.INBOUND.value, _telling(policy.inbound)
    yield Section.BACKEND.value, _telling(policy.backend)
    yield Section.OUTBOUND.value, _telling(policy.outbound)
    yield Section.ON_ERROR.value, _telling(policy.on_error)


def _telling(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """``nodes`` without the choice between nothing and nothing, which an unread scope leaves when none is above it."""
    return tuple(node for node in nodes if not isinstance(node, Either) or any(node.branches))


def scope_title(origin: ScopedPolicy) -> str:
    """The scope in words: ``API policy of orders-mcp``, ``fragment audit``."""
    word = origin.scope.value
    if word == "fragment":
        return f"fragment {origin.owner}"
    if origin.is_default:
        return f"{word} policy, the platform's default"
    return f"{word} policy of {origin.owner}" if origin.owner else f"{word} policy"


def demand_title(demand: Demand) -> str:
    """A restriction and whether it is kept, as a sentence."""
    state = f"; the service calls it {demand.state}" if demand.state else ""
    subject = f"the {scope_title(demand.policy)} {_kept(demand)}{state}"
    return f"policy restriction {demand.restriction.name} asks for <base />: {subject}"


def _kept(demand: Demand) -> str:
    match demand.policy.document:
        case Known(value=None):
            return "does not exist, so everything is inherited"
        case Known() if demand.without_base:
            return f"has none in {', '.join(section.value for section in demand.without_base)}"
        case Known():
            return "has one in every section"
        case Unknown():
            return "was not read"


def source_text(origin: ScopedPolicy) -> str:
    """The text of the document that a statement stands in; its secrets are masked since it was read."""
    match origin.document:
        case Known(value=Document(text=text)):
            return text
        case _:
            return ""


def defaults(statement: Statement) -> tuple[tuple[AttributeRule, ...], str]:
    """The attributes that are not set although their default matters for security, and where that is documented."""
    rule = policies().get(statement.name)
    if rule is None or statement.origin.is_default:
        return (), ""
    present = {attribute.name for attribute in statement.element.attributes}
    if statement.name == "forward-request" and "timeout-ms" in present:
        present.add("timeout")
    if {"query-parameter-name", "token-value"} & present:
        present.add("header-name")
    unset = tuple(known for known in rule.element.attributes if known.security and known.name not in present)
    return unset, rule.source


def named_values(statement: Statement, policy: EffectivePolicy) -> list[tuple[str, Known[str] | Unknown]]:
    """The named values that a statement uses, with what they stand for."""
    found: dict[str, Known[str] | Unknown] = {}
    for value in _values(statement.element):
        for name in value.named_values:
            if name not in found:
                found[name] = _resolved(name, policy)
    return list(found.items())


def _resolved(name: str, policy: EffectivePolicy) -> Known[str] | Unknown:
    if name.lower() not in policy.named_values and policy.complete_names:
        return Unknown(f"the named value {{{{{name}}}}}, which does not exist in the service", "create it, or correct the name")
    return resolve_named_values(f"{{{{{name}}}}}", policy.named_values)


def _values(element: Element) -> Iterator[Value]:
    """Every value of a statement, without its child statements and without liquid, whose braces are its own."""
    stack = [element]
    while stack:
        current = stack.pop()
        yield from (attribute.value for attribute in current.attributes)
        if current.name in CONTAINERS:
            continue
        template = current.attribute("template")
        if current.name == "set-body" and template is not None and template.text.strip() == "liquid":
            continue
        yield from (child.value for child in current.children if isinstance(child, Text))
        stack.extend(reversed(current.elements))


class Tally(msgspec.Struct):
    """What an effective policy consists of."""

    statements: int = 0
    holes: int = 0
    alternatives: int = 0

    def count(self, nodes: Sequence[Node]) -> None:
        """Add the nodes at all depths."""
        stack = [*nodes]
        while stack:
            match stack.pop():
                case Statement(children=children):
                    self.statements += 1
                    stack.extend(children)
                case Hole():
                    self.holes += 1
                case Either(branches=branches):
                    self.alternatives += 1
                    stack.extend(node for branch in branches for node in branch)

"""The expressions of a statement: in its attributes, its texts and the elements below it that are no policies themselves."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.policy.csharp import Analysis, analyse
from mcpguard.policy.effective import CONTAINERS, EffectivePolicy, Either, Hole, Node, Section, Statement
from mcpguard.policy.flow import condition_constant
from mcpguard.policy.tree import Element, Text, Value

_ERROR_STATUS = LazyPattern(r"context\.Response\.StatusCode\s*(?:>=?|==)\s*[345]\d\d\b")


class Use(msgspec.Struct, frozen=True):
    """One expression where it stands."""

    value: Value
    """The attribute or text that holds it."""
    code: str
    found: Analysis


class Condition(msgspec.Struct, frozen=True):
    """A ``when`` on the way to a statement."""

    value: Value
    holds: bool
    """False for the branch that runs when it does not hold."""

    @property
    def means_error(self) -> bool:
        """Whether the branch runs for answers with an error or redirect status only."""
        text = self.value.text
        return self.holds and "||" not in text and _ERROR_STATUS.search(text) is not None


class Placed(msgspec.Struct, frozen=True):
    """A statement of an effective policy, and what decides whether it runs."""

    statement: Statement
    section: Section
    conditions: tuple[Condition, ...] = ()
    doubt: Unknown | None = None
    """Set when something unread decides whether it is part of the policy at all."""


def values_of(statement: Statement) -> Iterator[Value]:
    """Every attribute value and text of a statement, down to the policies that it encloses."""
    elements: Iterator[Element] = iter((statement.element,))
    if statement.name not in CONTAINERS:
        elements = statement.element.walk()
    for element in elements:
        for attribute in element.attributes:
            yield attribute.value
        if statement.name not in CONTAINERS:
            for child in element.children:
                if isinstance(child, Text):
                    yield child.value


def expressions_of(statement: Statement) -> Iterator[Use]:
    """Every expression of a statement, analysed."""
    for value in values_of(statement):
        for expression in value.expressions:
            yield Use(value, expression.code, analyse(expression.code, expression.block))


def placed(policy: EffectivePolicy, *sections: Section) -> Iterator[Placed | Unknown]:
    """Every statement of some sections, or of all four, in document order, and what could not be read between them.

    Branches whose condition is the literal ``false`` are left out.
    """
    for section, nodes in (
        (Section.INBOUND, policy.inbound),
        (Section.BACKEND, policy.backend),
        (Section.OUTBOUND, policy.outbound),
        (Section.ON_ERROR, policy.on_error),
    ):
        if sections and section not in sections:
            continue
        stack: list[tuple[Node, tuple[Condition, ...], Unknown | None]] = [(node, (), None) for node in reversed(nodes)]
        while stack:
            node, conditions, doubt = stack.pop()
            match node:
                case Hole(unknown=unknown):
                    yield unknown
                case Either(unknown=unknown, branches=branches):
                    stack.extend((child, conditions, unknown) for branch in reversed(branches) for child in reversed(branch))
                case Statement():
                    yield Placed(node, section, conditions, doubt)
                    inner = (
                        _branches(node, conditions, policy)
                        if node.name == "choose"
                        else [(c, conditions) for c in node.children]
                    )
                    stack.extend((child, more, doubt) for child, more in reversed(inner))


def _branches(
    choose: Statement, conditions: tuple[Condition, ...], policy: EffectivePolicy
) -> list[tuple[Node, tuple[Condition, ...]]]:
    found: list[tuple[Node, tuple[Condition, ...]]] = []
    before: list[Condition] = []
    for child in choose.children:
        value = child.element.attribute("condition") if isinstance(child, Statement) and child.name == "when" else None
        if value is None or not isinstance(child, Statement):
            found.append((child, (*conditions, *before)))
        elif condition_constant(child, policy) is not False:
            found.append((child, (*conditions, *before, Condition(value, True))))
            before.append(Condition(value, False))
    return found

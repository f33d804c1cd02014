"""Conditions of ``when``: what a test asks, and what one test tells about another.

A condition is taken apart into *tests*: a subject and the literal that it is compared with, joined by and, or, not.
``@(x == "a")`` and ``@(x == "b")`` exclude each other, ``@(flag)`` and ``@(!flag)`` too, as long as nothing between them
writes what the subject reads. What cannot be taken apart is a test of its own text. Code is parsed and never run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

import msgspec

from mcpguard.core.facts import Known
from mcpguard.policy.csharp import NAMED_VALUE_IN_CODE, analyse, parse_with_named_values
from mcpguard.policy.csharp_syntax import flatten, literal, text_of
from mcpguard.policy.effective import EffectivePolicy, Either, Statement
from mcpguard.policy.effective import Node as PolicyNode
from mcpguard.policy.tree import Value

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_DEPTH = 40
_MAX_TESTS = 60
"""Tests in one condition; a condition with more is one test."""
_MAX_SUBJECTS = 8
"""Subjects that are followed in one policy: those that are tested most often."""
_STABLE = frozenset(
    [
        *("request-header", "request-body", "request-url", "request-method", "variable", "claims"),
        *("ip-address", "client-certificate", "user", "subscription", "context"),
    ]
)
_VOLATILE = ("DateTime", "Guid", "Random", "Elapsed", "LastError", "Response", "Environment")
"""Words of what may differ between two looks at it within one call."""
_MESSAGE_WRITERS = frozenset(
    {"set-body", "set-method", "rewrite-uri", "set-query-parameter", "find-and-replace", "json-to-xml"}
)
_WRITTEN_BY_THEM = frozenset({"request-body", "request-url", "request-method"})


class Test(msgspec.Struct, frozen=True):
    """``subject == literal``. A subject that stands by itself is compared with ``true``."""

    subject: str
    literal: str


class Constant(msgspec.Struct, frozen=True):
    """A part whose value does not depend on the call."""

    value: bool


class Not(msgspec.Struct, frozen=True):
    """The opposite of a formula."""

    inner: Formula


class Joined(msgspec.Struct, frozen=True):
    """``&&`` or ``||``."""

    is_and: bool
    parts: tuple[Formula, ...]


Formula: TypeAlias = Test | Constant | Not | Joined
Knowledge: TypeAlias = frozenset[tuple[Test | Joined, bool]]
"""Tests that are known to hold, or not to hold, on a path, and joined ones of which no part is known by itself."""
IGNORANCE: Knowledge = frozenset()


def condition_of(when: Statement, policy: EffectivePolicy | None = None) -> Formula | None:
    """What a ``when`` asks; None when it has no condition. Known named values of ``policy`` are put in."""
    value = when.element.attribute("condition")
    if value is None:
        return None
    expression = value.expression
    code = value.text if expression is None else expression.code
    if policy is not None and "{{" in code:
        match policy.resolve(Value(0, 0, code)):
            case Known(value=resolved):
                code = resolved
            case _:
                pass
    return Test(code, "block") if expression is not None and expression.block else read_condition(code.strip())


@lru_cache(maxsize=2048)
def read_condition(code: str) -> Formula:
    """Take the code of ``@(code)`` apart."""
    if code.lower() in ("true", "false"):
        return Constant(code.lower() == "true")
    root = parse_with_named_values(code, block=False)
    statement = root.named_children[0] if root.named_children and not root.has_error else None
    while statement is not None and statement.type in ("global_statement", "return_statement"):
        statement = statement.named_children[0] if statement.named_children else None
    if statement is None:
        return Test(code, "true")
    reader = _Reader()
    formula = reader.formula(statement, 0)
    return formula if reader.tests <= _MAX_TESTS else Test(code, "true")


class _Reader:
    def __init__(self) -> None:
        self.tests = 0

    def formula(self, node: Node, depth: int) -> Formula:
        node = _bare(node)
        if depth > _MAX_DEPTH:
            return self._test(node, "true")
        if node.type == "prefix_unary_expression" and text_of(node).startswith("!"):
            return _negated(self.formula(node.named_children[0], depth + 1))
        if node.type == "binary_expression":
            operator = text_of(node.children[1])
            left, right = node.named_children[0], node.named_children[-1]
            if operator in ("&&", "||"):
                parts = (self.formula(left, depth + 1), self.formula(right, depth + 1))
                return Joined(operator == "&&", parts)
            if operator in ("==", "!="):
                equal = self._equality(_bare(left), _bare(right), depth)
                return equal if operator == "==" else _negated(equal)
        constant = _constant(node)
        if constant in ("true", "false"):
            return Constant(constant == "true")
        chain = flatten(node) if node.type == "invocation_expression" else None
        if chain is not None and chain.steps and chain.steps[-1][0] == "Equals":
            arguments = chain.steps[-1][1]
            given = [child for child in arguments.named_children if child.type == "argument"] if arguments is not None else []
            function = node.child_by_field_name("function")
            subject = function.child_by_field_name("expression") if function is not None else None
            if len(given) == 1 and subject is not None and given[0].named_children:
                return self._equality(_bare(subject), _bare(given[0].named_children[-1]), depth)
        return self._test(node, "true")

    def _equality(self, left: Node, right: Node, depth: int) -> Formula:
        one, other = _constant(left), _constant(right)
        if one is not None and other is not None:
            return Constant(one == other)
        if one is not None:
            left, other = right, one
        if other is None:
            self.tests += 1
            return Test(" == ".join(sorted((_words(left), _words(right)))), "true")
        if other in ("true", "false"):
            inner = self.formula(left, depth + 1)
            return inner if other == "true" else _negated(inner)
        return self._test(left, other)

    def _test(self, node: Node, literal: str) -> Test:
        self.tests += 1
        return Test(_words(node), literal)


def _negated(formula: Formula) -> Formula:
    match formula:
        case Not(inner=inner):
            return inner
        case Constant(value=value):
            return Constant(not value)
        case _:
            return Not(formula)


def _bare(node: Node) -> Node:
    """A node without the parentheses around it."""
    while node.type == "parenthesized_expression" and len(node.named_children) == 1:
        node = node.named_children[0]
    return node


def _constant(node: Node) -> str | None:
    """A literal in a form in which equal values are equal texts; None for everything else."""
    match node.type:
        case "string_literal" | "verbatim_string_literal":
            text = literal(node)
            return None if text is None or "{{" in text or NAMED_VALUE_IN_CODE in text else f'"{text}"'
        case "integer_literal" | "boolean_literal" | "null_literal" | "character_literal":
            return text_of(node)
        case _:
            return None


def _words(node: Node) -> str:
    """The code without comments and with one space between its words."""
    words: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type == "comment":
            continue
        if not current.children or "string" in current.type:
            words.append(text_of(current))
        else:
            stack.extend(reversed(current.children))
    return " ".join(words)


def decide(formula: Formula, known: Knowledge) -> bool | None:
    """Whether a condition holds, as far as what is known tells."""
    match formula:
        case Constant(value=value):
            return value
        case Not(inner=inner):
            found = decide(inner, known)
            return None if found is None else not found
        case Joined(is_and=is_and, parts=parts):
            results = [decide(part, known) for part in parts]
            if (not is_and) in results:
                return not is_and
            if None not in results:
                return is_and
            return _recalled(formula, known)
        case Test():
            return _recalled(formula, known)


def _recalled(formula: Test | Joined, known: Knowledge) -> bool | None:
    if (formula, True) in known:
        return True
    if (formula, False) in known:
        return False
    if isinstance(formula, Test):
        for test, holds in known:
            if holds and isinstance(test, Test) and test.subject == formula.subject:
                return False  # it equals another literal
    return None


def learn(formula: Formula, holds: bool, known: Knowledge, tracked: frozenset[str]) -> Knowledge:
    """What is known on a path on which a condition turned out to hold, or not to."""
    match formula:
        case Constant():
            return known
        case Not(inner=inner):
            return learn(inner, not holds, known, tracked)
        case Joined(is_and=is_and, parts=parts):
            if holds is is_and:
                for part in parts:
                    known = learn(part, holds, known, tracked)
                return known
            return _learn_of_one(formula, holds, known, tracked)
        case Test(subject=subject):
            if subject not in tracked:
                return known
            learnt = known | {(formula, holds)}
            for joined, outcome in known:
                if isinstance(joined, Joined) and outcome is not joined.is_and:
                    learnt = _learn_of_one(joined, outcome, learnt, tracked)
            return learnt


def _learn_of_one(joined: Joined, holds: bool, known: Knowledge, tracked: frozenset[str]) -> Knowledge:
    """One part decided the whole: which one is known when no other can have."""
    open_parts = [part for part in joined.parts if decide(part, known) is not joined.is_and]
    if len(open_parts) == 1:
        only = open_parts[0]
        return known if decide(only, known) is holds else learn(only, holds, known - {(joined, holds)}, tracked)
    return known | {(joined, holds)} if tracked.issuperset(_subjects(joined)) else known


class Tracked(msgspec.Struct, frozen=True):
    """The subjects of a policy that are tested more than once, and what writing them would take."""

    subjects: frozenset[str]
    readers: dict[tuple[str, str], frozenset[str]]
    """The subjects that read a header or variable, by kind and name; the empty name stands for any."""

    def after(self, statement: Statement, known: Knowledge) -> Knowledge:
        """What is still known after a statement that may write what was tested."""
        lost: set[str] = set()
        for written in _writes(statement):
            lost |= self.readers.get(written, frozenset())
            lost |= self.readers.get((written[0], ""), frozenset())
        return frozenset(item for item in known if lost.isdisjoint(_subjects(item[0]))) if lost else known


_NOTHING = Tracked(frozenset(), {})
_tracked: WeakKeyDictionary[EffectivePolicy, Tracked] = WeakKeyDictionary()


def tracked_in(policy: EffectivePolicy) -> Tracked:
    """The subjects worth following on the way to the backend."""
    found = _tracked.get(policy)
    if found is None:
        conditions = [*_conditions(policy.inbound), *_conditions(policy.backend)]
        found = _tracked[policy] = _NOTHING if len(conditions) < 2 else _track(conditions, policy)
    return found


def _conditions(nodes: tuple[PolicyNode, ...]) -> list[Statement]:
    found: list[Statement] = []
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Statement):
            if node.name == "when":
                found.append(node)
            stack.extend(node.children)
        elif isinstance(node, Either):
            for branch in node.branches:
                stack.extend(branch)
    return found


def _track(conditions: list[Statement], policy: EffectivePolicy) -> Tracked:
    counts: Counter[str] = Counter()
    for when in conditions:
        formula = condition_of(when, policy)
        counts.update(set(_subjects(formula)) if formula is not None else ())
    often = [subject for subject, count in counts.most_common() if count > 1 and _is_stable(subject)][:_MAX_SUBJECTS]
    readers: dict[tuple[str, str], frozenset[str]] = {}
    for subject in often:
        for source in analyse(subject, False).reads:
            key = ("message", "") if source.kind in _WRITTEN_BY_THEM else (source.kind, source.name)
            readers[key] = readers.get(key, frozenset()) | {subject}
    return Tracked(frozenset(often), readers)


def _subjects(formula: Formula) -> Iterator[str]:
    match formula:
        case Test(subject=subject):
            yield subject
        case Not(inner=inner):
            yield from _subjects(inner)
        case Joined(parts=parts):
            for part in parts:
                yield from _subjects(part)
        case Constant():
            pass


def _is_stable(subject: str) -> bool:
    """Whether two looks at a subject within one call see the same, unless a policy writes in between."""
    if any(word in subject for word in _VOLATILE):
        return False
    found = analyse(subject, False)
    return found.understood and all(
        source.kind in _STABLE and (source.kind != "request-body" or source.preserved) for source in found.reads
    )


def _writes(statement: Statement) -> Iterator[tuple[str, str]]:
    """What a statement may write, by kind and name."""
    name = statement.element.attribute("name")
    if statement.name == "set-header":
        yield "request-header", name.text.strip().lower() if name is not None else ""
    elif statement.name in _MESSAGE_WRITERS:
        yield "message", ""
    elif statement.name == "set-variable":
        yield "variable", name.text.strip() if name is not None else ""
    for attribute in statement.element.attributes:
        if attribute.name.endswith("variable-name"):
            yield "variable", attribute.value.text.strip()

"""A symbolic run of one effective policy: what it stores, sends, answers and decides, and what is known to hold there.

Inbound, backend and outbound are walked once, branches apart and joined again. A branch that answers ends its path, so what
stands after a refusal stands under the negation of its condition. Values: :mod:`mcpguard.policy.symbolic.symbols`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Node, Section, Statement
from mcpguard.policy.flow import condition_constant
from mcpguard.policy.guards import identifies_caller
from mcpguard.policy.symbolic.evaluation import Evaluated, evaluate
from mcpguard.policy.symbolic.symbols import (
    NO_FACTS,
    NULL,
    Comparison,
    Facts,
    Origin,
    Value,
    atom,
    branches,
    concat,
    constant,
    derived,
    in_either,
    looked_up,
    more_facts,
    noted,
    union,
    with_facts,
)
from mcpguard.policy.tree import Element
from mcpguard.policy.tree import Value as Written

_MAX_STATEMENTS = 3_000
_TOKEN_VARIABLES = {
    "authentication-managed-identity": ("output-token-variable-name", "gateway-token"),
    "get-authorization-context": ("context-variable-name", "gateway-token"),
    "validate-jwt": ("output-token-variable-name", "claims"),
    "validate-azure-ad-token": ("output-token-variable-name", "claims"),
}
CALLER: Final = Comparison("caller")


class Event(msgspec.Struct, frozen=True):
    """Something the policy does with a value."""

    kind: str
    """``store`` (in the cache), ``send`` (to another service), ``redirect``, ``cookie`` (set), ``answer`` (a body for the
    caller, not an error), ``assign`` (to a variable), ``decision`` (a condition), ``seal`` (a key or initialization vector
    in use)."""
    at: Location
    value: Value
    facts: Facts
    hole: Unknown | None
    """Something unread that runs before: it may compare or refuse."""
    key: Value = ()
    """For ``store``: the key."""
    name: str = ""
    """For ``seal``: ``key`` or ``IV``."""


class SymbolicRun(msgspec.Struct, frozen=True):
    """Everything that one policy does, in document order."""

    events: tuple[Event, ...]
    not_understood: tuple[Unknown, ...]

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """The events of some kinds."""
        return tuple(event for event in self.events if event.kind in kinds)


def run_symbolically(policy: EffectivePolicy) -> SymbolicRun:
    """Walk a policy up to its end; ``on-error`` is left out, because nothing holds there."""
    walker = _Walker()
    state: _State | None = _State({}, NO_FACTS, None)
    for section, nodes in (
        (Section.INBOUND, policy.inbound),
        (Section.BACKEND, policy.backend),
        (Section.OUTBOUND, policy.outbound),
    ):
        walker.section = section
        state = walker.sequence(nodes, state)
    return SymbolicRun(tuple(walker.events), tuple(dict.fromkeys(walker.not_understood)))


class _State(msgspec.Struct):
    variables: dict[str, Value]
    facts: Facts
    hole: Unknown | None

    def fork(self, facts: Facts | None) -> _State | None:
        return None if facts is None else _State(dict(self.variables), more_facts(self.facts, facts), self.hole)


def _joined(ways: Iterable[_State | None]) -> _State | None:
    live = [way for way in ways if way is not None]
    if len(live) < 2:
        return live[0] if live else None
    facts = reduce(in_either, (way.facts for way in live))
    variables: dict[str, Value] = {}
    for name in dict.fromkeys(name for way in live for name in way.variables):
        values = [way.variables.get(name, NULL) for way in live]
        if all(value == values[0] for value in values):
            variables[name] = values[0]
        else:
            variables[name] = union([with_facts(value, way.facts) for value, way in zip(values, live, strict=True)])
    return _State(variables, facts, next((way.hole for way in live if way.hole is not None), None))


class _Walker:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.not_understood: list[Unknown] = []
        self.section = Section.INBOUND
        self._statements = 0

    def sequence(self, nodes: Sequence[Node], state: _State | None) -> _State | None:
        for node in nodes:
            if state is None:
                return None
            match node:
                case Hole(unknown=unknown):
                    self._unread(unknown, state)
                case Either(unknown=unknown, branches=ways):
                    self._unread(unknown, state)
                    state = _joined([self.sequence(way, state.fork(NO_FACTS)) for way in ways])
                case Statement():
                    state = self._statement(node, state)
        return state

    def _unread(self, unknown: Unknown, state: _State) -> None:
        self.not_understood.append(unknown)
        state.hole = state.hole or unknown

    def _statement(self, statement: Statement, state: _State) -> _State | None:
        self._statements += 1
        if self._statements > _MAX_STATEMENTS:
            missing = f"what a policy of more than {_MAX_STATEMENTS} statements does"
            self._unread(Unknown(missing, "split the policy", statement.at), state)
            return None
        name = statement.name
        if name == "choose":
            return self._choose(statement, state)
        if statement.children:
            return self.sequence(statement.children, state)
        if name == "return-response":
            self._return(statement, state)
            return None
        if name == "mock-response":
            return None
        if identifies_caller(statement) or name == "ip-filter" or (name == "check-header" and statement.element.elements):
            state.facts |= {CALLER}
        self._run(statement, state)
        return state

    def _choose(self, choose: Statement, state: _State) -> _State | None:
        ways: list[_State | None] = []
        rest: _State | None = state
        for child in choose.children:
            if rest is None:
                break
            if not isinstance(child, Statement):
                ways.append(self.sequence((child,), rest.fork(NO_FACTS)))
            elif child.name == "otherwise":
                ways.append(self.sequence(child.children, rest))
                return _joined(ways)
            else:
                when_true, when_false = self._condition(child, rest)
                ways.append(self.sequence(child.children, rest.fork(when_true)))
                rest = rest.fork(when_false)
        return _joined([*ways, rest])

    def _condition(self, when: Statement, state: _State) -> tuple[Facts | None, Facts | None]:
        fixed = condition_constant(when)
        if fixed is not None:
            return (NO_FACTS, None) if fixed else (None, NO_FACTS)
        written = when.element.attribute("condition")
        value = self._value(written, when, state) if written is not None else atom(Origin("unknown", "condition"))
        self._event("decision", when.at, value, state)
        return branches(value)

    def _run(self, statement: Statement, state: _State) -> None:
        name, element = statement.name, statement.element
        if name == "set-variable":
            written = element.attribute("value")
            value = self._value(written, statement, state) if written is not None else NULL
            self._event("assign", statement.at, value, state)
            self._put(element.attribute("name"), value, statement, state)
        elif name == "cache-store-value":
            key, value_ = element.attribute("key"), element.attribute("value")
            if key is not None and value_ is not None:
                stored = self._value(value_, statement, state)
                self._event("store", statement.at, stored, state, self._value(key, statement, state))
        elif name == "cache-lookup-value":
            self._lookup(statement, state)
        elif name in ("send-request", "send-one-way-request"):
            self._send(statement, state)
        elif name in ("set-header", "set-body", "set-query-parameter", "rewrite-uri"):
            self._message_part(statement, element, state)
        elif name in _TOKEN_VARIABLES:
            attribute, kind = _TOKEN_VARIABLES[name]
            self._put(element.attribute(attribute), atom(Origin(kind)), statement, state)
        else:
            for each in element.attributes:
                self._value(each.value, statement, state)

    def _lookup(self, statement: Statement, state: _State) -> None:
        written = statement.element.attribute("key")
        key = self._value(written, statement, state) if written is not None else NULL
        fallback = statement.element.attribute("default-value")
        missed = self._value(fallback, statement, state) if fallback is not None else NULL
        found = union(
            atom(
                looked_up("stored", each),
                steps=(*each.steps, statement.at.step("looked up in the cache")),
            )
            for each in [each for each in key if each.text is None] or key
        )
        self._put(statement.element.attribute("variable-name"), union((found, missed)), statement, state, note=False)

    def _send(self, statement: Statement, state: _State) -> None:
        parts: list[Value] = []
        address: Value = NULL
        for child in statement.element.elements:
            if child.name == "set-url":
                address = self._value(child.content, statement, state)
            elif child.name == "set-body":
                parts.append(self._value(child.content, statement, state))
            else:
                parts.extend(self._value(each.content, statement, state) for each in child.elements if each.name == "value")
        self._event("send", statement.at, union([address, *parts]), state)
        answer = union(atom(looked_up("answer", each)) for each in address)
        self._put(statement.element.attribute("response-variable-name"), answer, statement, state)

    def _return(self, statement: Statement, state: _State) -> None:
        status = statement.element.find("set-status")
        code = status.attribute("code") if status is not None else None
        written = code.text.strip() if code is not None else "200"
        for child in statement.element.elements:
            self._answer_part(statement, child, state, is_error=written.startswith(("4", "5")))

    def _message_part(self, statement: Statement, element: Element, state: _State) -> None:
        if self.section is Section.OUTBOUND:
            self._answer_part(statement, element, state, is_error=False)
            return
        written = [attribute.value for attribute in element.attributes if attribute.name == "template"]
        written += [each.content for each in element.elements if each.name == "value"] or [element.content]
        for value in written:
            self._event("send", statement.at, self._value(value, statement, state), state)

    def _answer_part(self, statement: Statement, element: Element, state: _State, *, is_error: bool) -> None:
        at = statement.origin.at.range(element.start, element.head_end)
        if element.name == "set-body":
            value = self._value(element.content, statement, state)
            if not is_error:
                self._event("answer", at, value, state)
            return
        name = element.attribute("name")
        header = name.text.strip().lower() if name is not None else ""
        for child in element.elements:
            if child.name != "value":
                continue
            value = self._value(child.content, statement, state)
            if header == "location" and not is_error:
                self._event("redirect", at, value, state)
            elif header == "set-cookie":
                self._event("cookie", at, value, state)

    def _put(self, name: Written | None, value: Value, statement: Statement, state: _State, *, note: bool = True) -> None:
        if name is not None:
            step = statement.at.step(f"goes into the variable {name.text}")
            state.variables[name.text] = noted(value, step) if note else value

    def _value(self, written: Written, statement: Statement, state: _State) -> Value:
        if not written.expressions:
            return constant(written.text.strip())
        if written.expression is None:
            parts = [self._evaluated(each, written, statement, state).value for each in written.expressions]
            return concat([constant(""), derived(parts)])
        return self._evaluated(written.expression, written, statement, state).value

    def _evaluated(self, expression: object, written: Written, statement: Statement, state: _State) -> Evaluated:
        found = evaluate(expression, state.variables, state.facts)  # type: ignore[arg-type]
        at = statement.value_at(written)
        if not found.understood:
            missing = f"what an expression of {statement.name} yields, which could not be followed"
            self.not_understood.append(Unknown(missing, "check it with mcpguard policy check", at))
        for sealing in found.sealings:
            self._event("seal", statement.at, sealing.value, state, name=sealing.role)
        return found

    def _event(self, kind: str, at: Location, value: Value, state: _State, key: Value = (), *, name: str = "") -> None:
        self.events.append(Event(kind, at, value, state.facts, state.hole, key, name))

"""What a request header holds when the request is forwarded: the caller's value, something else, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.policy.csharp import Source, analyse
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.flow import Run
from mcpguard.policy.tree import Value
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS


class Holder(Enum):
    """Whose value a header holds."""

    CALLER = "caller"
    """The caller's own value, untouched."""
    COPIED = "copied"
    """The caller's own value, written again by a policy."""
    OTHER = "other"
    """A value of the gateway's."""
    ABSENT = "absent"


class HeaderState(msgspec.Struct, frozen=True):
    """The header at one point of one path."""

    holder: Holder
    steps: tuple[Location, ...] = ()
    """How the caller's value got there, for ``COPIED``."""
    copies: frozenset[str] = frozenset()
    """Variables that hold the caller's value."""
    hole: Unknown | None = None
    """Set when something unread may have changed the header."""
    writer: Statement | None = None
    """The policy that wrote or deleted the header last; None when it is as the caller sent it."""


def header_when_forwarded(policy: EffectivePolicy, name: str) -> frozenset[HeaderState]:
    """The states in which a request header may leave for the backend; empty when nothing is forwarded.

    The main request only; copies made by ``send-request`` are requests of their own.
    """
    wanted = Source("request-header", name.lower())

    def on_statement(statement: Statement, state: HeaderState) -> HeaderState:
        if statement.name == "set-variable":
            return _assign(statement, state, wanted)
        if statement.name in CREDENTIAL_SETTERS and name.lower() == "authorization":
            if statement.element.attribute("output-token-variable-name") is not None:
                return state
            return msgspec.structs.replace(state, holder=Holder.OTHER, steps=(), hole=None, writer=statement)
        if statement.name == "set-header":
            return _set(statement, state, wanted)
        return state

    def on_hole(unknown: Unknown, state: HeaderState) -> HeaderState:
        return state if state.hole is not None else msgspec.structs.replace(state, hole=unknown)

    return Run(on_statement, on_hole).before_forward(policy, HeaderState(Holder.CALLER)).forwarded


def _assign(statement: Statement, state: HeaderState, wanted: Source) -> HeaderState:
    name, value = statement.element.attribute("name"), statement.element.attribute("value")
    if name is None or value is None:
        return state
    carried, _ = _carried(value, state, wanted)
    if carried:
        at = statement.value_at(value).step(f"the caller's {wanted.name} header goes into the variable {name.text}")
        return msgspec.structs.replace(state, copies=state.copies | {name.text}, steps=(*state.steps, at))
    if name.text in state.copies:
        return msgspec.structs.replace(state, copies=state.copies - {name.text})
    return state


def _set(statement: Statement, state: HeaderState, wanted: Source) -> HeaderState:
    target, action = statement.element.attribute("name"), statement.element.attribute("exists-action")
    if target is None or target.text.strip().lower() != wanted.name:
        return state
    mode = action.text.strip() if action is not None else "override"
    if mode == "delete":
        return msgspec.structs.replace(state, holder=Holder.ABSENT, steps=(), hole=None, writer=statement)
    if mode == "skip" and state.holder is Holder.CALLER:
        return state
    values = [child.content for child in statement.element.elements if child.name == "value"]
    hole = state.hole if mode == "append" else None
    for value in values:
        carried, unclear = _carried(value, state, wanted)
        if carried:
            at = statement.value_at(value).step(f"the caller's {wanted.name} header is written to the outgoing request")
            return HeaderState(Holder.COPIED, (*state.steps, at), state.copies, hole, statement)
        if unclear is not None:
            missing = f"what the set-header {target.text} writes ({unclear})"
            hole = Unknown(missing, "simplify the expression, or delete the header first", statement.value_at(value))
    if mode == "append" and state.holder in (Holder.CALLER, Holder.COPIED):
        return msgspec.structs.replace(state, hole=hole)
    return HeaderState(Holder.OTHER if values else Holder.ABSENT, (), state.copies, hole, statement)


def _carried(value: Value, state: HeaderState, wanted: Source) -> tuple[bool, str | None]:
    """Whether a value carries the caller's header; and why that cannot be told, when it cannot."""
    for expression in value.expressions:
        found = analyse(expression.code, expression.block)
        if not found.understood:
            return False, "an expression that could not be parsed"
        for source in found.carries:
            if source == wanted or (source.kind == "request-header" and not source.name):
                return True, None
            if source.kind == "variable" and source.name in state.copies:
                return True, None
    return False, None


def last_writer(policy: EffectivePolicy, name: str) -> Iterator[Statement | Unknown | None]:
    """Which policies may have written a header last when the request leaves; Unknown where something unread may have."""
    for state in header_when_forwarded(policy, name):
        yield state.hole or state.writer

"""Whether the request still has its body when it is forwarded.

``context.Request.Body.As<T>()`` empties the body unless ``preserveContent`` is true; ``set-body`` gives it a new one
(azure-docs, api-management-policy-expressions and set-body-policy).
"""

from __future__ import annotations

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.expressions import expressions_of
from mcpguard.policy.flow import Run


class BodyState(msgspec.Struct, frozen=True):
    """The request body at one point of one path."""

    consumed: Location | None = None
    """Where it was read without being preserved; None while it is whole, or whole again."""
    hole: Unknown | None = None
    """Set when something unread may have consumed or replaced it since."""


def request_body_when_forwarded(policy: EffectivePolicy) -> frozenset[BodyState]:
    """The states in which the body may leave for the backend; empty when nothing is forwarded."""

    def on_statement(statement: Statement, state: BodyState) -> BodyState:
        if statement.name == "retry":  # its condition is looked at after what it encloses
            return state
        state = _read(statement, state)
        return BodyState() if statement.name == "set-body" else state

    def on_hole(unknown: Unknown, state: BodyState) -> BodyState:
        return state if state.hole is not None else BodyState(state.consumed, unknown)

    return Run(on_statement, on_hole, _read).before_forward(policy, BodyState()).forwarded


def _read(statement: Statement, state: BodyState) -> BodyState:
    for use in expressions_of(statement):
        at = statement.value_at(use.value)
        if not use.found.understood:
            if "Body" in use.code and state.hole is None:
                missing = f"whether an expression of <{statement.name}>, which could not be parsed, reads the request body"
                state = BodyState(state.consumed, Unknown(missing, "repair or simplify the expression", at))
        elif any(source.kind == "request-body" and not source.preserved for source in use.found.reads):
            state = BodyState(state.consumed if state.hole is None and state.consumed else at)
    return state

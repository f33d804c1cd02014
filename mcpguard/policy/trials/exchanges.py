"""Exchanges of tokens, and what is forwarded when one of them fails.

An exchange is a policy that gets a token for the backend: ``send-request`` whose answer ends in the Authorization header, or
that goes to a token endpoint and ends in any header; ``get-authorization-context``; ``authentication-managed-identity``.
How they fail (azure-docs, send-request, get-authorization-context and authentication-managed-identity policies): with
``ignore-error="true"`` an answer or a connection is null, and a managed identity that gets no token goes on; whether its
variable is then null or absent is not documented. An answer that refuses is no error to ``send-request``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.endpoints import is_token_address
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import plain
from mcpguard.policy.trials.run import State, TooManyPaths, put, try_out, write
from mcpguard.policy.trials.values import NULL, Answer, Value

_REFUSED: Final = '{"error": "invalid_grant", "error_description": "refused"}'
"""How a token endpoint refuses (RFC 6749, 5.2): 400, or 401 when it does not know the client."""
_STATUSES: Final = (400, 401)
_EXCHANGES = frozenset({"send-request", "get-authorization-context", "authentication-managed-identity"})
_EMPTY = frozenset({"", "bearer"})


class Sent(Enum):
    """What goes on in the place of the token."""

    CALLERS_TOKEN = "the caller's own token"
    NOTHING = "no token"


class FailOpen(msgspec.Struct, frozen=True):
    """An exchange whose failure is forwarded."""

    exchange: Statement
    sent: Sent
    header: str
    """Lower-case name of the header that should hold the token."""
    failure: str
    """How the exchange fails, as a clause."""
    writer: Location | None
    """The policy that wrote the header; None when nothing did."""


class _Failure(msgspec.Struct, frozen=True):
    words: str
    value: Value | None
    """What the exchange's variable holds; None when nothing is put into it."""
    doubt: Unknown | None = None


def exchanges_failing_open(policy: EffectivePolicy, *, is_alone: bool = False) -> Iterator[FailOpen | Unknown]:
    """Every exchange after whose failure the request may still be forwarded, and what could not be told."""
    try:
        for exchange in (*statements(policy.inbound), *statements(policy.backend)):
            failures = tuple(_failures(policy, exchange)) if exchange.name in _EXCHANGES else ()
            if failures and (carriers := _carriers(policy, exchange, is_alone=is_alone)):
                yield from _judge(policy, exchange, failures, carriers, is_alone=is_alone)
    except TooManyPaths as error:
        yield error.unknown


def _carriers(policy: EffectivePolicy, exchange: Statement, *, is_alone: bool) -> frozenset[str]:
    """The headers that hold what the exchange yields when it succeeds."""
    token = Value(False, None, on_trial=True)

    def succeed(statement: Statement, state: State) -> State | None:
        if statement is not exchange:
            return None
        if _variable(exchange) or exchange.name != "authentication-managed-identity":
            return put(exchange, state, token)
        return write("authorization", token, exchange, state)

    ends = try_out(policy, State(), succeed, (exchange,), is_alone=is_alone)
    carriers = {name for state in ends.forwarded for name, value in state.headers if value.on_trial}
    address = exchange.element.find("set-url")
    if exchange.name != "send-request" or (address is not None and is_token_address(address.content.text)):
        return frozenset(carriers)
    return frozenset(carriers & {"authorization"})


def _variable(exchange: Statement) -> bool:
    return exchange.element.attribute("output-token-variable-name") is not None


def _failures(policy: EffectivePolicy, exchange: Statement) -> Iterator[_Failure]:
    is_request = exchange.name == "send-request"
    if is_request:
        for status in _STATUSES:
            yield _Failure(f"the answer is a refusal ({status})", Value(True, Answer(status, _REFUSED), on_trial=True))
    ignores = exchange.element.attribute("ignore-error")
    if ignores is None:
        return
    doubt = None
    match plain(policy, exchange, ignores):
        case Known(value=text) if text.lower() != "true":
            return
        case Unknown() as unknown:
            doubt = unknown
        case _:
            pass
    null = msgspec.structs.replace(NULL, on_trial=True)
    value = null if exchange.name != "authentication-managed-identity" else None
    yield _Failure('it fails and ignore-error="true" goes on', value, doubt)


def _judge(
    policy: EffectivePolicy,
    exchange: Statement,
    failures: Sequence[_Failure],
    carriers: frozenset[str],
    *,
    is_alone: bool,
) -> Iterator[FailOpen | Unknown]:
    found: list[FailOpen] = []
    doubts: list[Unknown] = []
    for failure in failures:
        for state in _after_failure(policy, exchange, failure, is_alone=is_alone):
            for header in sorted(carriers):
                sent = _sent(state, header, exchange)
                doubt = failure.doubt or state.doubt or (sent if isinstance(sent, Unknown) else None)
                if sent is not None and doubt is not None:
                    doubts.append(doubt)
                elif isinstance(sent, Sent):
                    found.append(FailOpen(exchange, sent, header, failure.words, state.writer(header)))
    if found:
        yield min(found, key=lambda one: (one.sent is Sent.NOTHING, one.header != "authorization", one.failure))
    else:
        yield from doubts[:1]


def _after_failure(policy: EffectivePolicy, exchange: Statement, failure: _Failure, *, is_alone: bool) -> Iterator[State]:
    """The states in which the request is forwarded after the exchange has failed."""

    def fail(statement: Statement, state: State) -> State | None:
        if statement is not exchange:
            return None
        if failure.value is not None:
            return put(exchange, state, failure.value)
        name = exchange.element.attribute("output-token-variable-name")
        return msgspec.structs.replace(state, unset=state.unset | {name.text.strip()}) if name is not None else state

    def after(state: State) -> bool:
        return id(exchange) in state.met

    ends = try_out(policy, State(), fail, (exchange,), doubts_holes=after, is_alone=is_alone)
    return filter(after, ends.forwarded)


def _sent(state: State, header: str, exchange: Statement) -> Sent | Unknown | None:
    """What a header holds instead of the token; None when that is another credential of the gateway's."""
    value = state.header(header)
    absent = header != "authorization" and state.writer(header) is None
    if absent or (
        value.is_known and (value.data is None or (isinstance(value.data, str) and value.data.strip().lower() in _EMPTY))
    ):
        if header == "authorization":
            return Sent.NOTHING
        other = _sent(state, "authorization", exchange)
        return Sent.NOTHING if other is not None else None
    if value.is_callers:
        return Sent.CALLERS_TOKEN
    if value.on_trial and not value.is_known:
        return Unknown(
            f"what the header {header} holds when {exchange.name} yields no token",
            "refuse the call when there is no token, before the header is written",
            state.writer(header),
        )
    return None

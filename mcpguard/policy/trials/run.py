"""A policy tried out: what it does with a certain request body, or when an exchange of tokens fails.

A trial follows every path up to the backend with the values that are known on it. Paths whose conditions are known not to hold,
and paths on which an expression is known to raise, are left out: an error goes to on-error and forwards nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.policy.effective import EffectivePolicy, Statement, resolve_named_values
from mcpguard.policy.expressions import values_of
from mcpguard.policy.flow import Run
from mcpguard.policy.tree import Value as WrittenValue
from mcpguard.policy.trials.evaluation import evaluate
from mcpguard.policy.trials.surroundings import Surroundings
from mcpguard.policy.trials.values import UNKNOWN, Thrown, Value, known, unknown
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS

T = TypeVar("T")

CALLERS_TOKEN: Final = Value(False, None, is_callers=True)
"""What the Authorization header holds when a request comes in."""
_SHARP_STEPS: Final = 5_000
"""After so many steps values are forgotten that are not on trial."""
_MAX_STEPS: Final = 50_000
_NAMES_A_VARIABLE = ("variable-name", "response-variable-name", "output-token-variable-name", "context-variable-name")


class State(msgspec.Struct, frozen=True):
    """One path of a trial."""

    variables: tuple[tuple[str, Value], ...] = ()
    headers: tuple[tuple[str, Value], ...] = (("authorization", CALLERS_TOKEN),)
    """Of the request, by lower-case name; without those that nothing is known of."""
    writers: tuple[tuple[str, Location], ...] = ()
    """The policies that wrote them last."""
    body: Value = UNKNOWN
    unset: frozenset[str] = frozenset()
    """Variables of which it is not documented whether they are null or absent."""
    met: frozenset[int] = frozenset()
    """The watched statements on the path, by ``id``: comparing whole statements would read them to the end."""
    doubt: Unknown | None = None
    """Set when something on the path that was not read or not followed may change what comes of it."""
    is_over: bool = False
    """The path cannot be, or it ends in an error."""

    def header(self, name: str) -> Value:
        """What a request header holds."""
        return dict(self.headers).get(name, UNKNOWN)

    def writer(self, name: str) -> Location | None:
        """The policy that wrote a request header last; None while it is as the caller sent it."""
        return dict(self.writers).get(name)


_OVER: Final = State(is_over=True)


_TOO_MANY: Final = Unknown(
    "what becomes of a call, because the policy branches into more paths than are followed", "split the policy, or read it"
)


class TooManyPaths(Exception):
    """The policy branches into more paths than are followed."""

    def __init__(self, statement: Statement) -> None:
        super().__init__(statement.name)
        self.unknown = msgspec.structs.replace(_TOO_MANY, at=statement.at)


Override = Callable[[Statement, State], State | None]
"""What a statement does in a trial; None to let it do what it always does."""


class Ends(msgspec.Struct, frozen=True):
    """How the paths of a trial end."""

    forwarded: tuple[State, ...]
    answered: tuple[State, ...]


def try_out(
    policy: EffectivePolicy,
    start: State,
    override: Override,
    watched: Iterable[Statement],
    *,
    doubts_holes: Callable[[State], bool] = lambda state: True,
    doubts_condition: Callable[[Statement], bool] = lambda when: True,
    is_alone: bool = False,
) -> Ends:
    """Every way in which a call with the start's values ends.

    ``doubts_holes`` says for a state whether something unread matters there, ``doubts_condition`` for a ``when`` whether it
    matters that its condition is not followed. With ``is_alone`` the policy is one file without the scopes above it, so a
    backend section that only inherits forwards.

    Raises:
        TooManyPaths: the policy cannot be followed to the end.
    """
    trial = _Trial(policy, override, frozenset(map(id, watched)), doubts_holes, doubts_condition)
    run = Run(trial.on_statement, trial.on_hole, trial.on_passed)
    outcome = run.before_forward(policy, start, is_alone=is_alone)
    return Ends(_live(outcome.forwarded), _live(outcome.answered))


def _live(states: frozenset[State]) -> tuple[State, ...]:
    return tuple(state for state in states if not state.is_over)


def _blurred(state: State) -> State:
    """A state that forgets the values that are not on trial, so that the paths become few again."""
    kept = tuple((name, value) for name, value in state.variables if value.on_trial)
    if len(kept) == len(state.variables):
        return state
    is_loss = any(value.is_known for _, value in set(state.variables).difference(kept))
    return msgspec.structs.replace(state, variables=kept, doubt=state.doubt or (_TOO_MANY if is_loss else None))


class _Trial:
    def __init__(
        self,
        policy: EffectivePolicy,
        override: Override,
        watched: frozenset[int],
        doubts_holes: Callable[[State], bool],
        doubts_condition: Callable[[Statement], bool],
    ) -> None:
        self.policy = policy
        self.override = override
        self.watched = watched
        self.doubts_holes = doubts_holes
        self.doubts_condition = doubts_condition
        self.steps = 0

    def on_hole(self, unknown: Unknown, state: State) -> State:
        if state.is_over or state.doubt is not None or not self.doubts_holes(state):
            return state
        return msgspec.structs.replace(state, doubt=unknown)

    def on_statement(self, statement: Statement, state: State) -> State:
        if state.is_over:
            return state
        state = self._counted(statement, state)
        if id(statement) in self.watched:
            state = msgspec.structs.replace(state, met=state.met | {id(statement)})
        changed = self.override(statement, state)
        if changed is not None:
            return changed
        try:
            return self._after(statement, state)
        except Thrown:
            return _OVER

    def on_passed(self, when: Statement, state: State) -> State:
        return self._decided(when, self._counted(when, state), holds=False)

    def _counted(self, statement: Statement, state: State) -> State:
        """The state, blurred when there are too many of them."""
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise TooManyPaths(statement)
        return _blurred(state) if self.steps > _SHARP_STEPS else state

    def _after(self, statement: Statement, state: State) -> State:
        name = statement.name
        if name == "when":
            return self._decided(statement, state, holds=True)
        if statement.children:
            return state
        if name == "set-variable":
            written = statement.element.attribute("value")
            return put(statement, state, self.value(written, state) if written is not None else UNKNOWN)
        if name == "set-header":
            return self._set_header(statement, state)
        for value in values_of(statement):
            if value.expressions:
                self.value(value, state)
        if name == "set-body":
            return msgspec.structs.replace(state, body=UNKNOWN)
        if name in CREDENTIAL_SETTERS and statement.element.attribute("output-token-variable-name") is None:
            return write("authorization", UNKNOWN, statement, state)
        return put(statement, state, UNKNOWN)

    def _decided(self, when: Statement, state: State, *, holds: bool) -> State:
        condition = when.element.attribute("condition")
        if state.is_over or condition is None:
            return state
        try:
            value = self.value(condition, state)
        except Thrown:
            return _OVER
        if value.is_known and isinstance(value.data, bool):
            return state if value.data is holds else _OVER
        if value.on_trial and state.doubt is None and self.doubts_condition(when):
            return msgspec.structs.replace(
                state,
                doubt=Unknown(
                    f"what the condition {' '.join(condition.text.split())[:80]!r} comes to",
                    "simplify the expression, or refuse in the otherwise branch",
                    when.value_at(condition),
                ),
            )
        return state

    def _set_header(self, statement: Statement, state: State) -> State:
        element = statement.element
        target, action = element.attribute("name"), element.attribute("exists-action")
        mode = action.text.strip().lower() if action is not None else "override"
        written = [child.content for child in element.elements if child.name == "value"]
        found = [self.value(value, state) for value in written]
        if target is None or target.expressions:
            return state
        name = target.text.strip().lower()
        before = state.header(name)
        if mode == "delete":
            return write(name, known(None), statement, state)
        if mode == "skip" and not (before.is_known and before.data is None):
            return state
        value = found[0] if len(found) == 1 else unknown(*found) if found else known(None)
        if mode == "append" and not (before.is_known and before.data is None):
            value = unknown(before, value)
        return write(name, value, statement, state)

    def value(self, written: WrittenValue, state: State) -> Value:
        """What an attribute or a text holds.

        Raises:
            Thrown: its expression raises.
        """
        expression = written.expression
        if not written.expressions:
            match self.policy.resolve(written):
                case Known(value=text):
                    return known(text)
                case Unknown():
                    return UNKNOWN
        if expression is None:
            return UNKNOWN
        resolved = resolve_named_values(expression.code, self.policy.named_values)
        code = resolved.value if isinstance(resolved, Known) else expression.code
        around = Surroundings(state.variables, state.headers, state.body, state.unset)
        return evaluate(code, expression.block, around)


def put(statement: Statement, state: State, value: Value) -> State:
    """The state after a statement has put a value into its variable."""
    names = _NAMES_A_VARIABLE if statement.name != "set-variable" else ("name",)
    for attribute in names:
        name = statement.element.attribute(attribute)
        if name is not None:
            return msgspec.structs.replace(
                state, variables=_with(state.variables, name.text.strip(), value), unset=state.unset - {name.text.strip()}
            )
    return state


def write(name: str, value: Value, statement: Statement, state: State) -> State:
    """The state after a statement has written a request header."""
    return msgspec.structs.replace(
        state, headers=_with(state.headers, name, value), writers=_with(state.writers, name, statement.at)
    )


def _with(entries: tuple[tuple[str, T], ...], name: str, value: T) -> tuple[tuple[str, T], ...]:
    return tuple(sorted({**dict(entries), name: value}.items(), key=lambda entry: entry[0]))

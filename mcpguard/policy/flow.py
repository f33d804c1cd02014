"""Control flow: what happens on which paths before the request is forwarded.

A run carries a set of states along every path through the inbound and backend sections. ``choose`` splits paths, and what
a condition has shown on a path decides later conditions on it (``conditions.py``). ``return-response`` and
``mock-response`` end paths without forwarding, ``forward-request`` ends them by forwarding. States are small hashable
values that the caller defines, so the sets stay small and the cost linear in the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import wraps
from typing import Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.policy.conditions import IGNORANCE, Formula, Knowledge, Tracked, condition_of, decide, learn, tracked_in
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Node, Statement

S = TypeVar("S")
T = TypeVar("T")

_ANSWERS = frozenset({"return-response", "mock-response"})
_MAX_PATHS = 256
"""More paths than that are followed without what their conditions have shown."""
_WORDS = LazyPattern(r"\b(?:true|false)\b")
_Paths: TypeAlias = frozenset[tuple[S, Knowledge]]


class Reach(Enum):
    """On how many of the paths that forward the request something has happened before."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


class Outcome(msgspec.Struct, Generic[S], frozen=True):
    """The states at the ends of all paths."""

    forwarded: frozenset[S]
    """States in which the request is forwarded to the backend."""
    answered: frozenset[S]
    """States in which the gateway answers by itself."""


class Run(Generic[S]):
    """One pass over a policy with a transfer function for statements and one for holes."""

    def __init__(
        self,
        on_statement: Callable[[Statement, S], S],
        on_hole: Callable[[Unknown, S], S],
        on_passed: Callable[[Statement, S], S] | None = None,
    ) -> None:
        """``on_passed`` is called with a ``when`` for the paths that go past it: its condition was looked at for them too."""
        self._on_statement = on_statement
        self._on_hole = on_hole
        self._on_passed = on_passed
        self._policy: EffectivePolicy | None = None
        self._tracked = Tracked(frozenset(), {})
        self._forwarded: set[S] = set()
        self._answered: set[S] = set()

    def before_forward(self, policy: EffectivePolicy, start: S, *, is_alone: bool = False) -> Outcome[S]:
        """Run inbound, then backend up to its ``forward-request``.

        A backend section without ``forward-request`` forwards nothing (forward-request reference); a hole in it may. With
        ``is_alone`` the policy is one file without the scopes above it, so a backend section that only inherits forwards.
        """
        self._policy = policy
        self._tracked = tracked_in(policy)
        live = self._sequence(policy.inbound, frozenset({(start, IGNORANCE)}))
        end = self._sequence(policy.backend, live)
        if any(isinstance(node, Hole | Either) for node in policy.backend) or (is_alone and not policy.backend):
            self._forwarded.update(state for state, _ in end)
        return Outcome(frozenset(self._forwarded), frozenset(self._answered))

    def _sequence(self, nodes: Sequence[Node], paths: _Paths[S]) -> _Paths[S]:
        """The paths after the nodes that go on, each with its state and with what its conditions have shown."""
        for node in nodes:
            if not paths:
                return paths
            match node:
                case Hole(unknown=unknown):
                    paths = _after(self._on_hole, unknown, self._forgotten(paths))
                case Either(unknown=unknown, branches=branches):
                    paths = _after(self._on_hole, unknown, self._forgotten(self._union(branches, paths)))
                case Statement():
                    paths = self._statement(node, paths)
        return paths

    def _statement(self, statement: Statement, paths: _Paths[S]) -> _Paths[S]:
        name = statement.name
        if name == "choose":
            return self._choose(statement, paths)
        if name in _ANSWERS:
            self._answered |= {self._on_statement(statement, state) for state, _ in paths}
            return frozenset()
        paths = _after(self._on_statement, statement, paths)
        if self._tracked.subjects:
            paths = frozenset((state, self._tracked.after(statement, known)) for state, known in paths)
        if name == "forward-request":
            self._forwarded.update(state for state, _ in paths)
            return paths
        if name == "wait" and _is_any(statement):
            return self._union([(child,) for child in statement.children], paths)
        if statement.children:
            return self._sequence(statement.children, paths)
        return paths

    def _choose(self, statement: Statement, paths: _Paths[S]) -> _Paths[S]:
        after: _Paths[S] = frozenset()
        for child in statement.children:
            if not isinstance(child, Statement):
                after |= self._sequence((child,), self._forgotten(paths))
            elif child.name == "when":
                inside, past = self._split(child, paths)
                after |= self._sequence(child.children, _after(self._on_statement, child, inside))
                if self._on_passed is not None:
                    past = _after(self._on_passed, child, past)
                paths = past
            elif child.name == "otherwise":
                return after | self._sequence(child.children, paths)
        return after | paths

    def _split(self, when: Statement, paths: _Paths[S]) -> tuple[_Paths[S], _Paths[S]]:
        """The paths that go into a branch, and those that go past it."""
        formula = condition_of(when, self._policy) if self._tracked.subjects else _folded(when, self._policy)
        if formula is None:
            return paths, paths
        inside: set[tuple[S, Knowledge]] = set()
        past: set[tuple[S, Knowledge]] = set()
        for state, known in paths:
            holds = decide(formula, known)
            if holds is not False:
                inside.add((state, learn(formula, True, known, self._tracked.subjects)))
            if holds is not True:
                past.add((state, learn(formula, False, known, self._tracked.subjects)))
        return self._bounded(inside), self._bounded(past)

    def _bounded(self, paths: set[tuple[S, Knowledge]]) -> _Paths[S]:
        return frozenset(paths) if len(paths) <= _MAX_PATHS else self._forgotten(frozenset(paths))

    def _forgotten(self, paths: _Paths[S]) -> _Paths[S]:
        """The same without what was learnt: something unread may have changed it."""
        return frozenset((state, IGNORANCE) for state, _ in paths) if self._tracked.subjects else paths

    def _union(self, branches: Iterable[Sequence[Node]], paths: _Paths[S]) -> _Paths[S]:
        out: _Paths[S] = frozenset()
        for branch in branches:
            out |= self._sequence(branch, paths)
        return out


def _after(transfer: Callable[[T, S], S], item: T, paths: _Paths[S]) -> _Paths[S]:
    """The paths after one step. Most policies have one path most of the time, and most steps leave its state as it is."""
    if len(paths) == 1:
        ((state, known),) = paths
        after = transfer(item, state)
        return paths if after is state else frozenset(((after, known),))
    return frozenset((transfer(item, state), known) for state, known in paths)


def condition_constant(when: Statement, policy: EffectivePolicy | None = None) -> bool | None:
    """The value of a ``when`` condition that does not depend on the call; None when it does.

    Known named values of ``policy`` are put in: ``@("{{environment}}" == "production")`` has a value where the named value has.
    """
    formula = _folded(when, policy)
    return decide(formula, IGNORANCE) if formula is not None else None


def _folded(when: Statement, policy: EffectivePolicy | None) -> Formula | None:
    """The condition, if it may have a constant value; None without a closer look when it asks about the call."""
    value = when.element.attribute("condition")
    if value is None or ("context" in value.text and not _WORDS.search(value.text)):
        return None
    return condition_of(when, policy)


def _is_any(wait: Statement) -> bool:
    mode = wait.element.attribute("for")
    return mode is not None and mode.text.strip() == "any"


class _Seen(msgspec.Struct, frozen=True):
    done: bool
    hole: Unknown | None = None


_Answers = WeakKeyDictionary[EffectivePolicy, dict[Callable[[Statement], bool], object]]


def remembered(
    ask: Callable[[EffectivePolicy, Callable[[Statement], bool]], T],
) -> Callable[[EffectivePolicy, Callable[[Statement], bool]], T]:
    """Keep the answers to a question about a policy as long as the policy lives: many rules ask the same one.

    A policy is told from others by identity, a predicate too, so only predicates that are functions of a module are met again.
    """
    answers: _Answers = WeakKeyDictionary()

    @wraps(ask)
    def answer(policy: EffectivePolicy, happens: Callable[[Statement], bool]) -> T:
        known = answers.setdefault(policy, {})
        if happens not in known:
            known[happens] = ask(policy, happens)
        return known[happens]  # type: ignore[return-value]

    return answer


@remembered
def reach(policy: EffectivePolicy, happens: Callable[[Statement], bool]) -> Fact[Reach] | None:
    """On which of the forwarding paths a statement that ``happens`` accepts comes first; None when nothing is forwarded.

    Unknown when a hole decides between two answers.
    """

    def on_statement(statement: Statement, state: _Seen) -> _Seen:
        return _Seen(done=True) if not state.done and happens(statement) else state

    def on_hole(unknown: Unknown, state: _Seen) -> _Seen:
        return state if state.done or state.hole is not None else _Seen(done=False, hole=unknown)

    states = Run(on_statement, on_hole).before_forward(policy, _Seen(done=False)).forwarded
    if not states:
        return None
    if all(state.done for state in states):
        return Known(Reach.ALWAYS)
    hole = next((state.hole for state in states if state.hole is not None and not state.done), None)
    if hole is not None:
        return hole
    return Known(Reach.SOMETIMES if any(state.done for state in states) else Reach.NEVER)


def statements(nodes: Sequence[Node]) -> Iterable[Statement]:
    """Every statement in a section, in document order, whichever path it is on."""
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        if isinstance(node, Statement):
            yield node
            stack.extend(reversed(node.children))
        elif isinstance(node, Either):
            for branch in reversed(node.branches):
                stack.extend(reversed(branch))

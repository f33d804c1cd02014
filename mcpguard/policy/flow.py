"""Control flow: what happens on which paths before the request is forwarded.

A run carries a set of states along every path through the inbound and backend sections. ``choose`` splits paths,
``return-response`` and ``mock-response`` end them without forwarding, ``forward-request`` ends them by forwarding.
States are small hashable values that the caller defines, so the sets stay small and the cost linear in the policy.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import wraps
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Node, Statement

S = TypeVar("S")
T = TypeVar("T")

_ANSWERS = frozenset({"return-response", "mock-response"})


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
        self._forwarded: set[S] = set()
        self._answered: set[S] = set()

    def before_forward(self, policy: EffectivePolicy, start: S) -> Outcome[S]:
        """Run inbound, then backend up to its ``forward-request``.

        A backend section without ``forward-request`` forwards nothing (forward-request reference); a hole in it may.
        """
        live = self.sequence(policy.inbound, frozenset({start}))
        end = self.sequence(policy.backend, live)
        if any(isinstance(node, Hole | Either) for node in policy.backend):
            self._forwarded |= end
        return Outcome(frozenset(self._forwarded), frozenset(self._answered))

    def sequence(self, nodes: Sequence[Node], states: frozenset[S]) -> frozenset[S]:
        """The states after the nodes, for the paths that go on."""
        for node in nodes:
            if not states:
                return states
            match node:
                case Hole(unknown=unknown):
                    states = _after(self._on_hole, unknown, states)
                case Either(unknown=unknown, branches=branches):
                    states = _after(self._on_hole, unknown, self._union(branches, states))
                case Statement():
                    states = self._statement(node, states)
        return states

    def _statement(self, statement: Statement, states: frozenset[S]) -> frozenset[S]:
        name = statement.name
        if name == "choose":
            return self._choose(statement, states)
        if name in _ANSWERS:
            self._answered |= {self._on_statement(statement, state) for state in states}
            return frozenset()
        states = _after(self._on_statement, statement, states)
        if name == "forward-request":
            self._forwarded |= states
            return states
        if name == "wait" and _is_any(statement):
            return self._union([(child,) for child in statement.children], states)
        if statement.children:
            return self.sequence(statement.children, states)
        return states

    def _choose(self, statement: Statement, states: frozenset[S]) -> frozenset[S]:
        after: frozenset[S] = frozenset()
        for child in statement.children:
            if not isinstance(child, Statement):
                after |= self.sequence((child,), states)
            elif child.name == "when":
                constant = condition_constant(child)
                if constant is False:
                    continue
                after |= self.sequence(child.children, _after(self._on_statement, child, states))
                if constant is True:
                    return after
                if self._on_passed is not None:
                    states = _after(self._on_passed, child, states)
            elif child.name == "otherwise":
                return after | self.sequence(child.children, states)
        return after | states

    def _union(self, branches: Iterable[Sequence[Node]], states: frozenset[S]) -> frozenset[S]:
        out: frozenset[S] = frozenset()
        for branch in branches:
            out |= self.sequence(branch, states)
        return out


def _after(transfer: Callable[[T, S], S], item: T, states: frozenset[S]) -> frozenset[S]:
    """The states after one step. Most policies have one state most of the time, and most steps leave it as it is."""
    if len(states) == 1:
        (state,) = states
        after = transfer(item, state)
        return states if after is state else frozenset((after,))
    return frozenset(transfer(item, state) for state in states)


def condition_constant(when: Statement) -> bool | None:
    """The value of a ``when`` condition that is a literal; None when it depends on the request."""
    value = when.element.attribute("condition")
    if value is None:
        return None
    expression = value.expression
    text = value.text if expression is None else expression.code
    return {"true": True, "false": False}.get(text.strip().lower())


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

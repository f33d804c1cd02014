"""Checks of the caller that depend on which MCP tool is called, tried out with other request bodies.

JSON-RPC batches (a list of requests in one body) came with revision 2025-03-26 and went with 2025-06-18, so servers of the
older revision take them (facts/tools-and-evidence.md 1.1). ``Body.As<JObject>()`` raises on a list, as Newtonsoft's
``JObject.Load`` does, so such a policy refuses batches by accident; JToken, text, casts with ``as`` and ``try`` do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.policy.csharp import analyse, literals
from mcpguard.policy.effective import EffectivePolicy, Section, Statement
from mcpguard.policy.expressions import placed, values_of
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import is_refusal, validates_token
from mcpguard.policy.tree import Expression
from mcpguard.policy.trials.run import Ends, State, TooManyPaths, try_out
from mcpguard.policy.trials.values import Body, Value

_MOST_NAMES: Final = 20
_ANY_TOOL: Final = "some_tool"
_Request = Mapping[str, object]
_LIST: Final[_Request] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
_RESOURCE: Final[_Request] = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///x"}}


class ToolCheck(msgspec.Struct, frozen=True):
    """A check of the caller that only some requests meet."""

    at: Statement
    """The branch that holds the check."""
    tool: str
    """A tool for which it does."""
    passes_batch: bool
    """Whether the same call is forwarded without the check when it stands in a batch."""
    passes_other_methods: bool
    """Whether other methods that hand out data are forwarded without any check of rights."""


def tool_checks(
    policy: EffectivePolicy, tools: Collection[str] = (), *, is_alone: bool = False
) -> Iterator[ToolCheck | Unknown]:
    """Every check of the caller that depends on the tool called, and what could not be told about one.

    ``tools`` are names to try besides those in the policy's own text.
    """
    branches = {id(check): branch for branch, check in _checks_in_branches(policy)}
    names = _names(policy) if branches else []
    if not names:
        return
    trials = _Trials(policy, is_alone=is_alone)
    try:
        yield from _checks(policy, trials, branches, (*names, *sorted(tools)[:_MOST_NAMES]))
    except TooManyPaths as error:
        yield error.unknown


def _checks(
    policy: EffectivePolicy, trials: _Trials, branches: Mapping[int, Statement], tools: Sequence[str]
) -> Iterator[ToolCheck | Unknown]:
    met_anyway = trials.of(_LIST)
    done: set[int] = set()
    for tool in dict.fromkeys(tools):
        call: _Request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}}
        ends = trials.of(call)
        for check in branches.keys() & _met(ends) - _met(met_anyway, sure=True) - done:
            done.add(check)
            doubt = _doubt(ends, check) or _doubt(met_anyway, check)
            if doubt is not None:
                yield doubt
            elif ends.forwarded:  # others are let through: it is the caller that is checked, not the tool that is closed
                yield from _judge(trials, branches[check], check, tool, call)


def _judge(trials: _Trials, branch: Statement, check: int, tool: str, call: _Request) -> Iterator[ToolCheck | Unknown]:
    unchecked: list[State] = []
    for batch in ([call], [_LIST, call]):
        ends = trials.of(batch)
        if check not in _met(ends, sure=True):
            unchecked.extend(state for state in ends.forwarded if check not in state.met)
    passes = any(state.doubt is None for state in unchecked)
    doubt = next((state.doubt for state in unchecked if state.doubt is not None), None)
    if doubt is not None and not passes:
        yield doubt
        return
    other = trials.of(_RESOURCE)
    is_open = any(state.doubt is None and not state.met for state in other.forwarded) and not _met(other)
    yield ToolCheck(branch, tool, passes, is_open)


class _Trials:
    """One policy, tried out with request bodies; each once."""

    def __init__(self, policy: EffectivePolicy, *, is_alone: bool) -> None:
        self.policy = policy
        self.checks = [statement for statement in statements(policy.inbound) if _checks_rights(statement)]
        self.is_alone = is_alone
        self.deciding = frozenset(map(id, _branches_beside_checks(policy)))
        self.done: dict[str, Ends] = {}

    def of(self, request: object) -> Ends:
        text = msgspec.json.encode(request).decode()
        if text not in self.done:
            start = State(body=Value(True, Body(text), on_trial=True))
            self.done[text] = try_out(
                self.policy,
                start,
                lambda statement, state: None,
                self.checks,
                doubts_condition=lambda when: id(when) in self.deciding,
                is_alone=self.is_alone,
            )
        return self.done[text]


def _checks_rights(statement: Statement) -> bool:
    """Whether a statement refuses callers: it answers 401 or 403, or validates a token that must carry certain claims."""
    return is_refusal(statement) or (validates_token(statement) and (statement.element.find("required-claims") is not None))


def _checks_in_branches(policy: EffectivePolicy) -> Iterator[tuple[Statement, Statement]]:
    """Checks that stand in a branch, with the branch."""
    for branch in statements(policy.inbound):
        if branch.name in ("when", "otherwise"):
            for child in branch.children:
                if isinstance(child, Statement) and _checks_rights(child):
                    yield branch, child


def _branches_beside_checks(policy: EffectivePolicy) -> Iterator[Statement]:
    for choose in statements(policy.inbound):
        if choose.name == "choose" and any(_checks_rights(inner) for inner in statements(choose.children)):
            yield from (child for child in choose.children if isinstance(child, Statement))


def _names(policy: EffectivePolicy) -> list[str]:
    """What the expressions that look at the body name, tools among it; nothing when no check depends on the body."""
    from_body: set[str] = set()
    found: dict[str, None] = {}
    is_asked = False
    for node in placed(policy, Section.INBOUND):
        if isinstance(node, Unknown):
            continue
        for value in values_of(node.statement):
            for expression in value.expressions:
                if _looks_at_body(expression, from_body):
                    found.update((text.strip('"'), None) for text in literals(expression.code, expression.block))
                    variable = node.statement.element.attribute("name") if node.statement.name == "set-variable" else None
                    if variable is not None:
                        from_body.add(variable.text.strip())
        if _checks_rights(node.statement):
            is_asked = is_asked or any(
                _looks_at_body(expression, from_body)
                for condition in node.conditions
                for expression in condition.value.expressions
            )
    return (
        [*[name for name in found if name and "/" not in name and " " not in name][:_MOST_NAMES], _ANY_TOOL] if is_asked else []
    )


def _looks_at_body(expression: Expression, from_body: Collection[str]) -> bool:
    analysis = analyse(expression.code, expression.block)
    if not analysis.understood:
        return "Body" in expression.code or any(name in expression.code for name in from_body)
    return any(
        source.kind == "request-body" or (source.kind == "variable" and source.name in from_body) for source in analysis.reads
    )


def _met(ends: Ends, *, sure: bool = False) -> frozenset[int]:
    states = (*ends.answered, *ends.forwarded)
    return frozenset(one for state in states if not sure or state.doubt is None for one in state.met)


def _doubt(ends: Ends, check: int) -> Unknown | None:
    """Why it is not sure that a check is met; None when it is, or when it is not met at all."""
    states = [state for state in (*ends.answered, *ends.forwarded) if check in state.met]
    if any(state.doubt is None for state in states):
        return None
    return next((state.doubt for state in states), None)

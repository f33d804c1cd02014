"""An OAuth proxy as rules see it: the symbolic runs of its steps, what one step stores for another, what was compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum

import msgspec

from mcpguard.core.facts import Fact, Known, NotApplicable, Unknown
from mcpguard.model.entry_paths import Key
from mcpguard.model.estate import Estate
from mcpguard.model.finding import Issue, merged
from mcpguard.model.flow_view import flows_of
from mcpguard.model.kinds.gateway import Api, Operation, PolicyText
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.kinds.oauth import OAuthProxy, OAuthRole, OAuthStep
from mcpguard.model.server_view import alone
from mcpguard.policy.effective import EffectivePolicy
from mcpguard.policy.labels import Flow
from mcpguard.policy.symbolic.calls import indexed
from mcpguard.policy.symbolic.run import Event, SymbolicRun, run_symbolically
from mcpguard.policy.symbolic.symbols import Comparison, Facts, Origin, Part, Value, parameters

REQUEST = frozenset({"query", "form"})
"""Kinds of origin that are parameters of a request."""


class StepRun(msgspec.Struct, frozen=True, eq=False):
    """One step of a proxy on one way in."""

    step: OAuthStep
    title: str
    """The step in words: ``operation GET /authorize``."""
    policy: EffectivePolicy
    run: SymbolicRun
    is_open: Fact[bool]
    """Whether a call needs no key on this way in."""

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """The events of some kinds."""
        return self.run.of(*kinds)


class Stored(msgspec.Struct, frozen=True):
    """What a step stored under the key that another looks up."""

    by: StepRun
    event: Event
    value: Value


class Check(IntEnum):
    """How a value was compared with what was registered or stored, from not at all to exactly."""

    NEVER = 0
    LIKE = 1
    """By a prefix, a pattern or a part only."""
    UNCLEAR = 2
    EQUAL = 3


def step_runs(proxy: OAuthProxy, estate: Estate, *roles: OAuthRole) -> tuple[StepRun, ...]:
    """The steps of some roles, each once for every policy that runs for it.

    Raises:
        NotApplicable: the proxy serves no MCP server, or it has no such step.
    """
    if not proxy.serves_mcp:
        raise NotApplicable(f"nothing says that {proxy.title} serves MCP clients")
    found = tuple(run for run in all_runs(proxy, estate) if run.step.role in roles)
    if not found:
        raise NotApplicable(f"{proxy.title} has no step to {' or '.join(role.value for role in roles)}")
    return found


def all_runs(proxy: OAuthProxy, estate: Estate) -> tuple[StepRun, ...]:
    """Every step of a proxy, run."""
    return estate.remember(("OAuth steps", proxy.key), lambda: tuple(_runs(proxy, estate)))


def _runs(proxy: OAuthProxy, estate: Estate) -> Iterator[StepRun]:
    for step in proxy.steps:
        operation = estate.get(Operation, step.operation)
        policy = estate.get(PolicyText, step.policy)
        if policy is not None:
            open_ = Unknown("whether the API of this policy file asks for a key or a token", "scan the API with it", policy.at)
            title = f"policy file {policy.name.rpartition('/')[2]}"
            effective = alone(policy, estate)
            yield StepRun(step, title, effective, run_symbolically(effective), open_)
        api = estate.get(Api, operation.api) if operation is not None else None
        if operation is None or api is None:
            continue
        seen: dict[EffectivePolicy, Fact[bool]] = {}
        for path in estate.entry_paths.of(api):
            effective = estate.entry_paths.effective_policy(path, operation)
            is_open: Fact[bool] = path.doubt or Known(path.key is Key.NONE)
            if seen.get(effective, Known(False)) == Known(False) or is_open == Known(True):
                seen[effective] = is_open
        for effective, is_open in seen.items():
            title = f"operation {operation.method} {operation.url_template}"
            yield StepRun(step, title, effective, run_symbolically(effective), is_open)


def gather_step_flows(
    proxy: OAuthProxy, estate: Estate, wanted: Callable[[Flow], bool], issue: Callable[[Flow], Issue]
) -> Iterator[Issue | Unknown]:
    """An issue for each place and kind of flow in the steps that is ``wanted``, and what is unknown.

    Steps that are judged as MCP servers themselves are left out.

    Raises:
        NotApplicable: the proxy serves no MCP server.
    """
    if not proxy.serves_mcp:
        raise NotApplicable(f"nothing says that {proxy.title} serves MCP clients")
    judged_alone = {server.api or server.key for server in estate.of(McpServer)}

    def verdicts() -> Iterator[Issue | Unknown]:
        for run in all_runs(proxy, estate):
            operation = estate.get(Operation, run.step.operation)
            api = estate.get(Api, operation.api) if operation is not None else None
            if (api.key if api is not None else f"{run.step.policy}#mcp") in judged_alone:
                continue
            names = frozenset({api.key_header.lower(), api.key_query.lower()}) if api is not None else frozenset[str]()
            report = flows_of(run.policy, estate, names)
            yield from report.not_understood
            for flow in filter(wanted, report.flows):
                found = issue(flow)
                yield msgspec.structs.replace(found, evidence=(*found.evidence, ("step", run.title)))

    yield from merged(verdicts())


def stored(origin: Origin, runs: Iterable[StepRun]) -> tuple[Stored, ...]:
    """What the steps store under the key of a looked-up value; the member that is taken from it, when one is."""
    out: list[Stored] = []
    for run in runs:
        for event in run.of("store"):
            if any(each.template == origin.name for each in event.key):
                value = event.value
                for member in origin.path.split(".") if origin.path else ():
                    value = indexed(value, member, ())
                out.append(Stored(run, event, value))
    return tuple(out)


def judged(
    verdicts: Iterable[Issue | Unknown],
    runs: Iterable[StepRun],
    same: Callable[[Issue], object] = lambda issue: (issue.at, issue.key),
) -> Iterator[Issue | Unknown]:
    """Each verdict once, whatever the ways in that it shows on, and what was not understood on the way."""
    found = list(merged(verdicts, same))
    yield from dict.fromkeys(found)
    yield from dict.fromkeys(unknown for run in runs for unknown in run.run.not_understood)


# -- comparisons -------------------------------------------------------------------------------------------------------


def how_compared(facts: Facts, subject: Callable[[Origin], bool], registered: Callable[[Origin], Check]) -> Check:
    """The best comparison of the whole of a subject among the facts.

    ``registered`` says what a comparison with an origin is worth; what is compared with nothing of worth is not compared.
    """
    best = Check.NEVER
    for fact in facts:
        if fact.kind == "unclear":
            origins = [origin for content in fact.left for origin in content]
            if any(subject(origin) or origin.kind == "unknown" for origin in origins):
                best = max(best, Check.UNCLEAR)
        elif fact.kind in ("equal", "like"):
            for one, other in ((fact.left, fact.right), (fact.right, fact.left)):
                held = _held(parameters(one), subject)
                if held is not Check.NEVER:
                    worth = min(held, _worth(parameters(other), registered))
                    best = max(best, min(worth, Check.LIKE) if fact.kind == "like" else worth)
    return best


def _held(contents: Iterable[frozenset[Origin]], subject: Callable[[Origin], bool]) -> Check:
    """How much of the subject one side of a comparison holds, whichever of the possible contents it has."""
    found = list(contents)
    best = [max((_whole(origin) for origin in content if subject(origin)), default=Check.NEVER) for content in found]
    if not any(best):
        return Check.NEVER
    full = [content for content, held in zip(found, best, strict=True) if held is max(best)]
    # A content with less in it is the same text where the subject is empty.
    if all(held is max(best) or any(content < more for more in full) for content, held in zip(found, best, strict=True)):
        return max(best)
    return min(max(best), Check.UNCLEAR)


def _whole(origin: Origin) -> Check:
    return {Part.WHOLE: Check.EQUAL, Part.UNCLEAR: Check.UNCLEAR, Part.LOSSY: Check.LIKE}[origin.part]


def _worth(contents: Iterable[frozenset[Origin]], registered: Callable[[Origin], Check]) -> Check:
    best = [max((registered(origin) for origin in content), default=Check.NEVER) for content in contents]
    return min(best, default=Check.NEVER)


def is_parameter(*names: str) -> Callable[[Origin], bool]:
    """Whether an origin is one of the request's parameters of these names."""
    return lambda origin: origin.kind in REQUEST and origin.name in names


def mentions(fact: Comparison, kind: str) -> bool:
    """Whether a comparison has something of one kind on a side."""
    return any(origin.kind == kind for content in (*fact.left, *fact.right) for origin in content)


def origins_of(value: Value) -> frozenset[Origin]:
    """Everything that a value may hold."""
    return frozenset(origin for found in value for origin in found.origins)

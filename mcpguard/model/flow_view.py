"""Data flow as rules ask for it: over every policy of a server, each flow once, whatever the ways in that it shows on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.finding import Issue, merged
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.server_view import calls_in_effect
from mcpguard.policy.dataflow import follow
from mcpguard.policy.effective import EffectivePolicy
from mcpguard.policy.labels import Flow, FlowReport


def gather_flows(
    server: McpServer, estate: Estate, wanted: Callable[[Flow], bool], issue: Callable[[Flow], Issue | Unknown]
) -> Iterator[Issue | Unknown]:
    """A verdict for each place and kind of flow that is ``wanted``, with the ways in as evidence, and what is unknown.

    Raises:
        NotApplicable: the server has no policies.
    """
    yield from merged(_verdicts(server, estate, wanted, issue))


def _verdicts(
    server: McpServer, estate: Estate, wanted: Callable[[Flow], bool], issue: Callable[[Flow], Issue | Unknown]
) -> Iterator[Issue | Unknown]:
    names = key_names(server, estate)
    for call in calls_in_effect(server, estate):
        report = flows_of(call.policy, estate, names)
        yield from report.not_understood
        for flow in filter(wanted, report.flows):
            new = issue(flow)
            if isinstance(new, Issue):
                new = msgspec.structs.replace(new, evidence=(*new.evidence, ("entry path", call.title)))
            yield new


def flows_of(policy: EffectivePolicy, estate: Estate, names: frozenset[str]) -> FlowReport:
    """The flows of one effective policy; ``names`` are those of the header and the parameter that hold the caller's key."""
    return estate.remember(("flows", policy), lambda: follow(policy, names))


def key_names(server: McpServer, estate: Estate) -> frozenset[str]:
    """Names, lower case, of the header and the parameter in which callers of a server send their subscription key."""
    api = estate.get(Api, server.api) if server.api else None
    return frozenset({api.key_header.lower(), api.key_query.lower()}) if api is not None else frozenset()

"""Data flow as rules ask for it: over every policy of a server, each flow once, whatever the ways in that it shows on."""

from collections.abc import Callable, Iterator

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.finding import Issue
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.server_view import calls_in_effect
from mcpguard.policy.dataflow import Flow, FlowReport, follow
from mcpguard.policy.effective import EffectivePolicy


def gather_flows(
    server: McpServer, estate: Estate, wanted: Callable[[Flow], bool], issue: Callable[[Flow], Issue | Unknown]
) -> Iterator[Issue | Unknown]:
    """A verdict for each place and kind of flow that is ``wanted``, with the ways in as evidence; then what is unknown.

    Raises:
        NotApplicable: the server has no policies.
    """
    found: dict[tuple[object, str], Issue] = {}
    unknowns: list[Unknown] = []
    for call in calls_in_effect(server, estate):
        report = flows_of(call.policy, estate)
        unknowns.extend(report.not_understood)
        for flow in filter(wanted, report.flows):
            new = issue(flow)
            if isinstance(new, Unknown):
                unknowns.append(new)
                continue
            before = found.setdefault((new.at, new.key), new)
            evidence = tuple(dict.fromkeys((*before.evidence, *new.evidence, ("entry path", call.title))))
            found[new.at, new.key] = msgspec.structs.replace(before, evidence=evidence)
    yield from found.values()
    yield from unknowns


def flows_of(policy: EffectivePolicy, estate: Estate) -> FlowReport:
    """The flows of one effective policy; policies live as long as the estate, so their identity is a key."""
    return estate.remember(("flows", id(policy)), lambda: follow(policy))

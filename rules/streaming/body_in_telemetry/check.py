"""MG212: payloads in telemetry."""

from mcpguard.sdk import Estate, Flow, Issue, Label, McpServer, Options, SinkKind, Verdicts, gather_flows

_BODIES = frozenset({Label.REQUEST_BODY, Label.RESPONSE_BODY})
# Members of MCP and model messages that hold payload; any other single member names or counts something.
_PAYLOADS = frozenset(["arguments", "params", "result", "content", "messages", "input", "output", "prompt", "text", "error"])


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every flow from a body of the call into a telemetry policy."""
    yield from gather_flows(server, estate, wanted=_is_body, issue=lambda flow: _issue(server, flow))


def _is_body(flow: Flow) -> bool:
    source = flow.tainted.source
    if flow.sink is not SinkKind.TELEMETRY or flow.name == "context.Trace" or flow.tainted.label not in _BODIES:
        return False
    payload = not source.path or not _PAYLOADS.isdisjoint(source.path.split("."))
    return source.kind in ("request-body", "response-body") and payload


def _issue(server: McpServer, flow: Flow) -> Issue:
    part = f" (its member {flow.tainted.source.path})" if flow.tainted.source.path else ""
    return Issue(
        f"{server.title} writes {flow.tainted.label.value}{part} to {flow.name}; log the method and tool name and leave the "
        "payload out",
        at=flow.at,
        flow=flow.steps,
        evidence=(("data", flow.tainted.label.value), ("sink", flow.name)),
        confidence=server.confidence,
        key=f"{flow.name} {flow.tainted.label.value} {flow.tainted.source.path}",
    )

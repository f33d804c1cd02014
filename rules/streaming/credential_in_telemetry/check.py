"""MG211: credentials in telemetry, by policy or by diagnostic."""

from mcpguard.sdk import (
    Estate,
    Flow,
    Issue,
    Label,
    LoggedHeader,
    McpServer,
    OAuthProxy,
    Options,
    SinkKind,
    Verdicts,
    effective_diagnostics,
    gather_flows,
    gather_step_flows,
)

_CREDENTIALS = frozenset({Label.CALLER_TOKEN, Label.KEY, Label.TOKEN_RESPONSE, Label.GATEWAY_TOKEN})
_HEADERS = frozenset(
    [
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "ocp-apim-subscription-key", "x-functions-key"),
        *("api-key", "x-api-key", "x-ms-apikey", "x-ms-token-aad-access-token"),
    ]
)


def check(target: McpServer | OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """What policies write, and which headers diagnostics copy."""
    if isinstance(target, OAuthProxy):
        yield from gather_step_flows(target, estate, _is_wanted, lambda flow: _issue(target, flow))
    else:
        yield from gather_flows(target, estate, _is_wanted, lambda flow: _issue(target, flow))
        yield from _diagnosed(target, estate)


def _is_wanted(flow: Flow) -> bool:
    return flow.sink is SinkKind.TELEMETRY and flow.tainted.label in _CREDENTIALS


def _diagnosed(server: McpServer, estate: Estate) -> Verdicts:
    diagnostics = effective_diagnostics(server, estate)
    for diagnostic in diagnostics.items:
        for header in diagnostic.logged_headers:
            if header.name.lower() in _HEADERS and not header.masked:
                yield _logged(server, header, diagnostic.name)
    if diagnostics.missing is not None:
        yield diagnostics.missing


def _issue(target: McpServer | OAuthProxy, flow: Flow) -> Issue:
    label = flow.tainted.label.value
    return Issue(
        f"{target.title} writes {label} to {flow.name}; log claims of the validated token instead, or nothing",
        at=flow.at,
        flow=flow.steps,
        evidence=(("data", label), ("sink", flow.name)),
        confidence=target.confidence,
        key=f"{flow.name} {label}",
    )


def _logged(server: McpServer, header: LoggedHeader, diagnostic: str) -> Issue:
    return Issue(
        f"{server.title} has the header {header.name} logged unmasked (diagnostic {diagnostic}, "
        f"{header.side}.{header.message}); hide it with dataMasking or take it out",
        at=header.at,
        evidence=(("header", header.name), ("diagnostic", diagnostic)),
        confidence=server.confidence,
        key=f"{diagnostic} {header.side}.{header.message} {header.name.lower()}",
    )

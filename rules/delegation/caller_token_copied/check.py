"""MG302: the caller's token in places other than the Authorization header of the main request."""

from mcpguard.sdk import (
    Endpoint,
    Estate,
    Flow,
    Issue,
    Label,
    McpServer,
    Options,
    SinkKind,
    Unknown,
    Verdict,
    Verdicts,
    gather_flows,
)

_PLACES = frozenset({SinkKind.BACKEND_QUERY, SinkKind.BACKEND_BODY, SinkKind.OUTGOING_REQUEST, SinkKind.BACKEND_HEADER})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every flow of the token, apart from exchanges at a token endpoint."""
    yield from gather_flows(server, estate, wanted=_is_copy, issue=lambda flow: _verdict(server, flow))


def _is_copy(flow: Flow) -> bool:
    main_header = flow.sink is SinkKind.BACKEND_HEADER and flow.name.lower() == "authorization"
    is_shown = flow.endpoint is Endpoint.ISSUER
    return flow.tainted.label is Label.CALLER_TOKEN and flow.sink in _PLACES and not main_header and not is_shown


def _verdict(server: McpServer, flow: Flow) -> Verdict:
    if flow.sink is SinkKind.OUTGOING_REQUEST and not flow.target.lower().startswith(("https://", "http://")):
        return Unknown(
            f"where the request goes into which {server.title} copies the caller's token ({flow.target[:60]})",
            "export the named value, or write the address as a literal",
            flow.at,
        )
    if flow.endpoint is Endpoint.OTHER:
        return Unknown(
            f"whether {server.title} shows the caller's token to an endpoint of the token's issuer ({flow.target[:60]})",
            "validate that issuer's tokens at the gateway (validate-jwt with its openid-config), or exchange them at Entra ID",
            flow.at,
        )
    place = flow.sink.value if flow.sink is not SinkKind.OUTGOING_REQUEST else f"a request to {flow.target[:100]}"
    named = f" ({flow.name})" if flow.name not in ("set-body", "") else ""
    return Issue(
        f"{server.title} copies the caller's token into {place}{named}; send claims, or exchange the token for one that is "
        "meant for the receiver",
        at=flow.at,
        flow=flow.steps,
        evidence=(("sink", place), ("name", flow.name)),
        confidence=server.confidence,
        key=f"{flow.sink.value} {flow.name.lower()} {flow.target}",
    )

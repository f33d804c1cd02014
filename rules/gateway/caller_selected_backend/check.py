"""MG120: the caller names the host that the gateway talks to."""

from mcpguard.sdk import Estate, Flow, Issue, Label, McpServer, Options, SinkKind, Verdicts, gather_flows

_ADDRESSES = frozenset({SinkKind.BACKEND_ADDRESS, SinkKind.OUTGOING_ADDRESS})
_CHOSEN = frozenset({Label.CALLER_CHOSEN, Label.REQUEST_BODY, Label.KEY, Label.CALLER_TOKEN})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every flow from the request into an address whose host is not written out."""
    yield from gather_flows(server, estate, wanted=_is_choice, issue=lambda flow: _issue(server, flow))


def _is_choice(flow: Flow) -> bool:
    source = flow.tainted.source
    own_url = source.kind == "request-url" and source.path != "query"
    return (
        flow.sink in _ADDRESSES
        and flow.name != "rewrite-uri"
        and flow.tainted.label in _CHOSEN
        and not own_url
        and not flow.fixed_host
    )


def _issue(server: McpServer, flow: Flow) -> Issue:
    source = flow.tainted.source
    whence = f"the {source.kind.replace('-', ' ')} {source.path or source.name}".strip()
    return Issue(
        f"{server.title} sends a request where the caller says: the address in {flow.name} comes from {whence}; write the host "
        "as a literal or a named value",
        at=flow.at,
        flow=flow.steps,
        evidence=(("source", whence), ("sink", flow.name)),
        confidence=server.confidence,
        key=f"{flow.name} {whence}",
    )

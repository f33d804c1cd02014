"""MG121: the caller names the stored credential that the gateway uses for them."""

from mcpguard.sdk import Estate, Flow, Issue, Label, McpServer, Options, SinkKind, Verdicts, gather_flows

_CHOSEN = frozenset({Label.CALLER_CHOSEN, Label.CALLER_TOKEN, Label.KEY, Label.REQUEST_BODY})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every flow from the request into the choice of a credential."""
    yield from gather_flows(
        server,
        estate,
        wanted=lambda flow: flow.sink is SinkKind.CREDENTIAL_CHOICE and flow.tainted.label in _CHOSEN,
        issue=lambda flow: _issue(server, flow),
    )


def _issue(server: McpServer, flow: Flow) -> Issue:
    source = flow.tainted.source
    whence = f"the {source.kind.replace('-', ' ')} {source.name}".strip()
    return Issue(
        f"{server.title} lets the caller choose the stored credential: {flow.name} of get-authorization-context comes from "
        f"{whence}; name it literally or key it by a claim of the validated token",
        at=flow.statement or flow.at,
        flow=flow.steps,
        evidence=((flow.name, whence),),
        confidence=server.confidence,
        key="credential",
    )

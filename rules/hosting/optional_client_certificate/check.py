"""MG420: a client certificate that callers of the MCP endpoint may leave out, where nothing else guards it."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Issue,
    NotApplicable,
    Options,
    PlatformAuth,
    Site,
    Verdicts,
    certificate_demand,
    enforces_sign_in,
    hosted_server,
    known,
    least,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    demand = certificate_demand(target, estate)
    if known(demand) in ("", "required"):
        return
    auth = known(target.auth)
    if isinstance(auth, PlatformAuth) and known(enforces_sign_in(auth)):
        return
    mode = known(target.client_certificate_mode)
    seen = (
        f"may be left out (mode {mode})"
        if known(demand) == "asked"
        else "is required, but an exclusion path takes in the MCP endpoint"
    )
    yield Issue(
        f"{target.title} does not sign callers in, and the client certificate of its MCP calls {seen}; require it there, or "
        "turn on platform authentication",
        demand.at or target.at,
        confidence=least(server.confidence, Confidence.MEDIUM),
    )

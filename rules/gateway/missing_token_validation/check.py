"""MG101: no token validation on some way into an MCP server."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Reach,
    ServerCall,
    ServerSource,
    Unknown,
    Verdict,
    Verdicts,
    compares_shared_key,
    identifies_caller,
    inbound_location,
    judged_calls,
    known,
    presence_checks,
    reach,
    refusals_on_merit,
    serving_gateway,
    validated_only_by_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every call that is forwarded has to have met a token or certificate check."""
    if server.source is ServerSource.KUBERNETES_GATEWAY:
        yield from _in_kubernetes(server, estate)
        return
    unguarded: list[ServerCall] = []
    shared_key = presence = False
    calls = list(judged_calls(server, estate))
    if validated_only_by_products(calls):
        raise NotApplicable(f"{server.title} is validated by the policies of its products only: MG104")
    for call in calls:
        match reach(call.policy, identifies_caller):
            case Known(value=Reach.NEVER):
                by_hand = refusals_on_merit(call.policy.inbound)
                shared_key = shared_key or any(compares_shared_key(branch) for branch in by_hand)
                if not by_hand and any(presence_checks(call.policy)):
                    presence = True
                elif not by_hand:
                    unguarded.append(call)
                elif not shared_key:
                    yield _home_made(server, call)
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    certain = [call for call in unguarded if call.path.doubt is None]
    if certain:
        yield _issue(server, certain, estate)
    elif unguarded and unguarded[0].path.doubt is not None:
        yield unguarded[0].path.doubt
    elif shared_key:
        raise NotApplicable(f"{server.title} is guarded by a header compared with a named value: a key, not a token")
    elif presence:
        raise NotApplicable(f"{server.title} asks for a credential and takes any: MG110")


def _issue(server: McpServer, calls: list[ServerCall], estate: Estate) -> Verdict:
    ways = "; ".join(dict.fromkeys(call.title for call in calls))
    return Issue(
        f"{server.title} forwards calls without validating a token ({ways}): no validate-azure-ad-token, validate-jwt or "
        "client certificate with identities stands in the effective inbound policy; validate the caller's token there",
        at=inbound_location(calls[0], server, estate),
        evidence=tuple(("entry path", title) for title in dict.fromkeys(call.title for call in calls)),
        confidence=server.confidence,
    )


def _home_made(server: McpServer, call: ServerCall) -> Unknown:
    branch = refusals_on_merit(call.policy.inbound)[0]
    return Unknown(
        f"whether the hand-written check of {server.title}, which answers 401 or 403 in a branch, verifies a token",
        "read the branch; validate-azure-ad-token or validate-jwt would settle it",
        branch.at,
    )


def _in_kubernetes(server: McpServer, estate: Estate) -> Verdicts:
    """A microsoft/mcp-gateway validates Entra tokens on every route, unless its settings choose the development scheme."""
    gateway = serving_gateway(server, estate)
    if known(gateway.development):
        at = gateway.development.at or gateway.at
        yield Issue(
            f"{server.title} is served by {gateway.title}, which validates no token: its settings choose the development "
            "scheme, which takes any caller for who the X-Dev headers say; run it as Production and leave "
            "Authentication__BypassEntra out",
            at=at,
            related=(server.at.related("the server"),) if server.at != at else (),
            evidence=(("setting", str(at.route[-1]) if at.route else ""),),
        )

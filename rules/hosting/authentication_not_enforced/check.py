"""MG402: sign-in that is on and lets everybody through."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Site,
    Unknown,
    Verdicts,
    known,
    least,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = estate.get(McpServer, f"{target.key}#mcp")
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    facing = target.internet_facing
    if isinstance(facing, Known) and not facing.value:
        return
    auth = known(target.auth)
    if auth is None:
        raise NotApplicable(f"{target.title} has no platform authentication, which is for MG401")
    if file := known(auth.defined_elsewhere):
        yield Unknown(f"the file {file} that defines the authentication of {target.title}", "review it by hand", auth.at)
        return
    if not known(auth.enabled):
        raise NotApplicable(f"the platform authentication of {target.title} is off, which is for MG401")
    required, action = auth.require_authentication, auth.unauthenticated_action  # of a container app only the action counts
    lax = []
    if isinstance(required, Known) and not required.value:
        lax.append(("requireAuthentication", "not set, so false" if required.defaulted else "false", required.at))
    if isinstance(action, Known) and action.value.lower() == "allowanonymous":
        lax.append(("unauthenticatedClientAction", action.value, action.at))
    if not lax:
        known(required)
        known(action)
        return
    known(facing)
    is_site = isinstance(target, Site) and auth.version == "v2"
    doubts = (
        ("which of the two members wins when they disagree is not documented", is_site and len(lax) == 1),
        ("its code may check tokens itself, which configuration does not show", target.runs_own_code),
    )
    notes = [f" ({text})" for text, applies in doubts if applies]
    seen = " and ".join(f"{name} is {value}" for name, value, _ in lax)
    wanted = ("requireAuthentication true and " if is_site else "") + "unauthenticatedClientAction Return401"
    yield Issue(
        f"{target.title} has sign-in on but lets callers without a token through: {seen}; set {wanted}{''.join(notes)}",
        lax[0][2] or auth.at,
        related=tuple(at.related(f"{name} is {value}") for name, value, at in lax[1:] if at),
        confidence=least(server.confidence, Confidence.MEDIUM if notes else Confidence.HIGH),
    )

"""MG504: an identity that nothing will ever ask about again."""

from mcpguard.sdk import (
    Application,
    Confidence,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    ServicePrincipal,
    Unknown,
    Verdicts,
)

ATTRIBUTES = "custom security attributes"


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    ties = estate.ties.get(target.key, ())
    if not ties and options.get("persona") != "auditor":
        raise NotApplicable(f"{target.title} belongs to no MCP server or agent (--persona auditor judges it too)")
    principals = [found for found in estate.of(ServicePrincipal) if found.app_id == target.app_id]
    places: list[Application | ServicePrincipal] = [target, *principals]
    dates = [it.review_dates for it in places]
    if _declared(target, estate) or any(isinstance(found, Known) and found.value for found in dates):
        return  # whether the date has passed is for MG505
    if unknown := next((found for found in dates if isinstance(found, Unknown)), None):
        yield unknown
        return
    read = list(dict.fromkeys(place for it in places for place in it.looked_in))
    missing = dict.fromkeys(place for it in places for place in it.not_looked_in if place not in read)
    looked = ", ".join([*read, *(["the manifest"] if estate.manifest else [])])
    unread = ", ".join([*missing, *([] if estate.manifest else ["a manifest"])])
    yield Issue(
        f"{target.title} ({target.app_id}) has no review or expiry date (looked in: {looked}; not there to read: {unread}); "
        "add a tag review-by:YYYY-MM-DD or declare reviewBy in the manifest",
        target.at,
        confidence=Confidence.HIGH if ATTRIBUTES in read else Confidence.MEDIUM,
    )


def _declared(target: Application, estate: Estate) -> bool:
    """Whether the manifest dates the agent that this registration is, or the server that it stands for."""
    agents = estate.manifest.agents if estate.manifest else ()
    if any(agent.app_id.lower() == target.app_id and (agent.review_by or agent.expires) for agent in agents):
        return True
    servers = [estate.get(McpServer, tie.server) for tie in estate.ties.get(target.key, ()) if tie.role == "server"]
    declarations = [estate.declaration(server) for server in servers if server is not None]
    return any(declaration is not None and declaration.server.review_by for declaration in declarations)

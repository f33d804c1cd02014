"""MG613: a project whose agents leave no traces."""

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    FoundryConnection,
    FoundryProject,
    Issue,
    Known,
    NotApplicable,
    Options,
    Toolbox,
    Unknown,
    Verdicts,
)

_TYPES = ("microsoft.cognitiveservices/accounts/projects/connections", "microsoft.cognitiveservices/accounts/connections")


def check(project: FoundryProject, estate: Estate, options: Options) -> Verdicts:
    """A connection to Application Insights, of the project or of its account."""
    if not project.account:
        raise NotApplicable(f"{project.title} is declared by a file and has no account in Azure yet")
    homes = (project.key, project.account)
    connections = [connection for home in homes for connection in estate.under(home, FoundryConnection)]
    users = (*estate.under(project.key, FoundryAgent), *estate.under(project.key, Toolbox))
    if not users and not any(connection.is_remote_tool for connection in connections):
        raise NotApplicable(f"{project.title} shows neither agents nor MCP tools")
    unread = None
    for connection in connections:
        match connection.category:
            case Known(value="AppInsights"):
                return
            case Known():
                pass
            case Unknown() as unknown:
                unread = unread or unknown
    for home, type_ in zip(homes, _TYPES, strict=True):
        if not estate.is_complete(home, type_):
            remedy = f"add the answer of: az rest --method get --url {home}/connections?api-version=2025-09-01"
            unread = unread or Unknown(f"the complete list of connections of {home.rpartition('/')[2]}", remedy, project.at)
    if unread is not None:
        yield unread
        return
    yield Issue(
        f"{project.title} has no connection to Application Insights (category AppInsights), neither its own nor its account's, "
        "so runs of its agents and their tool calls are not traced; connect one",
        at=project.at,
    )

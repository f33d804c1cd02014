"""MG602: a project that was left out when its account got a gateway."""

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    FoundryConnection,
    FoundryProject,
    Issue,
    Known,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    known,
    linked_gateway,
    product_link,
)

_CONNECTIONS = "microsoft.cognitiveservices/accounts/projects/connections"


def check(project: FoundryProject, estate: Estate, options: Options) -> Verdicts:
    """A project with MCP tools under an account with a gateway."""
    if not project.account:
        raise NotApplicable(f"{project.title} is declared by a file and has no account in Azure yet")
    tools = [connection.title for connection in estate.under(project.key, FoundryConnection) if connection.is_remote_tool]
    tools += [
        agent.title
        for agent in estate.under(project.key, FoundryAgent)
        if any(tool.type == "mcp" for tool in agent.tools.items)
    ]
    account_link = linked_gateway(project.account, estate)
    if not tools and (isinstance(account_link, Unknown) or estate.is_complete(project.key, _CONNECTIONS)):
        raise NotApplicable(f"{project.title} shows no MCP tools")
    gateway = known(account_link)
    if gateway is None:
        raise NotApplicable(f"the account of {project.title} is linked to no gateway")
    if known(product_link(project.key, estate)) is not None:
        return
    if not tools:
        remedy = f"add the answer of: az rest --method get --url {project.id}/connections?api-version=2025-09-01"
        yield Unknown(f"the connections of {project.title}", remedy, project.at)
        return
    name = gateway.rpartition("/")[2]
    yield Issue(
        f"{project.title} has MCP tools ({tools[0]}) and no link to a product of {name}, the gateway of its account, so it is "
        "not enabled there; enable it: Operate > Admin console > AI Gateway > the project",
        at=project.at,
        related=(account_link.at.related("the account's link"),) if isinstance(account_link, Known) and account_link.at else (),
        evidence=(("gateway", name),),
    )

"""MG614: one secret for an MCP server in the hands of every project."""

from mcpguard.sdk import SECRET_AUTH, Estate, FoundryConnection, Issue, NotApplicable, Options, Unknown, Verdicts, known


def check(connection: FoundryConnection, estate: Estate, options: Options) -> Verdicts:
    """A connection of an account or of a classic hub."""
    if connection.level not in ("account", "workspace"):
        raise NotApplicable(f"{connection.title} belongs to one project")
    if isinstance(connection.category, Unknown):
        yield connection.category
        return
    if not connection.is_remote_tool:
        raise NotApplicable(f"{connection.title} leads to no MCP server")
    if not known(connection.shared_to_all):
        return
    auth_type = known(connection.auth_type)
    if auth_type in SECRET_AUTH:
        yield Issue(
            f"{connection.title} is shared with every project (isSharedToAll is true) and signs in by a secret ({auth_type}); "
            "make it in the projects that need it, or use UserEntraToken or AgenticIdentityToken",
            at=connection.shared_to_all.at or connection.at,
            evidence=(("authType", auth_type),),
        )

"""MG509: a server's registration that issues version 1 tokens."""

from mcpguard.sdk import (
    APP_SERVICE_RECIPE,
    ENTRA_RECIPE,
    Application,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    follows_app_service_recipe,
    is_reached_by_clients,
    known,
    servers_of,
)

UPDATE = (
    "az rest --method patch --url https://graph.microsoft.com/v1.0{} "
    """--body '{{"api": {{"requestedAccessTokenVersion": 2}}}}'"""
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = [server for server in servers_of(target, estate) if is_reached_by_clients(server, estate)]
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server that clients connect to")
    version = target.token_version
    if known(version) == 2 or known(target.guid_audience):
        return
    has_address = any(uri.lower().startswith("http") for uri in known(target.identifier_uris))
    recipes = {server.key: follows_app_service_recipe(server, estate) for server in servers}
    unread = next((found for found in recipes.values() if isinstance(found, Unknown)), None)
    if not has_address and unread is not None:
        yield unread
    elif not has_address and all(recipes.values()):
        # The two pages disagree, and which one the clients keep to is nowhere in the configuration.
        yield Unknown(
            f"whether clients of {servers[0].title} ask for its scope or for its address: {APP_SERVICE_RECIPE} has them "
            "ask for an "
            f"api:// scope, which works with version 1 tokens; {ENTRA_RECIPE} has them send the address, which takes version 2",
            f"let version 2 serve both: {UPDATE.format(target.id)}",
            version.at,
        )
    else:
        was = "not set, which means version 1" if isinstance(version, Known) and version.defaulted else f"{known(version)}"
        yield Issue(
            f"api.requestedAccessTokenVersion of {target.title} ({target.app_id}) is {was}, where 2 is wanted for "
            f"{servers[0].title}: "
            f"clients that send the server's address as resource get no token by {ENTRA_RECIPE}; clients that ask for an "
            "api:// "
            f"scope, by {APP_SERVICE_RECIPE}, do",
            version.at or target.at,
        )

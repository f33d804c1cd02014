"""MG425: an account key in the settings of an MCP server's function app."""

from mcpguard.sdk import Estate, Issue, Known, NotApplicable, Options, Site, StorageAccess, Verdicts, hosted_server, known


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None or not target.is_function_app:
        raise NotApplicable(f"nothing says that {target.title} is a function app with an MCP server")
    if known(target.storage) is not StorageAccess.CONNECTION_STRING:
        return
    has_identity = isinstance(target.identities, Known) and bool(target.identities.value)
    identity = "let its managed identity do that" if has_identity else "give it a managed identity"
    yield Issue(
        f"{target.title} reaches its storage account with a connection string (AzureWebJobsStorage), so the account key lies "
        f"in its settings; {identity} (AzureWebJobsStorage__credential)",
        target.storage.at or target.at,
        confidence=server.confidence,
    )

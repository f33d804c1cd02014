"""MG418: platform CORS that admits every origin."""

from mcpguard.sdk import ContainerApp, Estate, Issue, Known, NotApplicable, Options, Site, Verdicts, hosted_server, known


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    origins = [origin.strip() for origin in known(target.cors_origins)]
    if "*" not in origins:
        return
    at = target.cors_origins.at
    credentials = isinstance(target.cors_credentials, Known) and target.cors_credentials.value
    yield Issue(
        f"{target.title} lets pages of every origin call it{', with credentials' if credentials else ''} (allowedOrigins holds "
        "*); name the web clients that are meant, or remove the setting",
        at.child(origins.index("*")) if at is not None else target.at,
        confidence=server.confidence,
    )

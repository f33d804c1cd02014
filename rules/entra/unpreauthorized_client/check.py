"""MG517: a client that may come in but gets no token."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Application,
    ContainerApp,
    Estate,
    Fact,
    Issue,
    Known,
    Location,
    McpServer,
    NotApplicable,
    Options,
    ServerSource,
    ServicePrincipal,
    Site,
    Unknown,
    Verdicts,
    known,
    transform,
)

# Public client ids of Microsoft's own clients: merill/microsoft-info _info/MicrosoftApps.json, August 2026; the first also in
# azure-docs articles/app-service/configure-authentication-mcp-server-vscode.md. A row here is for naming and for nothing else.
WELL_KNOWN = {
    "aebc6443-996d-45c2-90f0-388ff96faa56": "Visual Studio Code",
    "04f0c124-f2bc-4f59-8241-bf6df9866bbd": "Visual Studio",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Azure CLI",
    "1950a258-227b-4e31-a9cf-717495945fc2": "Azure PowerShell",
    "14d82eec-204b-4c2f-b7e8-296a70dab67e": "Graph Command Line Tools",
    "de8bc8b5-d9f9-48b1-a8ad-b748da725064": "Graph Explorer",
    "1fec8e78-bce4-4aaf-ab1b-5451cc387264": "Microsoft Teams",
    "c0ab8ce9-e9a0-42e7-b064-33d422df41f1": "M365 Chat Client",
    "96ff4394-9197-43aa-b393-6a41652e21f8": "Power Virtual Agents",
    "59f0a04a-b322-4310-adc9-39ac41e9631e": "Azure SRE Agent",
}
APP_ONLY = frozenset({"managedidentity", "serviceidentity"})


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = [estate.get(McpServer, tie.server) for tie in estate.ties.get(target.key, ()) if tie.role == "server"]
    allowed: dict[str, tuple[str, Location | None]] = {}
    unread: list[Unknown] = []
    for server in servers:
        for fact, who in _allow_lists(server, estate) if server else ():
            match fact:
                case Known(value=clients, at=at):
                    for number, client in enumerate(clients):
                        allowed.setdefault(client, (who, at.child(number) if at else None))
                case Unknown() as unknown:
                    unread.append(unknown)
    allowed.pop(target.app_id, None)
    if not allowed and not unread:
        raise NotApplicable(f"{target.title} stands for no MCP server whose host or manifest entry names its clients")
    listed = {client.app_id for client in known(target.preauthorized)} if allowed else set()
    for client in sorted(allowed.keys() - listed):
        who, at = allowed[client]
        asks, name = _needs_consent(client, estate)
        match asks:
            case Known(value=True):
                yield Issue(
                    f"{who} allows the client {name or client}, but api.preAuthorizedApplications of {target.title} does not "
                    f"list {client}; preauthorize it, for Entra registers no clients on request",
                    (target.preauthorized.at if isinstance(target.preauthorized, Known) else None) or target.at,
                    related=(at.related("allowed here"),) if at else (),
                    evidence=(("client", client),),
                )
            case Unknown() as unknown:
                yield unknown
            case Known():
                pass
    yield from unread


def _allow_lists(server: McpServer, estate: Estate) -> Iterator[tuple[Fact[tuple[str, ...]], str]]:
    """What the host of a server allows, and what the manifest's own entry for it allows."""
    declaration = estate.declaration(server)
    is_host = server.source is ServerSource.HOST
    if declaration is not None and not (is_host and declaration.server.apim_api):  # a host behind a gateway has other callers
        clients = tuple(client.lower() for client in declaration.server.clients)
        yield Known(clients, declaration.at.child("clients")), f"the manifest's entry {declaration.server.id}"
    host = (estate.get(Site, server.host) or estate.get(ContainerApp, server.host)) if is_host else None
    if host is None:
        return
    match host.auth:
        case Known(value=auth):
            if auth is not None:
                yield auth.allowed_applications, host.title
        case Unknown() as unknown:
            yield unknown, host.title


def _needs_consent(client: str, estate: Estate) -> tuple[Fact[bool], str]:
    """Whether the client asks for tokens on behalf of users, which takes consent, and its name."""
    if client in WELL_KNOWN:
        return Known(True), WELL_KNOWN[client]
    for principal in estate.of(ServicePrincipal):
        if principal.app_id == client:
            return transform(principal.principal_type, lambda kind: kind.lower() not in APP_ONLY), principal.name
    for application in estate.of(Application):
        if application.app_id == client:
            return Known(True), application.name
    if estate.is_complete("", "microsoft.graph/serviceprincipals"):
        return Known(True), ""
    return Unknown(
        f"what kind of identity the client {client} is",
        "add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/servicePrincipals",
    ), ""

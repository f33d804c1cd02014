"""MG707: an MCP server for which no place names an owner."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Api,
    Application,
    ContainerApp,
    Estate,
    Fact,
    Issue,
    Known,
    McpGateway,
    McpServer,
    NotApplicable,
    Options,
    ServerSource,
    Service,
    Site,
    Unknown,
    Verdicts,
    inventory_entries,
    transform,
)

# Tag keys that name people, in lower case and without separators.
OWNER_TAGS = frozenset(
    {"owner", "owners", "ownedby", "owneremail", "ownername", "serviceowner", "businessowner", "technicalowner"}
    | {"productowner", "contact", "contactemail", "team", "teamname", "squad", "responsible", "maintainer"}
)


def check(target: McpServer, estate: Estate, options: Options) -> Verdicts:
    if target.source is ServerSource.LOOSE_POLICY:
        raise NotApplicable("a policy file is no server; its owner is the repository's")
    unread: list[Unknown] = []
    for server in _chain(target, estate):
        for fact in _owners(server, estate):
            match fact:
                case Known(value=owner):
                    if owner.strip():
                        return
                case Unknown() as unknown:
                    unread.append(unknown)
    if unread:
        yield unread[0]
        return
    declaration = estate.declaration(target)
    manifest = "its manifest entry" if declaration else "the manifest" if estate.manifest else "a manifest (none was given)"
    behind = "the API's contact, the tags of the service" if target.api else "the tags of the host"
    if target.source is ServerSource.KUBERNETES_GATEWAY:
        behind = "the labels of its gateway's deployment"
    yield Issue(
        f"{target.title} has no owner in {manifest}, {behind} or the owners of its app registration; declare owner in the "
        "manifest or set the tag owner",
        declaration.at if declaration else target.at,
    )


def _chain(target: McpServer, estate: Estate) -> Iterator[McpServer]:
    """The server, the host server behind it and the gateway servers that lead to that host: one owner answers for all."""
    yield target
    if target.host:
        yield from (server for server in estate.of(McpServer) if server.host == target.host and server.key != target.key)


def _owners(server: McpServer, estate: Estate) -> Iterator[Fact[str]]:
    """Every place that may name an owner, the strongest first."""
    declaration = estate.declaration(server)
    if declaration is not None and declaration.server.owner is not None:
        yield Known(declaration.server.owner.text)
    api = estate.get(Api, server.api)
    if api is not None:
        yield api.contact
    for entry in inventory_entries(server, estate):
        yield Known(entry.contact)
        yield Known(_tagged(entry.properties))
    for thing in (estate.get(Service, server.service), estate.get(Site, server.host), estate.get(ContainerApp, server.host)):
        if thing is not None:
            yield transform(thing.tags, _tagged)
    gateway = estate.get(McpGateway, server.gateway)
    if gateway is not None:
        yield transform(gateway.labels, _tagged)
        yield from _registration(gateway, estate)
    elif server.source is ServerSource.KUBERNETES_GATEWAY:
        remedy = "add its deployment and config maps, or declare an owner in the manifest"
        yield Unknown(f"the gateway that serves {server.title}, with its labels and registration", remedy, server.at)
    for application in estate.of(Application):
        if any(tie.server == server.key and tie.role == "server" for tie in estate.ties.get(application.key, ())):
            yield transform(application.owners, lambda owners: "someone" if owners else "")
    gap = next((gap for gap in estate.gaps if "application" in gap.kinds), None)
    if gap is not None:
        yield Unknown(gap.detail.rstrip("."), gap.remedy, gap.at)
    elif not estate.of(Application) and not estate.is_complete("", "microsoft.graph/applications"):
        remedy = (
            "add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/applications?$expand=owners, "
            "or declare an owner in the manifest"
        )
        yield Unknown(f"the owners of the app registration behind {server.title}", remedy, server.at)


def _registration(gateway: McpGateway, estate: Estate) -> Iterator[Fact[str]]:
    """Unknown when the registration that a gateway names was not read; its owners are looked at with all ties."""
    match gateway.client_id:
        case Unknown() as unknown:
            yield unknown
        case Known(value=client_id, at=at):
            read = any(application.app_id == client_id for application in estate.of(Application))
            if client_id and not read and not estate.is_complete("", "microsoft.graph/applications"):
                url = f"https://graph.microsoft.com/v1.0/applications(appId='{client_id}')?$expand=owners"
                remedy = f"add the answer of: az rest --method get --url {url}, or declare an owner in the manifest"
                yield Unknown(f"the owners of the registration {client_id} of {gateway.title}", remedy, at)


def _tagged(tags: dict[str, str]) -> str:
    """The first tag that names an owner."""
    plain = {key.lower().replace("-", "").replace("_", "").replace(" ", ""): value for key, value in tags.items()}
    return next((plain[key] for key in sorted(OWNER_TAGS) if plain.get(key, "").strip()), "")

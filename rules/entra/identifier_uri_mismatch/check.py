"""MG510: clients name the server by an address that its registration does not have."""

from collections.abc import Iterator

from mcpguard.sdk import (
    APP_SERVICE_RECIPE,
    ENTRA_RECIPE,
    Application,
    Confidence,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    client_address,
    follows_app_service_recipe,
    is_free_text,
    is_reached_by_clients,
    known,
    registrations_of,
    servers_of,
    value_or_none,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = [server for server in servers_of(target, estate) if is_reached_by_clients(server, estate)]
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server that clients connect to")
    uris = known(target.identifier_uris)
    for server in servers:
        yield from _judge(target, uris, server, estate)
    yield from _free_texts(target, uris)


def _judge(target: Application, uris: tuple[str, ...], server: McpServer, estate: Estate) -> Verdicts:
    address = client_address(server, estate)
    if address is None:
        yield Unknown(f"the address at which clients reach {server.title}", "add the gateway or host that serves it", server.at)
        return
    at = target.identifier_uris.at or target.at
    fits = [address.misfit(uri) for uri in uris]
    if None in fits:
        return
    for index, (uri, why) in enumerate(zip(uris, fits, strict=True)):
        if why:
            yield Issue(
                f"the identifier URI {uri} of {target.title} ({target.app_id}) is not what clients of {server.title} send: "
                f"{why}, and "
                f"Entra compares every character; make it {address.endpoint}",
                at.child(index),
                key=f"{server.key}/{uri}",
            )
    others = [uri for it in registrations_of(server, estate) for uri in value_or_none(it.identifier_uris) or ()]
    if any(fits) or any(address.misfit(uri) is None for uri in others):
        return
    recipe = follows_app_service_recipe(server, estate)
    only_scopes = not any(uri.lower().startswith("http") for uri in uris)
    if isinstance(recipe, Unknown) and only_scopes:
        yield recipe
    elif recipe and only_scopes:
        # The two pages disagree, and which one the clients keep to is nowhere in the configuration.
        yield Unknown(
            f"whether clients of {server.title} ask for its scope or for its address: {APP_SERVICE_RECIPE} publishes an "
            "api:// scope, "
            f"and clients that ask for it get tokens; clients that send the address as resource, by {ENTRA_RECIPE}, do not",
            f"let both work: add {address.endpoint} to the identifier URIs of {target.app_id}, with version 2 tokens",
            at,
        )
    else:
        have = ", ".join(uris) or "none"
        yield Issue(
            f"the identifier URIs of {target.title} ({target.app_id}) are {have}, and none is the address of {server.title}, "
            f"{address.endpoint}: clients that send it as resource, by {ENTRA_RECIPE}, get no token; clients that ask for an "
            f"api:// scope, by {APP_SERVICE_RECIPE}, do",
            at,
            confidence=Confidence.MEDIUM if only_scopes else Confidence.HIGH,
            key=server.key,
        )


def _free_texts(target: Application, uris: tuple[str, ...]) -> Iterator[Issue | Unknown]:
    """``api://`` and a free text: anybody's tenant may have the same. Registrations with version 2 tokens are exempt."""
    free = [(index, uri) for index, uri in enumerate(uris) if is_free_text(uri)]
    match target.token_version:
        case Known(value=version):
            for index, uri in free if version != 2 else ():
                yield Issue(
                    f"the identifier URI {uri} of {target.title} ({target.app_id}) holds no client id, tenant id or domain "
                    "of its "
                    f"own, so that another tenant may use the same; make it api://{target.app_id}",
                    (target.identifier_uris.at or target.at).child(index),
                    key=uri,
                )
        case Unknown() as unknown:
            if free:
                yield unknown

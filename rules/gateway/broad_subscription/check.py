"""MG119: one key for all APIs, MCP servers among them."""

from mcpguard.sdk import (
    Api,
    Estate,
    Issue,
    Key,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Service,
    Subscription,
    Unknown,
    Verdicts,
)

_BROAD = {"": "all access (the whole service)", "/apis": "all APIs"}


def check(service: Service, estate: Estate, options: Options) -> Verdicts:
    """Active subscriptions whose scope is no product and no single API."""
    servers: list[McpServer] = []
    doubts: list[Unknown] = []
    for server in estate.under(service.key, McpServer):
        asks = _asks_for_key(server, estate)
        if isinstance(asks, Unknown):
            doubts.append(asks)
        elif asks:
            servers.append(server)
    if not servers and not doubts:
        raise NotApplicable(f"{service.title} holds no MCP server that asks for a key")
    raw_type = "microsoft.apimanagement/service/subscriptions"
    subscriptions = estate.members(service, Subscription, raw_type, "subscriptions", "subscriptions")
    names = ", ".join(server.name for server in servers)
    for subscription in subscriptions.items:
        match subscription.scope, subscription.state:
            case Known(value=scope), Known(value="active", at=at) if scope in _BROAD:
                if not servers:
                    yield doubts[0]
                    continue
                yield Issue(
                    f"{subscription.title} ({subscription.display_name}) is active for {_BROAD[scope]}, so its keys open the "
                    f"MCP servers {names}; suspend it and give each client a subscription of a product",
                    at=at or subscription.at,
                    related=tuple(server.at.related(f"MCP server {server.name}") for server in servers),
                    evidence=(("subscription", subscription.name), ("scope", _BROAD[scope])),
                    key=subscription.name.lower(),
                )
            case (Unknown() as unknown, Known(value="active")):
                yield unknown
            case (Known(value=scope), Unknown() as unknown) if scope in _BROAD:
                yield unknown
            case (Unknown() as unknown, Unknown()):
                yield unknown
            case _:
                pass
    if subscriptions.missing is not None:
        yield subscriptions.missing


def _asks_for_key(server: McpServer, estate: Estate) -> bool | Unknown:
    """Whether a key is asked for and no other way in is known to be open without one."""
    api = estate.get(Api, server.api)
    if api is None or any(path.key is Key.NONE and path.doubt is None for path in estate.entry_paths.of(api)):
        return False
    match api.subscription_required:
        case Known(value=asks):
            return asks
        case Unknown() as unknown:
            return unknown

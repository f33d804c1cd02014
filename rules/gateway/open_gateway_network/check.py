"""MG130: an MCP server that the whole internet can call."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Reach,
    ServerCall,
    Service,
    Unknown,
    Verdicts,
    filters_addresses,
    inbound_location,
    judged_calls,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The service's network first, because it settles the question for all calls; then every call's ip-filter."""
    calls = list(judged_calls(server, estate))
    service = estate.get(Service, server.service)
    network = _closed(service) if service is not None else _unread(server)
    if network is True:
        return
    open_calls: list[ServerCall] = []
    for call in calls:
        match filters_addresses(call.policy):
            case Known(value=Reach.SOMETIMES | Reach.NEVER):
                doubt = network or call.path.doubt
                if doubt:
                    yield doubt
                else:
                    open_calls.append(call)
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    if (unread := unread_products(server, estate)) is not None:
        yield unread
    if open_calls and service is not None:
        ways = tuple(dict.fromkeys(call.title for call in open_calls))
        yield Issue(
            f"{server.title} can be called from everywhere ({'; '.join(ways)}): {service.title} has publicNetworkAccess "
            'Enabled, virtualNetworkType None, and no ip-filter with action="allow" that is always met; close the network or '
            "add one",
            at=inbound_location(open_calls[0], server, estate),
            related=(service.at.related("the service's network"),),
            evidence=tuple(("entry path", way) for way in ways),
            confidence=server.confidence,
        )


def _closed(service: Service) -> bool | Unknown:
    """Whether the service's network keeps anybody out."""
    public, network = service.public_network_access, service.virtual_network_type
    match public, network:
        case (Known(value=word), _) if word.lower() == "disabled":
            return True
        case (_, Known(value=word)) if word.lower() != "none":
            return True
        case (Unknown() as unknown, _) | (_, Unknown() as unknown):
            return unknown
        case _:
            return False


def _unread(server: McpServer) -> Unknown:
    remedy = f"add the answer of: az rest --method get --url {server.service}"
    return Unknown(f"the network of the API Management service of {server.title}", remedy, server.at)

"""MG131: a gateway that still speaks what was given up, or runs on what was."""

from mcpguard.sdk import (
    Estate,
    GatewayApi,
    GatewayHostname,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    SelfHostedGateway,
    Service,
    Unknown,
    Verdicts,
)

_TYPE = "microsoft.apimanagement/service/gateways"
_SELF_HOSTED_TIERS = frozenset({"developer", "premium"})  # azure-docs, self-hosted-gateway-overview


def check(service: Service, estate: Estate, options: Options) -> Verdicts:
    """The platform of every location, the service's protocols and ciphers, and its self-hosted gateways."""
    servers = frozenset(server.api for server in estate.under(service.key, McpServer))
    if not servers:
        raise NotApplicable(f"{service.title} holds no MCP server")
    for platform in service.platforms:
        match platform.version:
            case Known(value=value, at=at) if value.lower() == "stv1":
                yield Issue(
                    f"{service.title} runs on the compute platform stv1 (location {platform.location or 'not said'}), which "
                    "was retired in August 2024; migrate it to stv2",
                    at=at or service.at,
                    key=f"platformVersion {platform.location}",
                )
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
    yield from _protocols(service)
    match service.sku:
        case Known(value=sku) if sku.lower() not in _SELF_HOSTED_TIERS:
            return
        case _:
            yield from _self_hosted(service, servers, estate)


def _protocols(service: Service) -> Verdicts:
    unset: list[str] = []
    match service.tls_settings:
        case Unknown() as unknown:
            yield unknown
        case Known(value=settings, at=place):
            for setting in settings:
                match setting.enabled:
                    case Known(value=True, default=default) if default:
                        unset.append(f"{setting.name} with {setting.side}")
                    case Known(value=True, at=at):
                        yield Issue(
                            f"{service.title} still speaks {setting.name} with {setting.side} ({setting.member} is True); "
                            "set it to False",
                            at=at or service.at,
                            evidence=(("setting", setting.member),),
                            key=setting.member,
                        )
                    case Known():
                        pass
                    case Unknown() as unknown:
                        yield unknown
            if unset:
                yield Issue(
                    f"{service.title} still speaks {', '.join(unset)}: customProperties does not set them, and they are on in "
                    "services created on or before 2018-04-01; set them to False",
                    at=place or service.at,
                    key="customProperties",
                )


def _self_hosted(service: Service, servers: frozenset[str], estate: Estate) -> Verdicts:
    """The host names of the gateways that serve an MCP server, or may."""
    gateways = estate.members(service, SelfHostedGateway, _TYPE, "self-hosted gateways", "gateways")
    for gateway in gateways.items:
        apis = estate.members(gateway, GatewayApi, f"{_TYPE}/apis", "APIs", "apis")
        serves = any(link.api in servers for link in apis.items)
        if not serves and apis.missing is None:
            continue
        what = "host names"
        names = estate.members(gateway, GatewayHostname, f"{_TYPE}/hostnameconfigurations", what, "hostnameConfigurations")
        for name in names.items:
            for fact, member, protocol in ((name.tls10, "tls10Enabled", "TLS 1.0"), (name.tls11, "tls11Enabled", "TLS 1.1")):
                match fact:
                    case Known(value=True, at=at) if serves:
                        yield Issue(
                            f"{gateway.title}, which serves an MCP server, still speaks {protocol} at "
                            f"{name.hostname or name.name} ({member} is true); set it to false",
                            at=at or name.at,
                            evidence=(("gateway", gateway.name), (member, "true")),
                            key=f"{gateway.name} {name.name} {member}",
                        )
                    case Known(value=True) if apis.missing is not None:
                        yield apis.missing
                    case Unknown() as unknown:
                        yield unknown
                    case _:
                        pass
        if names.missing is not None:
            yield names.missing
    if gateways.missing is not None:
        yield gateways.missing

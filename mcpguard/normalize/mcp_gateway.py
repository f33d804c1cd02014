"""Gateways of the kind microsoft/mcp-gateway, and the servers and tools that they serve.

Shapes and behaviour: microsoft/mcp-gateway deployment/k8s, Program.cs (authentication), SimplePermissionProvider.cs (roles),
AdapterReverseProxyController.cs (routes). Each adapter is a server; all registered tools belong to one more, the router.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Evidence, RawResource
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.mcp import Confidence, McpGateway, McpServer, McpTool, ServerSource, Url
from mcpguard.model.kubernetes_gateway import SETTINGS_EXPORT
from mcpguard.model.urls import parse_url
from mcpguard.normalize.fields import fact, lookup, text
from mcpguard.normalize.kubernetes_settings import Settings, settings_of

_PORT = 8000
"""The port on which the gateway listens, without TLS (microsoft/mcp-gateway Program.cs)."""
_INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
_PRODUCTION = "ASP.NET Core runs as Production unless ASPNETCORE_ENVIRONMENT says otherwise"
_NOT_BYPASSED = "Authentication:BypassEntra is false unless set (microsoft/mcp-gateway Program.cs)"


def gateway_entities(evidence: Evidence) -> Iterator[tuple[Entity, str]]:
    """Every gateway with its servers and tools; each comes with the key of its parent."""
    by_type: dict[str, list[RawResource]] = {}
    for raw in evidence.resources:
        if raw.type.startswith(("mcp-gateway/", "kubernetes/")):
            by_type.setdefault(raw.type, []).append(raw)
    answers = [*by_type.get("mcp-gateway/adapters", ()), *by_type.get("mcp-gateway/tools", ())]
    gateways = _gateways(by_type)
    for gateway in gateways:
        yield gateway, ""
    one = gateways[0] if len(gateways) == 1 else None
    for raw in by_type.get("mcp-gateway/adapters", ()):
        yield _server(raw, one, f"adapters/{text(raw, 'name')}/mcp", text(raw, "name"), raw.key), one.key if one else ""
    tools = by_type.get("mcp-gateway/tools", ())
    if tools or (one is not None and not answers):
        router = _router(tools, one)
        yield router, one.key if one else ""
        for raw in tools:
            yield _tool(raw, router), router.key


def _gateways(by_type: dict[str, list[RawResource]]) -> list[McpGateway]:
    """One for each deployment; the portal's configuration belongs to the only one, or stands for one of its own."""
    maps = by_type.get("kubernetes/configmaps", [])
    services = by_type.get("kubernetes/services", [])
    deployments = by_type.get("kubernetes/deployments", [])
    configs = by_type.get("mcp-gateway/config", [])
    if len(deployments) == 1 and len(configs) == 1:
        return [_deployed(deployments[0], maps, services, configs[0])]
    return [*(_deployed(raw, maps, services, None) for raw in deployments), *(_configured(raw) for raw in configs)]


def _deployed(
    raw: RawResource, maps: Sequence[RawResource], services: Sequence[RawResource], config: RawResource | None
) -> McpGateway:
    settings = settings_of(raw, maps)
    name = text(raw, "metadata", "name")
    if config is not None:
        told = _configured(config)
        development, client_id, origin = told.development, told.client_id, told.public_origin
    else:
        development = _development(settings)
        client_id = _client_id(settings)
        origin = _origin(settings)
    return McpGateway(
        id=raw.id,
        key=raw.key,
        name=name,
        at=raw.origin,
        format=raw.format,
        development=development,
        client_id=client_id,
        public_origin=origin,
        labels=_labels(raw),
        public_listener=next((at for service in services if (at := _public_listener(service, raw)) is not None), None),
    )


def _public_listener(service: RawResource, deployment: RawResource) -> Location | None:
    """Where a service makes the gateway's port public: a load balancer that is not internal and selects its pods."""
    if text(service, "spec", "type").lower() != "loadbalancer":
        return None
    if text(service, "metadata", "namespace") != text(deployment, "metadata", "namespace"):
        return None
    if str(lookup(service.body, ("metadata", "annotations", _INTERNAL))).lower() == "true":
        return None
    selector = lookup(service.body, ("spec", "selector"))
    labels = lookup(deployment.body, ("spec", "template", "metadata", "labels"))
    if not isinstance(selector, dict) or not isinstance(labels, dict) or not selector or not selector.items() <= labels.items():
        return None
    ports = lookup(service.body, ("spec", "ports"))
    for port in ports if isinstance(ports, list) else []:
        if (lookup(port, ("targetPort",)) or lookup(port, ("port",))) == _PORT:
            return service.origin.child("spec", "type")
    return None


def _configured(raw: RawResource) -> McpGateway:
    """What the gateway itself says of its settings, after the environment and files were put together."""
    missing = Unknown(f"isDevelopment of {raw.id}", "save the answer of GET /portal/config", raw.origin)
    origin = text(raw, "publicOrigin")
    return McpGateway(
        id=raw.id,
        key=raw.key,
        name=parse_url(origin, raw.origin).host or origin,
        at=raw.origin,
        format=raw.format,
        development=fact(raw, ("isDevelopment",), bool, missing),
        client_id=Known(text(raw, "azureAd", "clientId").lower(), raw.origin.child("azureAd", "clientId")),
        public_origin=Known(parse_url(origin, raw.origin.child("publicOrigin")), raw.origin.child("publicOrigin")),
        labels=Unknown(f"the labels of the deployment behind {origin}", f"add the answer of: {SETTINGS_EXPORT}", raw.origin),
    )


def _development(settings: Settings) -> Fact[bool]:
    """The development scheme is on in the environment Development, and wherever Entra is bypassed."""
    unknown: Unknown | None = None
    at: Location | None = None
    for names, telling in (
        (("aspnetcore_environment", "dotnet_environment"), "development"),
        (("authentication:bypassentra",), "true"),
    ):
        match settings.first(*names):
            case Known(value=str() as value, at=at) if value.strip().lower() == telling:
                return Known(True, at)
            case Known():
                pass
            case Unknown() as missing:
                unknown = unknown or missing
    return unknown or Known(False, at or settings.at, f"{_PRODUCTION}; {_NOT_BYPASSED}")


def _client_id(settings: Settings) -> Fact[str]:
    match settings.first("azuread:clientid"):
        case Known(value=value, at=at):
            return Known((value or "").lower(), at)
        case Unknown() as unknown:
            return unknown


def _origin(settings: Settings) -> Fact[Url | None]:
    match settings.first("publicorigin"):
        case Known(value=str() as value, at=at):
            return Known(parse_url(value, at or settings.at), at)
        case Known(at=at):
            return Known(None, at or settings.at)
        case Unknown() as unknown:
            return unknown


def _labels(raw: RawResource) -> Fact[dict[str, str]]:
    found: dict[str, str] = {}
    for member in ("labels", "annotations"):
        held = lookup(raw.body, ("metadata", member))
        for name, value in held.items() if isinstance(held, dict) else ():
            if isinstance(value, str):
                found[name.rpartition("/")[2]] = value
    return Known(found, raw.origin.child("metadata"))


def _server(raw: RawResource, gateway: McpGateway | None, path: str, name: str, key: str) -> McpServer:
    return McpServer(
        id=raw.id,
        key=f"{key}#mcp",
        name=name,
        at=raw.origin,
        format=raw.format,
        source=ServerSource.KUBERNETES_GATEWAY,
        confidence=Confidence.HIGH,
        reasons=(f"an MCP gateway serves it at /{path}",),
        backends=Known((), raw.origin),
        gateway=gateway.key if gateway else "",
        url=_url(gateway, path),
    )


def _router(tools: Sequence[RawResource], gateway: McpGateway | None) -> McpServer:
    if gateway is None:
        server = _server(tools[0], None, "mcp", "tool gateway", "mcp-gateway:")
    else:
        server = McpServer(
            id=f"{gateway.id}/mcp",
            key=f"{gateway.key}#mcp",
            name=f"tool gateway of {gateway.name}",
            at=gateway.at,
            format=gateway.format,
            source=ServerSource.KUBERNETES_GATEWAY,
            confidence=Confidence.HIGH,
            reasons=("an MCP gateway serves its registered tools at /mcp",),
            backends=Known((), gateway.at),
            gateway=gateway.key,
            url=_url(gateway, "mcp"),
        )
    return server


def _url(gateway: McpGateway | None, path: str) -> Url | None:
    match gateway.public_origin if gateway is not None else None:
        case Known(value=Url() as origin):
            return parse_url(f"{origin.text.rstrip('/')}/{path}", origin.at)
        case _:
            return None


def _tool(raw: RawResource, router: McpServer) -> McpTool:
    definition = ("toolDefinition", "tool")
    roles = lookup(raw.body, ("requiredRoles",))
    name = text(raw, *definition, "name") or text(raw, "name")
    return McpTool(
        id=raw.id,
        key=raw.key,
        name=name,
        at=raw.origin,
        format=raw.format,
        server=router.key,
        description=text(raw, *definition, "description") or text(raw, "description"),
        method=None,
        operation="",
        required_roles=tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else (),
    )

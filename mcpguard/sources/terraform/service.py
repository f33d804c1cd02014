"""The API Management service itself in azurerm. Arguments: registry.terraform.io/providers/hashicorp/azurerm,
``docs/resources/api_management`` and ``api_management_custom_domain``; ARM shape: facts/apim.md 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.terraform.kinds import Extra, Kind
from mcpguard.sources.terraform.shapes import COMMON, One, Table, To, enabled, switch

_GATEWAY = "properties/customProperties/Microsoft.WindowsAzure.ApiManagement.Gateway."
_boolean = switch("True", "False")


def _sku(value: Json) -> Json:
    name, _, capacity = str(value).partition("_")
    return {"name": name, "capacity": int(capacity)} if capacity.isdecimal() else {"name": name}


_HOST_MEMBERS = {
    "host_name": "hostName",
    "key_vault_id": "keyVaultId",
    "key_vault_certificate_id": "keyVaultId",
    "negotiate_client_certificate": "negotiateClientCertificate",
    "default_ssl_binding": "defaultSslBinding",
    "certificate_source": "certificateSource",
}
_HOST_TYPES = {
    "gateway": "Proxy",
    "proxy": "Proxy",
    "management": "Management",
    "developer_portal": "DeveloperPortal",
    "portal": "Portal",
    "scm": "Scm",
}


def host_names(blocks: Mapping[str, Json]) -> Json:
    """``hostnameConfigurations`` from blocks named by the kind of host; computed when one of them is."""
    found: list[Json] = []
    for attribute, type_ in _HOST_TYPES.items():
        hosts = blocks.get(attribute)
        if isinstance(hosts, Unresolved):
            return hosts
        for host in hosts if isinstance(hosts, list) else ():
            if isinstance(host, dict):
                kept = {to: host[name] for name, to in _HOST_MEMBERS.items() if host.get(name) is not None}
                found.append({"type": type_, **kept})
    return found


def _finish_service(body: dict[str, Json], values: Mapping[str, Json]) -> None:
    blocks = values.get("hostname_configuration")
    if isinstance(blocks, Unresolved):
        body["properties"]["hostnameConfigurations"] = blocks
    elif isinstance(blocks, list) and blocks and isinstance(blocks[0], dict):
        body["properties"]["hostnameConfigurations"] = host_names(blocks[0])


_SECURITY: Table = {
    **{
        name: To(f"{_GATEWAY}Security.{key}", _boolean)
        for side, scope in (("frontend", ""), ("backend", "Backend."))
        for protocol in ("ssl30", "tls10", "tls11")
        for key in (f"{scope}Protocols.{protocol.capitalize()}",)
        for name in (f"{side}_{protocol}_enabled", f"enable_{side}_{protocol}")
    },
    "triple_des_ciphers_enabled": To(f"{_GATEWAY}Security.Ciphers.TripleDes168", _boolean),
    "enable_triple_des_ciphers": To(f"{_GATEWAY}Security.Ciphers.TripleDes168", _boolean),
}
_SERVICE_TABLE: Table = {
    **COMMON,
    "zones": "zones",
    "sku_name": To("sku", _sku),
    "publisher_name": "properties/publisherName",
    "publisher_email": "properties/publisherEmail",
    "public_network_access_enabled": To("properties/publicNetworkAccess", enabled),
    "min_api_version": "properties/apiVersionConstraint/minApiVersion",
    "virtual_network_type": "properties/virtualNetworkType",
    "virtual_network_configuration": One("properties/virtualNetworkConfiguration", {"subnet_id": "subnetResourceId"}),
    "gateway_url": "properties/gatewayUrl",
    "gateway_regional_url": "properties/gatewayRegionalUrl",
    "management_api_url": "properties/managementApiUrl",
    "developer_portal_url": "properties/developerPortalUrl",
    "client_certificate_enabled": "properties/enableClientCertificate",
    "gateway_disabled": "properties/disableGateway",
    "security": One("", _SECURITY),
    "protocols": One(
        "",
        {
            "http2_enabled": To(f"{_GATEWAY}Protocols.Server.Http2", _boolean),
            "enable_http2": To(f"{_GATEWAY}Protocols.Server.Http2", _boolean),
        },
    ),
}
_POLICY = "properties/value"
_SETTING: Table = {"enabled": "properties/enabled"}
_SIGN_UP: Table = {
    "enabled": "properties/enabled",
    "terms_of_service": One("properties/termsOfService", {"enabled": "enabled", "consent_required": "consentRequired"}),
}
SERVICE = Kind(
    "Microsoft.ApiManagement/service",
    _SERVICE_TABLE,
    finish=_finish_service,
    extras=(
        Extra((("tenant", "=access"),), _SETTING, "tenant_access", needed=True),
        Extra((("portalsettings", "=signup"),), _SIGN_UP, "sign_up", needed=True),
        Extra((("portalsettings", "=signin"),), _SETTING, "sign_in", needed=True),
        Extra((("policies", "=policy"),), {"xml_content": _POLICY, "xml_link": _POLICY}, "policy", needed=True),
    ),
    whole=(
        *("apis", "backends", "diagnostics", "gateways", "loggers", "namedValues", "policies", "policyFragments"),
        *("products", "subscriptions"),
    ),
)

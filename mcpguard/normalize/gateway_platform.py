"""The service itself and its self-hosted gateways: network, platform, protocols. Shapes: facts/apim.md 1.1 and 1.12."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcpguard.core.facts import Fact, Known
from mcpguard.evidence import Json, RawResource, Unresolved
from mcpguard.evidence.formats import TEMPLATES
from mcpguard.model.estate import service_key
from mcpguard.model.kinds.gateway import GatewayApi, GatewayHostname, Platform, SelfHostedGateway, Service, TlsSetting
from mcpguard.model.urls import parse_url
from mcpguard.normalize.fields import (
    READ_AGAIN,
    absent_member,
    base_of,
    fact,
    last_segment,
    lookup,
    not_usable,
    parent_key,
    tags,
    text,
)
from mcpguard.normalize.gateway_network import outbound_addresses, subnets
from mcpguard.normalize.host_identities import read_identities

_SERVICE = "microsoft.apimanagement/service"
_MIN_VERSION_DEFAULT = "every version of the management API is let in unless minApiVersion is set (facts/apim.md 1.1)"
_PUBLIC_DEFAULT = "publicNetworkAccess is Enabled by default (facts/apim.md 1.1)"
_NETWORK_DEFAULT = "virtualNetworkType is None by default (ARM reference, API Management service)"
_NEW_PLATFORM = "only the platform writes platformVersion, and stv1 takes no new services (azure-docs, compute-infrastructure)"
_NEW_SERVICE = "off in services created after 2018-04-01 (ARM reference, customProperties)"
_OLD_SERVICE = "on in services created on or before 2018-04-01 (ARM reference, customProperties)"
_LAST_OLD_DAY = "2018-04-01"

_CUSTOM = ("properties", "customProperties")
_PREFIX = "Microsoft.WindowsAzure.ApiManagement.Gateway.Security."
_PROTOCOLS = (
    ("Protocols.Tls10", "TLS 1.0", "clients"),
    ("Protocols.Tls11", "TLS 1.1", "clients"),
    ("Protocols.Ssl30", "SSL 3.0", "clients"),
    ("Backend.Protocols.Tls10", "TLS 1.0", "backends"),
    ("Backend.Protocols.Tls11", "TLS 1.1", "backends"),
    ("Backend.Protocols.Ssl30", "SSL 3.0", "backends"),
    ("Ciphers.TripleDes168", "the cipher 3DES", "clients"),
)
"""Switches that every service has, with what they stand for and with whom it is spoken."""
_CIPHERS = f"{_PREFIX}ciphers.".lower()


def service(raw: RawResource) -> Service:
    """An API Management service."""
    hosts = []
    gateway_url = text(raw, "properties", "gatewayUrl")
    if gateway_url:
        hosts.append(parse_url(gateway_url, raw.origin).host)
    configurations = lookup(raw.body, ("properties", "hostnameConfigurations"))
    for configuration in configurations if isinstance(configurations, list) else []:
        host = lookup(configuration, ("hostName",))
        if lookup(configuration, ("type",)) == "Proxy" and isinstance(host, str):
            hosts.append(host.lower())
    sku = fact(raw, ("sku", "name"), str, absent_member(raw, "sku.name", READ_AGAIN + raw.id))
    return Service(
        **base_of(raw),  # type: ignore[arg-type]
        sku=sku,
        gateway_hosts=tuple(dict.fromkeys(host for host in hosts if host)),
        tags=tags(raw) if _has_properties(raw) else absent_member(raw, "tags", READ_AGAIN + raw.id),
        public_network_access=_setting(raw, "publicNetworkAccess", "Enabled", _PUBLIC_DEFAULT),
        virtual_network_type=_setting(raw, "virtualNetworkType", "None", _NETWORK_DEFAULT),
        platforms=tuple(_platforms(raw)),
        tls_settings=_tls_settings(raw),
        identity=fact(raw, ("identity", "type"), str, _identity_default(raw)),
        identities=read_identities(raw, {}),
        outbound_addresses=outbound_addresses(raw),
        subnets=subnets(raw),
        min_api_version=fact(raw, ("properties", "apiVersionConstraint", "minApiVersion"), str, _min_version_default(raw)),
        created=fact(raw, ("properties", "createdAtUtc"), str, absent_member(raw, "createdAtUtc", READ_AGAIN + raw.id)),
    )


def _has_properties(raw: RawResource) -> bool:
    return isinstance(lookup(raw.body, ("properties",)), dict)


def _setting(raw: RawResource, member: str, default: str, why: str) -> Fact[str]:
    absent: Fact[str] = Known(default, raw.origin.child("properties"), why)
    if not _has_properties(raw):
        absent = absent_member(raw, f"properties.{member}", READ_AGAIN + raw.id)
    return fact(raw, ("properties", member), str, absent)


def _identity_default(raw: RawResource) -> Fact[str]:
    if not _has_properties(raw):
        return absent_member(raw, "identity", READ_AGAIN + raw.id)
    return Known("None", raw.origin, "no identity block")


def implied_services(resources: Iterable[RawResource]) -> Iterator[RawResource]:
    """The services whose APIs were read without them, as an APIOps extract holds them: all that is known is that they exist."""
    present: set[str] = set()
    implied: dict[str, RawResource] = {}
    for raw in resources:
        if raw.type == _SERVICE:
            present.add(raw.key)
        elif raw.type == f"{_SERVICE}/apis":
            key = service_key(raw.key)
            if key not in implied:
                implied[key] = RawResource(raw.id[: len(key)], _SERVICE, {}, raw.origin, raw.format)
    yield from (raw for key, raw in implied.items() if key not in present)


def _min_version_default(raw: RawResource) -> Fact[str]:
    if not _has_properties(raw):
        return absent_member(raw, "properties.apiVersionConstraint", READ_AGAIN + raw.id)
    return Known("", raw.origin.child("properties"), _MIN_VERSION_DEFAULT)


def _platforms(raw: RawResource) -> Iterator[Platform]:
    locations = lookup(raw.body, ("properties", "additionalLocations"))
    more = range(len(locations) if isinstance(locations, list) else 0)
    yield _platform(raw, text(raw, "location"), ("properties",))
    for index in more:
        steps = ("properties", "additionalLocations", index)
        yield _platform(raw, text(raw, *steps, "location"), steps)


def _platform(raw: RawResource, location: str, holder: tuple[str | int, ...]) -> Platform:
    steps = (*holder, "platformVersion")
    absent: Fact[str] = absent_member(raw, ".".join(map(str, steps)), READ_AGAIN + raw.id)
    if raw.format in TEMPLATES:
        absent = Known("undetermined", raw.origin, _NEW_PLATFORM)
    return Platform(location, fact(raw, steps, str, absent))


def _tls_settings(raw: RawResource) -> Fact[tuple[TlsSetting, ...]]:
    written = lookup(raw.body, _CUSTOM)
    if not _has_properties(raw):
        return absent_member(raw, "properties.customProperties", READ_AGAIN + raw.id)
    if written is not None and not isinstance(written, dict):
        return not_usable(raw, _CUSTOM, written, "an object")
    names = {str(name).lower(): str(name) for name in written or {}}
    found = []
    for key, called, side in _PROTOCOLS:
        name = names.get((_PREFIX + key).lower())
        enabled = _switch(raw, name) if name is not None else _switch_default(raw, _PREFIX + key)
        found.append(TlsSetting(called, name or _PREFIX + key, side, enabled))
    for lowered, name in names.items():
        cipher = lowered.removeprefix(_CIPHERS)
        if cipher != lowered and _is_weak(cipher):
            found.append(TlsSetting(f"the cipher {name[len(_CIPHERS) :]}", name, "clients", _switch(raw, name)))
    return Known(tuple(found), raw.origin.child(*_CUSTOM))


def _is_weak(cipher: str) -> bool:
    """Ciphers without forward secrecy, or with SHA-1 (PSRule for Azure, Azure.APIM.Ciphers)."""
    return cipher.startswith("tls_rsa_") or cipher.endswith("_cbc_sha")


def _switch(raw: RawResource, name: str) -> Fact[bool]:
    """A switch is the text ``True`` or ``False`` in any case; templates also write the Boolean."""
    value: Json = lookup(raw.body, (*_CUSTOM, name))
    at = raw.origin.child(*_CUSTOM, name)
    match str(value).lower() if not isinstance(value, Unresolved) else "":
        case "true":
            return Known(True, at)
        case "false":
            return Known(False, at)
        case _:
            return not_usable(raw, (*_CUSTOM, name), value, "True or False")


def _switch_default(raw: RawResource, key: str) -> Fact[bool]:
    """What an absent switch stands for depends on the age of the service; a template makes a new one."""
    created = text(raw, "properties", "createdAtUtc")
    at = raw.origin.child(*_CUSTOM)
    if created and created[: len(_LAST_OLD_DAY)] <= _LAST_OLD_DAY:
        return Known(True, at, _OLD_SERVICE)
    if created or raw.format in TEMPLATES:
        return Known(False, at, _NEW_SERVICE)
    return absent_member(raw, f"{key}, or when the service was created,", READ_AGAIN + raw.id)


def self_hosted_gateway(raw: RawResource) -> SelfHostedGateway:
    """A self-hosted gateway."""
    return SelfHostedGateway(**base_of(raw), service=parent_key(raw.key))  # type: ignore[arg-type]


def gateway_api(raw: RawResource) -> GatewayApi:
    """An API that a self-hosted gateway serves; the id alone says which."""
    service_key = parent_key(parent_key(raw.key))
    return GatewayApi(**base_of(raw), api=f"{service_key}/apis/{last_segment(raw.key)}")  # type: ignore[arg-type]


def gateway_hostname(raw: RawResource) -> GatewayHostname:
    """A host name of a self-hosted gateway."""
    return GatewayHostname(
        **base_of(raw),  # type: ignore[arg-type]
        hostname=text(raw, "properties", "hostname"),
        tls10=_hostname_switch(raw, "tls10Enabled"),
        tls11=_hostname_switch(raw, "tls11Enabled"),
    )


def _hostname_switch(raw: RawResource, member: str) -> Fact[bool]:
    absent = absent_member(raw, f"properties.{member}", READ_AGAIN + raw.id)
    return fact(raw, ("properties", member), bool, absent)

"""App Service and Functions sites. Shapes, defaults and traps: facts/hosting.md sections 1 to 4."""

from __future__ import annotations

import msgspec

from mcpguard.core.facts import Fact, Known, Members, Unknown, transform
from mcpguard.evidence import RawResource
from mcpguard.evidence.formats import TEMPLATES
from mcpguard.model.kinds.host_parts import AppSetting
from mcpguard.model.kinds.hosting import Function, PlatformAuth, Site
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.normalize.fields import fact, last_segment, lookup, tags, text
from mcpguard.normalize.host_files import client_state_encrypted, extension_bundle, host_file, key_level, site_name
from mcpguard.normalize.host_identities import read_identities
from mcpguard.normalize.host_index import READ_AGAIN, HostIndex
from mcpguard.normalize.platform_auth import read_auth, read_classic_auth
from mcpguard.normalize.site_config import SiteConfig, exclusion_paths, site_member
from mcpguard.normalize.site_settings import (
    app_settings,
    key_vault_references,
    publishing_policies,
    sticky_settings,
    storage_access,
)

_MCP_TRIGGERS = frozenset({"mcptooltrigger", "mcpresourcetrigger", "mcpprompttrigger"})
_PREVIEW_FLAG = "EnableMcpCustomHandlerPreview"


def read_site(raw: RawResource, index: HostIndex) -> Site:
    """One site or slot, with what its child resources and its host.json say."""
    name = site_name(raw.id)
    slot_of = raw.key.rpartition("/slots/")[0] if raw.type.endswith("/slots") else ""
    functions = _functions(raw, index)
    settings = app_settings(raw, index)
    file, file_confidence = host_file(raw, index)
    is_function_app = "functionapp" in {token.strip() for token in text(raw, "kind").lower().split(",")}
    markers, confidence = _site_markers(name, functions, settings, file, file_confidence)
    names = lookup(raw.body, ("properties", "hostNames"))
    host_names = [text(raw, "properties", "defaultHostName"), *(names if isinstance(names, list) else [])]
    config = SiteConfig(raw, index)
    restrictions = config.restrictions(index)
    level = key_level(raw, is_function_app, settings, file)
    return Site(
        id=raw.id,
        key=raw.key,
        name=name,
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        host_names=tuple(dict.fromkeys(host.lower() for host in host_names if isinstance(host, str) and host)),
        tags=tags(raw),
        markers=markers,
        marker_confidence=confidence,
        internet_facing=restrictions.internet_facing,
        restrictions=restrictions,
        auth=_site_auth(raw, index),
        identities=read_identities(raw, index.identities),
        cors_origins=config.cors_origins(),
        cors_credentials=config.cors_credentials(),
        client_certificate_mode=transform(
            site_member(raw, "clientCertMode", str, "Required", "clientCertMode is Required unless set"), str.lower
        ),
        is_function_app=is_function_app,
        slot_of=slot_of,
        functions=functions,
        app_settings=settings,
        key_vault_references=key_vault_references(raw, index),
        sticky_settings=sticky_settings(raw, slot_of or raw.key, index),
        storage=storage_access(raw, settings),
        mcp_key_level=transform(level, str.lower),
        raw_key_level=level,
        extension_bundle=extension_bundle(raw, is_function_app, file),
        client_state_encrypted=client_state_encrypted(raw, is_function_app, settings, file),
        https_only=site_member(raw, "httpsOnly", bool, False, "httpsOnly is false unless set (facts/hosting.md 10)"),
        client_certificates=site_member(raw, "clientCertEnabled", bool, False, "clientCertEnabled is false unless set"),
        client_certificate_exclusions=exclusion_paths(raw),
        tls=config.fact("minTlsVersion", str, Known("1.2", raw.origin, "App Service asks for TLS 1.2 unless set")),
        scm_tls=config.fact("scmMinTlsVersion", str, config.undocumented("scmMinTlsVersion")),
        ftps_state=config.fact("ftpsState", str, config.undocumented("ftpsState")),
        remote_debugging=config.fact(
            "remoteDebuggingEnabled", bool, Known(False, raw.origin, "remote debugging is off unless enabled")
        ),
        publishing=publishing_policies(raw, index),
        gateway_api=config.gateway_api(),
    )


def _functions(raw: RawResource, index: HostIndex) -> Members[Function]:
    items = tuple(_function(child) for child in index.functions.get(raw.key, ()))
    if index.is_complete(raw.key, f"{raw.type}/functions") or (items and raw.format in TEMPLATES):
        return Members(items)
    missing = Unknown(f"the functions of {site_name(raw.id)}", f"{READ_AGAIN}{raw.id}/functions", raw.origin)
    return Members(items, missing)


def _function(raw: RawResource) -> Function:
    bindings = lookup(raw.body, ("properties", "config", "bindings"))
    return Function(
        name=last_segment(raw.id).rsplit("/", 1)[-1],
        bindings=tuple(binding for binding in bindings if isinstance(binding, dict)) if isinstance(bindings, list) else (),
        at=raw.origin,
        is_disabled=lookup(raw.body, ("properties", "isDisabled")) is True,
    )


def _site_markers(
    name: str,
    functions: Members[Function],
    settings: Fact[dict[str, AppSetting]],
    file: RawResource | None,
    file_confidence: Confidence,
) -> tuple[tuple[str, ...], Confidence]:
    markers: list[str] = []
    confidence = Confidence.LOW
    triggered = [function.name for function in functions.items if function.trigger in _MCP_TRIGGERS]
    if triggered:
        markers.append(f"its function {triggered[0]} has an MCP trigger")
        confidence = Confidence.HIGH
    match settings:
        case Known(value=values):
            flags = values.get("azurewebjobsfeatureflags")
            if flags is not None and isinstance(flags.value, Known) and _PREVIEW_FLAG in flags.value.value:
                markers.append(f"AzureWebJobsFeatureFlags holds {_PREVIEW_FLAG}")
                confidence = Confidence.HIGH
            if "website_auth_prm_default_with_scopes" in values:
                markers.append("it serves protected resource metadata (WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES)")
                confidence = confidence if confidence is Confidence.HIGH else Confidence.MEDIUM
        case Unknown():
            pass
    if file is not None:
        profile = lookup(file.body, ("configurationProfile",))
        if isinstance(profile, str) and profile.lower() == "mcp-custom-handler":
            markers.append(f"{file.origin.artifact} has the profile mcp-custom-handler")
        elif isinstance(lookup(file.body, ("extensions", "mcp")), dict):
            markers.append(f"{file.origin.artifact} configures the MCP extension")
        if markers and confidence is not Confidence.HIGH:
            confidence = file_confidence
    if not markers and "mcp" in name.lower().replace("_", "-").split("-"):
        markers.append(f"its name {name} says mcp")
    return tuple(markers), confidence


def _site_auth(raw: RawResource, index: HostIndex) -> Fact[PlatformAuth | None]:
    """Version 2, unless it is off and version 1 is on: then that counts, and version 2 answers prove nothing."""
    configs = index.configs.get(raw.key, {})
    found, classic = configs.get("authsettingsv2"), configs.get("authsettings")
    if classic is not None and (found is None or _is_off(found)):
        old = read_classic_auth(classic, raw)
        if isinstance(old.enabled, Known) and old.enabled.value:
            return Known(old, classic.origin)
        if found is not None and isinstance(old.enabled, Unknown):
            new = _version_2(found, raw)
            return Known(msgspec.structs.replace(new, enabled=old.enabled), found.origin)
    if found is not None:
        return Known(_version_2(found, raw), found.origin)
    if index.is_complete(raw.key, f"{raw.type}/config"):
        return Known(None, raw.origin)
    return Unknown(
        f"the authentication settings of {site_name(raw.id)}",
        f"{READ_AGAIN}{raw.id}/config/authsettingsV2 (Reader may read it)",
        raw.origin,
    )


def _version_2(found: RawResource, raw: RawResource) -> PlatformAuth:
    elsewhere = fact(found, ("properties", "platform", "configFilePath"), str, Known("", found.origin))
    return read_auth(found, raw, elsewhere, is_site=True)


def _is_off(found: RawResource) -> bool:
    """Whether version 2 is known to be off, rather than computed or unread."""
    enabled = lookup(found.body, ("properties", "platform", "enabled"))
    return enabled is None or enabled is False

"""Pools of dynamic sessions. Shapes: facts/hosting.md section 5; azure-mgmt-appcontainers 5.1.0, ``SessionPool``."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.evidence import Json, RawResource, Unresolved
from mcpguard.model.kinds.hosting import SessionPool
from mcpguard.normalize.fields import base_of, fact, lookup, not_usable, tags
from mcpguard.normalize.host_identities import read_identities
from mcpguard.normalize.host_index import DECLARED, READ_AGAIN, HostIndex

_PREVIEW = "2025-02-02-preview"
_SERVER = ("properties", "mcpServerSettings")


def read_session_pool(raw: RawResource, index: HostIndex) -> SessionPool:
    """One pool. Its MCP settings exist in preview versions of the API only, so answers of others tell nothing of them."""
    no_pool = Unknown(f"the properties of {raw.id}", f"{READ_AGAIN}{raw.id}?api-version={_PREVIEW}", raw.origin)
    status = fact(raw, ("properties", "sessionNetworkConfiguration", "status"), str, no_pool)
    cooldown: tuple[str, ...] = ("properties", "dynamicPoolConfiguration", "cooldownPeriodInSeconds")
    if lookup(raw.body, cooldown) is None:
        cooldown = ("properties", "dynamicPoolConfiguration", "lifecycleConfiguration", "cooldownPeriodInSeconds")
    return SessionPool(
        **base_of(raw),  # type: ignore[arg-type]
        tags=tags(raw),
        container_type=transform(fact(raw, ("properties", "containerType"), str, no_pool), str.lower),
        egress_enabled=transform(status, lambda value: value.lower() != "egressdisabled"),
        mcp_enabled=_server_flag(raw, "isMCPServerEnabled"),
        api_key_disabled=_server_flag(raw, "isMCPServerApiKeyDisabled"),
        cooldown_seconds=fact(raw, cooldown, int, no_pool),
        identities=read_identities(raw, index.identities),
    )


def _server_flag(raw: RawResource, name: str) -> Fact[bool]:
    """A member of ``mcpServerSettings``, found without regard to case: the preview's reference could not be checked."""
    settings: Json = lookup(raw.body, _SERVER)
    if isinstance(settings, Unresolved):
        return not_usable(raw, _SERVER, settings, "an object")
    if isinstance(settings, dict):
        found = next((key for key in settings if str(key).lower() == name.lower()), name)
        return fact(raw, (*_SERVER, found), bool, Known(False, raw.origin.child(*_SERVER), f"{name} is false unless set"))
    if raw.format in DECLARED or raw.api_version.endswith("-preview"):
        return Known(False, raw.origin, "no mcpServerSettings, so the pool is no MCP server")
    return Unknown(
        f"whether {raw.id} is an MCP server, which only preview versions of the API show",
        f"{READ_AGAIN}{raw.id}?api-version={_PREVIEW}",
        raw.origin,
    )

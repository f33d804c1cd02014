"""Where a client finds out who issues tokens for a server: OAuth protected resource metadata (RFC 9728)."""

from __future__ import annotations

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.audiences import host_behind
from mcpguard.model.estate import Estate, child_type
from mcpguard.model.kinds.gateway import Api, Operation
from mcpguard.model.kinds.hosting import Site
from mcpguard.model.kinds.mcp import McpServer

_SEGMENTS = ".well-known/oauth-protected-resource"
_SETTING = "website_auth_prm_default_with_scopes"
"""App setting with which App Service publishes the metadata itself (azure-docs, configure-authentication-mcp)."""


def metadata_operation(server: McpServer, estate: Estate) -> bool | Unknown:
    """Whether the server's API, or an API at the root of its gateway, has an operation that serves the metadata."""
    own = estate.get(Api, server.api)
    serves, unread = _serving(own, estate) if own is not None else (False, None)
    if serves:
        return True
    at_root, root_unread = estate.remember(("metadata", server.service), lambda: _served_at_root(server.service, estate))
    if at_root:
        return True
    unread = unread or root_unread
    if unread is None and not estate.is_complete(server.service, child_type(server.service, "apis")):
        remedy = f"add the answer of: az rest --method get --url {server.service}/apis (or pass --complete)"
        unread = Unknown(f"the APIs beside {server.title}, one of which may serve its metadata", remedy, server.at)
    return unread or False


def _served_at_root(service: str, estate: Estate) -> tuple[bool, Unknown | None]:
    """Whether an API whose path is empty or a part of the well-known one serves the metadata, for every server of a gateway."""
    unread: Unknown | None = None
    for api in estate.under(service, Api):
        if _SEGMENTS.startswith(api.path.strip("/").lower()):
            serves, missing = _serving(api, estate)
            if serves:
                return True, None
            unread = unread or missing
    return False, unread


def _serving(api: Api, estate: Estate) -> tuple[bool, Unknown | None]:
    """Whether one of an API's operations serves the metadata; what is missing when they were not all read."""
    prefix = api.path.strip("/").lower()
    for operation in estate.under(api.key, Operation):
        if _SEGMENTS in f"{prefix}/{operation.url_template.lower().lstrip('/')}":
            return True, None
    if estate.is_complete(api.key, child_type(api.key, "operations")):
        return False, None
    remedy = f"add the answer of: az rest --method get --url {api.id}/operations (or pass --complete)"
    return False, Unknown(f"the operations of {api.title}", remedy, api.at)


def host_publishes_metadata(server: McpServer, estate: Estate) -> bool | Unknown:
    """Whether the host behind a server is known to publish the metadata itself."""
    host = host_behind(server, estate)
    if not isinstance(host, Site):
        return False
    match host.app_settings:
        case Known(value=settings):
            return _SETTING in settings
        case Unknown() as unknown:
            return unknown

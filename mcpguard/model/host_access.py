"""What a host asks of its callers, whichever way they come: nothing, a key, or a token, and of whom.

Facts: facts/hosting.md 2 (platform authentication), 4.1 and 4.3 (keys). What the host's own code asks is not visible.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.model.estate import Estate
from mcpguard.model.excluded_paths import Cover, cover, endpoint_paths
from mcpguard.model.kinds.hosting import Host, PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpServer

_EXTENSION_SETTING = "AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel"
_HANDLER_SETTING = "AzureFunctionsJobHost__customHandler__http__DefaultAuthorizationLevel"
_HANDLER_MARKS = (("AzureWebJobsFeatureFlags", "enablemcpcustomhandlerpreview"), ("FUNCTIONS_WORKER_RUNTIME", "custom"))
_BINDING_MODES = frozenset({"required", "require"})
_ASKING_MODES = frozenset({"optional", "optionalinteractiveuser", "accept"})


class Ask(Enum):
    """What the platform demands before a request reaches the MCP endpoint."""

    NOTHING = "nothing"
    KEY = "key"
    TOKEN = "token"


class Admission(msgspec.Struct, frozen=True):
    """What a host demands, and whom its sign-in admits."""

    ask: Ask
    at: Location
    """The setting that decides."""
    clients: frozenset[str] | None = None
    """Client ids whose tokens pass, lower case; None when sign-in does not look at the client."""
    identities: frozenset[str] | None = None
    """Object ids whose tokens pass, lower case; None when sign-in does not look at the caller."""
    grouped: bool = False
    """Whether only members of some groups pass."""
    registration: str = ""
    """Client id of the registration that callers sign in to, lower case; empty when it is not known."""


def hosted_server(host: Host, estate: Estate) -> McpServer | None:
    """The MCP server that a host runs; of a slot also that of its site, whose code it holds. None when nothing says so."""
    site = host.slot_of if isinstance(host, Site) else ""
    return estate.get(McpServer, f"{host.key}#mcp") or (estate.get(McpServer, f"{site}#mcp") if site else None)


def admission(host: Host, estate: Estate) -> Fact[Admission]:
    """What the platform in front of a host's MCP endpoint asks for."""
    match host.auth:
        case Unknown() as unknown:
            return unknown
        case Known(value=None):
            return _keyed(host, host.at)
        case Known(value=PlatformAuth() as auth):
            signed_in = enforces_sign_in(auth)
            if isinstance(signed_in, Known) and not signed_in.value:
                return _keyed(host, signed_in.at or auth.at)
            if isinstance(signed_in, Unknown):
                return signed_in
            match _left_out(auth, host, estate):
                case Known(value=is_left_out, at=at):
                    return _keyed(host, at or auth.at) if is_left_out else _admitted(auth)
                case Unknown() as unknown:
                    return unknown
        case _:
            return Unknown(f"the authentication of {host.title}", "read it again", host.at)


def enforces_sign_in(auth: PlatformAuth) -> Fact[bool]:
    """Whether platform authentication refuses callers without a token; paths that are left out are not looked at."""
    match auth.defined_elsewhere:
        case Known(value=file) if file and auth.version != "v1":
            return Unknown(f"the file {file} that defines the authentication of {auth.name}", "review it by hand", auth.at)
        case Unknown() as unknown:
            return unknown
        case _:
            pass
    refuses = transform(auth.unauthenticated_action, lambda action: action.lower() != "allowanonymous")
    conditions = (auth.enabled, auth.require_authentication, refuses)
    for fact in conditions:
        if isinstance(fact, Known) and not fact.value:
            return Known(False, fact.at)
    return next((fact for fact in conditions if isinstance(fact, Unknown)), auth.enabled)


def signs_callers_in(host: Host) -> Fact[bool]:
    """Whether platform authentication is there and refuses callers without a token."""
    match host.auth:
        case Unknown() as unknown:
            return unknown
        case Known(value=PlatformAuth() as auth):
            return enforces_sign_in(auth)
        case Known(at=at):
            return Known(False, at or host.at)


def is_weaker_slot(slot: Site, estate: Estate) -> bool:
    """Whether a slot lets callers through without a token while its site does not."""
    site = estate.get(Site, slot.slot_of) if slot.slot_of else None
    if site is None:
        return False
    return _is(signs_callers_in(site), True) and _is(signs_callers_in(slot), False)


def _is(fact: Fact[bool], value: bool) -> bool:
    return isinstance(fact, Known) and fact.value is value


def level_is_of_extension(site: Site) -> bool:
    """Whether the key level is the MCP extension's own, rather than that of a custom handler (facts/hosting.md 4.1, 4.3)."""
    for name, answer in ((_EXTENSION_SETTING, True), (_HANDLER_SETTING, False)):
        if _setting_of(site, name) is not None:
            return answer
    level = site.raw_key_level
    if level.at is not None and "customHandler" in level.at.route:
        return False
    if isinstance(level, Known):
        return not (level.defaulted and level.value == "function")
    return not site.runs_own_code or not any(mark in (_setting_of(site, name) or "") for name, mark in _HANDLER_MARKS)


def _setting_of(site: Site, name: str) -> str | None:
    """An app setting in lower case; empty when its value is not known, None when it is not known to exist."""
    match site.setting(name):
        case Known(value=setting) if setting is not None:
            return setting.value.value.lower() if isinstance(setting.value, Known) else ""
        case _:
            return None


def _admitted(auth: PlatformAuth) -> Fact[Admission]:
    """Every configured check has to be passed (facts/hosting.md 2, defaultAuthorizationPolicy)."""
    clients: frozenset[str] | None = None
    for listed in (auth.allowed_applications, auth.claim_clients):
        match listed:
            case Known(value=ids) if ids:
                clients = frozenset(ids) if clients is None else clients & frozenset(ids)
            case Unknown() as unknown:
                return unknown
            case _:
                pass
    match auth.allowed_identities:
        case Known(value=ids, at=at):
            identities = frozenset(ids) if ids else None
            place = auth.allowed_applications.at or at or auth.at
            grouped = any(isinstance(it, Known) and it.value for it in (auth.allowed_groups, auth.claim_groups))
            registration = auth.client_id.value if isinstance(auth.client_id, Known) else ""
            return Known(Admission(Ask.TOKEN, place, clients, identities, grouped, registration), place)
        case Unknown() as unknown:
            return unknown


def _keyed(host: Host, at: Location) -> Fact[Admission]:
    if not isinstance(host, Site):
        return Known(Admission(Ask.NOTHING, at), at)
    match host.mcp_key_level:
        case Known(value=level, at=place):
            if level in ("anonymous", "none"):
                return Known(Admission(Ask.NOTHING, at), at)
            return Known(Admission(Ask.KEY, place or at), place or at)
        case Unknown() as unknown:
            return unknown


def _left_out(auth: PlatformAuth, host: Host, estate: Estate) -> Fact[bool]:
    """Whether an excluded path lets callers reach the MCP endpoint without a token."""
    excluded = auth.excluded_paths
    if isinstance(excluded, Unknown):
        return excluded
    at = excluded.at
    paths, _ = endpoint_paths(host, estate) if excluded.value else ((), True)
    covers = {entry: {cover(entry, path) for path in paths} for entry in excluded.value}
    if any(Cover.YES in found for found in covers.values()):
        return Known(True, at)
    unclear = next((entry for entry, found in covers.items() if Cover.MAYBE in found), None)
    if unclear is None:
        return Known(False, at)
    missing = f"whether the excluded path {unclear} takes in the MCP endpoint of {host.title}, which is not documented"
    return Unknown(missing, "call the endpoint without a token, or name what is excluded in full or with /* at its end", at)


def certificate_demand(host: Host, estate: Estate) -> Fact[str]:
    """``""`` when no client certificate is asked for, ``asked`` when one may be left out, ``excluded`` when it is required
    but not at the MCP endpoint, ``required`` otherwise. Nobody but the host's code looks at what it says
    (app-service-web-configure-tls-mutual-auth, client-certificate-authorization).
    """
    if isinstance(host, Site):
        match host.client_certificates:
            case Known(value=False, at=at):
                return Known("", at)
            case Unknown() as unknown:
                return unknown
            case _:
                pass
    match host.client_certificate_mode:
        case Known(value=mode, at=at) if mode in _ASKING_MODES:
            return Known("asked", at)
        case Known(value=mode, at=at) if mode in _BINDING_MODES:
            return _with_exclusions(host, estate, at)
        case Known(at=at):
            return Known("", at)
        case Unknown() as unknown:
            return unknown


def _with_exclusions(host: Host, estate: Estate, at: Location | None) -> Fact[str]:
    """Exclusions take in every path that begins with them, in any case (app-service-web-configure-tls-mutual-auth)."""
    if not isinstance(host, Site):
        return Known("required", at)
    match host.client_certificate_exclusions:
        case Known(value=entries, at=place):
            paths, _ = endpoint_paths(host, estate) if entries else ((), True)
            left_out = any(path.startswith(entry.lower()) for entry in entries for path in paths)
            return Known("excluded", place) if left_out else Known("required", at)
        case Unknown() as unknown:
            return unknown

"""MG426: login settings that let a session be replayed, redirected or kept for too long."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Fact,
    Issue,
    Known,
    Location,
    McpServer,
    NotApplicable,
    Options,
    PlatformAuth,
    Service,
    Site,
    Unknown,
    Url,
    Verdicts,
    host_at,
    hosted_server,
    is_approved,
    known,
    least,
    may_be_ours,
)

_LONGEST_REFRESH = 72
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OFF = frozenset({"false", "0"})
_NONCE = "take the setting out, so that the nonce is checked"
_NAMED = "name https addresses of hosts that are yours, or none"


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    auth = known(target.auth)
    if not isinstance(auth, PlatformAuth) or not known(auth.enabled):
        raise NotApplicable(f"{target.title} signs nobody in")
    if (file := known(auth.defined_elsewhere)) and auth.version != "v1":
        yield Unknown(f"the login settings of {target.title} in the file {file}", "review it by hand", auth.at)
        return
    for fact, is_unsafe, what, wanted in (
        (
            auth.validates_nonce,
            lambda value: value is False,
            "does not check the nonce of logins (validateNonce is false)",
            _NONCE,
        ),
        (_setting_off(target, "WEBSITE_AUTH_VALIDATE_NONCE"), bool, "has WEBSITE_AUTH_VALIDATE_NONCE off", _NONCE),
        (_sas_setting(target, auth), bool, "keeps its users' tokens behind a SAS address", _store(target)),
        (
            _refresh_hours(auth),
            _is_long,
            "renews login tokens for too long",
            "set 72 hours or less",
        ),
    ):
        match fact:
            case Known(value=value, at=at) if is_unsafe(value):
                hours = f" (tokenRefreshExtensionHours is {value:g})" if not isinstance(value, bool) else ""
                yield _issue(target, server, what, wanted, at or auth.at, Confidence.HIGH, hours)
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    yield from _redirects(target, server, auth, estate)


def _issue(
    target: Site | ContainerApp, server: McpServer, what: str, wanted: str, at: Location, sure: Confidence, seen: str = ""
) -> Issue:
    return Issue(
        f"{target.title} {what}{seen}; {wanted}",
        at,
        evidence=(("setting", what),),
        confidence=least(server.confidence, sure),
        key=what,
    )


def _store(target: Site | ContainerApp) -> str:
    """How tokens are better kept: a container app has no store but a blob container."""
    own = "let the platform keep it" if isinstance(target, Site) else "name its container and an identity (blobContainerUri)"
    return f"turn the token store off, or {own}"


def _refresh_hours(auth: PlatformAuth) -> Fact[float]:
    """For how long tokens are renewed; nothing while no tokens are stored."""
    match auth.token_store:
        case Known(value=False, at=at):
            return Known(0.0, at)
        case Known():
            return auth.token_refresh_hours
        case Unknown() as unknown:
            return unknown


def _is_long(hours: object) -> bool:
    return isinstance(hours, int | float) and hours > _LONGEST_REFRESH


def _setting_off(target: Site | ContainerApp, name: str) -> Fact[bool]:
    """Whether an app setting switches something off; settings that were not read say nothing."""
    match target.setting(name) if isinstance(target, Site) else Known(None):
        case Known(value=setting) if setting is not None:
            match setting.value:
                case Known(value=text, at=at):
                    return Known(text.strip().lower() in _OFF, at)
                case Unknown() as unknown:
                    return unknown
        case _:
            pass
    return Known(False)


def _sas_setting(target: Site | ContainerApp, auth: PlatformAuth) -> Fact[bool]:
    """Whether the token store is on and lies behind a SAS address."""
    match auth.token_store:
        case Known(value=False, at=at):
            return Known(False, at)
        case Unknown() as unknown:
            return unknown
        case _:
            pass
    found = target.setting("WEBSITE_AUTH_TOKEN_CONTAINER_SASURL") if isinstance(target, Site) else Known(None)
    if isinstance(found, Known) and found.value is not None:
        return Known(True, found.value.at)
    match auth.token_store_sas_setting:
        case Known(value=name, at=at):
            return Known(bool(name), at)
        case Unknown() as unknown:
            return unknown


def _redirects(target: Site | ContainerApp, server: McpServer, auth: PlatformAuth, estate: Estate) -> Verdicts:
    place = auth.external_redirects.at
    redirects = known(auth.external_redirects)
    for index, text in enumerate(redirects):
        at = place.child(index) if place is not None else auth.at
        scheme, _, rest = text.partition("://")
        host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2].lower()
        name = host if host.startswith("[") else host.partition(":")[0]
        if "*" in text:
            yield _issue(target, server, f"redirects logins wherever {text} matches", _NAMED, at, Confidence.HIGH)
        elif scheme.lower() not in ("http", "https") or name in _LOOPBACK or _is_ours(target, name, text, at, estate):
            continue
        elif scheme.lower() == "http":
            yield _issue(target, server, f"redirects logins over plain HTTP to {name}", _NAMED, at, Confidence.HIGH)
        elif may_be_ours(name, server, estate):
            remedy = "approve it in the manifest (approvedServers), or add the host to the input"
            yield Unknown(f"whether {name}, to which {target.title} redirects logins, is yours", remedy, at)
        else:
            yield _issue(
                target, server, f"redirects logins to {name}, a host outside of the estate", _NAMED, at, Confidence.MEDIUM
            )


def _is_ours(target: Site | ContainerApp, name: str, text: str, at: Location, estate: Estate) -> bool:
    url = Url(text, "https", name, "", at)
    gateways = {host for service in estate.of(Service) for host in service.gateway_hosts}
    gateways |= set(estate.manifest.gateway_hosts if estate.manifest else ())
    return name in target.host_names or name in gateways or host_at(url, estate) is not None or is_approved(url, estate)

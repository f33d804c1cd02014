"""MG416: an MCP host that takes calls without TLS."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Fact,
    Issue,
    Known,
    NotApplicable,
    Options,
    PlatformAuth,
    Site,
    Unknown,
    Verdicts,
    hosted_server,
    known,
    least,
    transform,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    is_site = isinstance(target, Site)
    own, member = _own_setting(target)
    sign_in = _sign_in_asks(target)
    found = False
    for fact, other, redirects, what, wanted in (
        (own, sign_in, "its sign-in", f"{member} is {_shown(own, member)}", f"{member} {'true' if is_site else 'false'}"),
        (sign_in, own, member, "requireHttps of its platform authentication is false", "requireHttps true"),
    ):
        if not isinstance(fact, Known) or fact.value is not False:
            continue
        found = True
        guarded = isinstance(other, Known) and other.value is True
        note = f" ({redirects} still redirects callers, after a first request in clear)" if guarded else ""
        yield Issue(
            f"{target.title} allows plain HTTP: {what}; set {wanted}{note}",
            fact.at or target.at,
            evidence=(("setting", wanted.split()[0]),),
            confidence=least(server.confidence, Confidence.MEDIUM if guarded else Confidence.HIGH),
            key=wanted.split()[0],
        )
    if not found:
        known(own)
        known(sign_in)


def _own_setting(target: Site | ContainerApp) -> tuple[Fact[bool], str]:
    """Whether the host itself asks for TLS, and the member that says so."""
    if isinstance(target, Site):
        return target.https_only, "httpsOnly"
    match target.allow_insecure:
        case Known(value=insecure, at=at, default=default):
            return Known(not insecure, at, default), "allowInsecure"
        case Unknown() as unknown:
            return unknown, "allowInsecure"


def _shown(fact: Fact[bool], member: str) -> str:
    if isinstance(fact, Known) and fact.defaulted:
        return "not set, so false"
    return "false" if member == "httpsOnly" else "true"


def _sign_in_asks(target: Site | ContainerApp) -> Fact[bool | None]:
    """Whether platform authentication asks for TLS; None when it is off or absent and so asks for nothing."""
    match target.auth:
        case Unknown() as unknown:
            return unknown
        case Known(value=PlatformAuth() as auth):
            if isinstance(auth.enabled, Unknown):
                return auth.enabled
            return transform(auth.requires_https, bool) if auth.enabled.value else Known(None, auth.at)
        case _:
            pass
    return Known(None, target.at)

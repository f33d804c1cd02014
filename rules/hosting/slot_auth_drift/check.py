"""MG427: a slot whose sign-in is weaker than its site's, or becomes the site's in a swap."""

from collections.abc import Iterator

from mcpguard.sdk import (
    AppSetting,
    Ask,
    Confidence,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Site,
    Unknown,
    Verdicts,
    admission,
    fronts,
    hosted_server,
    known,
    signs_callers_in,
)

_SETTINGS = (
    "WEBSITE_AUTH_AAD_ALLOWED_TENANTS",
    "WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL",
    "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES",
    "WEBSITE_AUTH_VALIDATE_NONCE",
    "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET",
    "AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel",
    "AzureFunctionsJobHost__customHandler__http__DefaultAuthorizationLevel",
)
"""App settings that decide who gets in (facts/hosting.md 3); OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID is for MG413."""


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    site = estate.get(Site, target.slot_of) if target.slot_of else None
    if site is None:
        raise NotApplicable(f"{target.title} is no slot of a site that was read")
    if hosted_server(target, estate) is None and not fronts(target, estate):
        raise NotApplicable(f"nothing says that {site.title} has to do with MCP")
    signed_in = signs_callers_in(site)
    if isinstance(signed_in, Known) and not signed_in.value:
        raise NotApplicable(f"{site.title} itself lets callers through without a token")
    yield from _weaker(target, site, estate)
    yield from _swapped(target, site)


def _weaker(slot: Site, site: Site, estate: Estate) -> Verdicts:
    """Whether callers without a token get into the slot, though not into the site."""
    facing, own = slot.internet_facing, signs_callers_in(slot)
    if (isinstance(facing, Known) and not facing.value) or (isinstance(own, Known) and own.value):
        return
    for fact in (own, facing, signs_callers_in(site)):
        if isinstance(fact, Unknown):
            yield fact
            return
    asked = admission(slot, estate)
    if isinstance(asked, Known) and asked.value.ask is Ask.NOTHING and estate.get(McpServer, f"{slot.key}#mcp") is not None:
        return  # for MG401 and MG402
    yield Issue(
        f"{slot.title} lets callers through without a token, while {site.title} does not; turn on its sign-in like the site's, "
        "or close its network",
        own.at or slot.at,
        related=(site.at.related("its site, which signs callers in"),),
        evidence=(("part", "sign-in"),),
        confidence=Confidence.HIGH,
        key="sign-in",
    )


def _swapped(slot: Site, site: Site) -> Verdicts:
    """App settings of sign-in that the next swap exchanges for others."""
    names = list(_names(site))
    match site.sticky_settings:
        case Known(value=sticky):
            names = [name for name in names if name.lower() not in sticky]
        case Unknown():
            pass
    if not names:
        return
    theirs, ours = known(slot.app_settings), known(site.app_settings)
    differing = [name for name in names if _differs(theirs, ours, name)]
    if differing:
        known(site.sticky_settings)
    for name in differing:
        here, there = theirs.get(name.lower()), ours.get(name.lower())
        yield Issue(
            f"{name} is no slot setting, and {_moves(slot, site, here, there)}; mark it as a slot setting (slotConfigNames)",
            here.at if here is not None else slot.app_settings.at or slot.at,
            related=(there.at.related("the site's"),) if there is not None else (),
            evidence=(("setting", name),),
            confidence=Confidence.HIGH,
            key=name,
        )


def _moves(slot: Site, site: Site, here: AppSetting | None, there: AppSetting | None) -> str:
    if there is None:
        return f"only {slot.title} has it, so a swap brings it into {site.title}"
    return f"{slot.title} {'has another value' if here else 'does not have it'}, so a swap takes it from {site.title}"


def _names(site: Site) -> Iterator[str]:
    yield from _SETTINGS
    match site.auth:
        case Known(value=auth) if auth is not None and isinstance(auth.secret_setting, Known):
            name = auth.secret_setting.value
            if name and name not in (*_SETTINGS, "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"):
                yield name
        case _:
            pass


def _differs(theirs: dict[str, AppSetting], ours: dict[str, AppSetting], name: str) -> bool:
    """Whether two lists are known to hold something else under a name. Withheld values are not compared."""
    one, other = theirs.get(name.lower()), ours.get(name.lower())
    if one is None or other is None:
        return one is not other
    return isinstance(one.value, Known) and isinstance(other.value, Known) and one.value.value != other.value.value

"""MG410: tokens of every tenant pass."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Fact,
    Issue,
    Known,
    Options,
    Site,
    Unknown,
    Verdicts,
    application_of,
    known,
    least,
    sign_in,
    transform,
)

_SETTING = "WEBSITE_AUTH_AAD_ALLOWED_TENANTS"
_SHARED = frozenset({"common", "organizations", "consumers"})


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    issuer = found.auth.issuer
    named = known(issuer).strip()
    if named and not _SHARED & set(named.lower().split("/")[3:]):
        return
    tenants = _allowed_tenants(target)
    if isinstance(tenants, Known) and tenants.value:
        return
    application = application_of(found.client_id, estate)
    audience = application.sign_in_audience if application is not None else None
    if isinstance(audience, Known) and audience.value.lower() == "azureadmyorg":
        return  # Entra issues tokens for it to its own tenant alone
    known(tenants)
    seen = f"openIdIssuer is {named}" if named else "openIdIssuer is not set"
    wanted = f"set {_SETTING}" if isinstance(target, Site) else "check the claim tid in code"
    yield Issue(
        f"{target.title} accepts tokens of any tenant: {seen} and no list of tenants is set; name your tenant in the issuer "
        f"or {wanted}",
        issuer.at or found.auth.at,
        confidence=least(found.server.confidence, Confidence.HIGH if isinstance(audience, Known) else Confidence.MEDIUM),
    )


def _allowed_tenants(target: Site | ContainerApp) -> Fact[bool]:
    """Whether an app setting names the tenants that are let in; an empty one restricts nothing. Container apps have none."""
    if not isinstance(target, Site):
        return Known(False)
    match target.setting(_SETTING):
        case Known(value=None, at=at):
            return Known(False, at)
        case Known(value=setting) if setting is not None:
            return transform(setting.value, lambda value: bool(value.strip(" ,")))
        case Unknown() as unknown:
            return unknown
        case _:
            return Known(False)

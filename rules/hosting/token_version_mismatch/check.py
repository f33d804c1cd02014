"""MG411: the registration issues tokens that the host's sign-in does not expect."""

from mcpguard.sdk import (
    Application,
    Confidence,
    ContainerApp,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    SignIn,
    Site,
    Unknown,
    Verdicts,
    known,
    least,
    own_registration,
    sign_in,
)

_RECIPES = "Entra's recipe for MCP servers is version 2, App Service's is to list the api:// URI"


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    issuer = known(found.auth.issuer).strip().lower().rstrip("/")
    if not issuer:
        raise NotApplicable(f"the sign-in of {target.title} names no issuer, which is for MG410")
    application = known(own_registration(found.auth, estate))
    version = known(application.token_version)
    expects_2 = issuer.endswith("/v2.0")
    if version == 2:
        if not expects_2:
            said = "has requestedAccessTokenVersion 2, whose tokens come from another issuer; end openIdIssuer in /v2.0"
            yield _issue(found, application, f"expects the issuer {issuer}, but {application.title} {said}", Confidence.MEDIUM)
        return
    guid = application.guid_audience
    uris = {uri.lower().rstrip("/") for uri in known(application.identifier_uris)}
    accepted = {audience.lower().rstrip("/") for audience in known(found.auth.allowed_audiences)}
    by_guid = isinstance(guid, Known) and guid.value
    if uris and not uris & accepted and not by_guid:
        known(guid)
        said = (
            f"accepts {', '.join(sorted(accepted)) or 'its client id'} alone, but tokens of {application.title} are version 1 "
            f"and name {', '.join(sorted(uris))}; set requestedAccessTokenVersion to 2 or list the URI in allowedAudiences "
            f"({_RECIPES})"
        )
        yield _issue(found, application, said, Confidence.HIGH)
    elif expects_2:
        yield Unknown(
            f"whether the sign-in of {target.title} takes version 1 tokens of {application.title} where its issuer is that of "
            f"version 2 (not documented; {_RECIPES})",
            "set api.requestedAccessTokenVersion to 2, or try a token",
            found.auth.issuer.at,
        )


def _issue(found: SignIn, application: Application, said: str, confidence: Confidence) -> Issue:
    return Issue(
        f"{found.host.title} {said}",
        found.auth.issuer.at or found.auth.at,
        related=(application.at.related("the registration"),),
        confidence=least(found.server.confidence, confidence),
    )

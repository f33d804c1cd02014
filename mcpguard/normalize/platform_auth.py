"""Easy Auth of sites and container apps. Members and defaults: facts/hosting.md section 2."""

from mcpguard.core.facts import Fact, Known, transform
from mcpguard.evidence import RawResource
from mcpguard.model.kinds.hosting import PlatformAuth
from mcpguard.normalize.fields import absent_member, fact, last_segment, lookup, texts
from mcpguard.normalize.host_index import READ_AGAIN

_AAD = ("properties", "identityProviders", "azureActiveDirectory")


def read_auth(raw: RawResource, host: RawResource, elsewhere: Fact[str], *, is_site: bool) -> PlatformAuth:
    """The settings of one host; ``elsewhere`` names the file that defines them instead, if there is one."""
    in_platform, validated = raw.origin.child("properties", "platform"), raw.origin.child("properties", "globalValidation")
    enabled_default: Fact[bool] = Known(
        False, in_platform, "platform authentication is off unless enabled (facts/hosting.md 2)"
    )
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        enabled_default = absent_member(raw, "properties", READ_AGAIN + raw.id)
    empty: Fact[tuple[str, ...]] = Known((), raw.origin)
    validation = (*_AAD, "validation")
    required: Fact[bool] = Known(False, validated, "requireAuthentication is false unless set (facts/hosting.md 2)")
    action = Known("RedirectToLoginPage", validated, "unauthenticatedClientAction redirects unless set")
    if not is_site:
        required = Known(True, validated, "a container app enforces by its action alone (facts/hosting.md 5)")
    return PlatformAuth(
        id=raw.id,
        key=raw.key,
        name=last_segment(host.id),
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        host=host.key,
        enabled=fact(raw, ("properties", "platform", "enabled"), bool, enabled_default),
        require_authentication=fact(raw, ("properties", "globalValidation", "requireAuthentication"), bool, required)
        if is_site
        else required,
        unauthenticated_action=fact(raw, ("properties", "globalValidation", "unauthenticatedClientAction"), str, action),
        client_id=transform(fact(raw, (*_AAD, "registration", "clientId"), str, Known("", raw.origin)), str.lower),
        issuer=fact(raw, (*_AAD, "registration", "openIdIssuer"), str, Known("", raw.origin)),
        allowed_audiences=texts(raw, (*validation, "allowedAudiences"), empty),
        allowed_applications=transform(
            texts(raw, (*validation, "defaultAuthorizationPolicy", "allowedApplications"), empty),
            lambda ids: tuple(app_id.lower() for app_id in ids),
        ),
        excluded_paths=texts(raw, ("properties", "globalValidation", "excludedPaths"), empty),
        defined_elsewhere=elsewhere,
    )

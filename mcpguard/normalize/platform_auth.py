"""Easy Auth of sites and container apps, in its two versions. Members and defaults: facts/hosting.md section 2."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.model.kinds.hosting import PlatformAuth
from mcpguard.normalize.fields import absent_member, fact, last_segment, lookup, not_usable, texts
from mcpguard.normalize.host_index import READ_AGAIN

T = TypeVar("T")

_AAD = ("properties", "identityProviders", "azureActiveDirectory")
_POLICY = (*_AAD, "validation", "defaultAuthorizationPolicy")
_CLAIMS = (*_AAD, "validation", "jwtClaimChecks")
_LOGIN = ("properties", "login")
_VALIDATION = ("properties", "globalValidation")
_OFF = "platform authentication is off unless enabled (facts/hosting.md 2)"
_REFRESH_HOURS = 72.0


def read_auth(raw: RawResource, host: RawResource, elsewhere: Fact[str], *, is_site: bool) -> PlatformAuth:
    """The settings of version 2 of one host; ``elsewhere`` names the file that defines them instead, if there is one."""
    in_platform, validated = raw.origin.child("properties", "platform"), raw.origin.child(*_VALIDATION)
    enabled_default: Fact[bool] = Known(False, in_platform, _OFF)
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        enabled_default = absent_member(raw, "properties", READ_AGAIN + raw.id)
    required: Fact[bool] = Known(False, validated, "requireAuthentication is false unless set (facts/hosting.md 2)")
    if not is_site:
        required = Known(True, validated, "a container app enforces by its action alone (facts/hosting.md 5)")
    members = _Members(raw)
    client_id = transform(members.text(*_AAD, "registration", "clientId"), str.lower)
    return PlatformAuth(
        id=raw.id,
        key=raw.key,
        name=last_segment(host.id),
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        host=host.key,
        version="v2",
        enabled=fact(raw, ("properties", "platform", "enabled"), bool, enabled_default),
        require_authentication=fact(raw, (*_VALIDATION, "requireAuthentication"), bool, required) if is_site else required,
        unauthenticated_action=fact(
            raw,
            (*_VALIDATION, "unauthenticatedClientAction"),
            str,
            Known("RedirectToLoginPage", validated, "unauthenticatedClientAction redirects unless set"),
        ),
        microsoft_provider=_provider(raw, client_id),
        client_id=client_id,
        issuer=members.text(*_AAD, "registration", "openIdIssuer"),
        secret_setting=members.text(*_AAD, "registration", "clientSecretSettingName"),
        certificate=members.any_text(
            (*_AAD, "registration", "clientSecretCertificateThumbprint"),
            (*_AAD, "registration", "clientSecretCertificateSubjectAlternativeName"),
        ),
        login_parameters=members.texts(*_AAD, "login", "loginParameters"),
        challenge_suppressed=members.flag(False, *_AAD, "login", "disableWWWAuthenticate"),
        allowed_audiences=members.texts(*_AAD, "validation", "allowedAudiences"),
        allowed_applications=members.ids(*_POLICY, "allowedApplications"),
        allowed_identities=members.ids(*_POLICY, "allowedPrincipals", "identities"),
        allowed_groups=members.ids(*_POLICY, "allowedPrincipals", "groups"),
        claim_clients=members.ids(*_CLAIMS, "allowedClientApplications"),
        claim_groups=members.ids(*_CLAIMS, "allowedGroups"),
        excluded_paths=members.texts(*_VALIDATION, "excludedPaths"),
        requires_https=members.flag(True, "properties", "httpSettings", "requireHttps"),
        token_store=members.flag(False, *_LOGIN, "tokenStore", "enabled"),
        token_store_sas_setting=members.text(*_LOGIN, "tokenStore", "azureBlobStorage", "sasUrlSettingName"),
        token_refresh_hours=members.hours(*_LOGIN, "tokenStore", "tokenRefreshExtensionHours"),
        external_redirects=members.texts(*_LOGIN, "allowedExternalRedirectUrls"),
        validates_nonce=members.flag(True, *_LOGIN, "nonce", "validateNonce"),
        defined_elsewhere=elsewhere,
    )


def read_classic_auth(raw: RawResource, host: RawResource) -> PlatformAuth:
    """The settings of version 1 (``config/authsettings``) of a site on which version 2 is off.

    Version 1 enforces by ``unauthenticatedClientAction`` alone, which redirects unless set, and knows one Microsoft provider
    beside ``properties`` itself (REST reference, SiteAuthSettings). Checks of its ``aadClaimsAuthorization`` are not read.
    """
    properties = raw.origin.child("properties")
    members = _Members(raw)
    client_id = transform(members.text("properties", "clientId"), str.lower)
    none: Fact[tuple[str, ...]] = Known((), properties, "version 1 has no such check")
    checks = none
    if lookup(raw.body, ("properties", "aadClaimsAuthorization")) is not None:
        checks = Unknown(
            f"the checks in aadClaimsAuthorization of {last_segment(host.id)}",
            "move the app to version 2: az webapp auth config-version upgrade",
            properties.child("aadClaimsAuthorization"),
        )
    from_file = str(lookup(raw.body, ("properties", "isAuthFromFile"))).lower() == "true"
    path = lookup(raw.body, ("properties", "authFilePath"))
    return PlatformAuth(
        id=raw.id,
        key=raw.key,
        name=last_segment(host.id),
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        host=host.key,
        version="v1",
        enabled=members.flag(False, "properties", "enabled"),
        require_authentication=Known(True, properties, "version 1 enforces by its action alone"),
        unauthenticated_action=fact(
            raw,
            ("properties", "unauthenticatedClientAction"),
            str,
            Known("RedirectToLoginPage", properties, "unauthenticatedClientAction redirects unless set"),
        ),
        microsoft_provider=transform(client_id, bool),
        client_id=client_id,
        issuer=members.text("properties", "issuer"),
        secret_setting=members.text("properties", "clientSecretSettingName"),
        certificate=members.any_text(("properties", "clientSecretCertificateThumbprint")),
        login_parameters=members.texts("properties", "additionalLoginParams"),
        challenge_suppressed=Known(False, properties, "version 1 has no such setting"),
        allowed_audiences=members.texts("properties", "allowedAudiences"),
        allowed_applications=none,
        allowed_identities=none,
        allowed_groups=none,
        claim_clients=checks,
        claim_groups=checks,
        excluded_paths=none,
        requires_https=Known(True, properties, "version 1 has no such setting"),
        token_store=members.flag(False, "properties", "tokenStoreEnabled"),
        token_store_sas_setting=Known("", properties, "version 1 has no such setting"),
        token_refresh_hours=members.hours("properties", "tokenRefreshExtensionHours"),
        external_redirects=members.texts("properties", "allowedExternalRedirectUrls"),
        validates_nonce=Known(True, properties, "version 1 validates the nonce unless an app setting says otherwise"),
        defined_elsewhere=Known(path if isinstance(path, str) and path else "of the app", properties)
        if from_file
        else Known("", properties),
    )


class _Members(msgspec.Struct, frozen=True):
    """Reading of one document's members, each with the platform's default."""

    raw: RawResource

    def absent(self, value: T, steps: tuple[str, ...]) -> Fact[T]:
        return Known(value, self.place(steps), "empty unless set")

    def place(self, steps: tuple[str, ...]) -> Location:
        """Where a member that is not there would stand: at the innermost object on its way."""
        held = [end for end in range(len(steps)) if isinstance(lookup(self.raw.body, steps[:end]), dict)]
        return self.raw.origin.child(*steps[: held[-1] if held else 0])

    def text(self, *steps: str) -> Fact[str]:
        return fact(self.raw, steps, str, self.absent("", steps))

    def flag(self, default: bool, *steps: str) -> Fact[bool]:
        why = f"{steps[-1]} is {'true' if default else 'false'} unless set (facts/hosting.md 2)"
        return fact(self.raw, steps, bool, Known(default, self.place(steps), why))

    def texts(self, *steps: str) -> Fact[tuple[str, ...]]:
        return texts(self.raw, steps, self.absent((), steps))

    def ids(self, *steps: str) -> Fact[tuple[str, ...]]:
        return transform(self.texts(*steps), lambda ids: tuple(id.strip().lower() for id in ids if id.strip()))

    def hours(self, *steps: str) -> Fact[float]:
        value: Json = lookup(self.raw.body, steps)
        if value is None:
            return Known(_REFRESH_HOURS, self.raw.origin, "tokens are refreshed for 72 hours unless set (facts/hosting.md 2.2)")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Known(float(value), self.raw.origin.child(*steps))
        return not_usable(self.raw, steps, value, "a number")

    def any_text(self, *routes: tuple[str, ...]) -> Fact[bool]:
        found = [self.text(*steps) for steps in routes]
        for one in found:
            if isinstance(one, Known) and one.value:
                return Known(True, one.at)
        unknown = next((one for one in found if isinstance(one, Unknown)), None)
        return unknown or Known(False, self.raw.origin, "no certificate is named")


def _provider(raw: RawResource, client_id: Fact[str]) -> Fact[bool]:
    """Whether the Microsoft provider is configured: it has a registration, and ``enabled`` is not false."""
    on = fact(raw, (*_AAD, "enabled"), bool, Known(True, raw.origin, "a provider with a registration is on unless disabled"))
    match on, client_id:
        case Known(value=False), _:
            return on
        case _, Known(value=""):
            return transform(client_id, bool)
        case Known(), Known():
            return transform(client_id, bool)
        case Unknown() as unknown, _:
            return unknown
        case _, Unknown() as unknown:
            return unknown
        case _:
            return on

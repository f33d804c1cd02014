"""What a middle tier wants to call for its users, and whether anybody has consented to it (facts/entra.md section 11).

A middle tier cannot show a consent prompt: a delegated permission that was only asked for is a dead end.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown, known, transform
from mcpguard.core.location import Location
from mcpguard.model.directory import application_of, principal_of, principal_with, servers_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application, DelegatedGrant, PermissionScope, RequestedPermission
from mcpguard.model.reference_data import (
    GRAPH_APP_ID,
    SIGN_IN_SCOPES,
    graph_delegated_scopes,
    resource_of_audience,
    well_known_clients,
)

_PRINCIPALS = "microsoft.graph/serviceprincipals"
_APPLICATIONS = "microsoft.graph/applications"
_GRAPH = "https://graph.microsoft.com/v1.0"
_NAMED = 10
_PLATFORM_CALLBACK = "/.auth/login/aad/callback"


class WantedScope(msgspec.Struct, frozen=True):
    """A delegated permission of another API that a registration asks for."""

    resource_app_id: str
    resource: str
    """Name of the API, else its client id."""
    id: str
    name: str
    """Empty when nothing that was read names it."""
    at: Location

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.name or f'the delegated permission {self.id}'} of {self.resource}"


class Consent(Enum):
    """On what ground a middle tier may use a delegated permission."""

    EVERYBODY = "an administrator consented for everybody"
    PREAUTHORIZED = "the API preauthorizes it"
    COMBINED = "clients ask for it together with the server's own scopes"
    SINGLE_USERS = "only single users consented"
    NONE = "nobody consented"


def downstream_scopes(application: Application, estate: Estate) -> Fact[tuple[WantedScope, ...]]:
    """The delegated permissions of other APIs that a registration asks for, without those that every sign-in asks for."""
    return transform(
        application.requested,
        lambda requested: tuple(
            wanted
            for one in requested
            if not one.is_role and one.resource_app_id != application.app_id
            for wanted in [_wanted(one, estate)]
            if one.resource_app_id != GRAPH_APP_ID or wanted.name.lower() not in SIGN_IN_SCOPES
        ),
    )


def wanted_by_middle_tier(application: Application, estate: Estate) -> tuple[WantedScope, ...]:
    """What the registration of an MCP server wants to call for its users; empty for registrations that stand for no server.

    Raises:
        Undetermined: what it asks for was not read.
    """
    return known(downstream_scopes(application, estate)) if servers_of(application, estate) else ()


def leftover_scopes(grant: DelegatedGrant, application: Application, estate: Estate) -> Known[tuple[str, ...]] | Unknown:
    """The scopes of a consent that a registration does not ask for, without those of every sign-in."""
    resource = principal_with(grant.resource_id, estate)
    if resource is None:
        return Unknown(
            f"of which API {application.title} was granted {named_scopes(grant.scopes)}",
            f"add the answer of: az rest --method get --url {_GRAPH}/servicePrincipals/{grant.resource_id}",
            grant.at,
        )
    asked = [
        _wanted(one, estate)
        for one in known(application.requested)
        if not one.is_role and one.resource_app_id == resource.app_id
    ]
    names = {wanted.name.lower() for wanted in asked} | (SIGN_IN_SCOPES if resource.app_id == GRAPH_APP_ID else set())
    left = tuple(dict.fromkeys(scope for scope in grant.scopes if scope.lower() not in names))
    unnamed = next((wanted for wanted in asked if not wanted.name), None)
    if left and unnamed is not None:
        return _unnamed(unnamed)
    return Known(left, grant.at)


def named_scopes(scopes: tuple[str, ...]) -> str:
    """Scopes for a message: the first ten, and how many more there are."""
    more = f" and {len(scopes) - _NAMED} more" if len(scopes) > _NAMED else ""
    return ", ".join(scopes[:_NAMED]) + more


def resource_name(app_id: str, estate: Estate) -> str:
    """What an API is called: Microsoft's own by the table, others by what was read; else its client id."""
    known = resource_of_audience(app_id)
    found = None if known else application_of(app_id, estate) or principal_of(app_id, estate)
    return known.name if known else found.name if found else app_id


def _wanted(one: RequestedPermission, estate: Estate) -> WantedScope:
    name = ""
    if one.resource_app_id == GRAPH_APP_ID:
        known = graph_delegated_scopes().get(one.id)
        name = known.name if known else ""
    else:
        name = next((scope.value for scope in _offered(one.resource_app_id, estate) if scope.id == one.id), "")
    return WantedScope(one.resource_app_id, resource_name(one.resource_app_id, estate), one.id, name, one.at)


def _offered(app_id: str, estate: Estate) -> tuple[PermissionScope, ...]:
    """The scopes of an API, by its registration or by its principal."""
    for holder in (application_of(app_id, estate), principal_of(app_id, estate)):
        match holder.scopes if holder is not None else None:
            case Known(value=scopes) if scopes:
                return scopes
            case _:
                pass
    return ()


def consent_to(wanted: WantedScope, application: Application, estate: Estate) -> Fact[Consent]:
    """On what ground ``application`` may use a delegated permission for its users."""
    settled = _preauthorized(wanted, application, estate)
    if isinstance(settled, Known) and settled.value:
        return Known(Consent.PREAUTHORIZED, wanted.at)
    granted = _granted(wanted, application, estate)
    match granted:
        case Known(value=Consent.NONE | Consent.SINGLE_USERS as consent):
            if _has_combined_consent(application):
                return Known(Consent.COMBINED, wanted.at)
            unsettled = settled if isinstance(settled, Unknown) else _asked_at_sign_in(wanted, application)
            return unsettled or Known(consent, wanted.at)
        case _:
            return granted


def _granted(wanted: WantedScope, application: Application, estate: Estate) -> Fact[Consent]:
    principal = principal_of(application.app_id, estate)
    if principal is None:
        if estate.is_complete("", _PRINCIPALS):
            return Known(Consent.NONE, wanted.at)
        return Unknown(
            f"the service principal of {application.title}, which holds its consents",
            f"add the answers of: az rest --method get --url \"{_GRAPH}/servicePrincipals(appId='{application.app_id}')\" and "
            "of its oauth2PermissionGrants (permission Directory.Read.All)",
            wanted.at,
        )
    resource = principal_of(wanted.resource_app_id, estate)
    of_resource = [it for it in principal.delegated.items if resource is None or it.resource_id == resource.object_id]
    matching = [it for it in of_resource if wanted.name and wanted.name.lower() in map(str.lower, it.scopes)]
    if any(it.all_principals for it in matching):
        return Known(Consent.EVERYBODY, wanted.at)
    if principal.delegated.missing is not None:
        return principal.delegated.missing
    if not wanted.name and of_resource:
        return _unnamed(wanted)
    return Known(Consent.SINGLE_USERS if matching else Consent.NONE, wanted.at)


def _unnamed(wanted: WantedScope) -> Unknown:
    return Unknown(
        f"which scope of {wanted.resource} has the id {wanted.id}",
        f"add the answer of: az rest --method get --url \"{_GRAPH}/servicePrincipals(appId='{wanted.resource_app_id}')\"",
        wanted.at,
    )


def _preauthorized(wanted: WantedScope, application: Application, estate: Estate) -> Fact[bool]:
    """Whether the API itself lists ``application`` as a client that needs no consent. Microsoft's APIs never do."""
    if resource_of_audience(wanted.resource_app_id) is not None:
        return Known(False)
    api = application_of(wanted.resource_app_id, estate)
    if api is not None:
        return transform(
            api.preauthorized,
            lambda clients: any(it.app_id == application.app_id and wanted.id in it.scopes for it in clients),
        )
    if estate.is_complete("", _APPLICATIONS):
        return Known(False)  # the API belongs to another tenant, or is gone
    return Unknown(
        f"whether {wanted.resource} preauthorizes {application.title}",
        f"add the answer of: az rest --method get --url \"{_GRAPH}/applications(appId='{wanted.resource_app_id}')\"",
        wanted.at,
    )


def _asked_at_sign_in(wanted: WantedScope, application: Application) -> Unknown | None:
    """What is not known when people sign in with the server's own registration: they may be asked for their consent there.

    The callback of platform authentication does not count: MCP clients do not sign in through it.
    """
    if isinstance(application.redirect_uris, Unknown):
        return application.redirect_uris
    uris = application.redirect_uris.value
    own = next((uri for uri in uris if not uri.uri.lower().endswith(_PLATFORM_CALLBACK)), None)
    if own is None:
        return None
    return Unknown(
        f"whether people consent to {wanted.title} when they sign in with {application.title}, which has the redirect URI "
        f"{own.uri}",
        "let an administrator consent: az ad app permission admin-consent, or give clients a registration of their own",
        wanted.at,
    )


def _has_combined_consent(application: Application) -> bool:
    """Whether a client of the organization's own can ask for the downstream permissions together with the server's.

    Clients of Microsoft's own, Visual Studio Code among them, show no such prompt (facts/entra.md section 11).
    """
    match application.known_clients:
        case Known(value=clients):
            return any(client not in well_known_clients() for client in clients)
        case Unknown():
            return False

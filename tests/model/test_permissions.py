"""Permissions by name, consents of middle tiers, callers without a user, identities of hosts. Inputs are answers of Graph and ARM."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from mcpguard import sources
from mcpguard.core.facts import Known, Unknown
from mcpguard.model.directory import application_of, is_microsofts, is_valid_at, matters, principal_of
from mcpguard.model.downstream import (
    Consent,
    consent_to,
    downstream_scopes,
    leftover_scopes,
    resource_name,
    wanted_by_middle_tier,
)
from mcpguard.model.estate import Estate
from mcpguard.model.grants import held_graph_roles, requested_graph_roles
from mcpguard.model.host_identities import hosts_run_as, mcp_hosts, principal_of_identity
from mcpguard.model.kinds.entra import Application, Credential, ServicePrincipal
from mcpguard.model.kinds.hosting import Site
from mcpguard.model.reference_data import Privilege
from mcpguard.model.userless_callers import callers_without_user
from mcpguard.normalize import build

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
GRAPH = "00000003-0000-0000-c000-000000000000"
MAIL_READ, MAIL_READ_ROLE = "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "810c84a8-4a9e-49e6-bf7d-12d183f40d01"
USER_READ = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
SITE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/mcp"
NAMES = {
    name: f"{n}0000000-0000-4000-8000-000000000000" for n, name in enumerate(("server", "api", "graph", "client", "mi"), 1)
}
"""Object ids of principals."""
APPS = {name: f"0000000{n}-0000-4000-8000-000000000000" for n, name in enumerate(("server", "api", "client", "mi"), 1)}
Files = dict[str, Any]


def listed(path: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"@odata.context": f"https://graph.microsoft.com/v1.0/$metadata#{path}", "value": list(items)}


def application(name: str, **members: Any) -> dict[str, Any]:
    return {"id": f"app-{name}", "appId": APPS[name], "displayName": name, "requiredResourceAccess": [], **members}


def principal(name: str, **members: Any) -> dict[str, Any]:
    base = {"servicePrincipalType": "Application", "appOwnerOrganizationId": "t", "displayName": name}
    return {"id": NAMES[name], "appId": APPS.get(name, GRAPH), **base, **members}


def wants(resource: str, *ids: str, kind: str = "Scope") -> dict[str, Any]:
    return {"resourceAppId": resource, "resourceAccess": [{"id": id_, "type": kind} for id_ in ids]}


def grant(scope: str, resource: str = "graph", consent: str = "AllPrincipals", client: str = "server") -> dict[str, Any]:
    ids = {"clientId": NAMES[client], "resourceId": NAMES[resource]}
    return {"id": f"{client}{resource}{scope}", "consentType": consent, "principalId": None, "scope": scope, **ids}


def site(**identity: Any) -> dict[str, Any]:
    return {
        "id": SITE,
        "type": "Microsoft.Web/sites",
        "name": "mcp",
        "kind": "functionapp",
        "identity": identity or {"type": "None"},
        "properties": {"hostNames": ["mcp.azurewebsites.net"], "enabled": True},
    }


def sign_in(client_id: str, *applications: str) -> dict[str, Any]:
    policy = {"allowedApplications": list(applications)}
    microsoft = {"registration": {"clientId": client_id}, "validation": {"defaultAuthorizationPolicy": policy}}
    return {
        "id": f"{SITE}/config/authsettingsV2",
        "type": "Microsoft.Web/sites/config",
        "name": "authsettingsV2",
        "properties": {
            "platform": {"enabled": True},
            "identityProviders": {"azureActiveDirectory": {"enabled": True, **microsoft}},
        },
    }


def estate_of(folder: Path, **files: Any) -> Estate:
    everything = {
        "functions": {"value": [function()]},
        "site": site(),
        "auth": sign_in(APPS["server"]),
        "grants": listed("oauth2PermissionGrants", grant("x", "api", client="client"), grant("y", "api")),
        "principals": listed("servicePrincipals", *(principal(name) for name in ("server", "api", "graph"))),
        **files,
    }
    for name, content in everything.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return build(sources.read([folder]), NOW)


def function() -> dict[str, Any]:
    return {
        "id": f"{SITE}/functions/tool",
        "type": "Microsoft.Web/sites/functions",
        "name": "mcp/tool",
        "properties": {"name": "tool", "config": {"bindings": [{"type": "mcpToolTrigger", "name": "c", "toolName": "tool"}]}},
    }


def server_app(estate: Estate) -> Application:
    found = application_of(APPS["server"], estate)
    assert found is not None
    return found


def one_principal(estate: Estate, name: str = "server") -> ServicePrincipal:
    found = principal_of(APPS.get(name, GRAPH), estate)
    assert found is not None
    return found


# -- roles -----------------------------------------------------------------------------------------------------------


def assigned(*roles: tuple[str, str]) -> dict[str, Any]:
    return listed(
        f"servicePrincipals('{NAMES['server']}')/appRoleAssignments",
        *(
            {"id": f"a{n}", "appRoleId": role, "principalId": NAMES["server"], "resourceId": NAMES[resource]}
            for n, (role, resource) in enumerate(roles)
        ),
    )


def test_roles_of_graph_have_names_and_privileges(tmp_path: Path) -> None:
    none = "00000000-0000-0000-0000-000000000000"
    estate = estate_of(
        tmp_path, roles=assigned((MAIL_READ_ROLE, "graph"), (none, "graph"), ("11111111-0000-4000-8000-000000000000", "api"))
    )
    held = held_graph_roles(one_principal(estate), estate)
    assert [(role.name, role.privilege, role.unlisted) for role in held] == [("Mail.Read", Privilege.BROAD, None)]


@pytest.mark.parametrize(("value", "is_unlisted"), [("Orbit.ReadWrite.All", True), ("Orbit.Read.All", False), ("", True)])
def test_a_role_that_the_table_does_not_have(value: str, is_unlisted: bool, tmp_path: Path) -> None:
    new = "99999999-0000-4000-8000-000000000000"
    offered = [{"id": new, "value": value, "allowedMemberTypes": ["Application"], "isEnabled": True}] if value else []
    principals = listed("servicePrincipals", principal("server"), principal("graph", appRoles=offered))
    estate = estate_of(tmp_path, roles=assigned((new, "graph")), principals=principals)
    (role,) = held_graph_roles(one_principal(estate), estate)
    assert (role.name, role.privilege) == (value, None)
    assert (role.unlisted is not None) is is_unlisted
    if role.unlisted:
        assert (value or new) in role.unlisted.missing


def test_requested_roles_are_not_held(tmp_path: Path) -> None:
    asked = application("server", requiredResourceAccess=[wants(GRAPH, MAIL_READ_ROLE, kind="Role"), wants(GRAPH, MAIL_READ)])
    estate = estate_of(tmp_path, applications=listed("applications", asked))
    requested = requested_graph_roles(server_app(estate))
    assert isinstance(requested, Known) and [role.name for role in requested.value] == ["Mail.Read"]
    assert held_graph_roles(one_principal(estate), estate) == ()


def test_microsofts_own(tmp_path: Path) -> None:
    theirs = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
    principals = listed("servicePrincipals", principal("server"), principal("graph", appOwnerOrganizationId=theirs.upper()))
    estate = estate_of(tmp_path, principals=principals)
    assert is_microsofts(one_principal(estate, "graph"))
    assert not is_microsofts(one_principal(estate))


# -- consents --------------------------------------------------------------------------------------------------------


def api_app(*clients: str) -> dict[str, Any]:
    scope = {"id": "5c0e0000-0000-4000-8000-000000000000", "value": "Orders.Read", "type": "User", "isEnabled": True}
    listed_clients = [{"appId": APPS[name], "delegatedPermissionIds": [scope["id"]]} for name in clients]
    return application("api", api={"oauth2PermissionScopes": [scope], "preAuthorizedApplications": listed_clients})


def middle_tier(known: list[str] | None = None, redirects: list[str] | None = None) -> dict[str, Any]:
    return application(
        "server",
        requiredResourceAccess=[wants(APPS["api"], "5c0e0000-0000-4000-8000-000000000000")],
        api={"knownClientApplications": known or [], "preAuthorizedApplications": []},
        web={"redirectUris": redirects or ["https://mcp.azurewebsites.net/.auth/login/aad/callback"]},
        spa={"redirectUris": []},
        publicClient={"redirectUris": []},
    )


def consent(estate: Estate) -> object:
    app = server_app(estate)
    (wanted,) = wanted_by_middle_tier(app, estate)
    found = consent_to(wanted, app, estate)
    return found.value if isinstance(found, Known) else found.missing


@pytest.mark.parametrize(
    ("grants", "known_clients", "preauthorized", "expected"),
    [
        ([grant("Orders.Read", "api")], [], (), Consent.EVERYBODY),
        ([grant("orders.read offline_access", "api")], [], (), Consent.EVERYBODY),
        ([grant("Orders.Read", "graph")], [], (), Consent.NONE),
        ([grant("Orders.ReadWrite", "api")], [], (), Consent.NONE),
        ([grant("Orders.Read", "api", "Principal")], [], (), Consent.SINGLE_USERS),
        ([], [], ("server",), Consent.PREAUTHORIZED),
        ([], [], ("client",), Consent.NONE),
        ([], [APPS["client"]], (), Consent.COMBINED),
        ([], ["aebc6443-996d-45c2-90f0-388ff96faa56"], (), Consent.NONE),
    ],
)
def test_consents(
    grants: list[dict[str, Any]], known_clients: list[str], preauthorized: tuple[str, ...], expected: Consent, tmp_path: Path
) -> None:
    others = grant("x", "api", client="client")
    estate = estate_of(
        tmp_path,
        applications=listed("applications", middle_tier(known_clients), api_app(*preauthorized)),
        grants=listed("oauth2PermissionGrants", others, *(grants or [grant("y", "api")])),
    )
    assert consent(estate) is expected


def test_without_the_grants_consent_is_unknown(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, applications=listed("applications", middle_tier(), api_app()), grants=None)
    assert str(consent(estate)).startswith("the complete list of delegated permissions that")


def test_without_the_registration_of_the_api_its_preauthorizations_are_unknown(tmp_path: Path) -> None:
    grants = listed("oauth2PermissionGrants", grant("User.Read"), grant("x", "api", client="client"))
    estate = estate_of(tmp_path, applications=listed("applications", middle_tier()), grants=grants)
    assert str(consent(estate)).startswith("whether api preauthorizes")


def test_a_registration_that_people_sign_in_with_may_ask_them(tmp_path: Path) -> None:
    tier = middle_tier(redirects=["http://127.0.0.1:33418"])
    estate = estate_of(tmp_path, applications=listed("applications", tier, api_app()))
    assert str(consent(estate)).startswith("whether people consent to Orders.Read of api")


def test_sign_in_scopes_and_ones_own_scopes_are_not_downstream(tmp_path: Path) -> None:
    asked = [wants(GRAPH, USER_READ, MAIL_READ), wants(APPS["server"], "1"), wants("797f4846-ba00-4fd7-ba43-dac1f8f63013", "2")]
    estate = estate_of(tmp_path, applications=listed("applications", application("server", requiredResourceAccess=asked)))
    found = downstream_scopes(server_app(estate), estate)
    assert isinstance(found, Known)
    assert [wanted.title for wanted in found.value] == [
        "Mail.Read of Microsoft Graph",
        "the delegated permission 2 of Azure Resource Manager",
    ]
    assert resource_name("nobody", estate) == "nobody"


def test_a_registration_that_stands_for_no_server_is_no_middle_tier(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, auth=None, applications=listed("applications", middle_tier(), api_app()))
    assert wanted_by_middle_tier(server_app(estate), estate) == ()


def test_leftover_scopes(tmp_path: Path) -> None:
    asked = application("server", requiredResourceAccess=[wants(GRAPH, MAIL_READ)])
    estate = estate_of(
        tmp_path,
        applications=listed("applications", asked),
        grants=listed("oauth2PermissionGrants", grant("openid Mail.Read Files.Read"), grant("x", "api", client="client")),
    )
    (given,) = one_principal(estate).delegated.items
    found = leftover_scopes(given, server_app(estate), estate)
    assert isinstance(found, Known) and found.value == ("Files.Read",)


# -- callers ---------------------------------------------------------------------------------------------------------


def clauses(estate: Estate) -> list[str]:
    found = callers_without_user(server_app(estate), estate)
    return [it.value if isinstance(it, Known) else f"? {it.missing}" for it in found]


def test_a_managed_identity_has_no_user(tmp_path: Path) -> None:
    principals = (principal("server"), principal("mi", servicePrincipalType="ManagedIdentity"))
    estate = estate_of(
        tmp_path,
        auth=sign_in(APPS["server"], APPS["mi"], "aebc6443-996d-45c2-90f0-388ff96faa56", APPS["client"]),
        applications=listed("applications", application("server", appRoles=[])),
        principals=listed("servicePrincipals", *principals),
    )
    assert clauses(estate) == [
        "function app mcp admits mi",
        f"? what kind of identity the client {APPS['client']} is",
    ]


def test_holders_of_application_roles_have_no_user(tmp_path: Path) -> None:
    role = {"id": "r0", "value": "Call", "allowedMemberTypes": ["Application"], "isEnabled": True}
    holder = {"appRoleId": "r0", "resourceId": NAMES["server"], "principalType": "ServicePrincipal"}
    estate = estate_of(
        tmp_path,
        applications=listed("applications", application("server", appRoles=[role])),
        principals=listed(
            "servicePrincipals",
            principal("server"),
            principal("client"),
            principal("mi", servicePrincipalType="ServiceIdentity"),
        ),
        holders=listed(
            f"servicePrincipals('{NAMES['server']}')/appRoleAssignedTo",
            {"id": "h1", "principalId": NAMES["client"], **holder},
            {"id": "h2", "principalId": NAMES["mi"], **holder},  # an agent identity can act for a user
            {"id": "h3", "principalId": "u1", **holder, "principalType": "User"},
        ),
    )
    assert clauses(estate) == ["an application role of it is held by client"]


def test_who_was_assigned_matters_only_where_there_are_application_roles(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, applications=listed("applications", application("server", appRoles=[])))
    assert clauses(estate) == []


# -- identities of hosts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("joined_by", ["principal id", "resource", "client id"])
def test_the_principal_of_an_identity(joined_by: str, tmp_path: Path) -> None:
    own = "/subscriptions/s/resourcegroups/RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mcp"
    ids = {"principalId": NAMES["mi"] if joined_by == "principal id" else None}
    ids["clientId"] = APPS["mi"] if joined_by == "client id" else None
    names = ["isExplicit=True", own] if joined_by == "resource" else []
    estate = estate_of(
        tmp_path,
        site=site(type="UserAssigned", userAssignedIdentities={own: ids}),
        principals=listed("servicePrincipals", principal("mi", servicePrincipalType="ManagedIdentity", alternativeNames=names)),
    )
    (host,) = mcp_hosts(estate)
    assert isinstance(host.identities, Known)
    found = principal_of_identity(host.identities.value[0], host, estate)
    assert isinstance(found, Known) and found.value.name == "mi"
    assert hosts_run_as(found.value, estate) == (host,)
    assert matters(found.value, estate, {}) or joined_by == "client id"  # links are made by object and resource ids only


def test_the_system_assigned_identity_is_found_by_the_site(tmp_path: Path) -> None:
    mi = principal("mi", servicePrincipalType="ManagedIdentity", alternativeNames=["isExplicit=False", SITE])
    estate = estate_of(
        tmp_path, site=site(type="SystemAssigned"), principals=listed("servicePrincipals", mi, principal("server"))
    )
    (host,) = estate.of(Site)
    assert isinstance(host.identities, Known)
    found = principal_of_identity(host.identities.value[0], host, estate)
    assert isinstance(found, Known) and found.value.name == "mi"
    assert hosts_run_as(one_principal(estate), estate) == ()


def test_an_identity_whose_principal_was_not_read(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, site=site(type="SystemAssigned", principalId="p9"))
    (host,) = mcp_hosts(estate)
    assert isinstance(host.identities, Known)
    found = principal_of_identity(host.identities.value[0], host, estate)
    assert isinstance(found, Unknown) and "servicePrincipals/p9" in found.remedy


@pytest.mark.parametrize(
    ("end", "valid"),
    [("2026-11-22T11:59:59Z", False), ("2026-11-22T12:00:01Z", True), ("2027-01-01T00:00:00.0000000Z", True), ("", True)],
)
def test_validity_of_credentials(end: str, valid: bool, tmp_path: Path) -> None:
    estate = estate_of(tmp_path)
    credential = Credential("k", "n", "", end, one_principal(estate).at)
    assert is_valid_at(credential, NOW) is valid

"""Directory objects as facts: what was read, what was not and how to get it. Inputs are in the shapes of Graph and az."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from mcpguard import sources
from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.model.directory import (
    agents_of,
    application_of,
    matters,
    principal_of,
    principal_of_resource,
    principal_with,
    servers_of,
    ties_of,
)
from mcpguard.model.estate import Estate, Tie
from mcpguard.model.kinds.entra import Application, ConditionalAccess, ServicePrincipal, TenantPolicy, on_demand
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.normalize import build

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
ROOT = "https://graph.microsoft.com/v1.0/$metadata#"
APP, SP, API = (
    "64e4f1cd-ff7c-456c-86f4-aa87334f2ea6",
    "ed8c406b-41a8-445c-99ad-087f61f4d1fd",
    "9807d616-877c-43ce-928a-20ea4f3f2970",
)
CLIENT_ID, BLUEPRINT = "bdcd7bec-aebf-42a6-b512-7c5486a5bcca", "b8844eab-af47-48e3-807b-764ffcde449e"
ROLE = "7e912562-2a2e-4332-9b4c-e55e0cfa3038"
Json = dict[str, Any]


def app(**members: Any) -> Json:
    return {
        "id": APP,
        "appId": CLIENT_ID,
        "displayName": "orders",
        "identifierUris": [],
        "signInAudience": "AzureADMyOrg",
        **members,
    }


def principal(**members: Any) -> Json:
    return {"id": SP, "appId": CLIENT_ID, "displayName": "orders", "servicePrincipalType": "Application", **members}


def answer(what: str, *items: Json) -> Json:
    return {"@odata.context": ROOT + what, "value": list(items)}


def estate(folder: Path, files: dict[str, Any]) -> Estate:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return build(sources.read([folder]), NOW)


def application(folder: Path, **members: Any) -> Application:
    (only,) = estate(folder, {"apps.json": answer("applications", app(**members))}).of(Application)
    return only


def the_principal(folder: Path, files: dict[str, Any], **members: Any) -> ServicePrincipal:
    found = estate(folder, {"sps.json": answer("servicePrincipals", principal(**members)), **files})
    (only,) = found.of(ServicePrincipal)
    return only


def value(fact: Fact[Any]) -> Any:
    assert isinstance(fact, Known), fact
    return fact.value


def missing(fact: Fact[Any] | Members[Any]) -> Unknown:
    unknown = fact.missing if isinstance(fact, Members) else fact
    assert isinstance(unknown, Unknown), fact
    return unknown


# -- absent, null, wrong ---------------------------------------------------------------------------------------------


def test_every_member_can_be_asked_for_and_what_was_not_read_is_unknown(tmp_path: Path) -> None:
    found = estate(tmp_path, {"apps.json": answer("applications", app()), "sps.json": answer("servicePrincipals", principal())})
    read = {"identifier_uris", "sign_in_audience", "principal_type"}
    for entity in (*found.of(Application), *found.of(ServicePrincipal)):
        for name in set(on_demand(type(entity))) - {"inventory_notes", "looked_in", "not_looked_in"}:
            fact = getattr(entity, name)
            if name in read and not (name == "sign_in_audience" and isinstance(entity, ServicePrincipal)):
                assert isinstance(fact, Known), name
            else:
                assert "az rest --method get --url" in missing(fact).remedy, name
                assert "(permission " in missing(fact).remedy, name


@pytest.mark.parametrize(
    ("name", "url", "permission"),
    [
        ("roles", f"/servicePrincipals/{SP}/appRoleAssignments ", "Application.Read.All"),
        ("assigned", f"/servicePrincipals/{SP}/appRoleAssignedTo ", "Application.Read.All"),
        ("delegated", f"/servicePrincipals/{SP}/oauth2PermissionGrants ", "Directory.Read.All"),
        ("directory_roles", "/roleManagement/directory/roleAssignments ", "RoleManagement.Read.Directory"),
        (
            "sponsors",
            f"/servicePrincipals/{SP}/microsoft.graph.agentIdentity/sponsors, saved as sponsors-{SP}.json ",
            "Application",
        ),
        ("owners", f"/servicePrincipals/{SP}?$expand=owners(", "Application.Read.All"),
        ("last_sign_in", "/reports/servicePrincipalSignInActivities ", "AuditLog.Read.All"),
        ("federated", f"/servicePrincipals/{SP}/federatedIdentityCredentials ", "Application.Read.All"),
    ],
)
def test_an_absent_relation_names_the_call_and_the_permission(tmp_path: Path, name: str, url: str, permission: str) -> None:
    remedy = missing(getattr(the_principal(tmp_path, {}), name)).remedy
    assert url in remedy and f"(permission {permission}" in remedy


def test_null_is_unset_and_below_what_was_read_absent_is_unset(tmp_path: Path) -> None:
    found = application(
        tmp_path,
        api={"requestedAccessTokenVersion": None},
        web={},
        spa={"redirectUris": ["https://a.example/cb"]},
        publicClient={"redirectUris": []},
        isFallbackPublicClient=None,
        optionalClaims=None,
        groupMembershipClaims=None,
        servicePrincipalLockConfiguration=None,
        passwordCredentials=[],
    )
    assert (value(found.token_version), isinstance(found.token_version, Known) and found.token_version.default != "") == (
        1,
        True,
    )
    assert value(found.implicit_access_tokens) is False
    assert value(found.public_client_fallback) is False
    assert value(found.guid_audience) is False
    assert value(found.group_claims) == ""
    assert value(found.lock).is_enabled is False
    assert value(found.passwords) == ()
    assert value(found.scopes) == () and value(found.known_clients) == ()
    assert [(it.uri, it.platform) for it in value(found.redirect_uris)] == [("https://a.example/cb", "spa")]
    assert "appRoles of /applications/" in missing(found.app_roles).missing


def test_redirect_uris_of_which_a_platform_is_missing_never_look_empty(tmp_path: Path) -> None:
    assert isinstance(application(tmp_path, web={"redirectUris": []}).redirect_uris, Unknown)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("token_version", {"api": {"requestedAccessTokenVersion": "2"}}),
        ("token_version", {"api": {"requestedAccessTokenVersion": True}}),
        ("scopes", {"api": {"oauth2PermissionScopes": [{"value": "x"}]}}),
        ("scopes", {"api": {"oauth2PermissionScopes": ["x"]}}),
        ("app_roles", {"appRoles": {"id": "x"}}),
        ("requested", {"requiredResourceAccess": [{"resourceAppId": "x", "resourceAccess": [{"id": 1, "type": "Role"}]}]}),
        ("known_clients", {"api": {"knownClientApplications": [1]}}),
        ("owners", {"owners": "noor"}),
        ("sign_in_audience", {"signInAudience": ["x"]}),
    ],
)
def test_a_member_of_a_wrong_type_is_unknown(tmp_path: Path, name: str, members: Json) -> None:
    assert isinstance(getattr(application(tmp_path, **members), name), Unknown)


def test_what_a_registration_offers_and_asks_for(tmp_path: Path) -> None:
    found = application(
        tmp_path,
        api={
            "oauth2PermissionScopes": [{"id": "A1", "value": "Orders.Write", "type": "User", "isEnabled": False}],
            "preAuthorizedApplications": [{"appId": "C1", "delegatedPermissionIds": ["A1"]}],
            "knownClientApplications": ["C2"],
            "requestedAccessTokenVersion": 2,
        },
        appRoles=[{"id": "R1", "value": "Orders.Call", "allowedMemberTypes": ["Application"], "isEnabled": True}],
        requiredResourceAccess=[
            {"resourceAppId": "AA", "resourceAccess": [{"id": "S", "type": "Scope"}, {"id": "R", "type": "Role"}]}
        ],
        optionalClaims={"accessToken": [{"name": "aud", "additionalProperties": ["use_guid"]}]},
    )
    (scope,) = value(found.scopes)
    assert (scope.id, scope.value, scope.type, scope.is_enabled) == ("a1", "Orders.Write", "User", False)
    assert scope.at.route == ("value", 0, "api", "oauth2PermissionScopes", 0)
    (client,) = value(found.preauthorized)
    assert (client.app_id, client.scopes, client.at.route[-2:]) == ("c1", ("a1",), ("preAuthorizedApplications", 0))
    (role,) = value(found.app_roles)
    assert (role.id, role.value, role.member_types, role.is_enabled) == ("r1", "Orders.Call", ("Application",), True)
    assert [(it.resource_app_id, it.id, it.is_role) for it in value(found.requested)] == [("aa", "s", False), ("aa", "r", True)]
    assert (value(found.token_version), value(found.guid_audience), value(found.known_clients)) == (2, True, ("c2",))


def test_credentials_by_their_dates_and_a_signing_pair_once(tmp_path: Path) -> None:
    pair = {"keyId": "K", "displayName": "CN=x", "endDateTime": "2027-01-01T00:00:00Z"}
    found = application(
        tmp_path,
        passwordCredentials=[{"keyId": "P", "displayName": "ci", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": None}],
        keyCredentials=[{**pair, "usage": "Sign"}, {**pair, "usage": "Verify"}],
    )
    (secret,) = value(found.passwords)
    assert (secret.key_id, secret.name, secret.start, secret.end) == ("p", "ci", "2026-01-01T00:00:00Z", "")
    (certificate,) = value(found.certificates)
    assert certificate.end == "2027-01-01T00:00:00Z" and certificate.at.route[-1] == 0


# -- people ----------------------------------------------------------------------------------------------------------


def test_an_owner_whom_the_reader_may_not_see_is_an_owner(tmp_path: Path) -> None:
    people = [
        {"@odata.type": "#microsoft.graph.user", "id": "U1", "displayName": None, "userPrincipalName": None},
        {
            "@odata.type": "#microsoft.graph.user",
            "id": "u2",
            "userPrincipalName": "a_b.example#EXT#@t.example",
            "accountEnabled": False,
        },
        {"@odata.type": "#microsoft.graph.servicePrincipal", "id": "u3", "displayName": "pipeline"},
        {"id": "u4", "userPrincipalName": "x@t.example", "accountEnabled": True, "userType": "Member"},
    ]
    found = value(application(tmp_path, owners=people).owners)
    assert [(it.id, it.name, it.enabled, it.guest, it.sort) for it in found] == [
        ("u1", "", None, None, "user"),
        ("u2", "a_b.example#EXT#@t.example", False, True, "user"),
        ("u3", "pipeline", None, None, "servicePrincipal"),
        ("u4", "x@t.example", True, False, ""),
    ]


def test_sponsors_come_expanded_or_in_an_answer_of_their_own(tmp_path: Path) -> None:
    agent = principal(**{"@odata.type": "#microsoft.graph.agentIdentity"})
    person = {"@odata.type": "#microsoft.graph.user", "id": "u1", "displayName": "Ana"}
    alone = estate(
        tmp_path, {"sps.json": answer("servicePrincipals", agent), f"sponsors-{SP}.json": answer("directoryObjects", person)}
    )
    assert [it.name for it in value(alone.of(ServicePrincipal)[0].sponsors)] == ["Ana"]
    none = estate(tmp_path, {f"sponsors-{SP}.json": answer("directoryObjects")})
    assert value(none.of(ServicePrincipal)[0].sponsors) == ()


# -- relations -------------------------------------------------------------------------------------------------------


def grant(client: str = SP, **members: Any) -> Json:
    return {
        "id": f"g-{client}",
        "clientId": client,
        "consentType": "AllPrincipals",
        "principalId": None,
        "resourceId": API,
        "scope": " A.Read  B.Write",
        **members,
    }


def test_grants_of_one_principal(tmp_path: Path) -> None:
    own = answer(f"servicePrincipals('{SP}')/oauth2PermissionGrants", grant())
    found = the_principal(tmp_path, {"g.json": own}).delegated
    assert found.missing is None
    (only,) = found.items
    assert (only.resource_id, only.scopes, only.all_principals) == (API, ("A.Read", "B.Write"), True)


def test_the_root_list_of_grants_is_whole_and_belongs_to_clients(tmp_path: Path) -> None:
    by_user = grant(API, id="g3", consentType="Principal", principalId="u1")
    found = the_principal(tmp_path, {"g.json": answer("oauth2PermissionGrants", grant(), by_user)}).delegated
    assert (len(found.items), found.missing) == (1, None)
    assert the_principal(tmp_path, {"g.json": answer("oauth2PermissionGrants")}).delegated == Members(())


@pytest.mark.parametrize(
    "content",
    [
        answer("oauth2PermissionGrants", grant(API)),  # as a filter by client would answer
        {**answer("oauth2PermissionGrants", grant(), grant(API)), "@odata.nextLink": "https://graph.microsoft.com/v1.0/x"},
        answer(f"servicePrincipals('{API}')/oauth2PermissionGrants", grant(API)),
    ],
)
def test_a_part_of_the_grants_never_looks_like_all(tmp_path: Path, content: Json) -> None:
    assert missing(the_principal(tmp_path, {"g.json": content}).delegated).remedy.endswith("(permission Directory.Read.All)")


def assignment(**members: Any) -> Json:
    return {
        "id": "a1",
        "appRoleId": ROLE.upper(),
        "principalId": SP,
        "principalType": "ServicePrincipal",
        "resourceId": API,
        **members,
    }


def test_roles_seen_from_both_sides_are_one(tmp_path: Path) -> None:
    files = {
        "sps.json": answer("servicePrincipals", principal(), principal(id=API, appId="x")),
        "given.json": answer(f"servicePrincipals('{SP}')/appRoleAssignments", assignment()),
        "to.json": answer(
            f"servicePrincipals('{API}')/appRoleAssignedTo",
            assignment(id="a2"),
            assignment(id="a3", principalId="u1", principalType="User"),
        ),
    }
    found = estate(tmp_path, files)
    holder, api = principal_with(SP, found), principal_with(API.upper(), found)
    assert holder is not None and api is not None
    assert holder.roles.missing is None and api.assigned.missing is None
    (role,) = holder.roles.items
    assert (role.app_role_id, role.resource_id, role.principal_id) == (ROLE, API, SP)
    assert [it.principal_type for it in api.assigned.items] == ["ServicePrincipal", "User"]
    assert isinstance(api.roles.missing, Unknown) and api.roles.items == ()


def credential(number: int = 0) -> Json:
    return {
        "id": f"f{number}",
        "name": "uami",
        "issuer": "https://login.microsoftonline.com/t/v2.0",
        "subject": SP,
        "audiences": ["api://AzureADTokenExchange"],
    }


def test_federated_credentials_and_the_cap_of_expansion(tmp_path: Path) -> None:
    few = application(tmp_path, federatedIdentityCredentials=[credential()]).federated
    assert few.missing is None and (few.items[0].name, value(few.items[0].issuer)) == ("uami", credential()["issuer"])
    many = application(tmp_path, federatedIdentityCredentials=[credential(number) for number in range(20)]).federated
    assert len(many.items) == 20 and many.missing is not None
    flexible = {
        "id": "f",
        "name": "x",
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": None,
        "audiences": ["api://AzureADTokenExchange"],
        "claimsMatchingExpression": {"value": "claims['sub'] matches 'repo:o/r:*'", "languageVersion": 1},
    }
    (only,) = application(tmp_path, federatedIdentityCredentials=[flexible]).federated.items
    assert (value(only.subject), only.expression) == ("", "claims['sub'] matches 'repo:o/r:*'")


def test_directory_roles_from_assignments_and_from_memberships(tmp_path: Path) -> None:
    both = [
        {"id": str(number), "principalId": owner, "roleDefinitionId": role, "directoryScopeId": "/"}
        for number, (owner, role) in enumerate([(SP, "R1"), ("u1", "R2")])
    ]
    assigned = the_principal(
        tmp_path / "a", {"r.json": answer("roleManagement/directory/roleAssignments", *both)}
    ).directory_roles
    assert [(it.template_id, it.scope) for it in assigned.items] == [("r1", "/")] and assigned.missing is None
    role = {"@odata.type": "#microsoft.graph.directoryRole", "id": "x", "displayName": "Reader", "roleTemplateId": "R1"}
    group = {"@odata.type": "#microsoft.graph.group", "id": "y", "displayName": "g"}
    member = the_principal(tmp_path / "b", {f"memberOf-{SP}.json": answer("directoryObjects", role, group)}).directory_roles
    assert [(it.template_id, it.name) for it in member.items] == [("r1", "Reader")] and member.missing is None


def test_sign_ins_are_known_to_be_absent_only_by_the_whole_report(tmp_path: Path) -> None:
    def activity(app_id: str) -> Json:
        return {"id": app_id, "appId": app_id, "lastSignInActivity": {"lastSignInDateTime": "2026-11-20T17:03:22Z"}}

    report = "reports/servicePrincipalSignInActivities"
    assert (
        value(the_principal(tmp_path, {"s.json": answer(report, activity(CLIENT_ID))}).last_sign_in) == "2026-11-20T17:03:22Z"
    )
    assert isinstance(the_principal(tmp_path, {"s.json": answer(report, activity("x"))}).last_sign_in, Unknown)
    assert value(the_principal(tmp_path, {"s.json": answer(report, activity("x"), activity("y"))}).last_sign_in) == ""


# -- agents ----------------------------------------------------------------------------------------------------------


def test_agents_and_blueprints_are_told_by_what_graph_says_of_them(tmp_path: Path) -> None:
    named = {"@odata.type": "#microsoft.graph.agentIdentity", "agentIdentityBlueprintId": BLUEPRINT.upper()}
    files = {
        "sps.json": answer(
            "servicePrincipals",
            principal(id="s1", appId="s1", **named),
            principal(id="s2", appId="s2", servicePrincipalType="ServiceIdentity"),
            principal(id="s3", appId=BLUEPRINT, **{"@odata.type": "#microsoft.graph.agentIdentityBlueprintPrincipal"}),
        ),
        # As az prints them, without annotations.
        "apps.json": [app(id="a1", appId=BLUEPRINT), app(id="a2", appId="other")],
    }
    found = estate(tmp_path, files)
    assert [(it.object_id, it.is_agent, it.blueprint_app_id) for it in found.of(ServicePrincipal)] == [
        ("s1", True, BLUEPRINT),
        ("s2", True, ""),
        ("s3", False, ""),
    ]
    assert [(it.object_id, it.is_blueprint) for it in found.of(Application)] == [("a1", True), ("a2", False)]
    blueprint = application_of(BLUEPRINT.upper(), found)
    assert blueprint is not None and [it.object_id for it in agents_of(blueprint, found)] == ["s1"]


def test_inheritable_permissions(tmp_path: Path) -> None:
    own = {"resourceAppId": "AA", "inheritableScopes": {"@odata.type": "#microsoft.graph.allAllowedScopes"}}
    named = {"resourceAppId": "BB", "inheritableScopes": {"@odata.type": "microsoft.graph.enumeratedScopes", "scopes": ["x"]}}
    (first, second) = value(application(tmp_path, inheritablePermissions=[own, named]).inheritable)
    assert (first.resource_app_id, first.sort, second.sort, second.scopes) == (
        "aa",
        "allAllowedScopes",
        "enumeratedScopes",
        ("x",),
    )
    alone = {
        "apps.json": answer("applications", app()),
        "i.json": answer(f"applications('{APP}')/microsoft.graph.agentIdentityBlueprint/inheritablePermissions", own),
    }
    assert len(value(estate(tmp_path, alone).of(Application)[0].inheritable)) == 1


def test_managed_identities_are_found_by_their_resource(tmp_path: Path) -> None:
    resource = "/subscriptions/0/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-x"
    found = estate(
        tmp_path,
        {
            "s.json": [
                principal(
                    servicePrincipalType="ManagedIdentity",
                    alternativeNames=["isExplicit=True", resource],
                    appOwnerOrganizationId=None,
                )
            ]
        },
    )
    identity = principal_of_resource(resource.lower(), found)
    assert identity is not None and identity == principal_of(CLIENT_ID, found)
    assert value(identity.home_tenant) == ""


# -- other forms -----------------------------------------------------------------------------------------------------


def test_what_a_configuration_leaves_out_is_unset(tmp_path: Path) -> None:
    resource = {
        "type": "azuread_application",
        "name": "x",
        "address": "azuread_application.x",
        "mode": "managed",
        "values": {"display_name": "x", "api": [{"requested_access_token_version": 2}]},
    }
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": [resource]}},
        "configuration": {"root_module": {}},
    }
    (found,) = estate(tmp_path, {"plan.json": plan}).of(Application)
    assert (value(found.token_version), value(found.sign_in_audience), value(found.passwords)) == (2, "AzureADMyOrg", ())
    assert isinstance(found.owners, Unknown)


def test_what_a_format_cannot_hold_is_unknown(tmp_path: Path) -> None:
    road = {
        "objectType": "Application",
        "objectId": APP,
        "appId": CLIENT_ID,
        "availableToOtherTenants": True,
        "oauth2Permissions": [],
        "replyUrls": [],
    }
    (found,) = estate(tmp_path, {"a.json": [road]}).of(Application)
    assert value(found.sign_in_audience) == "AzureADMultipleOrgs" and value(found.scopes) == ()
    assert isinstance(found.token_version, Unknown) and "cannot hold" in found.token_version.missing
    assert isinstance(found.preauthorized, Unknown)


# -- policies of the tenant ------------------------------------------------------------------------------------------


def test_policies_of_the_tenant(tmp_path: Path) -> None:
    management = {
        "@odata.context": ROOT + "policies/defaultAppManagementPolicy/$entity",
        "isEnabled": True,
        "applicationRestrictions": {
            "passwordCredentials": [{"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P90D"}],
            "identifierUris": {"nonDefaultUriAddition": {"state": "enabled"}},
        },
    }
    consent = {
        "@odata.context": ROOT + "policies/authorizationPolicy/$entity",
        "id": "authorizationPolicy",
        "defaultUserRolePermissions": {
            "permissionGrantPoliciesAssigned": ["ManagePermissionGrantsForSelf.microsoft-user-default-legacy"]
        },
    }
    found = {it.sort: it for it in estate(tmp_path, {"m.json": management, "c.json": consent}).of(TenantPolicy)}
    policy = found["default-app-management"]
    assert value(policy.is_enabled) and value(policy.restricts_identifier_uris)
    assert [(it.type, it.max_lifetime) for it in value(policy.secret_restrictions)] == [("passwordLifetime", "P90D")]
    assert value(policy.certificate_restrictions) == ()
    assert value(found["authorization"].consent_policies) == ("ManagePermissionGrantsForSelf.microsoft-user-default-legacy",)
    assert isinstance(found["authorization"].consents_to_risky_apps, Unknown)


def test_conditional_access(tmp_path: Path) -> None:
    policy = {
        "id": "p",
        "displayName": "MFA",
        "state": "enabled",
        "conditions": {"applications": {"includeApplications": ["All"]}},
        "grantControls": {"builtInControls": ["mfa"]},
        "sessionControls": None,
    }
    (found,) = estate(tmp_path, {"p.json": answer("identity/conditionalAccess/policies", policy)}).of(ConditionalAccess)
    assert (found.name, value(found.state), value(found.applications), value(found.controls)) == (
        "MFA",
        "enabled",
        ("all",),
        ("mfa",),
    )
    assert value(found.sign_in_frequency) is False and value(found.strength) == ""


# -- which matter ----------------------------------------------------------------------------------------------------


def test_what_is_tied_matters_with_its_other_half_and_agents_always(tmp_path: Path) -> None:
    files = {
        "apps.json": [app(), app(id="a2", appId="other"), app(id="a3", appId=BLUEPRINT)],
        "sps.json": answer(
            "servicePrincipals",
            principal(),
            principal(id="s2", appId="other"),
            principal(id="s3", appId="s3", agentIdentityBlueprintId=BLUEPRINT),
        ),
    }
    found = estate(tmp_path, files)
    found.ties[f"/applications/{APP}"] = (Tie("/x#mcp", "server", "it accepts its tokens"),)
    everything = (*found.of(Application), *found.of(ServicePrincipal))
    assert {it.object_id for it in everything if matters(it, found, {})} == {APP, SP, "a3", "s3"}
    assert all(matters(it, found, {"persona": "auditor"}) for it in everything)
    other_half = principal_of(CLIENT_ID, found)
    assert other_half is not None and [tie.role for tie in ties_of(other_half, found)] == ["server"]
    agent = principal_of("s3", found)
    assert agent is not None and [tie.role for tie in ties_of(agent, found)] == ["agent"]
    assert servers_of(other_half, found) == () and found.of(McpServer) == ()

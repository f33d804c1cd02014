"""Directory objects in the forms of Graph PowerShell, the portal's old manifest, ROADrecon, EntraExporter and az."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason, RawResource
from mcpguard.model.kinds.entra import Application, ServicePrincipal
from mcpguard.normalize import build
from mcpguard.sources.graph import place_of
from tests.sources.conftest import Scan, service
from tests.sources.test_graph import APP_ID, CONTEXT, OBJECT_ID, app, principal

Scanner = Callable[..., Scan]
CLIENT = "aebc6443-996d-45c2-90f0-388ff96faa56"
PERSON = "f34575c3-1b4a-4092-8600-8b850240a85d"
SP_ID = "16b1878d-62c7-4009-aa25-68989d63bbad"
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
USER = {"@odata.type": "#microsoft.graph.user", "id": PERSON, "displayName": "Noor", "userPrincipalName": "noor@x.example"}
GRANT = {
    "clientId": SP_ID,
    "consentType": "AllPrincipals",
    "id": "aPlw7ew41kiuWN7P6Av9X3iGICfrJnZDi2Jsj7SIpfU",
    "principalId": None,
    "resourceId": "b32db9a9-adaa-49f5-ac38-ae141997018d",
    "scope": "User.Read Orders.Read",
}
ASSIGNMENT = {
    "id": "MQ2UeAiXQUCqZtqM8pJ2xQ",
    "appRoleId": "bd8695a4-4cd1-44ad-b623-7bc09f851969",
    "principalId": SP_ID,
    "principalType": "ServicePrincipal",
    "principalDisplayName": "orders",
    "resourceId": "b32db9a9-adaa-49f5-ac38-ae141997018d",
    "resourceDisplayName": "API",
}
CREDENTIAL = {
    "id": "d0cc0c4b-3a4c-4f4e-8ec7-2c5a7ac1b9c7",
    "name": "uami",
    "issuer": "https://login.microsoftonline.com/t/v2.0",
    "subject": PERSON,
    "audiences": ["api://AzureADTokenExchange"],
    "description": "",
}


def application(found: Scan) -> Application:
    (only,) = build(found.evidence, NOW).of(Application)
    return only


def written(found: Scan, resource: RawResource, *steps: str | int) -> str:
    """The line at which a member stands in the file."""
    return found.place(resource.origin.child(*steps)).excerpt[0].strip()


def value_of(fact: Fact[Any]) -> Any:
    assert isinstance(fact, Known), fact
    return fact.value


# -- Graph PowerShell ------------------------------------------------------------------------------------------------

PASCAL: dict[str, Any] = {
    "AddIns": [],
    "Api": {
        "AcceptMappedClaims": None,
        "KnownClientApplications": [],
        "Oauth2PermissionScopes": [{"Id": "5d0c", "IsEnabled": True, "Type": "User", "Value": "Orders.Read"}],
        "PreAuthorizedApplications": [{"AppId": CLIENT, "DelegatedPermissionIds": ["5d0c"]}],
        "RequestedAccessTokenVersion": 2,
    },
    "AppId": APP_ID,
    "DisplayName": "Orders",
    "FederatedIdentityCredentials": None,
    "Id": OBJECT_ID,
    "IdentifierUris": [f"api://{APP_ID}"],
    "Notes": None,
    "Owners": None,
    "PasswordCredentials": [{"EndDateTime": "/Date(1798675200000)/", "Hint": "abc", "KeyId": "k", "SecretText": None}],
    "Tags": [],
    "Web": {"ImplicitGrantSettings": {"EnableAccessTokenIssuance": None, "EnableIdTokenIssuance": None}, "RedirectUris": None},
    "AdditionalProperties": {"createdByAppId": CLIENT},
}


def test_powershell_is_read_in_graphs_names(scan: Scanner) -> None:
    found = scan({"apps.json": [PASCAL]})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == (
        f"/applications/{OBJECT_ID}",
        "microsoft.graph/applications",
        "graph-powershell",
    )
    assert resource.body["api"]["preAuthorizedApplications"] == [{"appId": CLIENT, "delegatedPermissionIds": ["5d0c"]}]
    assert resource.body["passwordCredentials"][0]["endDateTime"] == "2026-12-31T00:00:00Z"
    assert resource.body["createdByAppId"] == CLIENT
    # What was not selected comes out as null: it is left out, so that nothing takes it for unset.
    assert resource.body.keys().isdisjoint({"notes", "owners", "web", "federatedIdentityCredentials"})
    place = resource.origin.child("api", "preAuthorizedApplications", 0, "appId")
    assert found.place(place).excerpt[0].strip() == f'"AppId": "{CLIENT}",'
    assert isinstance(application(found).owners, Unknown)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("Api", "Microsoft.Graph.PowerShell.Models.MicrosoftGraphApiApplication"),
        ("Api", {"PreAuthorizedApplications": ["Microsoft.Graph.PowerShell.Models.MicrosoftGraphPreAuthorizedApplication"]}),
        ("Web", {"ImplicitGrantSettings": "Microsoft.Graph.Beta.PowerShell.Models.MicrosoftGraphImplicitGrantSettings"}),
        ("RequiredResourceAccess", [{"ResourceAccess": "System.Object[]", "ResourceAppId": "x"}]),
        ("AdditionalProperties", "System.Collections.Generic.Dictionary`2[System.String,System.Object]"),
        ("OptionalClaims", "System.Collections.Hashtable"),
        ("Info", "@{LogoUrl=; MarketingUrl=}"),
    ],
)
def test_powershell_that_was_cut_off_is_refused(scan: Scanner, member: str, value: Any) -> None:
    found = scan({"service.json": service(), "apps.json": [PASCAL, {**PASCAL, member: value}, {**PASCAL, member: value}]})
    artifact = found.artifact("apps.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, 1)
    assert "-Depth 10" in artifact.detail and f"member 1.{member}" not in artifact.detail
    assert artifact.at is not None and artifact.at.route[:2] == (1, member)
    (gap,) = found.evidence.gaps
    assert (gap.kinds, gap.reason) == (frozenset(("application", "service-principal")), GapReason.UNSUPPORTED)


def test_windows_powershell_writes_utf16(scan: Scanner) -> None:
    found = scan({"apps.json": json.dumps(PASCAL).encode("utf-16")})
    assert found.only().format == "graph-powershell"
    assert found.artifact("apps.json").detail == "converted from UTF-16"


@pytest.mark.parametrize(
    "text",
    [
        '{"AppId": "1", "DisplayName": "x",,}',
        '[{"imageName": "x", "imageVersion": 1,,}]',
        '{"accessTokenAcceptedVersion": 2,,}',
    ],
)
def test_broken_exports_fail_where_they_break(scan: Scanner, text: str) -> None:
    artifact = scan({"service.json": service(), "x.json": text}).artifact("x.json")
    assert artifact.status is ArtifactStatus.FAILED
    assert artifact.detail.startswith("line 1, column ")


def test_other_objects_of_powershell(scan: Scanner) -> None:
    def pascal(value: dict[str, Any]) -> dict[str, Any]:
        return {key[0].upper() + key[1:]: item for key, item in value.items()} | {"AdditionalProperties": {}}

    owner = {"DeletedDateTime": None, "Id": PERSON, "AdditionalProperties": {"@odata.type": "#microsoft.graph.user"}}
    found = scan(
        {
            "grants.json": [pascal(GRANT)],
            "roles.json": pascal(ASSIGNMENT),
            "app.json": PASCAL,
            f"owners-{OBJECT_ID}.json": [owner],
        }
    )
    assert [resource.type for resource in found.evidence.resources] == [
        "microsoft.graph/applications",
        "microsoft.graph/applications/owners",
        "microsoft.graph/approleassignments",
        "microsoft.graph/oauth2permissiongrants",
    ]
    assert [owner.id for owner in value_of(application(found).owners)] == [PERSON]


# -- the old manifest of the portal ----------------------------------------------------------------------------------

MANIFEST: dict[str, Any] = {
    "id": OBJECT_ID,
    "acceptMappedClaims": None,
    "accessTokenAcceptedVersion": 2,
    "allowPublicClient": None,
    "appId": APP_ID,
    "appRoles": [],
    "oauth2AllowUrlPathMatching": False,
    "createdDateTime": "2026-03-10T08:00:00Z",
    "groupMembershipClaims": None,
    "identifierUris": [f"api://{APP_ID}"],
    "informationalUrls": {"termsOfService": None, "support": None, "privacy": None, "marketing": None},
    "keyCredentials": [],
    "knownClientApplications": [CLIENT],
    "logoutUrl": None,
    "name": "Orders",
    "notes": "review-by: 2027-01-31",
    "oauth2AllowIdTokenImplicitFlow": True,
    "oauth2AllowImplicitFlow": False,
    "oauth2Permissions": [{"id": "5d0c", "isEnabled": True, "type": "User", "value": "Orders.Read"}],
    "passwordCredentials": [{"keyId": "k", "startDate": "2026-01-01T00:00:00Z", "endDate": "2027-01-01T00:00:00Z"}],
    "preAuthorizedApplications": [{"appId": CLIENT, "permissionIds": ["5d0c"]}],
    "replyUrlsWithType": [
        {"url": "https://x.example/cb", "type": "Web"},
        {"url": "http://localhost", "type": "InstalledClient"},
        {"url": "https://y.example/cb", "type": "Web"},
        {"url": "https://spa.example", "type": "Spa"},
        "odd",
    ],
    "requiredResourceAccess": [],
    "signInUrl": "https://x.example",
    "signInAudience": "AzureADMyOrg",
    "tags": [],
}


def test_manifest(scan: Scanner) -> None:
    found = scan({"Orders.json": MANIFEST})
    resource = found.only()
    body = resource.body
    assert (resource.id, resource.format) == (f"/applications/{OBJECT_ID}", "app-manifest")
    assert body["displayName"] == "Orders"
    assert body["api"] == {
        "acceptMappedClaims": None,
        "requestedAccessTokenVersion": 2,
        "knownClientApplications": [CLIENT],
        "oauth2PermissionScopes": MANIFEST["oauth2Permissions"],
        "preAuthorizedApplications": [{"appId": CLIENT, "delegatedPermissionIds": ["5d0c"]}],
    }
    assert body["web"]["implicitGrantSettings"] == {"enableIdTokenIssuance": True, "enableAccessTokenIssuance": False}
    assert body["web"]["redirectUris"] == ["https://x.example/cb", "https://y.example/cb"]
    assert body["spa"]["redirectUris"] == ["https://spa.example"]
    assert body["publicClient"]["redirectUris"] == ["http://localhost"]
    assert body["passwordCredentials"][0]["endDateTime"] == "2027-01-01T00:00:00Z"
    assert written(found, resource, "web", "redirectUris", 1) == '"url": "https://y.example/cb",'
    assert written(found, resource, "api", "requestedAccessTokenVersion") == '"accessTokenAcceptedVersion": 2,'
    assert written(found, resource, "api", "preAuthorizedApplications", 0, "appId") == f'"appId": "{CLIENT}",'
    told = application(found)
    assert [client.app_id for client in value_of(told.preauthorized)] == [CLIENT]
    assert value_of(told.review_dates)[0].date == "2027-01-31"
    assert isinstance(told.owners, Unknown) and "cannot hold" in told.owners.missing


# -- ROADrecon -------------------------------------------------------------------------------------------------------

ROAD: dict[str, Any] = {
    "objectType": "Application",
    "objectId": OBJECT_ID,
    "appId": APP_ID,
    "displayName": "Orders",
    "availableToOtherTenants": True,
    "homepage": "https://x.example",
    "identifierUris": [f"api://{APP_ID}"],
    "knownClientApplications": [],
    "oauth2AllowIdTokenImplicitFlow": True,
    "oauth2AllowImplicitFlow": False,
    "oauth2Permissions": [],
    "publicClient": None,
    "replyUrls": ["https://x.example/cb"],
    "encryptedMsiApplicationSecret": "kq93jd02kd93jd02ks",
    "passwordCredentials": [{"keyId": "k", "endDate": "2027-01-01T00:00:00", "value": None}],
    "ownerUsers": [{"objectId": PERSON, "userPrincipalName": "noor@x.example"}],
    "ownerServicePrincipals": [],
}


def test_roadrecon_application(scan: Scanner) -> None:
    found = scan({"application.json": ROAD})
    resource = found.only()
    body = resource.body
    assert (resource.id, resource.format) == (f"/applications/{OBJECT_ID}", "aad-graph")
    assert (body["signInAudience"], body["web"]["redirectUris"]) == ("AzureADMultipleOrgs", ["https://x.example/cb"])
    assert "publicClient" not in body and "spa" not in body
    assert written(found, resource, "web", "redirectUris", 0) == '"https://x.example/cb"'
    assert written(found, resource, "signInAudience") == '"availableToOtherTenants": true,'
    told = application(found)
    assert [owner.id for owner in value_of(told.owners)] == [PERSON]
    # AAD Graph knows no preauthorized clients: none listed does not mean none.
    assert isinstance(told.preauthorized, Unknown)
    assert "aad-graph cannot hold" in told.preauthorized.missing and "az rest" in told.preauthorized.remedy
    assert "kq93jd02kd93jd02ks" not in repr(resource)


def test_an_answer_of_graph_fills_what_roadrecon_cannot_hold(scan: Scanner) -> None:
    graph = {"id": OBJECT_ID.upper(), "appId": APP_ID, "signInAudience": "AzureADMultipleOrgs"}
    found = scan({"road.json": [ROAD], "app.json": {**graph, "api": {"preAuthorizedApplications": []}}})
    told = application(found)
    assert (told.format, value_of(told.preauthorized)) == ("aad-graph", ())


def test_roadrecon_principal_with_what_it_was_granted(scan: Scanner) -> None:
    assignment = {key: value for key, value in ASSIGNMENT.items() if key != "appRoleId"}
    assigned = {**assignment, "objectType": "AppRoleAssignment", "objectId": ASSIGNMENT["id"], "id": ASSIGNMENT["appRoleId"]}
    grant = {key: value for key, value in GRANT.items() if key != "id"} | {"objectId": GRANT["id"], "expiryTime": "9999"}
    value = {
        "objectType": "ServicePrincipal",
        "objectId": SP_ID,
        "appId": APP_ID,
        "appOwnerTenantId": PERSON,
        "servicePrincipalType": "Application",
        "oauth2PermissionGrants": [grant],
        "appRolesAssigned": [assigned],
        "appRolesAssignedTo": [],
        "ownerUsers": [],
    }
    found = scan({"sp.json": value})
    by_type = {resource.type: resource for resource in found.evidence.resources}
    assert by_type["microsoft.graph/serviceprincipals"].body["appOwnerOrganizationId"] == PERSON
    assert by_type["microsoft.graph/approleassignments"].id == f"/appRoleAssignments/{ASSIGNMENT['id']}"
    assert by_type["microsoft.graph/approleassignments"].body["appRoleId"] == ASSIGNMENT["appRoleId"]
    assert by_type["microsoft.graph/oauth2permissiongrants"].id == f"/oauth2PermissionGrants/{GRANT['id']}"
    (found_principal,) = build(found.evidence, NOW).of(ServicePrincipal)
    assert value_of(found_principal.owners) == ()


# -- EntraExporter ---------------------------------------------------------------------------------------------------


def exported(root: str, *steps: str) -> str:
    return "/".join((root, *steps, f"{steps[-1]}.json"))


def test_entra_exporter_tree(scan: Scanner) -> None:
    other = app(id=PERSON, appId=SP_ID, displayName="Unowned")
    owner = {"id": PERSON, "userPrincipalName": "noor@x.example", "displayName": "Noor"}
    found = scan(
        {
            exported("tenant", "Applications", OBJECT_ID): app(),
            exported("tenant", "Applications", PERSON): other,
            exported("tenant", "Applications", OBJECT_ID, "Owners", PERSON): owner,
            exported("tenant", "Applications", OBJECT_ID, "Owners", SP_ID): {"id": SP_ID, "displayName": "a service"},
            exported("tenant", "ServicePrincipals", SP_ID): principal(id=SP_ID),
            exported("tenant", "ServicePrincipals", SP_ID, "AppRoleAssignments", ASSIGNMENT["id"]): ASSIGNMENT,
            exported("tenant", "ServicePrincipals", SP_ID, "Oauth2PermissionGrants", GRANT["id"]): GRANT,
            exported("tenant", "Policies", "AppManagementPolicies", PERSON): {
                "id": PERSON,
                "displayName": "No secrets",
                "isEnabled": True,
                "restrictions": {"passwordCredentials": []},
            },
            "tenant/Policies/DefaultAppManagementPolicy/DefaultAppManagementPolicy.json": {
                "id": "00000000-0000-0000-0000-000000000000",
                "isEnabled": False,
                "applicationRestrictions": {},
                "servicePrincipalRestrictions": {},
            },
            exported("tenant", "Identity", "Conditional", "AccessPolicies", SP_ID): {
                "id": SP_ID,
                "displayName": "MFA",
                "state": "enabled",
                "conditions": {"applications": {"includeApplications": ["All"]}},
                "grantControls": {"builtInControls": ["mfa"]},
            },
        }
    )
    assert {resource.id: resource.type.removeprefix("microsoft.graph/") for resource in found.evidence.resources} == {
        f"/applications/{OBJECT_ID}": "applications",
        f"/applications/{OBJECT_ID}/owners/{PERSON}": "applications/owners",
        f"/applications/{OBJECT_ID}/owners/{SP_ID}": "applications/owners",
        f"/applications/{PERSON}": "applications",
        f"/appRoleAssignments/{ASSIGNMENT['id']}": "approleassignments",
        f"/identity/conditionalAccess/policies/{SP_ID}": "identity/conditionalaccess/policies",
        f"/oauth2PermissionGrants/{GRANT['id']}": "oauth2permissiongrants",
        f"/policies/appManagementPolicies/{PERSON}": "policies/appmanagementpolicies",
        "/policies/defaultAppManagementPolicy": "policies/defaultappmanagementpolicy",
        f"/servicePrincipals/{SP_ID}": "serviceprincipals",
    }
    assert {resource.format for resource in found.evidence.resources} == {"entra-exporter"}
    assert (f"/serviceprincipals/{SP_ID}", "microsoft.graph/serviceprincipals/approleassignments") in found.complete
    estate = build(found.evidence, NOW)
    owners = {told.name: value_of(told.owners) for told in estate.of(Application)}
    # The exporter writes no folder for an empty list, and it did write owners of another registration.
    assert (len(owners["Orders"]), owners["Unowned"]) == (2, ())


@pytest.mark.parametrize("content", ['{"id": 1,,', b"\xff\xfea", '{"userPrincipalName": "x", "displayName": "y", "id": null}'])
def test_owners_of_which_a_file_is_damaged_are_unknown(scan: Scanner, content: Any) -> None:
    other = app(id=PERSON, appId=SP_ID, displayName="Damaged")
    found = scan(
        {
            exported("t", "Applications", OBJECT_ID): app(),
            exported("t", "Applications", OBJECT_ID, "Owners", PERSON): USER,
            exported("t", "Applications", PERSON): other,
            exported("t", "Applications", PERSON, "Owners", SP_ID): content,
        }
    )
    owners = {told.name: told.owners for told in build(found.evidence, NOW).of(Application)}
    assert isinstance(owners["Orders"], Known)
    assert isinstance(owners["Damaged"], Unknown)


def test_without_any_owners_the_exporter_says_nothing_of_them(scan: Scanner) -> None:
    found = scan({exported("t", "Applications", OBJECT_ID): app()})
    assert isinstance(application(found).owners, Unknown)


# -- relations in files of their own ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "owner", "type_"),
    [
        (f"owners-{OBJECT_ID}.json", f"/directoryObjects/{OBJECT_ID}", "microsoft.graph/directoryobjects/owners"),
        (f"owners/{OBJECT_ID}.json", f"/directoryObjects/{OBJECT_ID}", "microsoft.graph/directoryobjects/owners"),
        (f"x/{OBJECT_ID}/sponsors.json", f"/directoryObjects/{OBJECT_ID}", "microsoft.graph/directoryobjects/sponsors"),
        (
            f"federated-credentials-{OBJECT_ID}.json",
            f"/directoryObjects/{OBJECT_ID}",
            "microsoft.graph/directoryobjects/federatedidentitycredentials",
        ),
        (f"a/{OBJECT_ID}.json", "", ""),
        ("owners.json", "", ""),
        (f"owners/{OBJECT_ID}/x/y.json", "", ""),
    ],
)
def test_what_a_path_says(path: str, owner: str, type_: str) -> None:
    place = place_of(path)
    assert (place.owner, place.type) == (owner, type_)


@pytest.mark.parametrize(
    "answer",
    [
        [USER],
        {"@odata.context": CONTEXT + "directoryObjects", "value": [USER]},
        {
            "@odata.context": CONTEXT + "directoryObjects",
            "value": [{**principal(id=PERSON), "@odata.type": "#microsoft.graph.servicePrincipal"}],
        },
        {"value": [USER]},
        [{**principal(id=PERSON), "@odata.type": "#microsoft.graph.servicePrincipal"}],
        [{"id": PERSON, "displayName": "a service"}],
    ],
)
def test_owners_of_the_object_in_the_files_name(scan: Scanner, answer: Any) -> None:
    found = scan({"apps.json": [app()], f"owners-{OBJECT_ID.upper()}.json": answer})
    assert [owner.id for owner in value_of(application(found).owners)] == [PERSON]
    assert (f"/applications/{OBJECT_ID}", "microsoft.graph/applications/owners") in found.complete


@pytest.mark.parametrize("answer", [[], {"@odata.context": CONTEXT + "directoryObjects", "value": []}, {"value": []}])
def test_no_owner_is_no_owner(scan: Scanner, answer: Any) -> None:
    found = scan({"apps.json": [app()], f"owners-{OBJECT_ID}.json": answer})
    assert value_of(application(found).owners) == ()


def test_owners_named_by_an_application_id_stay_unknown(scan: Scanner) -> None:
    found = scan({"apps.json": [app()], f"owners-{APP_ID}.json": [USER]})
    assert isinstance(application(found).owners, Unknown)
    assert "is not in the input" in found.artifact(f"owners-{APP_ID}.json").detail


def test_owners_on_a_page_that_goes_on_are_a_gap(scan: Scanner) -> None:
    page = {"@odata.context": CONTEXT + "directoryObjects", "@odata.nextLink": "https://x", "value": [USER]}
    found = scan({"apps.json": [app()], f"owners-{OBJECT_ID}.json": page})
    assert isinstance(application(found).owners, Unknown)
    assert found.evidence.gaps[0].reason is GapReason.INCOMPLETE_PAGE


def test_users_alone_say_nothing(scan: Scanner) -> None:
    found = scan({"apps.json": [app()], "users.json": [USER]})
    artifact = found.artifact("users.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.SKIPPED, 0)
    assert "owners-<object id>.json" in artifact.detail


@pytest.mark.parametrize("name", [OBJECT_ID, APP_ID])
def test_federated_credentials_of_az(scan: Scanner, name: str) -> None:
    found = scan({"apps.json": [app()], f"federated-credentials-{name}.json": [CREDENTIAL]})
    resource = found.resource(f"/applications/{OBJECT_ID}/federatedIdentityCredentials/{CREDENTIAL['id']}")
    assert resource.type == "microsoft.graph/applications/federatedidentitycredentials"
    assert (f"/applications/{OBJECT_ID}", "microsoft.graph/applications/federatedidentitycredentials") in found.complete
    damaged = scan({f"federated-credentials-{name}.json": [CREDENTIAL, 7]})
    assert damaged.complete == set()


def test_a_federated_credential_of_nobody(scan: Scanner) -> None:
    found = scan({"apps.json": [app()], "fic.json": [CREDENTIAL]})
    artifact = found.artifact("fic.json")
    assert (artifact.status, artifact.at) == (ArtifactStatus.PARTIAL, Location("fic.json", (0,)))


def test_an_assignment_seen_from_both_sides_is_one(scan: Scanner) -> None:
    def page(relation: str, owner: str) -> dict[str, Any]:
        return {"@odata.context": f"{CONTEXT}servicePrincipals('{owner}')/{relation}", "value": [ASSIGNMENT]}

    found = scan({"a.json": page("appRoleAssignments", SP_ID), "b.json": page("appRoleAssignedTo", OBJECT_ID)})
    assert found.only().type == "microsoft.graph/approleassignments"
    assert found.complete == {
        (f"/serviceprincipals/{SP_ID}", "microsoft.graph/serviceprincipals/approleassignments"),
        (f"/serviceprincipals/{OBJECT_ID}", "microsoft.graph/serviceprincipals/approleassignedto"),
    }


def test_grants_of_az_and_of_graph_are_one(scan: Scanner) -> None:
    page = {"@odata.context": CONTEXT + "oauth2PermissionGrants", "value": [GRANT]}
    resource = scan({"az.json": [GRANT], "graph.json": page}).only()
    assert (resource.id, resource.type) == (f"/oauth2PermissionGrants/{GRANT['id']}", "microsoft.graph/oauth2permissiongrants")


def test_expanded_children_are_resources_too(scan: Scanner) -> None:
    found = scan(
        {
            "apps.json": [app(federatedIdentityCredentials=[CREDENTIAL])],
            "sp.json": principal(appRoleAssignments=[{"id": "x"}] * 20),
        }
    )
    credential = found.resource(f"/applications/{OBJECT_ID}/federatedIdentityCredentials/{CREDENTIAL['id']}")
    assert credential.origin == Location("apps.json", (0, "federatedIdentityCredentials", 0))
    # Twenty children of an expanded relation may be the first of more.
    assert found.complete == {(f"/applications/{OBJECT_ID}", "microsoft.graph/applications/federatedidentitycredentials")}


# -- agent identities ------------------------------------------------------------------------------------------------


def test_a_cast_list_keeps_what_its_items_are(scan: Scanner) -> None:
    agent = {"id": SP_ID, "appId": SP_ID, "displayName": "helper", "agentIdentityBlueprintId": APP_ID, "sponsors": [USER]}
    page = {"@odata.context": CONTEXT + "servicePrincipals/microsoft.graph.agentIdentity(sponsors())", "value": [agent]}
    blueprint = {"@odata.context": CONTEXT + "applications/microsoft.graph.agentIdentityBlueprint", "value": [app()]}
    inherited = {
        "@odata.context": f"{CONTEXT}applications('{OBJECT_ID}')/microsoft.graph.agentIdentityBlueprint/inheritablePermissions",
        "value": [{"resourceAppId": CLIENT, "inheritableScopes": {"@odata.type": "#microsoft.graph.allAllowedScopes"}}],
    }
    found = scan({"agents.json": page, "blueprints.json": blueprint, "inherited.json": inherited})
    assert {resource.id: (resource.type, resource.body.get("@odata.type")) for resource in found.evidence.resources} == {
        f"/servicePrincipals/{SP_ID}": ("microsoft.graph/serviceprincipals", "#microsoft.graph.agentIdentity"),
        f"/applications/{OBJECT_ID}": ("microsoft.graph/applications", "#microsoft.graph.agentIdentityBlueprint"),
        f"/applications/{OBJECT_ID}/inheritablePermissions/{CLIENT}": (
            "microsoft.graph/applications/inheritablepermissions",
            None,
        ),
    }


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {**PASCAL, "Api": 7, "Web": "x", "IdentifierUris": {"a": None}},
        {**MANIFEST, "replyUrlsWithType": {"url": "x"}, "preAuthorizedApplications": "none", "knownClientApplications": None},
        {**ROAD, "replyUrls": "x", "ownerUsers": "none", "passwordCredentials": [None, 7]},
        {**MANIFEST, "replyUrlsWithType": [{"url": 7, "type": "Web"}, {"type": None}, None]},
    ],
)
def test_wrong_types_are_unknown_not_wrong(scan: Scanner, value: dict[str, Any]) -> None:
    found = scan({"app.json": value, "good.json": app(id=PERSON, appId=SP_ID)})
    told = {it.app_id: it for it in build(found.evidence, NOW).of(Application)}
    assert told.keys() == {APP_ID, SP_ID}
    assert isinstance(told[APP_ID].owners, Unknown)

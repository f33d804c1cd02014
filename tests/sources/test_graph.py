"""Directory objects in the forms of Graph and az ad."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason
from tests.sources.conftest import Scan

Scanner = Callable[..., Scan]
CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
APP_ID = "1f4b0158-42c1-4516-8a5e-826a4aa93c44"
OBJECT_ID = "6c79fec5-9af8-4b56-bd84-945e60e87663"


def app(**more: Any) -> dict[str, Any]:
    out = {"id": OBJECT_ID, "appId": APP_ID, "displayName": "Orders", "identifierUris": [f"api://{APP_ID}"]}
    return out | {"requiredResourceAccess": [], **more}


def principal(**more: Any) -> dict[str, Any]:
    out = {"id": OBJECT_ID, "appId": APP_ID, "displayName": "Orders", "servicePrincipalType": "Application"}
    return out | {"servicePrincipalNames": [APP_ID], **more}


def test_page(scan: Scanner) -> None:
    found = scan({"apps.json": {"@odata.context": CONTEXT + "applications(owners())", "value": [app()]}})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == (
        f"/applications/{OBJECT_ID}",
        "microsoft.graph/applications",
        "graph",
    )
    assert resource.origin == Location("apps.json", ("value", 0))
    assert (found.evidence.gaps, found.complete) == ((), set())


def test_next_link(scan: Scanner) -> None:
    page = {"@odata.context": CONTEXT + "servicePrincipals", "@odata.nextLink": "https://x", "value": [principal()]}
    (gap,) = scan({"sp.json": page}).evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == ("", frozenset(("service-principal",)), GapReason.INCOMPLETE_PAGE)
    assert gap.at == Location("sp.json", ("@odata.nextLink",))


def test_array_and_single_object_of_az_ad(scan: Scanner) -> None:
    other = app(id="0b2f", appId="9d1c")
    found = scan({"apps.json": [app(), other], "sp.json": principal()})
    assert {resource.id: resource.type for resource in found.evidence.resources} == {
        "/applications/0b2f": "microsoft.graph/applications",
        f"/applications/{OBJECT_ID}": "microsoft.graph/applications",
        f"/servicePrincipals/{OBJECT_ID}": "microsoft.graph/serviceprincipals",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"@odata.type": "#microsoft.graph.application", "id": "x"}, "microsoft.graph/applications"),
        ({"@odata.type": "#microsoft.graph.servicePrincipal", "id": "x"}, "microsoft.graph/serviceprincipals"),
        ({"@odata.type": "#microsoft.graph.agentIdentity", "id": "x"}, "microsoft.graph/serviceprincipals"),
        ({"@odata.type": "#microsoft.graph.agentIdentityBlueprint", "id": "x"}, "microsoft.graph/applications"),
        ({"@odata.context": CONTEXT + "applications/$entity", "id": "x"}, "microsoft.graph/applications"),
        ({"appId": "x", "identifierUris": []}, "microsoft.graph/applications"),
        ({"appId": "x", "signInAudience": "AzureADMyOrg", "api": {}}, "microsoft.graph/applications"),
        ({"appId": "x", "appOwnerOrganizationId": None, "signInAudience": "y"}, "microsoft.graph/serviceprincipals"),
    ],
)
def test_what_an_object_is(scan: Scanner, value: dict[str, Any], expected: str) -> None:
    resource = scan({"object.json": value}).only()
    assert resource.type == expected
    assert resource.id.endswith("/x")


def test_children_belong_to_what_the_context_names(scan: Scanner) -> None:
    credentials = {
        "@odata.context": CONTEXT + f"applications('{OBJECT_ID}')/federatedIdentityCredentials",
        "value": [{"id": "f1", "issuer": "https://x", "subject": "s"}],
    }
    grants = {"@odata.context": CONTEXT + "oauth2PermissionGrants", "value": []}
    policy = {"@odata.context": CONTEXT + "policies/authorizationPolicy/$entity", "blockMsolPowerShell": True}
    found = scan({"fic.json": credentials, "grants.json": grants, "policy.json": policy})
    assert {resource.id: resource.type for resource in found.evidence.resources} == {
        f"/applications/{OBJECT_ID}/federatedIdentityCredentials/f1": (
            "microsoft.graph/applications/federatedidentitycredentials"
        ),
        "/policies/authorizationPolicy": "microsoft.graph/policies/authorizationpolicy",
    }
    assert found.complete == {
        (f"/applications/{OBJECT_ID}", "microsoft.graph/applications/federatedidentitycredentials"),
        ("", "microsoft.graph/oauth2permissiongrants"),
    }
    assert found.artifact("grants.json").status is ArtifactStatus.READ
    damaged = scan({"fic.json": {**credentials, "value": [{"issuer": "https://x"}, *credentials["value"]]}})
    assert damaged.complete == {("", "microsoft.graph/oauth2permissiongrants")}


def test_objects_without_an_id_are_named(scan: Scanner) -> None:
    page = {"@odata.context": CONTEXT + "applications", "value": [app(), {"displayName": "x"}, None]}
    artifact = scan({"apps.json": page}).artifact("apps.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, 1)
    assert artifact.detail == "a directory object without an id (and 1 more)"
    assert artifact.at == Location("apps.json", ("value", 1))

"""The directory in plans and states."""

from collections.abc import Callable

from mcpguard.core.facts import Known, Unknown
from mcpguard.evidence import Unresolved
from mcpguard.model.kinds.entra import Application, ServicePrincipal
from mcpguard.normalize import build
from tests.sources.conftest import Scan
from tests.sources.terraform.plans import block, change, module, plan, ref, resource, state
from tests.sources.test_azure_cli import AS_OF

Scanner = Callable[..., Scan]
KEY = "Zy9xWv8uTs7rQp6oNm5l"
APPLICATION = resource(
    "azuread_application",
    "api",
    {
        "id": "/applications/0b1",
        "object_id": "0b1",
        "client_id": "c11",
        "display_name": "orders-mcp",
        "identifier_uris": ["api://orders"],
        "sign_in_audience": "AzureADMyOrg",
        "owners": ["u1"],
        "tags": ["review:2027-01-31"],
        "api": [
            {
                "requested_access_token_version": 2,
                "oauth2_permission_scope": [{"id": "s1", "value": "Orders.Read", "enabled": True, "type": "User"}],
            }
        ],
        "app_role": [{"id": "r1", "value": "Orders.Write", "enabled": True, "allowed_member_types": ["Application"]}],
        "password": [{"key_id": "k0", "value": KEY, "display_name": "x"}],
        "web": [{"redirect_uris": ["https://x/cb"], "implicit_grant": [{"id_token_issuance_enabled": True}]}],
    },
)
OTHERS = [
    resource(
        "azuread_application_pre_authorized",
        "vscode",
        {"application_id": "/applications/0b1", "authorized_client_id": "AEBC", "permission_ids": ["s1"]},
    ),
    resource(
        "azuread_application_password",
        "p",
        {"application_id": "/applications/0b1", "key_id": "k1", "end_date": "2027-01-01T00:00:00Z", "value": f"{KEY}1"},
        sensitive={"value": True},
    ),
    resource(
        "azuread_application_federated_identity_credential",
        "f",
        {
            "application_id": "/applications/0b1",
            "id": "/applications/0b1/federatedIdentityCredentials/f1",
            "credential_id": "f1",
            "display_name": "uami",
            "issuer": "https://login.microsoftonline.com/t/v2.0",
            "subject": "p1",
            "audiences": ["api://AzureADTokenExchange"],
        },
    ),
    resource(
        "azuread_service_principal",
        "sp",
        {"id": "/servicePrincipals/5b1", "object_id": "5b1", "client_id": "c11", "app_role_assignment_required": True},
    ),
    resource(
        "azuread_app_role_assignment",
        "a",
        {"id": "/x/a1", "app_role_id": "r1", "principal_object_id": "5b1", "resource_object_id": "5b2"},
    ),
]


def test_a_registration(scan: Scanner) -> None:
    found = scan({"state.json": state(APPLICATION, *OTHERS)})
    assert found.ids == [
        "/applications/0b1",
        "/applications/0b1/federatedIdentityCredentials/f1",
        "/servicePrincipals/5b1",
        "/servicePrincipals/5b1/appRoleAssignments/a1",
    ]
    body = found.resource("/applications/0b1").body
    assert body["api"] == {
        "requestedAccessTokenVersion": 2,
        "oauth2PermissionScopes": [{"id": "s1", "value": "Orders.Read", "isEnabled": True, "type": "User"}],
        "preAuthorizedApplications": [{"appId": "AEBC", "delegatedPermissionIds": ["s1"]}],
    }
    assert [credential["keyId"] for credential in body["passwordCredentials"]] == ["k0", "k1"]
    assert body["web"]["implicitGrantSettings"] == {"enableIdTokenIssuance": True}
    assert KEY not in repr(found.evidence.resources)
    assert {KEY, f"{KEY}1"} <= found.evidence.texts["state.json"].secrets
    federated = found.resource("/applications/0b1/federatedIdentityCredentials/f1")
    assert federated.type == "microsoft.graph/applications/federatedidentitycredentials"
    assert federated.body["audiences"] == ["api://AzureADTokenExchange"]
    [application] = build(found.evidence, AS_OF).of(Application)
    assert application.app_id == "c11"
    assert isinstance(application.owners, Known) and [owner.id for owner in application.owners.value] == ["u1"]
    assert isinstance(application.preauthorized, Known) and application.preauthorized.value[0].app_id == "aebc"


def test_registrations_that_do_not_exist_yet_stay_linked(scan: Scanner) -> None:
    api = resource("azuread_application", "api", {"display_name": "orders-mcp"}, module="module.entra")
    principal = resource("azuread_service_principal", "sp", {"app_role_assignment_required": False}, module="module.entra")
    grant = resource("azuread_application_pre_authorized", "x", {"authorized_client_id": "aebc"})
    config = {
        "resources": [
            block("azuread_application_pre_authorized", "x", {"application_id": ref("module.entra.id", "module.entra")})
        ],
        "module_calls": {
            "entra": {
                "module": {
                    "outputs": {"id": {"expression": ref("azuread_application.api.id")}},
                    "resources": [
                        block("azuread_application", "api", {}),
                        block("azuread_service_principal", "sp", {"client_id": ref("azuread_application.api.client_id")}),
                    ],
                }
            }
        },
    }
    changes = [
        change(api, {"id": True, "client_id": True, "object_id": True, "identifier_uris": True}),
        change(principal, {"id": True, "client_id": True, "object_id": True}),
        change(grant, {"id": True, "application_id": True, "permission_ids": True}),
    ]
    found = scan({"plan.json": plan(module(grant, children=[module(api, principal, address="module.entra")]), changes, config)})
    estate = build(found.evidence, AS_OF)
    [application], [service_principal] = estate.of(Application), estate.of(ServicePrincipal)
    assert application.app_id == service_principal.app_id == "module.entra.azuread_application.api.client_id"
    body = found.resource("/applications/~module.entra.azuread_application.api").body
    [client] = body["api"]["preAuthorizedApplications"]
    assert client["appId"] == "aebc" and isinstance(client["delegatedPermissionIds"], Unresolved)
    assert isinstance(body["identifierUris"], Unresolved)


def test_what_adds_to_an_unknown_object_is_a_gap(scan: Scanner) -> None:
    found = scan(
        {"state.json": state(APPLICATION, resource("azuread_application_password", "p", {"application_id": "/applications/z"}))}
    )
    [gap] = found.evidence.gaps
    assert gap.kinds == {"application"}


def test_directory_roles_and_expressions_instead_of_subjects(scan: Scanner) -> None:
    role = {"id": "r1", "principal_object_id": "5b1", "role_id": "F2EF", "directory_scope_id": ""}
    expression = "claims['sub'] matches 'repo:o/r:*'"
    federated = {
        "id": "/applications/0b1/federatedIdentityCredentials/f2",
        "application_id": "/applications/0b1",
        "display_name": "pipeline",
        "issuer": "https://token.actions.githubusercontent.com",
        "claims_matching_expression": expression,
        "audience": "api://AzureADTokenExchange",
    }
    others = [
        resource("azuread_directory_role_assignment", "d", role),
        resource("azuread_application_flexible_federated_identity_credential", "x", federated),
    ]
    found = build(scan({"state.json": state(APPLICATION, *OTHERS, *others)}).evidence, AS_OF)
    (principal,) = found.of(ServicePrincipal)
    assert [(it.template_id, it.scope) for it in principal.directory_roles.items] == [("f2ef", "/")]
    assert principal.directory_roles.missing is not None
    (application,) = found.of(Application)
    by_name = {it.name: it for it in application.federated.items}
    assert (by_name["pipeline"].expression, by_name["uami"].expression) == (expression, "")
    assert by_name["pipeline"].audiences == Known(("api://AzureADTokenExchange",), by_name["pipeline"].at.child("audiences"))


def test_an_expression_that_only_deployment_knows_is_unknown(scan: Scanner) -> None:
    values = {
        "display_name": "x",
        "issuer": "https://i.example",
        "audience": "api://AzureADTokenExchange",
        "application_id": "/applications/0b1",
    }
    flexible = resource("azuread_application_flexible_federated_identity_credential", "x", values)
    refs = {"claims_matching_expression": ref("var.expression")}
    configuration = [
        block("azuread_application", "api", {}),
        block("azuread_application_flexible_federated_identity_credential", "x", refs),
    ]
    changes = [change(flexible, {"claims_matching_expression": True})]
    found = build(
        scan({"plan.json": plan(module(APPLICATION, flexible), changes, {"resources": configuration})}).evidence, AS_OF
    )
    (application,) = found.of(Application)
    (only,) = application.federated.items
    assert isinstance(only.subject, Unknown) and "var.expression" in only.subject.missing

"""The directory side of Microsoft's published samples for MCP on Functions: nothing to dispute as published, then one setting
broken at a time.

Shape: Azure-Samples/mcp-sdk-functions-hosting-python infra/app/entra.bicep and mcp.bicep, as deployed and read with ``az rest``
(written anew; names and ids are made up).
"""

import copy
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.model.finding import Finding, Outcome

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
TENANT = "2f6c5f0e-5a7b-4c1d-8b58-0b6f7f0a9a11"
APP, APP_OBJECT, APP_PRINCIPAL = (f"a0000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
IDENTITY_CLIENT, IDENTITY_PRINCIPAL = (f"b0000000-0000-4000-8000-00000000000{n}" for n in (1, 2))
GRAPH_PRINCIPAL = "c0000000-0000-4000-8000-000000000001"
GRAPH = "00000003-0000-0000-c000-000000000000"
SCOPE = "d0000000-0000-4000-8000-000000000001"
VSCODE = "aebc6443-996d-45c2-90f0-388ff96faa56"
GROUP = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg-weather"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/func-mcp-weather"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mcp-weather"
HOST = "func-mcp-weather.azurewebsites.net"
Files = dict[str, Any]


def context(path: str) -> str:
    return f"https://graph.microsoft.com/v1.0/$metadata#{path}"


def assignment(role: str, holder: str = APP_PRINCIPAL, resource: str = GRAPH_PRINCIPAL) -> dict[str, Any]:
    return {
        "id": f"x{role[:8]}",
        "appRoleId": role,
        "principalId": holder,
        "principalType": "ServicePrincipal",
        "resourceId": resource,
    }


def published() -> Files:
    """The sample after ``azd up``, with owner, sponsor of nothing, admin consent to the sign-in, and every list read."""
    application: dict[str, Any] = {
        "id": APP_OBJECT,
        "appId": APP,
        "displayName": "MCP Authorization App",
        "description": None,
        "notes": "azd environment weather",
        "serviceManagementReference": None,
        "tags": ["azd-env-name:weather", "review-by:2027-06-30"],
        "signInAudience": "AzureADMyOrg",
        "identifierUris": ["api://mcp-weather-abcdefghijklm"],
        "isFallbackPublicClient": None,
        "isDisabled": None,
        "disabledByMicrosoftStatus": None,
        "groupMembershipClaims": None,
        "optionalClaims": None,
        "passwordCredentials": [],
        "keyCredentials": [],
        "appRoles": [],
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [{"id": SCOPE, "value": "user_impersonation", "type": "User", "isEnabled": True}],
            "preAuthorizedApplications": [{"appId": VSCODE, "delegatedPermissionIds": [SCOPE]}],
        },
        "web": {
            "redirectUris": [f"https://{HOST}/.auth/login/aad/callback"],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
        },
        "spa": {"redirectUris": []},
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [
            {"resourceAppId": GRAPH, "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}]}
        ],
        "servicePrincipalLockConfiguration": {"isEnabled": True, "allProperties": True},
        "owners": [{"id": "e0000000-0000-4000-8000-000000000001", "userPrincipalName": "a@x.example"}],
        "federatedIdentityCredentials": [
            {
                "id": "f1",
                "name": "mcp-function-managed-identity",
                "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                "subject": IDENTITY_PRINCIPAL,
                "audiences": ["api://AzureADTokenExchange"],
            }
        ],
    }
    principals = [
        {
            "id": APP_PRINCIPAL,
            "appId": APP,
            "displayName": "MCP Authorization App",
            "servicePrincipalType": "Application",
            "appOwnerOrganizationId": TENANT,
            "accountEnabled": True,
            "disabledByMicrosoftStatus": None,
            "appRoleAssignmentRequired": True,
            "alternativeNames": [],
            "tags": ["azd-env-name:weather"],
        },
        {
            "id": IDENTITY_PRINCIPAL,
            "appId": IDENTITY_CLIENT,
            "displayName": "id-mcp-weather",
            "servicePrincipalType": "ManagedIdentity",
            "appOwnerOrganizationId": None,
            "accountEnabled": True,
            "disabledByMicrosoftStatus": None,
            "alternativeNames": ["isExplicit=True", IDENTITY],
            "tags": [],
        },
        {
            "id": GRAPH_PRINCIPAL,
            "appId": GRAPH,
            "displayName": "Microsoft Graph",
            "servicePrincipalType": "Application",
            "appOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
            "accountEnabled": True,
            "disabledByMicrosoftStatus": None,
            "alternativeNames": [],
        },
        {
            "id": "c0000000-0000-4000-8000-000000000002",
            "appId": VSCODE,
            "displayName": "Visual Studio Code",
            "servicePrincipalType": "Application",
            "appOwnerOrganizationId": "72f988bf-86f1-41af-91ab-2d7cd011db47",
            "accountEnabled": True,
            "disabledByMicrosoftStatus": None,
            "alternativeNames": [],
        },
    ]
    return {
        "applications.json": {"@odata.context": context("applications"), "value": [application]},
        "principals.json": {"@odata.context": context("servicePrincipals"), "value": principals},
        "grants.json": {
            "@odata.context": context("oauth2PermissionGrants"),
            "value": [
                {
                    "id": f"g{n}",
                    "clientId": client,
                    "consentType": "AllPrincipals",
                    "principalId": None,
                    "resourceId": resource,
                    "scope": scope,
                }
                for n, (client, resource, scope) in enumerate(
                    (
                        (APP_PRINCIPAL, GRAPH_PRINCIPAL, "User.Read"),
                        ("c0000000-0000-4000-8000-000000000002", APP_PRINCIPAL, "user_impersonation"),
                    )
                )
            ],
        },
        "app-roles.json": {
            "@odata.context": context(f"servicePrincipals('{APP_PRINCIPAL}')/appRoleAssignments"),
            "value": [],
        },
        "identity-roles.json": {
            "@odata.context": context(f"servicePrincipals('{IDENTITY_PRINCIPAL}')/appRoleAssignments"),
            "value": [],
        },
        "app-directory-roles.json": {"@odata.context": context("roleManagement/directory/roleAssignments"), "value": []},
        "conditional-access.json": {"@odata.context": context("identity/conditionalAccess/policies"), "value": []},
        "site.json": {
            "id": SITE,
            "name": "func-mcp-weather",
            "type": "Microsoft.Web/sites",
            "kind": "functionapp,linux",
            "location": "eastus2",
            "tags": {"azd-service-name": "mcp"},
            "identity": {
                "type": "UserAssigned",
                "userAssignedIdentities": {IDENTITY: {"clientId": IDENTITY_CLIENT, "principalId": IDENTITY_PRINCIPAL}},
            },
            "properties": {
                "state": "Running",
                "enabled": True,
                "hostNames": [HOST],
                "defaultHostName": HOST,
                "httpsOnly": True,
            },
        },
        "auth.json": {
            "id": f"{SITE}/config/authsettingsV2",
            "name": "authsettingsV2",
            "type": "Microsoft.Web/sites/config",
            "properties": {
                "platform": {"enabled": True, "runtimeVersion": "~1"},
                "globalValidation": {
                    "requireAuthentication": True,
                    "unauthenticatedClientAction": "Return401",
                    "redirectToProvider": "azureactivedirectory",
                },
                "identityProviders": {
                    "azureActiveDirectory": {
                        "enabled": True,
                        "registration": {
                            "openIdIssuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                            "clientId": APP,
                            "clientSecretSettingName": "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
                        },
                        "validation": {
                            "allowedAudiences": ["api://mcp-weather-abcdefghijklm"],
                            "defaultAuthorizationPolicy": {"allowedPrincipals": {}, "allowedApplications": [APP, VSCODE]},
                        },
                    }
                },
            },
        },
        "host/host.json": {
            "version": "2.0",
            "configurationProfile": "mcp-custom-handler",
            "customHandler": {"description": {"defaultExecutablePath": "python", "arguments": ["weather.py"]}},
        },
    }


def app(files: Files) -> dict[str, Any]:
    found: dict[str, Any] = files["applications.json"]["value"][0]
    return found


def graph_scope(files: Files, scope: str) -> None:
    app(files)["requiredResourceAccess"][0]["resourceAccess"].append({"id": scope, "type": "Scope"})


def drop_credentials(files: Files) -> None:
    graph_scope(files, "570282fd-fa5c-430d-a7fd-fc8dc98a9dca")
    files["grants.json"]["value"][0]["scope"] = "User.Read Mail.Read"
    app(files)["federatedIdentityCredentials"] = []


def admit_identity(files: Files) -> None:
    graph_scope(files, "570282fd-fa5c-430d-a7fd-fc8dc98a9dca")
    files["grants.json"]["value"][0]["scope"] = "User.Read Mail.Read"
    policy = files["auth.json"]["properties"]["identityProviders"]["azureActiveDirectory"]["validation"]
    policy["defaultAuthorizationPolicy"]["allowedApplications"].append(IDENTITY_CLIENT)
    api = app(files)["api"]["preAuthorizedApplications"]
    api.append({"appId": IDENTITY_CLIENT, "delegatedPermissionIds": [SCOPE]})


def role(file: str, holder: str, role_id: str) -> Callable[[Files], None]:
    def give(files: Files) -> None:
        files[file]["value"].append(assignment(role_id, holder))
        if holder == APP_PRINCIPAL:  # asked for as well, so that MG317 has nothing to say
            app(files)["requiredResourceAccess"][0]["resourceAccess"].append({"id": role_id, "type": "Role"})

    return give


def set_member(*steps: str, value: object) -> Callable[[Files], None]:
    def write(files: Files) -> None:
        target = app(files)
        for step in steps[:-1]:
            target = target[step]
        target[steps[-1]] = value

    return write


def broad_consent(files: Files) -> None:
    graph_scope(files, "863451e7-0667-486c-a5d6-d135439485f0")
    files["grants.json"]["value"][0]["scope"] = "User.Read Files.ReadWrite.All"


def leftover(files: Files) -> None:
    files["grants.json"]["value"][0]["scope"] = "User.Read Mail.Read"


def disable(files: Files) -> None:
    files["principals.json"]["value"][0]["accountEnabled"] = False


def device_for_graph(files: Files) -> None:
    graph_scope(files, "570282fd-fa5c-430d-a7fd-fc8dc98a9dca")
    files["grants.json"]["value"][0]["scope"] = "User.Read Mail.Read"
    files["conditional-access.json"]["value"].append(
        {
            "id": "ca1",
            "displayName": "Devices",
            "state": "enabled",
            "conditions": {
                "applications": {"includeApplications": ["All"], "excludeApplications": [APP]},
                "users": {"includeUsers": ["All"]},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["compliantDevice"], "authenticationStrength": None},
            "sessionControls": None,
        }
    )


def scanned(files: Files, folder: Path) -> list[Finding]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return list(scan([folder], Settings(as_of=NOW)).findings)


def failures(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings if finding.outcome is Outcome.FAIL}


OURS = {f"MG{n}" for n in (*range(518, 536), 311, 312, 313, 314, 317)}


def test_as_published(tmp_path: Path) -> None:
    findings = scanned(published(), tmp_path)
    assert failures(findings) & OURS == set()
    unknown = {finding.rule: finding.message for finding in findings if finding.outcome is Outcome.UNKNOWN}
    assert {rule: message for rule, message in unknown.items() if rule in OURS} == {}


BROKEN: list[tuple[str, Callable[[Files], None]]] = [
    ("MG311", lambda files: graph_scope(files, "570282fd-fa5c-430d-a7fd-fc8dc98a9dca")),
    ("MG312", drop_credentials),
    ("MG313", admit_identity),
    ("MG314", device_for_graph),
    ("MG317", leftover),
    ("MG518", set_member("web", "implicitGrantSettings", "enableAccessTokenIssuance", value=True)),
    ("MG519", set_member("isFallbackPublicClient", value=True)),
    ("MG520", set_member("web", "redirectUris", value=[f"https://*.{HOST}/.auth/login/aad/callback"])),
    ("MG521", role("app-roles.json", APP_PRINCIPAL, "19dbc75e-c2e2-444c-a770-ec69d8559fc7")),
    ("MG522", role("app-roles.json", APP_PRINCIPAL, "b633e1c5-b582-4048-a93e-9f11b44c7e96")),
    ("MG523", broad_consent),
    ("MG531", role("identity-roles.json", IDENTITY_PRINCIPAL, "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9")),
    ("MG532", role("identity-roles.json", IDENTITY_PRINCIPAL, "7ab1d382-f21e-4acd-a863-ba3e13f7da61")),
    ("MG533", disable),
]


@pytest.mark.parametrize(("rule", "break_it"), BROKEN, ids=[rule for rule, _ in BROKEN])
def test_one_setting_broken(rule: str, break_it: Callable[[Files], None], tmp_path: Path) -> None:
    """The rule that speaks of it fires, and no other."""
    before = failures(scanned(published(), tmp_path / "before"))
    files = copy.deepcopy(published())
    break_it(files)
    assert failures(scanned(files, tmp_path / "after")) - before == {rule}

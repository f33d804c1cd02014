"""A function app and its registration in the shape that Microsoft's samples for hosting MCP servers deploy, as Azure answers them.

Read by hand: Azure-Samples/mcp-sdk-functions-hosting-python and remote-mcp-functions-python, ``infra/app/entra.bicep`` and
``mcp.bicep``; written anew. Owners, a review date and required assignment are what the samples leave to whoever deploys them, and are here;
as published without them MG504 and MG512 speak. One setting changed, and the rule for it speaks alone.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Outcome
from tests.rules.examples import NOW

Json = dict[str, Any]
TENANT, CLIENT = "5c1d7c0e-3a1b-4f0a-9b7e-6f3d2e1c0b9a", "8e7d6c5b-4a39-4281-9f70-1e2d3c4b5a69"
APP, PRINCIPAL, SCOPE = (f"{number}2345678-1111-4222-8333-444455556666" for number in (1, 2, 3))
IDENTITY = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"
CODE = "aebc6443-996d-45c2-90f0-388ff96faa56"
NAME = "func-mcp-weather"
SITE = f"/subscriptions/{TENANT}/resourceGroups/rg-weather/providers/Microsoft.Web/sites/{NAME}"
ROOT = "https://graph.microsoft.com/v1.0/$metadata#"
URI = "api://mcp-weather-k5xw2v7h3q"
PEOPLE = [
    {
        "@odata.type": "#microsoft.graph.user",
        "id": person,
        "userPrincipalName": f"{person}@tailspin.example",
        "accountEnabled": True,
        "userType": "Member",
    }
    for person in ("ada", "ben")
]


def arm(id: str, type: str, **more: Any) -> Json:
    return {"id": id, "name": id.rpartition("/")[2], "type": type, **more}


def published() -> dict[str, Json]:
    """The files by name."""
    registration: Json = {
        "@odata.context": ROOT + "applications(owners())/$entity",
        "id": APP,
        "appId": CLIENT,
        "displayName": "MCP weather",
        "uniqueName": "mcp-weather",
        "description": None,
        "identifierUris": [URI],
        "signInAudience": "AzureADMyOrg",
        "isFallbackPublicClient": None,
        "groupMembershipClaims": None,
        "notes": None,
        "optionalClaims": None,
        "serviceManagementReference": None,
        "tags": ["azd-env-name:weather", "review-by:2027-05-15"],
        "owners": copy.deepcopy(PEOPLE),
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [{"id": SCOPE, "value": "user_impersonation", "type": "User", "isEnabled": True}],
            "preAuthorizedApplications": [{"appId": CODE, "delegatedPermissionIds": [SCOPE]}],
        },
        "appRoles": [],
        "keyCredentials": [],
        "passwordCredentials": [],
        "requiredResourceAccess": [],
        "publicClient": {"redirectUris": []},
        "spa": {"redirectUris": []},
        "web": {
            "redirectUris": [f"https://{NAME}.azurewebsites.net/.auth/login/aad/callback"],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
        },
    }
    principal = {
        "@odata.context": ROOT + "servicePrincipals/$entity",
        "id": PRINCIPAL,
        "appId": CLIENT,
        "displayName": "MCP weather",
        "servicePrincipalType": "Application",
        "appOwnerOrganizationId": TENANT,
        "accountEnabled": True,
        "appRoleAssignmentRequired": True,
        "notes": None,
        "tags": [],
        "passwordCredentials": [],
        "keyCredentials": [],
    }
    federated = {
        "@odata.context": ROOT + f"applications('{APP}')/federatedIdentityCredentials",
        "value": [
            {
                "id": "f1",
                "name": "mcp-function-managed-identity",
                "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                "subject": IDENTITY,
                "audiences": ["api://AzureADTokenExchange"],
            }
        ],
    }
    auth = {
        "platform": {"enabled": True, "runtimeVersion": "~1"},
        "globalValidation": {
            "requireAuthentication": True,
            "unauthenticatedClientAction": "Return401",
            "redirectToProvider": "azureactivedirectory",
        },
        "httpSettings": {"requireHttps": True, "routes": {"apiPrefix": "/.auth"}},
        "identityProviders": {
            "azureActiveDirectory": {
                "enabled": True,
                "registration": {
                    "openIdIssuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                    "clientId": CLIENT,
                    "clientSecretSettingName": "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
                },
                "login": {"loginParameters": ["scope=openid profile email User.Read"]},
                "validation": {
                    "jwtClaimChecks": {},
                    "allowedAudiences": [URI],
                    "defaultAuthorizationPolicy": {"allowedPrincipals": {}, "allowedApplications": [CLIENT, CODE]},
                },
            }
        },
        "login": {"tokenStore": {"enabled": True, "tokenRefreshExtensionHours": 72.0}},
    }
    settings = {
        "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES": f"{URI}/user_impersonation",
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": IDENTITY,
        "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": TENANT,
    }
    site = {
        "enabled": True,
        "state": "Running",
        "defaultHostName": f"{NAME}.azurewebsites.net",
        "hostNames": [f"{NAME}.azurewebsites.net"],
        "httpsOnly": True,
        "siteConfig": None,
    }
    host = {
        "version": "2.0",
        "configurationProfile": "mcp-custom-handler",
        "customHandler": {"http": {"DefaultAuthorizationLevel": "anonymous"}, "port": "8000"},
    }
    return {
        "application.json": registration,
        "principal.json": principal,
        "federated.json": federated,
        f"{NAME}/site.json": arm(
            SITE, "Microsoft.Web/sites", kind="functionapp,linux", location="West Europe", properties=site
        ),
        f"{NAME}/authsettingsV2.json": arm(f"{SITE}/config/authsettingsV2", "Microsoft.Web/sites/config", properties=auth),
        f"{NAME}/appsettings.json": arm(f"{SITE}/config/appsettings", "Microsoft.Web/sites/config", properties=settings),
        f"{NAME}/host.json": host,
    }


def outcomes(folder: Path, files: dict[str, Json], outcome: Outcome) -> list[str]:
    """Rules of the family that come out that way for the registration or its principal."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    report = scan([folder], Settings(selection=Selection(select=("entra",)), as_of=NOW))
    assert any(it.outcome is Outcome.PASS for it in report.findings), "the registration is tied to the host"
    return sorted({it.rule for it in report.findings if it.outcome is outcome})


def test_as_published_nothing_is_wrong_and_what_the_pages_disagree_about_is_said(tmp_path: Path) -> None:
    assert outcomes(tmp_path, published(), Outcome.FAIL) == []
    assert "MG510" in outcomes(tmp_path, published(), Outcome.UNKNOWN)


def member(file: str, *steps: Any, value: Any) -> Callable[[dict[str, Json]], None]:
    def change(files: dict[str, Json]) -> None:
        target: Any = files[file]
        for step in steps[:-1]:
            target = target[step]
        target[steps[-1]] = value

    return change


SECRET = {"keyId": "k", "displayName": "old", "startDateTime": "2026-11-05T11:12:30Z", "endDateTime": "2027-03-05T11:12:30Z"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (member("application.json", "owners", value=[]), "MG501"),
        (member("application.json", "owners", value=PEOPLE[:1]), "MG502"),
        (member("application.json", "tags", value=["azd-env-name:weather"]), "MG504"),
        (member("application.json", "tags", value=["review-by:2026-05-15"]), "MG505"),
        (member("application.json", "passwordCredentials", value=[{**SECRET, "endDateTime": "2026-11-06T11:12:30Z"}]), "MG506"),
        (member("application.json", "passwordCredentials", value=[SECRET]), "MG507"),
        (member("federated.json", "value", 0, "subject", value="repo:tailspin/weather:pull_request"), "MG508"),
        (member("application.json", "identifierUris", value=[f"https://{NAME}.azurewebsites.net/mcp/"]), "MG510"),
        (member("application.json", "signInAudience", value="AzureADMultipleOrgs"), "MG511"),
        (member("principal.json", "appRoleAssignmentRequired", value=False), "MG512"),
        (member("application.json", "api", "preAuthorizedApplications", value=[]), "MG517"),
    ],
)
def test_one_setting_changed_is_found_by_its_rule_alone(
    tmp_path: Path, change: Callable[[dict[str, Json]], None], rule: str
) -> None:
    files = published()
    change(files)
    assert outcomes(tmp_path, files, Outcome.FAIL) == [rule]


def test_the_address_may_stand_at_another_registration_of_the_server(tmp_path: Path) -> None:
    files = published()
    other = {"id": "2" + APP[1:], "appId": "2" + CLIENT[1:], "displayName": "MCP weather, by address"}
    files["other.json"] = {**files["application.json"], **other, "identifierUris": [f"https://{NAME}.azurewebsites.net"]}
    provider = files[f"{NAME}/authsettingsV2.json"]["properties"]["identityProviders"]["azureActiveDirectory"]
    provider["validation"]["allowedAudiences"].append(f"https://{NAME}.azurewebsites.net")
    assert "MG510" not in outcomes(tmp_path, files, Outcome.UNKNOWN) + outcomes(tmp_path, files, Outcome.FAIL)


def test_version_1_by_the_recipe_of_app_service_is_unknown_and_with_an_address_wrong(tmp_path: Path) -> None:
    files = published()
    files["application.json"]["api"]["requestedAccessTokenVersion"] = None
    assert "MG509" in outcomes(tmp_path, files, Outcome.UNKNOWN)
    files["application.json"]["identifierUris"] = [f"https://{NAME}.azurewebsites.net"]
    assert outcomes(tmp_path, files, Outcome.FAIL) == ["MG509"]

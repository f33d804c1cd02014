"""Sign-in as Microsoft's samples set it up, with its registration; then broken one setting at a time.

The shape is that of tests/rules/test_sample_shapes.py, deployed: answers of az rest for the app, of Graph for the registration
(infra/app/entra.bicep of the same samples: version 2 tokens, one scope, clients preauthorized, a federated credential).
"""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Outcome

Json = dict[str, Any]
NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)
GROUP = "/subscriptions/0/resourceGroups/rg/providers"
NAME = "func-mcp-sample"
SITE = f"{GROUP}/Microsoft.Web/sites/{NAME}"
UAMI = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/id-mcp"
TENANT = "ce896bb5-d983-4cbe-887d-ec7d09851cd6"
APP = "0b1f5f3e-6f0a-4a8e-9d0b-6f1f9f0f2a11"
URI = "api://func-mcp-sample-app-abcd"
IDENTITY, PRINCIPAL = "5c2d3b7a-1f7e-4b69-8a35-0d3c1b7e9f22", "77777777-1111-4222-8333-444444444444"
CLIENT = "aebc6443-996d-45c2-90f0-388ff96faa56"
MINE = frozenset({"MG309", "MG310", *(f"MG{number}" for number in range(401, 416))})


class Sample:
    """The answers; what a mutation reaches for has a name."""

    def __init__(self) -> None:
        self.settings: Json = {
            "AzureWebJobsStorage__credential": "managedidentity",
            "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES": f"{URI}/user_impersonation",
            "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": IDENTITY,
            "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": TENANT,
        }
        self.validation: Json = {
            "requireAuthentication": True,
            "unauthenticatedClientAction": "Return401",
            "redirectToProvider": "azureactivedirectory",
        }
        self.aad: Json = {
            "enabled": True,
            "registration": {
                "openIdIssuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                "clientId": APP,
                "clientSecretSettingName": "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
            },
            "login": {"loginParameters": ["scope=openid profile email User.Read"]},
            "validation": {
                "jwtClaimChecks": {},
                "allowedAudiences": [URI],
                "defaultAuthorizationPolicy": {"allowedPrincipals": {}, "allowedApplications": [APP, CLIENT]},
            },
        }
        self.application: Json = {
            "id": "99999999-1111-4222-8333-444444444444",
            "appId": APP,
            "displayName": "MCP Authorization App",
            "signInAudience": "AzureADMyOrg",
            "identifierUris": [URI],
            "api": {
                "requestedAccessTokenVersion": 2,
                "oauth2PermissionScopes": [{"id": "1", "value": "user_impersonation", "type": "User", "isEnabled": True}],
                "preAuthorizedApplications": [{"appId": CLIENT, "delegatedPermissionIds": ["1"]}],
                "knownClientApplications": [],
            },
            "federatedIdentityCredentials": [
                {
                    "id": "55555555-1111-4222-8333-444444444444",
                    "name": "mcp-function-managed-identity",
                    "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                    "subject": PRINCIPAL,
                    "audiences": ["api://AzureADTokenExchange"],
                }
            ],
            "optionalClaims": None,
            "passwordCredentials": [],
        }
        self.identity: Json = {UAMI: {"clientId": IDENTITY, "principalId": PRINCIPAL}}

    def outcomes(self, folder: Path) -> dict[str, Outcome]:
        """What came of each rule of this range on the app."""
        auth = {
            "platform": {"enabled": True, "runtimeVersion": "~1"},
            "globalValidation": self.validation,
            "httpSettings": {"requireHttps": True},
            "identityProviders": {"azureActiveDirectory": self.aad},
            "login": {"tokenStore": {"enabled": True, "tokenRefreshExtensionHours": 72}, "nonce": {"validateNonce": True}},
        }
        site = {
            "id": SITE,
            "name": NAME,
            "type": "Microsoft.Web/sites",
            "kind": "functionapp,linux",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": self.identity},
            "properties": {
                "httpsOnly": True,
                "defaultHostName": f"{NAME}.azurewebsites.net",
                "publicNetworkAccess": "Enabled",
                "privateEndpointConnections": [],
            },
        }
        host_file = {"version": "2.0", "extensions": {"mcp": {"system": {"webhookAuthorizationLevel": "Anonymous"}}}}
        function = _child("functions/hello", config={"bindings": [{"type": "mcpToolTrigger", "toolName": "hello"}]})
        directory = {
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications",
            "value": [self.application],
        }
        files: dict[str, Any] = {
            "site.json": site,
            "web.json": _child("config/web", minTlsVersion="1.2", ipSecurityRestrictions=[]),
            "settings.json": _child("config/appsettings", **self.settings),
            "auth.json": _child("config/authsettingsV2", **auth),
            "functions.json": {"value": [function]},
            "host.json": host_file,
            "applications.json": directory,
        }
        (folder / NAME).mkdir(parents=True)
        for name, content in files.items():
            (folder / NAME / name).write_text(json.dumps(content))
        report = scan([folder], Settings(selection=Selection(persona="regular"), as_of=NOW))
        return {finding.rule: finding.outcome for finding in report.findings if finding.rule in MINE}

    def failures(self, folder: Path) -> set[str]:
        """The rules that fail."""
        return {rule for rule, outcome in self.outcomes(folder).items() if outcome is Outcome.FAIL}


def _child(path: str, **properties: Any) -> Json:
    type_ = "/".join(["Microsoft.Web/sites", *path.split("/")[::2]])
    return {"id": f"{SITE}/{path}", "name": path.rsplit("/", 1)[-1], "type": type_, "properties": properties}


def test_as_published_nothing_fails_or_stays_open(tmp_path: Path) -> None:
    outcomes = Sample().outcomes(tmp_path)
    assert {rule: outcome.value for rule, outcome in outcomes.items() if outcome is not Outcome.PASS} == {}
    assert outcomes.keys() == MINE


def test_azd_without_preauthorized_clients_locks_everybody_out(tmp_path: Path) -> None:
    sample = Sample()
    sample.aad["validation"]["defaultAuthorizationPolicy"]["allowedApplications"] = [APP]
    sample.application["api"]["preAuthorizedApplications"] = []
    assert sample.failures(tmp_path) == {"MG408"}


def _set(holder: str, *route: str, to: Any) -> Callable[[Sample], None]:
    def change(sample: Sample) -> None:
        value = getattr(sample, holder)
        for step in route[:-1]:
            value = value[step]
        value[route[-1]] = to

    return change


AUDIENCES = ("aad", "validation", "allowedAudiences")
CLIENTS = ("aad", "validation", "defaultAuthorizationPolicy", "allowedApplications")
BROKEN: list[tuple[str, Callable[[Sample], None], set[str]]] = [
    ("path left out", _set("validation", "excludedPaths", to=["/runtime/webhooks/mcp"]), {"MG403"}),
    ("redirect", _set("validation", "unauthenticatedClientAction", to="RedirectToLoginPage"), {"MG404"}),
    ("let through", _set("validation", "unauthenticatedClientAction", to="AllowAnonymous"), {"MG402"}),
    ("no metadata", lambda sample: sample.settings.pop("WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES"), {"MG405"}),
    (
        "metadata of the host name",
        _set("settings", "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES", to=f"https://{NAME}.azurewebsites.net/user_impersonation"),
        {"MG406"},
    ),
    ("scope off", _set("application", "api", "oauth2PermissionScopes", to=[]), {"MG406"}),
    ("no list of clients", _set(*CLIENTS, to=[]), {"MG407"}),
    ("client refused", _set(*CLIENTS, to=[APP, "33333333-1111-4222-8333-444444444444"]), {"MG408"}),
    ("Azure CLI", _set(*CLIENTS, to=[APP, CLIENT, "04b07795-8ddb-461a-bbee-02f9e1bf7b46"]), {"MG409"}),
    (
        "version 2 tokens, issuer of 1",
        _set("aad", "registration", "openIdIssuer", to=f"https://sts.windows.net/{TENANT}/"),
        {"MG411"},
    ),
    ("secret", _set("aad", "registration", "clientSecretSettingName", to="SECRET"), {"MG412"}),
    ("object id", _set("settings", "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID", to=PRINCIPAL), {"MG413"}),
    ("old secret", _set("settings", "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET", to="hunter2-hunter2"), {"MG413"}),
    ("another identity", _set("identity", UAMI, to={"clientId": APP, "principalId": PRINCIPAL}), {"MG413"}),
    ("no trust", _set("application", "federatedIdentityCredentials", to=[]), {"MG413"}),
    ("challenge off", _set("aad", "login", "disableWWWAuthenticate", to=True), {"MG415"}),
    ("tokens of Graph", _set(*AUDIENCES, to=[URI, "00000003-0000-0000-c000-000000000000"]), {"MG309"}),
    (
        "login token for Graph",
        _set("aad", "login", "loginParameters", to=["scope=openid offline_access https://graph.microsoft.com/.default"]),
        {"MG310"},
    ),
]


@pytest.mark.parametrize(("what", "change", "wanted"), BROKEN, ids=[row[0] for row in BROKEN])
def test_one_setting_broken_fires_one_rule(
    what: str, change: Callable[[Sample], None], wanted: set[str], tmp_path: Path
) -> None:
    sample = Sample()
    change(sample)
    assert sample.failures(tmp_path) == wanted


def test_any_tenant_needs_a_registration_that_others_may_use(tmp_path: Path) -> None:
    sample = Sample()
    sample.aad["registration"]["openIdIssuer"] = "https://login.microsoftonline.com/common/v2.0"
    sample.settings["WEBSITE_AUTH_AAD_ALLOWED_TENANTS"] = ""
    assert sample.failures(tmp_path / "single") == set()
    sample.application["signInAudience"] = "AzureADMultipleOrgs"
    assert sample.failures(tmp_path / "multi") == {"MG410"}


def test_version_1_tokens(tmp_path: Path) -> None:
    """The audience decides; whether the other issuer is taken is not documented."""
    sample = Sample()
    sample.application["api"]["requestedAccessTokenVersion"] = None
    assert sample.outcomes(tmp_path / "listed")["MG411"] is Outcome.UNKNOWN
    sample.aad["validation"]["allowedAudiences"] = []
    assert sample.failures(tmp_path / "unlisted") == {"MG411"}

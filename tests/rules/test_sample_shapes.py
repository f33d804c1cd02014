"""Estates of the shape that Microsoft's samples publish, right as they are; then broken one setting at a time.

The shapes are those of Azure-Samples/mcp-sdk-functions-hosting-python (a self-hosted server) and remote-mcp-functions-python,
-java and -typescript (the MCP extension): a Flex Consumption app with a user-assigned identity, Easy Auth by federated
credential, identity-based storage, and the repository's host.json. Written anew from the settings that they name.
"""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.engine import registry
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Outcome
from mcpguard.model.kinds.mcp import Confidence

Json = dict[str, Any]
NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)
TENANT = "ce896bb5-d983-4cbe-887d-ec7d09851cd6"
APP = "0b1f5f3e-6f0a-4a8e-9d0b-6f1f9f0f2a11"
IDENTITY = "5c2d3b7a-1f7e-4b69-8a35-0d3c1b7e9f22"
CLIENT = "aebc6443-996d-45c2-90f0-388ff96faa56"
NAME = "func-mcp-sample"
WEIGHTY = ("critical", "high", "medium")
MINE = [f"MG{number}" for number in range(416, 431)]

SELF_HOSTED: Json = {
    "version": "2.0",
    "configurationProfile": "mcp-custom-handler",
    "customHandler": {
        "description": {"defaultExecutablePath": "python", "arguments": ["server.py"]},
        "http": {"DefaultAuthorizationLevel": "anonymous"},
        "port": "8000",
    },
}
EXTENSION: Json = {
    "version": "2.0",
    "extensions": {"mcp": {"system": {"webhookAuthorizationLevel": "Anonymous"}}},
    "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"},
}


class Sample:
    """A template and a host.json; what a mutation reaches for has a name."""

    def __init__(self, host_file: Json, flags: str = "") -> None:
        self.host_file: Json = json.loads(json.dumps(host_file))
        self.site: Json = {
            "httpsOnly": True,
            "serverFarmId": "[resourceId('Microsoft.Web/serverfarms', 'plan-mcp')]",
            "functionAppConfig": {"runtime": {"name": "python", "version": "3.12"}},
            "siteConfig": {"alwaysOn": False},
        }
        self.settings: Json = {
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": IDENTITY,
            "AzureWebJobsStorage__blobServiceUri": "https://stmcpsample.blob.core.windows.net/",
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": f"ClientId={IDENTITY};Authorization=AAD",
            "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES": f"api://{APP}/user_impersonation",
            "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": IDENTITY,
            "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": TENANT,
            **({"AzureWebJobsFeatureFlags": flags} if flags else {}),
        }
        self.login: Json = {
            "routes": {"logoutEndpoint": "/.auth/logout"},
            "tokenStore": {"enabled": True, "tokenRefreshExtensionHours": 72, "fileSystem": {}, "azureBlobStorage": {}},
            "preserveUrlFragmentsForLogins": False,
            "allowedExternalRedirectUrls": [],
            "cookieExpiration": {"convention": "FixedTime", "timeToExpiration": "08:00:00"},
            "nonce": {"validateNonce": True, "nonceExpirationInterval": "00:05:00"},
        }
        self.http: Json = {"requireHttps": True, "routes": {"apiPrefix": "/.auth"}, "forwardProxy": {"convention": "NoProxy"}}
        self.platform: Json = {"enabled": True, "runtimeVersion": "~1"}
        self.tags: Json = {"azd-env-name": "mcp-sample", "azd-service-name": "mcp"}

    def template(self) -> Json:
        """The compiled template."""
        auth = {
            "globalValidation": {
                "requireAuthentication": True,
                "unauthenticatedClientAction": "Return401",
                "redirectToProvider": "azureactivedirectory",
            },
            "httpSettings": self.http,
            "identityProviders": {
                "azureActiveDirectory": {
                    "enabled": True,
                    "registration": {
                        "openIdIssuer": f"[concat(environment().authentication.loginEndpoint, '{TENANT}/v2.0')]",
                        "clientId": APP,
                        "clientSecretSettingName": "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
                    },
                    "login": {"loginParameters": ["scope=openid profile email User.Read"]},
                    "validation": {
                        "jwtClaimChecks": {},
                        "allowedAudiences": [f"api://{APP}"],
                        "defaultAuthorizationPolicy": {"allowedPrincipals": {}, "allowedApplications": [APP, CLIENT]},
                    },
                    "isAutoProvisioned": False,
                }
            },
            "login": self.login,
            "platform": self.platform,
        }
        site = {
            "type": "Microsoft.Web/sites",
            "apiVersion": "2024-04-01",
            "name": NAME,
            "kind": "functionapp,linux",
            "location": "[resourceGroup().location]",
            "tags": self.tags,
            "identity": {
                "type": "UserAssigned",
                "userAssignedIdentities": {
                    "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id-mcp')]": {},
                },
            },
            "properties": self.site,
        }
        return {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": [
                site,
                _config("appsettings", self.settings),
                _config("authsettingsV2", auth),
            ],
        }

    def failures(self, folder: Path) -> set[str]:
        """Hosting rules of medium severity or above, and those of this file's own range, that fail on it."""
        (folder / "infra").mkdir(parents=True, exist_ok=True)
        (folder / "infra" / "main.json").write_text(json.dumps(self.template()))
        (folder / NAME).mkdir(exist_ok=True)
        (folder / NAME / "host.json").write_text(json.dumps(self.host_file))
        report = scan([folder], Settings(selection=Selection(persona="regular"), as_of=NOW))
        failed = {finding.rule for finding in report.findings if finding.outcome is Outcome.FAIL}
        rules = registry.load()
        return {id for id in failed if id in MINE or (id.startswith("MG4") and rules[id].meta.severity.value in WEIGHTY)}


def _config(name: str, properties: Json) -> Json:
    return {
        "type": "Microsoft.Web/sites/config",
        "apiVersion": "2024-04-01",
        "name": f"{NAME}/{name}",
        "properties": properties,
    }


def self_hosted() -> Sample:
    return Sample(SELF_HOSTED, "EnableMcpCustomHandlerPreview")


def extension() -> Sample:
    return Sample(EXTENSION)


@pytest.mark.parametrize("sample", [self_hosted, extension])
def test_as_published_nothing_weighty_fails(sample: Callable[[], Sample], tmp_path: Path) -> None:
    assert sample().failures(tmp_path) & set(MINE) == set()


def test_faults_that_the_samples_ship_with(tmp_path: Path) -> None:
    """Java leaves httpsOnly out and counts on Easy Auth's redirect; TypeScript leaves the key level at its default."""
    java = extension()
    del java.site["httpsOnly"]
    assert java.failures(tmp_path / "java") & set(MINE) == {"MG416"}
    typescript = extension()
    del typescript.host_file["extensions"]
    assert typescript.failures(tmp_path / "typescript") & set(MINE) == {"MG422"}


def _set(holder: str, *route: str, to: Any) -> Callable[[Sample], None]:
    def change(sample: Sample) -> None:
        value = getattr(sample, holder)
        for step in route[:-1]:
            value = value.setdefault(step, {})
        value[route[-1]] = to

    return change


BROKEN: list[tuple[str, Callable[[], Sample], Callable[[Sample], None], set[str]]] = [
    ("httpsOnly", extension, _set("site", "httpsOnly", to=False), {"MG416"}),
    ("requireHttps", self_hosted, _set("http", "requireHttps", to=False), {"MG416"}),
    ("wildcard CORS", extension, _set("site", "siteConfig", "cors", to={"allowedOrigins": ["*"]}), {"MG418"}),
    (
        "key level",
        extension,
        _set("host_file", "extensions", "mcp", "system", "webhookAuthorizationLevel", to="System"),
        {"MG422"},
    ),
    (
        "handler level",
        self_hosted,
        _set("host_file", "customHandler", "http", "DefaultAuthorizationLevel", to="function"),
        {"MG422"},
    ),
    ("client state", extension, _set("host_file", "extensions", "mcp", "encryptClientState", to=False), {"MG423"}),
    (
        "connection string",
        extension,
        _set("settings", "AzureWebJobsStorage", to="[format('AccountKey={0}', listKeys('st', '2023-05-01').keys[0].value)]"),
        {"MG425"},
    ),
    ("nonce", self_hosted, _set("login", "nonce", "validateNonce", to=False), {"MG426"}),
    ("redirects", extension, _set("login", "allowedExternalRedirectUrls", to=["https://*"]), {"MG426"}),
    ("token refresh", extension, _set("login", "tokenStore", "tokenRefreshExtensionHours", to=720), {"MG426"}),
    ("SAS token store", extension, _set("login", "tokenStore", "azureBlobStorage", to={"sasUrlSettingName": "S"}), {"MG426"}),
    ("production", self_hosted, _set("tags", "environment", to="production"), {"MG428"}),
    ("file-based", extension, _set("platform", "configFilePath", to="auth.json"), {"MG429"}),
    ("sign-in off", extension, _set("platform", "enabled", to=False), {"MG401"}),
]


@pytest.mark.parametrize(("what", "sample", "change", "wanted"), BROKEN, ids=[row[0] for row in BROKEN])
def test_one_setting_broken_fires_one_rule(
    what: str, sample: Callable[[], Sample], change: Callable[[Sample], None], wanted: set[str], tmp_path: Path
) -> None:
    before = sample().failures(tmp_path / "before")
    broken = sample()
    change(broken)
    assert broken.failures(tmp_path / "after") - before == wanted


def test_an_optional_certificate_matters_once_sign_in_is_gone(tmp_path: Path) -> None:
    broken = extension()
    broken.site |= {"clientCertEnabled": True, "clientCertMode": "Optional"}
    assert "MG420" not in broken.failures(tmp_path / "signed-in")
    broken.platform["enabled"] = False
    broken.host_file["extensions"]["mcp"]["system"]["webhookAuthorizationLevel"] = "System"
    assert broken.failures(tmp_path / "keyed") & set(MINE) == {"MG420", "MG421"}


def test_sign_in_under_a_condition_leaves_other_settings_alone(tmp_path: Path) -> None:
    """The samples declare sign-in under ``if (!empty(authClientId))``, which only deployment decides."""
    template = extension().template() | {"parameters": {"authClientId": {"type": "string"}}}
    template["resources"][2]["condition"] = "[not(empty(parameters('authClientId')))]"
    (tmp_path / "main.json").write_text(json.dumps(template))
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "host.json").write_text(json.dumps(EXTENSION))
    report = scan([tmp_path], Settings(selection=Selection(persona="regular"), as_of=NOW))
    seen = {finding.rule: finding.outcome for finding in report.findings if finding.rule in MINE}
    assert seen["MG418"] is Outcome.PASS and seen["MG425"] is Outcome.PASS
    assert seen["MG416"] is seen["MG426"] is Outcome.UNKNOWN


def test_a_public_app_that_a_gateway_calls_with_a_key(tmp_path: Path) -> None:
    """The shape of remote-mcp-apim-functions-python: the key is the app's only guard, so whoever has it gets around."""
    sample = Sample({"version": "2.0", "extensions": {"mcp": {}}})
    template = sample.template()
    del template["resources"][2]
    service = {"type": "Microsoft.ApiManagement/service", "apiVersion": "2024-05-01", "name": "apim", "properties": {}}
    api = {
        "type": "Microsoft.ApiManagement/service/apis",
        "apiVersion": "2024-05-01",
        "name": "apim/mcp",
        "properties": {
            "path": "mcp",
            "protocols": ["https"],
            "subscriptionRequired": False,
            "serviceUrl": f"https://{NAME}.azurewebsites.net/runtime/webhooks/mcp",
        },
    }
    template["resources"][0]["properties"]["defaultHostName"] = f"{NAME}.azurewebsites.net"
    template["resources"] += [service | {"sku": {"name": "BasicV2", "capacity": 1}}, api]
    (tmp_path / "main.json").write_text(json.dumps(template))
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "host.json").write_text(json.dumps(sample.host_file))
    report = scan([tmp_path], Settings(selection=Selection(persona="regular"), as_of=NOW))
    failed = {finding.rule: finding.issue for finding in report.findings if finding.issue is not None}
    bypass = failed["MG419"]
    assert bypass.confidence is Confidence.MEDIUM and "function key" in bypass.message
    assert not {"MG401", "MG402", "MG421"} & failed.keys()

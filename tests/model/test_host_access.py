"""What the platform in front of a host asks of callers."""

from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.host_access import (
    Ask,
    admission,
    certificate_demand,
    enforces_sign_in,
    hosted_server,
    is_weaker_slot,
    level_is_of_extension,
    signs_callers_in,
)
from mcpguard.model.kinds.hosting import PlatformAuth, Site
from tests.normalize.test_hosts import SITE, below, estate, only, site

GATEWAY = "26bcadf3-7882-43d4-8095-efee5ef6e1af"
CLIENT = "aebc6443-996d-45c2-90f0-388ff96faa56"
ENFORCED = {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}
HOST_FILE = {"version": "2.0", "extensions": {"mcp": {"system": {"webhookAuthorizationLevel": "System"}}}}


def auth(validation: Any = None, enabled: bool = True, **checks: Any) -> dict[str, Any]:
    provider = {"enabled": True, "registration": {"clientId": "c"}, "validation": checks}
    return below(
        "config/authsettingsV2",
        platform={"enabled": enabled},
        globalValidation=validation or ENFORCED,
        identityProviders={"azureActiveDirectory": provider},
    )


def asked(folder: Path, *answers: dict[str, Any], kind: str = "functionapp,linux") -> Any:
    found = estate(folder, site(kind=kind), *answers)
    return admission(only(found), found)


def test_the_lists_of_clients_are_applied_together(tmp_path: Path) -> None:
    checks: dict[str, Any] = {
        "defaultAuthorizationPolicy": {"allowedApplications": [GATEWAY, CLIENT], "allowedPrincipals": {"identities": ["O1"]}},
        "jwtClaimChecks": {"allowedClientApplications": [GATEWAY.upper()]},
    }
    found = asked(tmp_path, auth(**checks))
    assert found.value.ask is Ask.TOKEN
    assert found.value.clients == {GATEWAY} and found.value.identities == {"o1"}


def test_empty_lists_are_no_check(tmp_path: Path) -> None:
    found = asked(tmp_path, auth(defaultAuthorizationPolicy={"allowedApplications": [], "allowedPrincipals": {}}))
    assert found.value.clients is None and found.value.identities is None


@pytest.mark.parametrize(
    ("validation", "enabled", "wanted"),
    [
        (None, False, Ask.KEY),
        ({"requireAuthentication": False}, True, Ask.KEY),
        (ENFORCED | {"unauthenticatedClientAction": "AllowAnonymous"}, True, Ask.KEY),
        (ENFORCED | {"excludedPaths": ["/healthz"]}, True, Ask.TOKEN),
        (ENFORCED | {"excludedPaths": ["/runtime/webhooks/*"]}, True, Ask.KEY),
        (ENFORCED | {"unauthenticatedClientAction": "RedirectToLoginPage"}, True, Ask.TOKEN),
    ],
)
def test_sign_in_or_the_key(tmp_path: Path, validation: Any, enabled: bool, wanted: Ask) -> None:
    trigger = below("functions/t", config={"bindings": [{"type": "mcpToolTrigger", "toolName": "t"}]})
    found = asked(tmp_path, auth(validation, enabled), HOST_FILE, trigger)
    assert found.value.ask is wanted


def test_a_web_app_without_sign_in_asks_for_nothing(tmp_path: Path) -> None:
    assert asked(tmp_path, auth(enabled=False), kind="app").value.ask is Ask.NOTHING


def test_a_file_of_the_app_tells_nothing(tmp_path: Path) -> None:
    file = below("config/authsettingsV2", platform={"enabled": True, "configFilePath": "auth.json"}, globalValidation=ENFORCED)
    found = estate(tmp_path, site(), file)
    settings = only(found).auth
    assert isinstance(settings, Known) and isinstance(settings.value, PlatformAuth)
    assert isinstance(enforces_sign_in(settings.value), Unknown)


def test_unread_sign_in_is_unknown(tmp_path: Path) -> None:
    assert isinstance(asked(tmp_path), Unknown)


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ({"clientCertEnabled": False, "clientCertMode": "Required"}, ""),
        ({"clientCertEnabled": True, "clientCertMode": "Required"}, "required"),
        ({"clientCertEnabled": True, "clientCertMode": "Optional"}, "asked"),
        ({"clientCertEnabled": True, "clientCertMode": "OptionalInteractiveUser"}, "asked"),
        ({"clientCertEnabled": True, "clientCertMode": "Required", "clientCertExclusionPaths": "/a;/MCP"}, "excluded"),
        ({"clientCertEnabled": True, "clientCertMode": "Required", "clientCertExclusionPaths": "/mcp-status"}, "required"),
    ],
)
def test_client_certificates(tmp_path: Path, properties: Any, wanted: str) -> None:
    found = estate(tmp_path, site(properties=properties))
    demand = certificate_demand(only(found), found)
    assert isinstance(demand, Known) and demand.value == wanted


@pytest.mark.parametrize(
    ("settings", "host_file", "wanted"),
    [
        ({}, HOST_FILE, True),
        ({}, {"version": "2.0", "extensions": {"mcp": {}}}, True),
        ({}, {"version": "2.0", "configurationProfile": "mcp-custom-handler", "customHandler": {}}, False),
        (
            {},
            {
                "version": "2.0",
                "configurationProfile": "mcp-custom-handler",
                "customHandler": {"http": {"DefaultAuthorizationLevel": "anonymous"}},
            },
            False,
        ),
        ({"AzureFunctionsJobHost__customHandler__http__DefaultAuthorizationLevel": "anonymous"}, None, False),
        ({"AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel": "System"}, None, True),
        ({"AzureWebJobsFeatureFlags": "EnableWorkerIndexing,EnableMcpCustomHandlerPreview"}, None, False),
        ({"FUNCTIONS_WORKER_RUNTIME": "python"}, None, True),
    ],
)
def test_whose_key_level_it_is(tmp_path: Path, settings: Any, host_file: Any, wanted: bool) -> None:
    answers = [below("config/appsettings", **settings), *([host_file] if host_file else [])]
    assert level_is_of_extension(only(estate(tmp_path, site(kind="functionapp"), *answers))) is wanted


def test_a_slot_holds_the_server_of_its_site(tmp_path: Path) -> None:
    slot = site() | {"id": f"{SITE}/slots/s1", "name": "f/s1", "type": "Microsoft.Web/sites/slots"}
    off = auth(enabled=False)
    off = off | {"id": f"{SITE}/slots/s1/config/authsettingsV2", "type": "Microsoft.Web/sites/slots/config"}
    settings = below("config/appsettings", WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES="api://c/s")
    found = estate(tmp_path, site(), settings, auth(), slot, off)
    twin = next(it for it in found.of(Site) if it.slot_of)
    server = hosted_server(twin, found)
    assert server is not None and server.host == twin.slot_of
    assert is_weaker_slot(twin, found)
    signed_in = signs_callers_in(twin)
    assert isinstance(signed_in, Known) and signed_in.value is False

"""Hosts, Foundry accounts and azapi in plans and states."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.evidence import ArtifactStatus, GapReason, Unresolved
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.host_parts import SettingForm
from mcpguard.model.kinds.hosting import ContainerApp, Site
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.normalize import build
from tests.sources.conftest import Scan
from tests.sources.terraform.plans import SERVICE, SUBSCRIPTION, block, change, module, plan, ref, resource, state
from tests.sources.test_azure_cli import AS_OF

Scanner = Callable[..., Scan]
KEY = "Zy9xWv8uTs7rQp6oNm5l"
FUNC = f"{SUBSCRIPTION}/providers/Microsoft.Web/sites/contoso-orders-func"
TENANT = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"

ENTRA = {
    "client_id": "C1D2",
    "tenant_auth_endpoint": TENANT,
    "allowed_audiences": ["api://c1d2"],
    "allowed_applications": ["AEBC6443"],
    "allowed_groups": None,
    "client_secret_setting_name": "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    "www_authentication_disabled": False,
}
AUTH = {
    "auth_enabled": True,
    "runtime_version": "~1",
    "config_file_path": None,
    "require_authentication": True,
    "unauthenticated_action": "Return401",
    "default_provider": "azureactivedirectory",
    "excluded_paths": [],
    "require_https": True,
    "active_directory_v2": [ENTRA],
    "login": [{"token_store_enabled": False, "validate_nonce": True}],
}


def site(type: str = "azurerm_linux_function_app", **more: Any) -> dict[str, Any]:
    return resource(
        type,
        "orders",
        {
            "id": FUNC,
            "name": "contoso-orders-func",
            "location": "westeurope",
            "https_only": True,
            "public_network_access_enabled": True,
            "default_hostname": "contoso-orders-func.azurewebsites.net",
            "ftp_publish_basic_authentication_enabled": True,
            "app_settings": {
                "FUNCTIONS_WORKER_RUNTIME": "python",
                "ORDERS_DB": KEY,
                "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES": "api://c1d2/user_impersonation",
            },
            "auth_settings": [],
            "auth_settings_v2": [AUTH],
            "site_config": [
                {
                    "minimum_tls_version": "1.2",
                    "ftps_state": "FtpsOnly",
                    "cors": [{"allowed_origins": ["*"], "support_credentials": False}],
                    "ip_restriction": [
                        {"name": "gw", "action": "Allow", "priority": 1, "service_tag": "ApiManagement", "headers": []}
                    ],
                    "ip_restriction_default_action": "Deny",
                    "application_insights_key": f"{KEY}9",
                }
            ],
            "sticky_settings": [{"app_setting_names": ["ORDERS_DB"], "connection_string_names": []}],
            "identity": [{"type": "UserAssigned", "identity_ids": [f"{SUBSCRIPTION}/providers/x/y/z"]}],
            **more,
        },
        sensitive={"site_config": [{"application_insights_key": True}]},
    )


def site_of(found: Scan) -> Site:
    [entity] = build(found.evidence, AS_OF).of(Site)
    return entity


def test_a_function_app(scan: Scanner) -> None:
    found = scan({"state.json": state(site())})
    assert sorted(id_.removeprefix(FUNC) for id_ in found.ids) == [
        "",
        "/basicPublishingCredentialsPolicies/ftp",
        "/config/appsettings",
        "/config/authsettingsV2",
        "/config/slotConfigNames",
        "/config/web",
    ]
    assert found.resource(FUNC).body["kind"] == "functionapp,linux"
    assert found.resource(f"{FUNC}/config/web").body["properties"] == {
        "minTlsVersion": "1.2",
        "ftpsState": "FtpsOnly",
        "cors": {"allowedOrigins": ["*"], "supportCredentials": False},
        "ipSecurityRestrictions": [
            {"name": "gw", "action": "Allow", "priority": 1, "headers": [], "ipAddress": "ApiManagement", "tag": "ServiceTag"}
        ],
        "ipSecurityRestrictionsDefaultAction": "Deny",
    }
    assert KEY not in repr(found.evidence.resources)
    assert {KEY, f"{KEY}9"} <= found.evidence.texts["state.json"].secrets


def test_what_the_model_sees_of_a_function_app(scan: Scanner) -> None:
    found = scan({"state.json": state(site())})
    entity = site_of(found)
    assert entity.is_function_app and entity.host_names == ("contoso-orders-func.azurewebsites.net",)
    assert isinstance(entity.internet_facing, Known) and entity.internet_facing.value is False
    assert isinstance(entity.app_settings, Known) and len(entity.app_settings.value) == 3
    assert entity.app_settings.value["orders_db"].form is SettingForm.WITHHELD
    assert isinstance(entity.auth, Known) and entity.auth.value is not None
    auth = entity.auth.value
    values = (auth.enabled, auth.require_authentication, auth.unauthenticated_action, auth.client_id, auth.issuer)
    assert [fact.value for fact in values if isinstance(fact, Known)] == [True, True, "Return401", "c1d2", TENANT]
    assert auth.allowed_applications == Known(("aebc6443",), auth.allowed_applications.at)
    text = found.evidence.texts["state.json"].data.decode().splitlines()
    assert '"unauthenticated_action": "Return401"' in text[found.start(auth.unauthenticated_action.at)[0] - 1]
    setting = entity.app_settings.value["functions_worker_runtime"]
    assert '"FUNCTIONS_WORKER_RUNTIME"' in text[found.start(setting.at)[0] - 1]


def test_a_site_without_authentication_has_none(scan: Scanner) -> None:
    auth = site_of(scan({"state.json": state(site("azurerm_linux_web_app", auth_settings_v2=[]))})).auth
    assert isinstance(auth, Known) and auth.value is None


@pytest.mark.parametrize("enabled", [True, False])
def test_settings_of_version_1_count_when_they_stand_alone(scan: Scanner, enabled: bool) -> None:
    classic = {"enabled": enabled, "active_directory": [{"client_id": "c", "client_secret": KEY}]}
    found = scan({"state.json": state(site(auth_settings_v2=[], auth_settings=[classic]))})
    assert KEY not in repr(found.evidence.resources)
    auth = site_of(found).auth
    assert isinstance(auth, Known) and auth.value is not None
    assert auth.value.version == ("v1" if enabled else "v2")
    assert isinstance(auth.value.enabled, Known) and auth.value.enabled.value is enabled


def test_restrictions_that_a_plan_does_not_know_are_unknown(scan: Scanner) -> None:
    app = site(site_config=[{"minimum_tls_version": "1.2"}])
    unknown = {"site_config": [{"ip_restriction_default_action": True, "ip_restriction": True}]}
    found = scan({"plan.json": plan(module(app), [change(app, unknown)])})
    assert isinstance(site_of(found).internet_facing, Unknown)


def test_authentication_refers_to_an_application_that_does_not_exist_yet(scan: Scanner) -> None:
    entra = {key: value for key, value in ENTRA.items() if key not in ("client_id", "allowed_audiences")}
    auth = {**AUTH, "active_directory_v2": [entra]}
    app = site(auth_settings_v2=[auth], id=None)
    del app["values"]["id"]
    registration = resource("azuread_application", "mcp", {"display_name": "orders-mcp", "identifier_uris": ["api://orders"]})
    config = {
        "resources": [
            block(
                "azurerm_linux_function_app",
                "orders",
                {
                    "auth_settings_v2": [
                        {
                            "active_directory_v2": [
                                {
                                    "client_id": ref("azuread_application.mcp.client_id"),
                                    "allowed_audiences": ref("azuread_application.mcp.client_id"),
                                }
                            ]
                        }
                    ]
                },
            ),
            block("azuread_application", "mcp", {}),
        ]
    }
    nested = {"active_directory_v2": [{"client_id": True, "allowed_audiences": True}]}
    changes = [
        change(app, {"id": True, "auth_settings_v2": [nested]}),
        change(registration, {"id": True, "client_id": True, "object_id": True}),
    ]
    found = scan({"plan.json": plan(module(app, registration), changes, config)})
    auth_fact = site_of(found).auth
    assert isinstance(auth_fact, Known) and auth_fact.value is not None
    client = auth_fact.value.client_id
    assert isinstance(client, Known) and client.value == "azuread_application.mcp.client_id"
    assert isinstance(auth_fact.value.allowed_audiences, Unknown)
    application = next(raw for raw in found.evidence.resources if raw.type == "microsoft.graph/applications")
    assert application.body["appId"] == "azuread_application.mcp.client_id"
    assert application.id == "/applications/~azuread_application.mcp"


def test_slots(scan: Scanner) -> None:
    slot = site("azurerm_linux_web_app_slot", app_service_id=FUNC, name="staging", id=f"{FUNC}/slots/staging")
    found = scan({"state.json": state(slot)})
    assert found.resource(f"{FUNC}/slots/staging").type == "microsoft.web/sites/slots"
    assert found.resource(f"{FUNC}/slots/staging/config/web").type == "microsoft.web/sites/slots/config"


def test_a_function_with_its_bindings(scan: Scanner) -> None:
    config = {"bindings": [{"type": "mcpToolTrigger", "toolName": "get_order", "direction": "in"}]}
    function = resource(
        "azurerm_function_app_function",
        "f",
        {"name": "get-order", "function_app_id": FUNC, "enabled": True, "config_json": json.dumps(config)},
    )
    entity = site_of(scan({"state.json": state(site(), function)}))
    assert [item.trigger for item in entity.functions.items] == ["mcptooltrigger"]
    assert entity.functions.missing is not None


def test_a_container_app(scan: Scanner) -> None:
    environment = resource("azurerm_container_app_environment", "e", {"name": "e", "internal_load_balancer_enabled": False})
    app = resource(
        "azurerm_container_app",
        "catalog",
        {
            "name": "contoso-catalog",
            "revision_mode": "Single",
            "secret": [{"name": "key", "value": KEY}],
            "ingress": [
                {
                    "external_enabled": True,
                    "allow_insecure_connections": True,
                    "target_port": 8080,
                    "fqdn": "catalog.example",
                    "ip_security_restriction": [],
                }
            ],
            "template": [
                {
                    "container": [
                        {"name": "c", "image": "contoso.azurecr.example/mcp:1", "env": [{"name": "API_KEY", "value": KEY}]}
                    ]
                }
            ],
        },
        sensitive={"secret": True},
    )
    config = {
        "resources": [
            block(
                "azurerm_container_app",
                "catalog",
                {"container_app_environment_id": ref("azurerm_container_app_environment.e.id")},
            )
        ]
    }
    changes = [change(environment, {"id": True}), change(app, {"id": True, "container_app_environment_id": True})]
    found = scan({"plan.json": plan(module(environment, app), changes, config)})
    assert KEY not in repr(found.evidence.resources)
    [entity] = build(found.evidence, AS_OF).of(ContainerApp)
    assert isinstance(entity.internet_facing, Known) and entity.internet_facing.value is True
    assert isinstance(entity.allow_insecure, Known) and entity.allow_insecure.value is True
    assert isinstance(entity.auth, Known) and entity.auth.value is None


ACCOUNT = f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/accounts/contoso-foundry"


def test_foundry_accounts_and_connections(scan: Scanner) -> None:
    account = resource(
        "azurerm_cognitive_account",
        "f",
        {
            "id": ACCOUNT,
            "name": "contoso-foundry",
            "kind": "AIServices",
            "local_auth_enabled": False,
            "project_management_enabled": True,
            "network_acls": [{"default_action": "Deny", "ip_rules": ["203.0.113.0/24"], "virtual_network_rules": []}],
            "primary_access_key": KEY,
        },
    )
    project = resource(
        "azurerm_cognitive_account_project", "p", {"id": f"{ACCOUNT}/projects/p", "name": "p", "cognitive_account_id": ACCOUNT}
    )
    connection = resource(
        "azurerm_cognitive_account_project_connection_custom_keys",
        "c",
        {
            "name": "c",
            "cognitive_account_project_id": f"{ACCOUNT}/projects/p",
            "category": "CustomKeys",
            "target": "https://mcp.contoso.example/orders",
            "custom_keys": {"x-api-key": f"{KEY}1"},
        },
        sensitive={"custom_keys": True},
    )
    found = scan({"state.json": state(account, project, connection)})
    body = found.resource(ACCOUNT).body
    assert body["kind"] == "AIServices"
    assert body["properties"] == {
        "disableLocalAuth": True,
        "allowProjectManagement": True,
        "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}], "virtualNetworkRules": []},
    }
    raw = found.resource(f"{ACCOUNT}/projects/p/connections/c")
    assert raw.type == "microsoft.cognitiveservices/accounts/projects/connections"
    assert raw.body["properties"]["authType"] == "CustomKeys"
    assert is_masked(raw.body["properties"]["credentials"]["keys"]["x-api-key"])
    assert KEY not in repr(found.evidence.resources)


def test_diagnostic_settings(scan: Scanner) -> None:
    setting = resource(
        "azurerm_monitor_diagnostic_setting",
        "s",
        {"name": "s", "target_resource_id": SERVICE, "enabled_log": [{"category": "GatewayLogs", "category_group": ""}]},
    )
    raw = scan({"state.json": state(setting)}).only()
    assert raw.id == f"{SERVICE}/providers/Microsoft.Insights/diagnosticSettings/s"
    assert raw.type == "microsoft.insights/diagnosticsettings"
    assert raw.body["properties"]["logs"] == [{"category": "GatewayLogs", "categoryGroup": "", "enabled": True}]


# -- azapi -----------------------------------------------------------------------------------------------------------

MCP = {"type": "mcp", "path": "orders-mcp", "displayName": "Orders", "protocols": ["https"], "subscriptionRequired": False}


def mcp_api(body: Any, **more: Any) -> dict[str, Any]:
    return resource(
        "azapi_resource",
        "mcp",
        {
            "type": "Microsoft.ApiManagement/service/apis@2025-09-01-preview",
            "name": "orders-mcp",
            "parent_id": SERVICE,
            "body": body,
            "sensitive_body": None,
            **more,
        },
    )


@pytest.mark.parametrize("body", [{"properties": MCP}, json.dumps({"properties": MCP})])
def test_an_mcp_server_of_azapi(scan: Scanner, body: Any) -> None:
    found = scan({"state.json": state(mcp_api(body))})
    raw = found.only()
    assert (raw.id, raw.type) == (f"{SERVICE}/apis/orders-mcp", "microsoft.apimanagement/service/apis")
    assert (raw.api_version, raw.body["properties"]) == ("2025-09-01-preview", MCP)
    assert found.start(raw.origin.child("properties", "path"))[0] > found.start(raw.origin)[0]
    [server] = build(found.evidence, AS_OF).of(McpServer)
    assert server.name == "orders-mcp"
    assert {type_.rpartition("/")[2] for _, type_ in found.complete} == {"policies", "diagnostics", "operations", "tools"}


def test_a_body_that_is_not_known_yet(scan: Scanner) -> None:
    known = {"properties": {"type": "mcp", "path": "orders-mcp"}}
    api = mcp_api(known)
    config = {"resources": [block("azapi_resource", "mcp", {"body": ref("azurerm_linux_function_app.f.default_hostname")})]}
    found = scan({"plan.json": plan(module(api), [change(api, {"body": {"properties": {"serviceUrl": True}}})], config)})
    properties = found.only().body["properties"]
    assert properties["serviceUrl"] == Unresolved("azurerm_linux_function_app.f.default_hostname")
    whole = mcp_api(None)
    found = scan({"plan.json": plan(module(whole), [change(whole, {"body": True})], config)})
    assert isinstance(found.only().body["properties"], Unresolved)
    assert [gap.kinds for gap in found.evidence.gaps] == [{"mcp-server"}]


def test_an_api_of_unknown_type_is_judged_by_its_path(scan: Scanner) -> None:
    api = mcp_api({"properties": {"path": "orders/mcp", "protocols": ["https"]}})
    found = scan({"plan.json": plan(module(api), [change(api, {"body": {"properties": {"type": True}}})])})
    assert [server.source.value for server in build(found.evidence, AS_OF).of(McpServer)] == ["apim-inferred"]


def test_inline_site_configuration_of_azapi_counts(scan: Scanner) -> None:
    app = resource(
        "azapi_resource",
        "app",
        {
            "type": "Microsoft.Web/sites@2024-04-01",
            "name": "contoso-orders",
            "parent_id": SUBSCRIPTION,
            "body": {"kind": "app", "properties": {"siteConfig": {"ipSecurityRestrictionsDefaultAction": "Deny"}}},
        },
    )
    internet = site_of(scan({"state.json": state(app)})).internet_facing
    assert isinstance(internet, Known) and internet.value is False


def test_hosts_of_replaced_types_are_a_gap(scan: Scanner) -> None:
    found = scan({"state.json": state(resource("azurerm_function_app", "old", {"name": "old"}), site())})
    assert [(gap.kinds, gap.reason) for gap in found.evidence.gaps] == [({"site"}, GapReason.UNSUPPORTED)]


def test_a_sensitive_body_is_masked(scan: Scanner) -> None:
    connection = resource(
        "azapi_resource",
        "c",
        {
            "type": "Microsoft.CognitiveServices/accounts/projects/connections@2025-06-01",
            "name": "tickets",
            "parent_id": f"{ACCOUNT}/projects/p",
            "body": {"properties": {"category": "RemoteTool", "authType": "CustomKeys", "target": "https://x.example/mcp"}},
            "sensitive_body": {"properties": {"credentials": {"keys": {"x-api-key": KEY}}}},
        },
        sensitive={"sensitive_body": True},
    )
    found = scan({"state.json": state(connection)})
    properties = found.only().body["properties"]
    assert is_masked(properties["credentials"]["keys"]["x-api-key"])
    assert properties["category"] == "RemoteTool"
    assert KEY in found.evidence.texts["state.json"].secrets


def test_a_sensitive_body_that_is_write_only_is_a_gap(scan: Scanner) -> None:
    api = mcp_api({"properties": MCP})
    config = {"resources": [block("azapi_resource", "mcp", {"sensitive_body": ref("var.key")})]}
    found = scan({"plan.json": plan(module(api), [change(api, {"id": True})], config)})
    [gap] = found.evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == (
        f"{SERVICE}/apis/orders-mcp".lower(),
        {"api"},
        GapReason.NOT_COLLECTED,
    )


def test_updates_are_worked_in(scan: Scanner) -> None:
    update = resource(
        "azapi_update_resource",
        "u",
        {
            "type": "Microsoft.ApiManagement/service/apis@2025-09-01-preview",
            "resource_id": f"{SERVICE}/apis/orders-mcp",
            "body": {"properties": {"subscriptionRequired": True}},
        },
    )
    found = scan({"state.json": state(update, mcp_api({"properties": MCP}))})
    assert found.only().body["properties"]["subscriptionRequired"] is True


def test_links_and_other_resources_below_any_resource(scan: Scanner) -> None:
    link = resource(
        "azapi_resource",
        "l",
        {
            "type": "Microsoft.Resources/links@2016-09-01",
            "name": "l1",
            "body": {"properties": {"targetId": SERVICE}},
        },
    )
    account = resource("azurerm_cognitive_account", "f", {"name": "contoso-foundry", "kind": "AIServices"})
    config = {"resources": [block("azapi_resource", "l", {"parent_id": ref("azurerm_cognitive_account.f.id")})]}
    changes = [change(account, {"id": True}), change(link, {"id": True, "parent_id": True})]
    found = scan({"plan.json": plan(module(account, link), changes, config)})
    below = "/providers/Microsoft.CognitiveServices/accounts/contoso-foundry/providers/Microsoft.Resources/links/l1"
    assert found.resource(below).type == "microsoft.resources/links"


@pytest.mark.parametrize("sensitive", [{}, {"body": True, "sensitive_body": True}])
@pytest.mark.parametrize("as_text", [False, True])
def test_bodies_that_are_nested_too_deeply(scan: Scanner, sensitive: dict[str, Any], as_text: bool) -> None:
    text = '{"a":' * 450 + json.dumps(KEY) + "}" * 450
    deep = text if as_text else json.loads(text)
    app = resource(
        "azapi_resource",
        "x",
        {"type": "Microsoft.Web/sites@2024-04-01", "name": "n", "body": deep, "sensitive_body": deep},
        sensitive=sensitive,
    )
    found = scan({"state.json": json.dumps(state(app))})
    assert found.artifact("state.json").status is ArtifactStatus.READ
    assert found.only().type == "microsoft.web/sites"


def test_files_without_anything_known(scan: Scanner) -> None:
    good = {"mcpServers": {}}
    other = state(resource("aws_s3_bucket", "b", {"bucket": "x"}))
    raw = {"version": 4, "terraform_version": "1.13.4", "serial": 3, "lineage": "x", "outputs": {}, "resources": []}
    found = scan({"mcp.json": good, "other.json": other, "terraform.tfstate": raw})
    assert found.artifact("other.json").status is ArtifactStatus.SKIPPED
    assert found.artifact("other.json").detail == "holds no resources that mcpguard knows"
    assert "terraform show -json" in found.artifact("terraform.tfstate").detail


UAMI = f"{SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders"


def test_settings_of_a_site_that_rules_of_hosts_need(scan: Scanner) -> None:
    identity = resource(
        "azurerm_user_assigned_identity", "orders", {"id": UAMI, "name": "id-orders", "client_id": "C-1", "principal_id": "P-1"}
    )
    endpoint = resource(
        "azurerm_private_endpoint",
        "orders",
        {
            "id": f"{SUBSCRIPTION}/providers/Microsoft.Network/privateEndpoints/pe-orders",
            "name": "pe-orders",
            "private_service_connection": [
                {"name": "c", "private_connection_resource_id": FUNC, "subresource_names": ["sites"]}
            ],
        },
    )
    block_ = [{"type": "UserAssigned", "identity_ids": [UAMI]}]
    app = site(identity=block_, client_certificate_enabled=True, client_certificate_exclusion_paths="/a;/b")
    entity = site_of(scan({"state.json": state(app, identity, endpoint)}))
    facts = (entity.https_only, entity.tls, entity.ftps_state, entity.client_certificates, entity.publishing.ftp)
    assert [fact.value for fact in facts if isinstance(fact, Known)] == [True, "1.2", "FtpsOnly", True, True]
    assert isinstance(entity.sticky_settings, Known) and entity.sticky_settings.value == {"orders_db"}
    assert isinstance(entity.client_certificate_exclusions, Known)
    assert entity.client_certificate_exclusions.value == ("/a", "/b")
    assert isinstance(entity.cors_origins, Known) and entity.cors_origins.value == ("*",)
    assert isinstance(entity.identities, Known)
    (attached,) = entity.identities.value
    assert isinstance(attached.client_id, Known) and attached.client_id.value == "c-1"
    assert isinstance(entity.restrictions.private_endpoints, Known) and len(entity.restrictions.private_endpoints.value) == 1
    assert isinstance(entity.restrictions.rules, Known)
    (rule,) = entity.restrictions.rules.value
    assert (rule.address, rule.is_service_tag, rule.allows, rule.headers) == ("apimanagement", True, True, {})
    assert isinstance(entity.auth, Known) and entity.auth.value is not None
    auth = entity.auth.value
    values = (auth.secret_setting, auth.challenge_suppressed, auth.token_store, auth.requires_https, auth.microsoft_provider)
    assert [fact.value for fact in values if isinstance(fact, Known)] == [
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
        False,
        False,
        True,
        True,
    ]

"""What ``az`` prints: flattened resources, and parts of hosts that do not say whose they are."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Known
from mcpguard.evidence import ArtifactStatus, GapReason
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.gateway import Api, Backend, NamedValue
from mcpguard.model.kinds.host_parts import SettingForm
from mcpguard.model.kinds.hosting import ContainerApp, Site
from mcpguard.normalize import build
from tests.sources.conftest import RG, SERVICE, SITE, Scan, api

AS_OF = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
Scanner = Callable[..., Scan]
KEY = "Ab3dEf6hIj9kLm2nOp5q"
APP = f"{RG}/providers/Microsoft.App/containerApps/contoso-catalog"
"""No marker of MCP is in these names: what makes a host an MCP host is not the question here."""


def printed_api(**more: Any) -> dict[str, Any]:
    """As ``az apim api list`` prints one: no properties, nulls for what is not set, and the group."""
    return {
        "apiRevision": "1",
        "apiType": "http",
        "apiVersion": None,
        "displayName": "Orders",
        "id": f"{SERVICE}/apis/orders",
        "isCurrent": True,
        "name": "orders",
        "path": "orders",
        "protocols": ["https"],
        "resourceGroup": "rg-mcp-prod",
        "serviceUrl": "https://orders.contoso.example/api",
        "subscriptionRequired": False,
        "type": "Microsoft.ApiManagement/service/apis",
        **more,
    }


def test_apis_of_az_apim(scan: Scanner) -> None:
    found = scan({"apis.json": [printed_api()]})
    resource = found.only()
    assert (resource.type, resource.format) == ("microsoft.apimanagement/service/apis", "azure-cli")
    assert resource.api_version == "2022-08-01"
    assert resource.body["properties"]["type"] == "http"
    assert "path" not in resource.body and "resourceGroup" not in resource.body["properties"]
    # A place in the body leads to where the member stands in the file.
    assert found.start(resource.origin.child("properties", "path"))[0] == 10
    assert found.start(resource.origin.child("properties", "type"))[0] == 4
    [gap] = found.evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == (SERVICE.lower(), {"mcp-server"}, GapReason.OLD_API_VERSION)
    [entity] = build(found.evidence, AS_OF).of(Api)
    assert isinstance(entity.subscription_required, Known) and entity.subscription_required.value is False


def test_the_answer_of_arm_counts_more_than_what_az_prints(scan: Scanner) -> None:
    more = dict.fromkeys(("description", "etag", "isOnline"), "x")
    found = scan({"a.json": {"value": [api("orders", type="mcp", **more)]}, "b.json": [printed_api()]})
    resource = found.resource(f"{SERVICE}/apis/orders")
    assert (resource.format, resource.body["properties"]["type"]) == ("arm-json", "mcp")


@pytest.mark.parametrize(
    ("kind", "members", "wanted"),
    [
        (
            "backends",
            {"url": "https://x", "protocol": "http", "tls": None},
            {"url": "https://x", "protocol": "http", "tls": None},
        ),
        (
            "namedValues",
            {"displayName": "audience", "secret": False, "value": "api://x", "tags": ["a"]},
            {"displayName": "audience", "secret": False, "value": "api://x", "tags": ["a"]},
        ),
        ("products", {"displayName": "P", "state": "published"}, {"displayName": "P", "state": "published"}),
        ("apiVersionSets", {"versioningScheme": "Segment"}, {"versioningScheme": "Segment"}),
    ],
)
def test_other_resources_of_az_apim(scan: Scanner, kind: str, members: dict[str, Any], wanted: dict[str, Any]) -> None:
    head = {"id": f"{SERVICE}/{kind}/x", "name": "x", "type": f"Microsoft.ApiManagement/service/{kind}"}
    resource = scan({"x.json": {**head, "resourceGroup": "rg-mcp-prod", **members}}).only()
    assert resource.body == {"id": head["id"], "name": "x", "type": head["type"], "resourceGroup": "rg-mcp-prod"} | {
        "properties": wanted
    }


def test_secrets_in_flattened_resources_do_not_leave(scan: Scanner) -> None:
    backend = {
        "id": f"{SERVICE}/backends/x",
        "type": "Microsoft.ApiManagement/service/backends",
        "url": f"https://x.example/api?code={KEY}",
        "credentials": {"header": {"x-functions-key": [f"{KEY}1"]}, "query": {}},
    }
    value = {
        "id": f"{SERVICE}/namedValues/k",
        "type": "Microsoft.ApiManagement/service/namedValues",
        "displayName": "k",
        "secret": True,
        "value": f"{KEY}2",
    }
    found = scan({"a.json": backend, "b.json": value})
    assert KEY not in repr(found.evidence.resources)
    estate = build(found.evidence, AS_OF)
    assert len(estate.of(Backend)) == len(estate.of(NamedValue)) == 1


def test_names_without_members_are_not_taken_for_defaults(scan: Scanner) -> None:
    listed = {"id": f"{SERVICE}/apis/a", "type": "Microsoft.ApiManagement/service/apis", "provisioningState": None}
    [gap] = scan({"a.json": [{**listed, "createdTime": "x"}]}).evidence.gaps
    assert gap.kinds == {"api"}


# -- hosts -----------------------------------------------------------------------------------------------------------


def printed_site(name: str = "contoso-orders-func", kind: str = "functionapp,linux") -> dict[str, Any]:
    """As ``az functionapp show`` prints one."""
    return {
        "clientCertEnabled": False,
        "defaultHostName": f"{name}.azurewebsites.net",
        "hostNames": [f"{name}.azurewebsites.net"],
        "httpsOnly": True,
        "id": f"{SITE.rpartition('/')[0]}/{name}",
        "identity": None,
        "kind": kind,
        "location": "West Europe",
        "name": name,
        "publicNetworkAccess": None,
        "resourceGroup": "rg-mcp-prod",
        "siteConfig": {"minTlsVersion": None, "appSettings": None},
        "state": "Running",
        "tags": {"owner": "orders"},
        "type": "Microsoft.Web/sites",
    }


def site_of(found: Scan) -> Site:
    [site] = build(found.evidence, AS_OF).of(Site)
    return site


def test_sites(scan: Scanner) -> None:
    found = scan({"site.json": printed_site()})
    assert found.only().body["tags"] == {"owner": "orders"}
    site = site_of(found)
    assert site.host_names == ("contoso-orders-func.azurewebsites.net",)
    assert not isinstance(site.internet_facing, Known)


@pytest.mark.parametrize("id", [f"{SITE}/config/web", SITE])
def test_configuration_of_a_site(scan: Scanner, id: str) -> None:
    config = {
        "id": id,
        "ftpsState": "FtpsOnly",
        "ipSecurityRestrictionsDefaultAction": "Deny",
        "name": "contoso-orders-func",
        "type": "Microsoft.Web/sites/config" if id != SITE else "Microsoft.Web/sites",
    }
    found = scan({"site.json": printed_site(), "web.json": config})
    web = found.resource(f"{SITE}/config/web")
    assert web.type == "microsoft.web/sites/config"
    internet = site_of(found).internet_facing
    assert isinstance(internet, Known) and internet.value is False
    assert found.start(internet.at) == (4, 42)


def test_authentication_of_both_versions(scan: Scanner) -> None:
    classic = {
        "clientSecret": KEY,
        "enabled": True,
        "id": f"{SITE}/config/authsettings",
        "issuer": "https://sts.windows.net/x/",
        "name": "authsettings",
        "tokenStoreEnabled": True,
        "type": "Microsoft.Web/sites/config",
        "unauthenticatedClientAction": "RedirectToLoginPage",
    }
    v2 = {
        "id": f"{SITE}/config/authsettingsV2",
        "name": "authsettingsV2",
        "properties": {"platform": {"enabled": False}, "globalValidation": {}},
        "type": "Microsoft.Web/sites/config",
    }
    found = scan({"site.json": printed_site(), "classic.json": classic, "v2.json": v2})
    old = found.resource(f"{SITE}/config/authsettings")
    assert old.body["properties"]["enabled"] is True and is_masked(old.body["properties"]["clientSecret"])
    auth = site_of(found).auth
    assert isinstance(auth, Known) and auth.value is not None
    assert (auth.value.version, auth.value.at) == ("v1", old.origin)
    assert auth.value.enabled == Known(True, old.origin.child("properties", "enabled"))
    assert auth.value.defined_elsewhere == Known("", old.origin.child("properties"))


def printed_function(name: str, trigger: str) -> dict[str, Any]:
    return {
        "config": {"bindings": [{"type": trigger, "direction": "in", "toolName": name.replace("-", "_")}]},
        "configHref": None,
        "functionAppId": None,
        "id": f"{SITE}/functions/{name}",
        "isDisabled": False,
        "language": "python",
        "name": f"contoso-orders-func/{name}",
        "resourceGroup": "rg-mcp-prod",
        "type": "Microsoft.Web/sites/functions",
    }


def test_functions(scan: Scanner) -> None:
    found = scan({"site.json": printed_site(), "functions.json": [printed_function("get-order", "mcpToolTrigger")]})
    site = site_of(found)
    assert site.markers == ("its function get-order has an MCP trigger",)
    [function] = site.functions.items
    at = function.at.child("properties", "config", "bindings", 0, "toolName")
    assert found.start(at)[0] == 8


SETTINGS = [
    {"name": "FUNCTIONS_WORKER_RUNTIME", "slotSetting": False, "value": "python"},
    {"name": "ORDERS_DB", "slotSetting": True, "value": KEY},
    {"name": "WITHHELD", "slotSetting": False, "value": None},
]


@pytest.mark.parametrize(
    "path",
    ["contoso-orders-func/settings.json", "appsettings-contoso-orders-func.json", "hosts/contoso-orders-func.settings.json"],
)
def test_app_settings_belong_to_the_app_that_their_path_names(scan: Scanner, path: str) -> None:
    found = scan({"a.json": printed_site(), "b.json": printed_site("contoso-orders", "app"), path: SETTINGS})
    resource = found.resource(f"{SITE}/config/appsettings")
    assert (resource.type, resource.format) == ("microsoft.web/sites/config", "azure-cli")
    site = next(site for site in build(found.evidence, AS_OF).of(Site) if site.name == "contoso-orders-func")
    assert isinstance(site.app_settings, Known)
    assert site.app_settings.value.keys() == {"functions_worker_runtime", "orders_db", "withheld"}
    runtime = site.app_settings.value["functions_worker_runtime"]
    assert isinstance(runtime.value, Known) and runtime.value.value == "python"
    assert found.start(runtime.at) == (5, 14)
    assert site.app_settings.value["orders_db"].form is SettingForm.WITHHELD
    assert isinstance(site.sticky_settings, Known) and site.sticky_settings.value == {"orders_db"}
    assert KEY not in repr(found.evidence.resources) and KEY in found.evidence.texts[path].secrets


def test_app_settings_of_the_only_app(scan: Scanner) -> None:
    found = scan({"a.json": printed_site(), "settings.json": SETTINGS})
    assert found.resource(f"{SITE}/config/appsettings")
    assert "the only app that was read" in found.artifact("settings.json").detail


def test_app_settings_of_no_app(scan: Scanner) -> None:
    found = scan({"a.json": printed_site(), "b.json": printed_site("other", "app"), "settings.json": SETTINGS})
    artifact = found.artifact("settings.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.detail.startswith("app settings of no app that was read")
    assert KEY not in repr(found.evidence.resources)


def test_app_settings_of_a_slot(scan: Scanner) -> None:
    slot = {"id": f"{SITE}/slots/staging", "type": "Microsoft.Web/sites/slots", "properties": {"state": "Running"}}
    found = scan({"a.json": printed_site(), "s.json": slot, "contoso-orders-func/staging/settings.json": SETTINGS})
    assert found.resource(f"{SITE}/slots/staging/config/appsettings").type == "microsoft.web/sites/slots/config"


def container_app() -> dict[str, Any]:
    """As ``az containerapp show`` prints it: in ARM shape."""
    return {
        "id": APP,
        "name": "contoso-catalog",
        "resourceGroup": "rg-mcp-prod",
        "type": "Microsoft.App/containerApps",
        "properties": {"configuration": {"ingress": {"external": True}}, "template": {"containers": []}},
    }


def test_authentication_of_a_container_app(scan: Scanner) -> None:
    auth = {
        "platform": {"enabled": True},
        "globalValidation": {"unauthenticatedClientAction": "Return401"},
        "identityProviders": {"azureActiveDirectory": {"registration": {"clientId": "C1"}}},
    }
    found = scan({"app.json": container_app(), "contoso-catalog/auth.json": auth, "site.json": printed_site()})
    resource = found.resource(f"{APP}/authConfigs/current")
    assert resource.type == "microsoft.app/containerapps/authconfigs"
    [app] = build(found.evidence, AS_OF).of(ContainerApp)
    assert isinstance(app.auth, Known) and app.auth.value is not None
    action = app.auth.value.unauthenticated_action
    assert isinstance(action, Known) and action.value == "Return401"
    assert found.start(action.at) == (6, 36)


def test_diagnostic_settings(scan: Scanner) -> None:
    id_ = f"{SERVICE}/providers/microsoft.insights/diagnosticSettings/to-workspace"
    setting = {
        "id": id_,
        "logs": [{"category": "GatewayLogs", "enabled": True}],
        "metrics": [],
        "name": "to-workspace",
        "type": "Microsoft.Insights/diagnosticSettings",
        "workspaceId": "/subscriptions/1/x",
    }
    resource = scan({"x.json": [setting]}).only()
    assert resource.type == "microsoft.insights/diagnosticsettings"
    assert resource.body["properties"] == {key: setting[key] for key in ("logs", "metrics", "workspaceId")}


# -- YAML ------------------------------------------------------------------------------------------------------------


def test_answers_in_yaml(scan: Scanner) -> None:
    text = f"""- id: {SERVICE}/apis/orders
  name: orders
  type: Microsoft.ApiManagement/service/apis
  properties:
    path: orders
    type: mcp
"""
    found = scan({"apis.yaml": text})
    assert found.only().body["properties"] == {"path": "orders", "type": "mcp"}
    assert found.start(found.only().origin.child("properties", "type")) == (6, 11)


CREATE = f"""location: westeurope
type: Microsoft.App/containerApps
properties:
  managedEnvironmentId: {RG}/providers/Microsoft.App/managedEnvironments/e
  configuration:
    secrets:
      - name: registry
        value: {KEY}
    ingress: {{external: true, allowInsecure: false, targetPort: 80}}
  template:
    containers:
      - image: contoso.azurecr.example/catalog-mcp:1
        name: main
        env:
          - name: API_KEY
            value: {KEY}2
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [(CREATE, "catalog"), (f"name: from-file\n{CREATE}", "from-file"), (CREATE.replace("type: Microsoft", "#"), "catalog")],
)
def test_the_yaml_that_makes_a_container_app(scan: Scanner, text: str, name: str) -> None:
    found = scan({"deploy/catalog.yaml": text})
    resource = found.only()
    assert resource.id == f"/providers/Microsoft.App/containerApps/{name}"
    assert resource.type == "microsoft.app/containerapps"
    assert KEY not in repr(found.evidence.resources)
    [app] = build(found.evidence, AS_OF).of(ContainerApp)
    assert isinstance(app.external, Known) and app.external.value is True
    assert found.start(app.external.at)[0] == 9 + text.count("from-file")


@pytest.mark.parametrize("text", ["id: /subscriptions/1/x\n  broken: [\n", "type: Microsoft.Web/sites\n a: b: c\n"])
def test_broken_yaml_of_ours_fails_with_its_place(scan: Scanner, text: str) -> None:
    found = scan({"a.json": printed_site(), "x.yaml": text})
    assert found.artifact("x.yaml").status is ArtifactStatus.FAILED
    assert found.start(found.artifact("x.yaml").at)[0] in (2, 3)


# -- files of a host's repository ------------------------------------------------------------------------------------

FUNCTION = {
    "scriptFile": "main.py",
    "bindings": [
        {"type": "mcpToolTrigger", "direction": "in", "name": "context", "toolName": "delete_order"},
        {"type": "blob", "direction": "out", "name": "out", "path": "x"},
    ],
}


def test_function_files(scan: Scanner) -> None:
    found = scan({"site.json": printed_site(), "contoso-orders-func/delete-order/function.json": FUNCTION})
    resource = found.resource(f"{SITE}/functions/delete-order")
    assert resource.type == "microsoft.web/sites/functions"
    [function] = site_of(found).functions.items
    assert (function.name, function.trigger) == ("delete-order", "mcptooltrigger")
    assert found.start(function.at.child("properties", "config", "bindings", 0, "toolName")) == (8, 19)


def test_functions_of_two_apps_are_not_given_to_one(scan: Scanner) -> None:
    found = scan({"site.json": printed_site(), "a/f/function.json": FUNCTION, "b/f/function.json": FUNCTION})
    assert {resource.type for resource in found.evidence.resources} == {"microsoft.web/sites", "file/function.json"}
    assert found.artifact("a/f/function.json").status is ArtifactStatus.PARTIAL


def test_local_settings_keep_their_names_only(scan: Scanner) -> None:
    value = {
        "IsEncrypted": False,
        "Values": {"FUNCTIONS_WORKER_RUNTIME": "python", "AzureWebJobsStorage": f"AccountKey={KEY}", "N": "%x%"},
        "ConnectionStrings": {"db": {"ConnectionString": f"{KEY}3", "ProviderName": "System.Data.SqlClient"}},
    }
    found = scan({"local.settings.json": value})
    body = found.only().body
    assert body["Values"].keys() == value["Values"].keys()  # type: ignore[attr-defined]
    assert all(is_masked(setting) for setting in body["Values"].values())
    assert is_masked(body["ConnectionStrings"]["db"]["ConnectionString"])
    assert found.only().type == "file/local.settings.json"
    assert f"{KEY}3" in found.evidence.texts["local.settings.json"].secrets


@pytest.mark.parametrize("more", [{"count": 1}, {"count": 1, "skip_token": None, "total_records": 1}])
def test_rows_of_az_graph_query(scan: Scanner, more: dict[str, Any]) -> None:
    row = {**printed_site(), "properties": {"state": "Running"}, "subscriptionId": "1"}
    assert scan({"rows.json": {"data": [row], **more}}).only().id == SITE

"""From Azure's answers to the model: servers, entry paths, hosts, links, ignorance. Inputs are in the shapes of az rest."""

import datetime
import json
from pathlib import Path

import pytest

from mcpguard import sources
from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.governance import attach
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.governance import ToolClass
from mcpguard.model.kinds.hosting import ContainerApp, Site
from mcpguard.model.kinds.mcp import Confidence, McpServer, McpTool, ServerSource
from mcpguard.model.restrictions import demands
from mcpguard.model.urls import parse_url
from mcpguard.normalize import build
from mcpguard.policy.effective import Scope, Section

SERVICE = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ApiManagement/service/s"
NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
Json = dict[str, object]


def api(name: str, /, **properties: object) -> Json:
    return {
        "id": f"{SERVICE}/apis/{name}",
        "name": name,
        "type": "Microsoft.ApiManagement/service/apis",
        "properties": properties,
    }


def child(path: str, kind: str, /, **properties: object) -> Json:
    full = f"{SERVICE}/{path}"
    return {
        "id": full,
        "name": path.rsplit("/", 1)[-1],
        "type": f"Microsoft.ApiManagement/service/{kind}",
        "properties": properties,
    }


def policy(path: str, inbound: str) -> Json:
    kind = "/".join([*path.split("/")[::2], "policies"]).strip("/") if path else "policies"
    text = f"<policies><inbound>{inbound}</inbound><backend><base /></backend><outbound /><on-error /></policies>"
    return child(f"{path}/policies/policy".strip("/"), kind, format="rawxml", value=text)


SERVICE_RESOURCE: Json = {
    "id": SERVICE,
    "name": "s",
    "type": "Microsoft.ApiManagement/service",
    "sku": {"name": "StandardV2"},
    "properties": {"gatewayUrl": "https://s.azure-api.net"},
}


def estate(tmp_path: Path, *lists: list[Json], **files: str) -> Estate:
    for number, items in enumerate(lists):
        (tmp_path / f"{number}.json").write_text(json.dumps({"value": items, "count": len(items)}))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = build(sources.read([tmp_path]), NOW)
    attach(found, None, None)
    return found


def server(found: Estate, name: str) -> McpServer:
    return next(s for s in found.of(McpServer) if s.name == name)


def test_native_servers_in_both_flavours(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        [
            api("rest", type="mcp", path="rest", protocols=["https"]),
            api("pass", type="mcp", path="pass", serviceUrl="https://x.example/mcp"),
            api("pool", type="mcp", path="pool", backendId="b"),
            api("plain", type="http", path="plain", serviceUrl="https://y.example"),
            api("untyped", path="other"),
            api("a2a", type="a2a", path="agents/mcp"),
        ],
        [child("backends/b", "backends", url="https://z.example/mcp", protocol="http")],
    )
    sources_ = {s.name: s.source for s in found.of(McpServer)}
    assert sources_ == {
        "rest": ServerSource.APIM_REST_TOOLS,
        "pass": ServerSource.APIM_PASSTHROUGH,
        "pool": ServerSource.APIM_PASSTHROUGH,
    }
    backends = server(found, "pool").backends
    assert isinstance(backends, Known) and [url.host for url in backends.value] == ["z.example"]


@pytest.mark.parametrize(
    ("properties", "operations", "policy_text", "confidence"),
    [
        ({"path": "a/mcp"}, [], "", Confidence.MEDIUM),
        ({"path": "a/mcp", "displayName": "An MCP thing"}, [], "", Confidence.HIGH),
        ({"path": "a", "serviceUrl": "https://x.example/runtime/webhooks/mcp"}, [], "", Confidence.MEDIUM),
        ({"path": "a"}, [("GET", "/sse"), ("POST", "/message")], "", Confidence.MEDIUM),
        ({"path": "a"}, [], '<set-header name="Mcp-Session-Id" exists-action="delete" />', Confidence.MEDIUM),
        ({"path": "a"}, [], "<!-- Mcp-Session-Id -->", None),
        ({"path": "a", "displayName": "MCP"}, [], "", None),
        ({"path": "mcpx/a"}, [("GET", "/sse")], "", None),
    ],
)
def test_inferred_servers(
    tmp_path: Path,
    properties: Json,
    operations: list[tuple[str, str]],
    policy_text: str,
    confidence: Confidence | None,
) -> None:
    found = estate(
        tmp_path,
        [api("x", type="http", **properties)],
        [child(f"apis/x/operations/{i}", "apis/operations", method=m, urlTemplate=u) for i, (m, u) in enumerate(operations)],
        [policy("apis/x", policy_text)],
    )
    servers = found.of(McpServer)
    assert [s.confidence for s in servers] == ([confidence] if confidence else [])


def product(name: str, *, subscription: bool) -> Json:
    return child(f"products/{name}", "products", subscriptionRequired=subscription, state="published")


@pytest.mark.parametrize(
    ("key_needed", "products", "wanted"),
    [
        # azure-docs, api-management-subscriptions: how a call without a key is resolved
        (True, [], ["with an API-scoped, all-APIs or all-access key"]),
        (False, [], ["without a key", "with an API-scoped, all-APIs or all-access key"]),
        (
            True,
            [product("open", subscription=False)],
            ["without a key, through the open product open", "with an API-scoped, all-APIs or all-access key"],
        ),
        (
            True,
            [product("p", subscription=True)],
            ["with an API-scoped, all-APIs or all-access key", "with a key of product p"],
        ),
    ],
)
def test_entry_paths(tmp_path: Path, key_needed: bool, products: list[Json], wanted: list[str]) -> None:
    links = [child(f"products/{p['name']}/apis/x", "products/apis", path="x") for p in products]
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [api("x", type="mcp", path="x", subscriptionRequired=key_needed)],
        products or [child("products/none", "products", subscriptionRequired=True)],
        links or [child("products/none/apis/other", "products/apis", path="o")],
    )
    (x,) = found.of(Api)
    assert [path.title for path in found.entry_paths.of(x)] == wanted
    assert all(path.doubt is None for path in found.entry_paths.of(x))


def test_unread_products_are_a_doubt_not_an_answer(tmp_path: Path) -> None:
    found = estate(tmp_path, [SERVICE_RESOURCE], [api("x", type="mcp", path="x", subscriptionRequired=True)])
    (x,) = found.of(Api)
    first = found.entry_paths.of(x)[0]
    assert first.title == "without a key, if an open product contains it"
    assert first.doubt is not None and "products" in first.doubt.remedy


def test_a_policy_that_was_not_read_is_unknown_until_all_policies_says_otherwise(tmp_path: Path) -> None:
    lists = [[SERVICE_RESOURCE], [api("x", type="mcp", path="x")]]
    (tmp_path / "one").mkdir()
    found = estate(tmp_path / "one", *lists)
    (x,) = found.of(Api)
    chain = found.entry_paths.chain(x, found.entry_paths.of(x)[-1], None)
    assert [type(scoped.document) for scoped in chain] == [Unknown, Unknown]
    listing = [
        child("allPolicies/g", "allPolicies", referencePolicyId=f"{SERVICE}/policies/policy", complianceState="Compliant")
    ]
    (tmp_path / "two").mkdir()
    found = estate(tmp_path / "two", *lists, listing, [policy("", "<a />")])
    (x,) = found.of(Api)
    chain = found.entry_paths.chain(x, found.entry_paths.of(x)[-1], None)
    assert isinstance(chain[0].document, Known) and chain[0].document.value is not None
    assert isinstance(chain[1].document, Known) and chain[1].document.value is None


def test_tools_in_both_forms_resolve_to_their_operations(tmp_path: Path) -> None:
    operation = f"{SERVICE}/apis/r/operations/drop"
    found = estate(
        tmp_path,
        [
            api("m", type="mcp", path="m"),
            api("n", type="mcp", path="n", mcpTools=[{"name": "keep", "operationId": "/apis/r/operations/GET"}]),
            api("r", type="http", path="r"),
        ],
        [child("apis/m/tools/drop-it", "apis/tools", displayName="drop-it", operationId=operation.upper())],
        [
            child("apis/r/operations/drop", "apis/operations", method="DELETE", urlTemplate="/{id}"),
            child("apis/r/operations/get", "apis/operations", method="GET", urlTemplate="/{id}"),
        ],
    )
    tools = {tool.name: tool for tool in found.of(McpTool)}
    drop, keep = tools["drop-it"].method, tools["keep"].method
    assert isinstance(drop, Known) and drop.value == "DELETE"
    assert isinstance(keep, Known) and keep.value == "GET"
    assert found.classification(tools["drop-it"]).tool_class is ToolClass.DESTRUCTIVE
    assert found.classification(tools["drop-it"]).reason == "it calls DELETE /{id}"
    assert found.classification(tools["keep"]).tool_class is ToolClass.READ_ONLY


SITE = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Web/sites/f"


def site(**properties: object) -> Json:
    return {"id": SITE, "name": "f", "type": "Microsoft.Web/sites", "kind": "functionapp,linux", "properties": properties}


def config(name: str, **properties: object) -> Json:
    return {"id": f"{SITE}/config/{name}", "name": name, "type": "Microsoft.Web/sites/config", "properties": properties}


def test_site_config_of_a_list_is_not_believed(tmp_path: Path) -> None:
    found = estate(
        tmp_path, [site(siteConfig={"ipSecurityRestrictionsDefaultAction": "Deny"}, defaultHostName="F.azurewebsites.net")]
    )
    (f,) = found.of(Site)
    assert isinstance(f.internet_facing, Unknown) and "config/web" in f.internet_facing.remedy
    assert f.host_names == ("f.azurewebsites.net",)
    assert isinstance(f.auth, Unknown) and isinstance(f.app_settings, Unknown) and isinstance(f.mcp_key_level, Unknown)


def test_a_gateway_server_is_linked_to_the_host_behind_it(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [api("m", type="mcp", path="m", serviceUrl="https://f.azurewebsites.net/runtime/webhooks/mcp")],
        [site(defaultHostName="f.azurewebsites.net")],
    )
    assert server(found, "m").host == SITE.lower()
    host = server(found, "f")
    assert host.source is ServerSource.HOST and host.confidence is Confidence.HIGH
    assert "MCP server m of a gateway leads to it" in host.reasons


@pytest.mark.parametrize(
    ("settings", "host_json", "wanted"),
    [
        ({}, {"version": "2.0", "extensions": {"mcp": {"system": {"webhookAuthorizationLevel": "Anonymous"}}}}, "anonymous"),
        ({}, {"version": "2.0", "extensions": {"mcp": {}}}, "system"),
        (
            {},
            {
                "version": "2.0",
                "configurationProfile": "mcp-custom-handler",
                "customHandler": {"http": {"DefaultAuthorizationLevel": "anonymous"}},
            },
            "anonymous",
        ),
        ({}, {"version": "2.0", "configurationProfile": "mcp-custom-handler"}, "function"),
        (
            {"AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel": "System"},
            {"version": "2.0", "extensions": {"mcp": {"system": {"webhookAuthorizationLevel": "Anonymous"}}}},
            "system",
        ),
        ({}, None, None),
    ],
)
def test_key_level_of_a_function_app(tmp_path: Path, settings: Json, host_json: Json | None, wanted: str | None) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    if host_json is not None:
        (folder / "host.json").write_text(json.dumps(host_json))
    found = estate(tmp_path, [site()], [config("appsettings", **settings)])
    (f,) = found.of(Site)
    level = f.mcp_key_level
    assert (level.value if isinstance(level, Known) else None) == wanted


def test_platform_defaults_are_named(tmp_path: Path) -> None:
    found = estate(tmp_path, [site()], [config("authsettingsV2", platform={"enabled": True})])
    (f,) = found.of(Site)
    assert isinstance(f.auth, Known) and f.auth.value is not None
    required = f.auth.value.require_authentication
    assert isinstance(required, Known) and required.value is False and required.defaulted


def test_a_container_app_has_no_require_authentication(tmp_path: Path) -> None:
    key = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.App/containerApps/mcp-c"
    app: Json = {
        "id": key,
        "name": "mcp-c",
        "type": "Microsoft.App/containerApps",
        "properties": {"configuration": {"ingress": {"external": True, "fqdn": "C.example"}}},
    }
    auth: Json = {
        "id": f"{key}/authConfigs/current",
        "name": "current",
        "type": "Microsoft.App/containerApps/authConfigs",
        "properties": {"platform": {"enabled": True}, "globalValidation": {"unauthenticatedClientAction": "Return401"}},
    }
    found = estate(tmp_path, [app], [auth])
    (c,) = found.of(ContainerApp)
    assert c.host_names == ("c.example",) and c.markers == ("its name mcp-c says mcp",)
    assert isinstance(c.auth, Known) and c.auth.value is not None
    required = c.auth.value.require_authentication
    assert isinstance(required, Known) and required.value is True


def test_owners_that_were_not_expanded_are_unknown(tmp_path: Path) -> None:
    apps = [
        {
            "id": "1",
            "appId": "A",
            "displayName": "one",
            "identifierUris": [],
            "signInAudience": "AzureADMyOrg",
            "api": {},
            "tags": ["review-by:2027-03-31"],
            "notes": None,
        },
        {
            "id": "2",
            "appId": "B",
            "displayName": "two",
            "identifierUris": [],
            "signInAudience": "AzureADMyOrg",
            "api": {},
            "owners": [],
        },
        {
            "id": "3",
            "appId": "C",
            "displayName": "three",
            "identifierUris": [],
            "signInAudience": "AzureADMyOrg",
            "api": {},
            "owners": [{"id": "9"}],
        },
    ]
    (tmp_path / "apps.json").write_text(
        json.dumps({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications", "value": apps})
    )
    found = {a.name: a for a in build(sources.read([tmp_path]), NOW).of(Application)}
    assert isinstance(found["one"].owners, Unknown) and "$expand=owners" in found["one"].owners.remedy
    assert found["two"].owners == Known((), Location("apps.json", ("value", 1, "owners")))
    three = found["three"].owners
    assert isinstance(three, Known) and len(three.value) == 1  # an owner one may not see is an owner
    dates = found["one"].review_dates
    assert isinstance(dates, Known) and [d.date for d in dates.value] == ["2027-03-31"]


@pytest.mark.parametrize(
    ("text", "scheme", "host", "path"),
    [
        ("https://A.example:8080/x/y?code=1#z", "https", "a.example", "/x/y"),
        ("http://user:pw@b.example", "http", "b.example", ""),
        ("http://[::1]:7071/mcp", "http", "[::1]", "/mcp"),
        ("orders/v1", "", "", "orders/v1"),
    ],
)
def test_urls(text: str, scheme: str, host: str, path: str) -> None:
    found = parse_url(text, Location("f"))
    assert (found.scheme, found.host, found.path) == (scheme, host, path)


def test_a_server_in_a_workspace_uses_what_is_the_workspaces_own(tmp_path: Path) -> None:
    """Facts: facts/apim.md 1.7; form C of 1.3 can stand in a workspace."""
    home = "workspaces/w"
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [child(f"{home}/apis/x", "workspaces/apis", path="team/mcp", serviceUrl="https://{{host}}/mcp", type="http")],
        [child(f"{home}/namedValues/host", "workspaces/namedValues", displayName="host", value="mcp.contoso.example")],
        [child("namedValues/host", "namedValues", displayName="host", value="elsewhere.example")],
        [child(f"{home}/products/p", "workspaces/products", subscriptionRequired=True)],
        [child(f"{home}/products/p/apiLinks/l", "workspaces/products/apiLinks", apiId=f"{SERVICE}/{home}/apis/x")],
    )
    (x,) = found.of(Api)
    assert (x.service, x.workspace) == (SERVICE.lower(), f"{SERVICE}/{home}".lower())
    (server,) = found.of(McpServer)
    assert isinstance(server.backends, Known) and [url.host for url in server.backends.value] == ["mcp.contoso.example"]
    assert [path.title for path in found.entry_paths.of(x)][-1] == "with a key of product p"


def test_restrictions_are_held_against_the_text(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [api("x", type="mcp", path="x"), api("y", type="mcp", path="y")],
        [policy("/apis/x", "<base /><a />"), policy("/apis/y", "<a />")],
        [child("policyRestrictions/all", "policyRestrictions", scope="/apis", requireBase="True")],
        [child("policyRestrictions/none", "policyRestrictions", scope="/apis", requireBase="false")],
        [
            child(
                "allPolicies/1", "allPolicies", referencePolicyId=f"{SERVICE}/apis/y/policies/policy", complianceState="Pending"
            )
        ],
    )
    said = {}
    for x in found.of(Api):
        (demand,) = demands(x.key, found.policy_at(x.key, Scope.API, x.at), found)
        assert demand.restriction.name == "all"
        said[x.name] = Section.INBOUND in demand.without_base, demand.state
    assert said == {"x": (False, ""), "y": (True, "Pending")}
    assert not list(demands(SERVICE.lower(), found.policy_at(SERVICE.lower(), Scope.GLOBAL, x.at), found))

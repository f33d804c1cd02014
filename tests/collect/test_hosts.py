"""Hosts, Foundry, AI gateways and Monitor: what is asked below each, and what is not."""

from collections.abc import Callable

from mcpguard.collect.walk import _data_plane, _project
from mcpguard.core.facts import known
from mcpguard.evidence import GapReason
from mcpguard.model.foundry_view import endpoint_of
from mcpguard.model.kinds.foundry import FoundryAgent, Toolbox
from mcpguard.normalize import build
from tests.collect.conftest import ACCOUNT, GROUP, SERVICE, SITE, SUBSCRIPTION, Snapshot, named, service
from tests.collect.fake import Body, Fake
from tests.normalize.test_estate import NOW

Collect = Callable[..., Snapshot]
SECRET = "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcdefghijklmnopqrstuvwxyz0123456789=="


def site(**more: object) -> Body:
    return {
        "id": SITE,
        "type": "Microsoft.Web/sites",
        "name": "contoso-func",
        "kind": "functionapp,linux",
        "properties": {},
    } | more


def config(name: str, owner: str = SITE, **properties: object) -> Body:
    return {"id": f"{owner}/config/{name}", "type": "Microsoft.Web/sites/config", "name": name, "properties": properties}


def test_everything_of_a_site_is_read_by_get(fake: Fake, collect: Collect) -> None:
    fake.add(site(), config("web"), config("authsettingsV2"), config("slotConfigNames"), config("appsettings", SECRET=SECRET))
    collect(graph=False)
    below = {line.partition("contoso-func/")[2] for line in fake.lines("GET .*contoso-func/")}
    assert below == {
        "config/web",
        "config/authsettingsV2",
        "config/slotConfigNames",
        "config/configreferences/appsettings",
        "functions",
        "basicPublishingCredentialsPolicies",
        "privateEndpointConnections",
        "slots",
        "providers/Microsoft.Insights/diagnosticSettings",
    }
    assert not [line for line in fake.lines("POST") if "Microsoft.Web" in line]


def test_functions_are_asked_of_function_apps_only(fake: Fake, collect: Collect) -> None:
    fake.add(site(kind="app,linux"))
    collect(graph=False)
    assert not fake.lines("/functions$")


def test_slots_are_read_like_sites(fake: Fake, collect: Collect) -> None:
    slot = f"{SITE}/slots/staging"
    fake.add(
        site(),
        {
            "id": slot,
            "type": "Microsoft.Web/sites/slots",
            "name": "contoso-func/staging",
            "kind": "functionapp",
            "properties": {},
        },
        config("web", slot, minTlsVersion="1.0"),
        config("authsettingsV2", slot),
    )
    snapshot = collect(graph=False)
    assert snapshot.body(f"{slot}/config/web")["properties"] == {"minTlsVersion": "1.0"}
    assert fake.lines("slots/staging/functions$")


def test_app_settings_keep_names_and_harmless_values_only(fake: Fake, collect: Collect) -> None:
    fake.add(
        site(),
        config(
            "appsettings",
            AzureWebJobsStorage=SECRET,
            MyOwnThing="some value that nobody can judge",
            FUNCTIONS_WORKER_RUNTIME="python",
            WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES="api://x/user_impersonation",
            FromVault="@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
        ),
    )
    snapshot = collect(graph=False, app_settings=True)
    properties = snapshot.body(f"{SITE}/config/appsettings")["properties"]
    assert properties["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert properties["WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES"] == "api://x/user_impersonation"
    assert properties["FromVault"].startswith("@Microsoft.KeyVault(")
    assert properties["AzureWebJobsStorage"].startswith("<masked>") and properties["MyOwnThing"].startswith("<masked>")
    assert SECRET.encode() not in snapshot.bytes and b"nobody can judge" not in snapshot.bytes
    assert [line for line in fake.lines("POST") if "appsettings" in line] == [f"POST /arm{SITE}/config/appsettings/list"]


def test_app_settings_that_may_not_be_read_name_the_action(fake: Fake, collect: Collect) -> None:
    fake.add(site())
    fake.fail("appsettings/list", status=403, code="AuthorizationFailed")
    gap = collect(graph=False, app_settings=True).gap("appsettings")
    assert gap.reason is GapReason.FORBIDDEN and "Microsoft.Web/sites/config/list/action" in gap.remedy


def test_container_apps_environments_and_session_pools(fake: Fake, collect: Collect) -> None:
    app = f"{GROUP}/providers/Microsoft.App/containerApps/contoso-mcp"
    secret = "container-secret-value-0123456789"
    fake.add(
        {
            "id": app,
            "type": "Microsoft.App/containerApps",
            "name": "contoso-mcp",
            "properties": {"configuration": {"secrets": [{"name": "s", "value": secret}]}},
        },
        {
            "id": f"{app}/authConfigs/current",
            "type": "Microsoft.App/containerApps/authConfigs",
            "name": "current",
            "properties": {},
        },
        {
            "id": f"{GROUP}/providers/Microsoft.App/managedEnvironments/env",
            "type": "Microsoft.App/managedEnvironments",
            "properties": {},
        },
        {"id": f"{GROUP}/providers/Microsoft.App/sessionPools/pool", "type": "Microsoft.App/sessionPools", "properties": {}},
    )
    snapshot = collect(graph=False)
    assert snapshot.ids("microsoft.app/containerapps/authconfigs") == [f"{app}/authConfigs/current"]
    assert snapshot.ids("microsoft.app/sessionpools") and snapshot.ids("microsoft.app/managedenvironments")
    assert secret.encode() not in snapshot.bytes
    assert not fake.lines("listSecrets")


def test_diagnostic_settings_of_gateways_hosts_and_accounts(fake: Fake, collect: Collect) -> None:
    fake.add(service(), site())
    setting = f"{SERVICE}/providers/microsoft.insights/diagnosticSettings/to-workspace"
    fake.add(
        {"id": setting, "type": "Microsoft.Insights/diagnosticSettings", "name": "to-workspace", "properties": {"logs": []}}
    )
    snapshot = collect(graph=False)
    assert snapshot.ids("microsoft.insights/diagnosticsettings") == [setting]
    assert snapshot.complete(SITE, "microsoft.insights/diagnosticsettings")


def test_ai_gateways_and_their_tool_servers(fake: Fake, collect: Collect) -> None:
    gateway = f"{GROUP}/providers/Microsoft.ApiManagement/aigateways/contoso-ai-gw"
    server = f"{gateway}/workspaces/default/toolServers/orders"
    fake.add(
        {"id": gateway, "type": "Microsoft.ApiManagement/aigateways", "name": "contoso-ai-gw", "properties": {}},
        {"id": f"{gateway}/workspaces/default", "type": "Microsoft.ApiManagement/aigateways/workspaces", "name": "default"},
        {
            "id": server,
            "type": "Microsoft.ApiManagement/aigateways/workspaces/toolServers",
            "name": "orders",
            "properties": {"type": "mcp"},
        },
    )
    assert collect(graph=False).ids("microsoft.apimanagement/aigateways/workspaces/toolservers") == [server]


def test_workspaces_of_a_service(fake: Fake, collect: Collect) -> None:
    workspace = f"{SERVICE}/workspaces/team"
    fake.add(
        service(),
        named(SERVICE, "workspaces", "team", displayName="Team"),
        {**named(workspace, "apis", "team-mcp", path="team/mcp"), "type": "Microsoft.ApiManagement/service/workspaces/apis"},
        {**named(f"{workspace}/apis/team-mcp", "operations", "call", urlTemplate="/"), "type": "x/y"},
        {
            "id": f"{workspace}/apis/team-mcp/operations/call/policies/policy",
            "type": "x/y",
            "properties": {"format": "rawxml", "value": "<policies />"},
        },
    )
    snapshot = collect(graph=False)
    assert snapshot.ids("microsoft.apimanagement/service/workspaces/apis")
    assert snapshot.ids("microsoft.apimanagement/service/workspaces/apis/operations/policies")
    assert fake.lines("/workspaces/team/policies/policy$")


# -- Foundry -----------------------------------------------------------------------------------------------------------


def foundry(fake: Fake) -> None:
    project = f"{ACCOUNT}/projects/agents"
    connection = {
        "authType": "CustomKeys",
        "category": "RemoteTool",
        "target": "https://orders.example/mcp",
        "credentials": None,
    }
    fake.add(
        {
            "id": ACCOUNT,
            "type": "Microsoft.CognitiveServices/accounts",
            "name": "contoso-ai",
            "kind": "AIServices",
            "properties": {},
        },
        {"id": project, "type": "Microsoft.CognitiveServices/accounts/projects", "name": "agents", "properties": {}},
        {
            "id": f"{project}/connections/orders",
            "type": "Microsoft.CognitiveServices/accounts/projects/connections",
            "name": "orders",
            "properties": connection,
        },
    )
    base = "/foundry/contoso-ai/api/projects/agents"
    fake.data[f"{base}/agents"] = [{"id": "helper", "name": "helper", "versions": {"latest": {"version": "2"}}}]
    fake.data[f"{base}/agents/helper/versions"] = [
        {"id": "helper:1", "name": "helper", "version": "1", "definition": {"kind": "prompt", "tools": []}},
        {"id": "helper:2", "name": "helper", "version": "2", "definition": {"kind": "prompt", "tools": []}},
    ]
    fake.data[f"{base}/toolboxes"] = [{"id": "box", "name": "box", "default_version": "1"}]


def test_foundry_control_and_data_plane(fake: Fake, collect: Collect) -> None:
    foundry(fake)
    snapshot = collect(graph=False)
    data = f"{ACCOUNT}/projects/agents/data"
    assert snapshot.ids("microsoft.cognitiveservices/accounts/projects/connections")
    assert snapshot.ids("foundry/agents") == [f"{data}/agents/helper"]
    assert snapshot.ids("foundry/agents/versions") == [f"{data}/agents/helper/versions/{n}" for n in (1, 2)]
    assert snapshot.ids("foundry/toolboxes") == [f"{data}/toolboxes/box"]
    features = {seen.headers.get("Foundry-Features", "") for seen in fake.seen if seen.path.startswith("/foundry/")}
    assert len(features) == 1 and "WorkflowAgents=V1Preview" in features.pop()
    assert {seen.query["api-version"][0] for seen in fake.seen if seen.path.startswith("/foundry/")} == {"v1"}
    assert not fake.lines("(?i)getConnectionWithCredentials")


def test_a_collection_becomes_kinds_that_know_their_project(fake: Fake, collect: Collect) -> None:
    foundry(fake)
    base = "/foundry/contoso-ai/api/projects/agents"
    tool = {"type": "mcp", "server_label": "orders", "project_connection_id": "orders", "server_url": "https://a.example/mcp"}
    definition = {"kind": "prompt", "tools": [tool]}
    fake.data[f"{base}/agents/helper/versions"] = [
        {"id": f"helper:{number}", "name": "helper", "version": number, "definition": definition} for number in ("1", "2")
    ]
    box = {"name": "box", "version": "1", "tools": [tool]}
    fake.data[f"{base}/toolboxes/box/versions"] = [box]
    estate = build(collect(graph=False).evidence, NOW)
    [agent], [toolbox] = estate.of(FoundryAgent), estate.of(Toolbox)
    assert known(agent.project) == known(toolbox.project) == f"{ACCOUNT}/projects/agents".lower()
    assert [version.version for version in agent.versions] == ["1", "2"]
    for owner, used in ((agent, agent.tools.items[0]), (toolbox, known(toolbox.default).tools.items[0])):
        url = known(endpoint_of(used, owner, estate))
        assert url is not None and url.host == "orders.example", "the connection counts"


def test_a_group_that_is_called_data() -> None:
    project = "/subscriptions/1/resourceGroups/data/providers/Microsoft.CognitiveServices/accounts/a/projects/p"
    assert _data_plane(project) == (project, "")
    assert _data_plane(f"{project}/data/agents/data") == (project, "agents/data")
    assert _project(f"{project}/data/agents/data") == ("a", "p")


def test_the_data_plane_is_read_in_pages(fake: Fake, collect: Collect) -> None:
    foundry(fake)
    fake.page = 3
    base = "/foundry/contoso-ai/api/projects/agents"
    fake.data[f"{base}/agents"] = [{"id": f"agent {n}/x", "name": f"agent-{n}"} for n in range(8)]
    snapshot = collect(graph=False)
    assert len(snapshot.ids("foundry/agents")) == 8
    assert snapshot.complete(f"{ACCOUNT}/projects/agents", "foundry/agents")
    assert len(fake.lines("/agents/agents$")) == 3


def test_a_cursor_that_stands_still_ends(fake: Fake, collect: Collect) -> None:
    foundry(fake)
    body = {"data": [{"id": "a", "name": "a"}], "last_id": "a", "has_more": True}
    fake.fail("GET /foundry/.*/agents$", status=200, body=body)
    assert "never end" in collect(graph=False).gap("agents of").detail


def test_the_data_plane_that_may_not_be_read_names_the_role(fake: Fake, collect: Collect) -> None:
    foundry(fake)
    fake.fail("GET /foundry/.*/agents$", status=403, code="PermissionDenied")
    gap = collect(graph=False).gap("agents of")
    assert "Foundry User" in gap.remedy and gap.scope.endswith("/projects/agents")


def test_a_project_name_leads_to_no_other_host(fake: Fake, collect: Collect) -> None:
    foundry(fake)
    evil = f"{ACCOUNT.replace('contoso-ai', 'evil.example#')}"
    fake.fail(
        "resourcegraph",
        status=200,
        body={"data": [{"id": evil, "type": "Microsoft.CognitiveServices/accounts"}]},
    )
    fake.fail("evil.example", status=200, body={"id": evil, "kind": "AIServices", "properties": {}, "value": []})
    collect(graph=False)
    assert all(line.startswith(("GET /arm/", "POST /arm/", "GET /foundry/")) for line in fake.lines())


def test_policy_definitions_that_concern_connections_are_kept(fake: Fake, collect: Collect) -> None:
    home = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions"
    rule = {"if": {"field": "Microsoft.CognitiveServices/accounts/connections/category", "equals": "RemoteTool"}}
    fake.add(service())
    fake.fail(
        "policyDefinitions$",
        status=200,
        body={
            "value": [
                {"id": f"{home}/tools", "name": "tools", "properties": {"policyRule": rule}},
                {"id": f"{home}/tags", "name": "tags", "properties": {"policyRule": {"if": {"field": "tags"}}}},
            ]
        },
    )
    assert collect(graph=False).ids("microsoft.authorization/policydefinitions") == [f"{home}/tools"]


def test_secrets_in_agents_tool_servers_and_authorization_servers_are_masked(fake: Fake, collect: Collect) -> None:
    secrets = [f"secret-number-{number}-{'x' * 20}" for number in range(5)]
    foundry(fake)
    tool = {
        "type": "mcp",
        "server_url": "https://orders.example/mcp",
        "authorization": secrets[0],
        "headers": {"x-api-key": secrets[1]},
    }
    definition = {
        "kind": "hosted",
        "tools": [tool],
        "environment_variables": {"ORDERS_API_KEY": secrets[2], "REGION": "westeurope"},
    }
    fake.data["/foundry/contoso-ai/api/projects/agents/agents/helper/versions"] = [
        {"name": "helper", "version": "1", "definition": definition}
    ]
    gateway = f"{GROUP}/providers/Microsoft.ApiManagement/aigateways/gw"
    headers = [{"name": "X-Anything", "values": [secrets[3]]}]
    fake.add(
        service(),
        {"id": gateway, "type": "Microsoft.ApiManagement/aigateways", "properties": {}},
        {"id": f"{gateway}/workspaces/w", "type": "Microsoft.ApiManagement/aigateways/workspaces", "properties": {}},
        {
            "id": f"{gateway}/workspaces/w/toolServers/t",
            "type": "Microsoft.ApiManagement/aigateways/workspaces/toolServers",
            "properties": {"endpoints": [{"id": "e", "credentials": {"type": "header", "headers": headers}}]},
        },
        named(SERVICE, "authorizationServers", "a", tokenBodyParameters=[{"name": "client_secret", "value": secrets[4]}]),
    )
    snapshot = collect(graph=False)
    assert [secret for secret in secrets if secret.encode() in snapshot.bytes] == []
    version = snapshot.body(f"{ACCOUNT}/projects/agents/data/agents/helper/versions/1")
    assert version["definition"]["environment_variables"]["REGION"] == "westeurope"
    assert version["definition"]["tools"][0]["authorization"].startswith("<masked>")


def test_what_a_service_says_of_a_failure_is_masked(fake: Fake, collect: Collect) -> None:
    fake.add(service())
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXZhbHVl"
    fake.fail("/backends$", status=418, body={"error": {"code": "Teapot", "message": f"bad token {token}"}})
    snapshot = collect(graph=False)
    assert "418 Teapot: bad token <masked>" in snapshot.gap("backends").detail
    assert token.encode() not in snapshot.bytes


def test_a_token_is_asked_for_once_for_each_service() -> None:
    import threading
    from types import SimpleNamespace

    from mcpguard.collect.client import _Shared

    asked = []

    class Slow:
        def get_token(self, *scopes: str, **options: object) -> object:
            asked.append((scopes, options))
            return SimpleNamespace(token="t", expires_on=4_000_000_000)

    shared = _Shared(Slow())
    threads = [threading.Thread(target=shared.get_token, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.get_token("b")
    shared.get_token("a", claims="{}")
    assert asked == [(("a",), {}), (("b",), {}), (("a",), {"claims": "{}"})]

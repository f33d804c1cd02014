"""Foundry's answers, manifests and templates into kinds. Inputs are in the shapes of ARM, the data plane and azd."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcpguard import sources
from mcpguard.core.facts import Known, Unknown, known, value_or_none
from mcpguard.evidence import Complete
from mcpguard.model.estate import Estate
from mcpguard.model.foundry_view import connection_of, endpoint_of
from mcpguard.model.kinds.foundry import (
    FoundryAccount,
    FoundryAgent,
    FoundryConnection,
    FoundryProject,
    GatewayLink,
    PolicyGroup,
    Toolbox,
    ToolPolicy,
    account_key,
    project_key,
)
from mcpguard.normalize import build
from mcpguard.normalize.foundry_agents import home_of
from tests.normalize.test_estate import NOW
from tests.normalize.test_gateway_credentials import TEMPLATE

RG = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
ACCOUNT = f"{RG}/providers/Microsoft.CognitiveServices/accounts/contoso-ai"
PROJECT = f"{ACCOUNT}/projects/orders"
TYPE = "Microsoft.CognitiveServices/accounts"
SERVICE = f"{RG}/providers/Microsoft.ApiManagement/service/contoso-apim"
KEY = "Qw3eRt5yUi7oPa9sDf1gHj2k"


def arm(id: str, type: str, /, *, envelope: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {"id": id, "name": id.rpartition("/")[2], "type": type, "properties": properties} | (envelope or {})


def account(**properties: Any) -> dict[str, Any]:
    return arm(ACCOUNT, TYPE, envelope={"kind": "AIServices", "identity": {"type": "SystemAssigned"}}, **properties)


def connection(name: str, home: str = PROJECT, **properties: Any) -> dict[str, Any]:
    type_ = f"{TYPE}/projects/connections" if "/projects/" in home else f"{TYPE}/connections"
    wanted = {"category": "RemoteTool", "authType": "None", "target": f"https://{name}.example/mcp", "isSharedToAll": False}
    return arm(f"{home}/connections/{name}", type_, **(wanted | properties))


def estate(folder: Path, **files: Any) -> Estate:
    """The estate of some files; ``__`` in a name is a slash, ``_yaml`` and ``_json`` the ending."""
    for name, content in files.items():
        stem, _, ending = name.replace("__", "/").rpartition("_")
        path = folder / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return build(sources.read([folder]), NOW)


def agent_of(*tools: dict[str, Any], **definition: Any) -> dict[str, Any]:
    body = {"kind": "prompt", "model": "gpt-5", "tools": list(tools)} | definition
    latest = {"object": "agent.version", "id": "helper:2", "name": "helper", "version": "2", "definition": body}
    return {
        "object": "list",
        "data": [{"object": "agent", "id": "helper", "name": "helper", "state": "enabled", "versions": {"latest": latest}}],
        "has_more": False,
    }


def mcp(**members: Any) -> dict[str, Any]:
    return {"type": "mcp", "server_label": "tickets"} | members


# -- control plane -----------------------------------------------------------------------------------------------------


def test_defaults_of_an_account(tmp_path: Path) -> None:
    [found] = estate(tmp_path, a_json=account()).of(FoundryAccount)
    for fact, wanted in (
        (found.local_auth_disabled, False),
        (found.public_network_access, "Enabled"),
        (found.default_action, "Allow"),
        (found.networks, ()),
        (found.outbound_restricted, False),
        (found.manages_projects, False),
    ):
        assert isinstance(fact, Known) and fact.value == wanted and fact.defaulted
    assert found.sub_domain == "contoso-ai" and isinstance(found.defender, Unknown)


def test_an_account_as_configured(tmp_path: Path) -> None:
    injection = {"scenario": "agent", "subnetArmId": "/subnets/a", "useMicrosoftManagedNetwork": False}
    body = account(
        customSubDomainName="Contoso-X",
        disableLocalAuth=True,
        publicNetworkAccess="Disabled",
        networkAcls={"defaultAction": "Deny"},
        networkInjections=[injection],
        allowedFqdnList=["a.example"],
        allowProjectManagement=True,
    )
    defender = arm(f"{ACCOUNT}/defenderForAISettings/default", f"{TYPE}/defenderForAISettings", state="Enabled")
    [found] = estate(tmp_path, a_json=body, d_json=defender).of(FoundryAccount)
    assert (found.sub_domain, known(found.local_auth_disabled), known(found.default_action)) == ("contoso-x", True, "Deny")
    [network] = known(found.networks)
    assert (network.scenario, network.subnet, known(network.managed)) == ("agent", "/subnets/a", False)
    assert known(found.defender) == "enabled" and known(found.allowed_hosts) == ("a.example",)


def test_an_account_without_properties_says_nothing(tmp_path: Path) -> None:
    bare = {key: value for key, value in account().items() if key != "properties"}
    [found] = estate(tmp_path, a_json=bare).of(FoundryAccount)
    assert isinstance(found.local_auth_disabled, Unknown) and isinstance(found.public_network_access, Unknown)
    assert isinstance(found.networks, Unknown)


def test_other_cognitive_services_are_no_foundry(tmp_path: Path) -> None:
    assert estate(tmp_path, a_json=account() | {"kind": "OpenAI"}).of(FoundryAccount) == ()


def test_connections_at_both_levels_and_of_hubs(tmp_path: Path) -> None:
    hub = f"{RG}/providers/Microsoft.MachineLearningServices/workspaces/hub"
    classic = arm(f"{hub}/connections/old", "Microsoft.MachineLearningServices/workspaces/connections", category="CustomKeys")
    found = estate(
        tmp_path,
        p_json=arm(PROJECT, f"{TYPE}/projects"),
        c_json={"value": [connection("a"), connection("b", ACCOUNT, isSharedToAll=True, authType="CustomKeys")]},
        h_json=classic,
    )
    at = {c.name: c for c in found.of(FoundryConnection)}
    assert {name: c.level for name, c in at.items()} == {"a": "project", "b": "account", "old": "workspace"}
    assert at["a"].is_remote_tool and known(at["b"].shared_to_all) and not at["old"].is_remote_tool
    assert isinstance(at["old"].target, Known) and at["old"].target.value is None
    assert [c.name for c in found.under(PROJECT.lower(), FoundryConnection)] == ["a"]
    [project] = found.of(FoundryProject)
    assert project.account == ACCOUNT.lower()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("UserEntraToken", "UserEntraToken"),
        ("AgenticIdentityToken_Preview", "AgenticIdentityToken"),
        ("agentic-identity", "AgenticIdentityToken"),
        ("SomethingOf2027", "SomethingOf2027"),
    ],
)
def test_authentication_types_are_folded_and_new_ones_kept(tmp_path: Path, written: str, read: str) -> None:
    [found] = estate(tmp_path, c_json=connection("a", authType=written, category="remotetool_Preview")).of(FoundryConnection)
    assert known(found.auth_type) == read and found.is_remote_tool


def test_what_a_connection_does_not_say_is_unknown(tmp_path: Path) -> None:
    body = arm(f"{PROJECT}/connections/a", f"{TYPE}/projects/connections", target="https://x.example")
    [found] = estate(tmp_path, c_json=body).of(FoundryConnection)
    assert isinstance(found.auth_type, Unknown) and isinstance(found.category, Unknown) and isinstance(found.created, Unknown)


def test_labels_of_tool_connections(tmp_path: Path) -> None:
    labels = arm(
        f"{ACCOUNT}/raiToolLabels/a",
        f"{TYPE}/raiToolLabels",
        toolConnectionName="a",
        accountScope={"labelValues": {"confidentiality": "high", "kind": "x"}},
        projectScopes=[{"project": PROJECT, "labelValues": {"confidentiality": "low"}}],
    )
    [found] = estate(tmp_path, c_json=connection("a"), l_json=labels).of(FoundryConnection)
    assert found.labels == {"confidentiality": "low", "kind": "x"}


def test_credentials_in_a_template_are_masked_and_counted(tmp_path: Path) -> None:
    body = connection("a", authType="CustomKeys", credentials={"keys": {"x-api-key": KEY, "other": "[parameters('k')]"}})
    resource = {
        "type": body["type"],
        "apiVersion": "2025-06-01",
        "name": "contoso-ai/orders/a",
        "properties": body["properties"],
    }
    template = TEMPLATE | {"parameters": {"k": {"type": "securestring"}}, "resources": [resource]}
    [found] = estate(tmp_path, t_json=template).of(FoundryConnection)
    assert [(secret.name, secret.masked) for secret in found.credentials] == [("x-api-key", True), ("other", False)]
    assert KEY not in repr(found)


def test_answers_of_arm_hold_no_credentials(tmp_path: Path) -> None:
    [found] = estate(tmp_path, c_json=connection("a", credentials={"keys": {"x-api-key": None}})).of(FoundryConnection)
    assert [(secret.masked, known(secret.value)) for secret in found.credentials] == [(False, None)]


def test_links(tmp_path: Path) -> None:
    def link(source: str, name: str, target: str) -> dict[str, Any]:
        id_ = f"{source}/providers/Microsoft.Resources/links/{name}"
        return arm(id_, "Microsoft.Resources/links", sourceId=source, targetId=target)

    found = estate(tmp_path, l_json=[link(ACCOUNT, "a", SERVICE), link(PROJECT, "b", f"{SERVICE}/products/P")])
    assert {item.source: known(item.target) for item in found.of(GatewayLink)} == {
        ACCOUNT.lower(): SERVICE.lower(),
        PROJECT.lower(): f"{SERVICE}/products/p".lower(),
    }


def test_policy_definitions(tmp_path: Path) -> None:
    home = "/subscriptions/0/providers/Microsoft.Authorization/policyDefinitions"
    rule = {
        "if": {
            "allOf": [
                {"field": "type", "equals": "Microsoft.CognitiveServices/accounts/projects/connections"},
                {"not": {"field": "Microsoft.CognitiveServices/accounts/connections/target", "in": "[parameters('allowed')]"}},
            ]
        },
        "then": {"effect": "[parameters('effect')]"},
    }
    parameters = {"allowed": {"type": "Array"}, "effect": {"type": "String", "defaultValue": "Deny"}}
    other = arm(
        f"{home}/tags", "Microsoft.Authorization/policyDefinitions", policyRule={"if": {"field": "tags", "exists": True}}
    )
    body = arm(f"{home}/x", "Microsoft.Authorization/policyDefinitions", policyRule=rule, parameters=parameters)
    [found] = estate(tmp_path, p_json=[body, other]).of(ToolPolicy)
    assert known(found.effect) == "deny"
    tree = known(found.rule)
    assert isinstance(tree, PolicyGroup) and tree.operator == "allof"
    first, second = tree.parts
    assert not isinstance(first, PolicyGroup) and (first.field, first.operator) == ("type", "equals")
    assert known(first.values) == ("microsoft.cognitiveservices/accounts/projects/connections",)
    assert isinstance(second, PolicyGroup) and second.operator == "not"
    [inner] = second.parts
    assert not isinstance(inner, PolicyGroup) and isinstance(inner.values, Unknown)


# -- tools -------------------------------------------------------------------------------------------------------------


def test_absent_approval_is_always(tmp_path: Path) -> None:
    [agent] = estate(tmp_path, orders__agents_json=agent_of(mcp(server_url="https://x.example/mcp"))).of(FoundryAgent)
    [tool] = agent.tools.items
    approval = known(tool.approval)
    assert not approval.is_set and known(approval.asks("any")) is True
    assert agent.tools.missing is None and known(tool.allowed) is None


@pytest.mark.parametrize(
    ("written", "tool", "hint", "asked"),
    [
        ("always", "t", None, True),
        ("never", "t", None, False),
        ({"never": ["t"]}, "t", None, False),
        ({"never": ["t"]}, "other", None, None),
        ({"always": ["t"]}, "t", None, True),
        ({"always": {"tool_names": ["a"]}, "never": {"tool_names": ["t"]}}, "t", None, False),
        ({"always": {"tool_names": ["t"]}, "never": {"read_only": True}}, "t", True, True),
        ({"never": {"read_only": True}}, "t", True, False),
        ({"never": {"read_only": True}}, "t", False, None),
        ({"never": {"read_only": True}}, "t", None, None),
        ({}, "t", None, None),
    ],
)
def test_approval_of_each_tool(tmp_path: Path, written: Any, tool: str, hint: bool | None, asked: bool | None) -> None:
    [agent] = estate(tmp_path, o__agents_json=agent_of(mcp(require_approval=written))).of(FoundryAgent)
    assert value_or_none(known(agent.tools.items[0].approval).asks(tool, hint)) is asked


@pytest.mark.parametrize(
    "written", ["sometimes", 7, {"never": 1}, {"always": {"tool_names": "x"}}, {"never": {"read_only": "yes"}}]
)
def test_approval_of_no_known_shape_is_unknown(tmp_path: Path, written: Any) -> None:
    [agent] = estate(tmp_path, o__agents_json=agent_of(mcp(require_approval=written))).of(FoundryAgent)
    assert isinstance(agent.tools.items[0].approval, Unknown)


def test_allowed_tools_as_a_list_and_as_a_filter(tmp_path: Path) -> None:
    tools = [mcp(allowed_tools=["a"]), mcp(allowed_tools={"tool_names": ["b"], "read_only": True}), mcp(allowed_tools={})]
    [agent] = estate(tmp_path, o__agents_json=agent_of(*tools)).of(FoundryAgent)
    filters = [known(tool.allowed) for tool in agent.tools.items]
    assert [(f.names, f.read_only) if f else None for f in filters] == [
        (frozenset({"a"}), None),
        (frozenset({"b"}), True),
        (frozenset(), None),
    ]


def test_what_a_caller_fills_in(tmp_path: Path) -> None:
    tool = mcp(server_url="https://{{host}}/mcp", headers={"x-a": "{{ key }}", "x-b": "${{connections.c.credentials.key}}"})
    [agent] = estate(tmp_path, o__agents_json=agent_of(tool, structured_inputs={"host": {}})).of(FoundryAgent)
    assert [name for name, _ in agent.tools.items[0].templated] == ["host", "key"]
    assert agent.latest.inputs == {"host"}


def test_literal_credentials_of_tools(tmp_path: Path) -> None:
    tool = mcp(authorization=KEY, headers={"x-api-key": KEY, "Authorization": f"Bearer {KEY}", "x-region": "west"})
    [agent] = estate(tmp_path, o__agents_json=agent_of(tool)).of(FoundryAgent)
    [found] = agent.tools.items
    assert found.authorization is not None and KEY not in repr(agent)
    assert [(header.name, header.masked) for header in found.headers] == [
        ("x-api-key", True),
        ("Authorization", True),
        ("x-region", False),
    ]


def test_other_tools(tmp_path: Path) -> None:
    tools = [
        {"type": "openapi", "openapi": {"name": "weather"}},
        {"type": "a2a_preview", "base_url": "https://a.example", "send_credentials_for_agent_card": True},
        {"type": "mcp", "server_label": "mail", "connector_id": "connector_gmail"},
        {"type": "browser_automation_preview", "browser_automation_preview": {"connection": {"project_connection_id": "b"}}},
        7,
    ]
    [agent] = estate(tmp_path, o__agents_json=agent_of(*tools)).of(FoundryAgent)  # type: ignore[arg-type]
    openapi, a2a, mail, browser = agent.tools.items
    assert (openapi.type, openapi.label) == ("openapi", "weather") and agent.tools.missing is not None
    assert a2a.type == "a2a" and known(a2a.card_credentials) is True
    assert mail.connector == "connector_gmail" and known(browser.connection) == "b"


# -- agents and toolboxes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hosted", "external", "workflow", "containerAgent"])
def test_tools_in_code_cannot_be_seen(tmp_path: Path, kind: str) -> None:
    [agent] = estate(tmp_path, o__agents_json=agent_of(kind=kind)).of(FoundryAgent)
    assert agent.tools.items == () and agent.tools.missing is not None


def test_versions_of_an_agent(tmp_path: Path) -> None:
    version = {"object": "agent.version", "name": "helper", "definition": {"kind": "prompt", "tools": []}}
    listed = {"object": "list", "data": [version | {"version": n} for n in ("9", "10", "2")], "has_more": False}
    [agent] = estate(tmp_path, o__agents_json=agent_of(mcp()), o__versions_json=listed).of(FoundryAgent)
    assert [v.version for v in agent.versions] == ["9", "10", "2"] and agent.latest.version == "2"
    assert known(agent.state) == "enabled" and known(agent.client_id) == ""
    (tmp_path / "o/agents.json").unlink()
    [agent] = estate(tmp_path).of(FoundryAgent)
    assert agent.latest.version == "10" and isinstance(agent.state, Unknown)


def test_a_latest_version_that_was_not_read_is_unknown(tmp_path: Path) -> None:
    listed = agent_of()
    listed["data"][0]["versions"]["latest"] = {"version": "3"}
    [agent] = estate(tmp_path, o__agents_json=listed).of(FoundryAgent)
    assert agent.latest.version == "3" and agent.tools.missing is not None


def test_toolboxes_serve_their_default_version(tmp_path: Path) -> None:
    latest = {"id": "desk:3", "name": "desk", "version": "3", "tools": [mcp(require_approval="never")], "metadata": {}}
    older = {"object": "toolbox.version", "name": "desk", "version": "2", "tools": [], "policies": {"rai_config": {"x": "y"}}}
    toolbox = {"id": "desk", "name": "desk", "default_version": "2", "versions": {"latest": latest}}
    [found] = estate(tmp_path, o__t_json=toolbox, o__v_json=older).of(Toolbox)
    serving = known(found.default)
    assert (serving.version, serving.tools.items, known(serving.guardrail)) == ("2", (), True)
    assert [v.version for v in found.versions] == ["3", "2"]
    (tmp_path / "o/v.json").unlink()
    [found] = estate(tmp_path).of(Toolbox)
    assert isinstance(found.default, Unknown)


AZURE_YAML = """
services:
  tickets:
    host: azure.ai.connection
    category: RemoteTool_Preview
    target: https://tickets.example/mcp
    authType: custom-keys
    credentials:
      x-api-key: ${KEY}
  desk:
    host: azure.ai.toolbox
    connections: [{name: tickets}]
    policies: [{type: rai_policy, raiPolicyName: strict}]
    tools:
      - type: mcp
        server_label: docs
        server_url: ${DOCS_URL}
  helper:
    host: azure.ai.agent
    kind: hosted
    environmentVariables:
      - {name: TOOLBOX_NAME, value: desk}
"""


def test_what_azd_declares(tmp_path: Path) -> None:
    found = estate(tmp_path, azure_yaml=AZURE_YAML)
    [connection_] = found.of(FoundryConnection)
    assert connection_.is_declared and known(connection_.auth_type) == "CustomKeys"
    assert [(s.name, s.masked, isinstance(s.value, Unknown)) for s in connection_.credentials] == [("x-api-key", False, True)]
    [toolbox] = found.of(Toolbox)
    serving = known(toolbox.default)
    docs, tickets = serving.tools.items
    assert isinstance(docs.url, Unknown) and known(serving.guardrail) is True
    assert known(connection_of(tickets, toolbox, found)) is connection_
    [agent] = found.of(FoundryAgent)
    assert agent.latest.toolboxes == ("desk",) and known(agent.latest.definition) == "hosted"


# -- connections of tools, and projects of folders ---------------------------------------------------------------------


def tool_in(found: Estate) -> tuple[Any, FoundryAgent]:
    [agent] = found.of(FoundryAgent)
    return agent.tools.items[0], agent


def test_a_connection_counts_before_the_address(tmp_path: Path) -> None:
    files = {
        "p_json": arm(PROJECT, f"{TYPE}/projects"),
        "c_json": [connection("tickets", target="https://b.example/mcp"), connection("tickets", ACCOUNT)],
    }
    tool = mcp(server_url="https://a.example/mcp", project_connection_id="Tickets")
    found = estate(tmp_path, orders__agents_json=agent_of(tool), **files)
    endpoint = known(endpoint_of(*tool_in(found), found))
    assert endpoint is not None and endpoint.host == "b.example"


def test_a_connection_of_the_account_is_found_by_name_and_by_id(tmp_path: Path) -> None:
    shared = connection("shared", ACCOUNT)
    project = arm(PROJECT, f"{TYPE}/projects")
    for reference in ("shared", shared["id"], shared["id"].upper()):
        tool = mcp(project_connection_id=reference)
        found = estate(tmp_path, orders__agents_json=agent_of(tool), c_json=shared, p_json=project)
        at = known(connection_of(*tool_in(found), found))
        assert at is not None and at.level == "account"


def test_a_connection_that_was_not_read_is_unknown(tmp_path: Path) -> None:
    found = estate(tmp_path, orders__agents_json=agent_of(mcp(project_connection_id="x", server_url="https://a.example")))
    assert isinstance(endpoint_of(*tool_in(found), found), Unknown)


def project_of(found: Estate) -> Any:
    [agent] = found.of(FoundryAgent)
    return agent.project


def test_a_folder_is_joined_to_the_project_that_is_named_exactly(tmp_path: Path) -> None:
    projects = {"value": [arm(PROJECT, f"{TYPE}/projects"), arm(f"{ACCOUNT}/projects/sales", f"{TYPE}/projects")]}
    found = estate(tmp_path, x__agents_json=agent_of(mcp()), p_json=projects, a_json=account())
    assert isinstance(project_of(found), Unknown)
    found = estate(tmp_path, x__agents_json=agent_of(mcp(project_connection_id=f"{PROJECT}/connections/c")))
    assert known(project_of(found)) == PROJECT.lower()
    address = "https://contoso-ai.services.ai.azure.com/api/projects/sales/toolboxes/desk/mcp?api-version=v1"
    found = estate(tmp_path, x__agents_json=agent_of(mcp(server_url=address)))
    assert known(project_of(found)) == f"{ACCOUNT}/projects/sales".lower()
    both = agent_of(mcp(server_url=address), mcp(project_connection_id=f"{PROJECT}/connections/c"))
    found = estate(tmp_path, x__agents_json=both)
    assert isinstance(project_of(found), Unknown) and "several" in project_of(found).missing


def test_a_folder_that_is_called_like_one_project_alone(tmp_path: Path) -> None:
    other = f"{RG}/providers/Microsoft.CognitiveServices/accounts/other/projects/orders"
    found = estate(tmp_path, orders__agents_json=agent_of(mcp()), p_json=arm(PROJECT, f"{TYPE}/projects"))
    assert known(project_of(found)) == PROJECT.lower()
    found = estate(tmp_path, q_json=arm(other, f"{TYPE}/projects"))
    assert isinstance(project_of(found), Unknown)


def test_what_collect_wrote_names_its_project() -> None:
    from mcpguard.core.location import Location
    from mcpguard.evidence import Evidence, RawResource

    body = agent_of(mcp(project_connection_id="tickets"))["data"][0]
    resources = (
        RawResource(f"{PROJECT}/data/agents/helper", "foundry/agents", body, Location("a"), "foundry"),
        RawResource(
            f"{PROJECT}/connections/tickets",
            f"{TYPE}/projects/connections".lower(),
            connection("tickets"),
            Location("c"),
            "arm-json",
        ),
    )
    claims = frozenset({Complete(PROJECT.lower(), "foundry/agents")})
    found = build(Evidence(resources, (), claims, (), {}, (), ""), NOW)
    assert known(project_of(found)) == PROJECT.lower()
    assert known(connection_of(*tool_in(found), found)) is not None


@pytest.mark.parametrize("group", ["data", "projects", "connections", "accounts"])
def test_groups_that_are_called_like_parts_of_ids(group: str) -> None:
    project = f"/subscriptions/0/resourcegroups/{group}/providers/microsoft.cognitiveservices/accounts/a/projects/p"
    for key in (project, f"{project}/data/agents/data/versions/1", f"{project}/connections/x"):
        assert project_key(key) == project and account_key(key) == project.removesuffix("/projects/p")
        assert home_of(key) == project

"""Foundry: what ARM and the data plane answer, azure.yaml and agent manifests."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.evidence import ArtifactStatus, GapReason, Unresolved
from mcpguard.evidence.foundry_words import fold, fold_auth_type
from mcpguard.evidence.redaction import is_masked
from tests.sources.conftest import RG, Scan

Scanner = Callable[..., Scan]
KEY = "Qw3eRt5yUi7oPa9sDf1g"
ACCOUNT = f"{RG}/providers/Microsoft.CognitiveServices/accounts/contoso-foundry"
PROJECT = f"{ACCOUNT}/projects/orders"


def arm(below: str, type: str, **properties: Any) -> dict[str, Any]:
    return {"id": below, "name": below.rpartition("/")[2], "type": type, "properties": properties}


def test_resources_of_arm(scan: Scanner) -> None:
    family = "Microsoft.CognitiveServices/accounts"
    found = scan(
        {
            "accounts.json": [arm(ACCOUNT, family, allowProjectManagement=True, disableLocalAuth=False)],
            "projects.json": {"value": [arm(PROJECT, f"{family}/projects", displayName="Orders")]},
            "connections.json": {
                "value": [
                    arm(
                        f"{PROJECT}/connections/tickets",
                        f"{family}/projects/connections",
                        category="RemoteTool",
                        authType="CustomKeys",
                        target="https://mcp.contoso.example/tickets",
                        credentials={"keys": {"x-api-key": KEY}},
                    )
                ]
            },
            "labels.json": arm(f"{ACCOUNT}/raiToolLabels/tickets", f"{family}/raiToolLabels", toolConnectionName="tickets"),
            "links.json": arm(
                f"{PROJECT}/providers/Microsoft.Resources/links/l1", "Microsoft.Resources/links", targetId="/subscriptions/1/x"
            ),
        }
    )
    assert sorted(resource.type for resource in found.evidence.resources) == [
        "microsoft.cognitiveservices/accounts",
        "microsoft.cognitiveservices/accounts/projects",
        "microsoft.cognitiveservices/accounts/projects/connections",
        "microsoft.cognitiveservices/accounts/raitoollabels",
        "microsoft.resources/links",
    ]
    assert KEY not in repr(found.evidence.resources)
    assert (PROJECT.lower(), "microsoft.cognitiveservices/accounts/projects/connections") in found.complete


def test_connections_of_the_data_plane(scan: Scanner) -> None:
    connection = {
        "name": "tickets",
        "id": f"{PROJECT}/connections/tickets",
        "type": "RemoteTool_Preview",
        "target": "https://mcp.contoso.example/tickets",
        "isDefault": False,
        "credentials": {"type": "AgenticIdentityToken_Preview"},
        "metadata": {"type": "custom_MCP"},
    }
    found = scan({"connections.json": {"value": [connection]}})
    raw = found.only()
    assert (raw.id, raw.type) == (f"{PROJECT}/connections/tickets", "microsoft.cognitiveservices/accounts/projects/connections")
    properties = raw.body["properties"]
    assert (properties["category"], properties["authType"]) == ("RemoteTool", "AgenticIdentityToken")
    assert properties["target"] == connection["target"]
    assert found.start(raw.origin.child("properties", "category")) == (6, 15)
    assert found.evidence.gaps == ()


def test_a_connection_without_an_arm_id(scan: Scanner) -> None:
    connection = {"name": "k", "id": "c1", "type": "CustomKeys", "target": "x", "credentials": {"type": "CustomKeys", "k": KEY}}
    raw = scan({"orders/connection.json": connection}).only()
    assert (raw.id, raw.type) == ("/foundry/orders/connections/k", "foundry/connections")
    assert is_masked(raw.body["properties"]["credentials"]["k"])


TOOL = {
    "type": "mcp",
    "server_label": "tickets",
    "server_url": "https://mcp.contoso.example/tickets",
    "authorization": KEY,
    "headers": {"x-api-key": f"{KEY}1", "x-tenant": "{{tenant}}"},
    "require_approval": "never",
}
VERSION = {
    "object": "agent.version",
    "id": "helper:3",
    "name": "helper",
    "version": "3",
    "metadata": {"owner": "orders"},
    "definition": {"kind": "prompt", "model": "gpt", "tools": [TOOL]},
}


def test_agents_and_toolboxes(scan: Scanner) -> None:
    agent = {"object": "agent", "id": "helper", "name": "helper", "versions": {"latest": VERSION}}
    hosted = {
        "name": "runner",
        "version": "1",
        "definition": {"kind": "hosted", "environment_variables": {"API_KEY": f"{KEY}2"}},
    }
    toolbox = {"id": "t", "name": "desk", "default_version": "2"}
    toolbox_version = {"id": "t:2", "name": "desk", "version": "2", "tools": [TOOL]}
    found = scan(
        {
            "orders/agents.json": {"object": "list", "data": [agent], "has_more": False},
            "orders/versions.json": {"object": "list", "data": [VERSION, hosted], "has_more": False},
            "orders/toolbox.json": toolbox,
            "orders/toolbox-2.json": toolbox_version,
        }
    )
    assert [(resource.id, resource.type) for resource in found.evidence.resources] == [
        ("/foundry/orders/agents/helper", "foundry/agents"),
        ("/foundry/orders/agents/helper/versions/3", "foundry/agents/versions"),
        ("/foundry/orders/agents/runner/versions/1", "foundry/agents/versions"),
        ("/foundry/orders/toolboxes/desk", "foundry/toolboxes"),
        ("/foundry/orders/toolboxes/desk/versions/2", "foundry/toolboxes/versions"),
    ]
    assert {artifact.kind for artifact in found.evidence.artifacts} == {"foundry"}
    assert KEY not in repr(found.evidence.resources)
    tool = found.resource("/foundry/orders/agents/helper/versions/3").body["definition"]["tools"][0]
    assert is_masked(tool["authorization"]) and is_masked(tool["headers"]["x-api-key"])
    assert tool["headers"]["x-tenant"] == "{{tenant}}" and tool["require_approval"] == "never"


def test_the_first_page_of_a_list_is_a_gap(scan: Scanner) -> None:
    found = scan({"agents.json": {"object": "list", "data": [VERSION, 7], "has_more": True}})
    assert [(gap.reason, gap.kinds) for gap in found.evidence.gaps] == [(GapReason.INCOMPLETE_PAGE, {"foundry-agent"})]
    assert found.artifact("agents.json").status is ArtifactStatus.PARTIAL


AZURE_YAML = f"""name: orders-agents
services:
  web:
    host: containerapp
    project: ./web
  ai-project:
    host: azure.ai.project
  tickets-conn:
    host: azure.ai.connection
    uses: [ai-project]
    category: RemoteTool_Preview
    target: ${{TICKETS_URL}}
    authType: agentic-identity
    audience: api://tickets
    credentials:
      x-api-key: {KEY}
      other: ${{TICKETS_KEY}}
  desk:
    host: azure.ai.toolbox
    tools:
      - type: mcp
        server_label: tickets
        project_connection_id: tickets-conn
        require_approval: never
  helper:
    host: azure.ai.agent
    $ref: ./agents/helper.yaml
    env:
      API_KEY: {KEY}1
      REGION: westeurope
    config:
      toolboxes:
        - name: older
          tools: [{{type: mcp, server_label: x, server_url: "https://x.example/mcp"}}]
"""


def test_azure_yaml(scan: Scanner) -> None:
    found = scan({"azure.yaml": AZURE_YAML})
    assert [(resource.id.removeprefix("/foundry/project/"), resource.type) for resource in found.evidence.resources] == [
        ("agents/helper", "foundry/agents"),
        ("connections/tickets-conn", "foundry/connections"),
        ("projects/ai-project", "foundry/projects"),
        ("toolboxes/desk", "foundry/toolboxes"),
        ("toolboxes/older", "foundry/toolboxes"),
        ("file:azure.yaml#web", "file/azd-service"),
    ]
    raw = found.resource("/foundry/project/connections/tickets-conn")
    properties = raw.body["properties"]
    assert (properties["category"], properties["authType"]) == ("RemoteTool", "AgenticIdentityToken")
    assert properties["target"] == Unresolved("${TICKETS_URL}")
    assert is_masked(properties["credentials"]["x-api-key"])
    assert found.start(raw.origin.child("properties", "authType")) == (13, 15)
    helper = found.resource("/foundry/project/agents/helper").body
    assert is_masked(helper["env"]["API_KEY"]) and helper["env"]["REGION"] == "westeurope"
    assert KEY not in repr(found.evidence.resources)
    assert {KEY, f"{KEY}1"} <= found.evidence.texts["azure.yaml"].secrets
    [gap] = found.evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == (
        "/foundry/project/agents/helper",
        {"foundry-agent"},
        GapReason.NOT_COLLECTED,
    )


MANIFEST = f"""template:
  kind: hosted
  name: helper
  environment_variables:
    - name: TOOLBOX_TOKEN
      value: {KEY}
parameters:
  ticket_key:
    secret: true
    default: {KEY}1
resources:
  - kind: model
    name: chat
    id: gpt
  - kind: toolbox
    name: desk
    tools:
      - id: tool-1
  - kind: connection
    name: tickets
    category: RemoteTool
    target: https://mcp.contoso.example/tickets
    authType: CustomKeys
    credentials: {{keys: {{x-api-key: {KEY}2}}}}
"""


def test_secrets_as_yaml_spells_them(scan: Scanner) -> None:
    lines = ["MIIEpAIBAAKCAQEA0Zq", "xyz7Rk3LmN8pQ2sT5vW"]
    block = "\n".join(f"        {line}" for line in lines)
    text = (
        f"services:\n  c:\n    host: azure.ai.connection\n    credentials:\n      key: |\n{block}\n      other: 'it''s {KEY}'\n"
    )
    kept = scan({"azure.yaml": text}).evidence.texts["azure.yaml"].secrets
    assert {*lines, f"it''s {KEY}"} <= kept


def test_agent_manifests(scan: Scanner) -> None:
    found = scan({"agents/agent.manifest.yaml": MANIFEST})
    assert [resource.id for resource in found.evidence.resources] == [
        "/foundry/agents/agents/helper",
        "/foundry/agents/connections/tickets",
        "/foundry/agents/toolboxes/desk",
    ]
    assert KEY not in repr(found.evidence.resources)
    assert {KEY, f"{KEY}1", f"{KEY}2"} <= found.evidence.texts["agents/agent.manifest.yaml"].secrets


@pytest.mark.parametrize(
    ("name", "text", "id"),
    [
        ("src/agent.yaml", "kind: hosted\nname: helper\nprotocols: [{protocol: responses}]\n", "/foundry/src/agents/helper"),
        (
            "desk.yaml",
            "description: tools\ntools:\n  - type: mcp\n    server_label: x\n    server_url: https://x.example/mcp\n",
            "/foundry/project/toolboxes/desk",
        ),
    ],
)
def test_files_of_one_agent_or_toolbox(scan: Scanner, name: str, text: str, id: str) -> None:
    assert scan({name: text}).only().id == id


@pytest.mark.parametrize(
    "text",
    [
        "kind: prompt\n",
        "kind: connection\nname: x\n",
        "services:\n  a:\n    host: azure.ai.unknown\n",
        "services: [1]\nkind: toolbox\n",
        "tools: [{type: function}]\nserver_label: x\n",
    ],
)
def test_other_yaml_is_left_alone(scan: Scanner, text: str) -> None:
    found = scan({"a.json": json.dumps({"mcpServers": {}}), "x.yaml": text})
    assert found.artifact("x.yaml").status is ArtifactStatus.SKIPPED


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("RemoteTool_Preview", "RemoteTool"),
        ("RemoteTool", "RemoteTool"),
        ("a2a_preview", "a2a"),
    ],
)
def test_fold(word: str, folded: str) -> None:
    assert fold(word) == folded


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("user-entra-token", "UserEntraToken"),
        ("project-managed-identity", "ProjectManagedIdentity"),
        ("AgenticIdentity", "AgenticIdentityToken"),
        ("AgenticIdentityToken_Preview", "AgenticIdentityToken"),
        ("oauth2", "OAuth2"),
        ("none", "None"),
        ("SAS", "SAS"),
    ],
)
def test_fold_auth_type(word: str, folded: str) -> None:
    assert fold_auth_type(word) == folded


RULE = {
    "if": {"field": "Microsoft.CognitiveServices/accounts/connections/authType", "equals": "ApiKey"},
    "then": {"effect": "deny"},
}


@pytest.mark.parametrize(
    "body",
    [
        {"properties": {"displayName": "No keys", "policyRule": RULE}},
        {"displayName": "No keys", "mode": "All", "policyRule": RULE},
    ],
)
def test_policy_definitions_in_files_of_their_own(scan: Scanner, body: dict[str, Any]) -> None:
    found = scan({"policies/no-keys.json": body})
    raw = found.only()
    assert (raw.type, raw.body["name"]) == ("microsoft.authorization/policydefinitions", "no-keys")
    assert raw.body["properties"]["displayName"] == "No keys"
    line, _ = found.start(raw.origin.child("properties", "policyRule", "if"))
    assert line > 1


def test_other_policy_definitions_are_left_alone(scan: Scanner) -> None:
    found = scan({"a.json": {"mcpServers": {}}, "tags.json": {"properties": {"policyRule": {"if": {"field": "tags"}}}}})
    assert found.artifact("tags.json").status is ArtifactStatus.SKIPPED


def test_policy_definitions_as_az_prints_them(scan: Scanner) -> None:
    id_ = "/subscriptions/0/providers/Microsoft.Authorization/policyDefinitions/no-keys"
    flat = {
        "id": id_,
        "name": "no-keys",
        "type": "Microsoft.Authorization/policyDefinitions",
        "policyType": "Custom",
        "policyRule": RULE,
    }
    raw = scan({"policy.json": flat}).only()
    assert raw.id == id_ and raw.body["properties"]["policyRule"] == RULE

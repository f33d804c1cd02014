"""Foundry in Terraform: what azurerm and azapi declare becomes the same kinds as Azure's answers."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Unknown, known
from mcpguard.model.kinds.foundry import FoundryAccount, FoundryConnection, FoundryProject, GatewayLink, ToolPolicy
from mcpguard.normalize import build
from tests.sources.conftest import Scan
from tests.sources.terraform.plans import SERVICE, block, change, module, plan, ref, resource, state
from tests.sources.terraform.test_hosting import ACCOUNT

Scanner = Callable[..., Scan]
AS_OF = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
KEY = "Qw3eRt5yUi7oPa9sDf1gHj2k"
PROJECT = f"{ACCOUNT}/projects/orders"


def azapi(name: str, type: str, parent: str, body: Any, **more: Any) -> dict[str, Any]:
    values = {
        "type": type,
        "name": name,
        "parent_id": parent,
        "body": body,
        "id": f"{parent}/{type.split('@', maxsplit=1)[0]}/{name}",
    }
    return resource("azapi_resource", name, values | more)


def test_azapi_connections_and_links(scan: Scanner) -> None:
    body = {
        "properties": {
            "authType": "CustomKeys",
            "category": "RemoteTool",
            "target": "https://mcp.contoso.example/orders",
            "isSharedToAll": False,
            "credentials": {"keys": {"Authorization": f"Bearer {KEY}"}},
        }
    }
    type_ = "Microsoft.CognitiveServices/accounts/projects/connections@2025-04-01-preview"
    connection = azapi("orders", type_, PROJECT, body, id=f"{PROJECT}/connections/orders")
    link = azapi(
        "l1",
        "Microsoft.Resources/links@2016-09-01",
        ACCOUNT,
        {"properties": {"targetId": SERVICE}},
        id=f"{ACCOUNT}/providers/Microsoft.Resources/links/l1",
    )
    found = scan({"state.json": state(connection, link)})
    estate = build(found.evidence, AS_OF)
    [entity] = estate.of(FoundryConnection)
    assert entity.is_remote_tool and entity.level == "project" and known(entity.auth_type) == "CustomKeys"
    assert [(held.name, held.masked) for held in entity.credentials] == [("Authorization", True)]
    assert KEY not in repr(estate.of(FoundryConnection))
    [linked] = estate.of(GatewayLink)
    assert (linked.source, known(linked.target)) == (ACCOUNT.lower(), SERVICE.lower())


def test_secrets_in_a_sensitive_body_belong_to_the_connection(scan: Scanner) -> None:
    type_ = "Microsoft.CognitiveServices/accounts/connections@2025-06-01"
    connection = resource(
        "azapi_resource",
        "c",
        {
            "type": type_,
            "name": "c",
            "parent_id": ACCOUNT,
            "id": f"{ACCOUNT}/connections/c",
            "body": {"properties": {"authType": "CustomKeys", "category": "RemoteTool", "target": "https://x.example/mcp"}},
            "sensitive_body": {"properties": {"credentials": {"keys": {"x-api-key": KEY}}}},
        },
        sensitive={"sensitive_body": True},
    )
    found = scan({"state.json": state(connection)})
    [entity] = build(found.evidence, AS_OF).of(FoundryConnection)
    assert [(held.name, held.masked) for held in entity.credentials] == [("x-api-key", True)]
    assert entity.level == "account" and KEY not in repr(found.evidence.resources)


def test_accounts_and_projects_of_azurerm(scan: Scanner) -> None:
    account = resource(
        "azurerm_cognitive_account",
        "f",
        {
            "id": ACCOUNT,
            "name": "contoso-foundry",
            "kind": "AIServices",
            "custom_subdomain_name": "Contoso",
            "local_auth_enabled": False,
            "project_management_enabled": True,
            "public_network_access_enabled": False,
            "outbound_network_access_restricted": True,
            "fqdns": ["a.example"],
            "network_acls": [{"default_action": "Deny"}],
            "network_injection": [{"scenario": "agent", "subnet_id": "/subnets/a"}],
        },
    )
    project = resource(
        "azurerm_cognitive_account_project", "p", {"id": PROJECT, "name": "orders", "cognitive_account_id": ACCOUNT}
    )
    estate = build(scan({"state.json": state(account, project)}).evidence, AS_OF)
    [entity] = estate.of(FoundryAccount)
    assert known(entity.local_auth_disabled) and known(entity.public_network_access) == "Disabled"
    assert known(entity.default_action) == "Deny" and known(entity.outbound_restricted)
    assert [network.subnet for network in known(entity.networks)] == ["/subnets/a"]
    assert entity.sub_domain == "contoso" and known(entity.allowed_hosts) == ("a.example",)
    assert [item.account for item in estate.of(FoundryProject)] == [ACCOUNT.lower()]


def test_a_target_that_is_known_after_apply_is_unknown(scan: Scanner) -> None:
    type_ = "Microsoft.CognitiveServices/accounts/projects/connections@2025-06-01"
    values = {"type": type_, "name": "c", "parent_id": PROJECT, "body": {"properties": {"category": "RemoteTool"}}}
    connection = resource("azapi_resource", "c", values)
    unknown = {"body": {"properties": {"target": True}}}
    config = {"resources": [block("azapi_resource", "c", {"parent_id": {"constant_value": PROJECT}, "body": ref("x.y.z")})]}
    found = scan({"plan.json": plan(module(connection), [change(connection, unknown)], config)})
    [entity] = build(found.evidence, AS_OF).of(FoundryConnection)
    assert isinstance(entity.target, Unknown)


@pytest.mark.parametrize(
    "text", ['{"if":{"field":"type","equals":"Microsoft.CognitiveServices/accounts/connections"}}', "no json"]
)
def test_policy_definitions_of_azurerm(scan: Scanner, text: str) -> None:
    policy = resource(
        "azurerm_policy_definition", "p", {"name": "deny", "policy_type": "Custom", "mode": "All", "policy_rule": text}
    )
    found = build(scan({"state.json": state(policy)}).evidence, AS_OF).of(ToolPolicy)
    assert [isinstance(item.rule, Unknown) for item in found] == [text == "no json"]

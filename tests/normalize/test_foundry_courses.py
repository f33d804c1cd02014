"""Where calls of Foundry's tools go: the table of facts/foundry.md 2.3, row by row, and what policies really refuse."""

from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.facts import Fact, Known, Unknown, known, value_or_none
from mcpguard.core.location import Location
from mcpguard.governance import attach, parse_manifest
from mcpguard.model.estate import Estate
from mcpguard.model.foundry_hosts import HostOf, host_of, predates
from mcpguard.model.foundry_links import linked_accounts, linked_gateway, product_link
from mcpguard.model.foundry_mediation import Course, course_of
from mcpguard.model.foundry_policies import foreign_aliases, refused_auth_types, secrets_left_out
from mcpguard.model.foundry_view import RemoteTool, remote_tools
from mcpguard.model.kinds.foundry import FoundryAgent, FoundryConnection, ToolPolicy
from mcpguard.model.urls import parse_url
from tests.normalize.test_foundry import ACCOUNT, PROJECT, SERVICE, TYPE, account, agent_of, arm, connection, estate, mcp

MANIFEST = Location("mcp-inventory.yaml")
SERVICE_BODY = arm(
    SERVICE,
    "Microsoft.ApiManagement/service",
    envelope={"sku": {"name": "StandardV2"}},
    gatewayUrl="https://contoso-apim.azure-api.net",
    createdAtUtc="2026-03-01T00:00:00.1234567Z",
    hostnameConfigurations=[{"type": "Proxy", "hostName": "tools.contoso.example"}],
)
API = arm(f"{SERVICE}/apis/orders-mcp", "Microsoft.ApiManagement/service/apis", type="mcp", path="orders", displayName="Orders")
REST = arm(f"{SERVICE}/apis/rest", "Microsoft.ApiManagement/service/apis", path="rest", displayName="Rest")


def link(source: str, target: str) -> dict[str, Any]:
    id_ = f"{source}/providers/Microsoft.Resources/links/{len(source)}{len(target)}"
    return arm(id_, "Microsoft.Resources/links", sourceId=source, targetId=target)


ACCOUNT_LINK = link(ACCOUNT, SERVICE)


def made(tmp_path: Path, *resources: dict[str, Any], manifest: dict[str, Any] | None = None, **files: Any) -> Estate:
    """What ``resources`` and files come to; without resources those that an earlier call wrote stay."""
    if resources:
        files["all_json"] = list(resources)
    found = estate(tmp_path, **files)
    if manifest is not None:
        attach(found, parse_manifest({"apiVersion": "mcpguard/v1", "kind": "McpInventory"} | manifest, MANIFEST), MANIFEST)
    return found


def course(found: Estate) -> Course | None:
    [way] = [way for item in found.of(FoundryConnection) for way in remote_tools(item, found)]
    assert isinstance(way, RemoteTool)
    return value_or_none(course_of(way, found))


def to(target: str, **members: Any) -> dict[str, Any]:
    return connection("tool", target=target, **members)


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("https://contoso-apim.azure-api.net/orders/mcp", Course.THROUGH),
        ("https://TOOLS.contoso.example/orders", Course.THROUGH),
        ("https://tools.contoso.example/rest/x", Course.THROUGH),
        ("https://tools.contoso.example/ordersx", None),
        ("https://other.azure-api.net/orders", None),
        ("https://mcp.elsewhere.example/mcp", Course.AROUND),
        ("https://x.services.ai.azure.com/api/projects/p/toolboxes/t/mcp?api-version=v1", Course.TOOLBOX),
        ("https://{{host}}/mcp", Course.OPEN),
        ("mcp.elsewhere.example/mcp", None),
        ("", None),
    ],
)
def test_courses_under_a_linked_account(tmp_path: Path, target: str, wanted: Course | None) -> None:
    assert course(made(tmp_path, SERVICE_BODY, API, REST, ACCOUNT_LINK, to(target))) is wanted


def test_a_front_door_of_the_manifest_and_an_exception(tmp_path: Path) -> None:
    tool = to("https://front.contoso.example/orders")
    assert course(made(tmp_path, SERVICE_BODY, ACCOUNT_LINK, tool)) is Course.AROUND
    assert course(made(tmp_path, manifest={"gatewayHosts": ["front.contoso.example"]})) is Course.THROUGH
    server = {"id": "o", "url": "https://front.contoso.example/orders", "exposure": "direct"}
    assert course(made(tmp_path, manifest={"servers": [server]})) is Course.AROUND
    assert course(made(tmp_path, manifest={"servers": [server | {"justification": "agreed"}]})) is Course.EXCEPTED


def test_links_decide_whether_there_is_a_gateway(tmp_path: Path) -> None:
    tool = to("https://mcp.elsewhere.example/mcp")
    assert course(made(tmp_path, SERVICE_BODY, tool)) is None
    other = f"{ACCOUNT[:-3]}-x"
    found = made(tmp_path, links_json={"value": [link(ACCOUNT, other)]})
    assert course(found) is Course.NO_GATEWAY
    found = made(tmp_path, links_json={"value": [link(SERVICE, ACCOUNT)]})
    assert course(found) is Course.AROUND
    (tmp_path / "all.json").unlink()
    assert course(made(tmp_path, tool)) is None, "the names of the linked gateway were not read"


def test_links_to_products_are_no_links_to_services(tmp_path: Path) -> None:
    found = made(tmp_path, account(), SERVICE_BODY, link(PROJECT, f"{SERVICE}/products/P"), ACCOUNT_LINK)
    assert known(product_link(PROJECT.lower(), found)) == f"{SERVICE}/products/p".lower()
    assert isinstance(linked_gateway(PROJECT.lower(), found), Unknown)
    assert [item.name for item in linked_accounts(SERVICE.lower(), found)] == ["contoso-ai"]


def test_tools_with_a_connection_are_judged_there(tmp_path: Path) -> None:
    tools = [mcp(server_url="https://a.example"), mcp(server_url="https://b.example", project_connection_id="c")]
    found = estate(tmp_path, o__agents_json=agent_of(*tools, mcp(connector_id="connector_gmail")))
    [agent] = found.of(FoundryAgent)
    [way] = remote_tools(agent, found)
    assert isinstance(way, RemoteTool) and way.connection is None
    url = known(way.url)
    assert url is not None and url.host == "a.example"


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("https://learn.microsoft.com/api/mcp", HostOf.MICROSOFT),
        ("https://evilmicrosoft.com/mcp", HostOf.FOREIGN),
        ("https://fabrikam.search.windows.net/mcp", HostOf.MICROSOFT),
        ("https://westeurope.dynamicsessions.io/x", HostOf.MICROSOFT),
        ("https://x.azure-api.net/mcp", HostOf.GATEWAY_SHAPED),
        ("https://x.azurewebsites.net/mcp", HostOf.UNCLEAR),
        ("https://app.internal.calm-sea.westeurope.azurecontainerapps.io/mcp", HostOf.PRIVATE),
        ("https://10.0.0.4/mcp", HostOf.PRIVATE),
        ("https://mcp.corp/mcp", HostOf.PRIVATE),
        ("https://orders.contoso.example/mcp", HostOf.UNCLEAR),
        ("https://tools.contoso.example/mcp", HostOf.GATEWAY),
        ("https://mcp.elsewhere.example/mcp", HostOf.FOREIGN),
        ("https://good.elsewhere.example/mcp", HostOf.APPROVED),
    ],
)
def test_whose_a_host_is(tmp_path: Path, address: str, whose: HostOf) -> None:
    approved = [{"name": "good", "urlPattern": "https://good.elsewhere.example/*"}]
    found = made(tmp_path, SERVICE_BODY, manifest={"approvedServers": approved})
    assert host_of(parse_url(address, MANIFEST), found) is whose


@pytest.mark.parametrize(
    ("created", "wanted"),
    [("2026-02-28T23:59:59Z", True), ("2026-03-01T00:00:00.9Z", False), ("2026-05-01T00:00:00Z", False), (None, None)],
)
def test_older_than_the_gateway(tmp_path: Path, created: str | None, wanted: bool | None) -> None:
    body = to("https://x.example") | ({"systemData": {"createdAt": created}} if created else {})
    found = made(tmp_path, SERVICE_BODY, body)
    [item] = found.of(FoundryConnection)
    fact: Fact[bool] = predates(item, SERVICE.lower(), found)
    assert value_or_none(fact) is wanted


# -- policies ----------------------------------------------------------------------------------------------------------

IN_PROJECT, IN_ACCOUNT = f"{TYPE}/projects/connections", f"{TYPE}/connections"


def tree_of(tmp_path: Path, rule: dict[str, Any]) -> Any:
    found = estate(tmp_path, policy_json={"properties": {"policyRule": {"if": rule, "then": {"effect": "deny"}}}})
    [policy] = found.of(ToolPolicy)
    assert policy.name == "policy"
    return known(policy.rule)


def is_type(*types: str) -> dict[str, Any]:
    return {"field": "type", "in": list(types)} if len(types) > 1 else {"field": "type", "equals": types[0]}


@pytest.mark.parametrize(
    ("rule", "foreign"),
    [
        ({"allOf": [is_type(IN_PROJECT), {"field": f"{IN_ACCOUNT}/category", "equals": "x"}]}, 1),
        ({"allOf": [is_type(IN_PROJECT), {"anyOf": [{"field": f"{IN_ACCOUNT}/target", "like": "x*"}]}]}, 1),
        ({"allOf": [is_type(IN_PROJECT), {"field": f"{IN_PROJECT}/category", "equals": "x"}]}, 0),
        ({"allOf": [is_type(IN_PROJECT, IN_ACCOUNT), {"field": f"{IN_ACCOUNT}/category", "equals": "x"}]}, 0),
        (
            {
                "allOf": [
                    {"anyOf": [is_type(IN_PROJECT), is_type(IN_ACCOUNT)]},
                    {"field": f"{IN_ACCOUNT}/category", "in": ["x"]},
                ]
            },
            0,
        ),
        ({"allOf": [is_type(IN_PROJECT), {"not": {"field": f"{IN_ACCOUNT}/category", "equals": "x"}}]}, 0),
        ({"allOf": [is_type(IN_PROJECT), {"field": f"{IN_ACCOUNT}/target", "notIn": ["x"]}]}, 0),
        ({"field": f"{IN_ACCOUNT}/category", "equals": "x"}, 0),
        (
            {
                "anyOf": [
                    {"allOf": [is_type(IN_ACCOUNT), {"field": f"{IN_ACCOUNT}/category", "equals": "x"}]},
                    {"allOf": [is_type(IN_PROJECT), {"field": f"{IN_ACCOUNT}/category", "equals": "x"}]},
                ]
            },
            1,
        ),
    ],
)
def test_aliases_of_another_type(tmp_path: Path, rule: dict[str, Any], foreign: int) -> None:
    assert len(list(foreign_aliases(tree_of(tmp_path, rule)))) == foreign


@pytest.mark.parametrize(
    ("test", "left"),
    [
        ({"equals": "ApiKey"}, True),
        ({"in": ["ApiKey", "PAT"]}, True),
        ({"in": ["ApiKey", "CustomKeys", "PAT", "AccessKey", "AccountKey", "SAS", "UsernamePassword"]}, False),
        ({"equals": "None"}, None),
        ({"notIn": ["OAuth2"]}, None),
    ],
)
def test_secrets_that_pass(tmp_path: Path, test: dict[str, Any], left: bool | None) -> None:
    found = secrets_left_out(list(refused_auth_types(tree_of(tmp_path, {"field": f"{IN_PROJECT}/authType"} | test))))
    assert (None if found is None else bool(found)) is left


def test_a_rule_that_is_nested_too_deeply_is_unknown(tmp_path: Path) -> None:
    rule: dict[str, Any] = {"field": f"{IN_PROJECT}/authType", "equals": "ApiKey"}
    for _ in range(60):
        rule = {"not": rule}
    found = estate(tmp_path, policy_json={"properties": {"policyRule": {"if": rule, "then": {"effect": "deny"}}}})
    [policy] = found.of(ToolPolicy)
    assert isinstance(policy.rule, Unknown)


def test_facts_keep_their_places(tmp_path: Path) -> None:
    [item] = made(tmp_path, to("https://x.example")).of(FoundryConnection)
    assert isinstance(item.target, Known) and item.target.at is not None
    assert item.target.at.route[-2:] == ("properties", "target")

"""Which gateways lead to a host, where they call from and as whom."""

from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.governance import attach, parse_manifest
from mcpguard.model.estate import Estate
from mcpguard.model.fronting import calling_identity, calling_side, direct_by_decision, fronts
from mcpguard.model.kinds.hosting import Site
from mcpguard.model.kinds.mcp import Confidence
from tests.normalize.test_estate import SERVICE, SERVICE_RESOURCE, api, child
from tests.normalize.test_hosts import SITE, below, estate, site

SUBNET = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/apim"
IDENTITY = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id"
MCP = api("tools", type="mcp", path="tools", serviceUrl="https://f.azurewebsites.net/mcp")
SLOT = site() | {"id": f"{SITE}/slots/s1", "name": "f/s1", "type": "Microsoft.Web/sites/slots"}
SLOT["properties"] = {"defaultHostName": "f-s1.azurewebsites.net", "privateEndpointConnections": []}


def of(found: Estate, key: str = SITE) -> tuple[Any, ...]:
    return fronts(found.get(Site, key.lower()), found)  # type: ignore[arg-type]


def test_by_host_name(tmp_path: Path) -> None:
    found = estate(tmp_path, SERVICE_RESOURCE, MCP, site(), SLOT)
    (front,) = of(found)
    assert front.server.name == "tools" and front.confidence is Confidence.HIGH
    (twin,) = of(found, f"{SITE}/slots/s1")
    assert twin.server.name == "tools" and twin.confidence is Confidence.MEDIUM


def test_by_the_api_behind_tools(tmp_path: Path) -> None:
    backing = api("orders", path="orders", serviceUrl="https://f.azurewebsites.net/v1")
    operation = child("apis/orders/operations/list", "apis/operations", method="GET", urlTemplate="/")
    server = api(
        "tools", type="mcp", path="tools", mcpTools=[{"name": "list", "operationId": f"{SERVICE}/apis/orders/operations/list"}]
    )
    found = estate(tmp_path, SERVICE_RESOURCE, backing, operation, server, site())
    assert [front.server.name for front in of(found)] == ["tools"]


def test_by_the_link_of_the_site(tmp_path: Path) -> None:
    server = api("tools", type="mcp", path="tools", serviceUrl="https://elsewhere.example/mcp")
    web = below("config/web", apiManagementConfig={"id": f"{SERVICE}/apis/tools"})
    (front,) = of(estate(tmp_path, SERVICE_RESOURCE, server, site(), web))
    assert front.confidence is Confidence.MEDIUM and "apiManagementConfig" in front.how


def test_a_host_for_itself(tmp_path: Path) -> None:
    other = api("tools", type="mcp", path="tools", serviceUrl="https://f.azurewebsites.net.evil.example/mcp")
    assert of(estate(tmp_path, SERVICE_RESOURCE, other, site())) == ()


def test_where_the_gateway_calls_from(tmp_path: Path) -> None:
    properties = {
        "gatewayUrl": "https://s.azure-api.net",
        "provisioningState": "Succeeded",
        "publicIPAddresses": ["203.0.113.40"],
        "outboundPublicIPAddresses": ["203.0.113.41", "203.0.113.40"],
        "virtualNetworkConfiguration": {"subnetResourceId": SUBNET},
        "additionalLocations": [{"location": "East US", "publicIPAddresses": ["203.0.113.50"]}],
    }
    found = estate(tmp_path, SERVICE_RESOURCE | {"properties": properties}, MCP, site())
    side = calling_side(of(found), found)
    assert side.addresses == ("203.0.113.41", "203.0.113.40", "203.0.113.50")
    assert side.subnets == (SUBNET.lower(),) and side.missing is None


def test_a_gateway_of_which_only_apis_were_read(tmp_path: Path) -> None:
    found = estate(tmp_path, MCP, site())
    assert calling_side(of(found), found).missing is not None
    assert calling_identity(of(found), found).missing is not None


def test_as_whom_the_gateway_calls(tmp_path: Path) -> None:
    identity = {
        "type": "SystemAssigned, UserAssigned",
        "principalId": "11111111-0000-4000-8000-000000000001",
        "userAssignedIdentities": {IDENTITY: {"clientId": "C-USER", "principalId": "P-USER"}},
    }
    principal = {
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": "11111111-0000-4000-8000-000000000001",
        "appId": "22222222-0000-4000-8000-000000000002",
        "servicePrincipalType": "ManagedIdentity",
        "displayName": "s",
    }
    listed = {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#servicePrincipals", "value": [principal]}
    found = estate(tmp_path, SERVICE_RESOURCE | {"identity": identity}, MCP, site(), listed)
    calling = calling_identity(of(found), found)
    assert calling.clients == {"22222222-0000-4000-8000-000000000002", "c-user"} and calling.missing is None
    assert calling.principals == {"11111111-0000-4000-8000-000000000001", "p-user"}


def test_the_client_id_of_a_built_in_identity_stands_in_the_directory(tmp_path: Path) -> None:
    identity = {"type": "SystemAssigned", "principalId": "11111111-0000-4000-8000-000000000001"}
    found = estate(tmp_path, SERVICE_RESOURCE | {"identity": identity}, MCP, site())
    assert isinstance(calling_identity(of(found), found).missing, Unknown)


def test_well_known_clients_are_not_the_gateway(tmp_path: Path) -> None:
    found = estate(tmp_path, SERVICE_RESOURCE, MCP, site())
    assert "aebc6443-996d-45c2-90f0-388ff96faa56" in calling_identity(of(found), found).others


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ({}, ""),
        ({"exposure": "gateway", "justification": "as everywhere"}, ""),
        ({"exposure": "direct"}, ""),
        ({"exposure": "direct", "justification": "  "}, ""),
        ({"exposure": "direct", "justification": "tablets have no other way"}, "tablets have no other way"),
    ],
)
@pytest.mark.parametrize("named", [{"apimApi": "tools"}, {"resourceId": SITE}])
def test_direct_exposure_needs_a_reason(tmp_path: Path, declared: Any, wanted: str, named: Any) -> None:
    settings = below("config/appsettings", WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES="api://c/s")
    found = estate(tmp_path, SERVICE_RESOURCE, MCP, site(), settings)
    entry = {"id": "tools", **named, **declared}
    at = Location("mcp-inventory.yaml")
    attach(found, parse_manifest({"apiVersion": "mcpguard/v1", "kind": "McpInventory", "servers": [entry]}, at), at)
    assert direct_by_decision(found.of(Site)[0], of(found), found) == wanted

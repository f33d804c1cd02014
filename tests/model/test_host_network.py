"""Whom access restrictions let in besides a gateway, as App Service and Container Apps document it."""

from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.facts import Unknown
from mcpguard.model.host_network import CallingSide, WayIn, ways_in
from mcpguard.model.kinds.hosting import ContainerApp
from mcpguard.policy.network import address_range, covers_all
from tests.normalize.test_hosts import APP, ENVIRONMENT, below, estate, only, site

SUBNET = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/apim"
GATEWAY = CallingSide(("203.0.113.40",), (SUBNET.lower(),), None)
UNREAD = CallingSide((), (), Unknown("the gateway", "read it"))
DENY_ALL = {"name": "Deny all", "priority": 2147483647, "action": "Deny", "ipAddress": "Any"}


def rule(address: str, priority: int = 100, **more: Any) -> dict[str, Any]:
    return {"name": f"r{priority}", "priority": priority, "action": "Allow", "ipAddress": address, **more}


def tag(name: str, **more: Any) -> dict[str, Any]:
    return rule(name, tag="ServiceTag", **more)


def openings(folder: Path, rules: Any, default: str | None = None, side: CallingSide = GATEWAY, **properties: Any) -> list[str]:
    web = below("config/web", ipSecurityRestrictions=rules, ipSecurityRestrictionsDefaultAction=default)
    found = ways_in(only(estate(folder, site(properties={"publicNetworkAccess": "Enabled", **properties}), web)), side)
    return [way.opening.value if isinstance(way, WayIn) else "unknown" for way in found]


@pytest.mark.parametrize(
    ("rules", "default", "wanted"),
    [
        (None, None, ["everybody"]),
        ([], None, ["everybody"]),
        (None, "Allow", ["everybody"]),
        (None, "Deny", []),
        ([rule("203.0.113.40/32")], None, []),
        ([rule("203.0.113.40/32")], "Allow", ["everybody"]),
        ([rule("203.0.113.40/32"), DENY_ALL], "Allow", []),
        ([rule("Any", 2147483647)], None, ["everybody"]),
        ([DENY_ALL | {"priority": 50}, rule("Any", 100)], "Allow", []),
        ([rule("", vnetSubnetResourceId=SUBNET)], None, []),
        ([rule("", vnetSubnetResourceId=SUBNET.replace("apim", "other"))], None, ["listed"]),
        ([rule("", vnetSubnetResourceId=SUBNET), rule("198.51.100.7/32", 110)], None, []),
        ([rule("198.51.100.7/32")], None, ["listed"]),
        ([rule("198.51.100.7/32,203.0.113.0/24")], None, []),
        ([rule("20.0.0.0/8")], None, ["wide", "listed"]),
        ([rule("10.0.0.0/8"), rule("203.0.113.40", 110)], None, []),
        ([rule("0.0.0.0/1"), rule("128.0.0.0/1", 110)], None, ["everybody"]),
        ([rule("AnyVnets")], None, ["shared"]),
        ([tag("ApiManagement")], None, ["shared"]),
        ([tag("ApiManagement.WestEurope")], None, ["shared"]),
        ([tag("AzureTrafficManager"), rule("203.0.113.40/32", 110)], None, []),
        ([tag("AzureFrontDoor.Backend")], None, ["shared"]),
        ([tag("AzureFrontDoor.Backend", headers={"x-azure-fdid": ["5e1b0f52"]})], None, ["front-door"]),
        ([rule("Any", headers={"x-forwarded-host": ["mcp.example"]})], None, ["header"]),
        ([rule("Any", action="Deny", headers={"x-forwarded-host": ["mcp.example"]})], "Allow", ["everybody"]),
    ],
)
def test_rules_count_in_their_order(tmp_path: Path, rules: Any, default: str | None, wanted: list[str]) -> None:
    assert openings(tmp_path, rules, default) == wanted


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    assert openings(tmp_path, [rule("198.51.100.7/32")], side=UNREAD) == ["unknown", "listed"]


def test_public_access_comes_first(tmp_path: Path) -> None:
    assert openings(tmp_path, None, publicNetworkAccess="Disabled") == []


def test_never_set_and_a_private_endpoint(tmp_path: Path) -> None:
    approved = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}, "id": "/pe"}
    assert openings(tmp_path, None, publicNetworkAccess=None, privateEndpointConnections=[approved]) == []


def test_restrictions_that_were_not_read(tmp_path: Path) -> None:
    (found,) = ways_in(only(estate(tmp_path, site(properties={"publicNetworkAccess": "Enabled"}))), GATEWAY)
    assert isinstance(found, Unknown) and "config/web" in found.remedy


@pytest.mark.parametrize(
    ("ingress", "internal", "wanted"),
    [
        ({"external": True}, False, ["everybody"]),
        ({"external": True}, True, []),
        ({"external": False}, False, []),
        ({"external": True, "ipSecurityRestrictions": [{"action": "Allow", "ipAddressRange": "203.0.113.40/32"}]}, False, []),
        (
            {"external": True, "ipSecurityRestrictions": [{"action": "Allow", "ipAddressRange": "198.51.100.7"}]},
            False,
            ["listed"],
        ),
        (
            {"external": True, "ipSecurityRestrictions": [{"action": "Deny", "ipAddressRange": "198.51.100.7"}]},
            False,
            ["everybody"],
        ),
    ],
)
def test_container_apps(tmp_path: Path, ingress: dict[str, Any], internal: bool, wanted: list[str]) -> None:
    app = {
        "id": APP,
        "name": "c",
        "type": "Microsoft.App/containerApps",
        "properties": {"managedEnvironmentId": ENVIRONMENT, "configuration": {"ingress": ingress}, "template": {}},
    }
    environment = {
        "id": ENVIRONMENT,
        "name": "e",
        "type": "Microsoft.App/managedEnvironments",
        "properties": {"vnetConfiguration": {"internal": internal}},
    }
    (found,) = estate(tmp_path, app, environment).of(ContainerApp)
    assert [way.opening.value for way in ways_in(found, GATEWAY) if isinstance(way, WayIn)] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("10.0.0.0/30", (10 << 24, (10 << 24) + 3)), ("0.0.0.9", (9, 9)), ("::1/128", None), ("apim", None), ("1.2.3.4/99", None)],
)
def test_address_ranges(text: str, wanted: tuple[int, int] | None) -> None:
    found = address_range(text)
    assert found == wanted if wanted is not None else found is None or found[0] == found[1]


def test_all_addresses() -> None:
    assert (
        covers_all(["0.0.0.0/1", "128.0.0.0/1"])
        and covers_all(["Any"])
        and not covers_all(["0.0.0.0/2"])
        and not covers_all([])
    )

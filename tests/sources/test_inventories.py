"""API Center registrations and server.json files: what they say, and what stays outside."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus
from mcpguard.model.addresses import inventory_entries
from mcpguard.model.kinds.mcp import InventoryEntry, McpServer
from mcpguard.normalize import build
from tests.sources.conftest import RG, SERVICE, Scan, api, service

Scanner = Callable[..., Scan]
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
CATALOGUE = f"{RG}/providers/Microsoft.ApiCenter/services/contoso/workspaces/default/apis"
TYPE = "Microsoft.ApiCenter/services/workspaces/apis"
PROPERTIES = {
    "title": "Orders",
    "kind": "mcp",
    "lifecycleStage": "production",
    "contacts": [{"name": "", "email": ""}, {"email": "orders@contoso.example"}],
    "customProperties": {"costCenter": "4711", "regions": ["weu"]},
}
SERVER_JSON = {
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    "name": "example.contoso/orders",
    "description": "Orders",
    "version": "1.2.0",
    "remotes": [{"type": "streamable-http", "url": "https://contoso-apim.azure-api.net/orders-mcp/mcp"}],
}


def registered(**properties: Any) -> dict[str, Any]:
    return {"id": f"{CATALOGUE}/orders", "type": TYPE, "name": "orders", "properties": {**PROPERTIES, **properties}}


def deployed(url: Any, state: str = "active") -> dict[str, Any]:
    properties = {"state": state, "environmentId": "/workspaces/default/environments/p", "server": {"runtimeUri": url}}
    return {
        "id": f"{CATALOGUE}/orders/deployments/{state}",
        "type": f"{TYPE}/deployments",
        "name": state,
        "properties": properties,
    }


def entries(found: Scan) -> tuple[InventoryEntry, ...]:
    return build(found.evidence, NOW).of(InventoryEntry)


def flat(value: dict[str, Any]) -> dict[str, Any]:
    return {**{key: item for key, item in value.items() if key != "properties"}, **value["properties"]}


@pytest.mark.parametrize("shape", [lambda value: value, flat])
def test_api_center(scan: Scanner, shape: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    inactive = deployed(["https://old.example/mcp"], "inactive")
    found = scan({"a.json": [shape(registered())], "b.json": {"value": [shape(deployed(["https://x.example/mcp"])), inactive]}})
    (entry,) = entries(found)
    assert (entry.name, entry.inventory, entry.contact) == ("Orders", "API Center", "orders@contoso.example")
    assert [url.text for url in entry.urls] == ["https://x.example/mcp"]
    assert entry.properties == {"costCenter": "4711"}


@pytest.mark.parametrize("kind", ["rest", "", None, 7])
def test_other_apis_of_a_catalogue(scan: Scanner, kind: Any) -> None:
    assert entries(scan({"a.json": registered(kind=kind)})) == ()


@pytest.mark.parametrize(
    "odd",
    [
        registered(contacts="x", customProperties=[], title=7),
        registered(contacts=[None, 7, {"name": None}]),
        deployed("https://x.example/mcp"),
        deployed([None, 7]),
        deployed(None),
    ],
)
def test_wrong_types(scan: Scanner, odd: dict[str, Any]) -> None:
    found = scan({"a.json": [registered()], "b.json": odd})
    assert len(entries(found)) == 1


def test_a_registration_is_found_by_its_address(scan: Scanner) -> None:
    estate = build(
        scan(
            {
                "service.json": service(),
                "api.json": api("orders-mcp", type="mcp", path="orders-mcp"),
                "a.json": registered(),
                "b.json": deployed(["https://CONTOSO-apim.azure-api.net/orders-mcp/mcp"]),
                "server.json": SERVER_JSON,
            }
        ).evidence,
        NOW,
    )
    (server,) = (server for server in estate.of(McpServer) if server.api == f"{SERVICE}/apis/orders-mcp".lower())
    assert [entry.inventory for entry in inventory_entries(server, estate)] == ["API Center", "MCP registry"]


def test_server_json(scan: Scanner) -> None:
    found = scan({"server.json": SERVER_JSON})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == (
        "registry:example.contoso/orders@1.2.0",
        "file/server.json",
        "mcp-registry",
    )
    (entry,) = entries(found)
    assert (entry.transports, entry.urls[0].at) == (
        ("streamable-http",),
        Location("server.json", ("remotes", 0, "url")),
    )


def test_answer_of_a_registry(scan: Scanner) -> None:
    bare = {key: value for key, value in SERVER_JSON.items() if key != "$schema"}
    old = {**bare, "version": "1.0.0"}
    answer = {"servers": [{"server": SERVER_JSON, "_meta": {}}, old, {"x": 1}], "metadata": {"count": 2}}
    found = scan({"servers.json": answer})
    assert {resource.id: resource.origin.route for resource in found.evidence.resources} == {
        "registry:example.contoso/orders@1.0.0": ("servers", 1),
        "registry:example.contoso/orders@1.2.0": ("servers", 0, "server"),
    }


@pytest.mark.parametrize(
    "value",
    [
        {"name": "left-pad", "version": "1.0.0", "description": "npm", "dependencies": {}},
        {"name": "a/b", "version": "1.0.0", "description": "x", "packages": ["a"]},
        {"name": "a/b", "description": "x", "remotes": None},
    ],
)
def test_other_files_with_a_name_and_a_version(scan: Scanner, value: dict[str, Any]) -> None:
    found = scan({"service.json": service(), "package.json": value})
    assert found.artifact("package.json").status is ArtifactStatus.SKIPPED


SECRET = "kT7Qw2Zr9Xb4Lm6Np1Vc8Hd3Jf5Gs0Ay"
PACKAGE = {"registryType": "npm", "identifier": "x", "version": "1.0.0"}
PLACES: dict[str, Callable[[str], Any]] = {
    "header": lambda s: {**SERVER_JSON, "remotes": [{"url": "https://x", "headers": [{"name": "X-API-Key", "value": s}]}]},
    "marked as secret": lambda s: {
        **SERVER_JSON,
        "remotes": [{"url": "https://x", "headers": [{"name": "X-Tenant", "isSecret": True, "value": s}]}],
    },
    "url": lambda s: {**SERVER_JSON, "remotes": [{"type": "sse", "url": f"https://x.example/sse?code={s}"}]},
    "variable": lambda s: {
        **SERVER_JSON,
        "packages": [{**PACKAGE, "environmentVariables": [{"name": "API_TOKEN", "default": s}]}],
    },
    "argument": lambda s: {**SERVER_JSON, "packages": [{**PACKAGE, "packageArguments": [{"name": "--api-key", "value": s}]}]},
    "custom property": lambda s: registered(customProperties={"clientSecret": s}),
    "runtime uri": lambda s: deployed([f"https://x.example/mcp?code={s}"]),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_gets_out(scan: Scanner, place: str) -> None:
    found = scan({"file.json": PLACES[place](SECRET)})
    assert SECRET not in repr(found.evidence.resources)
    assert any(SECRET in secret for secret in found.evidence.texts["file.json"].secrets)

"""host.json, client files, loose policies and the manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.errors import UsageError
from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason
from mcpguard.sources import read
from tests.sources.conftest import Scan, api, write_files

Scanner = Callable[..., Scan]

# -- host.json -------------------------------------------------------------------------------------------------------


def test_host_file(scan: Scanner) -> None:
    value = {"version": "2.0", "extensions": {"mcp": {"system": {"webhookAuthorizationLevel": "Anonymous"}}}}
    found = scan({"contoso-func/host.json": value})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == (
        "file:contoso-func/host.json",
        "file/host.json",
        "host.json",
    )
    place = ("extensions", "mcp", "system", "webhookAuthorizationLevel")
    assert found.start(resource.origin.child(*place)) == (6, 38)


@pytest.mark.parametrize("member", ["extensionBundle", "logging", "customHandler", "functionTimeout", "concurrency"])
def test_members_of_a_host_file(scan: Scanner, member: str) -> None:
    assert scan({"x.json": {"version": "2.0", member: {}}}).only().type == "file/host.json"


def test_custom_handler_profile(scan: Scanner) -> None:
    found = scan({"host.json": {"version": "2.0", "configurationProfile": "mcp-custom-handler"}})
    assert found.only().type == "file/host.json"


@pytest.mark.parametrize("value", [{"version": "2.0"}, {"version": "2.0.0", "logging": {}}, {"logging": {}}])
def test_other_files_with_a_version(scan: Scanner, value: dict[str, Any]) -> None:
    assert scan({"a.json": api("a"), "x.json": value}).artifact("x.json").status is ArtifactStatus.SKIPPED


# -- client files ----------------------------------------------------------------------------------------------------

ENTRY = {"orders": {"type": "http", "url": "https://mcp.contoso.example/orders/mcp"}}


@pytest.mark.parametrize(
    ("value", "route"),
    [
        ({"servers": ENTRY, "inputs": []}, ()),
        ({"mcpServers": {"local": {"command": "npx", "args": ["-y", "x"]}}}, ()),
        ({"mcpServers": {}}, ()),
        ({"servers": {}, "inputs": []}, ()),
        ({"mcp": {"servers": ENTRY}}, ("mcp",)),
        ({"folders": [], "settings": {"mcp": {"servers": ENTRY}}}, ("settings", "mcp")),
        ({"customizations": {"vscode": {"mcp": {"servers": ENTRY}}}}, ("customizations", "vscode", "mcp")),
    ],
)
def test_client_files(scan: Scanner, value: dict[str, Any], route: tuple[str, ...]) -> None:
    resource = scan({".vscode/mcp.json": value}).only()
    assert (resource.id, resource.type, resource.format) == ("file:.vscode/mcp.json", "file/mcp-client", "mcp-client")
    assert resource.origin == Location(".vscode/mcp.json", route)


@pytest.mark.parametrize(
    "value",
    [
        {"openapi": "3.0.1", "servers": [{"url": "https://x"}]},
        {"asyncapi": "2.6.0", "servers": {"production": {"url": "x"}}},
        {"servers": {"a": {"host": "x"}}},
        {"servers": {}},
        {"servers": "x", "mcpServers": None},
    ],
)
def test_other_files_with_servers(scan: Scanner, value: dict[str, Any]) -> None:
    assert scan({"a.json": api("a"), "x.json": value}).artifact("x.json").status is ArtifactStatus.SKIPPED


# -- loose policies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<policies><inbound><base /></inbound></policies>",
        '\n<!-- head\n <html> -->\n<?xml version="1.0"?>\n<policies />',
        "<fragment><set-header name='a' exists-action='delete' /></fragment>",
        '<set-header name="a"><value>b</value></set-header>\n<set-variable name="x" value="@(1 < 2)" />',
        "<validate-jwt header-name='Authorization' />",
        "<inbound><choose /></inbound>",
    ],
)
def test_policies(scan: Scanner, text: str) -> None:
    found = scan({"apim/any.txt": text})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == ("file:apim/any.txt", "file/policy", "policy")
    assert resource.body == {"properties": {"format": "rawxml", "value": text}}
    assert resource.origin == Location("apim/any.txt")
    assert resource.texts == {"properties.value": Location("apim/any.txt")}
    assert found.artifact("apim/any.txt").kind == "policy"
    assert found.evidence.texts["apim/any.txt"].format == "text"


@pytest.mark.parametrize("text", ["<project><choose/></project>", "<set-header/><p/>", "<choose/>", "<!-- only -->", "<"])
def test_other_xml(scan: Scanner, text: str) -> None:
    assert scan({"a.json": api("a"), "x.xml": text}).artifact("x.xml").detail == "XML, but no policy"


# -- the manifest ----------------------------------------------------------------------------------------------------

MANIFEST = """# ours
apiVersion: mcpguard/v1
kind: McpInventory
organization: Contoso
reviewMaxDays: 365
servers:
  - id: orders
    reviewBy: 2027-05-15
    trustAnnotations: false
    costTags: {costCenter: "4711", 200: x}
"""


def test_manifest(scan: Scanner) -> None:
    found = scan({"mcp-inventory.yaml": MANIFEST})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == ("file:mcp-inventory.yaml", "file/manifest", "manifest")
    assert resource.body["reviewMaxDays"] == 365
    assert resource.body["servers"] == [
        {
            "id": "orders",
            "reviewBy": "2027-05-15",
            "trustAnnotations": False,
            "costTags": {"costCenter": "4711", "200": "x"},
        }
    ]
    assert found.evidence.texts["mcp-inventory.yaml"].format == "yaml"
    assert found.start(resource.origin.child("servers", 0, "reviewBy")) == (8, 15)


def test_manifest_as_json(scan: Scanner) -> None:
    found = scan({"inventory.json": {"apiVersion": "mcpguard/v1", "kind": "McpInventory", "servers": []}})
    assert found.only().type == "file/manifest"


def test_repeated_keys_of_a_manifest(scan: Scanner) -> None:
    artifact = scan({"m.yaml": MANIFEST + "    reviewBy: 2028-01-01\n"}).artifact("m.yaml")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.detail == "key reviewBy occurs twice in one mapping; the last one was used"
    assert artifact.at == Location("m.yaml", ("servers", 0))


@pytest.mark.parametrize(
    ("tail", "detail"),
    [
        ("  - id: [\n", "line 12, column 1: "),
        ("x: &a {b: *a}\n", "line 11, column 11: anchors and aliases are not read"),
        ("x: " + "[" * 70 + "]" * 70 + "\n", "line 11, column 67: nested more than 64 deep"),
        ("x: !!binary aGVsbG8=\n", "line 1, column 1: a value of a kind that JSON does not have (bytes)"),
        ("x: !!python/object/apply:os.system ['true']\n", "line 11, column 4: could not determine a constructor"),
        ("---\na: b\n", "line 11, column 1: but found another document"),
    ],
)
def test_broken_manifest(scan: Scanner, tail: str, detail: str) -> None:
    found = scan({"a.json": api("a"), "m.yaml": MANIFEST + tail})
    artifact = found.artifact("m.yaml")
    assert artifact.status is ArtifactStatus.FAILED
    assert artifact.detail.startswith(detail)
    (gap,) = found.evidence.gaps
    assert (gap.kinds, gap.reason, gap.at) == (frozenset(("manifest",)), GapReason.UNPARSABLE, artifact.at)


def test_named_manifest_wins_over_one_that_is_found(tmp_path: Path) -> None:
    write_files(tmp_path, {"estate/m.yaml": MANIFEST, "estate/a.json": api("a"), "central/inventory.yaml": MANIFEST})
    evidence = read([tmp_path / "estate"], manifest=tmp_path / "central/inventory.yaml")
    assert [resource.id for resource in evidence.resources if resource.type == "file/manifest"] == ["file:inventory.yaml"]
    details = {artifact.path: artifact.detail for artifact in evidence.artifacts}
    assert details == {
        "a.json": "",
        "m.yaml": "another manifest was named with --manifest",
        "inventory.yaml": "",
    }


def test_named_manifest_within_the_paths_is_read_once(tmp_path: Path) -> None:
    write_files(tmp_path, {"m.yaml": MANIFEST})
    evidence = read([tmp_path], manifest=tmp_path / "m.yaml")
    assert [artifact.path for artifact in evidence.artifacts] == ["m.yaml"]


@pytest.mark.parametrize(("name", "detail"), [("a.json", "is not a manifest"), ("no.yaml", "does not exist")])
def test_named_manifest_that_is_none(tmp_path: Path, name: str, detail: str) -> None:
    write_files(tmp_path, {"a.json": api("a")})
    with pytest.raises(UsageError, match=detail):
        read([tmp_path], manifest=tmp_path / name)

"""``mcpguard inventory`` and ``mcpguard inventory show``, from the command line to what is printed."""

import datetime
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from mcpguard import sources
from mcpguard.cli.main import run
from mcpguard.core.location import Location
from mcpguard.governance import attach, parse_manifest
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.normalize import build

ROOT = Path(__file__).parents[2]
ESTATES = ROOT / "fixtures" / "estates"
TAILSPIN = ESTATES / "tailspin"
CONTOSO = ESTATES / "contoso"
VALIDATOR = jsonschema_rs.validator_for(json.loads((ROOT / "docs/schemas/inventory.schema.json").read_text("utf-8")))
GATEWAY_SERVERS = ("catalog-mcp", "fleet-mcp", "orders-mcp", "partner-orders-mcp", "tickets-mcp", "weather-mcp")
HOST_SERVERS = ("catalog-mcp", "fleet-mcp", "hr-mcp", "lab-mcp", "orders-mcp")


class Text(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def inventory(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (("MCPGUARD_DEBUG", "1"), ("NO_COLOR", "1"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run(["inventory", *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def shown(inventory: Any, *arguments: object) -> Any:
    status, out, err = inventory(*arguments, "--format", "json")
    assert status == 0, err
    document = json.loads(out)
    VALIDATOR.validate(document)
    return document


def texts(entries: list[Any], name: str) -> list[str]:
    return [entry["value"] for entry in entries if entry["name"] == name]


# -- golden: every chain of an estate with two gateways, six hosts, twenty registrations, ten agents -----------------------


def test_the_overview_lists_every_server_and_agent(inventory: Any, snapshot: SnapshotAssertion) -> None:
    status, out, _ = inventory(TAILSPIN, "--complete")
    assert status == 0
    assert out == snapshot(extension_class=Text)


@pytest.mark.parametrize("name", [*GATEWAY_SERVERS, *(f"tailspin-{name}" for name in HOST_SERVERS)])
def test_every_chain_is_told(name: str, inventory: Any, snapshot: SnapshotAssertion) -> None:
    status, out, _ = inventory("show", name, TAILSPIN, "--complete")
    assert status == 0
    assert out == snapshot(extension_class=Text)


def test_the_estate_is_as_large_as_it_says() -> None:
    found = build(sources.read([TAILSPIN]), datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC))
    kinds = {kind: len(found.named(kind)) for kind in ("service", "site", "container-app", "application", "foundry-agent")}
    assert kinds == {"service": 2, "site": 4, "container-app": 2, "application": 20, "foundry-agent": 8}


# -- by hand ---------------------------------------------------------------------------------------------------------------


def test_the_json_form_answers_who_owns_it_and_who_can_call_it(inventory: Any) -> None:
    (server,) = shown(inventory, "show", "orders", TAILSPIN, "--complete")["servers"]
    assert (server["owners"][0]["value"], server["owners"][0]["note"]) == ("Order desk", "the manifest")
    agents = {hop["title"]: texts(hop["entries"], "the gateway") for hop in server["callers"] if hop["role"] == "agent"}
    assert agents == {
        "Foundry agent order-clerk": ["admits it"],
        "Foundry agent order-scout": ["admits it"],
        "desk-copilot": ["admits it"],
    }
    assert {found["subject"]: found["verdict"] for found in server["comparisons"]} == {
        "audience": "agree",
        "scopes": "agree",
        "clients": "differ",
    }
    downstream = {hop["title"]: texts(hop["entries"], "granted") for hop in server["chain"] if hop["role"] == "downstream"}
    assert downstream == {
        "app registration Tailspin ERP": ["Orders.ReadWrite.All (for all users)"],
        "app registration Tailspin warehouse": ["none"],
    }


def test_a_gateway_in_front_of_a_gateway_is_followed_to_the_host(inventory: Any) -> None:
    (server,) = shown(inventory, "show", "partner-orders-mcp", TAILSPIN, "--complete")["servers"]
    hops = [(hop["role"], hop["title"]) for hop in server["chain"]]
    assert ("backing-api", "API orders-mcp") in hops
    assert ("host", "function app tailspin-orders-mcp") in hops
    # Agents that use the inner gateway's address do not come this way.
    assert not [hop for hop in server["callers"] if hop["title"] == "declared agent desk-copilot"]


def test_a_gateway_that_brings_its_own_token_is_compared_by_that(inventory: Any) -> None:
    (server,) = shown(inventory, "show", "catalog-mcp", TAILSPIN, "--complete")["servers"]
    audience = next(found for found in server["comparisons"] if found["subject"] == "audience")
    assert audience["verdict"] == "agree"
    assert audience["entries"][0]["name"] == "the gateway gets a token as itself for"
    refused = {hop["title"]: texts(hop["entries"], "the gateway") for hop in server["callers"] if hop["role"] == "agent"}
    assert refused["Foundry agent catalog-guide"] == ["refuses it"]


def test_what_was_not_read_is_a_hop_that_says_so(inventory: Any) -> None:
    (server,) = shown(inventory, "show", "stock-mcp", CONTOSO)["servers"]
    (host,) = [hop for hop in server["chain"] if hop["role"] == "host"]
    assert host["unknown"]["missing"].startswith("the host stock.internal.contoso.example")
    assert server["owners"][0]["value"] == "nobody"


def test_hosts_that_share_a_name_are_both_told(tmp_path: Path, inventory: Any) -> None:
    rg = "/subscriptions/0/resourceGroups/rg/providers"
    service = f"{rg}/Microsoft.ApiManagement/service/s"
    (tmp_path / "api.json").write_text(
        json.dumps(
            {
                "id": f"{service}/apis/a",
                "name": "a",
                "type": "Microsoft.ApiManagement/service/apis",
                "properties": {"type": "mcp", "path": "a", "serviceUrl": "https://mcp.example/mcp"},
            }
        )
    )
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(
            json.dumps(
                {
                    "id": f"{rg}/Microsoft.Web/sites/{name}",
                    "name": name,
                    "type": "Microsoft.Web/sites",
                    "kind": "app",
                    "properties": {"defaultHostName": f"{name}.azurewebsites.net", "hostNames": ["mcp.example"]},
                }
            )
        )
    (server,) = shown(inventory, "show", "a", tmp_path)["servers"]
    hosts = [hop for hop in server["chain"] if hop["role"] == "host"]
    assert [hop["title"] for hop in hosts] == ["web app one", "web app two"]
    assert {hop["confidence"] for hop in hosts} == {"low"}
    assert all("2 things answer to (web app one, web app two)" in hop["how"] for hop in hosts)


@pytest.mark.parametrize("estate", ["contoso", "secure", "tailspin"])
def test_the_json_form_meets_its_schema(estate: str, inventory: Any) -> None:
    assert shown(inventory, ESTATES / estate)["servers"]


def test_no_secret_leaves(tmp_path: Path, inventory: Any) -> None:
    secret = "Zm9vYmFyYmF6cXV4c2VjcmV0a2V5MTIzNDU2Nzg5MA=="
    (tmp_path / "api.json").write_text(
        json.dumps(
            {
                "id": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ApiManagement/service/s/apis/a",
                "name": "a",
                "type": "Microsoft.ApiManagement/service/apis",
                "properties": {"type": "mcp", "path": "a", "serviceUrl": f"https://mcp.example/mcp?code={secret}"},
            }
        )
    )
    for form in ("text", "json"):
        status, out, err = inventory("show", "a", tmp_path, "--format", form)
        assert status == 0 and "mcp.example" in out
        assert secret not in out + err


# -- names, manifests, errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["orders-mcp", "Orders MCP", "orders", "ORDERS-MCP"])
def test_a_server_is_found_by_any_of_its_names(name: str, inventory: Any) -> None:
    assert shown(inventory, "show", name, TAILSPIN)["servers"][0]["name"] == "orders-mcp"


def test_a_name_that_nothing_has_is_answered_with_the_nearest(inventory: Any) -> None:
    status, _, err = inventory("show", "order-mcp", TAILSPIN)
    assert status == 2
    assert "no MCP server is called 'order-mcp'" in err and "did you mean 'orders-mcp'?" in err


def test_an_input_without_a_server_is_said(tmp_path: Path, inventory: Any) -> None:
    vault = {"id": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v", "name": "v", "properties": {}}
    (tmp_path / "x.json").write_text(json.dumps(vault))
    assert "0 MCP servers" in inventory(tmp_path)[1]
    status, _, err = inventory("show", "a", tmp_path)
    assert status == 3 and "shows no MCP server" in err


@pytest.mark.parametrize("estate", ["contoso", "secure", "tailspin"])
def test_a_written_manifest_is_one_and_names_every_server(estate: str, tmp_path: Path, inventory: Any) -> None:
    file = tmp_path / "mcp-inventory.yaml"
    status, _, err = inventory(ESTATES / estate, "--write", file)
    assert status == 0 and f"wrote {file}" in err
    manifest = parse_manifest(yaml.safe_load(file.read_text("utf-8")), Location(str(file)))
    found = build(sources.read([ESTATES / estate]), datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC))
    attach(found, manifest, Location(str(file)))
    named = [server.name for server in found.of(McpServer) if server.key not in found.declarations]
    assert [name for name in named if not re.fullmatch(r"policies/.*\.xml|.*\.xml", name)] == []
    status, _, err = inventory(ESTATES / estate, "--write", file)
    assert status == 2 and "is already there" in err

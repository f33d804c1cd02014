"""What could hide an MCP server."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from mcpguard.engine.coverage import describe_coverage
from mcpguard.normalize import build
from mcpguard.sources import read
from tests.sources.conftest import api, service, write_files
from tests.sources.terraform import test_gateway
from tests.sources.terraform.plans import state
from tests.sources.test_apiops import extract
from tests.sources.test_azure_cli import printed_api

AS_OF = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
MCP = api("orders-mcp", type="mcp")
EXTRACT = {name: content for name, content in extract().items() if "orders-mcp" not in name}


@pytest.mark.parametrize(
    ("files", "hidden"),
    [
        ({"service.json": service(), "apis.json": [api("a")]}, "does not say with which api-version"),
        ({"apis.json": [api("a")]}, "the APIs of API Management service contoso-apim were listed"),
        ({"service.json": service(), "apis.json": [MCP]}, ""),
        (EXTRACT, "the extract contoso-apim does not say"),
        (extract(), ""),
        ({"apis.json": [printed_api()]}, "as az apim prints them"),
        ({"apis.json": [printed_api()], "mcp.json": MCP}, ""),
        ({"state.json": state(test_gateway.service(), test_gateway.api())}, ""),
    ],
)
def test_what_could_hide_a_server(tmp_path: Path, files: dict[str, Any], hidden: str) -> None:
    write_files(tmp_path / "estate", files)
    evidence = read([tmp_path / "estate"])
    found = describe_coverage(build(evidence, AS_OF), evidence).hidden_surface
    assert (hidden in found) if hidden else not found

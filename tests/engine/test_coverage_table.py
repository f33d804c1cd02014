"""What a report says of its input: kinds by format, what could hide an MCP server, what was left alone and why."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.engine.coverage import describe_coverage
from mcpguard.evidence import Evidence
from mcpguard.model.report import Coverage, Report
from mcpguard.normalize import build
from mcpguard.report.summary import format_rows, skipped_for
from mcpguard.report.text import render
from mcpguard.sources import read
from tests.sources.conftest import SITE, api, service, write_files

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
Reader = Callable[[dict[str, Any]], Evidence]
FUNCTION_APP = {"id": SITE, "type": "Microsoft.Web/sites", "name": "x", "kind": "functionapp", "properties": {}}


@pytest.fixture
def evidence_of(tmp_path: Path) -> Reader:
    def run(files: dict[str, Any]) -> Evidence:
        write_files(tmp_path / "estate", files)
        return read([tmp_path / "estate"])

    return run


def covered(evidence: Evidence) -> Coverage:
    return describe_coverage(build(evidence, NOW), evidence)


def report(evidence: Evidence) -> Report:
    return Report((), {}, (), covered(evidence), (), NOW, "", "0", None, {})


def test_kinds_by_format(evidence_of: Reader) -> None:
    grants = [{"clientId": "a", "consentType": "Principal", "id": "g", "resourceId": "r", "scope": "x"}]
    evidence = evidence_of(
        {
            "service.json": service(),
            "apis.json": [api("a"), api("b")],
            "grants.json": grants,
            "policy.xml": "<policies/>",
            "README.md": "x",
            "notes.txt": "y",
            "main.tf": "# nothing",
        }
    )
    rows = {row.format: (row.files, row.kinds) for row in format_rows(report(evidence))}
    assert rows == {
        "arm-json": (2, "2 api, 1 service"),
        "graph": (1, "1 graph/oauth2permissiongrants"),
        "policy": (1, "1 policy"),
    }
    reasons = [(reason, [artifact.path for artifact in found]) for reason, found in skipped_for(report(evidence))]
    assert reasons[0] == ("no format that mcpguard knows", ["README.md", "notes.txt"])
    assert reasons[1][0].startswith("Terraform without resources")
    text = render(report(evidence))
    assert "skipped, no format that mcpguard knows: README.md, notes.txt" in text
    assert "  arm-json      2  2 api, 1 service\n" in text


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"service.json": service()}, "no APIs of API Management service contoso-apim were read"),
        (
            {"site.json": FUNCTION_APP},
            "the functions of function app contoso-orders-func were not all read; an MCP trigger shows there",
        ),
        (
            {"site.json": {**FUNCTION_APP, "kind": "app"}, "main.tf.json": {"resource": {}}},
            "1 file of Terraform was left alone",
        ),
        ({"site.json": {**FUNCTION_APP, "kind": "app"}, "a.json": '{"mcpServers": {]'}, "1 file was not read, or not in full"),
    ],
)
def test_what_could_hide_a_server(evidence_of: Reader, files: dict[str, Any], reason: str) -> None:
    assert covered(evidence_of(files)).hidden_surface == reason


def test_every_service_counts(evidence_of: Reader) -> None:
    other = {**service(), "id": service()["id"].replace("contoso-apim", "other"), "name": "other"}
    hidden = covered(evidence_of({"a.json": [service(), other]})).hidden_surface
    assert hidden.count("no APIs of") == 2


def test_what_was_not_read_does_not_matter_once_a_server_shows(evidence_of: Reader) -> None:
    files = {"service.json": service(), "apis.json": [api("orders", type="mcp")], "main.bicep": "x"}
    assert covered(evidence_of(files)).hidden_surface == ""

"""Rows of telemetry in the forms in which people export them, and that nothing secret in them gets in."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, RawResource
from mcpguard.sources import query_results
from tests.sources.conftest import Scan, service

Scanner = Callable[..., Scan]
TIME = "2026-11-20T08:00:00Z"
COLUMNS = [("timestamp", "datetime"), ("name", "string"), ("duration", "real"), ("customDimensions", "dynamic")]
DIMENSIONS = {"api.type": "Mcp", "gen_ai.tool.name": "create_order", "gen_ai.conversation.id": "s-1", "user_Id": "oid-7"}


def answer(*rows: list[Any], **more: Any) -> dict[str, Any]:
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": list(rows)}], **more}


def row(**dimensions: str) -> list[Any]:
    return [TIME, "POST /mcp", 12.5, json.dumps({**DIMENSIONS, **dimensions})]


def names(resource: RawResource) -> list[str]:
    return [column["name"] for column in resource.body["columns"]]


def test_answer_of_the_rest_interfaces(scan: Scanner) -> None:
    found = scan({"result.json": answer(row(), row())})
    resource = found.only()
    assert (resource.id, resource.type, resource.format) == ("query:result.json#0", "evidence/query-result", "query-result")
    assert resource.origin == Location("result.json", ("tables", 0))
    assert resource.body["columns"][0] == {"name": "timestamp", "type": "datetime"}
    assert (resource.body["rows"], resource.body["total"], resource.body["whole"]) == ([row(), row()], 2, True)
    assert found.artifact("result.json").kind == "query-result"
    assert "result.json" not in found.evidence.texts


def test_a_query_that_ended_early_is_not_whole(scan: Scanner) -> None:
    found = scan({"result.json": answer(row(), error={"code": "PartialError", "message": "too much"})})
    assert found.only().body["whole"] is False
    artifact = found.artifact("result.json")
    assert (artifact.status, artifact.at) == (ArtifactStatus.PARTIAL, Location("result.json", ("error",)))


def test_rows_as_az_prints_them(scan: Scanner) -> None:
    rows = [
        {"Count": "57", "TableName": "PrimaryResult", "ToolName": "create_order"},
        {"Count": "3", "TableName": "PrimaryResult", "ToolName": "list_orders", "Error": None},
    ]
    resource = scan({"result.json": rows}).only()
    assert resource.body["table"] == "PrimaryResult"
    assert names(resource) == ["Count", "ToolName", "Error"]
    assert resource.body["rows"] == [["57", "create_order", None], ["3", "list_orders", None]]


def test_lines_of_a_diagnostic_setting(scan: Scanner) -> None:
    def line(category: str, tool: str) -> str:
        properties = {"toolName": tool, "authenticationMethod": "oauth2"}
        return json.dumps({"time": TIME, "resourceId": "/SUBSCRIPTIONS/1", "category": category, "properties": properties})

    text = "\n".join((line("GatewayMCPLogs", "a"), line("GatewayLogs", "b"), line("GatewayMCPLogs", "c")))
    found = scan({"y=2026/m=11/PT1H.json": text})
    assert {resource.body["table"]: resource.body["total"] for resource in found.evidence.resources} == {
        "GatewayLogs": 1,
        "GatewayMCPLogs": 2,
    }
    assert scan({"y=2026/m=11/PT1H.json": line("GatewayMCPLogs", "a")}).only().body["table"] == "GatewayMCPLogs"


def test_a_table_of_something_else(scan: Scanner) -> None:
    table = {"TableName": "orders", "KeySchema": [{"AttributeName": "id"}]}
    assert scan({"service.json": service(), "dynamo.json": [table]}).artifact("dynamo.json").kind == ""


def as_csv(header: list[str], *rows: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([header, *rows])
    return out.getvalue()


def test_csv_of_the_portal(scan: Scanner) -> None:
    text = as_csv(
        ["timestamp [UTC]", "name", "customDimensions"], ["11/20/2026, 8:00:00.000 AM", "POST\nx", json.dumps(DIMENSIONS)]
    )
    found = scan({"query_data.csv": b"\xef\xbb\xbf" + text.encode()})
    resource = found.only()
    assert (resource.body["table"], names(resource)) == ("query_data", ["timestamp", "name", "customDimensions"])
    assert resource.body["rows"][0][1:] == ["POST\nx", json.dumps(DIMENSIONS)]


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("TimeGenerated [UTC],ToolName", True),
        ('"TimeGenerated [Local Time]","ToolName"', True),
        ("timestamp,operation_Id,customDimensions", True),
        ("timestamp,price,volume", False),
        ("name,age,city", False),
        ("a,b", False),
    ],
)
def test_which_csv_is_telemetry(scan: Scanner, header: str, taken: bool) -> None:
    found = scan({"service.json": service(), "rows.csv": f"{header}\nx,y\n"})
    expected = "query-result" if taken else ""
    assert found.artifact("rows.csv").kind == expected


def test_rows_are_bounded(scan: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_results, "MAX_ROWS", 3)
    text = as_csv(["TimeGenerated [UTC]", "x"], *([str(number), ""] for number in range(5)))
    flat = [{"TableName": "T", "x": "1"} for _ in range(5)]
    found = scan({"a.json": answer(*(row() for _ in range(5))), "b.json": flat, "c.csv": text})
    for resource in found.evidence.resources:
        assert (len(resource.body["rows"]), resource.body["total"], resource.body["whole"]) == (3, 5, False)
    assert found.artifact("c.csv").detail == "5 rows, of which the first 3 were taken"


@pytest.mark.parametrize(
    ("value", "resources"),
    [
        (answer(row(), ["too short"], "x", None), 1),
        ({"tables": [*answer(row())["tables"], {"name": "x"}, None]}, 1),
        ([{"TableName": "T", "x": 1}, 7, {"x": 2}], 1),
    ],
)
def test_damaged_rows_are_named(scan: Scanner, value: Any, resources: int) -> None:
    artifact = scan({"rows.json": value}).artifact("rows.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, resources)
    assert artifact.at is not None


def test_a_damaged_csv_gives_what_stands_before(scan: Scanner) -> None:
    found = scan({"rows.csv": 'TimeGenerated [UTC],x\n1,a\n2,"b" c\n'})
    assert (found.only().body["rows"], found.only().body["whole"]) == ([["1", "a"]], False)
    assert found.artifact("rows.csv").detail.startswith("line 3: ")


SECRET = "kT7Qw2Zr9Xb4Lm6Np1Vc8Hd3Jf5Gs0Ay"
PLACES: dict[str, Callable[[str], Any]] = {
    "token in a message": lambda s: answer([TIME, f"Bearer {s}", 1, "{}"]),
    "web token": lambda s: answer([TIME, f"eyJ{s}.{s}.{s}", 1, "{}"]),
    "key in a url": lambda s: answer([TIME, f"https://x.example/mcp?code={s}", 1, "{}"]),
    "logged header": lambda s: answer(row(**{"Request-Ocp-Apim-Subscription-Key": s})),
    "logged authorization": lambda s: answer(row(**{"Request-Header-Authorization": s})),
    "logged body": lambda s: answer(row(**{"Request-Body": f'{{"card": "{s}"}}'})),
    "arguments": lambda s: answer(row(**{"gen_ai.tool.call.arguments": s})),
    "dynamic": lambda s: answer([TIME, "x", 1, {"Request-x-api-key": [s], "deep": {"client_secret": s}}]),
    "column": lambda s: [{"TableName": "T", "RequestBody": s, "Authorization": f"Basic {s}", "x": "1"}],
    "headers of the gateway log": lambda s: [{"TableName": "T", "RequestHeaders": json.dumps({"x-functions-key": s})}],
    "storage": lambda s: {"time": TIME, "category": "GatewayLogs", "resourceId": "/x", "properties": {"backendRequestBody": s}},
    "csv": lambda s: as_csv(["timestamp [UTC]", "customDimensions"], [TIME, json.dumps({"Request-Cookie": s})]),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_gets_in(scan: Scanner, place: str) -> None:
    content = PLACES[place](SECRET)
    found = scan({"service.json": service(), "rows": [content] if place == "storage" else content})
    tables = [resource for resource in found.evidence.resources if resource.type == "evidence/query-result"]
    assert len(tables) == 1
    assert SECRET not in repr(tables)
    assert "rows" not in found.evidence.texts


def test_what_rules_look_for_stays(scan: Scanner) -> None:
    claims = {"oid": "6c79fec5-9af8-4b56-bd84-945e60e87663", "azp": "aebc6443", "Request-Mcp-Session-Id": "0193-session-77"}
    found = scan({"a.json": answer(row(**claims, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))})
    kept = json.loads(found.only().body["rows"][0][3])
    assert kept.items() >= {**DIMENSIONS, **claims}.items()

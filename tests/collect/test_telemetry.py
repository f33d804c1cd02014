"""Evidence queries against a local Log Analytics, with the real client: what is asked, what is kept, what is missing."""

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from mcpguard.collect import cloud_of
from mcpguard.collect.queries import MOST_ROWS, QUERIES
from mcpguard.core.errors import UsageError
from mcpguard.evidence import GapReason, RawResource
from mcpguard.sources import read
from tests.collect.conftest import GROUP, SERVICE, TOKEN, Snapshot, named, scanned, service
from tests.collect.fake import Body, Fake

Collect = Callable[..., Snapshot]
CUSTOMER, OTHER = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
COMPONENT = f"{GROUP}/providers/microsoft.insights/components/contoso-insights"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/contoso-logs"
ELSEWHERE = WORKSPACE.replace("rg-mcp", "rg-shared").replace("contoso-logs", "shared-logs")
ALL_TABLES = {table for query in QUERIES for table in query.tables}
TYPE = "evidence/query-result"
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "query-result.schema.json"


def component(workspace: str = WORKSPACE, **properties: Any) -> Body:
    own = {"WorkspaceResourceId": workspace, **properties} if workspace else properties
    return {"id": COMPONENT, "type": "microsoft.insights/components", "name": "contoso-insights", "properties": own}


def workspace(id: str = WORKSPACE, customer: str = CUSTOMER) -> Body:
    type_ = "Microsoft.OperationalInsights/workspaces"
    return {"id": id, "type": type_, "name": id.rpartition("/")[2], "properties": {"customerId": customer}}


def setting(owner: str, target: str) -> Body:
    return {
        "id": f"{owner}/providers/microsoft.insights/diagnosticSettings/all",
        "type": "Microsoft.Insights/diagnosticSettings",
        "name": "all",
        "properties": {"workspaceId": target, "logs": []},
    }


def answer(columns: dict[str, str], *rows: list[Any], **more: Any) -> Body:
    listed = [{"name": name, "type": kind} for name, kind in columns.items()]
    return {"tables": [{"name": "PrimaryResult", "columns": listed, "rows": list(rows)}], **more}


def of_latency(*rows: list[Any], **more: Any) -> Body:
    return answer({"server": "string", "tool": "string", "call_count": "long", "p95_ms": "real"}, *rows, **more)


@pytest.fixture
def estate(fake: Fake) -> Fake:
    fake.add(service(), component(), workspace())
    fake.tables[CUSTOMER] = set(ALL_TABLES)
    return fake


def results(snapshot: Snapshot) -> dict[str, RawResource]:
    return {r.body["table"]: r for r in snapshot.evidence.resources if r.type == TYPE}


def asked(fake: Fake) -> list[Body]:
    return [seen.body for seen in fake.seen if seen.path.startswith("/logs/")]


def of_telemetry(snapshot: Snapshot) -> list[str]:
    return [gap.detail for gap in snapshot.gaps if gap.kinds == {"query-result"}]


def test_every_query_is_asked_once_of_the_workspace_of_a_component(estate: Fake, collect: Collect) -> None:
    estate.results.append((re.compile("DurationMs, ItemCount, 95"), of_latency(["orders", "create", 12, 1400.5])))
    snapshot = collect(telemetry=True, graph=False)
    assert [body["query"] for body in asked(estate)].count(QUERIES[0].bounded) == 1
    assert {body["query"] for body in asked(estate)} == {query.bounded for query in QUERIES}
    found = results(snapshot)
    assert found.keys() == {query.name for query in QUERIES}
    body = found["mcp-latency"].body
    assert body["rows"] == [["orders", "create", 12, 1400.5]] and body["whole"] and body["total"] == 1
    assert body["columns"][3] == {"name": "p95_ms", "type": "real"}
    assert (body["workspace"], body["sources"]) == (WORKSPACE, ["AppRequests"])
    assert found["mcp-latency"].format == "query-result"
    assert of_telemetry(snapshot) == []


def test_the_client_asks_as_the_service_wants_it(estate: Fake, collect: Collect) -> None:
    collect(telemetry=True, graph=False, telemetry_window="36h")
    seen = [seen for seen in estate.seen if seen.path.startswith("/logs/")]
    assert {(s.method, s.path) for s in seen} == {("POST", f"/logs/v1/workspaces/{CUSTOMER}/query")}
    assert {s.headers["Authorization"] for s in seen} == {f"Bearer {TOKEN}"}
    assert {s.headers["Prefer"] for s in seen} == {"wait=170"}
    (window,) = {s.body["timespan"] for s in seen}
    start, end = (datetime.datetime.fromisoformat(time) for time in window.split("/"))
    assert end - start == datetime.timedelta(hours=36)
    assert abs(datetime.datetime.now(datetime.UTC) - end) < datetime.timedelta(minutes=2)


def test_without_the_option_nothing_is_asked(estate: Fake, collect: Collect) -> None:
    snapshot = collect(graph=False)
    assert not asked(estate) and not results(snapshot) and not of_telemetry(snapshot)


def test_workspaces_are_those_that_the_estate_writes_to(estate: Fake, collect: Collect) -> None:
    """One of a component, one of a diagnostic setting in another group; one that nothing points to is left alone."""
    unused = workspace(WORKSPACE + "-unused", "aaaaaaaa-0000-4000-8000-000000000009")
    estate.add(setting(SERVICE, ELSEWHERE.upper()), workspace(ELSEWHERE, OTHER), unused)
    estate.tables[OTHER] = set(ALL_TABLES)
    snapshot = collect(telemetry=True, graph=False, resource_group="rg-mcp")
    workspaces = {seen.path.split("/")[4] for seen in estate.seen if seen.path.startswith("/logs/")}
    assert workspaces == {CUSTOMER, OTHER}
    assert len(snapshot.ids(TYPE)) == 2 * len(QUERIES)


def test_the_component_that_a_logger_names_is_read_wherever_it_is(estate: Fake, collect: Collect) -> None:
    estate.add(named(SERVICE, "loggers", "insights", loggerType="applicationInsights", resourceId=COMPONENT))
    snapshot = collect(telemetry=True, graph=False, service=SERVICE)
    assert snapshot.ids("microsoft.insights/components") == [COMPONENT]
    assert len(results(snapshot)) == len(QUERIES)


def test_a_table_that_no_workspace_has_is_one_gap(estate: Fake, collect: Collect) -> None:
    estate.add(setting(SERVICE, ELSEWHERE), workspace(ELSEWHERE, OTHER))
    estate.tables[CUSTOMER] = {"AppRequests", "AppTraces"}
    estate.tables[OTHER] = {"ApiManagementGatewayMCPLog"}
    snapshot = collect(telemetry=True, graph=False)
    gap = snapshot.gap("no table ApiManagementGatewayLogs")
    assert gap.reason is GapReason.UNSUPPORTED
    assert "gateway-mcp-latency, gateway-mcp-results could not be asked" in gap.detail
    assert "GatewayMCPLogs and GatewayLogs" in gap.remedy
    assert not [detail for detail in of_telemetry(snapshot) if "no table AppRequests" in detail]
    assert "no table AppDependencies in contoso-logs" in " ".join(of_telemetry(snapshot))
    assert {"mcp-latency", "gateway-mcp-log"} <= results(snapshot).keys()


def test_without_the_role_it_is_named(estate: Fake, collect: Collect) -> None:
    estate.fail("/logs/", status=403, code="InsufficientAccessError")
    snapshot = collect(telemetry=True, graph=False)
    gaps = [gap for gap in snapshot.gaps if gap.kinds == {"query-result"}]
    assert len(gaps) == len(QUERIES) and {gap.reason for gap in gaps} == {GapReason.FORBIDDEN}
    assert all("Log Analytics Reader (Monitoring Reader suffices too) on the workspace" in gap.remedy for gap in gaps)
    assert "403 InsufficientAccessError" in gaps[0].detail and "contoso-logs" in gaps[0].detail
    assert not results(snapshot)


def test_part_of_an_answer_is_kept_and_said_to_be_part(estate: Fake, collect: Collect) -> None:
    error = {"code": "PartialError", "message": "There were some errors", "innererror": {"code": "-2133196797", "message": "x"}}
    estate.results.append((re.compile("DurationMs, ItemCount, 95"), of_latency(["orders", "create", 12, 9.0], error=error)))
    snapshot = collect(telemetry=True, graph=False)
    body = results(snapshot)["mcp-latency"].body
    assert body["rows"] == [["orders", "create", 12, 9.0]] and not body["whole"]
    gap = snapshot.gap("mcp-latency")
    assert gap.reason is GapReason.INCOMPLETE_PAGE and "PartialError" in gap.detail and "--telemetry-window" in gap.remedy


def test_more_rows_than_are_taken_are_said(estate: Fake, collect: Collect) -> None:
    rows = [["orders", f"t{number}", 1, 1.0] for number in range(MOST_ROWS + 1)]
    estate.results.append((re.compile("DurationMs, ItemCount, 95"), of_latency(*rows)))
    snapshot = collect(telemetry=True, graph=False)
    body = results(snapshot)["mcp-latency"].body
    assert len(body["rows"]) == MOST_ROWS and not body["whole"]
    assert "more than 10,000 rows" in snapshot.gap("mcp-latency").detail


def test_a_query_that_takes_too_long_is_not_asked_again(estate: Fake, collect: Collect) -> None:
    estate.fail("/logs/", status=504, code="GatewayTimeout")
    snapshot = collect(telemetry=True, graph=False)
    assert len(asked(estate)) == len(QUERIES)
    gap = snapshot.gap("query mcp-latency")
    assert gap.reason is GapReason.NOT_COLLECTED and "took too long" in gap.detail
    assert "shorter --telemetry-window" in gap.remedy


def test_no_answer_in_time_is_a_gap(estate: Fake, collect: Collect) -> None:
    estate.fail("/logs/", status=200, wait=1.0, body=of_latency(), times=1)
    snapshot = collect(telemetry=True, graph=False, limits={"query_timeout": 0.3, "retries": 0})
    assert [gap.reason for gap in snapshot.gaps if gap.kinds == {"query-result"}] == [GapReason.NOT_COLLECTED]


def test_the_token_goes_nowhere_else(estate: Fake, collect: Collect) -> None:
    other = Fake()
    try:
        estate.fail("/logs/", status=302, headers={"Location": f"{other.url}/logs/v1/workspaces/{CUSTOMER}/query"})
        snapshot = collect(telemetry=True, graph=False)
        assert not other.seen and not results(snapshot) and len(of_telemetry(snapshot)) == len(QUERIES)
    finally:
        other.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"status": 503},
        {"status": 0},
        {"status": 200, "body": b'{"tables": ['},
        {"status": 200, "body": b"<html>", "headers": {}},
    ],
)
def test_what_goes_wrong_once_is_tried_again(estate: Fake, collect: Collect, fault: dict[str, Any]) -> None:
    estate.fail("/logs/", times=1, **fault)
    snapshot = collect(telemetry=True, graph=False)
    assert len(results(snapshot)) == len(QUERIES) and not of_telemetry(snapshot)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "holds no table"),
        ({"tables": []}, "holds no table"),
        ({"tables": [{"columns": None, "rows": None}]}, "holds no table"),
        ({"tables": [{"columns": [{"name": "a", "type": "string"}], "rows": [["x"], ["y", "z"], None]}]}, "do not fit"),
        ({"tables": 3, "error": "odd"}, "only part of it came"),
    ],
)
def test_odd_answers_are_gaps(estate: Fake, collect: Collect, body: Body, said: str) -> None:
    estate.fail("/logs/", status=200, body=body)
    snapshot = collect(telemetry=True, graph=False)
    assert all(said in detail for detail in of_telemetry(snapshot)) and len(of_telemetry(snapshot)) == len(QUERIES)
    assert not any(resource.body["whole"] for resource in results(snapshot).values())


def test_a_column_that_the_service_does_not_know_is_said_in_its_words(estate: Fake, collect: Collect) -> None:
    inner = {"code": "SEM0100", "message": "'summarize' operator: Failed to resolve scalar expression named 'ItemCount'"}
    estate.fail("/logs/", status=400, body={"error": {"code": "BadArgumentError", "message": "bad", "innererror": inner}})
    snapshot = collect(telemetry=True, graph=False)
    assert "scalar expression named 'ItemCount'" in snapshot.gap("the query mcp-latency").detail


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        ([component("")], "contoso-insights names no workspace"),
        ([component()], "workspace contoso-logs could not be read"),
        ([component(), workspace(customer="")], "contoso-logs holds no customerId"),
        ([], "no component and no diagnostic setting"),
    ],
)
def test_what_cannot_be_asked_is_a_gap(fake: Fake, collect: Collect, bodies: list[Body], said: str) -> None:
    fake.add(service(), *bodies)
    snapshot = collect(telemetry=True, graph=False)
    assert any(said in detail for detail in of_telemetry(snapshot))
    assert not asked(fake)


def test_clients_that_call_are_looked_up_in_entra(estate: Fake, collect: Collect) -> None:
    client = "12345678-0000-4000-8000-000000000001"
    columns = {"server": "string", "field": "string", "client": "string", "request_count": "long"}
    estate.results.append((re.compile(r"(?s)let mcp.*\bby server, field, client"), answer(columns, ["o", "azp", client, 3])))
    collect(telemetry=True)
    conditions = [
        seen.query["$filter"][0] for seen in estate.seen if seen.path == "/graph/v1.0/applications" and "$filter" in seen.query
    ]
    assert any(client in condition for condition in conditions)


def test_lines_follow_the_schema(estate: Fake, collect: Collect) -> None:
    estate.results.append(
        (re.compile("DurationMs, ItemCount, 95"), of_latency(["orders", None, 12, 1.5], ["orders", "x", True, 0]))
    )
    estate.fail("/logs/", status=200, body={"tables": [{"columns": [{"name": 1}], "rows": [["x"]]}], "error": {}}, times=1)
    folder = collect(telemetry=True, graph=False).folder
    lines = (folder / "resources" / "evidence" / "query-result.ndjson").read_text().splitlines()
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    assert len(lines) == len(QUERIES)
    for line in lines:
        schema.validate(json.loads(line))


def test_long_texts_and_nested_values_do_not_leave_the_answer(estate: Fake, collect: Collect) -> None:
    rows = [["x" * 5000, {"prompt": "Baker's order"}, 1, 1.0]]
    estate.results.append((re.compile("DurationMs, ItemCount, 95"), of_latency(*rows)))
    snapshot = collect(telemetry=True, graph=False)
    (row,) = results(snapshot)["mcp-latency"].body["rows"]
    assert len(row[0]) == 512 and row[1] is None and b"Baker" not in snapshot.bytes


def test_nothing_of_an_answer_is_kept_to_quote_from(estate: Fake, collect: Collect) -> None:
    snapshot = collect(telemetry=True, graph=False)
    assert not [path for path in snapshot.evidence.texts if path.startswith("resources/evidence/")]
    assert scanned(snapshot.folder).coverage.artifacts


def test_an_exported_answer_has_the_same_shape(estate: Fake, collect: Collect, tmp_path: Path) -> None:
    told = of_latency(["orders", "create", 12, 1400.5])
    estate.results.append((re.compile("DurationMs, ItemCount, 95"), told))
    body = results(collect(telemetry=True, graph=False))["mcp-latency"].body
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "latency.json").write_text(json.dumps(told))
    (exported,) = read([tmp_path / "export"]).resources
    assert exported.type == TYPE
    assert {name: body[name] for name in ("columns", "rows", "total", "whole")} == {
        name: exported.body[name] for name in ("columns", "rows", "total", "whole")
    }


def test_resuming_keeps_the_window(estate: Fake, collect: Collect) -> None:
    def interrupt(meter: Any) -> None:
        if asked(estate):
            raise KeyboardInterrupt

    estate.latency = 0.05
    limits = {"concurrency": 1}
    first = collect(telemetry=True, graph=False, tick=interrupt, limits=limits)
    assert not first.manifest.finished and 0 < len(asked(estate)) < len(QUERIES)
    assert any("interrupted before telemetry" in gap.detail for gap in first.gaps)
    snapshot = collect(telemetry=True, graph=False, resume=True, limits=limits)
    assert snapshot.manifest.finished and len(results(snapshot)) == len(QUERIES)
    assert len({body["timespan"] for body in asked(estate)}) == 1
    assert len({(r.body["from"], r.body["to"]) for r in results(snapshot).values()}) == 1


@pytest.mark.parametrize("window", ["0d", "7", "d", "-1d", "91d", "9999h", "7w", "1.5d", "7d;drop"])
def test_windows_that_are_none(window: str, collect: Collect) -> None:
    with pytest.raises(UsageError, match="window"):
        collect(telemetry=True, telemetry_window=window)


def test_a_window_without_telemetry_is_a_mistake(collect: Collect) -> None:
    with pytest.raises(UsageError, match="telemetry"):
        collect(telemetry_window="7d")


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("https://api.loganalytics.io", "https://api.loganalytics.io"),
        ("https://api.loganalytics.us/v1", "https://api.loganalytics.us"),
        ("https://proxy.example/logs/v1", "https://proxy.example/logs"),
    ],
)
def test_an_endpoint_may_name_the_version(endpoint: str, base: str) -> None:
    """The client itself would drop the path of one that does."""
    from mcpguard.collect.answers import Service
    from mcpguard.collect.client import logs_base, scope_of

    cloud = msgspec.structs.replace(cloud_of("public"), log_analytics=endpoint)
    assert logs_base(cloud) == base and scope_of(cloud, Service.LOGS) == f"{base}/.default"


# -- the texts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_answers_aggregates(query: Any) -> None:
    last = query.bounded.rpartition(";\n")[2]
    steps = [step.strip().split()[0] for step in re.split(r"\n\| ", last)[1:]]
    assert steps[-3:] == ["summarize", "order", "take"]
    assert query.bounded.endswith(f"| take {MOST_ROWS + 1}")
    for opening, closing in ("()", "[]", "{}"):
        assert query.text.count(opening) == query.text.count(closing)
    assert query.text.count('"') % 2 == 0
    for forbidden in ("Message", "Body", "arguments", "call.result", "RequestHeaders", "ClientIP", "UserId", "oid"):
        assert forbidden not in query.text


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_names_its_tables(query: Any) -> None:
    assert set(re.findall(r"(?m)(?:^|= )([A-Z]\w+)$", query.text)) == set(query.tables)
    assert query.sent_by and not query.purpose.endswith(".")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_what_is_ordered_by_is_what_is_summarized_by(query: Any) -> None:
    """So that an answer has one order, and two snapshots can be compared."""
    grouped = re.findall(r"\bby ([^|]*?)\n\| order by ([^|\n]*)$", query.text)
    (by, order) = grouped[-1]
    names = [part.partition("=")[0].strip() for part in re.split(r",(?![^(]*\))", by)]
    assert [part.removesuffix(" asc").strip() for part in order.split(",")] == names


def test_telemetry_rows_are_weighted() -> None:
    for query in QUERIES:
        if "AppRequests" in query.tables:
            assert "sum(ItemCount)" in query.text

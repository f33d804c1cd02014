"""Rows of telemetry: answers of Log Analytics and Application Insights, and lines of a diagnostic setting to storage.

Forms: ``{"tables": [{"name", "columns", "rows"}]}`` of the REST interfaces, of SDKs and of ``az monitor app-insights query``;
the list of flat objects with ``TableName`` that ``az monitor log-analytics query`` prints; the portal's CSV; JSON lines with
``time``, ``category`` and ``properties``. Shapes: facts/tools-and-evidence.md 4.6; docs.azure.cn azure-monitor/logs/api/
response-format.

Each table becomes one resource: ``{"table", "columns": [{"name", "type"}], "rows": [[…]], "total", "whole"}``. The text of
such a file is not kept, so nothing of it is ever quoted.
"""

from __future__ import annotations

from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.reading import Reading, number_of

FORMAT = "query-result"
TYPE = "evidence/query-result"
MAX_ROWS = 10_000
"""Rows of one table that are taken; ``total`` counts all of them, and ``whole`` says whether these are all."""
_MAX_COLUMNS = 500
_ZONE = LazyPattern(r"\s*\[(?:UTC|Local Time|[^\]]{1,40})\]\s*$")
_TIME = LazyPattern(r"(?i)(?:TimeGenerated|timestamp)(\s*\[[^\]]{1,40}\])?\s*")
_TELLING = frozenset(
    {
        *("operation_id", "operationid", "customdimensions", "itemtype", "itemcount", "cloud_rolename", "approlename"),
        *("_resourceid", "correlationid", "tenantid"),
    }
)
"""Columns that only tables of Azure Monitor have; for an export whose times name no zone."""
_LONGEST_HEADER = 65536
_CELL_LIMIT = 4 * 2**20


def is_result(value: dict[str, Json]) -> bool:
    """Whether an object is an answer with tables."""
    tables = value.get("tables")
    return isinstance(tables, list) and any(
        isinstance(table, dict) and isinstance(table.get("columns"), list) and isinstance(table.get("rows"), list)
        for table in tables
    )


def is_row(value: Json) -> bool:
    """Whether an object is a row as ``az`` prints it, or a line that a diagnostic setting wrote to storage."""
    return is_line(value) or (
        isinstance(value, dict)
        and isinstance(value.get("TableName"), str)
        and not any(isinstance(cell, dict | list) for cell in value.values())
    )


def is_line(value: Json) -> bool:
    """Whether an object is a line that a diagnostic setting wrote to storage."""
    return (
        isinstance(value, dict)
        and {"time", "category", "resourceId"} <= value.keys()
        and isinstance(value["category"], str)
        and isinstance(value.get("properties"), dict | str)
    )


def is_csv(data: bytes) -> bool:
    """Whether a text begins with a line of columns as the portal exports them: times say which zone they are in."""
    end = data.find(b"\n")
    line = data[: end if end >= 0 else len(data)]
    if len(line) > _LONGEST_HEADER:
        return False
    import csv  # only some inputs are tables

    try:
        names = next(csv.reader([line.decode("utf-8", "replace").strip()]), [])
    except csv.Error:
        return False
    times = [match for name in names if (match := _TIME.fullmatch(name.strip()))]
    return bool(times) and (any(match[1] for match in times) or not _TELLING.isdisjoint(name.strip().lower() for name in names))


def take_result(reading: Reading, value: dict[str, Json], route: Route) -> None:
    """Take every table of an answer."""
    error = value.get("error")
    cut = error is not None
    if isinstance(error, dict):
        code = error.get("code")
        named = code if isinstance(code, str) and code.isalnum() else "an error"
        reading.miss(f"the query ended early ({named}), so its rows are not all", reading.at(*route, "error"))
    for index, table in enumerate(value["tables"]):
        at = (*route, "tables", index)
        columns, rows = (table.get("columns"), table.get("rows")) if isinstance(table, dict) else (None, None)
        if not isinstance(columns, list) or not isinstance(rows, list):
            reading.miss("a table without columns or rows", reading.at(*at))
            continue
        name = table.get("name")
        _take_table(reading, name if isinstance(name, str) else "", _columns(columns), rows, at, index, cut=cut)


def _columns(columns: list[Json]) -> list[tuple[str, str]]:
    out = []
    for column in columns[:_MAX_COLUMNS]:
        found = column if isinstance(column, dict) else {}
        name, kind = found.get("name"), found.get("type")
        out.append((name if isinstance(name, str) else "", kind if isinstance(kind, str) else ""))
    return out


def _take_table(
    reading: Reading,
    name: str,
    columns: list[tuple[str, str]],
    rows: list[Json],
    at: Route,
    number: int,
    *,
    cut: bool = False,
    total: int = 0,
) -> None:
    reading.quotable = False
    width = len(columns)
    taken: list[Json] = []
    for index, row in enumerate(rows[:MAX_ROWS]):
        if isinstance(row, list) and len(row) == width:
            taken.append(list(row))
        else:
            reading.miss(
                f"a row that has not one value for each of {number_of(width, 'column')}", reading.at(*at, "rows", index)
            )
    total = max(total, len(rows))
    if total > MAX_ROWS:
        reading.miss(f"{total} rows, of which the first {MAX_ROWS} were taken", reading.at(*at))
    body = {
        "table": name,
        "columns": [{"name": column, "type": kind} for column, kind in columns],
        "rows": taken,
        "total": total,
        "whole": not cut and len(taken) == total,
    }
    id_ = f"query:{reading.path}#{number}"
    reading.add(RawResource(id_, TYPE, body, reading.at(*at), FORMAT))


def take_rows(reading: Reading, value: list[Json], route: Route) -> None:
    """Take flat objects: those of one table, or of one category, make a table with the members that any of them has."""
    tables: dict[str, list[dict[str, Json]]] = {}
    for index, row in enumerate(value):
        if not is_row(row):
            reading.miss("an item that is no row of a table", reading.at(*route, index))
            continue
        name = row.get("TableName") if "TableName" in row else row["category"]
        tables.setdefault(name, []).append(row)
    for number, (name, rows) in enumerate(tables.items()):
        names = list(dict.fromkeys(key for row in rows[:MAX_ROWS] for key in row if key != "TableName"))[:_MAX_COLUMNS]
        cells = [[row.get(key) for key in names] for row in rows[:MAX_ROWS]]
        _take_table(reading, name, [(key, "") for key in names], cells, route, number, total=len(rows))


def take_csv(reading: Reading) -> None:
    """Take the portal's CSV. Columns lose their time zone; every cell is text, and an empty one stays empty."""
    import csv
    import io

    reading.kind = FORMAT
    reading.quotable = False
    csv.field_size_limit(_CELL_LIMIT)
    text = reading.data.decode("utf-8", "replace")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: list[Json] = []
    total = 0
    try:
        header = next(lines)
        for row in lines:
            if row:
                total += 1
                if total <= MAX_ROWS:
                    rows.append(row)
    except csv.Error as error:
        reading.miss(f"line {lines.line_num}: {error}")
    name = reading.path.rpartition("/")[2].rpartition(".")[0]
    columns = [(_ZONE.sub("", column), "") for column in header[:_MAX_COLUMNS]]
    _take_table(reading, name, columns, rows, (), 0, cut=bool(reading.troubles), total=total)

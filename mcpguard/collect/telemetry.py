"""Evidence from Log Analytics: which workspaces the estate writes to, and the answers of the evidence queries there.

An answer becomes one resource of the type ``evidence/query-result``, in the shape of an exported answer
(``mcpguard/sources/query_results.py``) with the name of the query, the workspace and the window besides.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from mcpguard.collect import troubles
from mcpguard.collect.answers import Answer
from mcpguard.collect.asked import Asked
from mcpguard.collect.client import Client
from mcpguard.collect.ids import title, type_of
from mcpguard.collect.queries import BY_NAME, MOST_ROWS, QUERIES, QUERY_NEEDS, Query
from mcpguard.collect.work import Crew, Done, Task
from mcpguard.core.location import Location
from mcpguard.evidence import Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.kinds import kind_of
from mcpguard.evidence.snapshot_writer import Batch, SnapshotWriter

GROUP = "Telemetry"
TYPE = "evidence/query-result"
FORMAT = "query-result"
KINDS = frozenset({kind_of(TYPE)})
_PREFIX = "telemetry/"
_COMPONENT = "microsoft.insights/components"
_WORKSPACE = "microsoft.operationalinsights/workspaces"
_SETTING = "microsoft.insights/diagnosticsettings"
_LOGGERS = ("microsoft.apimanagement/service/loggers", "microsoft.apimanagement/service/workspaces/loggers")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIMED_OUT = 504
_BAD_REQUEST = 400
_MOST_CELL = 512
"""Characters of a text in an answer. Names are shorter; nothing longer is an aggregate."""


def window_of(asked: Asked, now: datetime.datetime) -> str:
    """The window that was asked for, as an ISO 8601 interval that ends now."""
    start = now - asked.window
    return "/".join(time.isoformat(timespec="seconds").replace("+00:00", "Z") for time in (start, now))


class Telemetry:
    """Reads what the estate points to: components of its loggers, workspaces of components and diagnostic settings."""

    def __init__(self, client: Client, writer: SnapshotWriter, asked: Asked, crew: Crew) -> None:
        self._client = client
        self._writer = writer
        self._asked = asked
        self._crew = crew

    # -- what is asked -------------------------------------------------------------------------------------------

    def components(self) -> list[Task]:
        """The components that loggers name and that lie outside the scope."""
        named = (line.body.get("properties") for type_ in _LOGGERS for line in self._writer.lines(type_))
        ids = {_text(properties, "resourceId") for properties in named}
        return self._unread("component", _COMPONENT, ids)

    def workspaces(self) -> list[Task]:
        """The workspaces that components and diagnostic settings write to and that lie outside the scope."""
        return self._unread("workspace", _WORKSPACE, set(self._pointed_to()))

    def queries(self) -> list[Task]:
        """Every query to every workspace that the estate writes to."""
        self._crew.remember("window", window_of(self._asked, datetime.datetime.now(datetime.UTC)))
        wanted = {resource_key(id_) for id_ in self._pointed_to()}
        found = {resource_key(line.id): line for line in self._writer.lines(_WORKSPACE)}
        tasks: list[Task] = []
        for key in sorted(wanted & found.keys()):
            customer = _text(found[key].body.get("properties"), "customerId")
            if _GUID.fullmatch(customer):
                tasks += (Task(_PREFIX + query.name, found[key].id, customer) for query in QUERIES)
            else:
                self._crew.remember(f"no-customer-id:{key}", "")
        return tasks

    def _pointed_to(self) -> Iterator[str]:
        for type_, member in ((_COMPONENT, "WorkspaceResourceId"), (_SETTING, "workspaceId")):
            for line in self._writer.lines(type_):
                id_ = _text(line.body.get("properties"), member)
                if type_of(id_) == _WORKSPACE:
                    yield id_

    def _unread(self, read: str, type_: str, ids: set[str]) -> list[Task]:
        have = {resource_key(line.id) for line in self._writer.lines(type_)}
        by_key = {resource_key(id_): id_ for id_ in sorted(ids) if type_of(id_) == type_}
        return [Task(read, id_) for key, id_ in by_key.items() if key not in have]

    # -- what is answered ----------------------------------------------------------------------------------------

    @staticmethod
    def knows(task: Task) -> bool:
        """Whether a piece of work is one of these."""
        return task.read.startswith(_PREFIX)

    def handle(self, task: Task) -> Done:
        """Ask one query; ``scope`` is the workspace, ``link`` the id that Log Analytics knows it by."""
        query = BY_NAME[task.read.removeprefix(_PREFIX)]
        window = self._crew.memory["window"]
        answer = self._client.query(task.link, query.bounded, window)
        if not answer.good:
            return Done(Batch(gaps=self._failed(query, task.scope, answer)))
        self._crew.remember(f"answered-query:{query.name}", "")
        body, trouble = _table(query, task.scope, window, answer.body or {})
        gaps = []
        if trouble:
            gaps.append(_gap(query, task.scope, GapReason.INCOMPLETE_PAGE, f"is not whole: {trouble[0]}", trouble[1]))
        resource = RawResource(f"query:{task.scope}#{query.name}", TYPE, body, Location(""), FORMAT)
        return Done(Batch([resource], gaps=gaps))

    def _failed(self, query: Query, workspace: str, answer: Answer) -> list[Gap]:
        if answer.status == _BAD_REQUEST:
            for table in query.tables:
                if f"'{table}'" in answer.message:
                    # That is a gap only when no workspace has it.
                    self._crew.remember(f"no-table:{table}:{query.name}:{resource_key(workspace)}", title(workspace))
                    return []
        if answer.status == _TIMED_OUT:
            why = "could not be had: 504, it took too long"
            return [_gap(query, workspace, GapReason.NOT_COLLECTED, why, "collect again with a shorter --telemetry-window")]
        return [troubles.gap(f"the answer of {title(workspace)} to the query {query.name}", "", KINDS, answer, QUERY_NEEDS)]

    # -- at the end ----------------------------------------------------------------------------------------------

    def gaps(self) -> Iterator[Gap]:
        """What is missing because no workspace can be asked, or because none has the table."""
        memory = self._crew.memory
        yield from self._tables_missing()
        for line in self._writer.lines(_COMPONENT):
            if not _text(line.body.get("properties"), "WorkspaceResourceId"):
                detail = f"the component {title(line.id)} names no workspace, so its rows were not asked for"
                yield Gap("", KINDS, GapReason.UNSUPPORTED, detail, "make it workspace-based, and collect again")
        for key in memory:
            if key.startswith("no-customer-id:"):
                detail = f"the answer for the workspace {title(key.partition(':')[2])} holds no customerId to ask it by"
                yield Gap("", KINDS, GapReason.UNPARSABLE, detail, f"ask for {QUERY_NEEDS.words} and collect again")
        read = {resource_key(line.id) for line in self._writer.lines(_WORKSPACE)}
        wanted = {resource_key(id_): id_ for id_ in self._pointed_to()}
        for key in sorted(wanted.keys() - read):
            detail = f"the workspace {title(wanted[key])} could not be read, so it could not be asked"
            remedy = f"nothing to do when it was deleted; else ask for {QUERY_NEEDS.words} and collect again"
            yield Gap("", KINDS, GapReason.NOT_COLLECTED, detail, remedy)
        if not wanted:
            detail = "no component and no diagnostic setting that was read writes to a Log Analytics workspace"
            remedy = "send the gateway's logs to a workspace, or widen the scope to the component that it logs to"
            yield Gap("", KINDS, GapReason.NOT_COLLECTED, detail, remedy)

    def _tables_missing(self) -> Iterator[Gap]:
        """A gap for each table that kept a query from being answered anywhere."""
        memory = self._crew.memory
        answered = {query.name for query in QUERIES if f"answered-query:{query.name}" in memory}
        known = {table for name in answered for table in BY_NAME[name].tables}
        lacking: dict[str, dict[str, set[str]]] = {}
        for key, workspace in memory.items():
            if key.startswith("no-table:"):
                _, table, name, _ = key.split(":", 3)
                if name not in answered:
                    lacking.setdefault(name, {}).setdefault(table, set()).add(workspace)
        queries: dict[str, set[str]] = {}
        workspaces: dict[str, set[str]] = {}
        for name, tables in lacking.items():
            # A workspace names the first table that it lacks, which another one may have.
            for table in tables.keys() - known or tables:
                queries.setdefault(table, set()).add(name)
                workspaces.setdefault(table, set()).update(tables[table])
        for table in sorted(queries):
            names = ", ".join(sorted(queries[table]))
            detail = f"there is no table {table} in {', '.join(sorted(workspaces[table]))}, so {names} could not be asked"
            remedy = f"nothing to do when nothing writes it; it is filled by {BY_NAME[min(queries[table])].sent_by}"
            yield Gap("", KINDS, GapReason.UNSUPPORTED, detail, remedy)


def _table(
    query: Query, workspace: str, window: str, answer: dict[str, Json]
) -> tuple[dict[str, Json], tuple[str, str] | None]:
    """The resource's body for an answer, and why it is not the whole answer."""
    tables = answer.get("tables")
    table = tables[0] if isinstance(tables, list) and tables and isinstance(tables[0], dict) else {}
    columns = [
        {"name": str(column.get("name", "")), "type": str(column.get("type", ""))}
        for column in _items(table.get("columns"))
        if isinstance(column, dict)
    ]
    listed = _items(table.get("rows"))
    rows = [[_cell(cell) for cell in row] for row in listed[:MOST_ROWS] if isinstance(row, list) and len(row) == len(columns)]
    trouble: tuple[str, str] | None = None
    error = answer.get("error")
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else ""
        trouble = f"only part of it came: {code or 'the service failed'}", "collect again with a shorter --telemetry-window"
    elif not columns:
        trouble = "the answer holds no table", "collect again later"
    elif len(listed) > MOST_ROWS:
        trouble = f"more than {MOST_ROWS:,} rows, of which the first were taken", "collect with a narrower scope"
    elif len(rows) != len(listed):
        trouble = "rows that do not fit the columns", "collect again later"
    start, _, end = window.partition("/")
    body = {
        "table": query.name,
        "sources": list(query.tables),
        "workspace": workspace,
        "from": start,
        "to": end,
        "columns": columns,
        "rows": rows,
        "total": len(listed),
        "whole": trouble is None,
    }
    return body, trouble


def _cell(value: Json) -> Json:
    """A value as it came; the queries ask for numbers, times and names alone."""
    if isinstance(value, dict | list):
        return None
    return value[:_MOST_CELL] if isinstance(value, str) else value


def _gap(query: Query, workspace: str, reason: GapReason, why: str, remedy: str) -> Gap:
    return Gap("", KINDS, reason, f"the answer of {title(workspace)} to the query {query.name} {why}", remedy)


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json, name: str) -> str:
    """A text member, whatever the case of its name."""
    if isinstance(value, dict):
        for key, found in value.items():
            if key.lower() == name.lower() and isinstance(found, str):
                return found
    return ""

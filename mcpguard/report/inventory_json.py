"""The inventory as JSON (docs/schemas/inventory.schema.json)."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.model.report import Report
from mcpguard.model.sheet import AgentRow, Comparison, Entry, Hop, Inventory, Sheet, Way
from mcpguard.report.encoding import encode
from mcpguard.report.policy_lines import Lines
from mcpguard.report.prose import stamp

SCHEMA_VERSION = "1"


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Place(_Struct, frozen=True):
    path: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET


class _Missing(_Struct, frozen=True):
    missing: str
    remedy: str


class _Entry(_Struct, frozen=True):
    name: str
    value: str | None
    note: str
    place: _Place | None
    unknown: _Missing | None


class _Hop(_Struct, frozen=True):
    role: str
    key: str
    title: str
    how: str
    confidence: str
    place: _Place | None
    entries: list[_Entry]
    unknown: _Missing | None


class _Way(_Struct, frozen=True):
    title: str
    entries: list[_Entry]
    doubt: _Missing | None


class _Comparison(_Struct, frozen=True):
    subject: str
    verdict: str
    said: str
    entries: list[_Entry]


class _Tool(_Struct, frozen=True):
    name: str
    tool_class: str | None = msgspec.field(name="class")
    decided_by: str
    reason: str
    approval: str
    enforced: bool
    place: _Place | None


class _Sheet(_Struct, frozen=True):
    id: str
    name: str
    source: str
    confidence: str
    reasons: list[str]
    place: _Place | None
    addresses: list[_Entry]
    owners: list[_Entry]
    governance: list[_Entry]
    callers: list[_Hop]
    ways: list[_Way]
    chain: list[_Hop]
    comparisons: list[_Comparison]
    tools: list[_Tool]
    tools_missing: _Missing | None
    evidence: list[_Entry]


class _Agent(_Struct, frozen=True):
    id: str
    name: str
    kind: str
    owner: _Entry
    review: _Entry
    identity: _Entry
    servers: list[_Entry]
    place: _Place | None


class _Document(_Struct, frozen=True):
    schema_version: str
    tool: dict[str, str]
    as_of: str
    inputs: list[str]
    servers: list[_Sheet]
    agents: list[_Agent]


def render(inventory: Inventory, report: Report) -> str:
    """Servers and agents; of one server alone, a document with that server."""
    drawn = _Drawer(report)
    return encode(
        _Document(
            SCHEMA_VERSION,
            {"name": "mcpguard", "version": report.version},
            stamp(report),
            list(report.inputs),
            [drawn.sheet(sheet) for sheet in inventory.sheets],
            [drawn.agent(agent) for agent in inventory.agents],
        )
    )


class _Drawer:
    def __init__(self, report: Report) -> None:
        self._lines = Lines(report)

    def place(self, at: Location | None) -> _Place | None:
        if at is None or not at.artifact:
            return None
        spot = self._lines.spot(at)
        return _Place(at.artifact) if spot is None else _Place(at.artifact, spot.line, spot.column)

    def entry(self, item: Entry) -> _Entry:
        value = None if item.missing is not None else item.text
        return _Entry(item.name, value, item.note, self.place(item.at), _missing(item.missing))

    def entries(self, items: tuple[Entry, ...]) -> list[_Entry]:
        return [self.entry(item) for item in items]

    def hop(self, hop: Hop) -> _Hop:
        return _Hop(
            hop.role.value,
            hop.key,
            hop.title,
            hop.how,
            hop.confidence.value,
            self.place(hop.at),
            self.entries(hop.entries),
            _missing(hop.missing),
        )

    def way(self, way: Way) -> _Way:
        return _Way(way.title, self.entries(way.entries), _missing(way.doubt))

    def comparison(self, found: Comparison) -> _Comparison:
        return _Comparison(found.subject, found.verdict.value, found.said, self.entries(found.entries))

    def sheet(self, sheet: Sheet) -> _Sheet:
        tools = [
            _Tool(
                name=tool.name,
                tool_class=tool.tool_class or None,
                decided_by=tool.level,
                reason=tool.reason,
                approval=tool.approval,
                enforced=tool.enforced,
                place=self.place(tool.at),
            )
            for tool in sheet.tools
        ]
        return _Sheet(
            id=sheet.id,
            name=sheet.name,
            source=sheet.source,
            confidence=sheet.confidence.value,
            reasons=list(sheet.reasons),
            place=self.place(sheet.at),
            addresses=self.entries(sheet.addresses),
            owners=self.entries(sheet.owners),
            governance=self.entries(sheet.governance),
            callers=[self.hop(hop) for hop in sheet.callers],
            ways=[self.way(way) for way in sheet.ways],
            chain=[self.hop(hop) for hop in sheet.chain],
            comparisons=[self.comparison(found) for found in sheet.comparisons],
            tools=tools,
            tools_missing=_missing(sheet.tools_missing),
            evidence=self.entries(sheet.evidence),
        )

    def agent(self, agent: AgentRow) -> _Agent:
        return _Agent(
            agent.id,
            agent.name,
            agent.kind,
            self.entry(agent.owner),
            self.entry(agent.review),
            self.entry(agent.identity),
            self.entries(agent.servers),
            self.place(agent.at),
        )


def _missing(unknown: Unknown | None) -> _Missing | None:
    return _Missing(unknown.missing, unknown.remedy) if unknown is not None else None

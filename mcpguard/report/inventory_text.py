"""The inventory for a terminal: the overview as two tables, one server as a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.model.report import Report
from mcpguard.model.sheet import AgentRow, Agreement, Comparison, Entry, Hop, HopRole, Inventory, Sheet, ToolRow, Way
from mcpguard.report.policy_lines import Lines
from mcpguard.report.prose import counted, short_id
from mcpguard.report.terminal import safe, width_of, wrap

_STYLES = {"bold": "1", "dim": "2", "good": "32", "bad": "31", "open": "33", "plain": ""}
_VERDICTS = {
    Agreement.AGREE: ("agrees", "good"),
    Agreement.DIFFER: ("does not agree", "bad"),
    Agreement.UNKNOWN: ("not known", "open"),
}
ROLES = {
    HopRole.CLIENT: "client",
    HopRole.AGENT: "agent",
    HopRole.GATEWAY: "gateway",
    HopRole.BEHIND: "API behind it",
    HopRole.HOST: "host",
    HopRole.REGISTRATION: "registration",
    HopRole.IDENTITY: "identity",
    HopRole.DOWNSTREAM: "downstream",
}
"""Roles of hops in words."""


def render(inventory: Inventory, report: Report, *, color: bool = False, width: int = 100) -> str:
    """The overview: servers and agents, one line each."""
    return _text(_Writer(report, color, width).overview(inventory))


def render_sheet(sheet: Sheet, report: Report, *, color: bool = False, width: int = 100) -> str:
    """One server in full."""
    return _text(_Writer(report, color, width).sheet(sheet))


def _text(lines: Iterator[str]) -> str:
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Writer:
    def __init__(self, report: Report, color: bool, width: int) -> None:
        self.places = Lines(report)
        self.color = color
        self.width = width
        self.last: Location | None = None
        """The place that was named last."""
        self.told: set[Unknown] = set()
        """What is missing, as far as the reader has been told how to get it."""

    def paint(self, style: str, text: str) -> str:
        code = _STYLES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text else text

    # -- overview ------------------------------------------------------------------------------------------------------

    def overview(self, inventory: Inventory) -> Iterator[str]:
        yield self.paint("bold", counted(len(inventory.sheets), "MCP server"))
        if not inventory.sheets:
            yield "  none was found; mcpguard scan says what could hide one"
        rows = [_server_row(sheet) for sheet in inventory.sheets]
        yield from self.table(("server", "behind", "owner", "review by", "callers", "tools"), rows)
        yield ""
        yield self.paint("bold", counted(len(inventory.agents), "agent"))
        rows = [_agent_row(agent) for agent in inventory.agents]
        if rows:
            yield from self.table(("agent", "kind", "owner", "review by", "calls"), rows)
        yield ""
        yield "mcpguard inventory show NAME explains one server in full."

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        if not rows:
            return
        cells = [[safe(cell) for cell in row] for row in rows]
        room = [max(width_of(head), *(width_of(row[at]) for row in cells)) for at, head in enumerate(heads)]
        spare = self.width - 2 - 2 * (len(heads) - 1)
        while sum(room) > spare and max(room) > 12:
            room[room.index(max(room))] -= 1
        yield "  " + self.paint("dim", "  ".join(_padded(head, size) for head, size in zip(heads, room, strict=True)))
        for row in cells:
            yield "  " + "  ".join(_padded(_cut(cell, size), size) for cell, size in zip(row, room, strict=True))

    # -- one server ----------------------------------------------------------------------------------------------------

    def sheet(self, sheet: Sheet) -> Iterator[str]:
        yield self.paint("bold", safe(sheet.title))
        yield f"  {self.paint('dim', safe(short_id(sheet.id)))}"
        sure = "" if sheet.confidence is Confidence.HIGH else f" ({sheet.confidence.value} confidence)"
        yield from wrap(f"{sheet.source}{sure}: {'; '.join(sheet.reasons)}", self.width, "  ")
        for item in sheet.addresses:
            yield from self.entry(item)
        yield from self.section("Who owns it", sheet.owners)
        yield from self.section("Governance", sheet.governance)
        yield from self.hops("Which agents can call it", sheet.hops(HopRole.AGENT), "no agent of the input")
        yield from self.hops("Which clients can call it", sheet.hops(HopRole.CLIENT), "nothing names a client")
        yield from self.ways(sheet.ways)
        yield from self.hops("Chain", sheet.chain, "nothing behind it is known", roles=True)
        yield from self.comparisons(sheet.comparisons)
        yield from self.tools(sheet.tools, sheet.tools_missing)
        yield from self.section("Evidence", sheet.evidence)

    def section(self, title: str, entries: Sequence[Entry]) -> Iterator[str]:
        if entries:
            yield ""
            yield self.paint("bold", title)
            for item in entries:
                yield from self.entry(item)

    def entry(self, item: Entry, indent: str = "  ") -> Iterator[str]:
        if item.missing is not None:
            note = f" ({item.note})" if item.note else ""
            yield from self.unknown(f"{item.name}{note}", item.missing, indent)
            return
        note = f" ({item.note})" if item.note else ""
        yield from self.placed(wrap(f"{item.name}: {item.text}{note}", self.width, indent, indent + "  "), item.at)

    def unknown(self, name: str, missing: Unknown, indent: str) -> Iterator[str]:
        text = f"{name}: not known: {missing.missing}"
        first = True
        for line in wrap(text, self.width, indent, indent + "  "):
            yield self.paint("open", line) if first else line
            first = False
        if missing not in self.told:
            self.told.add(missing)
            yield from wrap(f"to get it: {missing.remedy}", self.width, indent + "  ")

    def placed(self, lines: list[str], at: Location | None) -> Iterator[str]:
        """Lines with their place behind the last one, or below it; a place that was just named is not repeated."""
        if at is None or not at.artifact or at == self.last:
            yield from lines
            return
        self.last = at
        label = safe(self.places.label(at))
        *before, last = lines
        yield from before
        if width_of(last) + 2 + width_of(label) <= self.width:
            yield f"{last}  {self.paint('dim', label)}"
        else:
            yield last
            yield self.paint("dim", " " * (len(last) - len(last.lstrip()) + 2) + label)

    def hops(self, title: str, hops: Sequence[Hop], none: str, *, roles: bool = False) -> Iterator[str]:
        yield ""
        yield self.paint("bold", title)
        if not hops:
            yield f"  {none}"
        for hop in hops:
            role = f"{ROLES[hop.role]}: " if roles else ""
            if hop.missing is not None:
                yield from self.unknown(f"{role}{hop.title}", hop.missing, "  ")
                continue
            sure = f"; {hop.confidence.value} confidence" if hop.confidence is not Confidence.HIGH else ""
            how = f" ({hop.how}{sure})" if hop.how else ""
            yield from self.placed(wrap(f"{role}{hop.title}{how}", self.width, "  ", "    "), hop.at)
            for item in hop.entries:
                yield from self.entry(item, "    ")

    def ways(self, ways: Sequence[Way]) -> Iterator[str]:
        yield ""
        yield self.paint("bold", "Ways in")
        for way in ways:
            yield from wrap(way.title, self.width, "  ", "    ")
            if way.doubt is not None:
                yield from self.unknown("whether this way exists", way.doubt, "    ")
            for item in way.entries:
                yield from self.entry(item, "    ")

    def comparisons(self, comparisons: Sequence[Comparison]) -> Iterator[str]:
        if comparisons:
            yield ""
            yield self.paint("bold", "Do the hops agree?")
        for found in comparisons:
            words, style = _VERDICTS[found.verdict]
            first, *more = wrap(f"{found.subject}: {words}; {found.said}", self.width, "  ", "    ")
            yield self.paint(style, first)
            yield from more
            for item in found.entries:
                yield from self.entry(item, "    ")

    def tools(self, tools: Sequence[ToolRow], missing: Unknown | None) -> Iterator[str]:
        yield ""
        yield self.paint("bold", counted(len(tools), "tool"))
        for tool in tools:
            what = tool.tool_class or "not classified"
            approval = f"; approval {tool.approval}" if tool.approval else "; no approval declared"
            held = "" if tool.enforced or not tool.approval else " (stops nobody)"
            text = f"{tool.name}: {what} ({tool.level}: {tool.reason}){approval}{held}"
            yield from wrap(text, self.width, "  ", "    ")
        if missing is not None:
            yield from self.unknown("more tools", missing, "  ")


def _server_row(sheet: Sheet) -> tuple[str, ...]:
    return (
        sheet.name,
        _titles(sheet.hops(HopRole.HOST, HopRole.BEHIND)) or _titles(sheet.hops(HopRole.GATEWAY)),
        _first(sheet.owners),
        next((item.text for item in sheet.governance if item.name == "review by"), "-"),
        _titles(sheet.callers),
        str(len(sheet.tools)) + ("+?" if sheet.tools_missing is not None else ""),
    )


def _agent_row(agent: AgentRow) -> tuple[str, ...]:
    calls = ", ".join(item.text or "?" for item in agent.servers)
    return agent.name, agent.kind, _shown(agent.owner), _shown(agent.review), calls or "-"


def _titles(hops: Sequence[Hop]) -> str:
    return ", ".join("?" if hop.missing is not None else hop.title for hop in hops)


def _first(entries: Sequence[Entry]) -> str:
    return _shown(entries[0]) if entries else "-"


def _shown(item: Entry) -> str:
    return "?" if item.missing is not None else item.text


def _padded(text: str, size: int) -> str:
    return text + " " * max(0, size - width_of(text))


def _cut(text: str, size: int) -> str:
    if width_of(text) <= size:
        return text
    out = ""
    for character in text:
        if width_of(out + character) > size - 1:
            break
        out += character
    return out + "…"

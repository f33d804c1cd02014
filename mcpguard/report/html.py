"""The report as one self-contained HTML file for auditors: no scripts, no external resources, a strict policy.

What was covered comes first, because everything after it holds only within that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from mcpguard.core.location import Location
from mcpguard.core.positions import Resolved
from mcpguard.evidence import ArtifactStatus
from mcpguard.model.finding import RISKS, Finding, Outcome, RuleMeta
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.model.report import Report
from mcpguard.model.sheet import Sheet
from mcpguard.report import minimark
from mcpguard.report.drawing import Drawing, draw
from mcpguard.report.order import SEVERITIES, ordered
from mcpguard.report.places import NO_TEXT, described, place
from mcpguard.report.prose import counted, short_id, stamp
from mcpguard.report.summary import files, format_rows, looked_at, missing, severity_counts, suppressed, tally_line, verdict
from mcpguard.report.terminal import safe

_MAX_LINE = 400
"""Longer lines are cut around what is marked."""
_LEAD = 120
"""Characters kept before the mark of a line that is cut."""


class CodeLine(msgspec.Struct, frozen=True):
    """One quoted line in three parts, the middle one marked."""

    number: int
    before: str
    marked: str
    after: str


class Spot(msgspec.Struct, frozen=True):
    """A place with the lines to show for it."""

    label: str
    note: str
    lines: list[CodeLine]
    more: int
    """How many further lines the place covers."""
    trouble: str
    """Why there are no lines; empty when there are."""


class Entry(msgspec.Struct, frozen=True):
    """One finding, ready to be drawn."""

    anchor: str
    finding: Finding
    rule: RuleMeta
    severity: str
    spot: Spot
    related: list[Spot]
    flow: list[Spot]
    evidence: tuple[tuple[str, str], ...]
    confidence: str
    """Empty for high confidence and for what is no failure."""
    fix: Markup
    """Empty where the rule says nothing, or said it before."""
    fixed_at: str
    """Anchor of the finding that shows the fix, if another one does."""


class Cell(msgspec.Struct, frozen=True):
    """One count of the matrix; ``target`` is the anchor that lists what was counted."""

    outcome: str
    count: int
    target: str


class Row(msgspec.Struct, frozen=True):
    """One risk of the register."""

    slug: str
    title: str
    cells: list[Cell]
    entries: list[Entry]
    """Findings, unknowns and errors of that risk."""


class Band(msgspec.Struct, frozen=True):
    """Findings of one severity."""

    severity: str
    entries: list[Entry]


class Quiet(msgspec.Struct, frozen=True):
    """A rule and the resources on which it passed or did not apply."""

    rule: RuleMeta
    passed: list[Finding]
    not_applicable: list[Finding]


class Chain(msgspec.Struct, frozen=True):
    """One MCP server in full, and the drawing of its chain."""

    anchor: str
    sheet: Sheet
    drawing: Drawing


class Held(msgspec.Struct, frozen=True):
    """Something missing, and the outcomes that wait for it."""

    missing: str
    remedy: str
    entries: list[Entry]


def render(report: Report) -> str:
    """The report as HTML."""
    template, css = _template()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return template.render(css=Markup(css), style_hash=digest, **_context(report))  # noqa: S704 - ours


@cache
def _template() -> tuple[Template, str]:
    """The template and its style."""
    environment = Environment(
        loader=PackageLoader("mcpguard.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.filters["short_id"] = short_id
    css = resources.files("mcpguard.report").joinpath("templates", "report.css").read_text("utf-8")
    return environment.get_template("report.html.j2"), css


def _finalize(value: object) -> object:
    """Every text that is drawn: what hides or reorders characters is spelled out; escaping follows."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _context(report: Report) -> dict[str, object]:
    failures = _entries(report, "finding", report.failures())
    unknowns = _entries(report, "unknown", report.unknowns())
    errors = _entries(report, "error", (f for f in report.findings if f.outcome is Outcome.ERROR))
    by_finding = {id(entry.finding): entry for entry in unknowns}
    coverage = report.coverage
    by_status = files(report)
    troubled = [*by_status[ArtifactStatus.FAILED], *by_status[ArtifactStatus.PARTIAL]]
    return {
        "report": report,
        "verdict": verdict(report),
        "stamp": stamp(report),
        "counts": [(severity.value, number) for severity, number in severity_counts(report).items()],
        "unknown_count": len(unknowns),
        "tally_line": tally_line(report),
        "status_counts": [(status.value, len(by_status[status])) for status in ArtifactStatus],
        "file_count": len(coverage.artifacts),
        "read_count": len(by_status[ArtifactStatus.READ]),
        "troubled": [
            (artifact, described(place(report, artifact.at)) if artifact.at and report.resolve(artifact.at) else artifact.path)
            for artifact in troubled
        ],
        "artifacts": sorted(coverage.artifacts, key=lambda artifact: (artifact.path, artifact.kind)),
        "gaps": sorted(coverage.gaps, key=lambda gap: (gap.scope, gap.reason.value, gap.detail)),
        "api_versions": sorted(coverage.api_versions),
        "formats": format_rows(report),
        "looked_at": looked_at(report),
        "surfaces": sorted(report.surfaces, key=lambda surface: (surface.name, surface.id)),
        "rows": _rows(report, [*failures, *unknowns, *errors]),
        "bands": [
            Band(severity.value, found)
            for severity in SEVERITIES
            if (found := [entry for entry in failures if entry.rule.severity is severity])
        ],
        "held": [Held(m.missing, m.remedy, [by_finding[id(finding)] for finding in m.findings]) for m in missing(report)],
        "errors": errors,
        "suppressed": [(finding, report.rules[finding.rule]) for finding in suppressed(report)],
        "quiet": _quiet(report),
        "chains": [Chain(f"server-{number}", sheet, draw(sheet)) for number, sheet in enumerate(report.sheets, 1)],
        "counted": counted,
    }


def _entries(report: Report, prefix: str, findings: Iterable[Finding]) -> list[Entry]:
    first: dict[str, str] = {}
    out = []
    for number, finding in enumerate(ordered(report, findings), 1):
        anchor = f"{prefix}-{number}"
        shown = first.setdefault(finding.rule, anchor)
        out.append(_entry(report, anchor, finding, "" if shown == anchor else shown))
    return out


def _entry(report: Report, anchor: str, finding: Finding, fixed_at: str) -> Entry:
    rule, issue = report.rules[finding.rule], finding.issue
    return Entry(
        anchor=anchor,
        finding=finding,
        rule=rule,
        severity=rule.severity.value,
        spot=_spot(report, finding.at),
        related=[_spot(report, related) for related in issue.related] if issue else [],
        flow=[_spot(report, step) for step in issue.flow] if issue else [],
        evidence=issue.evidence if issue else (),
        confidence=issue.confidence.value if issue and issue.confidence is not Confidence.HIGH else "",
        fix=Markup("" if fixed_at else minimark.html(rule.fix)),  # noqa: S704 - minimark escapes
        fixed_at=fixed_at if rule.fix.strip() else "",
    )


def _spot(report: Report, location: Location) -> Spot:
    found = place(report, location)
    resolved = found.resolved
    if resolved is None:
        return Spot(found.label, found.note, [], 0, NO_TEXT)
    span = resolved.excerpt_span
    more = max(0, span.end_line - span.line + 1 - len(resolved.excerpt))
    return Spot(described(found), found.note, _lines(resolved), more, "")


def _lines(resolved: Resolved) -> list[CodeLine]:
    span = resolved.excerpt_span
    out = []
    for index, line in enumerate(resolved.excerpt):
        number = span.line + index
        first = span.column - 1 if index == 0 else len(line) - len(line.lstrip())
        last = span.end_column - 1 if number == span.end_line else len(line)
        out.append(_cut(number, line[:first], line[first:last], line[last:]))
    # What all lines are indented by says nothing here and costs width.
    common = min((len(text) - len(text.lstrip()) for line in out if (text := _joined(line)).strip()), default=0)
    if not common or any(len(line.before) < common for line in out if _joined(line).strip()):
        return out
    return [CodeLine(line.number, line.before[common:], line.marked, line.after) for line in out]


def _cut(number: int, before: str, marked: str, after: str) -> CodeLine:
    """A line with tabs as spaces, and no longer than a reader can use."""
    if len(before) + len(marked) + len(after) > _MAX_LINE:
        before = before if len(before) <= _LEAD else "…" + before[-_LEAD:]
        marked = marked if len(marked) <= _MAX_LINE else marked[:_MAX_LINE] + "…"
        room = max(0, _MAX_LINE - len(before) - len(marked))
        after = after if len(after) <= room else after[:room] + "…"
    return CodeLine(number, before.expandtabs(4), marked.replace("\t", "    "), after.replace("\t", "    "))


def _joined(line: CodeLine) -> str:
    return line.before + line.marked + line.after


def _rows(report: Report, entries: list[Entry]) -> list[Row]:
    matrix = report.matrix()
    rows = []
    for slug, title in RISKS.items():
        tally = matrix.get(slug, dict.fromkeys(Outcome, 0))
        own = [entry for entry in entries if entry.rule.risk == slug]
        cells = []
        for outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR, Outcome.PASS, Outcome.NOT_APPLICABLE):
            quiet = outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
            listed = any(entry.finding.outcome is outcome for entry in own)
            target = "passed" if quiet else f"risk-{slug}" if listed else "accepted"
            cells.append(Cell(outcome.value, tally[outcome], target))
        rows.append(Row(slug, title, cells, own))
    return rows


def _quiet(report: Report) -> list[Quiet]:
    out = []
    for id_ in sorted(report.rules):
        own = ordered(report, (finding for finding in report.findings if finding.rule == id_))
        passed = [finding for finding in own if finding.outcome is Outcome.PASS]
        not_applicable = [finding for finding in own if finding.outcome is Outcome.NOT_APPLICABLE]
        if passed or not_applicable:
            out.append(Quiet(report.rules[id_], passed, not_applicable))
    return out

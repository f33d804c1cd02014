"""The report for a terminal: findings by resource with the lines they mean, then what was covered, then the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus
from mcpguard.model.finding import Finding, Outcome
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.model.report import Report, Surface
from mcpguard.report.order import Group, by_resource, ordered
from mcpguard.report.places import Place, described, place
from mcpguard.report.prose import counted, first_sentence, short_id, shortened
from mcpguard.report.summary import Status, file_counts, files, format_rows, looked_at, skipped_for, tally_line, verdict
from mcpguard.report.terminal import gutter_of, quoted_lines, safe, width_of, wrap

_LABEL = 10
"""Columns of the labels under a finding."""
_SKIPPED_SHOWN = 5
_NOTED_SHOWN = 5
_NARROWEST = 40

_STYLES = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "info": "34",
    "unknown": "35",
    "error": "1;31",
    "pass": "32",
    "bold": "1",
    "dim": "2",
}
_VERDICT_STYLE = {
    Status.FAILED: "critical",
    Status.PASSED: "pass",
    Status.REPORTED: "medium",
    Status.INCONCLUSIVE: "unknown",
}


def render(report: Report, *, color: bool = False, width: int = 100, show_passes: bool = False) -> str:
    """The report as text of at most ``width`` columns; the escape sequences in it, if any, are its own."""
    writer = _Writer(report, color=color, width=max(width, _NARROWEST), show_passes=show_passes)
    return "\n".join(line.rstrip() for line in writer.lines()) + "\n"


class _Writer:
    """The layout; each method yields lines."""

    def __init__(self, report: Report, *, color: bool, width: int, show_passes: bool) -> None:
        self.report = report
        self.color = color
        self.width = width
        self.show_passes = show_passes

    def paint(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text

    def lines(self) -> Iterator[str]:
        shown = [finding for finding in self.report.findings if self.is_shown(finding)]
        for group in by_resource(self.report, shown):
            yield from self.group(group)
            yield ""
        explained = [f for f in shown if f.suppression is None and f.outcome in (Outcome.FAIL, Outcome.UNKNOWN)]
        if explained:
            gravest = ordered(self.report, explained)[0].rule
            yield from wrap(f"Why a rule matters and how to fix it: mcpguard explain {gravest}", self.width)
            yield ""
        yield from self.surfaces()
        yield ""
        yield from self.coverage()
        yield ""
        yield from self.wrapped("Outcomes  ", tally_line(self.report))
        yield from self.verdict()

    def is_shown(self, finding: Finding) -> bool:
        if finding.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) or finding.suppression is not None:
            return self.show_passes
        return True

    def group(self, group: Group) -> Iterator[str]:
        target = group.target
        yield from (self.paint("bold", line) for line in wrap(target.title or target.name, self.width))
        yield self.paint("dim", safe(f"{target.kind}  {shortened(short_id(target.id), self.width - len(target.kind) - 2)}"))
        open_ = [finding for finding in group.findings if finding.suppression is None]
        for finding in open_:
            if finding.outcome is Outcome.FAIL:
                yield ""
                yield from self.failure(finding)
        for outcome, title in ((Outcome.UNKNOWN, "Not known"), (Outcome.ERROR, "Internal errors")):
            if found := [finding for finding in open_ if finding.outcome is outcome]:
                yield ""
                yield "  " + self.paint("bold", title)
                for finding in found:
                    yield from self.undecided(finding)
        quiet = [f for f in group.findings if f.suppression or f.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
        if quiet:
            yield ""
            for finding in quiet:
                yield from self.quiet(finding)

    def failure(self, finding: Finding) -> Iterator[str]:
        issue = finding.issue
        severity = self.report.severity(finding)
        yield f"  {self.paint(severity.value, severity.value.upper())}  {self.rule(finding)}"
        yield from wrap(finding.message, self.width, "    ")
        yield from self.quoted(finding.at, severity.value)
        if issue is not None:
            for index, related in enumerate(issue.related):
                yield from self.labelled("related" if index == 0 else "", self.referred(related))
            for index, step in enumerate(issue.flow):
                yield from self.labelled("flow" if index == 0 else "", f"{index + 1}. {self.referred(step)}")
            for index, (name, value) in enumerate(issue.evidence):
                yield from self.labelled("evidence" if index == 0 else "", f"{name}: {value}")
            if issue.confidence is not Confidence.HIGH:
                yield from self.labelled("confidence", issue.confidence.value)
        if fix := first_sentence(self.report.rules[finding.rule].fix):
            yield from self.labelled("fix", fix)

    def undecided(self, finding: Finding) -> Iterator[str]:
        severity = self.report.severity(finding)
        style = "unknown" if finding.outcome is Outcome.UNKNOWN else "error"
        word = self.paint(style, finding.outcome.value.upper())
        yield f"  {word}  {self.rule(finding)} ({severity.value})"
        if finding.unknown is None:
            yield from wrap(finding.message, self.width, "    ")
            return
        yield from self.labelled("missing", finding.unknown.missing)
        yield from self.labelled("to get it", finding.unknown.remedy)
        yield from self.labelled("at", described(place(self.report, finding.at)))

    def quiet(self, finding: Finding) -> Iterator[str]:
        if finding.suppression is not None:
            accepted = finding.suppression
            by = f", by {accepted.approved_by}" if accepted.approved_by else ""
            until = f", until {accepted.expires}" if accepted.expires else ""
            yield f"  {self.paint('dim', 'ACCEPTED')}  {self.rule(finding)}"
            yield from wrap(f"{accepted.source}: {accepted.reason}{by}{until}", self.width, "    ")
            yield from wrap(finding.message, self.width, "    ")
        elif finding.outcome is Outcome.PASS:
            yield f"  {self.paint('pass', 'PASS')}  {self.rule(finding)}"
        else:
            yield f"  {self.paint('dim', 'N/A')}  {self.rule(finding)}"
            if finding.detail:
                yield from wrap(finding.detail, self.width, "    ")

    def rule(self, finding: Finding) -> str:
        return self.paint("bold", safe(self.report.rules[finding.rule].number))

    def quoted(self, location: Location, style: str) -> Iterator[str]:
        found = place(self.report, location)
        yield from wrap(f"at {described(found)}", self.width, "    ")
        if found.resolved is None or not found.resolved.excerpt:
            return
        span = found.resolved.excerpt_span
        yield ""
        yield from quoted_lines(found.resolved, self.width, "      ", self.paint, style)
        rest = span.end_line - span.line + 1 - len(found.resolved.excerpt)
        if rest > 0:
            more = f"{' ' * gutter_of(found.resolved)} │ … {counted(rest, 'more line')}"
            yield f"      {self.paint('dim', more)}"
        yield ""

    def referred(self, location: Location) -> str:
        found: Place = place(self.report, location)
        return f"{described(found)}: {found.note}" if found.note else described(found)

    def labelled(self, label: str, text: str) -> Iterator[str]:
        """``text`` beside a label, under the finding."""
        column = " " * (4 + _LABEL + 1)
        first, *others = wrap(text, self.width, column, column + "  ")
        yield f"    {self.paint('dim', label.ljust(_LABEL))} {first[len(column) :]}"
        yield from others

    def wrapped(self, label: str, text: str) -> Iterator[str]:
        first, *others = wrap(text, self.width, " " * width_of(label))
        yield self.paint("bold", label) + first[width_of(label) :]
        yield from others

    def surfaces(self) -> Iterator[str]:
        coverage = self.report.coverage
        found = sorted(self.report.surfaces, key=lambda surface: (surface.name, surface.id))
        if found:
            yield self.paint("bold", f"MCP surfaces ({len(found)})")
            for surface in found:
                yield from self.surface(surface)
        else:
            yield self.paint("bold", "No MCP surface found")
            read = looked_at(self.report)
            yield from wrap(f"Looked at: {read}." if read else "Nothing could be read.", self.width, "  ")
            if coverage.api_versions:
                yield from wrap(f"As answered by: {self.api_versions()}.", self.width, "  ")
        if coverage.hidden_surface:
            yield from wrap(f"There may be more: {coverage.hidden_surface}", self.width, "  ", "    ")

    def surface(self, surface: Surface) -> Iterator[str]:
        sure = "" if surface.confidence == Confidence.HIGH.value else f", {surface.confidence} confidence"
        yield from wrap(f"{surface.name}  ({surface.source}{sure})", self.width, "  ", "    ")
        if sure and surface.reasons:
            yield from wrap("because " + "; ".join(surface.reasons), self.width, "    ")

    def coverage(self) -> Iterator[str]:
        coverage = self.report.coverage
        by_status = files(self.report)
        yield self.paint("bold", "Coverage")
        yield from wrap(file_counts(self.report), self.width, "  ")
        for status, word in ((ArtifactStatus.FAILED, "failed"), (ArtifactStatus.PARTIAL, "in part")):
            for artifact in by_status[status]:
                where = place(self.report, artifact.at).label if artifact.at else artifact.path
                yield from wrap(f"{word}: {where}: {artifact.detail}", self.width, "    ", "      ")
        noted = [artifact for artifact in by_status[ArtifactStatus.READ] if artifact.detail]
        for artifact in noted[:_NOTED_SHOWN]:
            yield from wrap(f"note: {artifact.path}: {artifact.detail}", self.width, "    ", "      ")
        if len(noted) > _NOTED_SHOWN:
            yield f"    and {counted(len(noted) - _NOTED_SHOWN, 'more note')}"
        for reason, skipped in skipped_for(self.report):
            names = ", ".join(artifact.path for artifact in skipped[:_SKIPPED_SHOWN])
            more = f" and {len(skipped) - _SKIPPED_SHOWN} more" if len(skipped) > _SKIPPED_SHOWN else ""
            why = f"skipped, {reason}" if reason else "skipped"
            yield from wrap(f"{why}: {names}{more}", self.width, "    ", "      ")
        yield from self.formats()
        if coverage.gaps:
            yield f"  {counted(len(coverage.gaps), 'gap')}"
        for gap in sorted(coverage.gaps, key=lambda gap: (gap.scope, gap.reason.value, gap.detail)):
            yield from wrap(f"{gap.reason.value}: {gap.detail}", self.width, "    ", "      ")
            if gap.remedy:
                yield from wrap(f"to close it: {gap.remedy}", self.width, "      ")
        seen, analysed = coverage.expressions.seen, coverage.expressions.analysed
        yield f"  {counted(seen, 'policy expression')}, {analysed} analysed"
        if coverage.api_versions and self.report.surfaces:
            yield from wrap(f"api-versions: {self.api_versions()}", self.width, "  ", "    ")

    def formats(self) -> Iterator[str]:
        """A table: format, number of files, what they held."""
        rows = format_rows(self.report)
        if not rows:
            return
        names = [safe(row.format) for row in rows]
        column = max(width_of(name) for name in ("format", *names))
        yield "  " + self.paint("dim", f"{'format'.ljust(column)}  files  found")
        for name, row in zip(names, rows, strict=True):
            head = f"  {name}{' ' * (column - width_of(name))}  {row.files:>5}  "
            first, *others = wrap(row.kinds or "nothing", self.width, " " * (column + 11))
            yield head + first[column + 11 :]
            yield from others

    def api_versions(self) -> str:
        return ", ".join(f"{type_} {version}" for type_, version in sorted(self.report.coverage.api_versions))

    def verdict(self) -> Iterator[str]:
        result = verdict(self.report)
        label = f"{result.status.value.upper():<8}  "
        first, *others = wrap(result.text, self.width, " " * len(label))
        yield self.paint(_VERDICT_STYLE[result.status], label) + first[len(label) :]
        yield from others

"""The report as Markdown for a pull request: what a reviewer reads in a minute.

Whatever comes from the input is written so that GitHub shows it as text: no markup, no HTML, no links, no mentions.
"""

from __future__ import annotations

import re

from mcpguard.evidence import ArtifactStatus
from mcpguard.model.finding import Finding
from mcpguard.model.report import Report
from mcpguard.report.order import ordered
from mcpguard.report.places import place
from mcpguard.report.prose import counted, first_sentence
from mcpguard.report.summary import (
    Status,
    file_counts,
    files,
    format_rows,
    looked_at,
    missing,
    severity_counts,
    tally_line,
    verdict,
)
from mcpguard.report.terminal import safe

MAX_FINDINGS = 20
_MAX_MISSING = 10
_MAX_NAMES = 5
_BREAK = "&#8203;"
"""A zero-width space: it keeps GitHub from seeing a mention, an issue or an address."""
_ICONS = {Status.FAILED: "❌", Status.PASSED: "✅", Status.REPORTED: "📋", Status.INCONCLUSIVE: "⚠️"}
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"[\\`*_\[\]|~$]")
_TOUCHY = re.compile(r"@|(?<=[#])(?=\d)|(?<=GH-)(?=\d)|(?<=:)(?=//)|(?<=[Ww][Ww][Ww])(?=\.)|(?<=[Mm][Aa][Ii][Ll][Tt][Oo])(?=:)")


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    lines: list[str] = []
    result = verdict(report)
    lines += [f"## {_ICONS[result.status]} mcpguard: {result.status.value}", "", escape(result.text), ""]
    counts = severity_counts(report)
    lines += [
        "| " + " | ".join(severity.value for severity in counts) + " | unknown |",
        "|" + " --: |" * (len(counts) + 1),
        "| " + " | ".join(str(number) for number in counts.values()) + f" | {len(report.unknowns())} |",
        "",
    ]
    failures = ordered(report, report.failures())
    if failures:
        lines += ["### Findings", ""]
        for finding in failures[:MAX_FINDINGS]:
            lines += _finding(report, finding)
        lines.append("")
        if len(failures) > MAX_FINDINGS:
            lines += [f"… and {counted(len(failures) - MAX_FINDINGS, 'more finding')}, none of them graver.", ""]
    lines += _unknowns(report)
    lines += ["### Coverage", "", *_coverage(report), ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    """``text`` such that Markdown shows exactly it, on one line."""
    text = " ".join(safe(text).split())
    out = []
    for index, character in enumerate(text):
        if _TOUCHY.match(text, index):
            if character == "@":
                out.append(f"@{_BREAK}")
                continue
            out.append(_BREAK)
        if character in _HTML:
            out.append(_HTML[character])
        elif _MARKUP.match(character):
            out.append("\\" + character)
        else:
            out.append(character)
    return "".join(out)


def code(text: str) -> str:
    """``text`` as a code span, fenced by more backticks than it holds in a row."""
    text = " ".join(safe(text).split()) or " "
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _finding(report: Report, finding: Finding) -> list[str]:
    rule = report.rules[finding.rule]
    found = place(report, finding.at)
    where = code(found.label) + (f" ({found.policy})" if found.policy else "")
    if found.resolved is None:
        where += " (text not available)"
    lines = [
        f"- **{rule.severity.value}** {code(rule.id)} {escape(rule.name)}: {escape(finding.message)}",
        f"  {where} · {escape(finding.target.title or finding.target.name)}",
    ]
    if fix := first_sentence(rule.fix):
        lines.append(f"  Fix: {escape(fix)}")
    return [line + "  " for line in lines[:-1]] + lines[-1:]


def _unknowns(report: Report) -> list[str]:
    groups = missing(report)
    if not groups:
        return []
    lines = ["### Not known", ""]
    for group in groups[:_MAX_MISSING]:
        rules = sorted({finding.rule for finding in group.findings})
        names = ", ".join(code(rule) for rule in rules[:_MAX_NAMES]) + (", …" if len(rules) > _MAX_NAMES else "")
        lines.append(f"- **Missing:** {escape(group.missing)} ({counted(len(group.findings), 'outcome')}: {names})  ")
        lines.append(f"  To get it: {escape(group.remedy) or 'not stated'}")
    if len(groups) > _MAX_MISSING:
        lines.append(f"- … and {counted(len(groups) - _MAX_MISSING, 'more thing')} missing")
    return [*lines, ""]


def _coverage(report: Report) -> list[str]:
    coverage = report.coverage
    by_status = files(report)
    troubled = [*by_status[ArtifactStatus.FAILED], *by_status[ArtifactStatus.PARTIAL]]
    names = ", ".join(code(artifact.path) for artifact in troubled[:_MAX_NAMES])
    more = ", …" if len(troubled) > _MAX_NAMES else ""
    seen, analysed = coverage.expressions.seen, coverage.expressions.analysed
    surfaces = counted(len(report.surfaces), "MCP surface")
    if not report.surfaces:
        read = looked_at(report)
        surfaces = f"**no MCP surface found**; looked at: {escape(read) if read else 'nothing that could be read'}"
    if coverage.hidden_surface:
        surfaces += f"; there may be more: {escape(coverage.hidden_surface)}"
    gaps = sorted(coverage.gaps, key=lambda gap: (gap.scope, gap.reason.value, gap.detail))
    reasons = "; ".join(escape(gap.detail.rstrip(".")) for gap in gaps[:_MAX_NAMES]) + ("; …" if len(gaps) > _MAX_NAMES else "")
    held = "; ".join(
        f"{escape(row.format)} ({counted(row.files, 'file')}): {escape(row.kinds)}" for row in format_rows(report) if row.kinds
    )
    return [
        f"- {surfaces}",
        f"- {file_counts(report)}"
        + (f" (not or not fully read: {names}{more})" if troubled else "")
        + (f"; held: {held}" if held else "")
        + f"; {counted(seen, 'policy expression')}, {analysed} analysed",
        f"- {counted(len(gaps), 'gap')}" + (f": {reasons}" if gaps else "") + f"; outcomes: {tally_line(report)}",
    ]

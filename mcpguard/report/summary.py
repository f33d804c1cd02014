"""What every format says of a run as a whole: the verdict, the counts, what was looked at, what is missing."""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.evidence import Artifact, ArtifactStatus
from mcpguard.model.finding import Finding, Outcome, Severity
from mcpguard.model.report import Found, Report
from mcpguard.report.order import SEVERITIES, ordered
from mcpguard.report.prose import counted


class Status(Enum):
    """How a run came out, relative to its threshold."""

    FAILED = "failed"
    PASSED = "passed"
    REPORTED = "reported"
    """There are findings, and no severity was to fail the run."""
    INCONCLUSIVE = "inconclusive"
    """Nothing failed, and nothing was there to pass."""


class Verdict(msgspec.Struct, frozen=True):
    """The last line of a report."""

    status: Status
    sentence: str
    """What came of the findings."""
    caveats: tuple[str, ...]
    """Sentences that limit it: nothing to judge, unknown outcomes, checks that broke."""

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join((self.sentence, *self.caveats))


class Missing(msgspec.Struct, frozen=True):
    """One thing that is missing and what it keeps from being judged."""

    missing: str
    remedy: str
    findings: tuple[Finding, ...]


def verdict(report: Report) -> Verdict:
    """The verdict; it never calls an estate secure, least of all one in which nothing was found to judge."""
    failures = report.failures()
    tally = report.tally()
    threshold = report.fail_on
    caveats = []
    if not report.surfaces:
        caveats.append("No MCP surface was found, so this says nothing about the security of any MCP server.")
    if unknown := len(report.unknowns()):
        caveats.append(f"{counted(unknown, 'outcome is', 'outcomes are')} unknown for want of data.")
    if tally[Outcome.ERROR]:
        caveats.append(f"{counted(tally[Outcome.ERROR], 'check')} ended in an internal error.")
    if threshold is None:
        status = Status.REPORTED if failures else Status.PASSED
        sentence = f"{counted(len(failures), 'finding')}; no severity fails the run."
    else:
        above = [f for f in failures if report.severity(f).rank >= threshold.rank]
        below = len(failures) - len(above)
        at = threshold.value if threshold is Severity.CRITICAL else f"{threshold.value} or above"
        rest = f"; {below} below" if below else ""
        status = Status.FAILED if above else Status.PASSED
        sentence = f"{counted(len(above), 'finding')} at {at}{rest}." if above else f"No finding at {at}{rest}."
    if status is Status.PASSED and (not report.surfaces or not tally[Outcome.PASS] + tally[Outcome.FAIL]):
        status = Status.INCONCLUSIVE
    return Verdict(status, sentence, tuple(caveats))


def severity_counts(report: Report) -> dict[Severity, int]:
    """How many findings there are of each severity, suppressed ones left out."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for finding in report.failures():
        counts[report.severity(finding)] += 1
    return counts


def suppressed(report: Report) -> list[Finding]:
    """Findings that fail, or that cannot be told, and that somebody accepted."""
    return ordered(report, (finding for finding in report.findings if finding.suppression is not None))


def files(report: Report) -> dict[ArtifactStatus, list[Artifact]]:
    """The input's files by what became of them, each list in order of path."""
    out: dict[ArtifactStatus, list[Artifact]] = {status: [] for status in ArtifactStatus}
    for artifact in sorted(report.coverage.artifacts, key=lambda artifact: (artifact.path, artifact.kind)):
        out[artifact.status].append(artifact)
    return out


def file_counts(report: Report) -> str:
    """``3 files: 2 read, 0 in part, 1 failed, 0 skipped``."""
    by_status = {status: len(found) for status, found in files(report).items()}
    return (
        f"{counted(sum(by_status.values()), 'file')}: {by_status[ArtifactStatus.READ]} read, "
        f"{by_status[ArtifactStatus.PARTIAL]} in part, {by_status[ArtifactStatus.FAILED]} failed, "
        f"{by_status[ArtifactStatus.SKIPPED]} skipped"
    )


class FormatRow(msgspec.Struct, frozen=True):
    """What files of one format gave."""

    format: str
    files: int
    kinds: str
    """``2 api, 1 service``; empty when nothing was taken."""


def format_rows(report: Report) -> list[FormatRow]:
    """A row for each format that was read, in order of name."""
    counts: dict[str, int] = {}
    for artifact in report.coverage.artifacts:
        if artifact.status in (ArtifactStatus.READ, ArtifactStatus.PARTIAL):
            counts[artifact.kind or "unknown"] = counts.get(artifact.kind or "unknown", 0) + 1
    kinds: dict[str, list[Found]] = {}
    for found in report.coverage.found:
        kinds.setdefault(found.format, []).append(found)
    return [
        FormatRow(
            name,
            counts.get(name, 0),
            ", ".join(
                f"{found.count} {found.kind.removeprefix('microsoft.')}"
                for found in sorted(kinds.get(name, ()), key=lambda found: (-found.count, found.kind))
            ),
        )
        for name in sorted(counts.keys() | kinds.keys())
    ]


def skipped_for(report: Report) -> list[tuple[str, list[Artifact]]]:
    """Files that were left alone, by the reason; the commonest reason first."""
    reasons: dict[str, list[Artifact]] = {}
    for artifact in files(report)[ArtifactStatus.SKIPPED]:
        reasons.setdefault(artifact.detail, []).append(artifact)
    return sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))


def looked_at(report: Report) -> str:
    """What the search for MCP surfaces went through: ``2 arm-json, 1 policy``; empty when nothing was read."""
    kinds: dict[str, int] = {}
    for artifact in report.coverage.artifacts:
        if artifact.status in (ArtifactStatus.READ, ArtifactStatus.PARTIAL):
            kinds[artifact.kind or "unknown"] = kinds.get(artifact.kind or "unknown", 0) + 1
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))


def missing(report: Report) -> list[Missing]:
    """Unknown outcomes grouped by what is missing; what holds up most comes first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in ordered(report, report.unknowns()):
        if finding.unknown is not None:
            groups.setdefault((finding.unknown.missing, finding.unknown.remedy), []).append(finding)
    out = [Missing(what, remedy, tuple(found)) for (what, remedy), found in groups.items()]
    return sorted(out, key=lambda group: (-len(group.findings), group.missing, group.remedy))


def tally_line(report: Report) -> str:
    """``12 passed · 3 failed · 2 unknown · 4 not applicable · 0 errors; 1 finding accepted``."""
    tally = report.tally()
    outcomes = " · ".join(
        (
            f"{tally[Outcome.PASS]} passed",
            f"{tally[Outcome.FAIL]} failed",
            f"{tally[Outcome.UNKNOWN]} unknown",
            f"{tally[Outcome.NOT_APPLICABLE]} not applicable",
            counted(tally[Outcome.ERROR], "error"),
        )
    )
    accepted = len(suppressed(report))
    return f"{outcomes}; {counted(accepted, 'finding')} accepted" if accepted else outcomes

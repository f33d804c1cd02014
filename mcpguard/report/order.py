"""The one order in which findings are shown, and their grouping by resource."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import resource_key
from mcpguard.model.finding import Finding, Outcome, Severity, Target
from mcpguard.model.report import Report

SEVERITIES = tuple(sorted(Severity, key=lambda severity: severity.rank, reverse=True))
"""From critical to info."""

_OUTCOMES = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR, Outcome.PASS, Outcome.NOT_APPLICABLE)
_Key = tuple[object, ...]


class Group(msgspec.Struct, frozen=True):
    """One resource and what was found there."""

    target: Target
    findings: tuple[Finding, ...]

    def of(self, *outcomes: Outcome) -> list[Finding]:
        """The group's findings with one of some outcomes."""
        return [finding for finding in self.findings if finding.outcome in outcomes]


def ordered(report: Report, findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity, FAIL before UNKNOWN, then resource, rule and place: independent of the order of input."""
    return sorted(findings, key=lambda finding: _finding_key(report, finding))


def by_resource(report: Report, findings: Iterable[Finding]) -> list[Group]:
    """Findings grouped by resource; the resource with the gravest finding comes first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in ordered(report, findings):
        groups.setdefault((resource_key(finding.target.id), finding.target.kind), []).append(finding)
    return [Group(group[0].target, tuple(group)) for group in groups.values()]


def place_key(location: Location) -> _Key:
    """What locations are ordered by: file, route, range."""
    route = tuple((0, step, "") if isinstance(step, int) else (1, 0, step) for step in location.route)
    within = location.within
    return location.artifact, route, (within.start, within.end) if within else (-1, -1)


def _finding_key(report: Report, finding: Finding) -> _Key:
    target = finding.target
    return (
        -report.severity(finding).rank,
        _OUTCOMES.index(finding.outcome),
        target.name,
        finding.rule,
        place_key(finding.at),
        target.id,
        target.kind,
        finding.message,
    )

"""The documented JSON output; its schema is ``docs/schemas/report.schema.json``."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from mcpguard.core.location import Location
from mcpguard.core.positions import Resolved
from mcpguard.model.finding import RISKS, Finding, Outcome
from mcpguard.model.report import Report
from mcpguard.report.encoding import encode
from mcpguard.report.order import ordered
from mcpguard.report.places import NO_TEXT
from mcpguard.report.prose import stamp
from mcpguard.report.summary import severity_counts

SCHEMA_VERSION = "1"

_LISTED = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR)


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    """Camel-case names; an unset field is left out."""


class _Region(_Struct, frozen=True):
    start_line: int
    start_column: int
    end_line: int
    end_column: int


class _Place(_Struct, frozen=True):
    path: str
    start_line: int | UnsetType = UNSET
    start_column: int | UnsetType = UNSET
    end_line: int | UnsetType = UNSET
    end_column: int | UnsetType = UNSET
    policy: _Region | UnsetType = UNSET
    unresolved: str | UnsetType = UNSET
    note: str | UnsetType = UNSET


class _Tool(_Struct, frozen=True):
    name: str
    version: str


class _Artifact(_Struct, frozen=True):
    path: str
    kind: str
    status: str
    detail: str
    resources: int
    location: _Place | UnsetType = UNSET


class _Gap(_Struct, frozen=True):
    scope: str
    kinds: list[str]
    reason: str
    detail: str
    remedy: str
    path: str | UnsetType = UNSET


class _Expressions(_Struct, frozen=True):
    seen: int
    analysed: int


class _ApiVersion(_Struct, frozen=True):
    type: str
    version: str


class _Found(_Struct, frozen=True):
    format: str
    kind: str
    count: int


class _Coverage(_Struct, frozen=True):
    artifacts: list[_Artifact]
    gaps: list[_Gap]
    expressions: _Expressions
    api_versions: list[_ApiVersion]
    found: list[_Found]
    hidden_surface: str


class _Surface(_Struct, frozen=True):
    id: str
    kind: str
    name: str
    source: str
    confidence: str
    reasons: tuple[str, ...]
    location: _Place


class _Resource(_Struct, frozen=True):
    id: str
    kind: str
    name: str


class _Evidence(_Struct, frozen=True):
    name: str
    value: str


class _Suppression(_Struct, frozen=True):
    source: str
    reason: str
    approved_by: str
    expires: str


class _Unknown(_Struct, frozen=True):
    missing: str
    remedy: str


class _Finding(_Struct, frozen=True):
    rule_id: str
    name: str
    severity: str
    risk: str
    outcome: str
    confidence: str | None
    message: str
    resource: _Resource
    location: _Place
    related: list[_Place]
    flow: list[_Place]
    evidence: list[_Evidence]
    fingerprint: str
    suppression: _Suppression | None
    unknown: _Unknown | UnsetType = UNSET


class _Tally(_Struct, frozen=True):
    outcomes: dict[str, int]
    by_severity: dict[str, int]
    matrix: dict[str, dict[str, int]]


class _Document(_Struct, frozen=True):
    schema_version: str
    tool: _Tool
    as_of: str
    inputs: tuple[str, ...]
    digest: str
    fail_on: str | None
    coverage: _Coverage
    surfaces: list[_Surface]
    findings: list[_Finding]
    tally: _Tally


def render(report: Report, *, show_passes: bool = False) -> str:
    """The report as JSON; PASS and NOT_APPLICABLE are listed only with ``show_passes``, and always counted."""
    listed = (f for f in report.findings if show_passes or f.outcome in _LISTED)
    surfaces = sorted(report.surfaces, key=lambda surface: (surface.name, surface.id, surface.kind))
    return encode(
        _Document(
            schema_version=SCHEMA_VERSION,
            tool=_Tool(name="mcpguard", version=report.version),
            as_of=stamp(report),
            inputs=report.inputs,
            digest=report.digest,
            fail_on=report.fail_on.value if report.fail_on else None,
            coverage=_coverage(report),
            surfaces=[
                _Surface(
                    id=surface.id,
                    kind=surface.kind,
                    name=surface.name,
                    source=surface.source,
                    confidence=surface.confidence,
                    reasons=surface.reasons,
                    location=_place(report, surface.at),
                )
                for surface in surfaces
            ],
            findings=[_finding(report, finding) for finding in ordered(report, listed)],
            tally=_tally(report),
        )
    )


def _finding(report: Report, finding: Finding) -> _Finding:
    rule, target, issue = report.rules[finding.rule], finding.target, finding.issue
    accepted, unknown = finding.suppression, finding.unknown
    return _Finding(
        rule_id=rule.id,
        name=rule.name,
        severity=rule.severity.value,
        risk=rule.risk,
        outcome=_outcome(finding.outcome),
        confidence=issue.confidence.value if issue else None,
        message=finding.message,
        resource=_Resource(id=target.id, kind=target.kind, name=target.name),
        location=_place(report, finding.at),
        related=_noted(report, issue.related if issue else ()),
        flow=_noted(report, issue.flow if issue else ()),
        evidence=[_Evidence(name=name, value=value) for name, value in (issue.evidence if issue else ())],
        fingerprint=finding.fingerprint,
        suppression=_Suppression(
            source=accepted.source,
            reason=accepted.reason,
            approved_by=accepted.approved_by,
            expires=accepted.expires,
        )
        if accepted
        else None,
        unknown=_Unknown(missing=unknown.missing, remedy=unknown.remedy) if unknown else UNSET,
    )


def _coverage(report: Report) -> _Coverage:
    coverage = report.coverage
    return _Coverage(
        artifacts=[
            _Artifact(
                path=artifact.path,
                kind=artifact.kind,
                status=artifact.status.value,
                detail=artifact.detail,
                resources=artifact.resources,
                location=_place(report, artifact.at) if artifact.at else UNSET,
            )
            for artifact in sorted(coverage.artifacts, key=lambda artifact: (artifact.path, artifact.kind))
        ],
        gaps=[
            _Gap(
                scope=gap.scope,
                kinds=sorted(gap.kinds),
                reason=gap.reason.value,
                detail=gap.detail,
                remedy=gap.remedy,
                path=gap.at.artifact if gap.at else UNSET,
            )
            for gap in sorted(coverage.gaps, key=lambda gap: (gap.scope, gap.reason.value, gap.detail, sorted(gap.kinds)))
        ],
        expressions=_Expressions(seen=coverage.expressions.seen, analysed=coverage.expressions.analysed),
        api_versions=[_ApiVersion(type=type_, version=version) for type_, version in sorted(coverage.api_versions)],
        found=[_Found(format=found.format, kind=found.kind, count=found.count) for found in coverage.found],
        hidden_surface=coverage.hidden_surface,
    )


def _tally(report: Report) -> _Tally:
    matrix = report.matrix()
    empty = dict.fromkeys(Outcome, 0)
    return _Tally(
        outcomes=_counts(report.tally()),
        by_severity={severity.value: number for severity, number in severity_counts(report).items()},
        matrix={risk: _counts(matrix.get(risk, empty)) for risk in RISKS},
    )


def _counts(tally: dict[Outcome, int]) -> dict[str, int]:
    return {_outcome(outcome): tally[outcome] for outcome in Outcome}


def _outcome(outcome: Outcome) -> str:
    return "notApplicable" if outcome is Outcome.NOT_APPLICABLE else outcome.value


def _noted(report: Report, locations: Iterable[Location]) -> list[_Place]:
    return [_place(report, location, note=location.note) for location in locations]


def _place(report: Report, location: Location, note: str | UnsetType = UNSET) -> _Place:
    resolved = report.resolve(location)
    if resolved is None:
        return _Place(path=location.artifact, unresolved=NO_TEXT, note=note)
    span = resolved.span
    return _Place(
        path=location.artifact,
        start_line=span.line,
        start_column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        policy=_policy(resolved),
        note=note,
    )


def _policy(resolved: Resolved) -> _Region | UnsetType:
    inner = resolved.inner
    if inner is None:
        return UNSET
    return _Region(
        start_line=inner.line,
        start_column=inner.column,
        end_line=inner.end_line,
        end_column=inner.end_column,
    )

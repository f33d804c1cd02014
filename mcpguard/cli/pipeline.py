"""The one way through: paths to evidence, evidence to estate, estate to outcomes, outcomes to a report."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mcpguard import sources
from mcpguard.core.errors import UsageError
from mcpguard.core.location import Location
from mcpguard.engine import registry
from mcpguard.engine.coverage import describe_coverage, describe_surfaces
from mcpguard.engine.places import Places
from mcpguard.engine.run import run
from mcpguard.engine.triage import Selection, counts, select_rules, triage
from mcpguard.evidence import Artifact, ArtifactStatus, Evidence
from mcpguard.governance import ManifestError, attach, parse_manifest
from mcpguard.model.estate import Estate
from mcpguard.model.finding import Outcome, Severity
from mcpguard.model.kinds.governance import Manifest
from mcpguard.model.report import Report
from mcpguard.normalize import build
from mcpguard.version import __version__

if TYPE_CHECKING:
    from mcpguard.model.sheet import Sheet


class Settings(msgspec.Struct, frozen=True):
    """What a scan was asked to do."""

    selection: Selection = Selection()
    fail_on: Severity | None = Severity.HIGH
    strict: bool = False
    """Whether an UNKNOWN outcome, a gap or an unread file makes the run incomplete (exit status 3)."""
    complete: bool = False
    """The user's word that the input holds everything that exists, so that what is absent does not exist."""
    assume_mcp: bool = False
    """The user's word that every HTTP API and every loose policy fronts an MCP server."""
    manifest: Path | None = None
    rules: tuple[Path, ...] = ()
    max_file_size: int = 100 * 2**20
    verify: bool = False
    """Whether a snapshot that was changed since it was written is refused."""
    allow_outside: bool = False
    """Whether what templates name outside of the scanned paths is read as well."""
    as_of: datetime.datetime | None = None
    options: Mapping[str, object] = {}
    sheets: bool = False
    """Whether the report tells every MCP server in full, which the HTML report draws."""


def scan(paths: Sequence[Path], settings: Settings) -> Report:
    """Read, normalize, judge.

    Raises:
        UsageError: a path, a selection or the manifest named with ``settings.manifest`` cannot be used.
        NothingReadError: no file could be read.
    """
    loaded = registry.load(settings.rules)
    selected = select_rules(loaded, settings.selection)
    now = settings.as_of or datetime.datetime.now(datetime.UTC)
    estate, evidence = read_estate(paths, settings, now)
    options = {"persona": settings.selection.persona, **settings.options}
    findings = triage(run(selected, estate, options, Places(evidence.resources)), settings.selection)
    return Report(
        findings=findings,
        rules={rule.meta.id: rule.meta for rule in selected},
        surfaces=describe_surfaces(estate),
        coverage=describe_coverage(estate, evidence),
        inputs=evidence.inputs,
        as_of=now,
        digest=evidence.digest,
        version=__version__,
        fail_on=settings.fail_on,
        texts=evidence.texts,
        sheets=_sheets(estate) if settings.sheets else (),
    )


def _sheets(estate: Estate) -> tuple[Sheet, ...]:
    from mcpguard.inventory import inventory  # slow to import, and for one format only

    return inventory(estate).sheets


def read_estate(paths: Sequence[Path], settings: Settings, now: datetime.datetime) -> tuple[Estate, Evidence]:
    """Read, normalize and join the manifest.

    Raises:
        UsageError: a path or the manifest named with ``settings.manifest`` cannot be used.
        NothingReadError: no file could be read.
    """
    evidence = sources.read(
        paths,
        max_file_size=settings.max_file_size,
        manifest=settings.manifest,
        verify=settings.verify,
        allow_outside=settings.allow_outside,
    )
    if settings.complete:
        evidence = evidence.as_complete()
    evidence, manifest_source = _manifest(evidence, settings)
    estate = build(evidence, now, assume_mcp=settings.assume_mcp, manifest=manifest_source)
    attach(estate, *manifest_source)
    return estate, evidence


def exit_status(report: Report, settings: Settings) -> int:
    """0 below the threshold, 1 at or above it, 3 incomplete under ``--strict``, 4 when a rule crashed."""
    if any(finding.outcome is Outcome.ERROR for finding in report.findings):
        return 4
    if any(counts(finding, report.severity(finding), settings.fail_on) for finding in report.findings):
        return 1
    if settings.strict and (report.unknowns() or report.coverage.gaps or _unread(report)):
        return 3
    return 0


def _unread(report: Report) -> bool:
    return any(artifact.status in (ArtifactStatus.FAILED, ArtifactStatus.PARTIAL) for artifact in report.coverage.artifacts)


def _manifest(evidence: Evidence, settings: Settings) -> tuple[Evidence, tuple[Manifest | None, Location | None]]:
    """The manifest among the evidence. A broken one that was named is an error; one that was found is a finding."""
    found = [raw for raw in evidence.resources if raw.type == "file/manifest"]
    if settings.manifest is not None and not found:
        raise UsageError(
            f"{settings.manifest} is not a manifest", "it begins with apiVersion: mcpguard/v1 and kind: McpInventory"
        )
    if len(found) > 1:
        names = ", ".join(raw.origin.artifact for raw in found)
        raise UsageError(f"more than one manifest: {names}", "name the one that counts with --manifest FILE")
    for raw in found:
        try:
            return evidence, (parse_manifest(raw.body, raw.origin), raw.origin)
        except ManifestError as error:
            if settings.manifest is not None:
                raise
            return _failed(evidence, raw.origin.artifact, error), (None, None)
    return evidence, (None, None)


def _failed(evidence: Evidence, path: str, error: ManifestError) -> Evidence:
    def mark(artifact: Artifact) -> Artifact:
        if artifact.path != path:
            return artifact
        detail = f"{error.message} ({error.hint})"
        return msgspec.structs.replace(artifact, status=ArtifactStatus.FAILED, detail=detail, at=error.at)

    return msgspec.structs.replace(evidence, artifacts=tuple(mark(artifact) for artifact in evidence.artifacts))

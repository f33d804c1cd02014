"""The report: everything that came of one run. Renderers are pure functions of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from mcpguard.core.location import Location
from mcpguard.core.positions import Resolved, SourceText
from mcpguard.evidence import Artifact, ArtifactText, Evidence, Gap
from mcpguard.evidence.redaction import mask_text
from mcpguard.model.finding import Finding, Outcome, RuleMeta, Severity

if TYPE_CHECKING:
    from mcpguard.model.sheet import Sheet

_SHORTEST_PART = 4
"""Characters from which on one line of a secret of several lines is masked by itself."""


class Surface(msgspec.Struct, frozen=True):
    """One MCP surface that was found, for the overview."""

    id: str
    kind: str
    name: str
    source: str
    confidence: str
    reasons: tuple[str, ...]
    at: Location


class ExpressionCount(msgspec.Struct, frozen=True):
    """Policy expressions in the input."""

    seen: int
    analysed: int
    """Those that were parsed; the rest is named in the findings that depend on them."""


class Found(msgspec.Struct, frozen=True):
    """How many resources of one kind files of one format held."""

    format: str
    """``arm-json``, ``graph``, ``apiops``…"""
    kind: str
    """The kind in the model, or the raw type where the model has none."""
    count: int


class Coverage(msgspec.Struct, frozen=True):
    """What was read and what was not."""

    artifacts: tuple[Artifact, ...]
    gaps: tuple[Gap, ...]
    expressions: ExpressionCount
    api_versions: tuple[tuple[str, str], ...]
    """Pairs of resource type and api-version that were seen."""
    hidden_surface: str
    """Why MCP servers could exist that this input cannot show; empty when none could."""
    found: tuple[Found, ...] = ()
    """What the files held, by format and kind."""


class Report(msgspec.Struct, frozen=True):
    """One run."""

    findings: tuple[Finding, ...]
    """After triage, in report order: every outcome, suppressed ones included."""
    rules: dict[str, RuleMeta]
    """Every rule that was selected, by id."""
    surfaces: tuple[Surface, ...]
    coverage: Coverage
    inputs: tuple[str, ...]
    as_of: datetime
    digest: str
    version: str
    fail_on: Severity | None
    """Severity from which on findings make the run fail; None for never."""
    texts: dict[str, ArtifactText]
    sheets: tuple[Sheet, ...] = ()
    """Each MCP server in full, where a format that draws them was asked for."""
    _sources: dict[str, SourceText] = {}

    def severity(self, finding: Finding) -> Severity:
        """The severity of the finding's rule."""
        return self.rules[finding.rule].severity

    def failures(self) -> list[Finding]:
        """What failed and is not suppressed."""
        return [f for f in self.findings if f.outcome is Outcome.FAIL and f.suppression is None]

    def unknowns(self) -> list[Finding]:
        """What could not be told and is not suppressed."""
        return [f for f in self.findings if f.outcome is Outcome.UNKNOWN and f.suppression is None]

    def pairs(self) -> dict[tuple[str, str], Outcome]:
        """The outcome of every rule on every target. A pair that both crashed and failed is an ERROR; one failure is enough."""
        out: dict[tuple[str, str], Outcome] = {}
        for finding in self.findings:
            pair = finding.rule, finding.target.id
            if out.get(pair) not in (Outcome.ERROR, Outcome.FAIL):
                out[pair] = finding.outcome
        return out

    def tally(self) -> dict[Outcome, int]:
        """How many rule-and-target pairs had which outcome; a pair that fails twice counts once."""
        out = dict.fromkeys(Outcome, 0)
        for outcome in self.pairs().values():
            out[outcome] += 1
        return out

    def matrix(self) -> dict[str, dict[Outcome, int]]:
        """The tally per risk row."""
        out: dict[str, dict[Outcome, int]] = {}
        for (rule, _), outcome in self.pairs().items():
            out.setdefault(self.rules[rule].risk, dict.fromkeys(Outcome, 0))[outcome] += 1
        return out

    def resolve(self, location: Location) -> Resolved | None:
        """Lines, columns and the lines to quote, secrets masked; None when the file's text is not there."""
        source = self._sources.get(location.artifact)
        text = self.texts.get(location.artifact)
        if text is None:
            return None
        if source is None:
            source = self._sources[location.artifact] = SourceText(text.data, text.format, text.moved, text.places)
        resolved = source.resolve(location)
        return msgspec.structs.replace(resolved, excerpt=_masked(resolved.excerpt, text.secrets))


def empty_report(evidence: Evidence, as_of: datetime, version: str) -> Report:
    """A report without findings: it resolves places and masks what is quoted."""
    return Report(
        findings=(),
        rules={},
        surfaces=(),
        coverage=Coverage(evidence.artifacts, evidence.gaps, ExpressionCount(0, 0), (), ""),
        inputs=evidence.inputs,
        as_of=as_of,
        digest=evidence.digest,
        version=version,
        fail_on=None,
        texts=evidence.texts,
    )


def _masked(lines: tuple[str, ...], secrets: Iterable[str]) -> tuple[str, ...]:
    """Lines masked together, because a key may run over several.

    A mask is as long as what it hides, so lines keep their ends. Longer secrets go first: one may contain another.
    """
    parts = {part for secret in secrets for part in secret.splitlines() if len(part) >= _SHORTEST_PART} | set(secrets)
    masked = mask_text("\n".join(lines), sorted(parts, key=lambda part: (-len(part), part)))
    out = []
    position = 0
    for line in lines:
        out.append(masked[position : position + len(line)])
        position += len(line) + 1
    return tuple(out)


def highest(findings: Iterable[Finding], report: Report) -> Severity | None:
    """The highest severity among findings; None when there are none."""
    return max((report.severity(finding) for finding in findings), key=lambda severity: severity.rank, default=None)

"""What a rule is, what it yields, and what the engine makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.mcp import Confidence


class Severity(Enum):
    """Fixed per rule: GitHub reads ``security-severity`` from the rule, not from the result."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """4 for critical to 0 for info."""
        return ("info", "low", "medium", "high", "critical").index(self.value)

    @property
    def score(self) -> str:
        """The number that SARIF's ``security-severity`` carries, as the text that it must be."""
        return {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.0"}[self.value]


class Outcome(Enum):
    """What came of one rule on one target."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


RISKS: dict[str, str] = {
    "token-passthrough": "Token passthrough",
    "obo-dead-end": "On-behalf-of dead ends",
    "streaming-or-body-leak": "Broken streams and leaked bodies",
    "over-broad-tools": "Over-broad tools",
    "oauth-proxy-abuse": "OAuth proxy abuse",
    "agent-sprawl": "Agent sprawl",
    "unsafe-external-tools": "Unsafe external tools",
    "surface-mismatch": "Surface mismatch",
    "ingress-auth": "Unauthenticated ingress",
    "evidence-gap": "Evidence gaps",
}
"""The risk register: every rule serves one row."""


class RuleMeta(msgspec.Struct, frozen=True):
    """The front matter of a ``rule.md`` and the page under it."""

    id: str
    name: str
    title: str
    severity: Severity
    risk: str
    targets: tuple[str, ...]
    """Kinds that the rule judges, one at a time."""
    reads: tuple[str, ...]
    """Kinds it depends on besides: a gap that covers one makes the outcome UNKNOWN."""
    since: str
    persona: str = "all"
    """``auditor`` for rules that run only with ``--persona auditor``."""
    controls: tuple[str, ...] = ()
    """Ids in public taxonomies, most useful first: ``CWE-441``, ``MCP01``, ``ASI03``, ``AC-4``."""
    status: str = "stable"
    page: str = ""
    """The whole page without front matter and examples, as Markdown."""
    family: str = ""
    """Name of the folder that holds the rule's folder."""

    @property
    def number(self) -> str:
        """Id and name, as people quote a rule."""
        return f"{self.id} {self.name}"

    @property
    def summary(self) -> str:
        """First paragraph of the section *What it checks*, as plain text."""
        return self._section("What it checks").split("\n\n")[0].replace("\n", " ").replace("`", "")

    @property
    def fix(self) -> str:
        """The section *How to fix*, as Markdown."""
        return self._section("How to fix")

    def _section(self, heading: str) -> str:
        """The text below a heading; empty when there is none. Taken out when asked for: most rules have nothing to report."""
        return f"\n{self.page}".partition(f"\n## {heading}\n")[2].partition("\n## ")[0].strip()


class Issue(msgspec.Struct, frozen=True):
    """Something wrong, as a rule yields it."""

    message: str
    """One sentence that names the thing, the value seen and the value wanted."""
    at: Location
    related: tuple[Location, ...] = ()
    flow: tuple[Location, ...] = ()
    """Steps of a data flow in order; each location's note says what happens there."""
    evidence: tuple[tuple[str, str], ...] = ()
    """What the judgement rests on, as name and value: ``("entry path", "key of product starter")``."""
    confidence: Confidence = Confidence.HIGH
    key: str = ""
    """What tells this issue from another of the same rule at the same place of the same target; goes into the fingerprint."""


def merged(
    verdicts: Iterable[Issue | Unknown], same: Callable[[Issue], object] = lambda issue: (issue.at, issue.key)
) -> Iterator[Issue | Unknown]:
    """One issue for those that are the ``same``, resting on the evidence of all of them; unknowns as they come, and first."""
    issues: dict[object, Issue] = {}
    for verdict in verdicts:
        match verdict:
            case Issue():
                before = issues.setdefault(same(verdict), verdict)
                evidence = tuple(dict.fromkeys((*before.evidence, *verdict.evidence)))
                issues[same(verdict)] = msgspec.structs.replace(before, evidence=evidence)
            case Unknown():
                yield verdict
    yield from issues.values()


class Suppression(msgspec.Struct, frozen=True):
    """Why a finding is accepted."""

    source: str
    """``manifest``, ``baseline`` or ``ignore``."""
    reason: str
    approved_by: str = ""
    expires: str = ""


class Target(msgspec.Struct, frozen=True):
    """What was judged, as far as a report needs it."""

    id: str
    kind: str
    name: str
    title: str
    at: Location


class Finding(msgspec.Struct, frozen=True):
    """One outcome of one rule on one target; a target that fails twice has two."""

    rule: str
    """Id of the rule."""
    target: Target
    outcome: Outcome
    issue: Issue | None = None
    """Set for FAIL."""
    unknown: Unknown | None = None
    """Set for UNKNOWN: what is missing and how to get it."""
    detail: str = ""
    """For NOT_APPLICABLE and ERROR: why."""
    suppression: Suppression | None = None
    fingerprint: str = ""
    """Hash of rule, resource and route: the same after reformatting, never a line number."""

    @property
    def at(self) -> Location:
        """Where the finding stands: the issue's place, else the missing value's, else the target's."""
        if self.issue is not None:
            return self.issue.at
        if self.unknown is not None and self.unknown.at is not None:
            return self.unknown.at
        return self.target.at

    @property
    def message(self) -> str:
        """What to show for it."""
        if self.issue is not None:
            return self.issue.message
        if self.unknown is not None:
            return f"Cannot tell for {self.target.title}. Not known: {self.unknown.missing}."
        return self.detail

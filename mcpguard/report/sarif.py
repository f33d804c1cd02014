"""SARIF 2.1.0 as GitHub code scanning accepts it: one run, one location a result, its limits kept.

Only failures that nobody accepted are results. What could not be told, what broke and what could not be read are
notifications of the invocation, so that an alert is never opened for ignorance and ignorance is never lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mcpguard.core.location import Location as Place
from mcpguard.core.positions import Resolved
from mcpguard.evidence import ArtifactStatus
from mcpguard.model.finding import Finding, Outcome, RuleMeta, Severity
from mcpguard.model.kinds.mcp import Confidence, least
from mcpguard.model.report import Report
from mcpguard.report import sarif_model as sarif
from mcpguard.report.encoding import encode
from mcpguard.report.order import ordered
from mcpguard.report.places import NO_TEXT
from mcpguard.report.prose import counted, first_sentence, stamp
from mcpguard.report.summary import file_counts, files

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
"""More, and GitHub refuses the file."""
SHOWN_RESULTS = 5_000
"""GitHub shows no more than these, gravest first."""
MAX_LOCATIONS = 100
MAX_FLOW = 1_000
MAX_TAGS = 10
MAX_TEXT = 1_024
_MAX_SNIPPET = 2_000

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_PROBLEMS = {"error": "error", "warning": "warning", "note": "recommendation"}
_NOTIFICATIONS = {
    "unknown-outcome": ("UnknownOutcome", "A rule could not be decided because data is missing."),
    "internal-error": ("InternalError", "A rule ended in an internal error."),
    "unread-file": ("UnreadFile", "A file could not be read, or not in full."),
    "coverage-gap": ("CoverageGap", "Something exists, or may exist, that was not read."),
    "hidden-surface": ("HiddenSurface", "MCP servers could exist that this input cannot show."),
    "no-surface": ("NoSurface", "No MCP surface was found."),
    "limit": ("Limit", "Something was left out to stay within the limits of code scanning."),
}
_TAXONOMIES = (
    (re.compile(r"CWE-\d+"), "external/cwe/"),
    (re.compile(r"MCP\d\d"), "owasp-mcp/"),
    (re.compile(r"ASI\d\d"), "owasp-agentic/"),
    (re.compile(r"API\d+"), "owasp-api/"),
    (re.compile(r"AML\.\w+(\.\d+)?"), "mitre-atlas/"),
    (re.compile(r"(AC|AT|AU|CA|CM|CP|IA|IR|MA|MP|PE|PL|PM|PS|PT|RA|SA|SC|SI|SR)-\d+(\(\d+\))?"), "nist-800-53/"),
)
_LINK = re.compile(r"\[(?=[^\]]*\]\()")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def render(report: Report, *, category: str = "scan", prefix: str = "") -> str:
    """The report as SARIF.

    ``category`` keeps this run's alerts apart from those of other runs of mcpguard over the same repository. ``prefix``
    is the path from the repository's root to the scan root: GitHub resolves paths against the former.
    """
    return encode(_Builder(report, prefix).log(category))


class _Builder:
    def __init__(self, report: Report, prefix: str) -> None:
        self.report = report
        prefix = prefix.removeprefix("./").strip("/")
        self.prefix = f"{prefix}/" if prefix.strip(".") else ""
        self.rules = [report.rules[id_] for id_ in sorted(report.rules)]
        self.index = {rule.id: position for position, rule in enumerate(self.rules)}
        self.notes: list[sarif.Notification] = []
        self.left_out = [0, 0]

    def log(self, category: str) -> sarif.Log:
        report = self.report
        failures = ordered(report, report.failures())
        results = self.results(failures[:MAX_RESULTS])
        precision = _precision(failures)
        self.undecided()
        self.unread()
        self.limits(len(failures))
        run = sarif.Run(
            tool=sarif.Tool(
                driver=sarif.Driver(
                    name="mcpguard",
                    semantic_version=report.version,
                    rules=[_rule(rule, precision.get(rule.id, Confidence.HIGH)) for rule in self.rules],
                    notifications=[
                        sarif.Descriptor(id=id_, name=name, short_description=sarif.Message(text=text))
                        for id_, (name, text) in _NOTIFICATIONS.items()
                    ],
                )
            ),
            automation_details=sarif.AutomationDetails(id=f"mcpguard/{category.strip('/')}/"),
            invocations=[
                sarif.Invocation(
                    execution_successful=not any(f.outcome is Outcome.ERROR for f in report.findings),
                    tool_execution_notifications=self.notes or None,
                )
            ],
            column_kind="unicodeCodePoints",
            results=results,
            properties={"asOf": stamp(report), "digest": report.digest, "coverage": file_counts(report)},
        )
        return sarif.Log(schema=SCHEMA, version="2.1.0", runs=[run])

    def results(self, failures: Sequence[Finding]) -> list[sarif.Result]:
        seen: dict[str, int] = {}
        out = []
        for finding in failures:
            # Two findings of one rule in one text share a fingerprint; GitHub would show them as one alert.
            seen[finding.fingerprint] = ordinal = seen.get(finding.fingerprint, 0) + 1
            out.append(self.result(finding, f"{finding.fingerprint}:{ordinal}"))
        return out

    def result(self, finding: Finding, fingerprint: str) -> sarif.Result:
        rule, issue = self.report.rules[finding.rule], finding.issue
        related, flow = (issue.related, issue.flow) if issue else ((), ())
        self.left_out[0] += max(0, len(related) - MAX_LOCATIONS + 1)
        self.left_out[1] += max(0, len(flow) - MAX_FLOW)
        related = related[: MAX_LOCATIONS - 1]
        steps = [sarif.FlowLocation(location=self.location(step)) for step in flow[:MAX_FLOW]]
        properties: dict[str, object] = {
            "resource": finding.target.id,
            "kind": finding.target.kind,
            "risk": rule.risk,
            "confidence": (issue.confidence if issue else Confidence.HIGH).value,
        }
        if issue and issue.evidence:
            properties["evidence"] = [{"name": name, "value": value} for name, value in issue.evidence]
        resolved = self.report.resolve(finding.at)
        if resolved is None:
            properties["unresolved"] = NO_TEXT
        elif resolved.inner:
            properties["policyLine"] = resolved.inner.line
        return sarif.Result(
            rule_id=rule.id,
            rule_index=self.index[rule.id],
            level=_LEVELS[rule.severity],
            message=sarif.Message(text=self.message(finding, rule, related)),
            locations=[self.location(finding.at, finding)],
            related_locations=[self.location(place, id=number) for number, place in enumerate(related, 1)] or None,
            code_flows=[sarif.CodeFlow(thread_flows=[sarif.ThreadFlow(locations=steps)])] if steps else None,
            partial_fingerprints={"primaryLocationLineHash": fingerprint},
            fingerprints={"mcpguard/v1": fingerprint},
            properties=properties,
        )

    def message(self, finding: Finding, rule: RuleMeta, related: Sequence[Place]) -> str:
        """What is wrong, how to fix it, and links to the related places (GitHub shows those only when linked)."""
        parts = [_unlinked(finding.message or rule.title)]
        if fix := first_sentence(rule.fix):
            parts.append(f"Fix: {_unlinked(fix)}")
        if related:
            links = (f"[{_bracketed(place)}]({number})" for number, place in enumerate(related, 1))
            parts.append(f"See also: {', '.join(links)}.")
        return " ".join(parts)

    def location(self, place: Place, finding: Finding | None = None, id: int | None = None) -> sarif.Location:
        resolved = self.report.resolve(place)
        return sarif.Location(
            id=id,
            physical_location=sarif.PhysicalLocation(
                artifact_location=sarif.ArtifactLocation(uri=self.uri(place.artifact), uri_base_id="%SRCROOT%"),
                region=_region(resolved),
                context_region=_context(resolved),
            ),
            logical_locations=[
                sarif.LogicalLocation(name=finding.target.name, fully_qualified_name=finding.target.id, kind="resource")
            ]
            if finding
            else None,
            message=sarif.Message(text=place.note) if place.note else None,
        )

    def uri(self, path: str) -> str:
        """A relative URI, percent-encoded; ``.`` for a place without a file, which GitHub needs to be something."""
        data = f"{self.prefix}{path.lstrip('/')}".encode("utf-8", "replace")
        return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in data) or "."

    def undecided(self) -> None:
        report = self.report
        chosen = (Outcome.UNKNOWN, Outcome.ERROR)
        open_ = (f for f in report.findings if f.outcome in chosen and f.suppression is None)
        for finding in ordered(report, open_):
            if finding.outcome is Outcome.ERROR:
                self.note("internal-error", "error", finding.message, finding.at, finding.rule)
            else:
                remedy = f" To get it: {finding.unknown.remedy}" if finding.unknown and finding.unknown.remedy else ""
                self.note("unknown-outcome", "note", f"{finding.message}{remedy}", finding.at, finding.rule)

    def unread(self) -> None:
        coverage = self.report.coverage
        by_status = files(self.report)
        for artifact in (*by_status[ArtifactStatus.FAILED], *by_status[ArtifactStatus.PARTIAL]):
            how = "not read" if artifact.status is ArtifactStatus.FAILED else "read in part"
            detail = f"{artifact.path} was {how}: {artifact.detail}"
            self.note("unread-file", "warning", detail, artifact.at or Place(artifact.path))
        for gap in sorted(coverage.gaps, key=lambda gap: (gap.scope, gap.reason.value, gap.detail)):
            remedy = f" To close it: {gap.remedy}" if gap.remedy else ""
            self.note("coverage-gap", "warning", f"{gap.detail} ({gap.reason.value}){remedy}", gap.at)
        if not self.report.surfaces:
            self.note("no-surface", "warning", f"No MCP surface was found. {file_counts(self.report)}.")
        if coverage.hidden_surface:
            self.note("hidden-surface", "note", coverage.hidden_surface)

    def limits(self, failures: int) -> None:
        if failures > MAX_RESULTS:
            self.note(
                "limit",
                "warning",
                f"{counted(failures - MAX_RESULTS, 'result')} of {failures} left out: code scanning refuses more than "
                f"{MAX_RESULTS}. The JSON output has them all.",
            )
        if failures > SHOWN_RESULTS:
            self.note("limit", "note", f"GitHub shows the {SHOWN_RESULTS} gravest of {failures} results.")
        for number, noun in zip(self.left_out, ("related place", "flow step"), strict=True):
            if number:
                self.note("limit", "note", f"{counted(number, noun)} left out; the JSON output has them all.")

    def note(self, kind: str, level: str, text: str, at: Place | None = None, rule: str = "") -> None:
        self.notes.append(
            sarif.Notification(
                descriptor=sarif.Reference(id=kind, index=list(_NOTIFICATIONS).index(kind)),
                associated_rule=sarif.Reference(id=rule, index=self.index[rule]) if rule else None,
                level=level,
                message=sarif.Message(text=_unlinked(text)),
                locations=[self.location(at)] if at else None,
            )
        )


def _rule(rule: RuleMeta, precision: Confidence) -> sarif.Descriptor:
    level = _LEVELS[rule.severity]
    properties: dict[str, object] = {
        "tags": _tags(rule),
        "precision": precision.value,
        "problem.severity": _PROBLEMS[level],
    }
    if rule.severity is not Severity.INFO:
        properties["security-severity"] = rule.severity.score
    page = rule.page or rule.fix or rule.summary or rule.title
    return sarif.Descriptor(
        id=rule.id,
        name="".join(word[:1].upper() + word[1:] for word in re.split(r"[-_ ]+", rule.name)),
        short_description=sarif.Message(text=_cut(rule.title or rule.name)),
        full_description=sarif.Message(text=_cut(rule.summary or rule.title or rule.name)),
        help=sarif.Message(text=page, markdown=page),
        default_configuration=sarif.Configuration(level=level),
        properties=properties,
    )


def _tags(rule: RuleMeta) -> list[str]:
    tags = ["security", rule.risk]
    for control in rule.controls:
        prefix = next((prefix for pattern, prefix in _TAXONOMIES if pattern.fullmatch(control)), "control/")
        tags.append(prefix + (control.lower() if control.startswith("CWE-") else control))
    return list(dict.fromkeys(tags))[:MAX_TAGS]


def _precision(failures: Iterable[Finding]) -> dict[str, Confidence]:
    """GitHub has it on the rule, mcpguard on the finding: the least sure finding of this run decides."""
    out: dict[str, Confidence] = {}
    for finding in failures:
        if finding.issue:
            out[finding.rule] = least(finding.issue.confidence, out.get(finding.rule, Confidence.HIGH))
    return out


def _region(resolved: Resolved | None) -> sarif.Region:
    if resolved is None:
        return sarif.Region(start_line=1, start_column=1, end_line=1, end_column=1)
    span = resolved.span
    return sarif.Region(start_line=span.line, start_column=span.column, end_line=span.end_line, end_column=span.end_column)


def _context(resolved: Resolved | None) -> sarif.Region | None:
    """The whole lines around a region, masked; none where they are not the file's own lines, or are too long to help."""
    if resolved is None or resolved.inner is not None or not resolved.excerpt:
        return None
    span, lines = resolved.span, resolved.excerpt
    last = span.line + len(lines) - 1
    whole = span.column == 1 and span.end_line == last and span.end_column > len(lines[-1])
    if whole or span.end_line > last or sum(map(len, lines)) > _MAX_SNIPPET:
        return None
    return sarif.Region(start_line=span.line, end_line=last, snippet=sarif.Content(text="\n".join(lines)))


def _bracketed(place: Place) -> str:
    """The text of an embedded link, in which brackets and backslashes are escaped."""
    return re.sub(r"[\[\]\\]", r"\\\g<0>", place.note or place.artifact)


def _unlinked(text: str) -> str:
    """``text`` with what SARIF would read as an embedded link escaped: it comes from the input."""
    return _LINK.sub(r"\\[", text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"

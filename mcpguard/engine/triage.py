"""Triage: what is run, what is shown, what counts. It happens here, once, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from mcpguard.core.errors import UsageError
from mcpguard.engine.registry import Rule
from mcpguard.model.finding import RISKS, Finding, Outcome, Severity
from mcpguard.model.kinds.mcp import Confidence


class Selection(msgspec.Struct, frozen=True):
    """What the user asked for."""

    select: tuple[str, ...] = ()
    """Ids, names, families or risks; empty means all."""
    ignore: tuple[str, ...] = ()
    persona: str = "regular"
    """``regular`` or ``auditor``; the latter adds the pedantic rules and judges registrations tied to nothing."""
    min_confidence: Confidence = Confidence.LOW


def select_rules(rules: Mapping[str, Rule], selection: Selection) -> list[Rule]:
    """The rules to run.

    Raises:
        UsageError: a word in ``select`` or ``ignore`` names no rule, family or risk.
    """
    families = {rule.meta.family for rule in rules.values()}
    for word in (*selection.select, *selection.ignore):
        known_words = {w for rule in rules.values() for w in (rule.meta.id.lower(), rule.meta.name)}
        if word.lower() not in known_words | families | set(RISKS):
            raise UsageError(_no_such(word, known_words | families | set(RISKS)), "mcpguard rules list shows them all")
    return [
        rule
        for rule in rules.values()
        if (not selection.select or _matches(rule, selection.select))
        and not _matches(rule, selection.ignore)
        and (rule.meta.persona != "auditor" or selection.persona == "auditor")
    ]


def triage(findings: Iterable[Finding], selection: Selection) -> tuple[Finding, ...]:
    """Findings that are worth saying: failures below the asked confidence become NOT_APPLICABLE, with the reason kept."""
    out = []
    for finding in findings:
        issue = finding.issue
        if issue is not None and issue.confidence.rank < selection.min_confidence.rank:
            detail = f"confidence {issue.confidence.value} is below the asked {selection.min_confidence.value}"
            out.append(msgspec.structs.replace(finding, outcome=Outcome.NOT_APPLICABLE, issue=None, detail=detail))
        else:
            out.append(finding)
    return tuple(out)


def counts(finding: Finding, severity: Severity, threshold: Severity | None) -> bool:
    """Whether a finding makes the run fail."""
    return (
        finding.outcome is Outcome.FAIL
        and finding.suppression is None
        and threshold is not None
        and severity.rank >= threshold.rank
    )


def _matches(rule: Rule, words: Iterable[str]) -> bool:
    own = {rule.meta.id.lower(), rule.meta.name, rule.meta.family, rule.meta.risk}
    return any(word.lower() in own for word in words)


def _no_such(word: str, words: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word.lower(), sorted(words), n=1)
    return f"no rule, family or risk is called {word!r}" + (f"; did you mean {close[0]!r}?" if close else "")

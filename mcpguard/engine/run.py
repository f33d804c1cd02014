"""Running rules: every selected rule against every target of its kinds, one outcome each, nothing lost when one crashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from mcpguard.core.digest import new_digest
from mcpguard.core.facts import NotApplicable, Undetermined, Unknown
from mcpguard.core.location import Location, Route
from mcpguard.engine.places import Places
from mcpguard.engine.registry import Check, Rule
from mcpguard.evidence import Gap
from mcpguard.model.directory import matters
from mcpguard.model.estate import Estate
from mcpguard.model.finding import Finding, Issue, Outcome, Target
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.inputs import Crash

CRASH_RULE = "MG902"


def run(rules: Iterable[Rule], estate: Estate, options: Mapping[str, object], places: Places | None = None) -> list[Finding]:
    """All outcomes, rule by rule in the order given. ``places`` knows which resource a finding stands in.

    A rule that raises is an ERROR on that target and a finding of MG902; the other targets and rules are unharmed.
    """
    places = places or Places()
    findings: list[Finding] = []
    crashes: list[Crash] = []
    late: list[Rule] = []
    by_kind: dict[str, list[Entity]] = {}
    for rule in rules:
        if "crash" in rule.meta.targets:
            late.append(rule)
            continue
        targets = _targets(rule, estate, options, by_kind)
        check = rule.check() if targets else None
        for target in targets:
            assert check is not None  # noqa: S101 - there is a target
            findings.extend(_judge(rule, check, target, estate, options, crashes, places))
    for rule in late:
        check = rule.check() if crashes else None
        for crash in crashes:
            assert check is not None  # noqa: S101 - there is a crash
            findings.extend(_judge(rule, check, crash, estate, options, [], places))
    return findings


def _targets(rule: Rule, estate: Estate, options: Mapping[str, object], by_kind: dict[str, list[Entity]]) -> list[Entity]:
    """What a rule judges. ``by_kind`` keeps it for the rules that follow: a directory is looked through once."""
    for kind in rule.meta.targets:
        if kind not in by_kind:
            by_kind[kind] = [target for target in estate.named(kind) if matters(target, estate, options)]
    return [target for kind in rule.meta.targets for target in by_kind[kind]]


def _judge(
    rule: Rule,
    check: Check,
    target: Entity,
    estate: Estate,
    options: Mapping[str, object],
    crashes: list[Crash],
    places: Places,
) -> Iterator[Finding]:
    described = estate.remember(("described", target.kind, target.key), lambda: _described(target))
    issues: list[Issue] = []
    unknown_: Unknown | None = None
    crashed = False
    try:
        for verdict in check(target, estate, options):
            if isinstance(verdict, Issue):
                issues.append(verdict)
            elif isinstance(verdict, Unknown):
                unknown_ = unknown_ or verdict
            else:
                raise TypeError(f"a rule yields Issue or Unknown, not {type(verdict).__name__}")
    except Undetermined as undetermined:
        unknown_ = unknown_ or undetermined.unknown
    except NotApplicable as reason:
        if not issues and unknown_ is None:
            yield _finding(rule, described, places, Outcome.NOT_APPLICABLE, detail=str(reason))
            return
    except Exception as error:  # a rule's bug must not hide the rest of the estate
        crashed = True
        crashes.append(_crash(rule, target, error))
        yield _finding(rule, described, places, Outcome.ERROR, detail=f"{type(error).__name__}: {error}")
    if issues:
        for issue in issues:
            if loads := estate.loaded_at.get(issue.at.artifact):
                loading = tuple(place.related("this file is loaded here") for place in loads)
                issue = msgspec.structs.replace(issue, related=(*issue.related, *loading))  # noqa: PLW2901
            yield _finding(rule, described, places, Outcome.FAIL, issue=issue)
    elif unknown_ is not None:
        yield _finding(rule, described, places, Outcome.UNKNOWN, unknown=unknown_)
    elif not crashed:
        gap = _covering_gap(rule, target, estate)
        if gap is None:
            yield _finding(rule, described, places, Outcome.PASS)
        else:
            unknown = Unknown(gap.detail.rstrip("."), gap.remedy, gap.at)
            yield _finding(rule, described, places, Outcome.UNKNOWN, unknown=unknown)


def _described(target: Entity) -> Target:
    return Target(target.id, target.kind, target.name, target.title, target.at)


def _covering_gap(rule: Rule, target: Entity, estate: Estate) -> Gap | None:
    """The first gap that hides something the rule reads, at the target or above it.

    A gap that could be anywhere says nothing against what a source claims to have read as a whole.
    """
    reads = set(rule.meta.reads)
    for gap in estate.gaps:
        if not gap.kinds & reads:
            continue
        # A server has the key of its API or host, and a mark behind it.
        below = (gap.scope + "/", gap.scope + "#")
        if target.key == gap.scope or target.key.startswith(below) if gap.scope else not estate.is_whole(target.key):
            return gap
    return None


def _finding(
    rule: Rule,
    target: Target,
    places: Places,
    outcome: Outcome,
    *,
    issue: Issue | None = None,
    unknown: Unknown | None = None,
    detail: str = "",
) -> Finding:
    at = issue.at if issue else target.at
    return Finding(
        rule=rule.meta.id,
        target=target,
        outcome=outcome,
        issue=issue,
        unknown=unknown,
        detail=detail,
        fingerprint=fingerprint(rule.meta.id, target, at, issue, places),
    )


def fingerprint(rule: str, target: Target, at: Location, issue: Issue | None, places: Places | None = None) -> str:
    """Hash of rule, resource and route: the same after reformatting, reordering, after lines move, and whatever the export is
    wrapped in.

    The route counts from the target's own object. In another resource it counts from that one, whose type counts too; only the
    names of members count there, because indices move when lists are ordered anew. Within a policy text the issue's own key
    tells two findings of one rule apart.
    """
    # What passes stands at its target, and most do: the places of all resources are not needed for them.
    at_target = (at.artifact, at.route) == (target.at.artifact, target.at.route)
    route = () if at_target else _route(at, target.at, places or Places())
    parts = [rule, target.id.lower(), "/".join(map(str, route))]
    if issue is not None and issue.key:
        parts.append(issue.key)
    return str(new_digest("\x1f".join(parts).encode()).hexdigest()[:32])


def _route(at: Location, target: Location, places: Places) -> Route:
    """Where a finding stands, as seen from its target."""
    here, own = places.of(at), places.of(target)
    if not here.keys & own.keys and (here.keys or own.keys):
        return (here.type, *_names(here.route))
    within = here.route[: len(own.route)] == own.route
    return here.route[len(own.route) :] if within else _names(here.route)


def _names(route: Route) -> Route:
    return tuple(step for step in route if isinstance(step, str))


def _crash(rule: Rule, target: Entity, error: Exception) -> Crash:
    import traceback  # slow to import, and needed only here

    frames = traceback.extract_tb(error.__traceback__)
    lines = [str(frame.lineno) for frame in frames if str(rule.folder) in frame.filename]
    where = f"{rule.folder.name}/check.py:{lines[-1]}" if lines else rule.folder.name
    return Crash(
        id=f"rule:{rule.meta.id}:{target.id}",
        key=f"rule:{rule.meta.id}:{target.key}",
        name=rule.meta.number,
        at=target.at,
        format="",
        error=f"{type(error).__name__}: {error} ({where})",
        target=target.title,
    )

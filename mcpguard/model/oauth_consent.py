"""Consent cookies of an OAuth proxy: what a decision is bound to, and with which attributes the cookie is set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.kinds.oauth import OAuthRole
from mcpguard.model.oauth_proxy import REQUEST, StepRun, mentions
from mcpguard.policy.symbolic.run import Event
from mcpguard.policy.symbolic.symbols import HOLE, Comparison, Facts, Origin, Part

_CONSENT = LazyPattern(r"(?i)consent|approv|grant|allow|permit|accept|authori[sz]")
_STALE = LazyPattern(r"(?i);\s*max-age=0\s*(?:;|$)|expires=thu, 01 jan 1970")
_BINDINGS = ("client_id", "redirect_uri")


class ConsentDecision(msgspec.Struct, frozen=True):
    """A branch that a consent cookie decides."""

    run: StepRun
    at: Location
    cookie: str
    unbound: tuple[str, ...]
    """Which of ``client_id`` and ``redirect_uri`` the cookie is not compared with."""
    doubt: Unknown | None = None


class ConsentCookie(msgspec.Struct, frozen=True):
    """A consent cookie that a step sets."""

    run: StepRun
    at: Location
    cookie: str
    lacks: tuple[str, ...]
    """What it is set without."""
    doubt: Unknown | None = None


def consent_decisions(runs: Sequence[StepRun]) -> Iterator[ConsentDecision]:
    """Every decision that rests on a consent cookie, once for each cookie and step, where the cookie is first looked at."""
    for run in runs:
        seen: set[str] = set()
        for event in run.of("decision"):
            ways = [found.facts for found in event.value] if run.step.role is not OAuthRole.CALLBACK else []
            for cookie in dict.fromkeys(cookie for facts in ways for cookie in _cookies(facts)):
                if cookie.lower() not in seen:
                    seen.add(cookie.lower())
                    yield _decision(run, event, cookie)
            if not seen and any(_is_nameless(fact) for facts in ways for fact in facts):
                doubt = Unknown("which cookie the decision rests on", "look for it by its literal name", event.at)
                yield ConsentDecision(run, event.at, "", _BINDINGS, doubt)


def _decision(run: StepRun, event: Event, cookie: str) -> ConsentDecision:
    """Judged by the outcome that is bound best: nobody binds a refusal and leaves the consent open."""
    outcomes: dict[str, list[Facts]] = {}
    for found in event.value:
        if cookie in _cookies(found.facts):
            outcomes.setdefault(found.template, []).append(found.facts)
    unbound = min((_unbound(ways, cookie) for ways in outcomes.values()), key=len)
    doubt = event.hole
    if unbound and any(fact.kind == "unclear" and mentions(fact, "cookie") for each in event.value for fact in each.facts):
        missing = f"what is read from the cookie {cookie}, which cannot be followed"
        doubt = Unknown(missing, "compare its value with client_id and redirect_uri by equality", event.at)
    return ConsentDecision(run, _first_look(run, event, cookie), cookie, unbound, doubt)


def _unbound(ways: Iterable[Facts], cookie: str) -> tuple[str, ...]:
    """The parameters that a cookie is not compared with on one of the ways to an outcome."""
    bound: set[str] | None = None
    for facts in ways:
        about = [fact for fact in facts if cookie in _cookies((fact,)) or _is_keyed_by_cookie(fact)]
        here = {name for fact in about for each in (fact.left, fact.right) for name in _parameters_in(each)}
        bound = here if bound is None else bound & here
    return tuple(each for each in _BINDINGS if each not in (bound or set()))


def _is_nameless(fact: Comparison) -> bool:
    """Whether a piece of the cookie header is compared, and nothing says of which cookie."""
    contents = (*fact.left, *fact.right)
    origins = [origin for content in contents for origin in content]
    pieces = any(each.kind == "cookie" and not each.name and each.part is not Part.WHOLE for each in origins)
    return fact.kind in ("equal", "unclear") and pieces and not any(each.kind == "literal" and each.name for each in origins)


def _parameters_in(contents: Iterable[Iterable[Origin]]) -> frozenset[str]:
    """The parameters that a side of a comparison holds whole, whichever of the contents it is.

    A content with less in it is the same text where a parameter is empty; contents of which none has all differ.
    """
    found = [
        frozenset(each.name for each in _with_keys(content) if each.kind in REQUEST and each.part is Part.WHOLE)
        for content in contents
    ]
    most = max(found, key=len, default=frozenset())
    return most if all(names <= most for names in found) else frozenset.intersection(*found)


def _with_keys(content: Iterable[Origin]) -> Iterator[Origin]:
    for origin in content:
        yield origin
        yield from origin.by


def _is_keyed_by_cookie(fact: Comparison) -> bool:
    """Whether a fact is about something that is stored on the server under a name that the cookie holds."""
    return any(each.kind == "cookie" for content in (*fact.left, *fact.right) for origin in content for each in origin.by)


def _first_look(run: StepRun, decision: Event, cookie: str) -> Location:
    """The variable that the cookie's verdict goes into first, else the branch itself."""
    for event in run.of("assign"):
        if any(cookie in _cookies(found.facts) for found in event.value if found.text is not None):
            return event.at
    return decision.at


def _cookies(facts: Iterable[Comparison]) -> list[str]:
    """The consent cookies that facts speak of, by name, or by the text that is looked for in the header."""
    names: dict[str, None] = {}
    for fact in sorted(facts, key=repr):
        if fact.kind not in ("equal", "like", "unclear"):
            continue
        contents = (*fact.left, *fact.right)
        for origin in (origin for content in contents for each in content for origin in (each, *each.by)):
            if origin.kind == "cookie":
                literals = [each.name for content in contents for each in content if each.kind == "literal"]
                own = [origin.name] if origin.name else [text.partition("=")[0] for text in literals]
                names.update(dict.fromkeys(name for name in own if _CONSENT.search(name)))
    return list(names)


def consent_cookies(runs: Sequence[StepRun]) -> Iterator[ConsentCookie]:
    """Every consent cookie that is set, with what it lacks; one that is taken back again does not count."""
    read = {decision.cookie.lower() for decision in consent_decisions(runs)}
    for run in runs:
        for event in run.of("cookie"):
            templates = dict.fromkeys(found.template for found in event.value if found.template)
            for template in templates:
                found = _set_cookie(run, event, template, read)
                if found is not None:
                    yield found


def _set_cookie(run: StepRun, event: Event, template: str, read: set[str]) -> ConsentCookie | None:
    pair, _, attributes = template.partition(";")
    name, _, content = pair.partition("=")
    shown = name.replace(HOLE, "…").strip()
    is_read = any(fnmatchcase(each, name.strip().lower().replace(HOLE, "*")) for each in read) if name.strip(HOLE) else False
    if not (_CONSENT.search(name) or is_read) or not content.strip() or _STALE.search(template):
        return None
    given = {part.partition("=")[0].strip().lower(): part.partition("=")[2].strip().lower() for part in attributes.split(";")}
    lacks = [each for each in ("Secure", "HttpOnly") if each.lower() not in given]
    if given.get("samesite") not in ("lax", "strict"):
        lacks.append("SameSite=Lax")
    doubt = event.hole if lacks else None
    if lacks and HOLE in attributes:
        doubt = Unknown(f"with which attributes the cookie {shown} is set", "write them out as a literal", event.at)
    if not name.strip().startswith("__Host-"):
        if name.lstrip().startswith(HOLE):
            doubt = Unknown(f"how the name of the cookie {shown} begins", "write the prefix __Host- as a literal", event.at)
        lacks.append("the prefix __Host-")
    return ConsentCookie(run, event.at, shown, tuple(lacks), doubt)

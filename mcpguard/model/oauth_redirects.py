"""Where the steps of an OAuth proxy send the browser, and where they use the code that came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.oauth import OAuthRole
from mcpguard.model.oauth_proxy import REQUEST, Check, StepRun, how_compared, is_parameter, mentions, stored
from mcpguard.policy.symbolic.run import Event
from mcpguard.policy.symbolic.symbols import HOLE, Facts, Origin, Part, Value, parameters

_IS_REDIRECT_URI = is_parameter("redirect_uri")
_STATE = is_parameter("state")
_CODE = is_parameter("code")
_NOT_FOLLOWED = {
    "unknown": "where the address comes from ({})",
    "sealed": "which address was sealed, and after which comparison",
    "cookie": "which address the cookie {} holds, and after which comparison",
}
_REMEDY = "write the comparison out: the whole value, by equality, in the branch that goes on"


class Redirection(msgspec.Struct, frozen=True):
    """A redirect to an address that the request, or an earlier request, named."""

    run: StepRun
    at: Location
    flow: tuple[Location, ...]
    source: str
    """What names the address, in words."""
    check: Check
    doubt: Unknown | None = None
    """Set when the comparison cannot be told: what is not known."""


def redirections(runs: Sequence[StepRun], everything: Sequence[StepRun]) -> Iterator[Redirection]:
    """Every redirect whose address begins with something that the caller chose, in this step or in one before."""
    for run in runs:
        for event in run.of("redirect"):
            for found in event.value:
                for origin in sorted(found.head, key=repr):
                    facts = event.facts | found.facts
                    yield from _redirection(run, event, origin, facts, found.steps, everything)


def _redirection(
    run: StepRun, event: Event, origin: Origin, facts: Facts, steps: tuple[Location, ...], everything: Sequence[StepRun]
) -> Iterator[Redirection]:
    flow = (*steps, event.at.step("the browser is sent there"))
    if origin.kind in REQUEST or origin.kind == "header":
        check = how_compared(facts, lambda each: (each.kind, each.name) == (origin.kind, origin.name), _Registered(everything))
        what = "the request header" if origin.kind == "header" else "the parameter"
        named = f"{what} {origin.name} of the request" if origin.name else f"the {origin.kind} of the request"
        yield Redirection(run, event.at, flow, named, check, _doubt(facts, check, event))
    elif origin.kind in _NOT_FOLLOWED:
        why = _NOT_FOLLOWED[origin.kind].format(origin.name)
        yield Redirection(run, event.at, flow, "a value", Check.UNCLEAR, Unknown(why, _REMEDY, event.at))
    elif origin.kind == "stored":
        yield from _stored_address(run, event, origin, facts, flow, everything)


def _stored_address(
    run: StepRun, event: Event, origin: Origin, facts: Facts, flow: tuple[Location, ...], everything: Sequence[StepRun]
) -> Iterator[Redirection]:
    """A redirect to what some step stored: compared there, or here after it was looked up."""
    registered = _Registered(everything)
    here = how_compared(facts, lambda each: (each.kind, each.name) == ("stored", origin.name), registered)
    found = stored(origin, everything)
    if not found and "redirect" in f"{origin.name} {origin.path}".lower():
        why = f"who stores {origin.name.replace(HOLE, '…')} in the cache"
        unread = Unknown(why, "add the policy of that step to the input", event.at)
        yield Redirection(run, event.at, flow, "a stored address", max(here, Check.UNCLEAR), unread)
    for entry in found:
        if entry.by.step.role is OAuthRole.REGISTER:
            continue
        for value in entry.value:
            known = entry.event.facts | value.facts
            way = (*value.steps, entry.event.at.step("stored in the cache"), *flow)
            for parameter in sorted(filter(_IS_REDIRECT_URI, value.origins), key=repr):
                check = max(here, how_compared(known, _IS_REDIRECT_URI, registered))
                named = f"the parameter {parameter.name} that {entry.by.title} stored"
                yield Redirection(run, event.at, way, named, check, _doubt(known, check, entry.event) or event.hole)
            if any(each.kind == "unknown" for each in value.origins):
                doubt = Unknown("where the stored address comes from", _REMEDY, entry.event.at)
                yield Redirection(run, event.at, way, "a stored value", max(here, Check.UNCLEAR), doubt)


def _doubt(facts: Facts, check: Check, event: Event) -> Unknown | None:
    if check is not Check.UNCLEAR:
        return event.hole if check < Check.UNCLEAR else None
    if any(fact.kind == "equal" and mentions(fact, "cookie") for fact in facts):
        why = "whether the cookie that redirect_uri is compared with can only hold registered addresses"
        return Unknown(why, "compare it with the registered redirect_uris of the client here as well", event.at)
    return Unknown("what decides about redirect_uri, which cannot be followed", _REMEDY, event.at)


class _Registered:
    """What a comparison with an origin is worth for a redirect_uri: only what was fixed before this request counts."""

    def __init__(self, everything: Sequence[StepRun]) -> None:
        self._everything = everything

    def __call__(self, origin: Origin) -> Check:
        if origin.kind in ("named-value", "answer", "claims", "sealed"):
            return Check.EQUAL
        if origin.kind == "literal":
            return Check.EQUAL if origin.name else Check.NEVER
        if origin.kind == "stored":
            found = stored(origin, self._everything)
            own = [entry for entry in found if entry.by.step.role is not OAuthRole.REGISTER and _holds_redirect(entry.value)]
            return Check.NEVER if found and len(own) == len(found) else Check.EQUAL
        return Check.UNCLEAR if origin.kind in ("cookie", "unknown") else Check.NEVER


def _holds_redirect(value: Value) -> bool:
    return any(_IS_REDIRECT_URI(origin) for found in value for origin in found.origins)


class CodeUse(msgspec.Struct, frozen=True):
    """A use of the authorization code that came back from the identity provider."""

    run: StepRun
    at: Location
    flow: tuple[Location, ...]
    check: Check
    """How ``state`` was compared with a stored value before."""
    doubt: Unknown | None = None


def code_uses(runs: Sequence[StepRun]) -> Iterator[CodeUse]:
    """Every use of the code in a callback. A use before the comparison counts with what every later redirect stands behind."""
    for run in runs:
        later = [_state_check(event.facts) for event in run.of("redirect")]
        for event in run.of("send", "store", "redirect"):
            using = [found for found in event.value if any(_CODE(origin) for origin in found.origins)]
            if not using:
                continue
            check = max(_state_check(event.facts), min(later, default=Check.NEVER))
            doubt = event.hole
            if check < Check.UNCLEAR and any(_is_keyed_by_state(origin) for found in using for origin in found.origins):
                why = "whether the identity provider refuses a code without what is stored for state"
                check, doubt = Check.UNCLEAR, Unknown(why, "answer 400 when nothing is stored for state", event.at)
            elif check is Check.UNCLEAR:
                doubt = Unknown("what decides about state, which cannot be followed", _REMEDY, event.at)
            yield CodeUse(run, event.at, (*using[0].steps, event.at.step("the code is used")), check, doubt)


def _state_check(facts: Facts) -> Check:
    for fact in facts:
        contents = list(parameters(fact.left)) if fact.kind == "present" else []
        if contents and all(any(map(_is_keyed_by_state, content)) for content in contents):
            return Check.EQUAL
    return how_compared(facts, _STATE, _kept)


def _is_keyed_by_state(origin: Origin) -> bool:
    return origin.kind in ("stored", "answer") and any(_STATE(each) and each.part is Part.WHOLE for each in origin.by)


def _kept(origin: Origin) -> Check:
    """What a comparison of ``state`` with an origin is worth: it must have been kept since the flow began."""
    if origin.kind in ("stored", "cookie", "answer", "sealed", "claims"):
        return Check.EQUAL
    return Check.UNCLEAR if origin.kind == "unknown" else Check.NEVER

"""What an OAuth proxy registers, issues and seals: registrations, tokens and the keys of sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import NamedValue
from mcpguard.model.kinds.oauth import OAuthProxy, OAuthRole
from mcpguard.model.oauth_proxy import REQUEST, Check, StepRun, how_compared, is_parameter, mentions, origins_of
from mcpguard.policy.symbolic.run import CALLER, Event
from mcpguard.policy.symbolic.symbols import HOLE, Alternative, Comparison, Facts, Origin, Part, parameters

_REDIRECTS = is_parameter("redirect_uris", "redirect_uri")
_VERIFIER = is_parameter("code_verifier")
_METHOD = "code_challenge_method"
_SCHEME = LazyPattern(r"(?i)^[a-z][a-z0-9+.\-]*(?::/?/?)?$")
_STORES = frozenset({"stored", "answer", "sealed", "claims"})
_REMEDY = "write the comparison out, by equality, in the branch that goes on"


class Registration(msgspec.Struct, frozen=True):
    """A place where a registration is kept."""

    run: StepRun
    at: Location
    flow: tuple[Location, ...]
    shared_key: str
    """The key, when it is the same for every client; empty otherwise."""
    check: Check
    """How its redirect_uris were looked at before."""
    is_caller_known: bool
    doubt: Unknown | None


def registrations(runs: Sequence[StepRun]) -> Iterator[Registration]:
    """Every place where a register step keeps redirect_uris of the request."""
    for run in runs:
        for event in run.of("store", "send"):
            found = [each for each in event.value if any(_is_registration(origin) for origin in each.origins)]
            if not found:
                continue
            shared = event.kind == "store" and all(_is_fixed(each) for each in event.key)
            key = event.key[0].template.replace(HOLE, "…") if shared and event.key else ""
            facts = frozenset(fact for fact in event.facts if not _looks_at_scheme_only(fact))
            check = how_compared(facts, _REDIRECTS, lambda origin: Check.EQUAL)
            is_known = CALLER in facts or any(_proves_caller(fact) for fact in facts)
            flow = (*found[0].steps, event.at.step("the registration is kept"))
            yield Registration(run, event.at, flow, key, check, is_known, event.hole)


def _is_registration(origin: Origin) -> bool:
    return _REDIRECTS(origin) or (origin.kind == "form" and not origin.name and origin.part is Part.WHOLE)


def _is_fixed(key: Alternative) -> bool:
    return all(origin.kind == "named-value" for origin in key.origins) and (HOLE not in key.template or bool(key.origins))


def _looks_at_scheme_only(fact: Comparison) -> bool:
    """Whether a fact says no more than that the addresses are there, or which scheme they have."""
    if fact.kind == "present":
        return True
    texts = [each.name for content in (*fact.left, *fact.right) for each in content if each.kind == "literal"]
    return bool(texts) and all(_SCHEME.match(text) or not text for text in texts)


def _proves_caller(fact: Comparison) -> bool:
    """Whether a request header equals something that is kept here: an initial access token."""
    return fact.kind == "equal" and mentions(fact, "header") and any(mentions(fact, kind) for kind in ("named-value", "stored"))


class Issuance(msgspec.Struct, frozen=True):
    """An answer of the token endpoint that carries a token."""

    run: StepRun
    at: Location
    flow: tuple[Location, ...]
    check: Check
    """How the digest of the verifier was compared with the stored challenge before."""
    plain_at: Location | None
    """Where the verifier itself is taken for its challenge."""
    doubt: Unknown | None


def issuances(runs: Sequence[StepRun], everything: Sequence[StepRun]) -> Iterator[Issuance]:
    """Every token that a token endpoint gives out for a code by itself, rather than after an upstream endpoint checked it."""
    is_s256_only = _authorize_asks_for_s256(everything)
    for run in runs:
        if any(_hands_verifier_on(event) for event in run.of("send")):
            continue
        for event in run.of("answer"):
            if not _carries_token(event) or _is_other_grant(event.facts):
                continue
            hashed = how_compared(event.facts, lambda each: _VERIFIER(each) and each.hashed, _challenge)
            plain = how_compared(event.facts, lambda each: _VERIFIER(each) and not each.hashed, _challenge)
            mixed = any(_compares_plain(fact) for fact in event.facts)
            accepts = (plain is Check.EQUAL or mixed) and not is_s256_only and not _asks_for_s256(event.facts)
            check = Check.EQUAL if mixed else max(hashed, plain)
            doubt = event.hole
            if check is Check.UNCLEAR:
                doubt = Unknown("what decides about code_verifier, which cannot be followed", _REMEDY, event.at)
            flow = (event.at.step("the token is issued"),)
            yield Issuance(run, event.at, flow, check, _plain_place(run, event) if accepts else None, doubt)


def _carries_token(event: Event) -> bool:
    for found in event.value:
        if "access_token" in found.template or any(name == "access_token" for name, _ in found.members):
            return True
        if found.origins and all(origin.kind in _STORES for origin in found.origins):
            return True
    return False


def _hands_verifier_on(event: Event) -> bool:
    """Whether the verifier, or the whole body of the request, goes to a token endpoint that checks it."""
    return any(
        _VERIFIER(origin) or (origin.kind == "form" and not origin.name and origin.part is Part.WHOLE)
        for origin in origins_of(event.value)
    )


def _is_other_grant(facts: Facts) -> bool:
    """Whether the request is known to be for another grant than that of a code."""
    for fact in facts:
        if fact.kind == "equal":
            origins = [each for content in (*fact.left, *fact.right) for each in content]
            named = [each.name for each in origins if each.kind == "literal"]
            is_grant = any(each.kind in REQUEST and each.name == "grant_type" for each in origins)
            if is_grant and named and "authorization_code" not in named:
                return True
    return False


def _challenge(origin: Origin) -> Check:
    """What a comparison of the verifier with an origin is worth: the challenge must have been kept by the gateway."""
    if origin.kind in _STORES:
        return Check.EQUAL
    return Check.UNCLEAR if origin.kind in ("unknown", "cookie") else Check.NEVER


def _compares_plain(fact: Comparison) -> bool:
    """Whether a comparison with the stored challenge takes the digest in one case and the verifier itself in another."""
    if fact.kind != "equal":
        return False
    for one, other in ((fact.left, fact.right), (fact.right, fact.left)):
        own = [each for content in one for each in content if _VERIFIER(each)]
        is_mixed = any(each.hashed for each in own) and any(not each.hashed for each in own)
        if is_mixed and all(any(_challenge(each) for each in content) for content in parameters(other)):
            return True
    return False


def _asks_for_s256(facts: Facts) -> bool:
    s256 = [frozenset({Origin("literal", name)}) for name in ("S256", "s256")]
    return any(fact.kind == "equal" and any(side <= frozenset(s256) for side in (fact.left, fact.right)) for fact in facts)


def _authorize_asks_for_s256(everything: Sequence[StepRun]) -> bool:
    """Whether every authorize step stores challenges of the method S256 only."""
    kept = [
        event.facts
        for run in everything
        if run.step.role is OAuthRole.AUTHORIZE
        for event in run.of("store")
        if any(each.kind in REQUEST and each.name == "code_challenge" for each in origins_of(event.value))
    ]
    return bool(kept) and all(_asks_for_s256(facts) for facts in kept)


def _plain_place(run: StepRun, issued: Event) -> Location:
    for event in run.of("assign"):
        own = [each for each in origins_of(event.value) if _VERIFIER(each)]
        if any(each.hashed for each in own) and any(not each.hashed for each in own):
            return event.at
    return issued.at


class SessionSecret(msgspec.Struct, frozen=True):
    """A key or initialization vector that seals sessions, and comes from the configuration."""

    run: StepRun
    at: Location
    flow: tuple[Location, ...]
    role: str
    """``key`` or ``IV``."""
    source: str
    """Where it comes from, in words."""
    is_wrong: Fact[bool]


def session_secrets(proxy: OAuthProxy, runs: Sequence[StepRun], estate: Estate) -> Iterator[SessionSecret]:
    """Every key and initialization vector in use that is a literal, a named value or not followed."""
    for run in runs:
        for event in run.of("seal"):
            for found in event.value:
                at = found.steps[0] if found.steps else event.at
                flow = (*found.steps, event.at.step(f"used as the {event.name}"))
                if not found.origins and found.text is not None:
                    if found.text:
                        yield SessionSecret(run, event.at, flow, event.name, "a literal", Known(True))
                elif all(origin.kind == "named-value" for origin in found.origins):
                    for origin in sorted(found.origins, key=repr):
                        wrong = Known(True) if event.name == "IV" else _is_plain(proxy, origin.name, at, estate)
                        yield SessionSecret(run, _primary(at), flow, event.name, f"the named value {origin.name}", wrong)
                elif any(origin.kind == "unknown" for origin in found.origins) or not found.origins:
                    unknown = Unknown(f"where the {event.name} of the cipher comes from", _FOLLOW, event.at)
                    yield SessionSecret(run, event.at, flow, event.name, "a value that is not followed", unknown)


_FOLLOW = "put it into a variable from a Key Vault reference, or make it of random bytes, in the same policy"


def _primary(at: Location) -> Location:
    return Location(at.artifact, at.route, at.within)


def _is_plain(proxy: OAuthProxy, name: str, at: Location, estate: Estate) -> Fact[bool]:
    for value in estate.under(proxy.service, NamedValue) if proxy.service else ():
        if value.display_name.lower() == name.lower():
            match value.secret:
                case Known(value=secret):
                    return Known(not secret)
                case Unknown() as unknown:
                    return unknown
    remedy = "add the service's named values to the input: az rest --method get --url …/namedValues"
    return Unknown(f"whether the named value {name} is secret", remedy, _primary(at))

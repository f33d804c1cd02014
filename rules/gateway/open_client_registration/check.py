"""MG144: anybody registers a client with any redirect_uri, or all clients share one entry."""

from collections.abc import Iterator, Sequence

from mcpguard.sdk import (
    Check,
    Estate,
    Issue,
    Known,
    OAuthProxy,
    OAuthRole,
    Options,
    Registration,
    StepRun,
    Unknown,
    Verdict,
    Verdicts,
    judged,
    registrations,
    step_runs,
)


def check(proxy: OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """Every place where a register step keeps what the request says."""
    runs = step_runs(proxy, estate, OAuthRole.REGISTER)
    yield from judged(_verdicts(proxy, runs), runs, same=lambda issue: issue.key)


def _verdicts(proxy: OAuthProxy, runs: Sequence[StepRun]) -> Iterator[Verdict]:
    for found in registrations(runs):
        if found.shared_key:
            yield Issue(
                f"{found.run.title} of the {proxy.title} keeps what clients register under one key, {found.shared_key!r}: "
                "each new client overwrites the last; use a key with the client_id that is issued",
                at=found.at,
                flow=found.flow,
                evidence=(("key", found.shared_key),),
                confidence=proxy.confidence,
                key=f"shared key {found.shared_key}",
            )
        if found.is_caller_known or found.check in (Check.EQUAL, Check.LIKE):
            continue
        match found.run.is_open:
            case Known(value=is_open):
                if is_open:
                    yield found.doubt or _open(proxy, found)
            case Unknown() as unknown:
                yield unknown


def _open(proxy: OAuthProxy, found: Registration) -> Verdict:
    if found.check is Check.UNCLEAR:
        return Unknown("what decides about redirect_uris, which cannot be followed", "compare them with a list", found.at)
    return Issue(
        f"{found.run.title} of the {proxy.title} keeps any redirect_uris of a caller without key or token; compare each with "
        "the addresses of known clients, or ask for an initial access token",
        at=found.at,
        flow=found.flow,
        evidence=(("step", found.run.title),),
        confidence=proxy.confidence,
        key=f"open {found.run.title}",
    )

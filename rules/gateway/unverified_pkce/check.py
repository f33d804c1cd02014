"""MG145: a code is enough to get a token, whoever holds it."""

from mcpguard.sdk import (
    Check,
    Estate,
    Issuance,
    Issue,
    OAuthProxy,
    OAuthRole,
    Options,
    Verdict,
    Verdicts,
    all_runs,
    issuances,
    judged,
    step_runs,
)


def check(proxy: OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """Every token that is given out for a code, against the comparisons of the verifier that stand before it."""
    runs = step_runs(proxy, estate, OAuthRole.TOKEN)
    found = issuances(runs, all_runs(proxy, estate))
    yield from judged((_verdict(proxy, each) for each in found if each.check is not Check.EQUAL or each.plain_at), runs)


def _verdict(proxy: OAuthProxy, found: Issuance) -> Verdict:
    if found.plain_at is None and found.doubt is not None:
        return found.doubt
    if found.plain_at is not None:
        what = "accepts the method plain, in which the verifier is its own challenge"
        wanted = "accept S256 only, in the authorize step or here"
    else:
        what = "issues a token without comparing the digest of code_verifier with the stored code_challenge"
        wanted = "answer 400 unless BASE64URL(SHA256(code_verifier)) equals it"
    return Issue(
        f"{found.run.title} of the {proxy.title} {what}; {wanted}",
        at=found.plain_at or found.at,
        flow=found.flow,
        evidence=(("step", found.run.title),),
        confidence=proxy.confidence,
        key="plain" if found.plain_at is not None else "verifier",
    )

"""MG143: a consent cookie that speaks for any client, or that others can set or read."""

from collections.abc import Iterator, Sequence

from mcpguard.sdk import (
    Estate,
    Issue,
    OAuthProxy,
    OAuthRole,
    Options,
    StepRun,
    Verdict,
    Verdicts,
    consent_cookies,
    consent_decisions,
    judged,
    step_runs,
)


def check(proxy: OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """Decisions that rest on a consent cookie, and the cookies that are set."""
    runs = step_runs(proxy, estate, OAuthRole.AUTHORIZE, OAuthRole.CONSENT, OAuthRole.CALLBACK)
    yield from judged(_verdicts(proxy, runs), runs)


def _verdicts(proxy: OAuthProxy, runs: Sequence[StepRun]) -> Iterator[Verdict]:
    for decision in consent_decisions(runs):
        if decision.unbound:
            yield decision.doubt or Issue(
                f"{decision.run.title} of the {proxy.title} takes the cookie {decision.cookie} for consent without comparing "
                f"it with {' and '.join(decision.unbound)}; bind the decision to the client_id and the redirect_uri",
                at=decision.at,
                evidence=(("cookie", decision.cookie), *(("unbound", each) for each in decision.unbound)),
                confidence=proxy.confidence,
                key=f"read {decision.cookie} in {decision.run.title}",
            )
    for cookie in consent_cookies(runs):
        if cookie.lacks:
            yield cookie.doubt or Issue(
                f"{cookie.run.title} of the {proxy.title} sets the consent cookie {cookie.cookie} without "
                f"{', '.join(cookie.lacks)}; set it as __Host-…; Path=/; Secure; HttpOnly; SameSite=Lax",
                at=cookie.at,
                evidence=(("cookie", cookie.cookie), *(("lacks", each) for each in cookie.lacks)),
                confidence=proxy.confidence,
                key=f"set {cookie.cookie} in {cookie.run.title}",
            )

"""MG141: the browser is sent to an address that nobody registered."""

from mcpguard.sdk import (
    Check,
    Estate,
    Issue,
    OAuthProxy,
    OAuthRole,
    Options,
    Redirection,
    Unknown,
    Verdict,
    Verdicts,
    all_runs,
    judged,
    redirections,
    step_runs,
)


def check(proxy: OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """Every redirect to an address that a request named, against the comparisons that stand before it."""
    runs = step_runs(proxy, estate, OAuthRole.AUTHORIZE, OAuthRole.CONSENT, OAuthRole.CALLBACK)
    found = redirections(runs, all_runs(proxy, estate))
    yield from judged((_verdict(proxy, each) for each in found if each.check is not Check.EQUAL), runs)


def _verdict(proxy: OAuthProxy, found: Redirection) -> Verdict:
    if found.doubt is not None:
        return Unknown(found.doubt.missing, found.doubt.remedy, found.doubt.at)
    how = "compared by a part or a pattern only" if found.check is Check.LIKE else "never compared with a registered one"
    return Issue(
        f"{found.run.title} of the {proxy.title} sends the browser to {found.source}, which is {how}; compare the whole "
        "redirect_uri by equality with those registered for the client_id, and answer 400 otherwise",
        at=found.at,
        flow=found.flow,
        evidence=(("step", found.run.title), ("address", found.source)),
        confidence=proxy.confidence,
        key=f"{found.run.step.role.value} redirect",
    )

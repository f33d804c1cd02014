"""MG142: the callback takes a code without knowing that it belongs to a flow that began here."""

from mcpguard.sdk import (
    Check,
    CodeUse,
    Estate,
    Issue,
    OAuthProxy,
    OAuthRole,
    Options,
    Verdict,
    Verdicts,
    code_uses,
    judged,
    step_runs,
)


def check(proxy: OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """Every use of the code in a callback, against the comparisons of state that stand before it."""
    runs = step_runs(proxy, estate, OAuthRole.CALLBACK)
    found = (_verdict(proxy, use) for use in code_uses(runs) if use.check is not Check.EQUAL)
    yield from judged(found, runs, same=lambda issue: issue.key)


def _verdict(proxy: OAuthProxy, use: CodeUse) -> Verdict:
    if use.doubt is not None:
        return use.doubt
    how = "compared state by a part or a pattern only" if use.check is Check.LIKE else "compared state with a stored value"
    never = "" if use.check is Check.LIKE else "never "
    return Issue(
        f"{use.run.title} of the {proxy.title} uses the code and has {never}{how}; compare the whole state by equality with "
        "what was kept when the flow began, in a cookie of this browser or in the cache, and answer 400 otherwise",
        at=use.at,
        flow=use.flow,
        evidence=(("step", use.run.title),),
        confidence=proxy.confidence,
        key=f"state of {use.run.title}",
    )

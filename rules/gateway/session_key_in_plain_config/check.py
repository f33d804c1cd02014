"""MG146: who reads the configuration can open every session, or sessions are sealed alike."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    OAuthProxy,
    OAuthRole,
    Options,
    SessionSecret,
    Unknown,
    Verdict,
    Verdicts,
    judged,
    session_secrets,
    step_runs,
)


def check(proxy: OAuthProxy, estate: Estate, options: Options) -> Verdicts:
    """Every key and initialization vector with which a step seals or opens a session."""
    runs = step_runs(proxy, estate, *OAuthRole)
    found = session_secrets(proxy, runs, estate)
    yield from judged((_verdict(proxy, each) for each in found if each.is_wrong != Known(False)), runs)


def _verdict(proxy: OAuthProxy, found: SessionSecret) -> Verdict:
    if isinstance(found.is_wrong, Unknown):
        return found.is_wrong
    if found.role == "IV":
        what = f"the initialization vector is the same for every session: it comes from {found.source}"
        wanted = "make 16 random bytes for each session and keep them with what is sealed"
    else:
        what = f"the key comes from {found.source}, which everybody who may read the configuration can read"
        wanted = "take it from a secret named value that refers to Key Vault"
    return Issue(
        f"{found.run.title} of the {proxy.title} seals sessions, and {what}; {wanted}",
        at=found.at,
        flow=found.flow,
        evidence=((found.role, found.source),),
        confidence=proxy.confidence,
        key=f"{found.role} {found.source}",
    )

"""MG529: identities that are left behind."""

from datetime import timedelta

from mcpguard.sdk import Estate, Issue, Known, NotApplicable, Options, ServicePrincipal, Verdicts, is_microsofts, known

_DAYS = 90


def check(target: ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if is_microsofts(target):
        raise NotApplicable(f"{target.title} is one of Microsoft's own applications")
    if not known(target.enabled):
        return
    since = (estate.as_of - timedelta(days=_DAYS)).isoformat()[:19]
    last = known(target.last_sign_in)
    if last[:19] >= since or (not last and known(target.created)[:19] >= since):
        return
    seen = f"signed in last on {last[:10]}, more than {_DAYS} days ago," if last else "has no sign-in on record"
    yield Issue(
        f"{target.title} ({target.app_id}) {seen} and is enabled; ask its owner and disable it",
        (target.last_sign_in.at if isinstance(target.last_sign_in, Known) else None) or target.at,
    )

"""MG530: copies in other tenants that others may change."""

from mcpguard.sdk import Application, Estate, Issue, Known, Options, Unknown, Verdicts, known


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    audience = known(target.sign_in_audience)
    if audience in ("AzureADMyOrg", "PersonalMicrosoftAccount"):
        return  # no service principals in other tenants
    match target.lock:
        case Known(value=lock, at=at):
            if not lock.is_enabled:
                yield Issue(
                    f"{target.title} is multi-tenant ({audience}) and its service principals are not locked "
                    "(servicePrincipalLockConfiguration.isEnabled); lock them",
                    at or target.at,
                )
        case Unknown() as unknown:
            yield unknown

"""MG610: keys that open an account of Foundry."""

from mcpguard.sdk import Estate, FoundryAccount, FoundryProject, Issue, Known, NotApplicable, Options, Unknown, Verdicts


def check(account: FoundryAccount, estate: Estate, options: Options) -> Verdicts:
    if not _holds_projects(account, estate):
        raise NotApplicable(f"{account.title} holds no projects")
    match account.local_auth_disabled:
        case Known(value=False, at=at, default=default):
            seen = "disableLocalAuth is not set" if default else "disableLocalAuth is false"
            yield Issue(
                f"{account.title} takes keys ({seen}), which name no caller and never expire; set disableLocalAuth to true",
                at=at or account.at,
            )
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown


def _holds_projects(account: FoundryAccount, estate: Estate) -> bool:
    off = isinstance(account.manages_projects, Known) and not account.manages_projects.value
    return not off or bool(estate.under(account.key, FoundryProject))

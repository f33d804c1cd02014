"""MG611: an account of Foundry that answers the whole internet."""

from mcpguard.sdk import Estate, FoundryAccount, Issue, Known, Options, Unknown, Verdicts, known


def check(account: FoundryAccount, estate: Estate, options: Options) -> Verdicts:
    """Either setting alone closes it."""
    access, action = account.public_network_access, account.default_action
    if isinstance(access, Known) and access.value.lower() == "disabled":
        return
    if isinstance(action, Known) and action.value.lower() == "deny":
        return
    if isinstance(access, Unknown):
        yield access
        return
    yield Issue(
        f"{account.title} can be called from any address (publicNetworkAccess {access.value}, "
        f"networkAcls.defaultAction {known(action)}); set publicNetworkAccess to Disabled, or defaultAction to Deny with "
        "rules for those who call",
        at=access.at or account.at,
        related=(action.at.related("what unlisted addresses meet"),) if action.at is not None else (),
    )

"""MG612: agents that may connect to anywhere."""

from mcpguard.sdk import Estate, FoundryAccount, FoundryProject, Issue, Known, NotApplicable, Options, Unknown, Verdicts, known

_OPEN = "allowinternetoutbound"


def check(account: FoundryAccount, estate: Estate, options: Options) -> Verdicts:
    """A list of hosts settles it, and so does a subnet of the owner's."""
    off = isinstance(account.manages_projects, Known) and not account.manages_projects.value
    if off and not estate.under(account.key, FoundryProject):
        raise NotApplicable(f"{account.title} holds no projects")
    restricted = account.outbound_restricted
    if isinstance(restricted, Known) and restricted.value:
        return
    networks = [network for network in known(account.networks) if network.scenario == "agent"]
    own = [network for network in networks if not known(network.managed)]
    if own:
        return
    if networks and known(account.managed_isolation).lower() != _OPEN:
        return
    if isinstance(restricted, Unknown):
        yield restricted
        return
    seen = "its managed network has isolation mode AllowInternetOutbound" if networks else "no network is injected for agents"
    yield Issue(
        f"agents of {account.title} may connect to any host ({seen}, and restrictOutboundNetworkAccess is not true); inject a "
        "subnet with filtered egress, let out approved addresses only, or set restrictOutboundNetworkAccess with an "
        "allowedFqdnList",
        at=(account.managed_isolation.at if networks else account.networks.at) or account.at,
    )

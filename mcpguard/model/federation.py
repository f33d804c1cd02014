"""What federated credentials trust. Facts: facts/entra.md E06; Microsoft Entra Workload ID, flexible federated credentials."""

from __future__ import annotations

from mcpguard.core.facts import Known
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.hosting import ContainerApp, Host, Site

_MATCHES = LazyPattern(r"(?i)claims\[\s*['\"]sub['\"]\s*\]\s+matches\s+'([^']*)'")
_AUDIENCES = frozenset(
    {
        "api://AzureADTokenExchange",
        "api://AzureADTokenExchangeUSGov",
        "api://AzureADTokenExchangeChina",
        "api://AzureADTokenExchangeUSNat",
        "api://AzureADTokenExchangeUSSec",
    }
)


def token_exchange_audiences() -> frozenset[str]:
    """The audiences for token exchange, one for each cloud (Microsoft Entra Workload ID, national clouds)."""
    return _AUDIENCES


def loose_federation(expression: str) -> str:
    """Why an expression matches more than one workload, as a clause; empty when it does not, or is not understood.

    GitHub's and GitLab's subjects begin with the repository or project: ``repo:<owner>/<repository>:<what>``.
    """
    for match in _MATCHES.finditer(expression):
        pattern = match[1]
        if "*" not in pattern and "?" not in pattern:
            continue
        source, _, rest = pattern.partition(":")[2].partition(":")
        if "*" in source or "?" in source:
            return "which takes in more than one repository; name the repository"
        if rest in ("*", "ref:*", "ref:refs/*", "ref:refs/heads/*", "ref:refs/tags/*", "environment:*") or not rest:
            return "which takes in every branch, tag or environment of the repository; name the one that is meant"
        if rest.startswith("pull_request"):
            return "which takes in every pull request; trust an environment or a branch"
    return ""


def hosts_running_as(principal_id: str, estate: Estate) -> tuple[Host, ...]:
    """The hosts, slots aside, that have the managed identity with that principal id."""
    found: list[Host] = []
    for host in (*estate.of(Site), *estate.of(ContainerApp)):
        match host.identities:
            case Known(value=identities):
                ids = {it.principal_id.value for it in identities if isinstance(it.principal_id, Known)}
                if principal_id.lower() in ids and not (isinstance(host, Site) and host.slot_of):
                    found.append(host)
            case _:
                pass
    return tuple(found)

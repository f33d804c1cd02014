"""MG524: consent that is bundled with a client which is gone."""

from mcpguard.sdk import (
    Application,
    Estate,
    Fact,
    Issue,
    Known,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    application_of,
    is_microsofts,
    known,
    principal_of,
    value_or_none,
    well_known_clients,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    clients = known(target.known_clients)
    if not clients:
        raise NotApplicable(f"{target.title} lists no known clients")
    at = (target.known_clients.at if isinstance(target.known_clients, Known) else None) or target.at
    for number, client in enumerate(clients):
        if client in well_known_clients():
            continue
        match _trouble(client, target, estate):
            case Known(value=trouble):
                if trouble:
                    yield Issue(
                        f"{target.title} has the known client {client}, which {trouble}; take it out of "
                        "knownClientApplications",
                        at.child(number),
                        evidence=(("client", client),),
                    )
            case Unknown() as unknown:
                yield unknown


def _trouble(client: str, target: Application, estate: Estate) -> Fact[str]:
    """What is wrong with a client, as a clause; empty when nothing is known to be."""
    principal = principal_of(client, estate)
    if principal is None:
        if application_of(client, estate) is not None:
            return Known("")
        if estate.is_complete("", "microsoft.graph/serviceprincipals"):
            return Known("has no service principal in this tenant")
        return Unknown(
            f"whether the known client {client} exists",
            f"add the answer of: az rest --method get --url \"https://graph.microsoft.com/v1.0/servicePrincipals(appId='{client}')\""
            " (404: it does not), or the list of all service principals",
            target.at,
        )
    if value_or_none(principal.enabled) is False:
        return Known(f"is disabled ({principal.name}, accountEnabled is false)")
    own = principal_of(target.app_id, estate)
    home, here = value_or_none(principal.home_tenant), value_or_none(own.home_tenant) if own else None
    if home and here and home != here and not is_microsofts(principal):
        return Known(f"belongs to the tenant {home} ({principal.name})")
    return Known("")

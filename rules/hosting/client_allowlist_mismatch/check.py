"""MG408: clients that get a token and are then refused."""

from mcpguard.sdk import (
    ContainerApp,
    Estate,
    Issue,
    Known,
    Location,
    NotApplicable,
    Options,
    SignIn,
    Site,
    Unknown,
    Verdicts,
    admitted_clients,
    audiences_in_front,
    known,
    own_audiences,
    own_registration,
    sign_in,
    well_known_clients,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    admitted = known(admitted_clients(found.auth))
    lists = (found.auth.allowed_applications, found.auth.claim_clients)
    if not any(isinstance(listed, Known) and listed.value for listed in lists):
        raise NotApplicable(f"the sign-in of {target.title} does not look at the client, which is for MG407")
    at = next((listed.at for listed in lists if isinstance(listed, Known) and listed.value), None) or found.auth.at
    clients = {client for client, _ in admitted}
    if clients <= {found.client_id}:
        seen = "its own client id alone" if clients else "no client that its two lists have in common"
        yield Issue(
            f"{target.title} admits {seen}, so every MCP client is refused with 403; add the client ids of the clients that "
            "may call to allowedApplications",
            at,
            confidence=found.server.confidence,
            key="nobody",
        )
        return
    yield from _refused(found, clients, at, estate)


def _refused(found: SignIn, clients: set[str], at: Location, estate: Estate) -> Verdicts:
    """Clients that the registration preauthorizes and the host refuses."""
    registration = known(own_registration(found.auth, estate))
    refused = [it for it in known(registration.preauthorized) if it.app_id not in clients | {registration.app_id}]
    own = known(own_audiences(found, estate))
    if refused and not own.isdisjoint(audiences_in_front(found.host, estate)):
        yield Unknown(
            f"whether the clients that {registration.title} preauthorizes call {found.host.title} or the gateway in front of "
            "it, which takes tokens for the same registration",
            "give gateway and host a registration each",
            at,
        )
        return
    for client in refused:
        known_as = well_known_clients().get(client.app_id)
        name = f"{known_as.name} ({client.app_id})" if known_as is not None else client.app_id
        yield Issue(
            f"{registration.title} preauthorizes {name}, but {found.host.title} refuses it with 403: allowedApplications does "
            "not list it; add it, or take the preauthorization back",
            at,
            related=(client.at.related("preauthorized here"),) if client.at is not None else (),
            evidence=(("client", client.app_id),),
            confidence=found.server.confidence,
            key=client.app_id,
        )

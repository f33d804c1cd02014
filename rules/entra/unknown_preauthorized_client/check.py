"""MG516: a client that gets tokens without consent, and should not."""

from mcpguard.sdk import (
    Application,
    ClientClass,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    PreauthorizedClient,
    ServicePrincipal,
    Unknown,
    Verdicts,
    application_of,
    is_microsofts,
    known,
    principal_of,
    servers_of,
    value_or_none,
    well_known_clients,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    clients = known(target.preauthorized)
    if not clients:
        raise NotApplicable(f"{target.title} preauthorizes nobody")
    approved = _approved(target, estate)
    for client in clients:
        if client.app_id not in approved:
            yield from _stranger(target, client, estate)
        yield from _stale_scopes(target, client)


def _approved(target: Application, estate: Estate) -> frozenset[str]:
    """Clients that the manifest approves for the organization or for a server of this registration."""
    everywhere = [client.app_id for client in estate.manifest.approved_clients] if estate.manifest else []
    declarations = (estate.declaration(server) for server in servers_of(target, estate))
    own = [client for declaration in declarations if declaration is not None for client in declaration.server.clients]
    return frozenset(client.lower() for client in (*everywhere, *own))


def _stranger(target: Application, client: PreauthorizedClient, estate: Estate) -> Verdicts:
    at = (client.at or target.at).child("appId")
    whom = f"{target.title} ({target.app_id}) preauthorizes"
    well_known = well_known_clients().get(client.app_id)
    if well_known is not None:
        if well_known.client_class is ClientClass.GENERAL_PURPOSE:
            yield Issue(
                f"{whom} {well_known.name} ({client.app_id}), with which everybody who can sign in gets tokens for it at a "
                "prompt; "
                "take it out, or approve it in the manifest",
                at,
                key=client.app_id,
            )
        return
    if client.app_id == target.app_id or application_of(client.app_id, estate) is not None:
        return
    principal = principal_of(client.app_id, estate)
    if principal is not None and (principal.is_agent or value_or_none(principal.principal_type) == "ManagedIdentity"):
        return  # these belong to the tenant that they are in
    own = principal_of(target.app_id, estate)
    if principal is None:
        yield Unknown(
            f"whose client {client.app_id} is, which {target.title} preauthorizes",
            f"add the answer of: az ad sp show --id {client.app_id} (or approve it in the manifest under approvedClients)",
            at,
        )
        return
    home, ours = principal.home_tenant, _tenant(own)
    if isinstance(home, Unknown) or not ours:
        yield home if isinstance(home, Unknown) else _own_tenant_missing(target)
    elif home.value and home.value != ours and not is_microsofts(principal):
        yield Issue(
            f"{whom} {principal.name} ({client.app_id}) of the tenant {home.value}, so that it gets tokens without anybody's "
            "consent; take it out, or approve it in the manifest",
            at,
            key=client.app_id,
        )


def _tenant(principal: ServicePrincipal | None) -> str:
    return (value_or_none(principal.home_tenant) or "") if principal is not None else ""


def _own_tenant_missing(target: Application) -> Unknown:
    return Unknown(f"the tenant of {target.title}", f"add the answer of: az ad sp show --id {target.app_id}", target.at)


def _stale_scopes(target: Application, client: PreauthorizedClient) -> Verdicts:
    match target.scopes:
        case Known(value=scopes):
            state = {scope.id: scope for scope in scopes}
            for index, id_ in enumerate(client.scopes):
                scope = state.get(id_)
                if scope is not None and scope.is_enabled:
                    continue
                what = f"{scope.value} ({id_}), which is disabled" if scope is not None else f"{id_}, which it does not offer"
                yield Issue(
                    f"{target.title} ({target.app_id}) preauthorizes {client.app_id} for the scope {what}; take it out, or it "
                    "comes back with the scope",
                    (client.at or target.at).child("delegatedPermissionIds", index),
                    key=f"{client.app_id}/{id_}",
                )
        case Unknown() as unknown:
            yield unknown

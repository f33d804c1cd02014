"""MG513: daemons call a server that knows no roles for them."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    Known,
    Location,
    McpServer,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    allowed_clients,
    calls_without_user,
    gateway_clients,
    known,
    principal_of,
    principal_with,
    servers_of,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = servers_of(target, estate)
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server")
    if any(role.is_enabled and "Application" in role.member_types for role in known(target.app_roles)):
        return
    principal = principal_of(target.app_id, estate)
    required = principal.assignment_required if principal is not None else None
    if isinstance(required, Known) and required.value:
        return  # who has no assignment gets no token, daemons too
    unread: Unknown | None = None
    for client, who, at in _callers(target, servers, estate):
        match calls_without_user(client, estate):
            case Known(value=True):
                if required is None or isinstance(required, Unknown):
                    unread = unread or required or _principal_missing(target)
                    continue
                name = found.name if (found := principal_of(client, estate)) is not None else client
                yield Issue(
                    f"{target.title} ({target.app_id}) offers no application role, though {who} lets {name} in, which "
                    "calls without "
                    "a user: any daemon of the tenant gets a token for it too; offer a role to applications and ask for it",
                    target.app_roles.at or target.at,
                    related=(at.related("let in here"),) if at is not None else (),
                    evidence=(("client", client),),
                )
                return
            case Unknown() as unknown:
                unread = unread or unknown
            case Known():
                pass
    if unread is not None:
        yield unread


def _principal_missing(target: Application) -> Unknown:
    return Unknown(
        f"whether callers must be assigned to {target.title}, whose service principal was not read",
        f"add the answer of: az ad sp show --id {target.app_id}",
        target.at,
    )


def _callers(target: Application, servers: tuple[McpServer, ...], estate: Estate) -> Iterator[tuple[str, str, Location | None]]:
    """Client ids that are let in, with who lets them in and where."""
    for server in servers:
        for client, at in gateway_clients(server, estate):
            yield client, f"the gateway of {server.title}", at
        for fact, who in allowed_clients(server, estate):
            if isinstance(fact, Known):
                yield from ((client, who, fact.at) for client in fact.value)
    principal = principal_of(target.app_id, estate)
    for grant in principal.assigned.items if principal is not None else ():
        holder = principal_with(grant.principal_id, estate)
        if grant.principal_type == "ServicePrincipal" and holder is not None:
            yield holder.app_id, "an assignment", grant.at

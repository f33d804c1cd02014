"""MG517: a client that may come in but gets no token."""

from mcpguard.sdk import (
    Application,
    ClientClass,
    Estate,
    Issue,
    Known,
    Location,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    allowed_clients,
    application_of,
    calls_without_user,
    known,
    principal_of,
    servers_of,
    well_known_clients,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    allowed: dict[str, tuple[str, Location | None]] = {}
    unread: list[Unknown] = []
    for server in servers_of(target, estate):
        for fact, who in allowed_clients(server, estate):
            match fact:
                case Known(value=clients, at=at):
                    for number, client in enumerate(clients):
                        allowed.setdefault(client, (who, at.child(number) if at else None))
                case Unknown() as unknown:
                    unread.append(unknown)
    allowed.pop(target.app_id, None)
    if not allowed and not unread:
        raise NotApplicable(f"{target.title} stands for no MCP server whose host or manifest entry names its clients")
    listed = {client.app_id for client in known(target.preauthorized)} if allowed else set()
    for client in sorted(allowed.keys() - listed):
        if client in well_known_clients() and well_known_clients()[client].client_class is ClientClass.GENERAL_PURPOSE:
            continue  # MG409 asks to take it out
        who, at = allowed[client]
        match calls_without_user(client, estate):
            case Known(value=False):
                yield Issue(
                    f"{who} allows the client {_name(client, estate)}, but api.preAuthorizedApplications of {target.title} "
                    f"does not list {client}; preauthorize it, for Entra registers no clients on request",
                    (target.preauthorized.at if isinstance(target.preauthorized, Known) else None) or target.at,
                    related=(at.related("allowed here"),) if at else (),
                    evidence=(("client", client),),
                )
            case Unknown() as unknown:
                yield unknown
            case Known():
                pass
    yield from unread


def _name(client: str, estate: Estate) -> str:
    """What people call a client; its id when nobody was read that has it."""
    if client in well_known_clients():
        return well_known_clients()[client].name
    found = principal_of(client, estate) or application_of(client, estate)
    return found.name if found is not None else client

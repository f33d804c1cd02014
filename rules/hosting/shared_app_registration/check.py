"""MG414: one registration stands for several hosts or gateways."""

from mcpguard.sdk import (
    ContainerApp,
    Estate,
    Issue,
    Options,
    Site,
    Verdicts,
    sharing_hosts,
    sharing_servers,
    sign_in,
    unread_sign_in,
)

_SHOWN = 5


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    client = found.client_id
    hosts, count = sharing_hosts(found, estate, _SHOWN)
    servers = sharing_servers(found, estate)
    names = [*(host.title for host, _ in hosts), *(server.title for server in servers)]
    if names:
        more = f" and {count - len(hosts)} other hosts" if count > len(hosts) else ""
        yield Issue(
            f"{target.title} shares the registration {client} with {', '.join(names)}{more}: a token for one opens all; "
            "register the MCP server on its own",
            found.auth.client_id.at or found.auth.at,
            related=tuple(at.related(f"{host.title} has it too") for host, at in hosts),
            evidence=(("registration", client),),
            confidence=found.server.confidence,
        )
        return
    unread = unread_sign_in(found, estate)
    if unread is not None:
        yield unread

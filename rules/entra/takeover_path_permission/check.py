"""MG531: permissions with which an identity gets all others."""

from mcpguard.sdk import (
    Estate,
    Issue,
    NotApplicable,
    Options,
    Privilege,
    ServicePrincipal,
    Verdicts,
    held_graph_roles,
    is_microsofts,
)


def check(target: ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if is_microsofts(target):
        raise NotApplicable(f"{target.title} is one of Microsoft's own applications")
    for role in held_graph_roles(target, estate):
        if role.privilege is Privilege.TAKEOVER:
            yield Issue(
                f"{target.title} ({target.app_id}) holds {role.name} of Microsoft Graph, with which it can grant itself "
                "permissions or sign in as other applications; take it away",
                role.at,
                evidence=(("permission", role.name),),
            )
    if target.roles.missing is not None:
        yield target.roles.missing

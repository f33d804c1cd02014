"""MG521: permissions that are enough to take over the directory."""

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    NotApplicable,
    Options,
    Privilege,
    RoleClass,
    ServicePrincipal,
    Unknown,
    Verdicts,
    built_in_roles,
    held_graph_roles,
    hosts_run_as,
    is_microsofts,
    known,
    principal_of,
    requested_graph_roles,
)


def check(target: ServicePrincipal | Application, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, Application):
        yield from _merely_requested(target, estate)
        return
    if is_microsofts(target):
        raise NotApplicable(f"{target.title} is one of Microsoft's own applications")
    for role in held_graph_roles(target, estate):
        if role.privilege is Privilege.TIER_ZERO:
            yield Issue(
                f"{target.title} ({target.app_id}) holds the application permission {role.name} of Microsoft Graph, which is "
                "enough to take over the directory; take it away and act for the signed-in user",
                role.at,
                evidence=(("permission", role.name),),
            )
    if not hosts_run_as(target, estate):  # of hosts, MG532 judges directory roles
        yield from _directory_roles(target)
    if target.roles.missing is not None:
        yield target.roles.missing


def _directory_roles(target: ServicePrincipal) -> Verdicts:
    for held in target.directory_roles.items:
        role = built_in_roles().get(held.template_id)
        if role is not None and role.role_class is RoleClass.TIER_ZERO and held.scope in ("", "/"):
            yield Issue(
                f"{target.title} ({target.app_id}) holds the directory role {role.name}, which is enough to take over the "
                "directory; take it away",
                held.at,
                evidence=(("directory role", role.name),),
            )
    if target.directory_roles.missing is not None:
        yield target.directory_roles.missing


def _merely_requested(target: Application, estate: Estate) -> Verdicts:
    """What a registration asks for is no finding; whether it was given is a question when its principal was not read."""
    if principal_of(target.app_id, estate) is not None:
        raise NotApplicable(f"what {target.title} was granted is judged at its service principal")
    asked = [role for role in known(requested_graph_roles(target)) if role.privilege is Privilege.TIER_ZERO]
    if not asked:
        raise NotApplicable(f"{target.title} asks for no tier-0 permission")
    yield Unknown(
        f"whether {target.title} was granted {asked[0].name}, which it asks for",
        'add the answers of: az rest --method get --url "https://graph.microsoft.com/v1.0/servicePrincipals'
        f"(appId='{target.app_id}')\" and of its appRoleAssignments (permission Application.Read.All)",
        asked[0].at,
    )

"""MG532: a host that may by itself what its callers may not."""

from mcpguard.sdk import (
    ContainerApp,
    Estate,
    Host,
    Issue,
    Known,
    ManagedIdentity,
    NotApplicable,
    Options,
    Privilege,
    RoleClass,
    ServicePrincipal,
    Site,
    Unknown,
    Verdicts,
    built_in_roles,
    held_graph_roles,
    identity_title,
    known,
    principal_of_identity,
    runs_mcp_server,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    if not runs_mcp_server(target, estate):
        raise NotApplicable(f"{target.title} runs no MCP server")
    identities = known(target.identities)
    if not identities:
        raise NotApplicable(f"{target.title} has no managed identity")
    for identity in identities:
        match principal_of_identity(identity, target, estate):
            case Known(value=principal):
                yield from _judge(identity, principal, target, estate)
            case Unknown() as unknown:
                yield unknown


def _judge(identity: ManagedIdentity, principal: ServicePrincipal, host: Host, estate: Estate) -> Verdicts:
    who = f"{host.title} runs as {identity_title(identity)}, which holds"
    judged_elsewhere = (Privilege.TIER_ZERO, Privilege.TAKEOVER)
    for role in held_graph_roles(principal, estate):
        if role.privilege not in judged_elsewhere and not role.name.endswith(".Selected"):
            yield Issue(
                f"{who} {role.title} of Microsoft Graph without a user; call Graph on behalf of the caller",
                role.at,
                related=(identity.at.related("the identity"),),
                evidence=(("identity", principal.app_id), ("permission", role.name or role.id)),
            )
    for held in principal.directory_roles.items:
        known_role = built_in_roles().get(held.template_id)
        if known_role is None or known_role.role_class is not RoleClass.PLAIN:
            name = known_role.name if known_role else held.name or held.template_id
            yield Issue(
                f"{who} the directory role {name}; take it away and act on behalf of the caller",
                held.at,
                related=(identity.at.related("the identity"),),
                evidence=(("identity", principal.app_id), ("directory role", name)),
            )
    yield from (it.missing for it in (principal.roles, principal.directory_roles) if it.missing is not None)

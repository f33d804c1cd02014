"""MG522: permissions over everybody's data, without a user."""

from mcpguard.sdk import (
    Estate,
    Issue,
    NotApplicable,
    Options,
    Privilege,
    ServicePrincipal,
    Verdicts,
    held_graph_roles,
    hosts_run_as,
    is_microsofts,
)


def check(target: ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if is_microsofts(target):
        raise NotApplicable(f"{target.title} is one of Microsoft's own applications")
    if hosts_run_as(target, estate):
        raise NotApplicable(f"{target.title} is the identity of an MCP host, which MG532 judges")
    roles = held_graph_roles(target, estate)
    broad = [role for role in roles if role.privilege is Privilege.BROAD]
    if broad:
        names = ", ".join(sorted(role.name for role in broad))
        yield Issue(
            f"{target.title} ({target.app_id}) holds {names} of Microsoft Graph for the whole organization without a user; act "
            "for the caller or name the resources",
            broad[0].at,
            related=tuple(role.at.related(role.name) for role in broad[1:]),
            evidence=tuple(("permission", role.name) for role in sorted(broad, key=lambda role: role.name)),
            key="broad",
        )
    yield from (unlisted for role in roles if (unlisted := role.unlisted) is not None)
    if target.roles.missing is not None:
        yield target.roles.missing

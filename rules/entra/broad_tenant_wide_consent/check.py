"""MG523: consent for everybody to nearly everything."""

from mcpguard.sdk import (
    GRAPH_APP_ID,
    RESOURCE_MANAGER_APP_ID,
    DelegatedGrant,
    Estate,
    Issue,
    NotApplicable,
    Options,
    Privilege,
    ServicePrincipal,
    Unknown,
    Verdicts,
    graph_delegated_scopes_by_name,
    is_microsofts,
    principal_with,
    resource_name,
)


def check(target: ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if is_microsofts(target):
        raise NotApplicable(f"{target.title} is one of Microsoft's own applications")
    for grant in target.delegated.items:
        if not grant.all_principals:
            continue
        resource = principal_with(grant.resource_id, estate)
        broad = _broad(grant, resource.app_id if resource else "")
        if broad and resource is None:
            yield Unknown(
                f"of which API {target.title} was granted {', '.join(broad)}",
                f"add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/servicePrincipals/{grant.resource_id}",
                grant.at,
            )
        elif broad and resource is not None:
            yield Issue(
                f"{target.title} ({target.app_id}) has consent for everybody to {', '.join(broad)} of "
                f"{resource_name(resource.app_id, estate)}; grant the scopes that its tools use, or consent for single users",
                grant.at,
                evidence=(("resource", resource.app_id), *(("scope", scope) for scope in broad)),
            )
    if target.delegated.missing is not None:
        yield target.delegated.missing


def _broad(grant: DelegatedGrant, resource: str) -> list[str]:
    """The broad scopes of a grant; of an API that was not read, those that would be broad of Graph."""
    if resource == RESOURCE_MANAGER_APP_ID:
        return ["user_impersonation"] if "user_impersonation" in map(str.lower, grant.scopes) else []
    if resource not in ("", GRAPH_APP_ID):
        return []
    table = graph_delegated_scopes_by_name()
    known = ((scope, table.get(scope.lower())) for scope in grant.scopes)
    return sorted({found.name for _, found in known if found is not None and found.privilege is Privilege.BROAD})

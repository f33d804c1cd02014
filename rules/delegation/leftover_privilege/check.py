"""MG317: rights that nobody asks for any more."""

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    NotApplicable,
    Options,
    ServicePrincipal,
    Unknown,
    Verdicts,
    application_of,
    known,
    leftover_scopes,
    named_scopes,
    principal_with,
    resource_name,
)

_NO_ROLE = "00000000-0000-0000-0000-000000000000"


def check(target: ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    application = application_of(target.app_id, estate)
    if application is None or application.is_blueprint:
        raise NotApplicable(f"{target.title} has no registration in this tenant that asks for its permissions")
    yield from _scopes(target, application, estate)
    roles = {one.id for one in known(application.requested) if one.is_role}
    for grant in target.roles.items:
        if grant.app_role_id not in roles and grant.app_role_id != _NO_ROLE:
            resource = principal_with(grant.resource_id, estate)
            of = resource_name(resource.app_id, estate) if resource else f"the API {grant.resource_id}"
            yield Issue(
                f"{target.title} holds the application role {grant.app_role_id} of {of}, which its registration does not ask "
                "for; remove the assignment, or ask for it",
                grant.at,
                evidence=(("role", grant.app_role_id),),
            )
    yield from (it.missing for it in (target.delegated, target.roles) if it.missing is not None)


def _scopes(target: ServicePrincipal, application: Application, estate: Estate) -> Verdicts:
    for grant in target.delegated.items:
        if not grant.all_principals:
            continue
        found = leftover_scopes(grant, application, estate)
        if isinstance(found, Unknown):
            yield found
        elif found.value:
            resource = principal_with(grant.resource_id, estate)
            of = resource_name(resource.app_id, estate) if resource else grant.resource_id
            yield Issue(
                f"{target.title} has consent for everybody to {named_scopes(found.value)} of {of}, which its registration does "
                "not ask for; revoke it, or ask for it",
                grant.at,
                evidence=(("scopes", named_scopes(found.value)),),
            )

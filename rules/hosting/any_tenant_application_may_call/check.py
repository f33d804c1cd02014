"""MG407: any application of the tenant gets in."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Issue,
    Known,
    Options,
    Site,
    Unknown,
    Verdicts,
    least,
    principal_of,
    sign_in,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    auth = found.auth
    checks = (auth.allowed_applications, auth.claim_clients, auth.allowed_identities, auth.allowed_groups, auth.claim_groups)
    if any(isinstance(check, Known) and check.value for check in checks):
        return
    unread = next((check for check in checks if isinstance(check, Unknown)), None)
    if unread is not None:
        yield unread
        return
    principal = principal_of(found.client_id, estate)
    assigned = principal.assignment_required if principal is not None else None
    if isinstance(assigned, Known) and assigned.value:
        return
    note = " (its code may check roles itself, which configuration does not show)" if target.runs_own_code else ""
    yield Issue(
        f"{target.title} admits any application of its tenant: defaultAuthorizationPolicy names no allowedApplications and "
        f"no other check of the caller is set; list the client ids of the clients that may call{note}",
        auth.allowed_applications.at or auth.at,
        confidence=least(
            found.server.confidence, Confidence.HIGH if isinstance(assigned, Known) and not note else Confidence.MEDIUM
        ),
    )

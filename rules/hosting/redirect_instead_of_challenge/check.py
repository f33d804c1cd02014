"""MG404: callers without a token are sent to a login page."""

from mcpguard.sdk import (
    ContainerApp,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Site,
    Verdicts,
    admits_programs_alone,
    known,
    sign_in,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    action = found.auth.unauthenticated_action
    if not known(found.auth.require_authentication):
        raise NotApplicable(f"the sign-in of {target.title} is not enforced, which is for MG402")
    if known(action).lower() != "redirecttologinpage":
        return
    facing = target.internet_facing
    if isinstance(facing, Known) and not facing.value:
        raise NotApplicable(f"{target.title} is closed to the internet: its callers are no clients that look for a challenge")
    if admits_programs_alone(found, estate):
        raise NotApplicable(f"only managed identities and agents may call {target.title}; they bring their token unasked")
    is_default = isinstance(action, Known) and action.defaulted
    seen = "not set, so RedirectToLoginPage" if is_default else "RedirectToLoginPage"
    yield Issue(
        f"{target.title} answers MCP clients without a token with a redirect to a login page instead of 401: "
        f"unauthenticatedClientAction is {seen}; set it to Return401",
        action.at or found.auth.at,
        confidence=found.server.confidence,
    )

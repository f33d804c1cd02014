"""MG533: what is switched off and still counted on."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Application,
    Estate,
    Fact,
    Issue,
    Known,
    NotApplicable,
    Options,
    ServicePrincipal,
    Unknown,
    Verdicts,
    application_of,
    principal_of,
    ties_of,
    value_or_none,
)


def check(target: Application | ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, ServicePrincipal) and application_of(target.app_id, estate) is not None:
        raise NotApplicable(f"{target.title} is judged with its registration")
    use = _use(target, estate)
    if not use:
        raise NotApplicable(f"no MCP host, gateway or agent is known to use {target.title}")
    for member, fact, bad in _switches(target, estate):
        match fact:
            case Known(value=value, at=at):
                if value is bad:
                    yield Issue(
                        f"{target.title} ({target.app_id}) is disabled ({member}), though {use}; enable it or stop using it",
                        at or target.at,
                        key=member,
                    )
                    return
            case Unknown() as unknown:
                yield unknown


def _use(target: Application | ServicePrincipal, estate: Estate) -> str:
    """Who uses a registration or principal, as a clause; empty when nobody is known to."""
    agents = estate.manifest.agents if estate.manifest else ()
    named = next((agent for agent in agents if target.app_id and agent.app_id.lower() == target.app_id), None)
    if named is not None:
        return f"the manifest lists it as the agent {named.id}"
    return next((tie.reason for tie in ties_of(target, estate) if tie.server), "")


def _switches(target: Application | ServicePrincipal, estate: Estate) -> Iterator[tuple[str, Fact[bool], bool]]:
    """What can disable an identity: member, its value, and the value that disables."""
    if not (isinstance(target, ServicePrincipal) and value_or_none(target.principal_type) == "ManagedIdentity"):
        yield "isDisabled or disabledByMicrosoftStatus", target.is_disabled, True
    principal = target if isinstance(target, ServicePrincipal) else principal_of(target.app_id, estate)
    if principal is not None:
        yield "accountEnabled of its service principal is false", principal.enabled, False

"""MG314: demands that only the caller's client could meet."""

from mcpguard.sdk import (
    Application,
    ConditionalAccess,
    Estate,
    Issue,
    NotApplicable,
    Options,
    Undetermined,
    Unknown,
    Verdicts,
    WantedScope,
    known,
    wanted_by_middle_tier,
)

_POLICIES = "microsoft.graph/identity/conditionalaccess/policies"
# What the word Office365 stands for, of the APIs that tools call: Exchange Online, SharePoint Online.
_OFFICE = frozenset({"00000002-0000-0ff1-ce00-000000000000", "00000003-0000-0ff1-ce00-000000000000"})
_DEMANDS = frozenset({"mfa", "compliantdevice", "domainjoineddevice"})


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    wanted = wanted_by_middle_tier(target, estate)
    if not wanted:
        raise NotApplicable(f"{target.title} asks for no delegated permission of another API")
    for policy in estate.of(ConditionalAccess):
        try:
            demand, met = _demand(policy), _only_downstream(policy, target, wanted)
        except Undetermined as undetermined:
            yield undetermined.unknown
            continue
        if demand and met is not None:
            yield Issue(
                f"{policy.title} asks for {demand} at {met.resource} and not at {target.title}, which calls it for its users "
                "and cannot prompt; cover both, or relay the claims challenge",
                policy.at,
                evidence=(("policy", policy.id), ("resource", met.resource_app_id)),
                key=policy.key,
            )
    if not estate.is_complete("", _POLICIES):
        yield Unknown(
            f"whether Conditional Access asks for more at {wanted[0].resource} than at {target.title}, so that exchanges fail",
            "add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/identity/conditionalAccess/policies"
            " (permission Policy.Read.All), or review how the server relays claims challenges",
            target.at,
        )


def _demand(policy: ConditionalAccess) -> str:
    """What an enabled policy asks of users, in words; empty when it asks for nothing that a middle tier cannot give."""
    if known(policy.state) != "enabled" or not known(policy.includes_users):
        return ""
    asked = [control for control in known(policy.controls) if control.lower() in _DEMANDS]
    strength = known(policy.strength)
    frequency = ["a sign-in frequency"] if known(policy.sign_in_frequency) else []
    return " and ".join([*asked, *([f"authentication strength {strength}"] if strength else []), *frequency])


def _only_downstream(policy: ConditionalAccess, target: Application, wanted: tuple[WantedScope, ...]) -> WantedScope | None:
    """The first downstream API that the policy covers, unless it covers the server as well."""
    if _covers(policy, target.app_id):
        return None
    return next((one for one in wanted if _covers(policy, one.resource_app_id)), None)


def _covers(policy: ConditionalAccess, app_id: str) -> bool:
    included = known(policy.applications)
    is_included = "all" in included or app_id in included or ("office365" in included and app_id in _OFFICE)
    return is_included and app_id not in known(policy.excluded_applications)

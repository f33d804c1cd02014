"""MG534: what a tenant lets everybody do with applications."""

from mcpguard.sdk import Estate, Issue, Known, Options, TenantPolicy, Unknown, Verdicts, known

_LIMITS = frozenset({"passwordaddition", "passwordlifetime"})
_ANY_APPLICATION = "microsoft-user-default-legacy"
_NARROW = frozenset({"microsoft-user-default-low", "microsoft-user-default-recommended"})


def check(target: TenantPolicy, estate: Estate, options: Options) -> Verdicts:
    if target.sort == "authorization":
        yield from _consent(target)
        return
    if not known(target.is_enabled):
        yield Issue(
            f"{target.title} is off (isEnabled is false), so secrets and identifier URIs have no limits; switch it on",
            (target.is_enabled.at if isinstance(target.is_enabled, Known) else None) or target.at,
            key="off",
        )
        return
    match target.secret_restrictions:
        case Known(value=restrictions, at=at):
            if not any(it.type.lower() in _LIMITS and it.state.lower() != "disabled" for it in restrictions):
                yield Issue(
                    f"{target.title} limits neither the addition nor the lifetime of secrets (passwordAddition, "
                    "passwordLifetime); enable one of them",
                    at or target.at,
                    key="secrets",
                )
        case Unknown() as unknown:
            yield unknown
    match target.restricts_identifier_uris:
        case Known(value=False, at=at):
            yield Issue(
                f"{target.title} lets registrations take any identifier URI (nonDefaultUriAddition is not enabled); enable it",
                at or target.at,
                key="uris",
            )
        case Unknown() as unknown:
            yield unknown
        case Known():
            pass


def _consent(target: TenantPolicy) -> Verdicts:
    at = (target.consent_policies.at if isinstance(target.consent_policies, Known) else None) or target.at
    for policy in known(target.consent_policies):
        about, _, name = policy.partition(".")
        if about.lower() != "managepermissiongrantsforself":
            continue  # consent for groups and teams that a user owns
        if name.lower() == _ANY_APPLICATION:
            yield Issue(
                f"{target.title} lets users consent to any application ({policy}); allow verified publishers and selected "
                "permissions only",
                at,
                key="consent",
            )
        elif name.lower() not in _NARROW:
            yield Unknown(
                f"to which applications users may consent by the policy {name}",
                f"review it: az rest --method get --url https://graph.microsoft.com/v1.0/policies/permissionGrantPolicies/{name}",
                at,
            )
    if known(target.consents_to_risky_apps):
        yield Issue(
            f"{target.title} lets users consent to risky applications (allowUserConsentForRiskyApps is true); set it to false",
            (target.consents_to_risky_apps.at if isinstance(target.consents_to_risky_apps, Known) else None) or target.at,
            key="risky",
        )

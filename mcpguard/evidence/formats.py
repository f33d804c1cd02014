"""What a source format cannot hold: a member that is absent there is unknown, not unset.

Keys are dotted routes in Graph's own names. A route covers everything below it.
"""

_NOT_IN_A_REGISTRATION_ALONE = frozenset({"owners", "customSecurityAttributes", "federatedIdentityCredentials", "sponsors"})
CANNOT_HOLD: dict[str, frozenset[str]] = {
    # The manifest of the portal in its old form (facts/entra.md 7).
    "app-manifest": _NOT_IN_A_REGISTRATION_ALONE
    | {
        "appManagementPolicies",
        "authenticationBehaviors",
        "description",
        "isDisabled",
        "serviceManagementReference",
        "servicePrincipalLockConfiguration",
        "verifiedPublisher",
    },
    # AAD Graph 1.61-internal, which ROADrecon gathers (dirkjanm/ROADtools, roadlib/metadef/database.py).
    "aad-graph": frozenset(
        {
            "api.acceptMappedClaims",
            "api.preAuthorizedApplications",
            "api.requestedAccessTokenVersion",
            "authenticationBehaviors",
            "customSecurityAttributes",
            "description",
            "federatedIdentityCredentials",
            "isDisabled",
            "notes",
            "serviceManagementReference",
            "servicePrincipalLockConfiguration",
            "spa",
        }
    ),
}


def cannot_hold(format: str, route: tuple[str | int, ...]) -> bool:
    """Whether a format has no place for the member at ``route``, or for something above it."""
    lacking = CANNOT_HOLD.get(format)
    if lacking is None:
        return False
    names = [str(step) for step in route]
    return any(".".join(names[:end]) in lacking for end in range(1, len(names) + 1))

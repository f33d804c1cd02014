"""What a source format cannot hold: a member that is absent there is unknown, not unset.

Keys are dotted routes in the names of Graph or ARM. A route covers everything below it.
"""

from __future__ import annotations

_NOT_IN_A_REGISTRATION_ALONE = frozenset({"owners", "customSecurityAttributes", "federatedIdentityCredentials", "sponsors"})
TEMPLATES = frozenset({"arm-template", "bicep"})
"""Formats that declare what is to be deployed, in Resource Manager's own shapes."""
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
    # Connections as the data plane of Foundry answers them (azure-ai-projects 2.10.0, Connection).
    "foundry-data-plane": frozenset(
        {"properties.audience", "properties.authorizationUrl", "properties.isSharedToAll", "systemData"}
    ),
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
    # The models of sites that az webapp and az functionapp print (azure-mgmt-web, Site; facts/hosting.md 1.2).
    "azure-cli": frozenset({"properties.privateEndpointConnections"}),
}


def cannot_hold(format: str, route: tuple[str | int, ...]) -> bool:
    """Whether a format has no place for the member at ``route``, or for something above it."""
    lacking = CANNOT_HOLD.get(format)
    if lacking is None:
        return False
    names = [str(step) for step in route]
    return any(".".join(names[:end]) in lacking for end in range(1, len(names) + 1))

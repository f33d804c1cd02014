"""What hosts run in: managed environments of container apps, App Service Environments. Both may be closed to the internet.

Facts: facts/hosting.md section 5; learn.microsoft.com/azure/app-service/overview-access-restrictions (the default entry point
of an app in an internal App Service Environment is within its network, whatever ``publicNetworkAccess`` says); ARM reference,
Microsoft.Web/hostingEnvironments (``internalLoadBalancingMode``: ``None``, ``Web``, ``Publishing``, ``Web, Publishing``).
"""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.evidence import RawResource, Unresolved, resource_key
from mcpguard.normalize.fields import fact, last_segment, lookup, not_usable, text
from mcpguard.normalize.host_index import READ_AGAIN, HostIndex

_PROFILE = ("properties", "hostingEnvironmentProfile")
_MODE = ("properties", "internalLoadBalancingMode")


def managed_environment_opens(raw: RawResource, id: str, index: HostIndex) -> Fact[bool]:
    """Whether the managed environment of a host has a public address that takes traffic."""
    environment = index.environments.get(resource_key(id))
    if environment is None:
        return Unknown(
            f"whether the environment of {last_segment(raw.id)} is internal",
            READ_AGAIN + (id or "<id of the managed environment>"),
            raw.origin,
        )
    access = ("properties", "publicNetworkAccess")
    if text(environment, *access).lower() == "disabled":
        return Known(False, environment.origin.child(*access))
    internal = fact(
        environment,
        ("properties", "vnetConfiguration", "internal"),
        bool,
        Known(False, environment.origin, "an environment is not internal unless set"),
    )
    if isinstance(internal, Known) and not internal.value:
        computed = lookup(environment.body, access)
        if isinstance(computed, Unresolved):
            return not_usable(environment, access, computed, "a text")
    return transform(internal, lambda value: not value)


def site_environment_opens(raw: RawResource, index: HostIndex) -> Fact[bool] | None:
    """The same for what a site runs in; None for one in the multi-tenant service, which has a public address."""
    managed = text(raw, "properties", "managedEnvironmentId")
    if managed:
        return managed_environment_opens(raw, managed, index)
    profile = lookup(raw.body, _PROFILE)
    if profile is None:
        return None
    id = text(raw, *_PROFILE, "id")
    environment = index.app_service_environments.get(resource_key(id)) if id else None
    if environment is None:
        return Unknown(
            f"whether the App Service Environment of {last_segment(raw.id)} is internal",
            READ_AGAIN + (id or "<id of the App Service Environment>"),
            raw.origin.child(*_PROFILE),
        )
    mode = fact(environment, _MODE, str, Known("None", environment.origin, "an environment is external unless set"))
    return transform(mode, lambda value: "web" not in value.lower())

"""The whole plan of what is read in Azure: what is looked for in a subscription, and what is read below each find."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mcpguard.collect import foundry, gateway, hosts
from mcpguard.collect.reads import Item, Needs, Plan, Read, Shape

GRAPH_GROUP = "Entra"
_INSIGHTS = "microsoft.insights"
_MONITORING = Needs("Monitoring Reader", "the resource group", "Microsoft.Insights/diagnosticSettings/read")
_READER = hosts.READER
_DIAGNOSTIC_SETTINGS = Read(
    "diagnostic-settings",
    f"{_INSIGHTS}/diagnosticsettings",
    "providers/Microsoft.Insights/diagnosticSettings",
    _MONITORING,
    ("2021-05-01-preview",),
)


def _always(item: Item) -> bool:
    return True


class Sought(msgspec.Struct, frozen=True):
    """A type of resource that is looked for in the scope, wherever it is."""

    name: str
    type: str
    """As the provider spells it."""
    group: str
    versions: tuple[str, ...]
    needs: Needs
    below: tuple[Read, ...] = ()
    keep: Callable[[Item], bool] = _always

    def one(self) -> Read:
        """Reading one that was found."""
        return Read(
            self.name,
            self.type.lower(),
            "",
            self.needs,
            self.versions,
            Shape.ONE,
            below=self.below,
            keep=self.keep,
            group=self.group,
        )

    def all(self) -> Read:
        """Listing all below a subscription or resource group."""
        return Read(
            f"{self.name}-list",
            self.type.lower(),
            f"providers/{self.type}",
            self.needs,
            self.versions,
            below=self.below,
            keep=self.keep,
            group=self.group,
        )


SOUGHT = (
    Sought(
        "service",
        "Microsoft.ApiManagement/service",
        "API Management",
        gateway.SERVICE_VERSIONS,
        gateway.SERVICE_NEEDS,
        (gateway.ALL_POLICIES, *gateway.IN_SERVICE, _DIAGNOSTIC_SETTINGS),
        gateway.is_asked_for,
    ),
    Sought(
        "aigateway",
        "Microsoft.ApiManagement/aigateways",
        "API Management",
        gateway.AIGATEWAY_VERSIONS,
        gateway.AIGATEWAY_NEEDS,
        gateway.AIGATEWAY,
    ),
    Sought("site", "Microsoft.Web/sites", "Hosts", hosts.SITE_VERSIONS, _READER, (*hosts.IN_SITE, _DIAGNOSTIC_SETTINGS)),
    Sought("container-app", "Microsoft.App/containerApps", "Hosts", hosts.APP_VERSIONS, _READER, hosts.IN_CONTAINER_APP),
    Sought("environment", "Microsoft.App/managedEnvironments", "Hosts", hosts.APP_VERSIONS, _READER, (_DIAGNOSTIC_SETTINGS,)),
    Sought("session-pool", "Microsoft.App/sessionPools", "Hosts", hosts.POOL_VERSIONS, _READER),
    Sought(
        "identity",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Hosts",
        ("2023-01-31",),
        _READER,
    ),
    Sought(
        "account",
        "Microsoft.CognitiveServices/accounts",
        "Foundry",
        foundry.VERSIONS,
        foundry.READER,
        (*foundry.IN_ACCOUNT, _DIAGNOSTIC_SETTINGS),
        foundry.is_foundry,
    ),
    Sought("component", "Microsoft.Insights/components", "Monitor", ("2020-02-02",), _MONITORING),
    Sought("workspace", "Microsoft.OperationalInsights/workspaces", "Monitor", ("2023-09-01", "2022-10-01"), _MONITORING),
)
POLICY_DEFINITIONS = msgspec.structs.replace(foundry.POLICY_DEFINITIONS, group="Foundry")
OPERATION_POLICY = "service/apis/operations/policy"
WORKSPACE_OPERATION_POLICY = "service/workspaces/apis/operations/policy"
LISTED_POLICY = "service/all-policies/policy"
PLAN = Plan((*(sought.one() for sought in SOUGHT), *(sought.all() for sought in SOUGHT), POLICY_DEFINITIONS))
BY_TYPE = {sought.type.lower(): sought for sought in SOUGHT}
_GROUPS = {root.name: root.group for root in PLAN.roots}


def group_of(name: str) -> str:
    """The part of the estate that a read belongs to."""
    return _GROUPS.get(name.partition("/")[0], "Scope")

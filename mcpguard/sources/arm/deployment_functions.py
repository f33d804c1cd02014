"""Functions that ask for the deployment and for deployed resources: ids, scopes, ``reference`` and ``list*``.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource, -scope and -deployment.
Ids are worked out as far as the template tells them; what a running resource would answer is unresolved.
"""

from __future__ import annotations

from collections.abc import Callable

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm import places
from mcpguard.sources.arm.scopes import Scope
from mcpguard.sources.arm.values import OPAQUE, Failure, assemble

_CLOUD: dict[str, Json] = {
    "name": "AzureCloud",
    "gallery": "https://gallery.azure.com/",
    "graph": "https://graph.windows.net/",
    "graphAudience": "https://graph.windows.net/",
    "portal": "https://portal.azure.com",
    "resourceManager": "https://management.azure.com/",
    "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "batch": "https://batch.core.windows.net/",
    "media": "https://rest.media.azure.net",
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "authentication": {
        "loginEndpoint": "https://login.microsoftonline.com/",
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "suffixes": {
        "acrLoginServer": ".azurecr.io",
        "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
        "keyvaultDns": ".vault.azure.net",
        "sqlServerHostname": ".database.windows.net",
        "storage": "core.windows.net",
    },
}
"""What ``environment()`` gives in the public cloud, which stands in for the others (template-functions-deployment)."""


def evaluate(name: str, values: list[Json], scope: Scope) -> Json:
    """The value of a function by its lower-case name; OPAQUE when only deployment knows it.

    Raises:
        Failure: its arguments do not fit.
    """
    function = _FUNCTIONS.get(name)
    if function is not None:
        return function(values, scope)
    if name.startswith("list") and values and isinstance(values[0], str | Unresolved):
        # listKeys and its kin: the id is kept, so that rules can say whose keys are asked for.
        values[0] = scope.id_of(places.id_text(values[0]))
    return OPAQUE


def _unresolved(function: str, member: str) -> Unresolved:
    return Unresolved(f"[{_SPELLED[function]}().{member}]", function, route=(member,))


_SPELLED = {
    "subscription": "subscription",
    "resourcegroup": "resourceGroup",
    "deployment": "deployment",
    "tenant": "tenant",
    "managementgroup": "managementGroup",
    "deployer": "deployer",
}


def _object(function: str, *members: str) -> dict[str, Json]:
    return {member: _unresolved(function, member) for member in members}


_TENANT = Unresolved("[tenant().tenantId]", "tenant", route=("tenantId",))
"""Also what a subscription calls its tenant."""


def _subscription(values: list[Json], scope: Scope) -> Json:
    found = _object("subscription", "id", "subscriptionId", "displayName")
    found["tenantId"] = _TENANT
    if scope.place.subscription:
        found["subscriptionId"] = scope.place.subscription
    found["id"] = _named(assemble(("/subscriptions/", found["subscriptionId"])), "[subscription().id]")
    return found


def _resource_group(values: list[Json], scope: Scope) -> Json:
    found = _object("resourcegroup", "id", "name", "location", "managedBy", "tags")
    if scope.place.group:
        found["name"] = scope.place.group
    subscription = scope.place.subscription or _unresolved("subscription", "subscriptionId")
    found["id"] = _named(assemble(("/subscriptions/", subscription, "/resourceGroups/", found["name"])), "[resourceGroup().id]")
    found["type"] = "Microsoft.Resources/resourceGroups"
    found["properties"] = {"provisioningState": "Succeeded"}
    return found


def _named(value: str | Unresolved, expression: str) -> str | Unresolved:
    return Unresolved(expression, parts=value.parts) if isinstance(value, Unresolved) else value


def _deployment(values: list[Json], scope: Scope) -> Json:
    found = _object("deployment", "id", "name", "location", "properties")
    if scope.deployment_name:
        found["name"] = scope.deployment_name
    return found


def _management_group(values: list[Json], scope: Scope) -> Json:
    return _object("managementgroup", "id", "name", "properties") | {"type": "/providers/Microsoft.Management/managementGroups"}


def _reference(values: list[Json], scope: Scope) -> Json:
    if not values or not isinstance(values[0], str | Unresolved):
        raise Failure("reference without a resource")
    named = places.id_text(values[0])
    found = scope.look_up(named)
    if found is not None:
        is_full = len(values) > 2 and str(values[2]).lower() == "full"
        return {"properties": found} if is_full else found
    values[0] = scope.id_of(named)
    return OPAQUE


def _resource_info(values: list[Json], scope: Scope) -> Json:
    """``resourceInfo(symbolic name)``, which Bicep writes for the id of a resource that it declares."""
    if len(values) != 1 or not isinstance(values[0], str):
        raise Failure("resourceInfo without a symbolic name")
    found = scope.id_of(values[0])
    return OPAQUE if found == values[0] else {"id": found, "name": found.rpartition("/")[2]}


_FUNCTIONS: dict[str, Callable[[list[Json], Scope], Json]] = {
    "deployer": lambda values, scope: _object("deployer", "objectId", "tenantId", "userPrincipalName"),
    "deployment": _deployment,
    "environment": lambda values, scope: _CLOUD,
    "extensionresourceid": lambda values, scope: places.extension_resource_id(_at_least(values, 2)),
    "managementgroup": _management_group,
    "managementgroupresourceid": lambda values, scope: places.management_group_resource_id(values),
    "reference": _reference,
    "resourcegroup": _resource_group,
    "resourceinfo": _resource_info,
    "resourceid": lambda values, scope: places.resource_id(values, scope.place),
    "subscription": _subscription,
    "subscriptionresourceid": lambda values, scope: places.subscription_resource_id(values, scope.place),
    "tenant": lambda values, scope: _object("tenant", "id", "tenantId", "displayName", "countryCode"),
    "tenantresourceid": lambda values, scope: places.tenant_resource_id(_at_least(values, 1)),
}


def _at_least(values: list[Json], count: int) -> list[Json]:
    if len(values) < count:
        raise Failure(f"at least {count} arguments were expected")
    return values

"""Foundry accounts, projects and connections, identities, policy definitions and monitoring in azurerm. Arguments:
registry.terraform.io/providers/hashicorp/azurerm, ``docs/resources/cognitive_account*``; ARM shapes: facts/foundry.md 1 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.evidence import Json
from mcpguard.sources.terraform.kinds import Kind
from mcpguard.sources.terraform.shapes import COMMON, Many, One, Secret, Table, To, decoded, enabled, negated

_ACCOUNT = "Microsoft.CognitiveServices/accounts"
_ACCOUNT_TABLE: Table = {
    **COMMON,
    "kind": "kind",
    "sku_name": "sku/name",
    "custom_subdomain_name": "properties/customSubDomainName",
    "custom_question_answering_search_service_id": "properties/apiProperties/qnaAzureSearchEndpointId",
    "endpoint": "properties/endpoint",
    "local_auth_enabled": To("properties/disableLocalAuth", negated),
    "local_authentication_enabled": To("properties/disableLocalAuth", negated),
    "project_management_enabled": "properties/allowProjectManagement",
    "outbound_network_access_restricted": "properties/restrictOutboundNetworkAccess",
    "fqdns": "properties/allowedFqdnList",
    "public_network_access_enabled": To("properties/publicNetworkAccess", enabled),
    "public_network_access": "properties/publicNetworkAccess",
    "network_acls": One(
        "properties/networkAcls",
        {
            "default_action": "defaultAction",
            "bypass": "bypass",
            "ip_rules": To("ipRules", lambda value: [{"value": item} for item in value] if isinstance(value, list) else value),
            "virtual_network_rules": Many("virtualNetworkRules", {"subnet_id": "id"}),
        },
    ),
    "network_injection": Many("properties/networkInjections", {"scenario": "scenario", "subnet_id": "subnetArmId"}),
}
_CONNECTION: Table = {
    "name": "name",
    "category": "properties/category",
    "target": "properties/target",
    "metadata": "properties/metadata",
    "audience": "properties/audience",
    "custom_keys": Secret("properties/credentials/keys"),
    "api_key": Secret("properties/credentials/key"),
    "account_key": Secret("properties/credentials/key"),
    "oauth2": One(
        "properties",
        {
            "client_id": "credentials/clientId",
            "client_secret": Secret("credentials/clientSecret"),
            "authentication_url": "authorizationUrl",
            "tenant_id": "credentials/tenantId",
            "username": Secret("credentials/username"),
            "password": Secret("credentials/password"),
            "refresh_token": Secret("credentials/refreshToken"),
            "developer_token": Secret("credentials/developerToken"),
        },
    ),
}
_AUTH_TYPES = {
    "custom_keys": "CustomKeys",
    "api_key": "ApiKey",
    "account_key": "AccountKey",
    "oauth2": "OAuth2",
    "entra_id": "AAD",
    "account_managed_identity": "AccountManagedIdentity",
    "project_managed_identity": "ProjectManagedIdentity",
}
"""What a connection's type of Terraform ends in, and ``authType`` (facts/foundry.md 1.4)."""


def _connections(parent: str, attribute: str) -> dict[str, Kind]:
    steps: tuple[tuple[str, str], ...] = (("connections", "name"),)
    return {
        f"{parent}_connection_{ending}": Kind(
            _ACCOUNT, _CONNECTION, (attribute,), steps, fixed={"properties/authType": auth_type}
        )
        for ending, auth_type in _AUTH_TYPES.items()
    }


_LOG: Table = {"category": "category", "category_group": "categoryGroup"}


def _finish_diagnostic_setting(body: dict[str, Json], values: Mapping[str, Json]) -> None:
    """A category that is listed is on; the provider leaves out those that are off."""
    for member in ("logs", "metrics"):
        items = body["properties"].get(member)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict):
                item.setdefault("enabled", True)


KINDS: dict[str, Kind] = {
    "azurerm_cognitive_account": Kind(_ACCOUNT, _ACCOUNT_TABLE),
    "azurerm_ai_services": Kind(_ACCOUNT, _ACCOUNT_TABLE, fixed={"kind": "AIServices"}),
    "azurerm_cognitive_account_project": Kind(
        _ACCOUNT,
        {**COMMON, "display_name": "properties/displayName", "description": "properties/description"},
        ("cognitive_account_id",),
        (("projects", "name"),),
    ),
    **_connections("azurerm_cognitive_account", "cognitive_account_id"),
    **_connections("azurerm_cognitive_account_project", "cognitive_account_project_id"),
    "azurerm_user_assigned_identity": Kind(
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        {
            **COMMON,
            "client_id": "properties/clientId",
            "principal_id": "properties/principalId",
            "tenant_id": "properties/tenantId",
        },
    ),
    "azurerm_policy_definition": Kind(
        "Microsoft.Authorization/policyDefinitions",
        {
            "name": "name",
            "display_name": "properties/displayName",
            "mode": "properties/mode",
            "policy_type": "properties/policyType",
            "policy_rule": To("properties/policyRule", decoded),
            "parameters": To("properties/parameters", decoded),
        },
    ),
    "azurerm_monitor_diagnostic_setting": Kind(
        "Microsoft.Insights/diagnosticSettings",
        {
            "name": "name",
            "log_analytics_workspace_id": "properties/workspaceId",
            "log_analytics_destination_type": "properties/logAnalyticsDestinationType",
            "storage_account_id": "properties/storageAccountId",
            "eventhub_name": "properties/eventHubName",
            "eventhub_authorization_rule_id": "properties/eventHubAuthorizationRuleId",
            "enabled_log": Many("properties/logs", _LOG),
            "log": Many("properties/logs", {**_LOG, "enabled": "enabled"}),
            "enabled_metric": Many("properties/metrics", {"category": "category"}),
            "metric": Many("properties/metrics", {"category": "category", "enabled": "enabled"}),
        },
        ("target_resource_id",),
        (("providers/Microsoft.Insights/diagnosticSettings", "name"),),
        finish=_finish_diagnostic_setting,
    ),
}
"""By the type of Terraform."""

"""Which kind of the model a raw type becomes, for gaps and coverage."""

from __future__ import annotations

KIND_OF_TYPE: dict[str, str] = {
    "microsoft.apimanagement/service": "service",
    "microsoft.apimanagement/service/workspaces": "workspace",
    "microsoft.apimanagement/service/policyrestrictions": "policy-restriction",
    "microsoft.apimanagement/service/apis": "api",
    "microsoft.apimanagement/service/apis/operations": "operation",
    "microsoft.apimanagement/service/apis/tools": "mcp-tool",
    "microsoft.apimanagement/service/apis/policies": "policy",
    "microsoft.apimanagement/service/apis/operations/policies": "policy",
    "microsoft.apimanagement/service/products/policies": "policy",
    "microsoft.apimanagement/service/policies": "policy",
    "microsoft.apimanagement/service/policyfragments": "fragment",
    "microsoft.apimanagement/service/namedvalues": "named-value",
    "microsoft.apimanagement/service/products": "product",
    "microsoft.apimanagement/service/products/apis": "product-api",
    "microsoft.apimanagement/service/products/apilinks": "product-api",
    "microsoft.apimanagement/service/subscriptions": "subscription",
    "microsoft.apimanagement/service/tenant": "management-setting",
    "microsoft.apimanagement/service/portalsettings": "management-setting",
    "microsoft.apimanagement/service/backends": "backend",
    "microsoft.apimanagement/service/gateways": "self-hosted-gateway",
    "microsoft.apimanagement/service/gateways/apis": "gateway-api",
    "microsoft.apimanagement/service/gateways/hostnameconfigurations": "gateway-hostname",
    "microsoft.apimanagement/service/loggers": "logger",
    "microsoft.apimanagement/service/diagnostics": "diagnostic",
    "microsoft.apimanagement/service/apis/diagnostics": "diagnostic",
    "microsoft.web/sites": "site",
    "microsoft.web/sites/slots": "site",
    "microsoft.web/sites/config": "site-config",
    "microsoft.web/sites/slots/config": "site-config",
    "microsoft.web/sites/config/configreferences": "site-config",
    "microsoft.web/sites/slots/config/configreferences": "site-config",
    "microsoft.web/sites/basicpublishingcredentialspolicies": "site-config",
    "microsoft.web/sites/slots/basicpublishingcredentialspolicies": "site-config",
    "microsoft.web/sites/privateendpointconnections": "site-config",
    "microsoft.web/sites/functions": "function",
    "microsoft.web/sites/slots/functions": "function",
    "microsoft.app/containerapps": "container-app",
    "microsoft.app/containerapps/authconfigs": "platform-auth",
    "microsoft.cognitiveservices/accounts": "foundry-account",
    "microsoft.cognitiveservices/accounts/connections": "foundry-connection",
    "microsoft.cognitiveservices/accounts/projects": "foundry-project",
    "microsoft.cognitiveservices/accounts/projects/connections": "foundry-connection",
    "microsoft.machinelearningservices/workspaces/connections": "foundry-connection",
    "foundry/agents": "foundry-agent",
    "foundry/agents/versions": "foundry-agent",
    "foundry/connections": "foundry-connection",
    "foundry/projects": "foundry-project",
    "foundry/toolboxes": "foundry-toolbox",
    "foundry/toolboxes/versions": "foundry-toolbox",
    "microsoft.resources/links": "gateway-link",
    "microsoft.authorization/policydefinitions": "tool-policy",
    "microsoft.app/sessionpools": "session-pool",
    "microsoft.managedidentity/userassignedidentities": "managed-identity",
    "microsoft.graph/applications": "application",
    "microsoft.graph/serviceprincipals": "service-principal",
    "microsoft.graph/policies/authorizationpolicy": "tenant-policy",
    "microsoft.graph/policies/defaultappmanagementpolicy": "tenant-policy",
    "microsoft.graph/identity/conditionalaccess/policies": "conditional-access",
    "evidence/query-result": "query-result",
    "kubernetes/deployments": "mcp-gateway",
    "kubernetes/configmaps": "mcp-gateway",
    "mcp-gateway/config": "mcp-gateway",
    "mcp-gateway/tools": "mcp-tool",
    "file/server.json": "inventory-entry",
    "file/host.json": "host-file",
    "file/mcp-client": "client-entry",
    "file/policy": "policy",
    "file/manifest": "manifest",
}
SETTINGS = frozenset({"policy", "diagnostic", "site-config", "platform-auth", "management-setting", "product-api"})
"""Kinds that change what they belong to, so that a judgement of it waits for whatever decides whether they are there."""
_IN_WORKSPACE = "microsoft.apimanagement/service/workspaces/"


def kind_of(type: str) -> str:
    """The kind that resources of a raw type become; the type itself when the model has none.

    A workspace holds the same kinds as the service.
    """
    if type.startswith(_IN_WORKSPACE):
        type = "microsoft.apimanagement/service/" + type[len(_IN_WORKSPACE) :]
    return KIND_OF_TYPE.get(type, type)

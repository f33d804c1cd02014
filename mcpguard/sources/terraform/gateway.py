"""API Management in azurerm. Arguments: registry.terraform.io/providers/hashicorp/azurerm, ``docs/resources/api_management_*``;
ARM shapes: facts/apim.md 1. Names of attributes that changed from version 3 to 4 of the provider are both read.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.evidence import Json
from mcpguard.sources.terraform.kinds import Kind, Step
from mcpguard.sources.terraform.service import SERVICE
from mcpguard.sources.terraform.shapes import Many, One, Secret, Table, To, split, switch

_SERVICE = "Microsoft.ApiManagement/service"
_BY_NAME = ("api_management_name",)
_BY_ID = ("api_management_id", "api_management_name")
_API: Step = ("apis", "api_name")
_POLICY: Step = ("policies", "=policy")


_API_TABLE: Table = {
    "name": "name",
    "display_name": "properties/displayName",
    "description": "properties/description",
    "path": "properties/path",
    "protocols": "properties/protocols",
    "service_url": "properties/serviceUrl",
    "subscription_required": "properties/subscriptionRequired",
    "api_type": "properties/type",
    "revision": "properties/apiRevision",
    "version": "properties/apiVersion",
    "version_set_id": "properties/apiVersionSetId",
    "is_current": "properties/isCurrent",
    "is_online": "properties/isOnline",
    "source_api_id": "properties/sourceApiId",
    "terms_of_service_url": "properties/termsOfServiceUrl",
    "contact": One("properties/contact", {"name": "name", "email": "email", "url": "url"}),
    "subscription_key_parameter_names": One("properties/subscriptionKeyParameterNames", {"header": "header", "query": "query"}),
    "oauth2_authorization": One(
        "properties/authenticationSettings/oAuth2",
        {"authorization_server_name": "authorizationServerId", "scope": "scope"},
    ),
    "openid_authentication": One(
        "properties/authenticationSettings/openid",
        {"openid_provider_name": "openidProviderId", "bearer_token_sending_methods": "bearerTokenSendingMethods"},
    ),
}


def _state(value: Json) -> Json:
    return switch("published", "notPublished")(value)


def _always_log(value: Json) -> Json:
    return "allErrors" if value is True else None


_MASKS: Table = {"value": "value", "mode": "mode"}
_PAYLOAD: Table = {
    "body_bytes": "body/bytes",
    "headers_to_log": "headers",
    "data_masking": One("dataMasking", {"headers": Many("headers", _MASKS), "query_params": Many("queryParams", _MASKS)}),
}
_DIAGNOSTIC: Table = {
    "identifier": "name",
    "api_management_logger_id": "properties/loggerId",
    "sampling_percentage": "properties/sampling/percentage",
    "always_log_errors": To("properties/alwaysLog", _always_log),
    "log_client_ip": "properties/logClientIp",
    "http_correlation_protocol": "properties/httpCorrelationProtocol",
    "verbosity": "properties/verbosity",
    "operation_name_format": "properties/operationNameFormat",
    "frontend_request": One("properties/frontend/request", _PAYLOAD),
    "frontend_response": One("properties/frontend/response", _PAYLOAD),
    "backend_request": One("properties/backend/request", _PAYLOAD),
    "backend_response": One("properties/backend/response", _PAYLOAD),
}
_NAMED_VALUE: Table = {
    "name": "name",
    "display_name": "properties/displayName",
    "value": Secret("properties/value"),
    "secret": "properties/secret",
    "tags": "properties/tags",
    "value_from_key_vault": One(
        "properties/keyVault", {"secret_id": "secretIdentifier", "identity_client_id": "identityClientId"}
    ),
}
_BACKEND: Table = {
    "name": "name",
    "title": "properties/title",
    "description": "properties/description",
    "url": "properties/url",
    "protocol": "properties/protocol",
    "resource_id": "properties/resourceId",
    "credentials": One(
        "properties/credentials",
        {
            "authorization": One("authorization", {"scheme": "scheme", "parameter": Secret("parameter")}),
            "certificate": "certificate",
            "header": Secret("header"),
            "query": Secret("query"),
        },
    ),
    "proxy": One("properties/proxy", {"url": "url", "username": "username", "password": Secret("password")}),
    "tls": One(
        "properties/tls",
        {
            "validate_certificate_chain": "validateCertificateChain",
            "validate_certificate_name": "validateCertificateName",
        },
    ),
    "pool": One("properties/pool", {"service": Many("services", {"id": "id", "weight": "weight", "priority": "priority"})}),
    "circuit_breaker_rule": Many(
        "properties/circuitBreaker/rules",
        {
            "name": "name",
            "trip_duration": "tripDuration",
            "accept_retry_after_enabled": "acceptRetryAfter",
            "failure_condition": One(
                "failureCondition", {"count": "count", "percentage": "percentage", "interval_duration": "interval"}
            ),
        },
    ),
}


def _finish_backend(body: dict[str, Json], values: Mapping[str, Json]) -> None:
    credentials = body["properties"].get("credentials")
    for name in ("header", "query") if isinstance(credentials, dict) else ():
        if name in credentials:
            credentials[name] = split(credentials[name])
    if "pool" in body["properties"]:
        body["properties"]["type"] = "Pool"


_LOGGER: Table = {
    "name": "name",
    "description": "properties/description",
    "resource_id": "properties/resourceId",
    "buffered": "properties/isBuffered",
    "application_insights": One(
        "properties/credentials",
        {
            "instrumentation_key": Secret("instrumentationKey"),
            "connection_string": Secret("connectionString"),
        },
    ),
    "eventhub": One(
        "properties/credentials",
        {
            "name": "name",
            "connection_string": Secret("connectionString"),
            "endpoint_uri": "endpointAddress",
            "user_assigned_identity_client_id": "identityClientId",
        },
    ),
}


def _finish_logger(body: dict[str, Json], values: Mapping[str, Json]) -> None:
    types = {"application_insights": "applicationInsights", "eventhub": "azureEventHub"}
    body["properties"]["loggerType"] = next((to for name, to in types.items() if values.get(name)), "azureMonitor")


def _finish_policy(body: dict[str, Json], values: Mapping[str, Json]) -> None:
    """``xml_content`` is sent as it stands (``rawxml``); of a link only the address is known."""
    body["name"] = "policy"
    body["properties"]["format"] = "rawxml" if values.get("xml_content") is not None else "rawxml-link"


def _finish_subscription(body: dict[str, Json], values: Mapping[str, Json]) -> None:
    """A subscription without a product or an API opens all APIs (``scope`` is then ``/apis``)."""
    properties = body["properties"]
    scope = next((values[name] for name in ("product_id", "api_id") if values.get(name) is not None), "/apis")
    properties["scope"] = scope.partition(";rev=")[0] if isinstance(scope, str) else scope


_POLICY_TABLE: Table = {"xml_content": "properties/value", "xml_link": "properties/value"}


def _below(table: Table, *steps: Step, parent: tuple[str, ...] = _BY_NAME, **more: object) -> Kind:
    return Kind(_SERVICE, table, parent, steps, **more)  # type: ignore[arg-type]


def _policy(*steps: Step, parent: tuple[str, ...] = _BY_NAME) -> Kind:
    return _below(_POLICY_TABLE, *steps, _POLICY, parent=parent, finish=_finish_policy)


KINDS: dict[str, Kind] = {
    "azurerm_api_management": SERVICE,
    "azurerm_api_management_api": _below(
        _API_TABLE, ("apis", "name"), whole=("policies", "diagnostics", "operations", "tools")
    ),
    "azurerm_api_management_api_operation": _below(
        {
            "operation_id": "name",
            "display_name": "properties/displayName",
            "method": "properties/method",
            "url_template": "properties/urlTemplate",
            "description": "properties/description",
            "template_parameter": Many(
                "properties/templateParameters", {"name": "name", "required": "required", "type": "type"}
            ),
        },
        _API,
        ("operations", "operation_id"),
        whole=("policies",),
    ),
    "azurerm_api_management_policy": _policy(parent=_BY_ID),
    "azurerm_api_management_api_policy": _policy(_API),
    "azurerm_api_management_api_operation_policy": _policy(_API, ("operations", "operation_id")),
    "azurerm_api_management_product_policy": _policy(("products", "product_id")),
    "azurerm_api_management_product": _below(
        {
            "product_id": "name",
            "display_name": "properties/displayName",
            "description": "properties/description",
            "subscription_required": "properties/subscriptionRequired",
            "approval_required": "properties/approvalRequired",
            "subscriptions_limit": "properties/subscriptionsLimit",
            "terms": "properties/terms",
            "published": To("properties/state", _state),
        },
        ("products", "product_id"),
        whole=("policies", "apis"),
    ),
    "azurerm_api_management_product_api": _below({}, ("products", "product_id"), _API),
    "azurerm_api_management_product_group": _below({}, ("products", "product_id"), ("groups", "group_name")),
    "azurerm_api_management_named_value": _below(_NAMED_VALUE, ("namedValues", "name")),
    "azurerm_api_management_backend": _below(_BACKEND, ("backends", "name"), finish=_finish_backend),
    "azurerm_api_management_logger": _below(_LOGGER, ("loggers", "name"), finish=_finish_logger),
    "azurerm_api_management_diagnostic": _below(_DIAGNOSTIC, ("diagnostics", "identifier")),
    "azurerm_api_management_api_diagnostic": _below(_DIAGNOSTIC, _API, ("diagnostics", "identifier")),
    "azurerm_api_management_policy_fragment": _below(
        {"name": "name", "value": "properties/value", "format": "properties/format", "description": "properties/description"},
        ("policyFragments", "name"),
        parent=_BY_ID,
    ),
    "azurerm_api_management_subscription": _below(
        {
            "subscription_id": "name",
            "display_name": "properties/displayName",
            "state": "properties/state",
            "allow_tracing": "properties/allowTracing",
            "user_id": "properties/ownerId",
        },
        ("subscriptions", "subscription_id"),
        finish=_finish_subscription,
    ),
    "azurerm_api_management_api_version_set": _below(
        {
            "name": "name",
            "display_name": "properties/displayName",
            "versioning_scheme": "properties/versioningScheme",
        },
        ("apiVersionSets", "name"),
    ),
    "azurerm_api_management_tag": _below(
        {"name": "name", "display_name": "properties/displayName"}, ("tags", "name"), parent=_BY_ID
    ),
    "azurerm_api_management_gateway": _below(
        {
            "name": "name",
            "description": "properties/description",
            "location_data": One(
                "properties/locationData",
                {"name": "name", "city": "city", "district": "district", "region": "countryOrRegion"},
            ),
        },
        ("gateways", "name"),
        parent=_BY_ID,
    ),
    "azurerm_api_management_gateway_api": _below({}, ("apis", "api_id"), parent=("gateway_id",)),
    "azurerm_api_management_gateway_host_name_configuration": _below(
        {
            "name": "name",
            "host_name": "properties/hostname",
            "certificate_id": "properties/certificateId",
            "request_client_certificate_enabled": "properties/negotiateClientCertificate",
            "http2_enabled": "properties/http2Enabled",
            "tls10_enabled": "properties/tls10Enabled",
            "tls11_enabled": "properties/tls11Enabled",
        },
        ("gateways", "gateway_name"),
        ("hostnameConfigurations", "name"),
        parent=_BY_ID,
    ),
    "azurerm_api_management_identity_provider_aad": _below(
        {
            "client_id": "properties/clientId",
            "client_secret": Secret("properties/clientSecret"),
            "allowed_tenants": "properties/allowedTenants",
            "signin_tenant": "properties/signinTenant",
        },
        ("identityProviders", "=aad"),
        fixed={"properties/type": "aad"},
    ),
    "azurerm_api_management_authorization_server": _below(
        {
            "name": "name",
            "display_name": "properties/displayName",
            "authorization_endpoint": "properties/authorizationEndpoint",
            "token_endpoint": "properties/tokenEndpoint",
            "client_registration_endpoint": "properties/clientRegistrationEndpoint",
            "grant_types": "properties/grantTypes",
            "bearer_token_sending_methods": "properties/bearerTokenSendingMethods",
            "client_id": "properties/clientId",
            "client_secret": Secret("properties/clientSecret"),
            "resource_owner_password": Secret("properties/resourceOwnerPassword"),
            "support_state": "properties/supportState",
        },
        ("authorizationServers", "name"),
    ),
    "azurerm_api_management_workspace": _below(
        {"name": "name", "display_name": "properties/displayName", "description": "properties/description"},
        ("workspaces", "name"),
        parent=_BY_ID,
    ),
    "azurerm_api_management_workspace_policy": _policy(parent=("api_management_workspace_id",)),
    "azurerm_api_management_workspace_policy_fragment": _below(
        {"name": "name", "xml_content": "properties/value", "xml_format": "properties/format"},
        ("policyFragments", "name"),
        parent=("api_management_workspace_id",),
    ),
    "azurerm_api_management_workspace_named_value": _below(
        _NAMED_VALUE, ("namedValues", "name"), parent=("api_management_workspace_id",)
    ),
}
"""By the type of Terraform."""

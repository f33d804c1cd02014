"""App Service, Functions and Container Apps in azurerm. Arguments: registry.terraform.io/providers/hashicorp/azurerm,
``docs/resources/{linux,windows}_{function,web}_app`` and ``container_app``; facts/hosting.md 10; ARM shapes: facts/hosting.md
1, 2 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.evidence import Json
from mcpguard.sources.terraform.kinds import Extra, Kind
from mcpguard.sources.terraform.shapes import COMMON, Many, One, Secret, Table, To, decoded, enabled

_RESTRICTION: Table = {
    "name": "name",
    "action": "action",
    "priority": "priority",
    "description": "description",
    "ip_address": "ipAddress",
    "virtual_network_subnet_id": "vnetSubnetResourceId",
    "service_tag": "serviceTag",
    "headers": Many(
        "headers",
        {
            "x_azure_fdid": "x-azure-fdid",
            "x_fd_health_probe": "x-fd-healthprobe",
            "x_forwarded_for": "x-forwarded-for",
            "x_forwarded_host": "x-forwarded-host",
        },
    ),
}
_SITE_CONFIG: Table = {
    "minimum_tls_version": "properties/minTlsVersion",
    "scm_minimum_tls_version": "properties/scmMinTlsVersion",
    "ftps_state": "properties/ftpsState",
    "http2_enabled": "properties/http20Enabled",
    "websockets_enabled": "properties/webSocketsEnabled",
    "remote_debugging_enabled": "properties/remoteDebuggingEnabled",
    "remote_debugging_version": "properties/remoteDebuggingVersion",
    "always_on": "properties/alwaysOn",
    "cors": One(
        "properties/cors",
        {"allowed_origins": "allowedOrigins", "support_credentials": "supportCredentials"},
    ),
    "ip_restriction": Many("properties/ipSecurityRestrictions", _RESTRICTION),
    "ip_restriction_default_action": "properties/ipSecurityRestrictionsDefaultAction",
    "scm_ip_restriction": Many("properties/scmIpSecurityRestrictions", _RESTRICTION),
    "scm_ip_restriction_default_action": "properties/scmIpSecurityRestrictionsDefaultAction",
    "scm_use_main_ip_restriction": "properties/scmIpSecurityRestrictionsUseMain",
    "vnet_route_all_enabled": "properties/vnetRouteAllEnabled",
    "app_scale_limit": "properties/functionAppScaleLimit",
    "elastic_instance_minimum": "properties/minimumElasticInstanceCount",
    "pre_warmed_instance_count": "properties/preWarmedInstanceCount",
    "health_check_path": "properties/healthCheckPath",
    "linux_fx_version": "properties/linuxFxVersion",
    "windows_fx_version": "properties/windowsFxVersion",
    "app_command_line": "properties/appCommandLine",
    "api_management_api_id": "properties/apiManagementConfig/id",
    "api_definition_url": "properties/apiDefinition/url",
    "detailed_error_logging_enabled": "properties/detailedErrorLoggingEnabled",
}


def _finish_restrictions(body: dict[str, Json]) -> None:
    """A service tag stands where an address would, with a tag that says so (facts/hosting.md 1.4)."""
    for member in ("ipSecurityRestrictions", "scmIpSecurityRestrictions"):
        rules = body["properties"].get(member)
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and "serviceTag" in rule:
                rule["ipAddress"] = rule.pop("serviceTag")
                rule["tag"] = "ServiceTag"


def _parameters(value: Json) -> Json:
    return [f"{name}={item}" for name, item in value.items()] if isinstance(value, dict) else value


_ENTRA: Table = {
    "client_id": "registration/clientId",
    "tenant_auth_endpoint": "registration/openIdIssuer",
    "client_secret_setting_name": "registration/clientSecretSettingName",
    "client_secret_certificate_thumbprint": "registration/clientSecretCertificateThumbprint",
    "www_authentication_disabled": "login/disableWWWAuthenticate",
    "login_parameters": To("login/loginParameters", _parameters),
    "allowed_audiences": "validation/allowedAudiences",
    "jwt_allowed_groups": "validation/jwtClaimChecks/allowedGroups",
    "jwt_allowed_client_applications": "validation/jwtClaimChecks/allowedClientApplications",
    "allowed_applications": "validation/defaultAuthorizationPolicy/allowedApplications",
    "allowed_groups": "validation/defaultAuthorizationPolicy/allowedPrincipals/groups",
    "allowed_identities": "validation/defaultAuthorizationPolicy/allowedPrincipals/identities",
}
_AUTH_V2: Table = {
    "auth_enabled": "properties/platform/enabled",
    "runtime_version": "properties/platform/runtimeVersion",
    "config_file_path": "properties/platform/configFilePath",
    "require_authentication": "properties/globalValidation/requireAuthentication",
    "unauthenticated_action": "properties/globalValidation/unauthenticatedClientAction",
    "default_provider": "properties/globalValidation/redirectToProvider",
    "excluded_paths": "properties/globalValidation/excludedPaths",
    "require_https": "properties/httpSettings/requireHttps",
    "http_route_api_prefix": "properties/httpSettings/routes/apiPrefix",
    "forward_proxy_convention": "properties/httpSettings/forwardProxy/convention",
    "active_directory_v2": One("properties/identityProviders/azureActiveDirectory", _ENTRA),
    "login": One(
        "properties/login",
        {
            "token_store_enabled": "tokenStore/enabled",
            "token_refresh_extension_time": "tokenStore/tokenRefreshExtensionHours",
            "token_store_path": "tokenStore/fileSystem/directory",
            "token_store_sas_setting_name": "tokenStore/azureBlobStorage/sasUrlSettingName",
            "allowed_external_redirect_urls": "allowedExternalRedirectUrls",
            "validate_nonce": "nonce/validateNonce",
            "nonce_expiration_time": "nonce/nonceExpirationInterval",
            "logout_endpoint": "routes/logoutEndpoint",
            "preserve_url_fragments_for_logins": "preserveUrlFragmentsForLogins",
        },
    ),
}
_AUTH_V1: Table = {
    "enabled": "properties/enabled",
    "issuer": "properties/issuer",
    "unauthenticated_client_action": "properties/unauthenticatedClientAction",
    "token_store_enabled": "properties/tokenStoreEnabled",
    "allowed_external_redirect_urls": "properties/allowedExternalRedirectUrls",
    "active_directory": One(
        "properties",
        {
            "client_id": "clientId",
            "client_secret": Secret("clientSecret"),
            "client_secret_setting_name": "clientSecretSettingName",
            "allowed_audiences": "allowedAudiences",
        },
    ),
}
_SITE: Table = {
    **COMMON,
    "enabled": "properties/enabled",
    "https_only": "properties/httpsOnly",
    "public_network_access_enabled": To("properties/publicNetworkAccess", enabled),
    "client_certificate_enabled": "properties/clientCertEnabled",
    "client_certificate_mode": "properties/clientCertMode",
    "client_certificate_exclusion_paths": "properties/clientCertExclusionPaths",
    "default_hostname": "properties/defaultHostName",
    "service_plan_id": "properties/serverFarmId",
    "virtual_network_subnet_id": "properties/virtualNetworkSubnetId",
    "key_vault_reference_identity_id": "properties/keyVaultReferenceIdentity",
    "runtime_name": "properties/functionAppConfig/runtime/name",
    "runtime_version": "properties/functionAppConfig/runtime/version",
    "maximum_instance_count": "properties/functionAppConfig/scaleAndConcurrency/maximumInstanceCount",
    "instance_memory_in_mb": "properties/functionAppConfig/scaleAndConcurrency/instanceMemoryMB",
}
_EXTRAS = (
    Extra((("config", "=web"),), _SITE_CONFIG, "site_config"),
    Extra((("config", "=appsettings"),), {"app_settings": Secret("properties")}),
    Extra((("config", "=authsettingsV2"),), _AUTH_V2, "auth_settings_v2", needed=True),
    Extra((("config", "=authsettings"),), _AUTH_V1, "auth_settings", needed=True),
    Extra(
        (("config", "=slotConfigNames"),),
        {"app_setting_names": "properties/appSettingNames"},
        "sticky_settings",
        needed=True,
    ),
    Extra(
        (("basicPublishingCredentialsPolicies", "=ftp"),),
        {"ftp_publish_basic_authentication_enabled": "properties/allow"},
    ),
    Extra(
        (("basicPublishingCredentialsPolicies", "=scm"),),
        {"webdeploy_publish_basic_authentication_enabled": "properties/allow"},
    ),
)


def finish_extra(name: str, body: dict[str, Json], values: Mapping[str, Json]) -> None:
    """What the tables of second resources cannot say: settings of a site, the policy that azurerm 3 has in the service."""
    if name == "web" and isinstance(body["properties"], dict):
        _finish_restrictions(body)
    elif name == "policy" and isinstance(body["properties"], dict):
        body["properties"]["format"] = "rawxml" if values.get("xml_content") is not None else "rawxml-link"


def _site(kind: str) -> Kind:
    return Kind("Microsoft.Web/sites", _SITE, fixed={"kind": kind}, extras=_EXTRAS, whole=("config",))


def _slot(kind: str, parent: str) -> Kind:
    return Kind(
        "Microsoft.Web/sites", _SITE, (parent,), (("slots", "name"),), fixed={"kind": kind}, extras=_EXTRAS, whole=("config",)
    )


# -- container apps --------------------------------------------------------------------------------------------------

_CONTAINER: Table = {
    "name": "name",
    "image": "image",
    "args": "args",
    "command": "command",
    "env": Many("env", {"name": "name", "value": Secret("value"), "secret_name": "secretRef"}),
}
_CONTAINER_APP: Table = {
    **COMMON,
    "container_app_environment_id": "properties/managedEnvironmentId",
    "workload_profile_name": "properties/workloadProfileName",
    "revision_mode": "properties/configuration/activeRevisionsMode",
    "secret": Many(
        "properties/configuration/secrets",
        {"name": "name", "value": Secret("value"), "key_vault_secret_id": "keyVaultUrl", "identity": "identity"},
    ),
    "registry": Many(
        "properties/configuration/registries",
        {"server": "server", "username": "username", "password_secret_name": "passwordSecretRef", "identity": "identity"},
    ),
    "ingress": One(
        "properties/configuration/ingress",
        {
            "external_enabled": "external",
            "allow_insecure_connections": "allowInsecure",
            "target_port": "targetPort",
            "exposed_port": "exposedPort",
            "transport": "transport",
            "client_certificate_mode": "clientCertificateMode",
            "fqdn": "fqdn",
            "custom_domain": Many("customDomains", {"name": "name", "certificate_id": "certificateId"}),
            "cors": One(
                "corsPolicy",
                {
                    "allowed_origins": "allowedOrigins",
                    "allowed_methods": "allowedMethods",
                    "allowed_headers": "allowedHeaders",
                    "exposed_headers": "exposeHeaders",
                    "allow_credentials_enabled": "allowCredentials",
                    "max_age_in_seconds": "maxAge",
                },
            ),
            "ip_security_restriction": Many(
                "ipSecurityRestrictions",
                {"name": "name", "action": "action", "ip_address_range": "ipAddressRange", "description": "description"},
            ),
        },
    ),
    "template": One(
        "properties/template",
        {
            "container": Many("containers", _CONTAINER),
            "init_container": Many("initContainers", _CONTAINER),
            "min_replicas": "scale/minReplicas",
            "max_replicas": "scale/maxReplicas",
        },
    ),
}
_ENVIRONMENT: Table = {
    **COMMON,
    "infrastructure_subnet_id": "properties/vnetConfiguration/infrastructureSubnetId",
    "internal_load_balancer_enabled": "properties/vnetConfiguration/internal",
    "public_network_access": "properties/publicNetworkAccess",
}
_PRIVATE_ENDPOINT: Table = {
    **COMMON,
    "subnet_id": "properties/subnet/id",
    "private_service_connection": Many(
        "properties/privateLinkServiceConnections",
        {"name": "name", "private_connection_resource_id": "properties/privateLinkServiceId"},
    ),
}


KINDS: dict[str, Kind] = {
    "azurerm_linux_function_app": _site("functionapp,linux"),
    "azurerm_windows_function_app": _site("functionapp"),
    "azurerm_function_app_flex_consumption": _site("functionapp,linux"),
    "azurerm_linux_web_app": _site("app,linux"),
    "azurerm_windows_web_app": _site("app"),
    "azurerm_linux_function_app_slot": _slot("functionapp,linux", "function_app_id"),
    "azurerm_windows_function_app_slot": _slot("functionapp", "function_app_id"),
    "azurerm_linux_web_app_slot": _slot("app,linux", "app_service_id"),
    "azurerm_windows_web_app_slot": _slot("app", "app_service_id"),
    "azurerm_function_app_function": Kind(
        "Microsoft.Web/sites",
        {
            "name": "name",
            "language": "properties/language",
            "enabled": To("properties/isDisabled", lambda value: not value if isinstance(value, bool) else value),
            "config_json": To("properties/config", decoded),
        },
        ("function_app_id",),
        (("functions", "name"),),
    ),
    "azurerm_container_app": Kind("Microsoft.App/containerApps", _CONTAINER_APP, whole=("authConfigs",)),
    "azurerm_container_app_environment": Kind("Microsoft.App/managedEnvironments", _ENVIRONMENT),
    "azurerm_private_endpoint": Kind("Microsoft.Network/privateEndpoints", _PRIVATE_ENDPOINT),
}
"""By the type of Terraform."""

"""What the providers fill in where a configuration says nothing: their own defaults, and what only Azure knows.

A plan holds both, a configuration neither. Only attributes that the tables of :mod:`mcpguard.sources.terraform` read
are listed. Sources: the schemas in hashicorp/terraform-provider-azurerm
(``internal/services/{apimanagement,appservice,containerapps,cognitive}``, with ``website/docs/r``) and
hashicorp/terraform-provider-azuread (``internal/services/{applications,serviceprincipals}``).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.values import to_text
from mcpguard.sources.terraform.expressions import AFTER_APPLY

COMPUTED = Unresolved(AFTER_APPLY)


class In(msgspec.Struct, frozen=True):
    """Defaults within each block of a name."""

    table: Mapping[str, Json | In]


Table = Mapping[str, Json | In]

_IDENTITY = In({"principal_id": COMPUTED, "tenant_id": COMPUTED})
_RESTRICTION = In({"action": "Allow", "priority": 65000, "name": COMPUTED})
_SITE_CONFIG: Table = {
    "ftps_state": "Disabled",
    "http2_enabled": False,
    "ip_restriction_default_action": "Allow",
    "minimum_tls_version": "1.2",
    "remote_debugging_enabled": False,
    "remote_debugging_version": COMPUTED,
    "scm_ip_restriction_default_action": "Allow",
    "scm_minimum_tls_version": "1.2",
    "scm_use_main_ip_restriction": False,
    "vnet_route_all_enabled": False,
    "websockets_enabled": False,
    "detailed_error_logging_enabled": COMPUTED,
    "cors": In({"support_credentials": False}),
    "ip_restriction": _RESTRICTION,
    "scm_ip_restriction": _RESTRICTION,
}
_FUNCTION_CONFIG: Table = {
    **_SITE_CONFIG,
    "always_on": COMPUTED,
    "app_scale_limit": COMPUTED,
    "elastic_instance_minimum": COMPUTED,
    "pre_warmed_instance_count": COMPUTED,
}
_AUTH_V2 = In(
    {
        "auth_enabled": False,
        "runtime_version": "~1",
        "unauthenticated_action": "RedirectToLoginPage",
        "require_https": True,
        "http_route_api_prefix": "/.auth",
        "forward_proxy_convention": "NoProxy",
        "active_directory_v2": In({"www_authentication_disabled": False}),
        "login": In(
            {
                "token_store_enabled": False,
                "token_refresh_extension_time": 72,
                "preserve_url_fragments_for_logins": False,
                "validate_nonce": True,
                "nonce_expiration_time": "00:05:00",
            }
        ),
    }
)
_SITE: Table = {
    "enabled": True,
    "https_only": False,
    "public_network_access_enabled": True,
    "client_certificate_enabled": False,
    "webdeploy_publish_basic_authentication_enabled": True,
    "default_hostname": COMPUTED,
    "identity": _IDENTITY,
    "auth_settings": In({"token_store_enabled": False, "unauthenticated_client_action": COMPUTED}),
    "auth_settings_v2": _AUTH_V2,
}
_FUNCTION: Table = {
    **_SITE,
    "client_certificate_mode": "Optional",
    "ftp_publish_basic_authentication_enabled": True,
    "key_vault_reference_identity_id": COMPUTED,
}
_LINUX = {"linux_fx_version": COMPUTED}
_WINDOWS = {"windows_fx_version": COMPUTED}
_WEB: Table = {**_FUNCTION, "client_certificate_mode": "Required"}
_FLEX: Table = {
    **{name: value for name, value in _FUNCTION.items() if name not in ("ftp_publish_basic_authentication_enabled",)},
    "instance_memory_in_mb": 2048,
    "site_config": In({**_SITE_CONFIG, "elastic_instance_minimum": COMPUTED}),
}
_SECURITY = {
    f"{side}_{protocol}_enabled": False for side in ("frontend", "backend") for protocol in ("ssl30", "tls10", "tls11")
}
_DIAGNOSTIC: Table = dict.fromkeys(
    ("sampling_percentage", "always_log_errors", "verbosity", "log_client_ip", "http_correlation_protocol"), COMPUTED
)
_ACCOUNT: Table = {
    "local_auth_enabled": True,
    "outbound_network_access_restricted": False,
    "project_management_enabled": False,
    "public_network_access_enabled": True,
    "endpoint": COMPUTED,
    "identity": _IDENTITY,
}
DEFAULTS: dict[str, Table] = {
    "azurerm_api_management": {
        "public_network_access_enabled": True,
        "virtual_network_type": "None",
        "client_certificate_enabled": False,
        "gateway_disabled": False,
        **dict.fromkeys(
            (
                *("gateway_url", "gateway_regional_url", "management_api_url", "developer_portal_url"),
                *("hostname_configuration", "sign_in", "sign_up", "tenant_access", "security", "protocols"),
            ),
            COMPUTED,
        ),
        "identity": _IDENTITY,
    },
    "azurerm_api_management_api": {
        "subscription_required": True,
        **dict.fromkeys(
            (
                *("display_name", "path", "protocols", "api_type", "service_url", "is_current", "is_online", "version"),
                *("version_set_id", "subscription_key_parameter_names"),
            ),
            COMPUTED,
        ),
    },
    "azurerm_api_management_product": {"subscription_required": True},
    "azurerm_api_management_named_value": {"secret": False},
    "azurerm_api_management_workspace_named_value": {"secret": False},
    "azurerm_api_management_backend": {"circuit_breaker_rule": In({"accept_retry_after_enabled": False})},
    "azurerm_api_management_logger": {"buffered": True},
    "azurerm_api_management_diagnostic": _DIAGNOSTIC,
    "azurerm_api_management_api_diagnostic": {**_DIAGNOSTIC, "operation_name_format": "Name"},
    "azurerm_api_management_subscription": {"subscription_id": COMPUTED, "state": "submitted", "allow_tracing": True},
    "azurerm_api_management_policy_fragment": {"format": "xml"},
    "azurerm_api_management_gateway_host_name_configuration": {"http2_enabled": True},
    "azurerm_linux_function_app": {**_FUNCTION, "site_config": In({**_FUNCTION_CONFIG, **_LINUX})},
    "azurerm_linux_function_app_slot": {**_FUNCTION, "site_config": In({**_FUNCTION_CONFIG, **_LINUX})},
    "azurerm_windows_function_app": {**_FUNCTION, "site_config": In({**_FUNCTION_CONFIG, **_WINDOWS})},
    "azurerm_windows_function_app_slot": {**_FUNCTION, "site_config": In({**_FUNCTION_CONFIG, **_WINDOWS})},
    "azurerm_linux_web_app": {**_WEB, "site_config": In({**_SITE_CONFIG, "always_on": True, **_LINUX})},
    "azurerm_linux_web_app_slot": {**_WEB, "site_config": In({**_SITE_CONFIG, "always_on": True, **_LINUX})},
    "azurerm_windows_web_app": {**_WEB, "site_config": In({**_SITE_CONFIG, "always_on": True, **_WINDOWS})},
    "azurerm_windows_web_app_slot": {**_WEB, "site_config": In({**_SITE_CONFIG, "always_on": True, **_WINDOWS})},
    "azurerm_function_app_flex_consumption": _FLEX,
    "azurerm_function_app_function": {"enabled": True},
    "azurerm_container_app": {
        "identity": _IDENTITY,
        "ingress": In(
            {
                "allow_insecure_connections": False,
                "external_enabled": False,
                "transport": "auto",
                "fqdn": COMPUTED,
                "cors": In({"allow_credentials_enabled": False}),
            }
        ),
    },
    "azurerm_container_app_environment": {"internal_load_balancer_enabled": False, "public_network_access": COMPUTED},
    "azurerm_cognitive_account": _ACCOUNT,
    "azurerm_ai_services": {"endpoint": COMPUTED, "identity": _IDENTITY},
    "azurerm_user_assigned_identity": dict.fromkeys(("client_id", "principal_id", "tenant_id"), COMPUTED),
    "azuread_application": {
        "sign_in_audience": "AzureADMyOrg",
        "client_id": COMPUTED,
        "object_id": COMPUTED,
        "tags": COMPUTED,
        "api": In(
            {
                "requested_access_token_version": 1,
                "oauth2_permission_scope": In({"enabled": True, "type": "User"}),
            }
        ),
        "app_role": In({"enabled": True}),
        "password": In(dict.fromkeys(("start_date", "end_date", "key_id", "value"), COMPUTED)),
    },
    "azuread_application_registration": {
        "sign_in_audience": "AzureADMyOrg",
        "requested_access_token_version": 2,
        "client_id": COMPUTED,
        "object_id": COMPUTED,
    },
    "azuread_service_principal": {
        "account_enabled": True,
        "display_name": COMPUTED,
        "object_id": COMPUTED,
        "tags": COMPUTED,
        "type": COMPUTED,
    },
    "azuread_application_password": dict.fromkeys(("start_date", "end_date", "key_id"), COMPUTED),
    "azuread_service_principal_password": dict.fromkeys(("start_date", "end_date", "key_id"), COMPUTED),
    "azuread_application_federated_identity_credential": {"credential_id": COMPUTED},
}
"""By the type of Terraform."""


_TEXT_MAPS = frozenset({"app_settings", "tags", "metadata", "custom_keys", "header", "query", "login_parameters"})
_TEXTS = frozenset({"value", "name", "revision"})
_TRUTHS = frozenset(
    {
        *("enabled", "published", "secret", "subscription_required", "approval_required", "required", "allow_tracing"),
        *("validate_certificate_chain", "validate_certificate_name", "require_authentication", "require_https"),
        *("app_role_assignment_required", "log_client_ip", "always_log_errors", "validate_nonce", "support_credentials"),
    }
)
_NUMBERS = frozenset({"priority", "body_bytes", "sampling_percentage", "target_port", "exposed_port", "weight", "count"})


def fill(type: str, values: dict[str, Json]) -> None:
    """Fill in what the provider fills in, and give values the types of its schema, in place."""
    if type.startswith("azapi_"):
        return
    _type(values)
    _fill(DEFAULTS.get(type, {}), values)


def _type(values: dict[str, Json]) -> None:
    """Texts, numbers and truth values as the provider's schema has them, however they are written."""
    todo: list[Json] = [values]
    while todo:
        holder = todo.pop()
        for name, value in holder.items():
            if isinstance(value, list):
                todo.extend(item for item in value if isinstance(item, dict))
            elif isinstance(value, dict):
                if name in _TEXT_MAPS:
                    holder[name] = {key: _text(item) for key, item in value.items()}
                else:
                    todo.append(value)
            elif isinstance(value, str) and value in ("true", "false"):
                if name in _TRUTHS or name.endswith("_enabled"):
                    holder[name] = value == "true"
            elif isinstance(value, str) and name in _NUMBERS and value.isascii() and value.isdigit() and len(value) < 10:
                holder[name] = int(value)
            elif name in _TEXTS:
                holder[name] = _text(value)


def _text(value: Json) -> Json:
    return to_text(value) if isinstance(value, bool | int | float) else value


def _fill(table: Table, values: dict[str, Json]) -> None:
    for name, default in table.items():
        found = values.get(name)
        if isinstance(default, In):
            for block in found if isinstance(found, list) else ():
                if isinstance(block, dict):
                    _fill(default.table, block)
        elif found is None:
            values[name] = default

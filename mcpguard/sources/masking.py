"""Which members of which resources hold secrets, so that they are masked before anything else sees them.

Shapes: facts/apim.md 1.9 to 1.12, facts/hosting.md 1.4, 3 and 5, facts/entra.md 1, facts/foundry.md 1. Types that cannot
hold a secret are not walked; types that mcpguard does not know are. Policy texts: :mod:`mcpguard.sources.policy_secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource, Unresolved
from mcpguard.evidence.redaction import CREDENTIAL_HEADERS, is_secret_name
from mcpguard.sources.door import Door, members, object_at, objects_at
from mcpguard.sources.ids import last_of
from mcpguard.sources.secrecy import is_literal, looks_secret

_OPEN_SETTINGS = frozenset(
    [
        "azurewebjobsfeatureflags",
        "azurewebjobssecretstoragetype",
        "functions_worker_runtime",
        "functions_extension_version",
        "functions_worker_process_count",
        "functions_worker_runtime_version",
        "website_auth_prm_default_with_scopes",
        "website_auth_aad_allowed_tenants",
        "website_auth_aad_require_client_service_principal",
        "website_auth_client_id",
        "website_auth_enabled",
        "website_auth_openid_issuer",
        "website_auth_allowed_audiences",
        "website_auth_validate_nonce",
        "website_auth_disable_wwwauthenticate",
        "website_auth_trace_level",
        "override_use_mi_fic_assertion_clientid",
        "tokenexchangeaudience",
        "website_cors_allowed_origins",
        "website_cors_support_credentials",
        "website_vnet_route_all",
        "website_contentovervnet",
        "website_httplogging_retention_days",
        "website_node_default_version",
        "website_run_from_package",
        "website_time_zone",
        "website_slot_name",
        "scm_do_build_during_deployment",
        "enable_oryx_build",
        "applicationinsights_authentication_string",
        "applicationinsightsagent_extension_version",
        "azure_client_id",
        "azure_tenant_id",
        "pre_authorized_client_ids",
        "python_enable_worker_extensions",
        "pythonpath",
        "port",
        "websites_port",
    ]
)
"""App settings that hold no secret and that rules look at (facts/hosting.md 3)."""
_OPEN_SUFFIXES = ("__accountname", "__credential", "__clientid", "__tenantid", "uri", "__fullyqualifiednamespace")
_HOST_OVERRIDE = "azurefunctionsjobhost__"
_LOGGER_OPEN = frozenset({"name", "endpointaddress", "identityclientid", "clientid"})
_VARIABLE_HOLDERS = frozenset({"headers", "requestheaders", "env", "environment_variables", "environmentvariables"})
_CONNECTION_OPEN = frozenset({"clientid", "tenantid", "type", "resource"})
_POLICY = re.compile(r"microsoft\.apimanagement/service/(?:.*/)?(?:policies|policyfragments)")
_APIM = "microsoft.apimanagement/service"
_SITE = "microsoft.web/sites"
_HEADER_ARGUMENT = LazyPattern(r"\s*([A-Za-z][\w\-]{1,60})\s*[:=]\s*(?=\S)")

_Masker = Callable[[Door, RawResource], None]


def mask_body(resource: RawResource) -> set[str]:
    """Mask the secrets in a resource's body, in place, and return them as they stood there."""
    masker = _MASKERS.get(resource.type) or _choose(resource.type)
    if masker is _nothing:
        return set()
    door = Door()
    masker(door, resource)
    return door.secrets


def holds_policy(resource: RawResource) -> bool:
    """Whether the body holds the text of a policy or fragment; a link to one does not count."""
    if not may_hold_policy(resource.type):
        return False
    properties = resource.body.get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("value"), str):
        return False
    return not str(properties.get("format")).lower().endswith("-link")


@lru_cache(maxsize=512)
def may_hold_policy(type: str) -> bool:
    """Whether resources of a type hold the text of a policy or fragment."""
    return type == "file/policy" or bool(_POLICY.fullmatch(type))


@lru_cache(maxsize=512)
def _choose(type: str) -> _Masker:
    """The masker of a type; workspaces and slots hold the same kinds of children as what they belong to."""
    parent, _, kind = type.rpartition("/")
    if type.startswith(_APIM + "/"):
        return _APIM_MASKERS.get(kind, _walk)
    if type.startswith(_SITE + "/"):
        return {"config": _site_config, "slots": _site}.get(kind, _walk)
    if type.startswith("foundry/"):
        return _foundry
    if kind == "connections" and parent.startswith(("microsoft.cognitiveservices/", "microsoft.machinelearningservices/")):
        return _connection
    return _walk


def _nothing(door: Door, resource: RawResource) -> None:
    """Types of which every member is public to whoever may read the resource."""


def _walk(door: Door, resource: RawResource) -> None:
    door.walk(resource.body)


# -- API Management ------------------------------------------------------------------------------------------------


def _named_value(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    value = properties.get("value")
    if isinstance(value, Unresolved):
        (door.hide if properties.get("secret") is True else door.trim)(properties, "value")
    if not isinstance(value, str):
        return
    names = (str(properties.get("displayName") or ""), last_of(resource.id))
    if properties.get("secret") is True or (is_literal(value) and any(looks_secret(name, value) for name in names)):
        door.hide(properties, "value")
    else:
        door.trim(properties, "value")


def _backend(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    credentials = object_at(properties, "credentials")
    for kind in ("header", "query"):
        for name, values in object_at(credentials, kind).items():
            holder, keys = (values, range(len(values))) if isinstance(values, list) else (credentials[kind], (name,))
            for key in keys:
                certain = is_secret_name(name) or name.lower() in CREDENTIAL_HEADERS
                door.hide(holder, key, certain=certain)
    for holder, member in (
        (object_at(credentials, "authorization"), "parameter"),
        (object_at(properties, "proxy"), "password"),
    ):
        if member in holder:
            door.hide(holder, member)
    for member in ("url", "resourceId"):
        if member in properties:
            door.trim(properties, member)


def _logger(door: Door, resource: RawResource) -> None:
    door.hide_all(object_at(resource.body, "properties", "credentials"), _LOGGER_OPEN)


def _api(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    if "serviceUrl" in properties:
        door.trim(properties, "serviceUrl")


def _subscription(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    for member in ("primaryKey", "secondaryKey"):
        if member in properties:
            door.hide(properties, member)


def _authorization_server(door: Door, resource: RawResource) -> None:
    door.walk(resource.body)
    for parameter in objects_at(resource.body, "properties", "tokenBodyParameters"):
        if "value" in parameter:
            _variable(door, parameter, "value", str(parameter.get("name")))


def _tool_server(door: Door, resource: RawResource) -> None:
    door.walk(resource.body)
    for endpoint in objects_at(resource.body, "properties", "endpoints"):
        for header in objects_at(endpoint, "credentials", "headers"):
            door.hide_all(header, frozenset({"name"}))


# -- hosts ---------------------------------------------------------------------------------------------------------


def _settings(door: Door, holder: Json, key: str | int, name: str) -> None:
    lowered = name.lower()
    is_open = (
        lowered in _OPEN_SETTINGS
        or (lowered.startswith(_HOST_OVERRIDE) and not is_secret_name(name))
        or lowered.endswith(_OPEN_SUFFIXES)
    )
    if is_open:
        door.trim(holder, key)
    else:
        value = holder[key]
        door.hide(holder, key, certain=isinstance(value, str) and looks_secret(name, value))


def _web_config(door: Door, config: dict[str, Json]) -> None:
    for setting in objects_at(config, "appSettings"):
        if "value" in setting:
            _settings(door, setting, "value", str(setting.get("name")))
    for connection in objects_at(config, "connectionStrings"):
        if "connectionString" in connection:
            door.hide(connection, "connectionString")
    for mount in object_at(config, "azureStorageAccounts").values():
        door.walk(mount)
    for member in ("appCommandLine", "publishingPassword"):
        if member in config:
            (door.hide if member == "publishingPassword" else door.trim)(config, member)


def _app_settings(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    for name in properties:
        _settings(door, properties, name, name)


def _site(door: Door, resource: RawResource) -> None:
    _web_config(door, object_at(resource.body, "properties", "siteConfig"))


def _site_config(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    match last_of(resource.id).lower():
        case "appsettings":
            _app_settings(door, resource)
        case "connectionstrings" | "azurestorageaccounts" | "metadata" | "backup":
            door.hide_all(properties, frozenset({"type", "accountname", "sharename", "mountpath", "name"}))
        case "web":
            _web_config(door, properties)
        case "slotconfignames" | "authsettingsv2":
            pass
        case _:
            door.walk(properties)


def _container_app(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    for secret in objects_at(properties, "configuration", "secrets"):
        if "value" in secret:
            door.hide(secret, "value")
    for kind in ("containers", "initContainers"):
        for container in objects_at(properties, "template", kind):
            for variable in objects_at(container, "env"):
                if "value" in variable:
                    _variable(door, variable, "value", str(variable.get("name")))


def _session_pool(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    for secret in objects_at(properties, "secrets"):
        if "value" in secret:
            door.hide(secret, "value")
    for container in objects_at(properties, "customContainerTemplate", "containers"):
        for variable in objects_at(container, "env"):
            if "value" in variable:
                _variable(door, variable, "value", str(variable.get("name")))


def _variable(door: Door, holder: Json, key: str | int, name: str) -> None:
    """A header or an environment variable: masked when its name or shape says so."""
    value = holder[key]
    if isinstance(value, str) and is_literal(value) and (looks_secret(name, value) or name.lower() in CREDENTIAL_HEADERS):
        door.hide(holder, key)
    else:
        door.trim(holder, key)


# -- directory, connections, files ----------------------------------------------------------------------------------


def _directory_object(door: Door, resource: RawResource) -> None:
    body = resource.body
    for kind, names in (("passwordCredentials", ("secretText", "value")), ("keyCredentials", ("key", "value"))):
        for credential in objects_at(body, kind):
            for member in names:
                if member in credential:
                    door.hide(credential, member)
    if "encryptedMsiApplicationSecret" in body:
        door.hide(body, "encryptedMsiApplicationSecret")
    for member in ("notes", "description"):
        if member in body:
            door.trim(body, member)


def _connection(door: Door, resource: RawResource) -> None:
    properties = object_at(resource.body, "properties")
    door.hide_all(object_at(properties, "credentials"), _CONNECTION_OPEN)
    if "target" in properties:
        door.trim(properties, "target")


def _foundry(door: Door, resource: RawResource) -> None:
    """Agents, toolboxes and connections: headers and variables of tools, tokens, credentials (facts/foundry.md 3)."""
    stack: list[Json] = [resource.body]
    while stack:
        current = stack.pop()
        for key, value in members(current):
            name = key.lower() if isinstance(key, str) else ""
            if isinstance(value, dict) and name in _VARIABLE_HOLDERS:
                for variable in value:
                    _variable(door, value, variable, variable)
            elif isinstance(value, list) and name in _VARIABLE_HOLDERS:
                for item in objects_at(current, str(key)):
                    if "value" in item:
                        _variable(door, item, "value", str(item.get("name")))
            elif isinstance(value, dict | list) and name == "credentials":
                door.hide_all(value, _CONNECTION_OPEN)
            elif isinstance(value, dict | list):
                if name == "parameters" and isinstance(value, dict):
                    _manifest_parameters(door, value)
                stack.append(value)
            elif name == "authorization":
                door.hide(current, key)
            elif isinstance(value, str):
                door.trim(current, key)
    door.walk(resource.body)


def _manifest_parameters(door: Door, parameters: dict[str, Json]) -> None:
    """``parameters`` of a manifest, where ``secret: true`` marks what must not be shown."""
    for parameter in parameters.values():
        if isinstance(parameter, dict) and parameter.get("secret") is True:
            for member in ("default", "value"):
                if member in parameter:
                    door.hide(parameter, member)


def _client_file(door: Door, resource: RawResource) -> None:
    for holder in ("servers", "mcpServers"):
        for server in object_at(resource.body, holder).values():
            if not isinstance(server, dict):
                continue
            for steps in (("headers",), ("env",), ("requestInit", "headers")):
                variables = object_at(server, *steps)
                for name in variables:
                    _variable(door, variables, name, name)
            if "url" in server:
                door.trim(server, "url")
            arguments = server.get("args")
            if isinstance(arguments, list):
                _arguments(door, arguments)
    for item in objects_at(resource.body, "inputs"):
        if item.get("password") is True and "default" in item:
            door.hide(item, "default")


def _arguments(door: Door, arguments: list[Json]) -> None:
    """``--api-key KEY``, ``--token=KEY`` and ``--header "Authorization: KEY"``."""
    before = ""
    for index, argument in enumerate(arguments):
        if isinstance(argument, str):
            value = [argument]
            named = _HEADER_ARGUMENT.match(argument.lstrip("-"))
            if before.startswith("-") and not argument.startswith("-"):
                _variable(door, value, 0, before.lstrip("-"))
            if value[0] == argument and named:
                start = len(argument) - len(argument.lstrip("-")) + named.end()
                part = [argument[start:]]
                _variable(door, part, 0, named[1])
                value[0] = argument[:start] + part[0]
            if value[0] == argument:
                door.trim(value, 0)
            arguments[index] = value[0]
            before = argument
        else:
            before = ""


def _variables(door: Door, variables: dict[str, Json]) -> None:
    for name in variables:
        _variable(door, variables, name, name)


def _gateway_image(door: Door, resource: RawResource) -> None:
    _variables(door, object_at(resource.body, "environmentVariables"))


def _registry_entry(door: Door, resource: RawResource) -> None:
    """Headers of remotes, variables and arguments of packages: whoever marks one as secret, or names it so."""
    for holder in (*objects_at(resource.body, "remotes"), *objects_at(resource.body, "packages")):
        if "url" in holder:
            door.trim(holder, "url")
        for kind in ("headers", "environmentVariables", "environment_variables", "runtimeArguments", "packageArguments"):
            for item in objects_at(holder, kind):
                for member in ("value", "default"):
                    if item.get("isSecret") is True and member in item:
                        door.hide(item, member)
                    elif member in item:
                        _variable(door, item, member, str(item.get("name")))


def _deployment(door: Door, resource: RawResource) -> None:
    pod = object_at(resource.body, "spec", "template", "spec")
    for kind in ("containers", "initContainers"):
        for container in objects_at(pod, kind):
            for variable in objects_at(container, "env"):
                if "value" in variable:
                    _variable(door, variable, "value", str(variable.get("name")))
            for member in ("args", "command"):
                if isinstance(container.get(member), list):
                    _arguments(door, container[member])
    _variables(door, object_at(resource.body, "metadata", "annotations"))


def _config_map(door: Door, resource: RawResource) -> None:
    _variables(door, object_at(resource.body, "data"))


def _telemetry(door: Door, resource: RawResource) -> None:
    from mcpguard.sources.telemetry_masking import mask_table

    mask_table(door, resource)


_PUBLIC = """
    apiversionsets apilinks diagnostics grouplinks groups operations policies policyfragments products releases
    resolvers schemas tags tools workspaces
"""
"""Children of a service that hold nothing secret."""
_APIM_MASKERS: dict[str, _Masker] = {
    "apis": _api,
    "authorizationservers": _authorization_server,
    "backends": _backend,
    "loggers": _logger,
    "namedvalues": _named_value,
    "subscriptions": _subscription,
}
_APIM_MASKERS.update(dict.fromkeys(_PUBLIC.split(), _nothing))
_MASKERS: dict[str, _Masker] = {
    _APIM: _walk,
    _SITE: _site,
    "microsoft.apimanagement/aigateways/workspaces/toolservers": _tool_server,
    "microsoft.app/containerapps": _container_app,
    "microsoft.app/containerapps/authconfigs": _nothing,
    "microsoft.app/sessionpools": _session_pool,
    "microsoft.graph/applications": _directory_object,
    "microsoft.graph/serviceprincipals": _directory_object,
    "evidence/query-result": _telemetry,
    "mcp-gateway/adapters": _gateway_image,
    "mcp-gateway/tools": _gateway_image,
    "mcp-gateway/config": _nothing,
    "file/server.json": _registry_entry,
    "kubernetes/deployments": _deployment,
    "kubernetes/configmaps": _config_map,
    "kubernetes/services": _nothing,
    "file/app-settings": _app_settings,
    "file/slot-settings": _nothing,
    "file/local.settings.json": _nothing,
    "file/mcp-client": _client_file,
    "file/policy": _nothing,
    "file/manifest": _nothing,
}

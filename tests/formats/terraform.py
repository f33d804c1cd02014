"""The same service as a Terraform plan: azurerm where it has a resource, azapi for MCP servers and their children."""

import re
from typing import Any

from tests.formats.written import Json, kind_of, names_of

_AZURERM = "registry.terraform.io/hashicorp/azurerm"
_AZAPI = "registry.terraform.io/azure/azapi"
_VERSION = "2025-09-01-preview"


def as_plan(resources: list[Json]) -> Json:
    """``terraform show -json plan``: values that are known before apply, references for those that are not."""
    service = next(item for item in resources if not kind_of(item))
    group = re.search(r"/resourceGroups/([^/]+)/", service["id"])
    mcp = {names_of(item)[1] for item in resources if item["properties"].get("type") == "mcp"}
    plan = _Plan(names_of(service)[0], group[1] if group else "", mcp)
    for item in resources:
        plan.add(item)
    return plan.document()


class _Plan:
    def __init__(self, service: str, group: str, mcp: set[str]) -> None:
        self.common: Json = {"api_management_name": service, "resource_group_name": group}
        self.mcp = mcp
        self.planned: list[Json] = []
        self.changes: list[Json] = []
        self.configured: list[Json] = []

    def document(self) -> Json:
        return {
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": {"root_module": {"resources": self.planned}},
            "resource_changes": self.changes,
            "configuration": {
                "provider_config": {"azurerm": {"name": "azurerm", "full_name": _AZURERM}},
                "root_module": {"resources": self.configured},
            },
        }

    def add(self, item: Json) -> None:
        kind, names = kind_of(item), names_of(item)[1:]
        if kind.startswith("apis") and names[0] in self.mcp:
            self._azapi(item, kind, names)
            return
        maker = getattr(self, "_" + kind.replace("/", "_").lower()) if kind else self._service
        maker(item, item["properties"], names)

    def _put(
        self,
        type_: str,
        name: str,
        values: Json,
        *,
        unknown: Json | None = None,
        references: dict[str, list[str]] | None = None,
    ) -> None:
        label = re.sub(r"[^A-Za-z0-9_]", "_", name)
        address = f"{type_}.{label}"
        provider = _AZAPI if type_.startswith("azapi") else _AZURERM
        base = {"address": address, "mode": "managed", "type": type_, "name": label}
        self.planned.append(base | {"provider_name": provider, "schema_version": 0, "values": values, "sensitive_values": {}})
        change = {
            "actions": ["create"],
            "before": None,
            "after": values,
            "after_unknown": {"id": True, **(unknown or {})},
            "before_sensitive": False,
            "after_sensitive": {},
        }
        self.changes.append(base | {"provider_name": provider, "change": change})
        expressions: Json = {
            key: {"constant_value": value} for key, value in values.items() if isinstance(value, str | bool | int)
        }
        expressions |= {key: {"references": found} for key, found in (references or {}).items()}
        key = provider.rpartition("/")[2]
        self.configured.append(base | {"provider_config_key": key, "expressions": expressions, "schema_version": 0})

    # -- azapi -----------------------------------------------------------------------------------------------------------

    def _azapi(self, item: Json, kind: str, names: list[str]) -> None:
        parents = {1: "azurerm_api_management.contoso_apim_prod", 2: f"azapi_resource.apis_{_label(names[0])}"}
        parent = parents.get(len(names)) or f"azapi_resource.apis_operations_{_label(names[0])}_{_label(names[1])}"
        values = {
            "type": f"Microsoft.ApiManagement/service/{kind}@{_VERSION}",
            "name": names[-1],
            "body": {"properties": {key: value for key, value in item["properties"].items() if value is not None}},
            "schema_validation_enabled": False,
        }
        name = "_".join([kind.replace("/", "_"), *names])
        references = {"parent_id": [f"{parent}.id", parent]}
        self._put("azapi_resource", name, values, unknown={"parent_id": True, "output": True}, references=references)

    # -- azurerm ---------------------------------------------------------------------------------------------------------

    def _in_service(self, values: Json) -> Json:
        return {**self.common, **values}

    def _by_id(self, type_: str, name: str, values: Json) -> None:
        service = "azurerm_api_management.contoso_apim_prod"
        references = {"api_management_id": [f"{service}.id", service]}
        self._put(type_, name, values, unknown={"api_management_id": True}, references=references)

    def _service(self, item: Json, properties: Json, names: list[str]) -> None:
        values = {
            "name": item["name"],
            "resource_group_name": self.common["resource_group_name"],
            "location": "westeurope",
            "sku_name": f"{item['sku']['name']}_{item['sku']['capacity']}",
            "publisher_name": properties["publisherName"],
            "publisher_email": properties["publisherEmail"],
            "min_api_version": properties["apiVersionConstraint"]["minApiVersion"],
            "public_network_access_enabled": properties["publicNetworkAccess"] == "Enabled",
            "virtual_network_type": "None",
            "identity": [{"type": "SystemAssigned", "identity_ids": None}],
            "tags": item.get("tags"),
        }
        self._put("azurerm_api_management", item["name"], values, unknown={"gateway_url": True})

    def _policies(self, item: Json, properties: Json, names: list[str]) -> None:
        self._by_id("azurerm_api_management_policy", "global", {"xml_content": properties["value"], "xml_link": None})

    def _apis(self, item: Json, properties: Json, names: list[str]) -> None:
        contact = properties.get("contact")
        keys = properties["subscriptionKeyParameterNames"]
        values = {
            "name": names[0],
            "revision": properties["apiRevision"],
            "display_name": properties["displayName"],
            "path": properties["path"],
            "protocols": properties["protocols"],
            "service_url": properties.get("serviceUrl"),
            "subscription_required": properties["subscriptionRequired"],
            "subscription_key_parameter_names": [{"header": keys["header"], "query": keys["query"]}],
            "contact": [{"name": contact["name"], "email": contact["email"], "url": None}] if contact else [],
            "api_type": "http",
        }
        self._put("azurerm_api_management_api", names[0], self._in_service(values), unknown={"is_current": True})

    def _apis_policies(self, item: Json, properties: Json, names: list[str]) -> None:
        values = self._in_service({"api_name": names[0], "xml_content": properties["value"], "xml_link": None})
        self._put("azurerm_api_management_api_policy", names[0], values)

    def _apis_operations(self, item: Json, properties: Json, names: list[str]) -> None:
        values = {
            "api_name": names[0],
            "operation_id": names[1],
            "display_name": properties["displayName"],
            "method": properties["method"],
            "url_template": properties["urlTemplate"],
            "description": properties.get("description"),
        }
        self._put("azurerm_api_management_api_operation", "_".join(names), self._in_service(values))

    def _apis_operations_policies(self, item: Json, properties: Json, names: list[str]) -> None:
        values = {"api_name": names[0], "operation_id": names[1], "xml_content": properties["value"], "xml_link": None}
        self._put("azurerm_api_management_api_operation_policy", "_".join(names), self._in_service(values))

    def _products(self, item: Json, properties: Json, names: list[str]) -> None:
        values = {
            "product_id": names[0],
            "display_name": properties["displayName"],
            "subscription_required": properties["subscriptionRequired"],
            "approval_required": properties["approvalRequired"],
            "published": properties["state"] == "published",
        }
        self._put("azurerm_api_management_product", names[0], self._in_service(values))

    def _products_apis(self, item: Json, properties: Json, names: list[str]) -> None:
        values = self._in_service({"product_id": names[0], "api_name": names[1]})
        self._put("azurerm_api_management_product_api", "_".join(names), values)

    def _products_policies(self, item: Json, properties: Json, names: list[str]) -> None:
        values = self._in_service({"product_id": names[0], "xml_content": properties["value"], "xml_link": None})
        self._put("azurerm_api_management_product_policy", names[0], values)

    def _namedvalues(self, item: Json, properties: Json, names: list[str]) -> None:
        vault = properties.get("keyVault")
        values = {
            "name": names[0],
            "display_name": properties["displayName"],
            "secret": properties["secret"],
            "value": properties.get("value"),
            "value_from_key_vault": [{"secret_id": vault["secretIdentifier"], "identity_client_id": None}] if vault else [],
        }
        self._put("azurerm_api_management_named_value", names[0], self._in_service(values))

    def _policyfragments(self, item: Json, properties: Json, names: list[str]) -> None:
        values = {"name": names[0], "format": "rawxml", "value": properties["value"], "description": None}
        self._by_id("azurerm_api_management_policy_fragment", names[0], values)

    def _backends(self, item: Json, properties: Json, names: list[str]) -> None:
        tls = properties.get("tls") or {}
        values = {
            "name": names[0],
            "protocol": properties["protocol"],
            "url": properties["url"],
            "title": properties["title"],
            "credentials": [],
            "tls": [
                {
                    "validate_certificate_chain": tls.get("validateCertificateChain"),
                    "validate_certificate_name": tls.get("validateCertificateName"),
                }
            ]
            if tls
            else [],
        }
        self._put("azurerm_api_management_backend", names[0], self._in_service(values))

    def _loggers(self, item: Json, properties: Json, names: list[str]) -> None:
        self._put("azurerm_api_management_logger", names[0], self._in_service({"name": names[0], "buffered": True}))

    def _diagnostics(self, item: Json, properties: Json, names: list[str]) -> None:
        self._diagnostic("azurerm_api_management_diagnostic", properties, names, {})

    def _diagnostic(self, type_: str, properties: Json, names: list[str], more: Json) -> None:
        logger = f"azurerm_api_management_logger.{_label(properties['loggerId'].rpartition('/')[2])}"
        values: Json = {"identifier": names[-1], "verbosity": "information", "sampling_percentage": 100, **more}
        for side in ("frontend", "backend"):
            for message in ("request", "response"):
                part: Any = (properties.get(side) or {}).get(message)
                values[f"{side}_{message}"] = [
                    {"body_bytes": part["body"]["bytes"], "headers_to_log": part["headers"], "data_masking": []}
                ] if part else []  # fmt: skip
        references = {"api_management_logger_id": [f"{logger}.id", logger]}
        name = "_".join(names)
        self._put(type_, name, self._in_service(values), unknown={"api_management_logger_id": True}, references=references)

    def _apis_diagnostics(self, item: Json, properties: Json, names: list[str]) -> None:
        self._diagnostic("azurerm_api_management_api_diagnostic", properties, names, {"api_name": names[0]})

    def _subscriptions(self, item: Json, properties: Json, names: list[str]) -> None:
        scope = re.sub(r".*/service/[^/]+/?", "", properties["scope"])
        values: Json = {
            "subscription_id": names[0],
            "display_name": properties["displayName"],
            "state": properties["state"],
            "allow_tracing": properties["allowTracing"],
            "product_id": None,
            "api_id": None,
        }
        unknown: Json = {"primary_key": True}
        references: dict[str, list[str]] = {}
        if scope.startswith("products/"):
            del values["product_id"]
            unknown["product_id"] = True
            product = f"azurerm_api_management_product.{_label(scope.rpartition('/')[2])}"
            references["product_id"] = [f"{product}.id", product]
        self._put(
            "azurerm_api_management_subscription", names[0], self._in_service(values), unknown=unknown, references=references
        )


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)

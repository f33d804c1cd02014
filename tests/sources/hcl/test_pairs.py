"""A configuration and the plan that Terraform makes of it give the same resources; a configuration may know more of a text."""

from collections.abc import Callable
from typing import Any

from mcpguard.evidence import RawResource, Unresolved
from tests.sources.conftest import Scan
from tests.sources.terraform.plans import block, change, module, plan, ref, resource

Scanner = Callable[..., Scan]
OPEN = "<unresolved>"
POLICY = "<policies>\n  <inbound>\n    <base />\n  </inbound>\n</policies>\n"

GATEWAY = """
variable "prefix" {
  type    = string
  default = "contoso"
}

locals {
  names = { gateway_name = "${var.prefix}-apim", group = "rg-mcp" }
}

resource "azurerm_api_management" "main" {
  name                = local.names.gateway_name
  location            = "westeurope"
  resource_group_name = local.names.group
  publisher_name      = "Contoso"
  publisher_email     = "apis@contoso.example"
  sku_name            = "StandardV2_1"
  min_api_version     = "2021-08-01"

  identity {
    type = "SystemAssigned"
  }

  security {
    frontend_tls10_enabled = true
  }
}

resource "azurerm_api_management_api" "orders" {
  name                  = "orders"
  resource_group_name   = azurerm_api_management.main.resource_group_name
  api_management_name   = azurerm_api_management.main.name
  revision              = "1"
  display_name          = "Orders"
  path                  = "orders"
  protocols             = ["https"]
  service_url           = "https://${azurerm_linux_function_app.orders.default_hostname}/api"
  subscription_required = false
}

resource "azurerm_api_management_api_policy" "orders" {
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management_api.orders.api_management_name
  resource_group_name = "rg-mcp"
  xml_content         = <<-XML
    <policies>
      <inbound>
        <base />
      </inbound>
    </policies>
  XML
}

resource "azurerm_api_management_named_value" "audience" {
  for_each = {
    audience = "api://orders"
    issuer   = "https://login.contoso.example"
  }
  name                = each.key
  resource_group_name = "rg-mcp"
  api_management_name = azurerm_api_management.main.name
  display_name        = each.key
  value               = each.value
}

resource "azurerm_api_management_backend" "orders" {
  count               = 1
  name                = "orders-${count.index}"
  resource_group_name = "rg-mcp"
  api_management_name = azurerm_api_management.main.name
  protocol            = "http"
  url                 = "https://orders.example"
  tls {
    validate_certificate_chain = false
  }
}

resource "azurerm_linux_function_app" "orders" {
  name                = "contoso-orders"
  resource_group_name = "rg-mcp"
  location            = "westeurope"
  service_plan_id     = azurerm_service_plan.main.id
  site_config {
    dynamic "ip_restriction" {
      for_each = ["10.0.0.0/8", "192.0.2.0/24"]
      content {
        ip_address = ip_restriction.value
        priority   = 100 + ip_restriction.key
      }
    }
  }
  app_settings = merge({ "A" = "1" }, { "B" = "${true}" })
}

resource "azurerm_service_plan" "main" {
  name = "plan"
}
"""


def _gateway_plan() -> dict[str, Any]:
    names = {"api_management_name": "contoso-apim", "resource_group_name": "rg-mcp"}
    service = resource(
        "azurerm_api_management",
        "main",
        {
            "name": "contoso-apim",
            "location": "westeurope",
            "resource_group_name": "rg-mcp",
            "publisher_name": "Contoso",
            "publisher_email": "apis@contoso.example",
            "sku_name": "StandardV2_1",
            "min_api_version": "2021-08-01",
            "public_network_access_enabled": True,
            "virtual_network_type": "None",
            "client_certificate_enabled": False,
            "gateway_disabled": False,
            "identity": [{"type": "SystemAssigned", "identity_ids": None}],
            "security": [{"frontend_tls10_enabled": True}],
            "tags": None,
        },
    )
    unknown_service = {
        **dict.fromkeys(("id", "gateway_url", "gateway_regional_url", "management_api_url", "developer_portal_url"), True),
        **dict.fromkeys(("hostname_configuration", "sign_in", "sign_up", "tenant_access", "protocols"), True),
        "identity": [{"principal_id": True, "tenant_id": True}],
    }
    api = resource(
        "azurerm_api_management_api",
        "orders",
        {
            **names,
            "name": "orders",
            "revision": "1",
            "display_name": "Orders",
            "path": "orders",
            "protocols": ["https"],
            "subscription_required": False,
            "import": [],
        },
    )
    computed = ("id", "service_url", "api_type", "is_current", "is_online", "version", "version_set_id")
    unknown_api = dict.fromkeys((*computed, "subscription_key_parameter_names"), True)
    policy = resource("azurerm_api_management_api_policy", "orders", {**names, "api_name": "orders", "xml_content": POLICY})
    values = [
        resource(
            "azurerm_api_management_named_value",
            "audience",
            {**names, "name": key, "display_name": key, "value": value, "secret": False},
            sensitive={"value": True},
            index=key,
        )
        for key, value in (("audience", "api://orders"), ("issuer", "https://login.contoso.example"))
    ]
    backend = resource(
        "azurerm_api_management_backend",
        "orders",
        {
            **names,
            "name": "orders-0",
            "protocol": "http",
            "url": "https://orders.example",
            "credentials": [],
            "tls": [{"validate_certificate_chain": False, "validate_certificate_name": None}],
        },
        index=0,
    )
    restriction = {"action": "Allow", "service_tag": None}
    site = resource(
        "azurerm_linux_function_app",
        "orders",
        {
            "name": "contoso-orders",
            "resource_group_name": "rg-mcp",
            "location": "westeurope",
            "enabled": True,
            "https_only": False,
            "public_network_access_enabled": True,
            "client_certificate_enabled": False,
            "client_certificate_mode": "Optional",
            "ftp_publish_basic_authentication_enabled": True,
            "webdeploy_publish_basic_authentication_enabled": True,
            "app_settings": {"A": "1", "B": "true"},
            "auth_settings": [],
            "auth_settings_v2": [],
            "sticky_settings": [],
            "site_config": [
                {
                    "ftps_state": "Disabled",
                    "http2_enabled": False,
                    "ip_restriction_default_action": "Allow",
                    "minimum_tls_version": "1.2",
                    "remote_debugging_enabled": False,
                    "scm_ip_restriction_default_action": "Allow",
                    "scm_minimum_tls_version": "1.2",
                    "scm_use_main_ip_restriction": False,
                    "vnet_route_all_enabled": False,
                    "websockets_enabled": False,
                    "ip_restriction": [
                        {**restriction, "ip_address": "10.0.0.0/8", "priority": 100},
                        {**restriction, "ip_address": "192.0.2.0/24", "priority": 101},
                    ],
                }
            ],
        },
    )
    config = ("always_on", "app_scale_limit", "elastic_instance_minimum", "pre_warmed_instance_count", "linux_fx_version")
    more = ("remote_debugging_version", "detailed_error_logging_enabled")
    unknown_site = {
        "id": True,
        "default_hostname": True,
        "service_plan_id": True,
        "key_vault_reference_identity_id": True,
        "site_config": [{**dict.fromkeys((*config, *more), True), "ip_restriction": [{"name": True}, {"name": True}]}],
    }
    all_of_them = [service, api, policy, *values, backend, site]
    unknowns = [unknown_service, unknown_api, {"id": True}, {"id": True}, {"id": True}, {"id": True}, unknown_site]
    blocks = [
        block(
            "azurerm_api_management_api", "orders", {"service_url": ref("azurerm_linux_function_app.orders.default_hostname")}
        ),
        block("azurerm_linux_function_app", "orders", {"service_plan_id": ref("azurerm_service_plan.main.id")}),
    ]
    changes = [change(found, unknown) for found, unknown in zip(all_of_them, unknowns, strict=True)]
    return plan(module(*all_of_them), changes, {"resources": blocks})


def test_a_gateway_and_its_host(scan: Scanner, tmp_path: Any) -> None:
    assert_same(scan, {"main.tf": GATEWAY}, _gateway_plan())


MODULES = {
    "main.tf": """
module "hosts" {
  source   = "./modules/host"
  for_each = toset(["orders", "stock"])
  name     = each.key
  public   = each.key == "orders"
}

resource "azurerm_api_management_backend" "host" {
  for_each            = module.hosts
  name                = each.key
  resource_group_name = "rg"
  api_management_name = "contoso-apim"
  protocol            = "http"
  url                 = each.value.url
  resource_id         = "https://management.azure.com${each.value.id}"
}

resource "azapi_resource" "mcp" {
  type      = "Microsoft.ApiManagement/service/apis@2025-09-01-preview"
  name      = "orders-mcp"
  parent_id = module.gateway.id
  body = jsonencode({
    properties = {
      type        = "mcp"
      path        = "orders-mcp"
      displayName = "Orders"
      protocols   = ["https"]
    }
  })
}

module "gateway" {
  source = "./modules/gateway"
}
""",
    "modules/host/main.tf": """
variable "name" {}
variable "public" {
  type    = bool
  default = false
}
resource "azurerm_container_app" "this" {
  name                         = "ca-${var.name}"
  container_app_environment_id = "/providers/Microsoft.App/managedEnvironments/env"
  resource_group_name          = "rg"
  revision_mode                = "Single"
  ingress {
    external_enabled = var.public
    target_port      = 8080
  }
  template {
    container {
      name  = "main"
      image = "contoso.azurecr.io/${var.name}:1"
    }
  }
}
output "url" { value = "https://${var.name}.example" }
output "id" { value = azurerm_container_app.this.id }
""",
    "modules/gateway/main.tf": """
resource "azurerm_api_management" "this" {
  name            = "contoso-apim"
  sku_name        = "Developer_1"
  publisher_email = "a@contoso.example"
}
output "id" { value = azurerm_api_management.this.id }
""",
}


def _modules_plan() -> dict[str, Any]:
    apps = [
        resource(
            "azurerm_container_app",
            "this",
            {
                "name": f"ca-{name}",
                "container_app_environment_id": "/providers/Microsoft.App/managedEnvironments/env",
                "revision_mode": "Single",
                "ingress": [
                    {
                        "external_enabled": name == "orders",
                        "target_port": 8080,
                        "allow_insecure_connections": False,
                        "transport": "auto",
                    }
                ],
                "template": [{"container": [{"name": "main", "image": f"contoso.azurecr.io/{name}:1"}]}],
            },
            module=f'module.hosts["{name}"]',
        )
        for name in ("orders", "stock")
    ]
    service = resource(
        "azurerm_api_management",
        "this",
        {
            "name": "contoso-apim",
            "sku_name": "Developer_1",
            "publisher_email": "a@contoso.example",
            "public_network_access_enabled": True,
            "virtual_network_type": "None",
            "client_certificate_enabled": False,
            "gateway_disabled": False,
        },
        module="module.gateway",
    )
    backends = [
        resource(
            "azurerm_api_management_backend",
            "host",
            {"name": name, "api_management_name": "contoso-apim", "protocol": "http", "url": f"https://{name}.example"},
            index=name,
        )
        for name in ("orders", "stock")
    ]
    body = '{"properties": {"type": "mcp", "path": "orders-mcp", "displayName": "Orders", "protocols": ["https"]}}'
    mcp = resource(
        "azapi_resource",
        "mcp",
        {"type": "Microsoft.ApiManagement/service/apis@2025-09-01-preview", "name": "orders-mcp", "body": body},
    )
    urls = ("gateway_url", "gateway_regional_url", "management_api_url", "developer_portal_url", "id")
    computed = (*urls, "hostname_configuration", "sign_in", "sign_up", "tenant_access")
    changes = [
        *(change(found, {"id": True, "ingress": [{"fqdn": True}]}) for found in apps),
        change(service, dict.fromkeys(computed, True)),
        *(change(found, {"id": True, "resource_id": True}) for found in backends),
        change(mcp, {"id": True, "parent_id": True}),
    ]
    children = [
        *(module(app, address=app["address"].rpartition(".azurerm")[0]) for app in apps),
        module(service, address="module.gateway"),
    ]
    configuration = {
        "resources": [
            block("azurerm_api_management_backend", "host", {"resource_id": ref("each.value.id")}),
            block("azapi_resource", "mcp", {"parent_id": ref("module.gateway.id")}),
        ],
        "module_calls": {
            "gateway": {"module": {"outputs": {"id": {"expression": ref("azurerm_api_management.this.id")}}}},
            "hosts": {"module": {"outputs": {}}},
        },
    }
    return plan(module(*backends, mcp, children=children), changes, configuration)


def test_modules_with_outputs_and_azapi(scan: Scanner) -> None:
    found = assert_same(scan, MODULES, _modules_plan())
    assert sorted(raw.id for raw in found if raw.type == "microsoft.app/containerapps") == [
        "/providers/Microsoft.App/containerApps/ca-orders",
        "/providers/Microsoft.App/containerApps/ca-stock",
    ]


DIRECTORY = """
resource "azuread_application" "api" {
  display_name = "orders-api"
  api {
    oauth2_permission_scope {
      id    = "11111111-0000-0000-0000-000000000001"
      value = "Orders.Read"
    }
  }
  web {
    redirect_uris = ["https://contoso.example/callback"]
  }
}
resource "azuread_service_principal" "api" {
  client_id                    = azuread_application.api.client_id
  app_role_assignment_required = true
}
resource "azuread_application_pre_authorized" "code" {
  application_id       = azuread_application.api.id
  authorized_client_id = "aebc6443-996d-45c2-90f0-388ff96faa56"
  permission_ids       = ["11111111-0000-0000-0000-000000000001"]
}
"""


def _directory_plan() -> dict[str, Any]:
    scope = {"id": "11111111-0000-0000-0000-000000000001", "value": "Orders.Read", "enabled": True, "type": "User"}
    application = resource(
        "azuread_application",
        "api",
        {
            "display_name": "orders-api",
            "sign_in_audience": "AzureADMyOrg",
            "api": [{"requested_access_token_version": 1, "oauth2_permission_scope": [scope]}],
            "web": [{"redirect_uris": ["https://contoso.example/callback"]}],
        },
    )
    principal = resource("azuread_service_principal", "api", {"app_role_assignment_required": True, "account_enabled": True})
    client = resource(
        "azuread_application_pre_authorized",
        "code",
        {
            "authorized_client_id": "aebc6443-996d-45c2-90f0-388ff96faa56",
            "permission_ids": ["11111111-0000-0000-0000-000000000001"],
        },
    )
    changes = [
        change(application, {"id": True, "client_id": True, "object_id": True, "tags": True}),
        change(principal, dict.fromkeys(("id", "client_id", "display_name", "object_id", "tags", "type"), True)),
        change(client, {"id": True, "application_id": True}),
    ]
    blocks = [
        block("azuread_service_principal", "api", {"client_id": ref("azuread_application.api.client_id")}),
        block("azuread_application_pre_authorized", "code", {"application_id": ref("azuread_application.api.id")}),
    ]
    return plan(module(application, principal, client), changes, {"resources": blocks})


def test_the_directory(scan: Scanner) -> None:
    assert_same(scan, {"main.tf": DIRECTORY}, _directory_plan())


# -- comparing -------------------------------------------------------------------------------------------------------


def assert_same(scan: Scanner, files: dict[str, Any], planned: dict[str, Any]) -> tuple[RawResource, ...]:
    """Both give the same ids, types, bodies, claims and kinds of gaps."""
    native = scan({f"a/{name}": text for name, text in files.items()})
    ours = {raw.id.replace("~a~", "~"): raw for raw in native.evidence.resources}
    clear(native)
    exported = scan({"plan.json": planned})
    theirs = {raw.id: raw for raw in exported.evidence.resources}
    assert sorted(ours) == sorted(theirs)
    for id_, raw in theirs.items():
        assert ours[id_].type == raw.type
        assert ours[id_].api_version == raw.api_version
        assert simple(ours[id_].body) == simple(raw.body), id_
    assert {(scope.replace("~a~", "~"), type_) for scope, type_ in native.complete} == exported.complete
    assert {gap.kinds for gap in native.evidence.gaps} == {gap.kinds for gap in exported.evidence.gaps}
    return native.evidence.resources


def clear(found: Scan) -> None:
    """Remove the files of a scan, so that the next one in the same folder does not see them."""
    import shutil
    from pathlib import Path

    shutil.rmtree(Path(found.evidence.inputs[0]))


def simple(value: Any) -> Any:
    """A body in which all that is unresolved is alike."""
    if isinstance(value, Unresolved):
        return OPEN
    if isinstance(value, dict):
        return {key.replace("a~azuread", "azuread"): simple(item) for key, item in value.items()}
    if isinstance(value, list):
        return [simple(item) for item in value]
    return value.replace("~a~", "~").replace("a~azu", "azu") if isinstance(value, str) else value

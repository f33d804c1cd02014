"""Roots, modules, values of variables, and what is said of what is not followed."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Known
from mcpguard.evidence import ArtifactStatus, Unresolved
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.gateway import Api, PolicyText
from mcpguard.model.kinds.hosting import ContainerApp
from mcpguard.model.template_keys import HostKey, template_keys
from mcpguard.normalize import build
from tests.sources.conftest import Scan
from tests.sources.test_azure_cli import AS_OF

Scanner = Callable[..., Scan]
SERVICE = "/providers/Microsoft.ApiManagement/service/contoso-apim"
APIM = """
resource "azurerm_api_management" "main" {
  name            = "contoso-apim"
  sku_name        = "Developer_1"
  publisher_email = "a@contoso.example"
}
"""
VALUE = """
variable "audience" {
  default = "default"
}
resource "azurerm_api_management_named_value" "x" {
  name                = "x"
  display_name        = "x"
  api_management_name = "contoso-apim"
  value               = var.audience
}
"""


def value_of(found: Scan, name: str = "x") -> Any:
    return found.resource(f"{SERVICE}/namedValues/{name}").body["properties"]["value"]


# -- values of variables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({}, "default"),
        ({"terraform.tfvars": 'audience = "main"'}, "main"),
        ({"terraform.tfvars": 'audience = "main"', "a.auto.tfvars": 'audience = "a"'}, "a"),
        ({"b.auto.tfvars": 'audience = "b"', "a.auto.tfvars": 'audience = "a"'}, "b"),
        ({"b.auto.tfvars": 'audience = "b"', "prod.tfvars": 'audience = "prod"'}, "prod"),
        ({"env/prod.tfvars": 'audience = "prod"'}, "prod"),
        ({"terraform.tfvars": "audience = null"}, None),
        ({"terraform.tfvars": 'audience = "a"', "terraform.tfvars.json": '{"audience": "json"}'}, "json"),
        ({"a.auto.tfvars.json": '{"audience": "json"}', "b.auto.tfvars": 'audience = "b"'}, "b"),
        ({"main.tfvars.json": '{"audience": "of azd", "location": "${AZURE_LOCATION}"}'}, "of azd"),
    ],
)
def test_precedence(scan: Scanner, files: dict[str, str], value: str | None) -> None:
    found = scan({"main.tf": APIM + VALUE, **files})
    properties = found.resource(f"{SERVICE}/namedValues/x").body["properties"]
    assert properties.get("value") == value


def test_several_files_of_values_give_several_deployments(scan: Scanner) -> None:
    files = {"env/dev.tfvars": 'audience = "dev"', "env/prod.tfvars": 'audience = "prod"'}
    found = scan({"main.tf": APIM + VALUE, **files})
    assert value_of(found) == "dev"
    [gap] = found.evidence.gaps
    assert (
        gap.kinds == {"named-value"}
        and "env/prod.tfvars gives . other values for x than the parameter file before it" in gap.detail
    )
    assert found.artifact("env/dev.tfvars").detail == "values for the configuration in ."


def test_a_variable_without_a_value_is_not_known(scan: Scanner) -> None:
    found = scan({"main.tf": APIM + VALUE.replace('default = "default"', "type = string")})
    assert value_of(found) == Unresolved("var.audience")


def test_types_convert_and_fill_in_optional_members(scan: Scanner) -> None:
    text = """
variable "settings" {
  type = object({
    name    = string
    port    = optional(number, 8080)
    flags   = optional(list(string), ["a"])
    nested  = optional(object({ on = optional(bool, true) }), {})
  })
}
variable "count_of" {
  type = string
}
resource "azurerm_api_management_named_value" "x" {
  name                = "x"
  display_name        = "x"
  api_management_name = "contoso-apim"
  value = "${var.settings.name}:${var.settings.port}:${var.settings.flags[0]}:${var.settings.nested.on}:${var.count_of}"
}
"""
    values = 'settings = { name = "n", ignored = 1 }\ncount_of = 3\n'
    found = scan({"main.tf": APIM + text, "terraform.tfvars": values})
    assert value_of(found) == "n:8080:a:true:3"


def test_sensitive_variables_are_hidden(scan: Scanner) -> None:
    text = VALUE.replace('default = "default"', "sensitive = true")
    found = scan({"main.tf": APIM + text, "terraform.tfvars": 'audience = "plain-words-of-a-secret"'})
    assert is_masked(value_of(found))
    assert "plain-words" not in repr(found.evidence.resources)
    assert "plain-words-of-a-secret" in found.evidence.texts["terraform.tfvars"].secrets


def test_literal_secrets_are_masked_also_in_what_is_not_read(scan: Scanner) -> None:
    key = "Zy9xWv8uTs7rQp6oNm5l"
    text = f"""
resource "azurerm_api_management_backend" "b" {{
  name                = "b"
  api_management_name = "contoso-apim"
  protocol            = "http"
  url                 = "https://b.example?code={key}AAAA"
  credentials {{
    header = {{ "x-functions-key" = "{key}" }}
  }}
}}
resource "azurerm_key_vault_secret" "s" {{
  client_secret = "{key}9"
}}
"""
    found = scan({"main.tf": APIM + text})
    assert key not in repr(found.evidence.resources)
    assert {key, f"{key}9"} <= found.evidence.texts["main.tf"].secrets


# -- roots and modules -----------------------------------------------------------------------------------------------


def test_a_module_is_judged_as_called_and_alone_only_if_never_called(scan: Scanner) -> None:
    api = """
variable "name" {}
variable "service" {}
resource "azurerm_api_management_api" "this" {
  name                = var.name
  api_management_name = var.service
  path                = var.name
  revision            = "1"
}
"""
    main = """
module "orders" {
  source  = "../modules/api"
  name    = "orders"
  service = azurerm_api_management.main.name
}
module "stock" {
  source  = "../modules/api"
  name    = "stock"
  service = azurerm_api_management.main.name
}
"""
    found = scan({"infra/main.tf": APIM + main, "modules/api/main.tf": api, "modules/unused/main.tf": api})
    apis = [raw.id for raw in found.evidence.resources if raw.type.endswith("/apis")]
    alone = "/providers/Microsoft.ApiManagement/service/modules~unused~[var.service]"
    assert apis == [
        f"{SERVICE}/apis/orders",
        f"{SERVICE}/apis/stock",
        f"{alone}/apis/~modules~unused~azurerm_api_management_api.this",
    ]


def test_a_module_from_a_registry_is_a_gap_at_its_line(scan: Scanner) -> None:
    text = """
module "naming" {
  source = "Azure/naming/azurerm"
}
module "network" {
  source = "Azure/avm-res-network-virtualnetwork/azurerm"
}
module "site" {
  source = "Azure/avm-res-web-site/azurerm"
}
module "other" {
  source = "git::https://example.org/modules.git//apim"
}
"""
    found = scan({"main.tf": APIM + text})
    gaps = {gap.detail.split(" from ")[0]: gap for gap in found.evidence.gaps}
    assert set(gaps) == {"main.tf declares module.site", "main.tf declares module.other"}
    site = gaps["main.tf declares module.site"]
    assert site.kinds == {"site", "site-config", "function"}
    assert found.start(site.at)[0] == APIM.count("\n") + 8
    assert "policy" in gaps["main.tf declares module.other"].kinds
    assert found.complete == set()


def test_a_whole_configuration_is_complete(scan: Scanner) -> None:
    found = scan({"main.tf": APIM})
    assert (SERVICE.lower(), "microsoft.apimanagement/service/policies") in found.complete


def test_conditions(scan: Scanner) -> None:
    text = """
variable "on" {}
resource "azurerm_api_management_policy" "all" {
  count             = var.on ? 1 : 0
  api_management_id = azurerm_api_management.main.id
  xml_content       = "<policies><inbound /></policies>"
}
resource "azurerm_api_management_api" "off" {
  count               = false ? 1 : 0
  name                = "off"
  api_management_name = azurerm_api_management.main.name
}
resource "azurerm_api_management_api" "many" {
  for_each            = var.on
  name                = each.key
  api_management_name = azurerm_api_management.main.name
}
"""
    found = scan({"main.tf": APIM + text})
    assert f"{SERVICE}/policies/policy" in found.ids
    assert not [id_ for id_ in found.ids if "/apis/" in id_]
    policies, apis = sorted(found.evidence.gaps, key=lambda gap: sorted(gap.kinds), reverse=True)
    assert policies.scope == SERVICE.lower() and policies.kinds == {"policy"}
    assert "under a condition that is not known: var.on" in policies.detail
    assert apis.kinds == {"api"} and "azurerm_api_management_api.many as often as var.on says" in apis.detail
    assert (SERVICE.lower(), "microsoft.apimanagement/service/apis") not in found.complete


def test_nothing_commented_out_is_read(scan: Scanner) -> None:
    text = "".join(f"# {line}\n" for line in VALUE.splitlines()) + "/*\n" + VALUE + "*/\n"
    assert not [id_ for id_ in scan({"main.tf": APIM + text}).ids if "namedValues" in id_]


# -- files -----------------------------------------------------------------------------------------------------------

API_POLICY = """
resource "azurerm_api_management_api" "orders" {
  name                = "orders"
  api_management_name = azurerm_api_management.main.name
  path                = "orders/mcp"
}
resource "azurerm_api_management_api_policy" "orders" {
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management.main.name
  xml_content         = %s
}
"""
XML = '<policies>\n  <inbound>\n    <base />\n    <set-header name="x"><value>${tenant}</value></set-header>\n  </inbound>\n</policies>\n'


def policy_of(found: Scan) -> Any:
    return found.resource(f"{SERVICE}/apis/orders/policies/policy")


def test_a_loaded_policy_is_judged_where_it_is_deployed_and_only_there(scan: Scanner) -> None:
    text = API_POLICY % 'file("${path.module}/policies/orders.xml")'
    found = scan({"infra/main.tf": APIM + text, "infra/policies/orders.xml": XML})
    raw = policy_of(found)
    assert raw.body["properties"]["value"] == XML
    assert [r.id for r in found.evidence.resources if r.type == "file/policy"] == []
    assert found.artifact("infra/policies/orders.xml").detail == "loaded by infra/main.tf"
    at = raw.texts["properties.value"]
    where = found.place(at.range(XML.index("<base"), XML.index("<base") + 8))
    assert (at.artifact, where.span.line, where.span.column) == ("infra/policies/orders.xml", 3, 5)


def test_a_template_is_rendered_where_it_is_known_and_has_holes_where_not(scan: Scanner) -> None:
    text = 'variable "t" {}\n' + API_POLICY % 'templatefile("policies/orders.xml", { tenant = %s })'
    known = scan({"main.tf": APIM + text % '"contoso"', "policies/orders.xml": XML})
    assert policy_of(known).body["properties"]["value"] == XML.replace("${tenant}", "contoso")
    found = scan({"main.tf": APIM + text % "var.t"})
    raw = policy_of(found)
    [(name, hole)] = raw.holes.items()
    assert hole == Unresolved("var.t")
    assert raw.body["properties"]["value"] == XML.replace("${tenant}", f"{{{{{name}}}}}")
    at = raw.texts["properties.value"]
    value = raw.body["properties"]["value"]
    end = found.place(at.range(value.index("</inbound"), value.index("</inbound") + 10))
    assert (end.location.artifact, end.span.line, end.span.column) == ("policies/orders.xml", 5, 3)
    put = found.place(at.range(value.index("{{"), value.index("{{") + 2))
    assert (put.span.line, put.excerpt[0].strip()) == (4, '<set-header name="x"><value>${tenant}</value></set-header>')


def test_places_in_heredocs_and_after_replace(scan: Scanner) -> None:
    heredoc = """<<-XML
    <policies>
      <inbound>
        <base />
        <set-header name="é"><value>${azurerm_api_management.main.name}</value></set-header>
        <rate-limit calls="__CALLS__" renewal-period="60" />
      </inbound>
    </policies>
  XML
"""
    text = API_POLICY % 'replace(local.policy, "__CALLS__", "5")' + f"locals {{\n  policy = {heredoc}}}\n"
    found = scan({"main.tf": APIM + text})
    raw = policy_of(found)
    value = raw.body["properties"]["value"]
    assert '<value>contoso-apim</value></set-header>\n    <rate-limit calls="5" renewal' in value
    lines = (APIM + text).splitlines()
    for word in ("<base", "<rate-limit", "renewal-period", "</policies"):
        place = found.place(raw.texts["properties.value"].range(value.index(word), value.index(word) + len(word)))
        line = lines[place.span.line - 1]
        assert line[place.span.column - 1 :].startswith(word)
    calls = found.place(raw.texts["properties.value"].range(value.index('"5"') + 1, value.index('"5"') + 2))
    assert lines[calls.span.line - 1][calls.span.column - 1 :].startswith("__CALLS__")


def test_places_of_attributes(scan: Scanner) -> None:
    text = """
resource "azurerm_linux_web_app" "é" {
  name       = "site" # é
  https_only = false
  site_config {
    minimum_tls_version = "1.0"
    dynamic "ip_restriction" {
      for_each = ["10.0.0.0/8"]
      content {
        ip_address = ip_restriction.value
      }
    }
  }
}
resource "azapi_resource" "mcp" {
  type      = "Microsoft.ApiManagement/service/apis@2025-09-01-preview"
  name      = "m"
  parent_id = azurerm_api_management.main.id
  body = {
    properties = {
      type = "mcp"
      mcpTools = [
        { name = "a" },
        { name = "b" },
      ]
    }
  }
}
"""
    whole = APIM + text
    found = scan({"main.tf": whole})
    site = "/providers/Microsoft.Web/sites/site"
    for id_, steps, wanted in (
        (site, (), 'resource "azurerm_linux_web_app" "é" {'),
        (site, ("properties", "httpsOnly"), "https_only = false"),
        (f"{site}/config/web", ("properties", "minTlsVersion"), 'minimum_tls_version = "1.0"'),
        (f"{site}/config/web", ("properties", "ipSecurityRestrictions", 0, "ipAddress"), "ip_address = ip_restriction.value"),
        (f"{site}/config/web", ("properties", "ipSecurityRestrictions", 0, "action"), 'dynamic "ip_restriction" {'),
        (f"{SERVICE}/apis/m", ("properties", "type"), 'type = "mcp"'),
        (f"{SERVICE}/apis/m", ("properties", "mcpTools", 1, "name"), 'name = "b"'),
        (f"{SERVICE}/apis/m", ("properties", "mcpTools", 1, "missing"), '{ name = "b" }'),
    ):
        span = found.place(found.resource(id_).origin.child(*steps)).span
        lines = whole.splitlines()
        assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == wanted, (id_, steps)
        assert span.line == span.end_line


def test_sets_of_files(scan: Scanner) -> None:
    text = """
resource "azurerm_api_management_policy_fragment" "f" {
  for_each          = fileset("${path.module}/fragments", "*.xml")
  api_management_id = azurerm_api_management.main.id
  name              = trimsuffix(each.value, ".xml")
  format            = "rawxml"
  value             = file("${path.module}/fragments/${each.value}")
}
"""
    files = {"fragments/a.xml": "<fragment><base /></fragment>", "fragments/b.xml": "<fragment />", "fragments/c.txt": "x"}
    found = scan({"main.tf": APIM + text, **files})
    assert [id_ for id_ in found.ids if "Fragments" in id_] == [f"{SERVICE}/policyFragments/{name}" for name in "ab"]
    assert {policy.at.artifact for policy in build(found.evidence, AS_OF).of(PolicyText)} <= {"main.tf"}


# -- evidence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("data.azurerm_function_app_host_keys.k.primary_key", HostKey.MASTER),
        ("data.azurerm_function_app_host_keys.k.default_function_key", HostKey.DEFAULT),
        ("azapi_resource_action.k.output.masterKey", HostKey.MASTER),
        ("jsondecode(azapi_resource_action.k.output).functionKeys.default", HostKey.DEFAULT),
    ],
)
def test_keys_of_a_host_are_told(scan: Scanner, expression: str, key: HostKey) -> None:
    text = f"""
locals {{
  key = {expression}
}}
data "azurerm_function_app_host_keys" "k" {{
  name = "f"
}}
resource "azapi_resource_action" "k" {{
  type        = "Microsoft.Web/sites/host@2022-03-01"
  resource_id = "/providers/Microsoft.Web/sites/f/host/default"
  action      = "listKeys"
}}
module "value" {{
  source = "./value"
  key    = local.key
}}
"""
    inner = """
variable "key" {}
resource "azurerm_api_management_named_value" "x" {
  name                = "x"
  display_name        = "x"
  api_management_name = "contoso-apim"
  secret              = true
  value               = var.key
}
"""
    found = scan({"main.tf": APIM + text, "value/main.tf": inner})
    assert template_keys(value_of(found)) == (key,)


def test_an_estate_of_a_configuration(scan: Scanner) -> None:
    text = API_POLICY % 'templatefile("p.xml", { tenant = "t" })'
    estate = build(scan({"main.tf": APIM + text, "p.xml": XML}).evidence, AS_OF)
    [api] = estate.of(Api)
    assert isinstance(api.subscription_required, Known) and api.subscription_required.value is True
    [policy] = estate.of(PolicyText)
    assert isinstance(policy.text, Known)


def test_parts_of_policies_and_ids_put_together(scan: Scanner) -> None:
    text = """
data "azurerm_api_management" "known" {
  name                = "contoso-apim"
  resource_group_name = "rg"
}
resource "azapi_resource" "policy" {
  type      = "Microsoft.ApiManagement/service/apis/policies@2024-05-01"
  name      = "policy"
  parent_id = "${data.azurerm_api_management.known.id}/apis/orders"
  body = {
    properties = {
      format = "rawxml"
      value  = file("p.xml")
    }
  }
}
resource "azapi_update_resource" "api" {
  type        = "Microsoft.ApiManagement/service/apis@2024-05-01"
  resource_id = azapi_resource.api.id
  body        = { properties = { subscriptionRequired = false } }
}
resource "azapi_resource" "api" {
  type      = "Microsoft.ApiManagement/service/apis@2024-05-01"
  name      = "orders"
  parent_id = data.azurerm_api_management.known.id
  body      = { properties = { path = "o", backendId = data.azurerm_api_management.known.id } }
}
"""
    found = scan({"main.tf": text, "p.xml": XML})
    raw = policy_of(found)
    assert raw.texts["properties.value"].artifact == "p.xml"
    assert found.resource(f"{SERVICE}/apis/orders").body["properties"] == {
        "path": "o",
        "backendId": SERVICE,
        "subscriptionRequired": False,
    }


def test_terraform_without_our_resources_is_left_alone(scan: Scanner) -> None:
    found = scan({"main.tf": APIM, "other/main.tf": 'resource "aws_s3_bucket" "b" {\n}\n'})
    assert found.artifact("other/main.tf").status is ArtifactStatus.SKIPPED
    assert "without resources that mcpguard knows" in found.artifact("other/main.tf").detail


def test_a_module_of_the_registry_with_known_arguments(scan: Scanner) -> None:
    text = """
module "apim" {
  source                        = "Azure/avm-res-apimanagement-service/azurerm"
  name                          = "contoso-apim"
  sku_name                      = "Developer_1"
  publisher_email               = "a@contoso.example"
  public_network_access_enabled = true
  apis = {
    orders = {
      path                  = "orders/mcp"
      subscription_required = false
      policy = {
        xml_content = file("${path.module}/p.xml")
      }
    }
  }
  named_values = {
    audience = { value = "api://orders" }
  }
  products = {}
}
resource "azurerm_api_management_tag" "t" {
  api_management_id = module.apim.resource_id
  name              = "t"
}
"""
    found = scan({"infra/main.tf": text, "infra/p.xml": XML})
    assert found.resource(SERVICE).body["properties"]["publicNetworkAccess"] == "Enabled"
    assert found.resource(SERVICE).body["properties"]["disableGateway"] == Unresolved("var.gateway_disabled")
    assert f"{SERVICE}/namedValues/audience" in found.ids and f"{SERVICE}/tags/t" in found.ids
    lines = text.splitlines()
    for id_, steps, wanted in (
        (SERVICE, ("properties", "publicNetworkAccess"), "public_network_access_enabled = true"),
        (f"{SERVICE}/apis/orders", ("properties", "subscriptionRequired"), "subscription_required = false"),
    ):
        span = found.place(found.resource(id_).origin.child(*steps)).span
        assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == wanted
    assert policy_of(found).texts["properties.value"].artifact == "infra/p.xml"
    assert [gap.detail for gap in found.evidence.gaps] == [
        "infra/main.tf declares module.apim, of which not all arguments are read"
    ]
    [gap] = found.evidence.gaps
    assert "product" in gap.kinds and "policy" in gap.kinds  # of products
    assert (SERVICE.lower(), "microsoft.apimanagement/service/products") not in found.complete


def test_override_files_are_applied(scan: Scanner) -> None:
    override = """
resource "azurerm_api_management" "main" {
  public_network_access_enabled = false
  identity {
    type = "UserAssigned"
  }
}
locals {
  audience = "api://override"
}
"""
    main = APIM.replace("sku_name ", 'identity {\n    type = "SystemAssigned"\n  }\n  sku_name ')
    text = main + VALUE.replace("var.audience", "local.audience") + 'locals {\n  audience = "api://main"\n}\n'
    found = scan({"main.tf": text, "prod_override.tf": override})
    body = found.resource(SERVICE).body
    assert (body["properties"]["publicNetworkAccess"], body["identity"]["type"]) == ("Disabled", "UserAssigned")
    assert value_of(found) == "api://override"


def test_terraform_written_as_json_is_a_gap(scan: Scanner) -> None:
    found = scan({"main.tf": APIM, "more.tf.json": {"resource": {"azurerm_api_management_policy": {}}}})
    [gap] = found.evidence.gaps
    assert "more.tf.json is Terraform written as JSON" in gap.detail
    assert found.complete == set()
    assert "Terraform written as JSON is not read" in found.artifact("more.tf.json").detail


def test_the_policy_in_the_block_of_a_service(scan: Scanner) -> None:
    block = (
        "  policy {\n    xml_content = <<XML\n<policies>\n  <inbound>\n    <base />\n  </inbound>\n</policies>\nXML\n  }\n}\n"
    )
    found = scan({"main.tf": APIM.rstrip().removesuffix("}") + block})
    raw = found.resource(f"{SERVICE}/policies/policy")
    value = raw.body["properties"]["value"]
    assert found.start(raw.texts["properties.value"].range(value.index("<base"), value.index("<base") + 8)) == (10, 5)


def test_a_text_that_cannot_be_traced_is_shown_at_its_attribute(scan: Scanner) -> None:
    text = API_POLICY % 'upper("<policies><inbound><base /></inbound></policies>")'
    found = scan({"main.tf": APIM + text})
    raw = policy_of(found)
    line = (APIM + text)[: (APIM + text).index("xml_content")].count("\n") + 1
    at = raw.texts.get("properties.value", raw.origin.child("properties", "value"))
    assert found.start(at.range(10, 15))[0] == line


def test_values_of_a_module_or_of_nothing_are_left_alone(scan: Scanner) -> None:
    files = {
        "main.tf": APIM + VALUE + 'module "m" {\n  source = "./m"\n}\n',
        "m/main.tf": 'variable "audience" {\n  default = "m"\n}\n',
        "m/terraform.tfvars": 'audience = "of the module"',
        "other.tfvars": 'nothing = "declared"',
    }
    found = scan(files)
    assert value_of(found) == "default"
    assert "no configuration" in found.artifact("m/terraform.tfvars").detail
    assert "does not declare" in found.artifact("other.tfvars").detail


def test_no_secret_stays_in_what_is_unresolved(scan: Scanner) -> None:
    key = "Zy9xWv8uTs7rQp6oNm5l"
    text = f"""
variable "on" {{}}
resource "azurerm_api_management_backend" "b" {{
  name                = "b"
  api_management_name = "contoso-apim"
  protocol            = "http"
  url                 = "https://b.example"
  credentials {{
    header = {{ "x-functions-key" = var.on ? "{key}" : "other", "x-api-key" = "{key}8${{var.on}}" }}
  }}
}}
resource "azapi_resource" "v" {{
  type           = "Microsoft.ApiManagement/service/namedValues@2024-05-01"
  name           = "v"
  parent_id      = azurerm_api_management.main.id
  body           = jsonencode({{ properties = {{ displayName = "v", secret = true, value = "{key}7", tags = [var.on] }} }})
  sensitive_body = {{ properties = {{ value = "{key}6" }} }}
}}
resource "azurerm_function_app_function" "f" {{
  name            = "f"
  function_app_id = "/providers/Microsoft.Web/sites/s"
  config_json     = jsonencode({{ password = "{key}5", on = var.on }})
}}
"""
    found = scan({"main.tf": APIM + text})
    assert key not in repr(found.evidence.resources) + repr(found.evidence.gaps)
    assert {key, f"{key}6", f"{key}8"} <= found.evidence.texts["main.tf"].secrets


def test_ids_with_an_open_beginning(scan: Scanner) -> None:
    text = """
variable "subscription" {}
resource "azurerm_api_management_tag" "t" {
  api_management_id = "/subscriptions/${var.subscription}/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso-apim"
  name              = "t"
}
"""
    assert f"{SERVICE}/tags/t" in scan({"main.tf": text}).ids


@pytest.mark.parametrize(
    ("image", "variables", "reasons"),
    [
        ("${azurerm_container_registry.r.login_server}/orders-mcp:1", [], ("its image …/orders-mcp:1 says mcp",)),
        ("ghcr.io/contoso/apim-mcp/hello:1", [], ()),
        ("ghcr.io/mcp/hello:1", [], ("its image ghcr.io/mcp/hello:1 says mcp",)),
        ("hello:1", ["MCP_STATELESS"], ("its container has the variable MCP_STATELESS",)),
        ("hello:1", ["MCP_ORDERS_API_KEY", "MCP_ORDERS_URL"], ()),  # a client of such a server
    ],
)
def test_containers_that_say_mcp(scan: Scanner, image: str, variables: list[str], reasons: tuple[str, ...]) -> None:
    env = "".join(f'env {{\n name = "{name}"\n value = "x"\n}}\n' for name in variables)
    text = f"""
resource "azurerm_container_registry" "r" {{
  name = "r"
}}
resource "azurerm_container_app" "a" {{
  name = "a"
  template {{
    container {{
      image = "{image}"
      {env}
    }}
  }}
}}
"""
    [app] = build(scan({"main.tf": text}).evidence, AS_OF).of(ContainerApp)
    assert app.markers == reasons


def test_values_that_azd_fills_in_are_not_known(scan: Scanner) -> None:
    found = scan({"main.tf": APIM + VALUE, "main.tfvars.json": '{"audience": "${AZURE_ENV_NAME}", "other": [1, {"a": null}]}'})
    assert value_of(found) == Unresolved("${AZURE_ENV_NAME}", "environment of azd")
    assert found.artifact("main.tfvars.json").detail == "values for the configuration in ."

"""Modules of a registry whose arguments are known: what they declare, in their own language, with the arguments as variables.

Azure/avm-res-apimanagement-service/azurerm (Azure/terraform-azurerm-avm-res-apimanagement-service, ``variables.tf`` of
v0.1.0): its arguments are those of the provider's resources. What is not given has the module's default, which differs between
versions, and stays unknown. Arguments that are not listed here are gaps.
"""

from __future__ import annotations

import re
from functools import cache

from mcpguard.sources.hcl.blocks import Block, Folder, read_file
from mcpguard.sources.reading import Reading

_APIM = """
variable "apis" { default = {} }
variable "backends" { default = {} }
variable "named_values" { default = {} }
variable "policy" { default = null }
variable "name" {}
variable "location" {}
variable "tags" { default = null }
variable "sku_name" {}
variable "publisher_name" {}
variable "publisher_email" {}
variable "min_api_version" {}
variable "virtual_network_type" {}
variable "gateway_disabled" {}
variable "client_certificate_enabled" {}
variable "public_network_access_enabled" {}

resource "azurerm_api_management" "this" {
  name                          = var.name
  location                      = var.location
  tags                          = var.tags
  sku_name                      = var.sku_name
  publisher_name                = var.publisher_name
  publisher_email               = var.publisher_email
  min_api_version               = var.min_api_version
  virtual_network_type          = var.virtual_network_type
  gateway_disabled              = var.gateway_disabled
  client_certificate_enabled    = var.client_certificate_enabled
  public_network_access_enabled = var.public_network_access_enabled
}
resource "azurerm_api_management_policy" "policy" {
  count             = var.policy == null ? 0 : 1
  api_management_id = azurerm_api_management.this.id
  xml_content       = try(var.policy.xml_content, null)
  xml_link          = try(var.policy.xml_link, null)
}
resource "azurerm_api_management_api" "apis" {
  for_each              = var.apis
  name                  = each.key
  api_management_name   = azurerm_api_management.this.name
  display_name          = try(each.value.display_name, null)
  path                  = try(each.value.path, null)
  protocols             = try(each.value.protocols, ["https"])
  revision              = try(each.value.revision, "1")
  service_url           = try(each.value.service_url, null)
  subscription_required = try(each.value.subscription_required, true)
  dynamic "import" {
    for_each = try([each.value.import], [])
    content {
      content_format = import.value.content_format
      content_value  = import.value.content_value
    }
  }
}
resource "azurerm_api_management_api_policy" "apis" {
  for_each            = { for name, api in var.apis : name => api.policy if try(api.policy, null) != null }
  api_name            = azurerm_api_management_api.apis[each.key].name
  api_management_name = azurerm_api_management.this.name
  xml_content         = try(each.value.xml_content, null)
  xml_link            = try(each.value.xml_link, null)
}
resource "azurerm_api_management_backend" "backends" {
  for_each            = var.backends
  name                = each.key
  api_management_name = azurerm_api_management.this.name
  protocol            = each.value.protocol
  url                 = each.value.url
  resource_id         = try(each.value.resource_id, null)
  dynamic "credentials" {
    for_each = try([each.value.credentials], [])
    content {
      header = try(credentials.value.header, null)
      query  = try(credentials.value.query, null)
      dynamic "authorization" {
        for_each = try([credentials.value.authorization], [])
        content {
          scheme    = try(authorization.value.scheme, null)
          parameter = try(authorization.value.parameter, null)
        }
      }
    }
  }
  dynamic "tls" {
    for_each = try([each.value.tls], [])
    content {
      validate_certificate_chain = try(tls.value.validate_certificate_chain, null)
      validate_certificate_name  = try(tls.value.validate_certificate_name, null)
    }
  }
}
resource "azurerm_api_management_named_value" "named_values" {
  for_each            = var.named_values
  name                = each.key
  api_management_name = azurerm_api_management.this.name
  display_name        = try(each.value.display_name, each.key)
  secret              = try(each.value.secret, false)
  value               = try(each.value.value, null)
  dynamic "value_from_key_vault" {
    for_each = try([each.value.value_from_key_vault], [])
    content {
      secret_id          = value_from_key_vault.value.secret_id
      identity_client_id = try(value_from_key_vault.value.identity_client_id, null)
    }
  }
}
output "name" { value = azurerm_api_management.this.name }
output "resource_id" { value = azurerm_api_management.this.id }
output "resource" { value = azurerm_api_management.this }
output "apim_gateway_url" { value = azurerm_api_management.this.gateway_url }
"""
_SOURCE = re.compile(r"(?i)(?:registry\.terraform\.io/)?Azure/avm-res-apimanagement-service/azurerm")
_SERVICE = "microsoft.apimanagement/service"
_OF_NO_INTEREST = frozenset(
    {
        *("resource_group_name", "zones", "additional_location", "certificate", "delegation", "enable_telemetry", "lock"),
        *("notification_sender_email", "private_endpoints", "private_endpoints_manage_dns_zone_group", "public_ip_address_id"),
        *("role_assignments", "virtual_network_subnet_id", "managed_identities", "api_version_sets", "diagnostic_settings"),
        *("source", "version", "count", "for_each", "providers", "depends_on"),
    }
)
_OTHER = {
    "products": (f"{_SERVICE}/products", f"{_SERVICE}/products/apis", f"{_SERVICE}/products/policies"),
    "subscriptions": (f"{_SERVICE}/subscriptions",),
}
_FOLDER = "Azure/avm-res-apimanagement-service/azurerm"


@cache
def _apim() -> Folder:
    folder = Folder(_FOLDER, is_known=True)
    folder.add(read_file(Reading(_FOLDER, _APIM.encode())))
    folder.readings.clear()  # it is no file of the scan
    return folder


def known_module(source: str) -> Folder | None:
    """What a module of a registry declares; None when its arguments are not known here."""
    return _apim() if _SOURCE.fullmatch(source) else None


def types_left_out(call: Block) -> frozenset[str]:
    """The lower-case ARM types of what the arguments of a known module declare besides what is read."""
    out: set[str] = set()
    for name, given in call.attributes.items():
        if name == "apis" and b"operations" in given.source.data:
            out |= {f"{_SERVICE}/apis/operations", f"{_SERVICE}/apis/operations/policies"}
        elif name not in _apim().variables and name not in _OF_NO_INTEREST:
            out.update(_OTHER.get(name, (_SERVICE,)))
    return frozenset(out)

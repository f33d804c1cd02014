"""A repository of Terraform configurations of any size."""

from pathlib import Path

_MODULE = """
variable "name" {
  type        = string
  description = "What the API is called."
}
variable "service" {}
resource "azurerm_api_management_api" "this" {
  name                  = var.name
  api_management_name   = var.service
  resource_group_name   = "rg"
  path                  = "${var.name}/mcp"
  protocols             = ["https"]
  revision              = "1"
  subscription_required = true
}
resource "azurerm_api_management_api_policy" "this" {
  api_name            = azurerm_api_management_api.this.name
  api_management_name = var.service
  resource_group_name = "rg"
  xml_content         = templatefile("${path.module}/policy.xml", { audience = "api://${var.name}" })
}
"""
_POLICY = """<policies>
  <inbound>
    <base />
    <validate-azure-ad-token tenant-id="contoso"><audiences><audience>${audience}</audience></audiences></validate-azure-ad-token>
    <rate-limit calls="5" renewal-period="60" />
  </inbound>
</policies>
"""
_OTHER = """
resource "azurerm_storage_account" "s%d" {
  name     = "store%d"
  location = "westeurope"
  tags     = { team = "orders" }
  network_rules {
    default_action = "Deny"
  }
}
"""


def write_configurations(folder: Path, environments: int, files: int, modules: int = 10) -> int:
    """Write environments of so many files each, which call shared modules; the number of ``.tf`` files."""
    for number in range(modules):
        module = folder / "modules" / f"api{number}"
        module.mkdir(parents=True)
        (module / "main.tf").write_text(_MODULE)
        (module / "policy.xml").write_text(_POLICY)
    for environment in range(environments):
        root = folder / f"environment{environment}"
        root.mkdir(parents=True)
        service = (
            f'resource "azurerm_api_management" "main" {{\n  name     = "apim-{environment}"\n  sku_name = "Developer_1"\n}}\n'
        )
        calls = "".join(
            f'module "api{number}" {{\n  source  = "../modules/api{number % modules}"\n  name    = "api{number}"\n'
            "  service = azurerm_api_management.main.name\n}\n"
            for number in range(2)
        )
        (root / "main.tf").write_text(service + calls)
        for number in range(files - 1):
            (root / f"other{number}.tf").write_text("".join(_OTHER % (number * 9 + n, n) for n in range(6)))
    return modules + environments * files

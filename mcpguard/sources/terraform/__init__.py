"""Plans and states of Terraform and OpenTofu, as ``terraform show -json`` prints them.

Resources of the providers azurerm, azuread and azapi become resources in ARM and Graph shape. What a plan does not know
yet is computed, with the expression of the configuration as its text; what it marks sensitive is hidden; ids that do not
exist yet get stand-ins, so that resources stay linked. Format: developer.hashicorp.com/terraform/internals/json-format.
"""

from __future__ import annotations

from mcpguard.core.location import Route
from mcpguard.evidence import Json
from mcpguard.sources.reading import Reading

FORMAT = "terraform"


def is_terraform(value: dict[str, Json]) -> bool:
    """Whether an object is a plan or a state as ``show -json`` prints it."""
    return "format_version" in value and (
        isinstance(value.get("planned_values"), dict) or isinstance(value.get("values"), dict) or "terraform_version" in value
    )


def is_raw_state(value: dict[str, Json]) -> bool:
    """Whether an object is a ``terraform.tfstate`` itself, whose shape is private to Terraform."""
    return "lineage" in value and "serial" in value and isinstance(value.get("resources"), list)


def take_terraform(reading: Reading, value: dict[str, Json], route: Route) -> None:
    """Take every resource of a plan or state that mcpguard knows; what it cannot place is a gap."""
    from mcpguard.sources.terraform.document import read_document
    from mcpguard.sources.terraform.resources import take_document

    reading.kind = FORMAT
    take_document(reading, read_document(reading, value, route))

"""Which JSON objects are deployment templates and parameter files. What is in them: :mod:`mcpguard.sources.arm`."""

from __future__ import annotations

from mcpguard.evidence import Json

TEMPLATE = "arm-template"
PARAMETERS = "arm-parameters"


def is_template(value: dict[str, Json]) -> bool:
    """Whether an object is a deployment template, for any scope."""
    schema = value.get("$schema")
    if isinstance(schema, str) and "deploymenttemplate.json" in schema.lower():
        return True
    return "contentVersion" in value and isinstance(value.get("resources"), list | dict)


def is_parameters(value: dict[str, Json]) -> bool:
    """Whether an object is a file of parameters for a template."""
    schema = value.get("$schema")
    return isinstance(schema, str) and "deploymentparameters.json" in schema.lower()

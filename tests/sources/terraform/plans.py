"""Plans and states in the shape of ``terraform show -json`` (format version 1.2), written for these tests."""

from collections.abc import Mapping, Sequence
from typing import Any

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mcp"
SERVICE = f"{SUBSCRIPTION}/providers/Microsoft.ApiManagement/service/contoso-apim"

Json = Any


def resource(
    type: str, name: str, values: Json, *, sensitive: Json = None, mode: str = "managed", module: str = "", index: Any = None
) -> dict[str, Any]:
    """One resource as ``planned_values`` and ``values`` list it."""
    prefix = f"{module}." if module else ""
    suffix = "" if index is None else f"[{index}]" if isinstance(index, int) else f'["{index}"]'
    data = "data." if mode == "data" else ""
    return {
        "address": f"{prefix}{data}{type}.{name}{suffix}",
        "mode": mode,
        "type": type,
        "name": name,
        "provider_name": f"registry.terraform.io/hashicorp/{type.partition('_')[0]}",
        "schema_version": 0,
        "values": values,
        "sensitive_values": sensitive or {},
    }


def module(*resources: Mapping[str, Any], children: Sequence[Mapping[str, Any]] = (), address: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"resources": list(resources)}
    if children:
        found["child_modules"] = list(children)
    return {"address": address, **found} if address else found


def state(*resources: Mapping[str, Any], children: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    root = module(*resources, children=children)
    return {"format_version": "1.0", "terraform_version": "1.13.4", "values": {"root_module": root}}


def change(found: Mapping[str, Any], unknown: Json, actions: Sequence[str] = ("create",)) -> dict[str, Any]:
    """One entry of ``resource_changes``."""
    return {
        "address": found["address"],
        "mode": found["mode"],
        "type": found["type"],
        "name": found["name"],
        "change": {
            "actions": list(actions),
            "before": None,
            "after": found["values"],
            "after_unknown": unknown,
            "before_sensitive": False,
            "after_sensitive": found["sensitive_values"],
        },
    }


def block(type: str, name: str, expressions: Json, mode: str = "managed") -> dict[str, Any]:
    """One resource of ``configuration``; texts are references, which come with those that they begin with."""
    return {
        "address": f"{type}.{name}",
        "mode": mode,
        "type": type,
        "name": name,
        "provider_config_key": type.partition("_")[0],
        "expressions": expressions,
        "schema_version": 0,
    }


def ref(*references: str) -> dict[str, Any]:
    """An expression as the configuration holds it: ``azurerm_x.y.id`` is followed by ``azurerm_x.y``."""
    listed: list[str] = []
    for reference in references:
        listed.append(reference)
        if reference.count(".") > 1:
            listed.append(reference.rpartition(".")[0])
    return {"references": listed}


def plan(
    root: Mapping[str, Any],
    changes: Sequence[Mapping[str, Any]] = (),
    configuration: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "format_version": "1.2",
        "terraform_version": "1.13.4",
        "planned_values": {"root_module": root},
        "resource_changes": list(changes),
        "configuration": {"root_module": configuration or {}},
        "applyable": True,
        "complete": True,
        "errored": False,
        **more,
    }

"""azapi: resources in ARM shape. ``body`` is an object (version 2) or a JSON text (version 1); ``sensitive_body`` is merged
over it. Arguments: registry.terraform.io/providers/Azure/azapi, ``docs/resources/resource``; facts/foundry.md 6.
"""

from __future__ import annotations

from mcpguard.core.location import Route
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.ids import type_in
from mcpguard.sources.terraform.instances import Instance
from mcpguard.sources.terraform.sensitive import shown
from mcpguard.sources.terraform.shapes import decoded

UPDATES = "azapi_update_resource"
TYPES = frozenset({"azapi_resource", UPDATES})
_MAX_DEPTH = 40


def type_of(instance: Instance) -> str:
    """The ARM type as it is written; empty when it is not known."""
    value = instance.values.get("type")
    written = value.partition("@")[0] if isinstance(value, str) else ""
    return written if type_in(written) else ""


def version_of(instance: Instance) -> str:
    """The api-version of the type."""
    value = instance.values.get("type")
    return value.partition("@")[2] if isinstance(value, str) else ""


def read_body(instance: Instance) -> tuple[dict[str, Json], dict[Route, Route]]:
    """The body, and where its members stand in ``values``. A body that is not known as a whole has unknown properties."""
    values = instance.values
    moved: dict[Route, Route] = {}
    body = shown(decoded(values.get("body")))
    if isinstance(body, Unresolved):
        body = {"properties": body}
    out: dict[str, Json] = dict(body) if isinstance(body, dict) else {}
    for name in out:
        moved[name,] = ("body", name) if isinstance(values.get("body"), dict) else ("body",)
    merge_into(out, decoded(values.get("sensitive_body")))
    for name in ("name", "location", "tags"):
        if values.get(name) is not None:
            out.setdefault(name, shown(values[name]))
            moved.setdefault((name,), (name,))
    identity = values.get("identity")
    if isinstance(identity, list) and identity and isinstance(identity[0], dict):
        ids = identity[0].get("identity_ids")
        out.setdefault(
            "identity",
            {"type": identity[0].get("type")}
            | ({"userAssignedIdentities": {str(id_): {} for id_ in ids}} if isinstance(ids, list) and ids else {}),
        )
    return out, moved


def lacks_sensitive_body(instance: Instance, expressions: dict[str, Json]) -> bool:
    """Whether the configuration has a ``sensitive_body`` that the plan does not hold: it may be write-only."""
    return "sensitive_body" in expressions and instance.values.get("sensitive_body") is None


def merge_into(body: dict[str, Json], other: Json) -> None:
    """Put members over those of a body, objects in turn, in place."""
    todo = [(body, other, 0)]
    while todo:
        target, source, depth = todo.pop()
        for name, value in source.items() if isinstance(source, dict) else ():
            if isinstance(value, dict) and isinstance(target.get(name), dict) and depth < _MAX_DEPTH:
                todo.append((target[name], value, depth + 1))
            else:
                target[name] = value

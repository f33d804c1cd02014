"""The instances of resources that a plan or state holds, with what is unknown and what is sensitive worked in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpguard.core.location import Route
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.door import members, object_at
from mcpguard.sources.reading import Reading
from mcpguard.sources.terraform.expressions import Configuration, step_into, text_of
from mcpguard.sources.terraform.instances import Document, Instance
from mcpguard.sources.terraform.references import PlannedReferences
from mcpguard.sources.terraform.sensitive import MAX_DEPTH, TOO_DEEP, find_overmarked, hidden, note_secrets

_MODULE = re.compile(r'module\.([\w-]+)(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.?')


def read_document(reading: Reading, value: dict[str, Json], route: Route) -> Document:
    """Read a plan or state. Every sensitive value is remembered, so that no quotation shows it."""
    changes = _changes(value)
    overmarked = list(find_overmarked(value))
    for marks, _ in overmarked:
        del marks["value"]
    note_secrets(reading, value)
    for marks, plain in overmarked:
        if plain in reading.secrets:
            marks["value"] = True  # it is marked elsewhere too, for a better reason
    plan = isinstance(value.get("planned_values"), dict)
    key = "planned_values" if plan else "values"
    configuration = Configuration(object_at(value, "configuration", "root_module"))
    found = list(_instances(reading, value.get(key), (*route, key), changes, configuration))
    if plan:
        known = object_at(value, "prior_state", "values")
        found += [
            instance
            for instance in _instances(reading, known, (*route, "prior_state", "values"), {}, configuration)
            if not instance.managed
        ]
    if not isinstance(value.get(key), dict):
        reading.miss("a plan or state without values", reading.at(*route))
    if value.get("errored") is True:
        reading.miss("the plan ended with an error and is not whole", reading.at(*route, "errored"))
    return Document(tuple(found), PlannedReferences(configuration, found), plan)


def _changes(value: dict[str, Json]) -> dict[str, dict[str, Json]]:
    """The changes of a plan by address."""
    changes = value.get("resource_changes")
    out: dict[str, dict[str, Json]] = {}
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, dict) and isinstance(change.get("address"), str) and "deposed" not in change:
            out[change["address"]] = object_at(change, "change")
    return out


def _instances(
    reading: Reading,
    values: Json,
    route: Route,
    changes: dict[str, dict[str, Json]],
    configuration: Configuration,
) -> Iterator[Instance]:
    """Every resource of a module and of the modules below it."""
    todo: list[tuple[Json, Route]] = [(object_at(values, "root_module"), (*route, "root_module"))]
    while todo:
        module, at = todo.pop()
        if not isinstance(module, dict):
            reading.miss("a module that is no object", reading.at(*at))
            continue
        children = module.get("child_modules")
        for index, child in enumerate(children if isinstance(children, list) else ()):
            todo.append((child, (*at, "child_modules", index)))
        resources = module.get("resources")
        for index, resource in enumerate(resources if isinstance(resources, list) else ()):
            place = (*at, "resources", index)
            address, type_, name = (_text(resource, key) for key in ("address", "type", "name"))
            given = resource.get("values") if isinstance(resource, dict) else None
            if not (address and type_ and name and isinstance(given, dict)):
                reading.miss("a resource without an address, type, name or values", reading.at(*place))
                continue
            calls = tuple(_MODULE.findall(address[: address.find(f"{type_}.{name}")]))
            change = changes.get(address, {})
            merged = _merged(
                given,
                object_at(change, "after_unknown"),
                resource.get("sensitive_values") or change.get("after_sensitive"),
                configuration.block(calls, type_, name, managed=resource.get("mode") != "data"),
            )
            yield Instance(address, calls, type_, name, resource.get("mode") != "data", merged, place)


def _text(value: Json, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _merged(value: Json, unknown: Json, sensitive: Json, expression: Json, depth: int = 0) -> Json:
    """A value with what is unknown computed and what is sensitive masked."""
    if unknown is True:
        return Unresolved(text_of(expression))
    if sensitive is True:
        return hidden(value)
    if depth > MAX_DEPTH:
        return Unresolved(TOO_DEEP)
    if isinstance(value, dict):
        keys = [*value, *(key for key in unknown if key not in value)] if isinstance(unknown, dict) else list(value)
        out: dict[str, Json] = {}
        for key in keys:
            below = unknown.get(key) if isinstance(unknown, dict) else None
            if key not in value and not _has_true(below):
                continue
            marks = sensitive.get(key) if isinstance(sensitive, dict) else None
            out[key] = _merged(value.get(key), below, marks, step_into(expression, key), depth + 1)
        return out
    if isinstance(value, list):
        return [
            _merged(item, _at(unknown, index), _at(sensitive, index), step_into(expression, index), depth + 1)
            for index, item in enumerate(value)
        ]
    if value is None and isinstance(unknown, dict | list) and _has_true(unknown):
        return Unresolved(text_of(expression))
    return value


def _at(values: Json, index: int) -> Json:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _has_true(value: Json) -> bool:
    stack = [value]
    while stack:
        current = stack.pop()
        if current is True:
            return True
        stack.extend(item for _, item in members(current))
    return False

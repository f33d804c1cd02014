"""From attributes of Terraform to members of ARM and Graph: the small language of the tables, and what applies it.

A table says for each attribute where its value goes. Attributes that are null or absent were not set, and go nowhere.
Nested blocks are lists in the file, also where only one is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mcpguard.core.location import Route
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.terraform.sensitive import shown


class To(msgspec.Struct, frozen=True):
    """A value that is changed on its way."""

    path: str
    change: Callable[[Json], Json]


class Secret(msgspec.Struct, frozen=True):
    """A value that is a secret by nature: where Terraform hides it, a mask stands for it."""

    path: str


class One(msgspec.Struct, frozen=True):
    """A block of which there is at most one; an empty path puts its members beside those around it."""

    path: str
    table: Table


class Many(msgspec.Struct, frozen=True):
    """Blocks that become a list of objects."""

    path: str
    table: Table


Target = str | To | Secret | One | Many
Table = Mapping[str, Target]


class Shaped(msgspec.Struct):
    """A body while it is put together, and where its members stand in the file."""

    body: dict[str, Json] = {}
    moved: dict[Route, Route] = {}
    """From a route in the body to a route in the resource's ``values``."""

    def put(self, path: Route, value: Json, source: Route) -> None:
        """Put a value at a path of names and indices; the list that an index is for exists already."""
        holder: Json = self.body
        for step in path[:-1]:
            if isinstance(holder, list):
                holder = holder[step] if isinstance(step, int) else None
            else:
                holder = holder.setdefault(step, {})
            if not isinstance(holder, dict | list):
                return  # something that is not known as a whole stands there
        holder[path[-1]] = value
        self.moved[path] = source

    def open(self, path: Route, source: Route) -> None:
        """Make sure that there is an object at a path."""
        holder: Json = self.body
        for step in path:
            holder = (
                holder.get(step)
                if isinstance(holder, dict)
                else holder[step]
                if isinstance(holder, list) and isinstance(step, int)
                else None
            )
        if not isinstance(holder, dict):
            self.put(path, {}, source)


def shape(table: Table, values: Mapping[str, Json]) -> Shaped:
    """Apply a table to the attributes of a resource."""
    shaped = Shaped()
    _apply(shaped, table, values, (), ())
    return shaped


def _apply(shaped: Shaped, table: Table, values: Mapping[str, Json], into: Route, source: Route) -> None:
    for attribute, target in table.items():
        value = values.get(attribute)
        if value is None:
            continue
        at = (*source, attribute)
        path = (*into, *(_steps(target) if isinstance(target, str) else _steps(target.path)))
        match target:
            case str():
                shaped.put(path, shown(value), at)
            case Secret():
                shaped.put(path, value, at)
            case To(change=change):
                plain = shown(value)
                shaped.put(path, plain if isinstance(plain, Unresolved) else change(plain), at)
            case One(table=inner):
                _one(shaped, inner, value, path, at)
            case Many(table=inner):
                _many(shaped, inner, value, path, at)


def _one(shaped: Shaped, table: Table, value: Json, path: Route, at: Route) -> None:
    if isinstance(value, Unresolved):
        if path:
            shaped.put(path, value, at)
        return
    block, where = (value[0], (*at, 0)) if isinstance(value, list) and value else (value, at)
    if isinstance(block, dict):
        if path:
            shaped.open(path, where)
        _apply(shaped, table, block, path, where)


def _many(shaped: Shaped, table: Table, value: Json, path: Route, at: Route) -> None:
    if isinstance(value, Unresolved):
        shaped.put(path, value, at)
    elif isinstance(value, list):
        blocks = [(index, block) for index, block in enumerate(value) if isinstance(block, dict | Unresolved)]
        shaped.put(path, [{} if isinstance(block, dict) else block for _, block in blocks], at)
        for number, (index, block) in enumerate(blocks):
            if isinstance(block, dict):
                shaped.moved[*path, number] = (*at, index)
                _apply(shaped, table, block, (*path, number), (*at, index))


def _steps(path: str) -> Route:
    return tuple(path.split("/")) if path else ()


# -- changes that several tables make --------------------------------------------------------------------------------


def negated(value: Json) -> Json:
    """``local_auth_enabled`` says the opposite of ``disableLocalAuth``."""
    return not value if isinstance(value, bool) else value


def switch(on: str, off: str) -> Callable[[Json], Json]:
    """A word for each of true and false."""
    return lambda value: (on if value else off) if isinstance(value, bool) else value


enabled = switch("Enabled", "Disabled")


def decoded(value: Json) -> Json:
    """What a text holds as JSON."""
    from mcpguard.core.jsontext import JsonError, decode

    try:
        return decode(value.encode()).value if isinstance(value, str) else value
    except JsonError:
        return Unresolved("a text, which is no JSON")


def split(value: Json) -> Json:
    """A map of texts with commas into one of lists."""
    if not isinstance(value, dict):
        return value
    return {name: item.split(",") if isinstance(item, str) else [item] for name, item in value.items()}


IDENTITY: Target = One(
    "identity",
    {
        "type": "type",
        "principal_id": "principalId",
        "tenant_id": "tenantId",
        "identity_ids": To(
            "userAssignedIdentities",
            lambda ids: {id_: {} for id_ in ids if isinstance(id_, str)} if isinstance(ids, list) else ids,
        ),
    },
)
COMMON: Table = {"name": "name", "location": "location", "tags": "tags", "identity": IDENTITY}

"""The functions that need nothing but their arguments, by lower-case name.

A function gets the values of its arguments. One that is not ``open`` is not called when an argument is unresolved; its result
is then unresolved itself. Functions that look at the deployment, or leave arguments unevaluated, stand in :mod:`.evaluator`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec

from mcpguard.evidence import Json
from mcpguard.sources.arm import functions_collections as c
from mcpguard.sources.arm import functions_conversion as v
from mcpguard.sources.arm import functions_logic as g
from mcpguard.sources.arm import functions_text as t

ANY = 1_000_000


class Function(msgspec.Struct, frozen=True):
    """A function and how many arguments it takes."""

    apply: Callable[[list[Json]], Json]
    least: int
    most: int
    open: bool = False
    """Whether it deals with unresolved arguments itself."""


def _index(values: list[Json]) -> Json:
    return c.index_of_item(values) if isinstance(values[0], list) else t.index_of(values)


def _last_index(values: list[Json]) -> Json:
    return c.index_of_item(values, from_end=True) if isinstance(values[0], list) else t.last_index_of(values)


def _constant(value: Json) -> Function:
    return Function(lambda _: value, 0, 0)


FUNCTIONS: dict[str, Function] = {
    "true": _constant(True),
    "false": _constant(False),
    "null": _constant(None),
    # texts
    "base64": Function(v.base64, 1, 1),
    "base64tojson": Function(v.json_from_base64, 1, 1),
    "base64tostring": Function(v.from_base64, 1, 1),
    "bool": Function(v.to_bool, 1, 1),
    "concat": Function(t.concat, 1, ANY, open=True),
    "datauri": Function(v.data_uri, 1, 1),
    "datauritostring": Function(v.from_data_uri, 1, 1),
    "endswith": Function(t.ends_with, 2, 2, open=True),
    "format": Function(t.format_text, 1, ANY, open=True),
    "guid": Function(v.guid, 1, ANY, open=True),
    "int": Function(v.to_int, 1, 1),
    "join": Function(t.join, 2, 2, open=True),
    "json": Function(v.from_json, 1, 1),
    "padleft": Function(t.pad_left, 2, 3),
    "replace": Function(t.replace, 3, 3, open=True),
    "split": Function(t.split, 2, 2),
    "startswith": Function(t.starts_with, 2, 2, open=True),
    "string": Function(v.string, 1, 1, open=True),
    "substring": Function(t.substring, 2, 3),
    "tolower": Function(t.to_lower, 1, 1, open=True),
    "toupper": Function(t.to_upper, 1, 1, open=True),
    "trim": Function(t.trim, 1, 1),
    "uniquestring": Function(v.unique_string, 1, ANY, open=True),
    "uri": Function(v.uri, 2, 2),
    "uricomponent": Function(v.uri_component, 1, 1),
    "uricomponenttostring": Function(v.from_uri_component, 1, 1),
    # comparison, logic, numbers
    "add": Function(g.add, 2, 2),
    "div": Function(g.divide, 2, 2),
    "equals": Function(g.equals, 2, 2, open=True),
    "greater": Function(g.greater, 2, 2),
    "greaterorequals": Function(g.greater_or_equals, 2, 2),
    "less": Function(g.less, 2, 2),
    "lessorequals": Function(g.less_or_equals, 2, 2),
    "max": Function(g.largest, 1, ANY),
    "min": Function(g.smallest, 1, ANY),
    "mod": Function(g.modulo, 2, 2),
    "mul": Function(g.multiply, 2, 2),
    "not": Function(g.negate, 1, 1),
    "sub": Function(g.subtract, 2, 2),
    # arrays and objects
    "array": Function(c.to_array, 1, 1, open=True),
    "contains": Function(c.contains, 2, 2, open=True),
    "createarray": Function(c.create_array, 0, ANY, open=True),
    "createobject": Function(c.create_object, 0, ANY, open=True),
    "empty": Function(c.empty, 1, 1, open=True),
    "filter": Function(c.filtered, 2, 2),
    "first": Function(c.first, 1, 1),
    "flatten": Function(c.flatten, 1, 1),
    "groupby": Function(c.group_by, 2, 3),
    "indexfromend": Function(c.index_from_end, 2, 2),
    "indexof": Function(_index, 2, 2),
    "intersection": Function(c.intersection, 1, ANY),
    "items": Function(c.items, 1, 1),
    "last": Function(c.last, 1, 1),
    "lastindexof": Function(_last_index, 2, 2),
    "length": Function(c.length, 1, 1),
    "map": Function(c.mapped, 2, 2),
    "mapvalues": Function(c.map_values, 2, 2),
    "objectkeys": Function(c.object_keys, 1, 1),
    "range": Function(c.number_range, 2, 2),
    "reduce": Function(c.reduced, 3, 3),
    "shallowmerge": Function(c.shallow_merge, 1, 1),
    "skip": Function(c.skip, 2, 2),
    "sort": Function(c.ordered, 2, 2),
    "take": Function(c.take, 2, 2),
    "toobject": Function(c.to_object, 2, 3),
    "tryget": Function(c.try_get, 2, ANY),
    "tryindexfromend": Function(c.try_index_from_end, 2, 2),
    "union": Function(c.union, 1, ANY),
}
_CIDR = frozenset({"parsecidr", "cidrsubnet", "cidrhost"})


def find_function(name: str) -> Function | None:
    """The function of a lower-case name."""
    return FUNCTIONS.get(name) or (_cidr()[name] if name in _CIDR else None)


@lru_cache(maxsize=1)
def _cidr() -> dict[str, Function]:
    from mcpguard.sources.arm import functions_network as n  # ipaddress is slow to import and rarely needed

    return {
        "parsecidr": Function(n.parse_cidr, 1, 1),
        "cidrsubnet": Function(n.cidr_subnet, 3, 3),
        "cidrhost": Function(n.cidr_host, 2, 2),
    }

"""Functions on lists, sets and maps, and conversions. Semantics: developer.hashicorp.com/terraform/language/functions.

A set is a list here, without repetitions and in the order in which Terraform goes through it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import MAX_NODES
from mcpguard.sources.hcl.functions_text import Function, formatted, known, whole
from mcpguard.sources.hcl.values import (
    Failure,
    Handle,
    Hashable,
    Opaque,
    to_bool,
    to_number,
)

MAX_RANGE = 1024
"""As many as ``range`` makes at most (developer.hashicorp.com/terraform/language/functions/range)."""


def items_of(value: Json) -> list[Json]:
    """A value that has to be a list or set.

    Raises:
        Failure: it is none.
        Opaque: it is unresolved.
    """
    if isinstance(value, Unresolved):
        raise Opaque
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        raise Failure("a list was expected")
    return value


def map_of(value: Json) -> dict[str, Json]:
    """A value that has to be a map or an object.

    Raises:
        Failure: it is none.
        Opaque: it is unresolved.
    """
    if isinstance(value, Unresolved):
        raise Opaque
    if not isinstance(value, dict):
        raise Failure("a map was expected")
    return value


def set_of(values: list[Json]) -> list[Json]:
    """Values as a set: texts in their order, each once."""
    unique = list({Hashable.of(value): value for value in values}.values())
    if all(isinstance(value, str) for value in unique):
        return sorted(unique)
    return unique


def are_known(values: list[Json]) -> None:
    """Make sure that no value is unresolved.

    Raises:
        Opaque: one is.
    """
    if any(isinstance(value, Unresolved) for value in values):
        raise Opaque


def _length(values: list[Json]) -> Json:
    value = values[0]
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Unresolved):
        raise Opaque
    if isinstance(value, list | dict):
        return len(value)
    raise Failure("a list, a map or a text was expected")


def _merge(values: list[Json]) -> Json:
    out: dict[str, Json] = {}
    for value in values:
        if value is not None:
            out.update(map_of(value))
    return out


def _lookup(values: list[Json]) -> Json:
    holder, key = map_of(values[0]), known(values[1])
    if key in holder:
        return holder[key]
    if len(values) < 3:
        raise Failure("the map lacks the key")
    return values[2]


def _element(values: list[Json]) -> Json:
    items, index = items_of(values[0]), whole(values[1])
    if not items:
        raise Failure("an element of an empty list")
    return items[index % len(items)]


def _flatten(values: list[Json]) -> Json:
    out: list[Json] = []
    stack = [(items_of(values[0]), 0)]
    while stack:
        items, position = stack.pop()
        while position < len(items):
            item = items[position]
            position += 1
            if len(out) > MAX_NODES or len(stack) > MAX_NODES:
                raise Failure("the list is too long")
            if isinstance(item, list):
                stack.append((items, position))
                items, position = item, 0
            elif isinstance(item, Unresolved):
                raise Opaque  # it may be a list itself
            else:
                out.append(item)
    return out


def _concat(values: list[Json]) -> Json:
    return [item for value in values for item in items_of(value)]


def _contains(values: list[Json]) -> Json:
    items, wanted = items_of(values[0]), Hashable.of(values[1])
    are_known([values[1]])
    if any(Hashable.of(item) == wanted for item in items):
        return True
    are_known(items)
    return False


def _compact(values: list[Json]) -> Json:
    return [item for item in items_of(values[0]) if item is not None and item != ""]


def _distinct(values: list[Json]) -> Json:
    items = items_of(values[0])
    return list({Hashable.of(value): value for value in items}.values())


def _keys(values: list[Json]) -> Json:
    return sorted(map_of(values[0]))


def _values(values: list[Json]) -> Json:
    holder = map_of(values[0])
    return [holder[key] for key in sorted(holder)]


def _zipmap(values: list[Json]) -> Json:
    keys, items = items_of(values[0]), items_of(values[1])
    if len(keys) != len(items):
        raise Failure("lists of different lengths")
    return {known(key): item for key, item in zip(keys, items, strict=True)}


def _setproduct(values: list[Json]) -> Json:
    lists = [items_of(value) for value in values]
    count = 1
    for items in lists:
        count *= len(items)
    if count * max(1, len(lists)) > MAX_NODES:
        raise Failure("the product is too large")
    return [list(found) for found in product(*lists)]


def _range(values: list[Json]) -> Json:
    are_known(values)
    numbers = [to_number(value) for value in values]
    start, limit = (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    step = numbers[2] if len(numbers) > 2 else 1 if limit >= start else -1
    if not step:
        raise Failure("a range with the step 0")
    if abs((limit - start) / step) > MAX_RANGE:
        raise Failure("a range that long")
    out: list[Json] = []
    while (start < limit) if step > 0 else (start > limit):
        out.append(start)
        start += step
    return out


def _slice(values: list[Json]) -> Json:
    items, start, end = items_of(values[0]), whole(values[1]), whole(values[2])
    if not 0 <= start <= end <= len(items):
        raise Failure("a slice outside the list")
    return items[start:end]


def _index(values: list[Json]) -> Json:
    items = items_of(values[0])
    are_known([*items, values[1]])
    wanted = Hashable.of(values[1])
    for index, item in enumerate(items):
        if Hashable.of(item) == wanted:
            return index
    raise Failure("the list lacks the value")


def _sort(values: list[Json]) -> Json:
    return sorted(known(item) for item in items_of(values[0]))


def _one(values: list[Json]) -> Json:
    items = items_of(values[0])
    if len(items) > 1:
        raise Failure("more than one value")
    return items[0] if items else None


def _coalesce(values: list[Json]) -> Json:
    for value in values:
        if isinstance(value, Unresolved):
            if value is values[-1] or isinstance(value, Handle) or value.parts:
                return value
            raise Opaque
        if value is not None and value != "":
            return value
    raise Failure("nothing but nulls and empty texts")


def _coalescelist(values: list[Json]) -> Json:
    for value in values:
        if items := items_of(value):
            return items
    raise Failure("nothing but empty lists")


def _chunklist(values: list[Json]) -> Json:
    items, size = items_of(values[0]), whole(values[1])
    if size < 1:
        raise Failure("chunks of that size")
    return [items[at : at + size] for at in range(0, len(items), size)]


def _transpose(values: list[Json]) -> Json:
    out: dict[str, Json] = {}
    for key, items in map_of(values[0]).items():
        for item in items_of(items):
            out.setdefault(known(item), []).append(key)
    return {key: out[key] for key in sorted(out)}


def _matchkeys(values: list[Json]) -> Json:
    items, keys, wanted = (items_of(value) for value in values)
    are_known([*keys, *wanted])
    found = {Hashable.of(value) for value in wanted}
    return [item for item, key in zip(items, keys, strict=False) if Hashable.of(key) in found]


def _combined(choose: Callable[[list[set[object]]], set[object]]) -> Function:
    def run(values: list[Json]) -> Json:
        lists = [items_of(value) for value in values]
        for items in lists:
            are_known(items)
        named = {Hashable.of(item): item for items in lists for item in items}
        kept = choose([{Hashable.of(item) for item in items} for items in lists])
        return set_of([item for key, item in named.items() if key in kept])

    return run


def _all(values: list[Json], *, wanted: bool) -> Json:
    items = items_of(values[0])
    if any(not isinstance(item, Unresolved) and to_bool(item) is not wanted for item in items):
        return not wanted
    are_known(items)
    return wanted


def _sum(values: list[Json]) -> Json:
    items = items_of(values[0])
    are_known(items)
    return sum(to_number(item) for item in items)


def _formatlist(values: list[Json]) -> Json:
    are_known(values)
    lengths = {len(value) for value in values[1:] if isinstance(value, list)}
    if len(lengths) > 1:
        raise Failure("lists of different lengths")
    turns = lengths.pop() if lengths else 1
    return [
        formatted(known(values[0]), [value[turn] if isinstance(value, list) else value for value in values[1:]])
        for turn in range(turns)
    ]


_MANY = 1000
FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "alltrue": (1, 1, lambda values: _all(values, wanted=True)),
    "anytrue": (1, 1, lambda values: not _all([[_negated(item) for item in items_of(values[0])]], wanted=True)),
    "chunklist": (2, 2, _chunklist),
    "coalesce": (1, _MANY, _coalesce),
    "coalescelist": (1, _MANY, _coalescelist),
    "compact": (1, 1, _compact),
    "concat": (1, _MANY, _concat),
    "contains": (2, 2, _contains),
    "distinct": (1, 1, _distinct),
    "element": (2, 2, _element),
    "flatten": (1, 1, _flatten),
    "formatlist": (1, _MANY, _formatlist),
    "index": (2, 2, _index),
    "keys": (1, 1, _keys),
    "length": (1, 1, _length),
    "lookup": (2, 3, _lookup),
    "matchkeys": (3, 3, _matchkeys),
    "merge": (0, _MANY, _merge),
    "nonsensitive": (1, 1, lambda values: values[0]),
    "one": (1, 1, _one),
    "range": (1, 3, _range),
    "reverse": (1, 1, lambda values: items_of(values[0])[::-1]),
    "setintersection": (1, _MANY, _combined(lambda sets: set.intersection(*sets))),
    "setproduct": (1, _MANY, _setproduct),
    "setsubtract": (2, 2, _combined(lambda sets: sets[0] - sets[1])),
    "setunion": (1, _MANY, _combined(lambda sets: set.union(*sets))),
    "slice": (3, 3, _slice),
    "sort": (1, 1, _sort),
    "sum": (1, 1, _sum),
    "transpose": (1, 1, _transpose),
    "values": (1, 1, _values),
    "zipmap": (2, 2, _zipmap),
}
"""By name: fewest and most arguments, and what it does."""


def _negated(value: Json) -> Json:
    return value if isinstance(value, Unresolved) else not to_bool(value)

"""Functions on arrays and objects, and those that take a lambda.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-array, -object and -lambda. Members of
objects are found without regard to case, and their order is that of the template, but for ``items`` and ``objectKeys``.
"""

from __future__ import annotations

from functools import cmp_to_key

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.functions_logic import same
from mcpguard.sources.arm.functions_text import integer, text
from mcpguard.sources.arm.values import (
    OPAQUE,
    Failure,
    Lambda,
    is_settled,
    kind_of,
    parts_of,
)

_MAX_RANGE = 10_000


class _Open(Exception):
    """An unresolved value decides the result."""


def find_key(holder: dict[str, Json], key: str) -> str | None:
    """The member of an object that a name means: the one spelled so, else the one that differs in case only."""
    if key in holder:
        return key
    lowered = key.lower()
    return next((name for name in holder if name.lower() == lowered), None)


def array(value: Json) -> list[Json]:
    """A value that has to be an array.

    Raises:
        Failure: it is none.
    """
    if isinstance(value, list):
        return value
    raise Failure(f"an array was expected, not {kind_of(value)}")


def obj(value: Json) -> dict[str, Json]:
    """A value that has to be an object.

    Raises:
        Failure: it is none.
    """
    if isinstance(value, dict):
        return value
    raise Failure(f"an object was expected, not {kind_of(value)}")


def _identity(value: Json) -> str:
    """Equal for equal values, and only for those; open when one is unresolved."""
    if not is_settled(value):
        raise _Open
    return msgspec.json.encode(value, order="sorted").decode()


# -- making ------------------------------------------------------------------------------------------------------------


def create_array(values: list[Json]) -> Json:
    """An array of the arguments."""
    return list(values)


def create_object(values: list[Json]) -> Json:
    """An object of names and values in turn."""
    if len(values) % 2:
        raise Failure("createObject with a name that has no value")
    if any(isinstance(name, Unresolved) for name in values[::2]):
        return OPAQUE
    return {text(name): value for name, value in zip(values[::2], values[1::2], strict=True)}


def to_array(values: list[Json]) -> Json:
    """An array of one item; an array stays itself."""
    return values[0] if isinstance(values[0], list) else OPAQUE if isinstance(values[0], Unresolved) else [values[0]]


def number_range(values: list[Json]) -> Json:
    """Whole numbers from a start, 10,000 at most."""
    start, count = integer(values[0]), integer(values[1])
    if not 0 <= count <= _MAX_RANGE or start + count > 2**31 - 1:
        raise Failure(f"a range of {count} numbers; {_MAX_RANGE} are allowed")
    return list(range(start, start + count))


def union(values: list[Json]) -> Json:
    """Arrays without repetitions, or objects merged member by member; the last one wins."""
    if any(isinstance(value, list) for value in values):
        seen: dict[str, Json] = {}
        try:
            for value in values:
                for item in array(value):
                    seen.setdefault(_identity(item), item)
        except _Open:
            return OPAQUE
        return list(seen.values())
    merged: dict[str, Json] = {}
    for value in values:
        if value is not None:
            merged = _merged(merged, obj(value), 0)
    return merged


def _merged(one: dict[str, Json], other: dict[str, Json], depth: int) -> dict[str, Json]:
    if depth > 50:
        raise Failure("objects nested too deeply")
    out = dict(one)
    lowered = {name.lower(): name for name in out}
    for name, value in other.items():
        key = lowered.get(name.lower(), name)
        before = out.get(key)
        out[key] = _merged(before, value, depth + 1) if isinstance(before, dict) and isinstance(value, dict) else value
    return out


def shallow_merge(values: list[Json]) -> Json:
    """An array of objects merged by their first level; the last one wins."""
    items = array(values[0])
    if any(isinstance(item, Unresolved) for item in items):
        return OPAQUE
    merged: dict[str, Json] = {}
    for item in items:
        if item is not None:
            merged.update(obj(item))
    return merged


def intersection(values: list[Json]) -> Json:
    """What arrays, or objects, have in common."""
    try:
        if isinstance(values[0], list):
            common = {_identity(item): item for item in values[0]}
            for value in values[1:]:
                kept = {_identity(item) for item in array(value)}
                common = {key: item for key, item in common.items() if key in kept}
            return list(common.values())
        first = obj(values[0])
        rest = [obj(value) for value in values[1:]]
        return {
            name: item
            for name, item in first.items()
            if all(name in other and _identity(other[name]) == _identity(item) for other in rest)
        }
    except _Open:
        return OPAQUE


def flatten(values: list[Json]) -> Json:
    """An array of arrays as one array."""
    out: list[Json] = []
    for item in array(values[0]):
        if isinstance(item, Unresolved):
            return OPAQUE
        out.extend(array(item))
    return out


# -- looking -----------------------------------------------------------------------------------------------------------


def length(values: list[Json]) -> Json:
    """Items, characters or members."""
    if not isinstance(values[0], list | str | dict):
        raise Failure(f"length of {kind_of(values[0])}")
    return len(values[0])


def empty(values: list[Json]) -> Json:
    """Whether there are no items, characters or members; null is empty."""
    value = values[0]
    if isinstance(value, Unresolved):
        has_text = any(isinstance(part, str) and part for part in parts_of(value))
        has_members = value.function == "union" and not value.route and any(map(_has_members, value.arguments))
        return False if has_text or has_members else OPAQUE
    if value is None:
        return True
    return length(values) == 0


def _has_members(value: Json) -> bool:
    return isinstance(value, dict | list) and bool(value)


def contains(values: list[Json]) -> Json:
    """An item of an array, a member of an object, a part of a text."""
    whole, wanted = values
    match whole:
        case Unresolved():
            shown = isinstance(wanted, str) and any(isinstance(part, str) and wanted in part for part in parts_of(whole))
            return True if shown else OPAQUE
        case _ if isinstance(wanted, Unresolved):
            return OPAQUE if whole else False
        case str():
            return text(wanted) in whole
        case dict():
            return find_key(whole, text(wanted)) is not None
        case list():
            answers = [same(item, wanted) for item in whole]
            return True if True in answers else OPAQUE if OPAQUE in answers else False
        case _:
            raise Failure(f"contains of {kind_of(whole)}")


def first(values: list[Json]) -> Json:
    """The first item or character; null of an empty array."""
    return _at(values[0], 0)


def last(values: list[Json]) -> Json:
    """The last item or character; null of an empty array."""
    return _at(values[0], -1)


def _at(value: Json, index: int) -> Json:
    if isinstance(value, str):
        return value[index:][:1]
    items = array(value)
    return items[index] if items else None


def take(values: list[Json]) -> Json:
    """A number of items or characters from the beginning."""
    count = max(0, integer(values[1]))
    return values[0][:count] if isinstance(values[0], str) else array(values[0])[:count]


def skip(values: list[Json]) -> Json:
    """What follows a number of items or characters."""
    count = max(0, integer(values[1]))
    return values[0][count:] if isinstance(values[0], str) else array(values[0])[count:]


def index_of_item(values: list[Json], *, from_end: bool = False) -> Json:
    """The position of an item in an array; -1 when it is not there."""
    items, wanted = array(values[0]), values[1]
    answers = [same(item, wanted) for item in items]
    if OPAQUE in answers:
        return OPAQUE
    found = [index for index, answer in enumerate(answers) if answer is True]
    return (found[-1] if from_end else found[0]) if found else -1


def items(values: list[Json]) -> Json:
    """An array of ``key`` and ``value``, in the order of keys."""
    return [{"key": key, "value": value} for key, value in sorted(obj(values[0]).items())]


def object_keys(values: list[Json]) -> Json:
    """The names of an object's members, in their order."""
    return sorted(obj(values[0]))


def try_get(values: list[Json]) -> Json:
    """A member or item, and what lies below it; null when there is none."""
    value = values[0]
    for key in values[1:]:
        if isinstance(value, Unresolved) or isinstance(key, Unresolved):
            return OPAQUE
        if isinstance(value, dict):
            name = find_key(value, text(key))
            value = value[name] if name is not None else None
        elif isinstance(value, list):
            at = integer(key)
            value = value[at] if 0 <= at < len(value) else None
        elif value is not None:
            raise Failure(f"tryGet of {kind_of(value)}")
    return value


def try_index_from_end(values: list[Json]) -> Json:
    """An item counted from the end, from 1; null when there are not so many."""
    found, at = array(values[0]), integer(values[1])
    return found[-at] if 1 <= at <= len(found) else None


def index_from_end(values: list[Json]) -> Json:
    """An item counted from the end, from 1."""
    found, at = array(values[0]), integer(values[1])
    if not 1 <= at <= len(found):
        raise Failure(f"item {at} from the end of {len(found)}")
    return found[-at]


# -- lambdas -----------------------------------------------------------------------------------------------------------


def _lambda(value: Json) -> Lambda:
    if isinstance(value, Lambda):
        return value
    raise Failure(f"a lambda was expected, not {kind_of(value)}")


def mapped(values: list[Json]) -> Json:
    """``map``: a lambda of every item."""
    change = _lambda(values[1])
    return [change(item, index) for index, item in enumerate(array(values[0]))]


def filtered(values: list[Json]) -> Json:
    """``filter``: the items for which a lambda is true."""
    test = _lambda(values[1])
    kept: list[Json] = []
    for index, item in enumerate(array(values[0])):
        answer = test(item, index)
        if isinstance(answer, Unresolved):
            return OPAQUE
        if answer is True:
            kept.append(item)
    return kept


def reduced(values: list[Json]) -> Json:
    """``reduce``: a lambda of what is gathered and every item."""
    gathered = values[1]
    step = _lambda(values[2])
    for index, item in enumerate(array(values[0])):
        gathered = step(gathered, item, index)
    return gathered


def ordered(values: list[Json]) -> Json:
    """``sort``: by a lambda that says whether its first argument comes first."""
    comes_first = _lambda(values[1])
    if any(isinstance(item, Unresolved) for item in array(values[0])):
        return OPAQUE

    def compare(one: Json, other: Json) -> int:
        for left, right, answer in ((one, other, -1), (other, one, 1)):
            verdict = comes_first(left, right)
            if isinstance(verdict, Unresolved):
                raise _Open
            if verdict is True:
                return answer
        return 0

    try:
        return sorted(array(values[0]), key=cmp_to_key(compare))
    except _Open:
        return OPAQUE


def to_object(values: list[Json]) -> Json:
    """``toObject``: an array as an object, by a lambda for names and one for values."""
    pairs = _named(values)
    return OPAQUE if pairs is None else dict(pairs)


def group_by(values: list[Json]) -> Json:
    """``groupBy``: arrays of items, or of what a second lambda makes of them, by the name that a lambda gives them."""
    pairs = _named(values)
    if pairs is None:
        return OPAQUE
    out: dict[str, Json] = {}
    for name, value in pairs:
        out.setdefault(name, []).append(value)
    return out


def _named(values: list[Json]) -> list[tuple[str, Json]] | None:
    """The items of an array, or what a lambda makes of them, with the name that another gives them; None when one is open."""
    name_of = _lambda(values[1])
    value_of = _lambda(values[2]) if len(values) > 2 else None
    out: list[tuple[str, Json]] = []
    for item in array(values[0]):
        name = name_of(item)
        if isinstance(name, Unresolved):
            return None
        out.append((text(name), value_of(item) if value_of else item))
    return out


def map_values(values: list[Json]) -> Json:
    """``mapValues``: an object with a lambda of every value."""
    change = _lambda(values[1])
    return {name: change(value) for name, value in obj(values[0]).items()}

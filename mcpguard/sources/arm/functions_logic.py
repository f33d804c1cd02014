"""Comparison, logic and numbers.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-comparison, -logical and -numeric.
``and``, ``or``, ``if`` and ``coalesce`` leave arguments unevaluated and therefore stand in :mod:`.evaluator`.
"""

from __future__ import annotations

from collections.abc import Callable

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.functions_text import integer
from mcpguard.sources.arm.values import (
    OPAQUE,
    Failure,
    is_secret_stand_in,
    kind_of,
    known_prefix,
    known_suffix,
)


def equals(values: list[Json]) -> Json:
    """Whether two values are equal, in type too; texts are compared with case."""
    one, other = values
    if isinstance(one, Unresolved) or isinstance(other, Unresolved):
        return _may_equal(one, other)
    return same(one, other)


def _may_equal(one: Json, other: Json) -> Json:
    if one == other:
        return True
    texts = [value for value in (one, other) if isinstance(value, str)]
    mixed = [value for value in (one, other) if isinstance(value, Unresolved) and value.parts]
    if len(texts) == len(mixed) == 1:
        fits = texts[0].startswith(known_prefix(mixed[0])) and texts[0].endswith(known_suffix(mixed[0]))
        return OPAQUE if fits else False
    return OPAQUE


def same(one: Json, other: Json) -> Json:
    """Whether two values are equal; open when they hold unresolved values or masked secrets."""
    open_ = False
    stack = [(one, other)]
    while stack:
        left, right = stack.pop()
        if isinstance(left, Unresolved) or isinstance(right, Unresolved):
            open_ = True
        elif kind_of(left) != kind_of(right):
            return False
        elif isinstance(left, dict):
            if left.keys() != right.keys():
                return False
            stack.extend((item, right[key]) for key, item in left.items())
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            stack.extend(zip(left, right, strict=True))
        elif left != right:
            # A mask has the length of what it hides.
            if not (
                isinstance(left, str) and len(left) == len(right) and (is_secret_stand_in(left) or is_secret_stand_in(right))
            ):
                return False
            open_ = True
    return OPAQUE if open_ else True


def _compare(test: Callable[[object], bool]) -> Callable[[list[Json]], Json]:
    def compared(values: list[Json]) -> Json:
        one, other = values
        if isinstance(one, str) and isinstance(other, str):
            return test((one > other) - (one < other))
        left, right = integer(one), integer(other)
        return test((left > right) - (left < right))

    return compared


less = _compare(lambda order: order == -1)
less_or_equals = _compare(lambda order: order != 1)
greater = _compare(lambda order: order == 1)
greater_or_equals = _compare(lambda order: order != -1)


def truth(value: Json) -> bool:
    """A value that has to be true or false.

    Raises:
        Failure: it is neither.
    """
    if isinstance(value, bool):
        return value
    raise Failure(f"a bool was expected, not {kind_of(value)}")


def negate(values: list[Json]) -> Json:
    """``not``."""
    return not truth(values[0])


def _arithmetic(work: Callable[[int, int], int]) -> Callable[[list[Json]], Json]:
    return lambda values: integer(work(integer(values[0]), integer(values[1])))


add = _arithmetic(lambda one, other: one + other)
subtract = _arithmetic(lambda one, other: one - other)
multiply = _arithmetic(lambda one, other: one * other)


def divide(values: list[Json]) -> Json:
    """Whole division, cut towards zero as in .NET."""
    one, other = integer(values[0]), integer(values[1])
    if other == 0:
        raise Failure("a division by zero")
    found = abs(one) // abs(other)
    return integer(found if (one < 0) == (other < 0) else -found)


def modulo(values: list[Json]) -> Json:
    """The rest of a whole division, with the sign of the dividend."""
    one, other = integer(values[0]), integer(values[1])
    if other == 0:
        raise Failure("a division by zero")
    found = abs(one) % abs(other)
    return found if one >= 0 else -found


def smallest(values: list[Json]) -> Json:
    """``min`` of an array or of arguments."""
    return min(_numbers(values))


def largest(values: list[Json]) -> Json:
    """``max`` of an array or of arguments."""
    return max(_numbers(values))


def _numbers(values: list[Json]) -> list[int]:
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not items:
        raise Failure("an empty array has no smallest or largest item")
    return [integer(item) for item in items]

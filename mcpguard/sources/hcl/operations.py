"""Operators and steps on values, where some may be unresolved."""

from __future__ import annotations

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import is_settled
from mcpguard.sources.hcl.ast import For, Node, Turns
from mcpguard.sources.hcl.values import Failure, Handle, Hashable, Reference, computed, shorten, to_number, to_text

_KEEPS_HANDLES = frozenset(
    {
        *("values", "keys", "merge", "concat", "flatten", "one", "element", "lookup", "length", "coalesce", "compact"),
        *("tolist", "toset", "tomap", "zipmap", "reverse", "slice", "distinct", "nonsensitive", "setunion"),
    }
)


def settled(value: Json, name: str) -> Json:
    """An argument of a function: only those that hand values on take a handle as one."""
    return value.whole() if isinstance(value, Handle) and name not in _KEEPS_HANDLES else value


def turn_names(node: For | Turns, key: Json, value: Json) -> dict[str, Json]:
    """The variables of one turn of a loop."""
    return {node.key: key, node.value: value} if node.key else {node.value: value}


def pairs_of(value: Json) -> list[tuple[Json, Json]] | Unresolved:
    """Keys or indices with the values of a collection; maps in the order of their keys.

    Raises:
        Failure: it is no collection.
    """
    if isinstance(value, Handle):
        value = value.whole()
    match value:
        case Unresolved():
            return value
        case dict():
            return [(key, value[key]) for key in sorted(value)]
        case list():
            return list(enumerate(value))
        case _:
            raise Failure("a list or a map was expected")


def member(value: Json, name: str) -> Json:
    """A member of an object, or an attribute.

    Raises:
        Failure: there is none.
    """
    match value:
        case Handle():
            return value.attribute(name)
        case Reference():
            written = shorten(f"{value.expression}.{name}")
            return Reference(written, target=value.target, attribute=f"{value.attribute}.{name}")
        case Unresolved() if value.function.startswith("list"):
            return msgspec.structs.replace(value, expression=shorten(f"{value.expression}.{name}"), route=(*value.route, name))
        case Unresolved():
            if value.function or value.parts or value.reason:
                return Unresolved(shorten(f"({value.expression}).{name}"), arguments=(value,))
            return Unresolved(shorten(f"{value.expression}.{name}"), arguments=value.arguments)
        case dict():
            if name in value:
                return value[name]
        case list():
            if name.isascii() and name.isdigit() and int(name[:9]) < len(value):
                return value[int(name[:9])]
        case _:
            pass
    raise Failure(f"there is no member {name[:80]}")


def item(value: Json, key: Json, node: Node) -> Json:
    """An item of a list, or a member by a computed key.

    Raises:
        Failure: there is none.
    """
    if isinstance(key, Unresolved):
        return computed(node.text, [value, key])
    if isinstance(value, list):
        index = to_number(key)
        if isinstance(index, int) and 0 <= index < len(value):
            return value[index]
        raise Failure("an index outside the list")
    if isinstance(value, Handle) and key == 0:
        return value
    if isinstance(value, Reference):
        written = shorten(f"{value.expression}[{key!r}]")
        return Reference(written, target=value.target, attribute=f"{value.attribute}.{key}")
    if isinstance(value, Unresolved):
        return Unresolved(shorten(f"{value.expression}[{key!r}]"), arguments=value.arguments)
    name = to_text(key)
    if isinstance(name, str):
        return member(value, name)
    raise Failure("a key that is no text")


_NEVER_NULL = frozenset({"id", "name"})


def equality(left: Json, right: Json) -> bool | None:
    """Whether two values are equal; None when it cannot be told. An id is never null."""
    if left is None or right is None:
        other = right if left is None else left
        if isinstance(other, Reference):
            return False if other.attribute in _NEVER_NULL or other.parts else None
        if isinstance(other, Unresolved):
            return False if other.parts else None
        return other is None
    if isinstance(left, Unresolved) or isinstance(right, Unresolved):
        return None
    if type(left) is type(right) or (isinstance(left, int | float) and isinstance(right, int | float)):
        if not is_settled(left) or not is_settled(right):
            return None
        return bool(Hashable.of(left) == Hashable.of(right))
    return False


_LARGEST = 1e300


def arithmetic(operator: str, left: float, right: float) -> Json:
    """An operator between two numbers.

    Raises:
        Failure: there is no result, or no such operator.
    """
    try:
        found = _result(operator, left, right)
    except (ZeroDivisionError, OverflowError):
        raise Failure("a division by zero, or a number that is too large") from None
    if not isinstance(found, bool) and abs(found) > _LARGEST:
        raise Failure("a number that is too large")
    return found


def _result(operator: str, left: float, right: float) -> float | bool:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            found = left / right
            return int(found) if found.is_integer() else found
        case "%":
            return left % right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case _:
            raise Failure(f"the operator {operator}")

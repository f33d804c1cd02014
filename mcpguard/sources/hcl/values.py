"""Values of expressions: JSON values in which :class:`Unresolved` leaves stand, and handles of what has attributes of its own.

What is computed of unresolved values names them among its arguments, so that the attribute of a resource that ends in
a text is known to be in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from mcpguard.evidence import Json, Unresolved
from mcpguard.evidence.redaction import is_masked
from mcpguard.sources.arm.values import MAX_TEXT, Failure, assemble, is_settled, parts_of

SENSITIVE = "a value that Terraform marks sensitive"
_LONGEST = 160
_MAX_KEPT = 20
_MAX_DEPTH = 60


class Exhausted(Exception):
    """A configuration takes more work than its size allows."""


class Beyond(Failure):
    """What is not worked out here although Terraform would work it out: no reason to fall back in ``try``."""


BEYOND = "beyond"
"""The function of an unresolved value that came of :class:`Beyond`."""


class Opaque(Exception):
    """A function cannot tell what it gives, because of something unresolved or of its nature."""


class Handle:
    """A resource or a module: something whose attributes are worked out one by one."""

    __slots__ = ()

    @property
    def written(self) -> str:
        """How the configuration refers to it."""
        raise NotImplementedError

    def attribute(self, name: str) -> Json:
        """The value of an attribute.

        Raises:
            Failure: there is no such attribute.
        """
        raise NotImplementedError

    def whole(self) -> Json:
        """A value that stands for all of it."""
        return Unresolved(self.written)


class Reference(Unresolved, frozen=True):
    """An attribute of a resource that is not known before it exists."""

    target: str = ""
    """The address of the resource."""
    attribute: str = ""


class Encoded(Unresolved, frozen=True):
    """A JSON or YAML text of a value in which something is unresolved."""

    value: Json = None


class Hashable:
    """A value as the member of a set, for comparing."""

    @staticmethod
    def of(value: Json) -> object:
        """Something that can be hashed and is equal for equal values."""
        if isinstance(value, list):
            return "list", tuple(Hashable.of(item) for item in value)
        if isinstance(value, dict):
            return "object", tuple((key, Hashable.of(value[key])) for key in sorted(value))
        if isinstance(value, Unresolved):
            return "unresolved", value.expression
        return type(value) is bool, value


def shorten(text: str) -> str:
    """What is said of an expression: one line of it."""
    flat = " ".join(text[: 4 * _LONGEST].split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def computed(text: str, values: Iterable[Json], reason: str = "") -> Unresolved:
    """What an expression gives when some of its values are not known."""
    return Unresolved(shorten(text), arguments=tuple(unresolved_in(values)), reason=reason)


def unresolved_in(values: Iterable[Json]) -> list[Unresolved]:
    """The unresolved values among some and below them, each expression once; a few of them."""
    found: dict[str, Unresolved] = {}
    todo: list[Json] = list(values)[::-1]
    for _ in range(5000):
        if not todo or len(found) >= _MAX_KEPT:
            break
        value = todo.pop()
        if isinstance(value, Handle):
            value = value.whole()
        if isinstance(value, Unresolved):
            found.setdefault(value.expression, value)
        elif isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return list(found.values())


def to_text(value: Json) -> str | Unresolved:
    """A value as a text.

    Raises:
        Failure: it has none.
    """
    match value:
        case str():
            return Unresolved(SENSITIVE) if is_masked(value) and len(value) > 3 else value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case Unresolved():
            return value
        case Handle():
            return to_text(value.whole())
        case None:
            raise Failure("null is no text")
        case _:
            raise Failure("an object or a list is no text")


def to_number(value: Json) -> int | float:
    """A value as a number.

    Raises:
        Failure: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Failure("a number was expected")
    if isinstance(value, int | float):
        return value
    try:
        if len(value) > 40:
            raise Failure("a number was expected")
        found = float(value)
        if not isfinite(found):
            raise Failure("a number was expected")
    except ValueError:
        raise Failure("a number was expected") from None
    return int(found) if found.is_integer() and abs(found) < 1e15 else found


def to_bool(value: Json) -> bool:
    """A value as a truth value.

    Raises:
        Failure: it is none.
    """
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise Failure("true or false was expected")
    return value


def text_of(parts: Iterable[str | Unresolved], written: str) -> str | Unresolved:
    """A text that is put together.

    Raises:
        Beyond: it is too long.
    """
    try:
        found = assemble(parts)
    except Failure as failure:
        raise Beyond(failure.reason) from None
    if isinstance(found, str) or found.expression:
        return found
    return Unresolved(shorten(written), parts=found.parts)


def map_text(value: str | Unresolved, change: TextChange, written: str) -> str | Unresolved:
    """A text with its known stretches changed."""
    if isinstance(value, str):
        return change(value)
    if not value.parts:
        return computed(written, [value])
    return text_of((change(part) if isinstance(part, str) else part for part in value.parts), written)


class TextChange:
    """A change of a text, such as ``lower``."""

    def __call__(self, text: str) -> str:
        """The changed text."""
        raise NotImplementedError


def plain(value: Json, depth: int = 0) -> Json:
    """A value without handles, as evidence keeps it."""
    if depth > _MAX_DEPTH:
        return Unresolved("nested too deeply")
    if isinstance(value, Handle):
        return value.whole()
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    return value


__all__ = [
    "BEYOND",
    "MAX_TEXT",
    "SENSITIVE",
    "Beyond",
    "Encoded",
    "Exhausted",
    "Failure",
    "Handle",
    "Hashable",
    "Opaque",
    "Reference",
    "computed",
    "is_settled",
    "map_text",
    "parts_of",
    "plain",
    "shorten",
    "text_of",
    "to_bool",
    "to_number",
    "to_text",
    "unresolved_in",
]

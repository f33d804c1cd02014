"""Values of expressions: JSON values in which :class:`Unresolved` leaves stand, and what all functions need to handle them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcpguard.core.digest import new_digest
from mcpguard.evidence import Json, Unresolved
from mcpguard.evidence.redaction import MASK_TAG

MAX_TEXT = 4 * 2**20
"""Characters of a text: Resource Manager takes templates of 4 MB (azure-resource-manager/templates/best-practices)."""
MAX_NODES = 200_000
"""Values in one object or array."""
_MAX_PARTS = 500
_MAX_UNKNOWN = 10
"""Parts of a text up to which a name shows each by itself."""
_KEPT_VALUES = 500
"""Values and quarters of a kilobyte that an unresolved value in evidence holds at most."""
_KEEP_TEXTS = frozenset({"reference", "parameters", "subscription", "resourcegroup", "tenant", "env"})
"""Functions whose arguments are names and ids."""
_DESCRIBED = 500
"""Values that a description holds at most; a longer one is cut, which leaves it equal for equal values."""
_KEPT = 200
_LONG = 2000


class Failure(Exception):
    """An expression that Resource Manager would refuse, or that is not worked out here; ``reason`` is a clause."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Opaque:
    """The type of :data:`OPAQUE`."""


OPAQUE = _Opaque()
"""What a function answers when an unresolved argument leaves its result open."""


class Lambda:
    """A function within an expression; arguments beyond the ones it names are left out."""

    def __call__(self, *values: Json) -> Json:
        """The body's value."""
        raise NotImplementedError


def kind_of(value: Json) -> str:
    """What the template language calls a value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "int"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "unresolved"


class Weights:
    """How many values there are in arrays and objects, with those that are shared counted each time.

    What is shared is looked at once, so a value of exponential size is weighed in linear time.
    """

    def __init__(self) -> None:
        # Values are kept so that their ids stay their own.
        self._known: dict[int, tuple[int, Json]] = {}

    def of(self, value: Json) -> int:
        """The weight of an array or object; just above :data:`MAX_NODES` when it is more than that."""
        known = self._known
        stack: list[tuple[Json, bool]] = [(value, False)]
        while stack:
            current, is_done = stack.pop()
            if id(current) in known:
                continue
            children = current.values() if isinstance(current, dict) else current
            nested = [child for child in children if isinstance(child, dict | list)]
            if is_done or not nested:
                total = 1 + len(current) + sum(known[id(child)][0] for child in nested)
                known[id(current)] = min(total, MAX_NODES + 1), current
            else:
                stack.append((current, True))
                stack.extend((child, False) for child in nested)
        return known[id(value)][0]


def is_settled(value: Json) -> bool:
    """Whether nothing in a value is unresolved."""
    if not isinstance(value, dict | list):
        return not isinstance(value, Unresolved)
    stack = [value]
    while stack:
        current = stack.pop()
        for item in current.values() if isinstance(current, dict) else current:
            if isinstance(item, Unresolved):
                return False
            if isinstance(item, dict | list):
                stack.append(item)
    return True


# -- texts of which some is known ------------------------------------------------------------------------------------


def parts_of(value: str | Unresolved) -> tuple[str | Unresolved, ...]:
    """The known and unknown stretches of a text."""
    if isinstance(value, str):
        return (value,)
    return value.parts or (value,)


def assemble(stretches: Iterable[str | Unresolved]) -> str | Unresolved:
    """A text of stretches in their order. An unresolved one gets its expression from whoever called.

    Raises:
        Failure: the text is too long.
    """
    out: list[str | Unresolved] = []
    plain: list[str] = []
    size = 0
    for stretch in stretches:
        for part in parts_of(stretch):
            size += len(part) if isinstance(part, str) else 1
            if size > MAX_TEXT:
                raise Failure("the text is too long")
            if isinstance(part, str):
                plain.append(part)
            else:
                if text := "".join(plain):
                    out.append(text)
                plain.clear()
                out.append(part)
    last = "".join(plain)
    if not out:
        return last
    if last:
        out.append(last)
    if len(out) == 1 and isinstance(out[0], Unresolved):
        return out[0]
    if len(out) > _MAX_PARTS:
        raise Failure("the text is put together from too many values")
    return Unresolved("", parts=tuple(out))


def known_prefix(value: str | Unresolved) -> str:
    """What a text is known to begin with."""
    first = parts_of(value)[0]
    return first if isinstance(first, str) else ""


def known_suffix(value: str | Unresolved) -> str:
    """What a text is known to end with."""
    last = parts_of(value)[-1]
    return last if isinstance(last, str) else ""


def is_secret_stand_in(text: str) -> bool:
    """Whether a text was masked at the door, so that it is not what will be deployed."""
    return text.startswith(MASK_TAG) or (len(text) >= 4 and not text.strip("*"))


def lean(value: Unresolved) -> Unresolved:
    """An unresolved value as evidence keeps it: with ids and names among its arguments, and with what is unresolved in it.

    Other arguments are values of the template that are masked only where they are deployed.
    """
    return _lean(value, [_KEPT_VALUES])


def _lean(value: Unresolved, left: list[int]) -> Unresolved:
    keeps_texts = value.function in _KEEP_TEXTS or value.function.startswith("list")
    kept: dict[bool, list[str | Unresolved]] = {True: [], False: []}
    for is_part, found in (*((False, argument) for argument in value.arguments), *((True, part) for part in value.parts)):
        size = len(found) >> 8 if isinstance(found, str) else 1
        if left[0] < size or not isinstance(found, str | Unresolved):
            continue
        left[0] -= size
        if isinstance(found, Unresolved):
            kept[is_part].append(_lean(found, left))
        elif is_part or keeps_texts:
            kept[is_part].append(found)
    # A text of which a part is left out would look like another text.
    parts = tuple(kept[True]) if len(kept[True]) == len(value.parts) else ()
    return Unresolved(value.expression, value.function, tuple(kept[False]), value.route, parts, value.reason)


# -- stand-ins -------------------------------------------------------------------------------------------------------


def describe(value: Json) -> str:
    """A short text for a value, equal for equal values: a call with its arguments where a function was not evaluated."""
    out: list[str] = []
    stack: list[Json] = [value]
    budget = _DESCRIBED
    while stack:
        current = stack.pop()
        budget -= 1
        if budget < 0:
            return "".join(out) + "…"
        match current:
            case _Verbatim():
                out.append(current)
            case Unresolved(function="", parts=()):
                out.append(current.expression[1:-1] if current.expression[:1] == "[" else current.expression)
            case Unresolved(function=""):
                stack.extend(_between(current.parts, "", " & ", ""))
            case Unresolved():
                steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in current.route)
                stack.extend(_between(current.arguments, f"{current.function}(", ", ", f"){steps}"))
            case str():
                out.append(f"'{current}'" if len(current) < _LONG else f"'{current[:_LONG]}…{len(current)}{current[-_KEPT:]}'")
            case list():
                stack.extend(_between(current, "[", ", ", "]"))
            case dict():
                pairs = [item for pair in current.items() for item in pair]
                stack.extend(_between(pairs, "{", ", ", "}"))
            case _:
                out.append(str(current))
    return "".join(out)


class _Verbatim(str):
    """A text that :func:`describe` puts out as it is."""

    __slots__ = ()


def _between(values: Sequence[Json], before: str, separator: str, after: str) -> list[Json]:
    """Values with what stands around and between them, last first."""
    out: list[Json] = [_Verbatim(before)]
    for index, value in enumerate(values[:_DESCRIBED]):
        if index:
            out.append(_Verbatim(separator))
        out.append(value)
    out.append(_Verbatim(after))
    return out[::-1]


def stand_in(value: str | Unresolved) -> str:
    """A text for a name or id: itself, or with the expression in brackets where a part is unresolved.

    There is no slash in what stands for an unresolved part, so the text still falls into the segments of an id.
    """
    if isinstance(value, str):
        return value
    parts = parts_of(value)
    if len(parts) > _MAX_UNKNOWN:
        return _bracketed(value)
    return "".join(part if isinstance(part, str) else _bracketed(part) for part in parts)


def _bracketed(part: Unresolved) -> str:
    text = describe(part).replace("/", ":")
    if len(text) > _KEPT:
        text = f"{text[:_KEPT]}…{digest_of(part)[:8]}"
    return f"[{text}]"


def digest_of(*values: Json) -> str:
    """64 hexadecimal digits, equal for equal values."""
    return str(new_digest("\x1f".join(describe(value) for value in values).encode("utf-8", "replace")).hexdigest())

"""Functions on texts.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string. A text of which some is
unresolved keeps what is known of it wherever the function allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import (
    MAX_NODES,
    MAX_TEXT,
    OPAQUE,
    Failure,
    assemble,
    is_settled,
    kind_of,
    known_prefix,
    known_suffix,
    parts_of,
)

_PLACEHOLDER = LazyPattern(r"\{\{|\}\}|\{(\d{1,4})(?:,(-?\d{1,4}))?(?::([^{}]*))?\}|[{}]")
_INT64 = 2**63
_SHORT = 1000


def text(value: Json) -> str:
    """A value that has to be a text.

    Raises:
        Failure: it is none.
    """
    if isinstance(value, str):
        return value
    raise Failure(f"a string was expected, not {kind_of(value)}")


def integer(value: Json) -> int:
    """A value that has to be a whole number of 64 bits.

    Raises:
        Failure: it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if -_INT64 <= value < _INT64:
            return value
        raise Failure("a number beyond 64 bits")
    raise Failure(f"an int was expected, not {kind_of(value)}")


def to_text(value: Json) -> str:
    """A value as ``string`` writes it."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "True" if value else "False"
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case int() | float():
            return str(value)
        case _:
            raise Failure(f"{kind_of(value)} has no text")


def as_stretch(value: Json) -> str | Unresolved:
    """A value within a text."""
    if isinstance(value, Unresolved):
        return value
    if not is_settled(value):
        raise Failure("an object that holds unresolved values has no text")
    return to_text(value)


# -- putting together --------------------------------------------------------------------------------------------------


def concat(values: list[Json]) -> Json:
    """Texts, or arrays, one after the other."""
    if any(isinstance(value, list) for value in values):
        if any(isinstance(value, Unresolved) for value in values):
            return OPAQUE
        joined: list[Json] = []
        for value in values:
            if not isinstance(value, list):
                raise Failure(f"concat of an array and {kind_of(value)}")
            joined.extend(value)
        return joined
    return assemble(as_stretch(value) for value in values)


def format_text(values: list[Json]) -> Json:
    """``format``: numbered placeholders as in .NET's ``String.Format``."""
    if isinstance(values[0], Unresolved):
        return OPAQUE
    template = text(values[0])
    plan = _plan(template) if len(template) < _SHORT else None
    try:
        if plan is not None:
            return "".join([step if type(step) is str else values[step] for step in plan])  # type: ignore[index]
    except (IndexError, TypeError):
        pass  # a value that is no text, or is not there
    return assemble(format_stretches(template, values[1:]))


@lru_cache(maxsize=1024)
def _plan(template: str) -> tuple[str | int, ...] | None:
    """The stretches of a format: texts, and positions of values among the arguments; None for one that is not so simple."""
    found: list[str | int] = []
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        found.append(template[position : match.start()])
        position = match.end()
        if match[1] is None or match[2] or match[3]:
            return None
        found.append(int(match[1]) + 1)
    return (*found, template[position:])


def format_stretches(template: str, arguments: list[Json]) -> Iterator[str | Unresolved]:
    """The stretches that ``format`` puts together: its own text and the values in it."""
    for start, end, value in format_pieces(template, arguments):
        yield template[start:end] if value is None else value


def format_pieces(template: str, arguments: list[Json]) -> Iterator[tuple[int, int, str | Unresolved | None]]:
    """Ranges of ``template`` with what stands there in the result; None where the range stands for itself."""
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > position:
            yield position, match.start(), None
        position = match.end()
        if match[0] in ("{{", "}}"):
            yield match.start(), position, match[0][0]
        elif match[1] is None:
            raise Failure("a brace in the format has no partner")
        elif int(match[1]) >= len(arguments):
            raise Failure(f"the format has {{{match[1]}}}, but there are {len(arguments)} values")
        else:
            yield match.start(), position, _formatted(arguments[int(match[1])], int(match[2] or 0), match[3] or "")
    if position < len(template):
        yield position, len(template), None


def _formatted(value: Json, width: int, pattern: str) -> str | Unresolved:
    stretch = _single_quoted(value) if isinstance(value, dict | list) and is_settled(value) else as_stretch(value)
    if isinstance(stretch, Unresolved):
        return stretch
    if pattern and isinstance(value, int) and not isinstance(value, bool):
        stretch = _number(value, pattern)
    return stretch.rjust(width) if width > 0 else stretch.ljust(-width)


def _single_quoted(value: Json) -> str:
    """JSON with single quotes, as ``format`` writes arrays and objects (Azure/bicep, EvaluationTests)."""
    match value:
        case dict():
            members = (f"{_single_quoted(str(key))}:{_single_quoted(item)}" for key, item in value.items())
            return "{" + ",".join(members) + "}"
        case list():
            return f"[{','.join(map(_single_quoted, value))}]"
        case str():
            inner = msgspec.json.encode(value).decode()[1:-1].replace('\\"', '"').replace("'", "\\'")
            return f"'{inner}'"
        case _:
            return msgspec.json.encode(value).decode()


def _number(value: int, pattern: str) -> str:
    """Standard numeric formats of .NET, in the invariant culture."""
    kind, digits = pattern[:1].upper(), pattern[1:]
    if kind in ("D", "X", "N", "F") and (not digits or (digits.isdecimal() and len(digits) < 3)):
        size = int(digits or (2 if kind in "NF" else 0))
        match kind:
            case "D":
                return f"{'-' if value < 0 else ''}{abs(value):0{size or 1}d}"
            case "X":
                written = f"{value % 2**64:0{size or 1}X}"
                return written if pattern[0] == "X" else written.lower()
            case "N":
                return f"{value:,.{size}f}"
            case _:
                return f"{value:.{size}f}"
    if pattern.strip("0") == "" and value >= 0:
        return f"{value:0{min(len(pattern), 99)}d}"
    raise Failure(f"the number format {pattern[:20]!r} is not worked out here")


def join(values: list[Json]) -> Json:
    """Items of an array with a delimiter between them."""
    items, delimiter = values
    if isinstance(items, Unresolved) or isinstance(delimiter, Unresolved):
        return OPAQUE
    if not isinstance(items, list):
        raise Failure(f"join of {kind_of(items)}")
    between = text(delimiter)

    def stretches() -> Iterator[str | Unresolved]:
        for index, item in enumerate(items):
            if index and between:
                yield between
            yield as_stretch(item)

    return assemble(stretches())


def replace(values: list[Json]) -> Json:
    """Every occurrence of one text replaced by another; what is inserted may be unresolved."""
    whole, old, new = values
    if isinstance(old, Unresolved):
        return OPAQUE
    wanted = text(old)
    if not wanted:
        raise Failure("replace of an empty text")
    if not isinstance(new, Unresolved):
        text(new)

    def stretches() -> Iterator[str | Unresolved]:
        for part in parts_of(whole if isinstance(whole, Unresolved) else text(whole)):
            if isinstance(part, Unresolved):
                yield part
                continue
            for index, kept in enumerate(part.split(wanted)):
                if index:
                    yield new
                yield kept

    return assemble(stretches())


def to_lower(values: list[Json]) -> Json:
    """Lower case; what is unresolved in a text becomes an unresolved lower-case text."""
    return _changed(values[0], "toLower", str.lower)


def to_upper(values: list[Json]) -> Json:
    """Upper case; what is unresolved in a text becomes an unresolved upper-case text."""
    return _changed(values[0], "toUpper", str.upper)


def _changed(value: Json, name: str, change: Callable[[str], str]) -> Json:
    if not isinstance(value, Unresolved):
        return change(text(value))
    return assemble(
        change(part)
        if isinstance(part, str)
        else Unresolved(f"[{name}({part.expression[1:-1]})]", function=name.lower(), arguments=(part,))
        for part in parts_of(value)
    )


def trim(values: list[Json]) -> Json:
    """Without white space around it."""
    return text(values[0]).strip()


def pad_left(values: list[Json]) -> Json:
    """Filled up to a length from the left."""
    width = integer(values[1])
    filler = text(values[2]) if len(values) > 2 else " "
    if len(filler) != 1 or not 0 <= width <= MAX_TEXT:
        raise Failure("padLeft with such a length or character")
    return to_text(values[0]).rjust(width, filler)


def split(values: list[Json]) -> Json:
    """A text cut at one delimiter or at any of several."""
    whole, delimiters = values
    if isinstance(delimiters, Unresolved):
        return OPAQUE
    wanted = [text(item) for item in (delimiters if isinstance(delimiters, list) else [delimiters])]
    wanted = [item for item in wanted if item]
    if isinstance(whole, Unresolved):
        # What is unresolved may hold a delimiter itself, so the pieces cannot be counted.
        return OPAQUE
    pieces = [text(whole)]
    if sum(pieces[0].count(item) for item in wanted) > MAX_NODES:
        raise Failure("too many pieces")
    if wanted:
        pieces = re.split("|".join(re.escape(item) for item in sorted(wanted, key=len, reverse=True)), pieces[0])
    return pieces


def substring(values: list[Json]) -> Json:
    """A part of a text; beyond its end is an error."""
    whole, start = text(values[0]), integer(values[1])
    length = integer(values[2]) if len(values) > 2 else len(whole) - start
    if start < 0 or length < 0 or start + length > len(whole):
        raise Failure(f"substring {start} to {start + length} of a text of {len(whole)} characters")
    return whole[start : start + length]


# -- looking -----------------------------------------------------------------------------------------------------------


def index_of(values: list[Json]) -> Json:
    """First position, compared without case; -1 when it is not there."""
    return text(values[0]).lower().find(text(values[1]).lower())


def last_index_of(values: list[Json]) -> Json:
    """Last position, compared without case; -1 when it is not there."""
    return text(values[0]).lower().rfind(text(values[1]).lower())


def starts_with(values: list[Json]) -> Json:
    """Compared without case; known as soon as enough of the text is."""
    whole, wanted = values
    if isinstance(wanted, Unresolved):
        return OPAQUE
    if not isinstance(whole, Unresolved):
        return text(whole).lower().startswith(text(wanted).lower())
    shown, lowered = known_prefix(whole).lower(), text(wanted).lower()
    if len(shown) >= len(lowered):
        return shown.startswith(lowered)
    return OPAQUE if lowered.startswith(shown) else False


def ends_with(values: list[Json]) -> Json:
    """Compared without case; known as soon as enough of the text is."""
    whole, wanted = values
    if isinstance(wanted, Unresolved):
        return OPAQUE
    if not isinstance(whole, Unresolved):
        return text(whole).lower().endswith(text(wanted).lower())
    shown, lowered = known_suffix(whole).lower(), text(wanted).lower()
    if len(shown) >= len(lowered):
        return shown.endswith(lowered)
    return OPAQUE if lowered.endswith(shown) else False

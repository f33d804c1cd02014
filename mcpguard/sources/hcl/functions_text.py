"""Functions on texts and numbers. Semantics: developer.hashicorp.com/terraform/language/functions.

A text of which some is unresolved keeps what is known of it wherever the function allows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
import urllib.parse
from collections.abc import Callable, Iterator
from functools import lru_cache

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import MAX_TEXT
from mcpguard.sources.hcl.values import Beyond, Failure, Opaque, TextChange, map_text, parts_of, text_of, to_number, to_text

Function = Callable[[list[Json]], Json]
_VERB = LazyPattern(r"%(?:\[(\d{1,3})\])?([#+\- 0]*)(\d{0,3})(?:\.(\d{0,3}))?(.)")
_MAX_PATTERN = 300
_MAX_REGEX_WORK = 5_000_000
_MAX_PAD = 10_000


def known(value: Json) -> str:
    """A value that has to be a text and known as a whole.

    Raises:
        Failure: it is no text.
        Opaque: some of it is unresolved.
    """
    text = to_text(value)
    if isinstance(text, Unresolved):
        raise Opaque
    return text


def whole(value: Json) -> int:
    """A value that has to be a whole number.

    Raises:
        Failure: it is none.
        Opaque: it is unresolved.
    """
    if isinstance(value, Unresolved):
        raise Opaque
    number = to_number(value)
    if isinstance(number, float):
        raise Failure("a whole number was expected")
    return number


class _Changed(TextChange):
    def __init__(self, change: Callable[[str], str]) -> None:
        self.change = change

    def __call__(self, text: str) -> str:
        return self.change(text)


def _mapped(change: Callable[[str], str]) -> Function:
    return lambda values: map_text(to_text(values[0]), _Changed(change), "")


def _trimmed(values: list[Json], left: str | None, right: str | None, *, whites: bool = False) -> Json:
    """A text without characters at its ends; None for an end that is left alone."""
    parts = list(parts_of(to_text(values[0])))
    if left is not None and isinstance(parts[0], str):
        parts[0] = parts[0].lstrip() if whites else parts[0].lstrip(left)
    if right is not None and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip() if whites else parts[-1].rstrip(right)
    return text_of(parts, "")


def _without(values: list[Json], *, prefix: bool) -> Json:
    text, affix = to_text(values[0]), known(values[1])
    parts = list(parts_of(text))
    at = 0 if prefix else -1
    part = parts[at]
    if not isinstance(part, str) or (isinstance(text, Unresolved) and len(part) < len(affix)):
        raise Opaque
    parts[at] = part.removeprefix(affix) if prefix else part.removesuffix(affix)
    return text_of(parts, "")


def _starts(values: list[Json], *, at_start: bool) -> Json:
    parts, affix = parts_of(to_text(values[0])), known(values[1])
    part = parts[0 if at_start else -1]
    if isinstance(part, str) and (len(parts) == 1 or len(part) >= len(affix)):
        return part.startswith(affix) if at_start else part.endswith(affix)
    raise Opaque


def _format(values: list[Json]) -> Json:
    return formatted(known(values[0]), values[1:])


def formatted(spec: str, values: list[Json]) -> str | Unresolved:
    """``format``: verbs of a text replaced by values.

    Raises:
        Failure: a verb has no value, or one of a wrong kind.
    """
    return text_of((piece for _, _, piece in format_pieces(spec, values)), "")


def format_pieces(spec: str, values: list[Json]) -> Iterator[tuple[int, int, str | Unresolved]]:
    """The stretches of a text for ``format``, with what stands for each: itself, or a value.

    Raises:
        Failure: a verb has no value, or one of a wrong kind.
    """
    position, taken = 0, 0
    for match in _VERB.finditer(spec):
        if position < match.start():
            yield position, match.start(), spec[position : match.start()]
        position = match.end()
        if match[5] == "%":
            yield match.start(), match.end(), "%"
            continue
        index = int(match[1]) - 1 if match[1] else taken
        taken = index + 1
        if not 0 <= index < len(values):
            raise Failure("a verb without a value")
        yield match.start(), match.end(), _verb(match, values[index])
    if position < len(spec):
        yield position, len(spec), spec[position:]


def _verb(match: re.Match[str], value: Json) -> str | Unresolved:
    flags, width, precision, verb = match[2], int(match[3] or 0), match[4], match[5]
    if verb in "vsq" and isinstance(value, dict | list):
        found: str | Unresolved = known_json(value)
    elif verb == "v" and value is None:
        found = "null"
    elif isinstance(value, Unresolved) or verb in "vst":
        found = to_text(value)
        if isinstance(found, Unresolved):
            return found
    elif verb == "q":
        found = known_json(known(value))
    elif verb in "dbBoOxX":
        found = format(whole(value), verb.lower().replace("d", "d"))
    elif verb in "eEfFgG":
        found = format(float(to_number(value)), f".{precision or 6}{verb}")
    else:
        raise Failure(f"the verb %{verb}")
    if isinstance(found, str) and width:
        fill = "0" if "0" in flags and verb not in "vsq" else " "
        found = found.ljust(width) if "-" in flags else found.rjust(width, fill)
    return found


def known_json(value: Json) -> str:
    """A value as JSON writes it, as ``jsonencode`` does.

    Raises:
        Opaque: something in it is unresolved.
    """
    import json

    from mcpguard.sources.arm.values import is_settled

    if not is_settled(value):
        raise Opaque
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _join(values: list[Json]) -> Json:
    separator = to_text(values[0])
    items: list[Json] = []
    for value in values[1:]:
        if isinstance(value, Unresolved):
            raise Opaque
        if not isinstance(value, list):
            raise Failure("a list was expected")
        items += value
    stretches: list[str | Unresolved] = []
    for index, item in enumerate(items):
        stretches += [separator, to_text(item)] if index else [to_text(item)]
    return text_of(stretches, "")


def _replace(values: list[Json]) -> Json:
    text, old, new = to_text(values[0]), known(values[1]), to_text(values[2])
    if len(old) > 1 and old[0] == old[-1] == "/":
        if isinstance(text, Unresolved) or isinstance(new, Unresolved):
            raise Opaque
        pattern = compiled(old[1:-1], text)
        template = re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", new.replace("\\", "\\\\"))
        try:
            return _bounded(pattern.sub(template, text))
        except (re.error, IndexError):
            raise Failure("the replacement names a group that is not there") from None
    if not old:
        raise Opaque
    stretches: list[str | Unresolved] = []
    for part in parts_of(text):
        if not isinstance(part, str):
            stretches.append(part)
            continue
        pieces = part.split(old)
        size = len(new) if isinstance(new, str) else 1
        if (len(pieces) - 1) * size > MAX_TEXT:
            raise Beyond("the text is too long")
        for index, piece in enumerate(pieces):
            stretches += [new, piece] if index else [piece]
    return text_of(stretches, "")


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise Beyond("the text is too long")
    return text


def _split(values: list[Json]) -> Json:
    separator, text = known(values[0]), to_text(values[1])
    if not separator:
        return list(known(text))
    # An unresolved part may hold the separator, so only the pieces of a text that is known are told.
    return list(known(text).split(separator)) if text != "" else []


def _substr(values: list[Json]) -> Json:
    text, offset, length = known(values[0]), whole(values[1]), whole(values[2])
    start = offset if offset >= 0 else max(0, len(text) + offset)
    return text[start:] if length < 0 else text[start : start + length]


def _indent(values: list[Json]) -> Json:
    spaces = whole(values[0])
    if not 0 <= spaces <= _MAX_PAD:
        raise Beyond("an indentation that large")
    return map_text(to_text(values[1]), _Changed(lambda part: _bounded(part.replace("\n", "\n" + " " * spaces))), "")


# -- patterns --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=200)
def _pattern(written: str) -> tuple[re.Pattern[str], int]:
    """A pattern, and how many of its parts repeat without an end."""
    from re import _parser  # type: ignore[attr-defined]

    if len(written) > _MAX_PATTERN:
        raise Beyond("a pattern that long")
    try:
        tree = _parser.parse(written)
        found = re.compile(written)
    except (re.error, RecursionError, OverflowError):
        raise Beyond("a pattern that is not understood here") from None
    return found, _repeats(tree, inside=False)


def _repeats(tree: object, *, inside: bool) -> int:
    count = 0
    for operator, argument in tree:  # type: ignore[attr-defined]
        name = str(operator)
        if name == "GROUPREF":
            raise Beyond("a pattern with a reference to a group")
        nested: list[object] = []
        repeated = name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[1] > 20
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            nested = [argument[2]]
        elif name == "SUBPATTERN":
            nested = [argument[3]]
        elif name == "BRANCH":
            nested = argument[1]
        elif name in ("ASSERT", "ASSERT_NOT"):
            nested = [argument[1]]
        if repeated and inside:
            raise Beyond("a pattern with repetitions within repetitions")
        count += repeated + sum(_repeats(below, inside=inside or repeated) for below in nested)
    return count


def compiled(written: str, text: str) -> re.Pattern[str]:
    """A pattern that is safe to apply to a text.

    Raises:
        Failure: it is not understood, or could take too long.
    """
    pattern, repeats = _pattern(written)
    if (len(text) + 1) ** min(repeats + 1, 8) > _MAX_REGEX_WORK and repeats > 1:
        raise Beyond("a pattern that takes long on so long a text")
    return pattern


def _groups(match: re.Match[str]) -> Json:
    if match.re.groupindex:
        return match.groupdict()
    return list(match.groups()) if match.re.groups else match[0]


def _regex(values: list[Json]) -> Json:
    text = known(values[1])
    match = compiled(known(values[0]), text).search(text)
    if match is None:
        raise Failure("the pattern does not match")
    return _groups(match)


def _regexall(values: list[Json]) -> Json:
    text = known(values[1])
    return [_groups(match) for match in compiled(known(values[0]), text).finditer(text)]


# -- encodings -------------------------------------------------------------------------------------------------------


def _base64decode(values: list[Json]) -> Json:
    try:
        return base64.b64decode(known(values[0]), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Failure("a text that is no base64 of a text") from None


def _hashed(name: str, *, base: bool = False) -> Function:
    def run(values: list[Json]) -> Json:
        digest = hashlib.new(name, known(values[0]).encode("utf-8", "replace"), usedforsecurity=False)
        return base64.b64encode(digest.digest()).decode() if base else digest.hexdigest()

    return run


def _parseint(values: list[Json]) -> Json:
    try:
        return int(known(values[0])[:100], whole(values[1]))
    except ValueError:
        raise Failure("a text that is no number in that base") from None


def _extreme(choose: Callable[[list[float]], float]) -> Function:
    def run(values: list[Json]) -> Json:
        if any(isinstance(value, Unresolved) for value in values):
            raise Opaque
        if not values:
            raise Failure("no number to choose from")
        return choose([to_number(value) for value in values])

    return run


def _rounded(change: Callable[[float], float]) -> Function:
    def run(values: list[Json]) -> Json:
        if isinstance(values[0], Unresolved):
            raise Opaque
        return change(to_number(values[0]))

    return run


def _title(text: str) -> str:
    return re.sub(r"(?<!\w)\w", lambda match: match[0].upper(), text)


def _chomp(values: list[Json]) -> Json:
    return _trimmed(values, None, "\r\n")


FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "abs": (1, 1, _rounded(abs)),
    "base64decode": (1, 1, _base64decode),
    "base64encode": (1, 1, lambda values: base64.b64encode(known(values[0]).encode("utf-8", "replace")).decode()),
    "base64sha256": (1, 1, _hashed("sha256", base=True)),
    "base64sha512": (1, 1, _hashed("sha512", base=True)),
    "ceil": (1, 1, _rounded(math.ceil)),
    "chomp": (1, 1, _chomp),
    "endswith": (2, 2, lambda values: _starts(values, at_start=False)),
    "floor": (1, 1, _rounded(math.floor)),
    "format": (1, 100, _format),
    "indent": (2, 2, _indent),
    "join": (2, 100, _join),
    "lower": (1, 1, _mapped(str.lower)),
    "max": (1, 1000, _extreme(max)),
    "md5": (1, 1, _hashed("md5")),
    "min": (1, 1000, _extreme(min)),
    "parseint": (2, 2, _parseint),
    "regex": (2, 2, _regex),
    "regexall": (2, 2, _regexall),
    "replace": (3, 3, _replace),
    "sha1": (1, 1, _hashed("sha1")),
    "sha256": (1, 1, _hashed("sha256")),
    "sha512": (1, 1, _hashed("sha512")),
    "split": (2, 2, _split),
    "startswith": (2, 2, lambda values: _starts(values, at_start=True)),
    "strcontains": (2, 2, lambda values: known(values[1]) in known(values[0])),
    "strrev": (1, 1, lambda values: known(values[0])[::-1]),
    "substr": (3, 3, _substr),
    "title": (1, 1, _mapped(_title)),
    "trim": (2, 2, lambda values: _trimmed(values, known(values[1]), known(values[1]))),
    "trimprefix": (2, 2, lambda values: _without(values, prefix=True)),
    "trimspace": (1, 1, lambda values: _trimmed(values, "", "", whites=True)),
    "trimsuffix": (2, 2, lambda values: _without(values, prefix=False)),
    "upper": (1, 1, _mapped(str.upper)),
    "urlencode": (1, 1, lambda values: urllib.parse.quote_plus(known(values[0]))),
}
"""By name: fewest and most arguments, and what it does."""

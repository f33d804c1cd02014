"""JSON as people keep it: strict decoding first, comments and trailing commas tolerated, duplicate keys noticed.

Bytes are never moved: what is blanked is blanked with spaces, so an offset in the result is an offset in the input.
"""

from __future__ import annotations

import re

import msgspec

from mcpguard.core.errors import McpguardError
from mcpguard.core.patterns import LazyPattern

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_NOISE = LazyPattern(rb'(?s)"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/|,(?=\s*[}\]])')
_BYTE = LazyPattern(r"byte (\d+)")


class JsonError(McpguardError):
    """Text that is not JSON; ``offset`` is the byte at which the decoder gave up."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Decoded(msgspec.Struct, frozen=True):
    """A decoded document, and what was odd about its text."""

    value: object
    data: bytes
    """The bytes that were decoded: the input, or the input with comments and trailing commas blanked."""
    relaxed: bool
    """Whether comments or trailing commas had to be blanked."""


def decode(data: bytes) -> Decoded:
    """Decode one JSON document.

    Raises:
        JsonError: not JSON even without comments and trailing commas.
    """
    try:
        return Decoded(_decode(data), data, relaxed=False)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as strict:
        relaxed = blank_noise(data)
        if relaxed != data:
            try:
                return Decoded(_decode(relaxed), relaxed, relaxed=True)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                pass
        raise _error(strict, data) from None


def decode_lines(data: bytes) -> list[tuple[int, object]]:
    """Decode JSON lines: ``(offset of the line, value)`` for every line that is not blank.

    Raises:
        JsonError: a line is not JSON; the offset counts from the start of ``data``.
    """
    out = []
    offset = 0
    for line in data.split(b"\n"):
        if line.strip():
            try:
                out.append((offset, _decode(line)))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                failure = _error(error, line)
                raise JsonError(failure.message, offset + failure.offset) from None
        offset += len(line) + 1
    return out


def blank_noise(data: bytes) -> bytes:
    """``data`` with comments and trailing commas replaced by spaces of the same length; strings are left alone."""
    return _NOISE.sub(lambda match: match[0] if match[0][:1] == b'"' else re.sub(rb"[^\r\n]", b" ", match[0]), data)


def duplicate_keys(decoded: Decoded, limit: int = 20) -> list[tuple[tuple[str | int, ...], str]]:
    """Objects in which one key occurs twice, as ``(route of the object, key)``.

    JSON leaves the meaning of such an object open, so readers disagree on it. The common case costs a count of
    colons in the input and in the value encoded again; only when they differ is the text decoded a second, slower time.
    """
    if decoded.data.count(b":") == _encode(decoded.value).count(b":"):
        return []
    import json

    class _Object(dict[str, object]):
        repeated: tuple[str, ...] = ()

    def build(pairs: list[tuple[str, object]]) -> _Object:
        result = _Object(pairs)
        if len(result) != len(pairs):
            names = [name for name, _ in pairs]
            result.repeated = tuple(sorted({name for name in names if names.count(name) > 1}))
        return result

    try:
        root = json.loads(decoded.data.decode("utf-8", "replace"), object_pairs_hook=build)
    except (ValueError, RecursionError):
        return []
    out: list[tuple[tuple[str | int, ...], str]] = []
    stack: list[tuple[tuple[str | int, ...], object]] = [((), root)]
    while stack and len(out) < limit:
        route, value = stack.pop()
        if isinstance(value, _Object):
            out.extend((route, name) for name in value.repeated)
            stack.extend(((*route, key), item) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend(((*route, index), item) for index, item in enumerate(value))
    return out[:limit]


def _error(error: Exception, data: bytes) -> JsonError:
    if isinstance(error, RecursionError):
        return JsonError("nested too deeply to be read", 0)
    if isinstance(error, UnicodeDecodeError):
        return JsonError("not valid UTF-8", error.start)
    text = str(error)
    match = _BYTE.search(text)
    offset = min(int(match[1]), len(data)) if match else len(data)
    return JsonError(re.sub(r"^JSON is malformed: ", "", _BYTE.sub("", text)).replace("()", "").strip(" ()"), offset)

"""Conversions between texts, numbers and encodings, and the stand-ins for hashes.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string and -object.
"""

from __future__ import annotations

import re

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.functions_text import integer, text, to_text
from mcpguard.sources.arm.values import OPAQUE, Failure, digest_of, is_settled

_MAX_JSON = 2**20
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def string(values: list[Json]) -> Json:
    """Any value as a text."""
    value = values[0]
    return value if isinstance(value, Unresolved) and value.parts else OPAQUE if not is_settled(value) else to_text(value)


def to_int(values: list[Json]) -> Json:
    """A number, or a text that is one."""
    value = values[0]
    if isinstance(value, str):
        if len(value) > 25:
            raise Failure("a text that is no number")
        try:
            value = int(value)
        except ValueError:
            raise Failure("a text that is no number") from None
    return integer(value)


def to_bool(values: list[Json]) -> Json:
    """True and false as such, as texts, and as numbers."""
    value = values[0]
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    lowered = text(value).strip().lower()
    if lowered not in ("true", "false", "1", "0"):
        raise Failure("a text that is neither true nor false")
    return lowered in ("true", "1")


def from_json(values: list[Json]) -> Json:
    """A JSON text decoded."""
    written = text(values[0])
    if len(written) > _MAX_JSON:
        raise Failure("a JSON text that is too long")
    try:
        return msgspec.json.decode(written)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Failure("a text that is no JSON") from None


def base64(values: list[Json]) -> Json:
    """Base64 of the UTF-8 of a text."""
    from binascii import b2a_base64

    return b2a_base64(text(values[0]).encode("utf-8", "replace"), newline=False).decode()


def from_base64(values: list[Json]) -> Json:
    """The text in base64."""
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(text(values[0]).encode(), strict_mode=True).decode()
    except (Error, ValueError):
        raise Failure("a text that is no base64") from None


def json_from_base64(values: list[Json]) -> Json:
    """The JSON in base64, decoded."""
    return from_json([from_base64(values)])


def data_uri(values: list[Json]) -> Json:
    """A text as a ``data:`` URI."""
    return f"data:text/plain;charset=utf8;base64,{base64(values)}"


def from_data_uri(values: list[Json]) -> Json:
    """The text of a ``data:`` URI."""
    head, comma, body = text(values[0]).partition(",")
    if not head.startswith("data:") or not comma:
        raise Failure("a text that is no data URI")
    return from_base64([body]) if head.endswith(";base64") else from_uri_component([body])


def uri_component(values: list[Json]) -> Json:
    """A text with everything but unreserved characters percent-encoded."""
    data = text(values[0]).encode("utf-8", "replace")
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in data)


def from_uri_component(values: list[Json]) -> Json:
    """A text with percent-encoding undone."""
    data = text(values[0]).encode("utf-8", "replace")
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), data).decode("utf-8", "replace")


def uri(values: list[Json]) -> Json:
    """A base and a relative URI: the last segment of a base that does not end in a slash gives way."""
    base, relative = text(values[0]), text(values[1])
    scheme = base.find("//")
    slash = base.rfind("/")
    head = base.rstrip("/") + "/" if base.endswith("/") or slash <= scheme + 1 else base[: slash + 1]
    if relative.startswith("/"):
        root = base.find("/", scheme + 2) if scheme >= 0 else -1
        return (base[:root] if root >= 0 else base) + relative
    return head + relative


# -- stand-ins ---------------------------------------------------------------------------------------------------------


def unique_string(values: list[Json]) -> Json:
    """A stand-in of 13 characters for a hash of values that only deployment knows; ``unique`` marks it as one."""
    return "unique" + digest_of(*values)[:7]


def guid(values: list[Json]) -> Json:
    """A stand-in for a GUID made of values that only deployment knows; the zeros at its beginning mark it as one."""
    found = digest_of(*values)
    return f"00000000-{found[:4]}-5{found[4:7]}-8{found[7:10]}-{found[10:22]}"

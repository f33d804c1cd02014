"""From the bytes of a file to UTF-8 without a byte order mark."""

from __future__ import annotations

import codecs
import re

import msgspec

_LOOK_AT = 8192
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


class Unicode(msgspec.Struct, frozen=True):
    """A text as UTF-8."""

    data: bytes
    note: str = ""
    """What had to be done to the bytes; empty when they were UTF-8."""


class NotText(msgspec.Struct, frozen=True):
    """Why bytes are not text."""

    reason: str
    binary: bool
    """Whether the file never was text; otherwise it is text in an encoding that is not known."""


def to_utf8(raw: bytes) -> Unicode | NotText:
    """``raw`` as UTF-8. A byte order mark is dropped, UTF-16 and UTF-32 are transcoded, UTF-16 also without a mark."""
    if raw.startswith(codecs.BOM_UTF8):
        raw = raw[3:]
    else:
        for mark, codec, name in _MARKS:
            if raw.startswith(mark):
                return _transcode(raw[len(mark) :], codec, name)
        if b"\0" in raw[:_LOOK_AT]:
            codec = _unmarked_utf16(raw[:_LOOK_AT])
            found = _transcode(raw, codec, "UTF-16 without a byte order mark") if codec else None
            if isinstance(found, Unicode) and not _CONTROL.search(found.data[:_LOOK_AT]):
                return found
            return NotText("binary file", binary=True)
    if not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            return NotText(f"not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}", binary=False)
    return Unicode(raw)


def _transcode(raw: bytes, codec: str, name: str) -> Unicode | NotText:
    try:
        return Unicode(raw.decode(codec).encode("utf-8"), f"converted from {name}")
    except UnicodeError as error:
        return NotText(f"not {name}: {getattr(error, 'reason', 'undecodable')}", binary=False)


def _unmarked_utf16(head: bytes) -> str:
    """The byte order of UTF-16 whose text is mostly ASCII, so that every other byte is zero; empty for anything else."""
    even, odd = head[0::2], head[1::2]
    if not even or not odd:
        return ""
    zero_even, zero_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zero_odd > 0.5 and zero_even < 0.05:
        return "utf-16-le"
    if zero_even > 0.5 and zero_odd < 0.05:
        return "utf-16-be"
    return ""

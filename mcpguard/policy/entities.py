"""The five entities of XML and character references: decoded, and nothing else is ever expanded."""

from __future__ import annotations

import re

_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_ENTITY = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


def unescape(text: str) -> str:
    """``text`` with the five XML entities and character references decoded; anything else that starts with ``&`` stays."""
    return _REFERENCE.sub(_decode_reference, text) if "&" in text else text


def _decode_reference(match: re.Match[str]) -> str:
    name, decimal, hexadecimal = match.groups()
    if name:
        return _ENTITY[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]


def escaped_length(source: str, decoded_tail: str) -> int:
    """How many characters at the end of ``source`` decode to ``decoded_tail``."""
    if not decoded_tail:
        return 0
    low, high = 0, len(source)
    while low < high:
        middle = (low + high) // 2
        if len(unescape(source[middle:])) > len(decoded_tail):
            low = middle + 1
        else:
            high = middle
    return len(source) - low


def unescape_code(code: str) -> str:
    """C# that was read raw. Entities in it mean that the file mixes both formats, unless C# strings are quoted raw."""
    return code if '"' in code else unescape(code)

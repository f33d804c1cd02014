"""Secrets that stand in the text of a configuration, remembered for quotations: also those of resources that are not read."""

from __future__ import annotations

import re

from mcpguard.core.patterns import LazyPattern
from mcpguard.sources.reading import Reading
from mcpguard.sources.secrecy import is_literal, looks_secret, ranges

_SETTING = LazyPattern(r'"?([A-Za-z_][\w\-. ]{0,80}?)"?[ \t]*[=:][ \t]*"((?:[^"\\\n]|\\.){4,4096})"')
_WORD = re.compile(rb"(?i)pass|pwd|secret|key|token|cred|connection|auth|cookie|sas")
_WORDS = _WORD.pattern.removeprefix(b"(?i)").split(b"|")
"""What the name of a secret holds; a quick test, as most lines hold none of it, and many files."""
_MAX_TEXT = 4 * 2**20


def note_secrets(reading: Reading) -> None:
    """Remember every literal that looks secret by its name or its shape."""
    data = reading.data[:_MAX_TEXT]
    lowered = data.lower()
    position = 0 if any(word in lowered for word in _WORDS) else len(data)
    while word := _WORD.search(data, position):
        start, end = data.rfind(b"\n", 0, word.start()) + 1, data.find(b"\n", word.end())
        position = end if end >= 0 else len(data)
        for match in _SETTING.finditer(data[start:position].decode("utf-8", "replace")):
            if is_literal(match[2]) and looks_secret(match[1], match[2]):
                reading.secrets.add(match[2])
    text = data.decode("utf-8", "replace")
    reading.secrets |= {text[start:end] for start, end in ranges(text)}

"""How a secret is spelled in a JSON file, when the writer escaped more than it had to.

PowerShell and .NET write ``+``, ``&``, ``<`` and quotes as ``\\u002B`` and so on, Python writes everything beyond ASCII so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mcpguard.core.positions import decode_literal

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BUDGET = 200_000
"""Comparisons of a string with a secret; real files need a few thousand."""


def raw_spellings(data: bytes, secrets: Iterable[str]) -> set[str]:
    """The spellings of ``secrets`` in the strings of ``data`` that hold an escape which JSON does not ask for."""
    wanted = set(secrets)
    if not wanted or (b"\\u" not in data and b"\\/" not in data):
        return set()
    found: set[str] = set()
    budget = _BUDGET
    for match in _STRING.finditer(data.decode("utf-8", "replace")):
        literal = match[0]
        if "\\u" not in literal and "\\/" not in literal:
            continue
        decoded, offsets = decode_literal(literal)
        if decoded in wanted:
            found.add(literal[1:-1])
        budget -= len(wanted)
        if budget < 0:
            break
        for secret in wanted:
            at = decoded.find(secret)
            if at >= 0:
                found.add(literal[offsets[at] : offsets[at + len(secret)]])
    return found

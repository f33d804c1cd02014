"""The texts of Bicep: what stands between their apostrophes, and where values in them begin and end."""

from __future__ import annotations

import re

_FIRST_LINE = re.compile(r"\r\n|\n|\r|")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))")
_BRACES = re.compile(r"\\.|\$\{|[{}']")
_QUOTE = "'"


class BadSyntax(Exception):
    """Text that is no Bicep, and where it stops being any."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start


def unescape(text: str) -> str:
    """What stands between the apostrophes of a text on one line, as the text it means."""
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is not None:
        code = int(match[1], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return _ESCAPED.get(match[2], match[2])


def body_of_multiline(text: str) -> tuple[int, int, str]:
    """Where the body of a text in three apostrophes begins and ends within it, and what introduces a value in it."""
    dollars = len(text) - len(text.lstrip("$"))
    start = dollars + 3
    first = _FIRST_LINE.match(text, start)
    return (first.end() if first else start), max(start, len(text) - 3), "$" * dollars + "{" if dollars else ""


def value_at(text: str, start: int, stop: int) -> int:
    """Where the next value of a text on one line begins, past escapes."""
    position = start
    while True:
        found = text.find("${", position, stop)
        if found < 0:
            return -1
        before = found
        while before > start and text[before - 1] == "\\":
            before -= 1
        if (found - before) % 2 == 0:
            return found
        position = found + 1


def closing_brace(text: str, start: int, stop: int) -> int:
    """Where the brace stands that ends a value within a text.

    Raises:
        BadSyntax: there is none.
    """
    inside = ["{"]
    for match in _BRACES.finditer(text, start, stop):
        found = match[0]
        if inside[-1] == _QUOTE:
            if found == _QUOTE:
                inside.pop()
            elif found == "${":
                inside.append("{")
        elif found == _QUOTE:
            inside.append(_QUOTE)
        elif found in ("{", "${"):
            inside.append("{")
        elif found == "}":
            inside.pop()
            if not inside:
                return match.start()
    raise BadSyntax("a value in a text that never ends", start)

"""Text that is safe and straight on a terminal: escapes, display widths, wrapping, quoted lines with marks."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

import msgspec

from mcpguard.core.positions import Resolved

CUT = "…"
_TAB = 4
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


class Quoted(msgspec.Struct, frozen=True):
    """One quoted line and what to print under it."""

    number: int
    text: str
    marks: str
    """Spaces and carets; empty when nothing is marked on this line."""


def safe(text: str) -> str:
    """``text`` with every character that a terminal acts on, or that hides or reorders others, spelled out."""
    if text.isprintable():
        return text
    return "".join(_spelled(character) for character in text)


def width_of(text: str) -> int:
    """How many columns ``text`` takes on a terminal."""
    return len(text) if text.isascii() else sum(_width(character) for character in text)


def wrap(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """``text`` broken at spaces into lines of at most ``width`` columns; a longer word stays whole.

    ``indent`` starts the first line and ``hanging`` (the same number of spaces, if it is None) the others.
    """
    hanging = " " * width_of(indent) if hanging is None else hanging
    lines: list[str] = []
    line, used = indent, width_of(indent)
    empty = True
    for word in safe(text).split():
        size = width_of(word)
        if not empty and used + 1 + size > width:
            lines.append(line)
            line, used, empty = hanging, width_of(hanging), True
        line, used = (line + word, used + size) if empty else (f"{line} {word}", used + 1 + size)
        empty = False
    return [*lines, line.rstrip()]


def quote(resolved: Resolved, width: int) -> list[Quoted]:
    """The lines of a place, each at most ``width`` columns; carets stand under what is meant on the first one."""
    span = resolved.excerpt_span
    out: list[Quoted] = []
    for index, line in enumerate(resolved.excerpt):
        if index:
            text, _, _ = window(line, 0, 0, width)
            out.append(Quoted(span.line + index, text, ""))
            continue
        first = min(span.column - 1, len(line))
        last = span.end_column - 1 if span.end_line == span.line else len(line)
        text, start, end = window(line, first, max(first, min(last, len(line))), width)
        out.append(Quoted(span.line, text, " " * start + "^" * max(1, end - start)))
    return out


def gutter_of(resolved: Resolved) -> int:
    """How many columns the line numbers of a quotation take."""
    return len(str(resolved.excerpt_span.line + len(resolved.excerpt)))


def quoted_lines(resolved: Resolved, width: int, indent: str, paint: Callable[[str, str], str], style: str) -> Iterator[str]:
    """A quotation as it is printed: line numbers, a rule, and what is meant underlined in ``style``."""
    gutter = gutter_of(resolved)
    for line in quote(resolved, width - gutter - 9):
        yield f"{indent}{paint('dim', f'{line.number:>{gutter}} │')} {line.text}"
        if line.marks:
            marks = line.marks.lstrip()
            before = line.marks[: len(line.marks) - len(marks)]
            yield f"{indent}{paint('dim', ' ' * gutter + ' │')} {before}{paint(style, marks)}"


def window(line: str, first: int, last: int, width: int) -> tuple[str, int, int]:
    """The part of ``line`` around its characters ``first`` to ``last`` that fits, and the columns at which they stand.

    Only the neighbourhood is looked at, so a minified file of one line costs no more than a short one.
    """
    low, high = max(0, first - width), min(len(line), first + 2 * width)
    cells = _cells(line[low:high])
    first, last = first - low, min(last, high) - low
    sizes = [size for _, size in cells]
    if low == 0 and high == len(line) and sum(sizes) <= width:
        return "".join(shown for shown, _ in cells), sum(sizes[:first]), sum(sizes[:last])
    start = 0
    if low > 0 or (sum(sizes[:last]) > width - 1 and sum(sizes[:first]) > width // 2):
        start, room = first, width // 3
        while start > 0 and room >= sizes[start - 1]:
            start -= 1
            room -= sizes[start]
    left = CUT if low + start > 0 else ""
    end, room = start, width - len(left) - 1
    while end < len(cells) and room >= sizes[end]:
        room -= sizes[end]
        end += 1
    right = CUT if low + end < len(line) else ""
    column = len(left) + sum(sizes[start:first])
    marked = sum(sizes[first : min(last, end)])
    return left + "".join(shown for shown, _ in cells[start:end]) + right, column, column + marked


def _cells(text: str) -> list[tuple[str, int]]:
    """Each character as it is shown and the columns it takes; a tab reaches to the next stop."""
    out: list[tuple[str, int]] = []
    column = 0
    for character in text:
        if character == "\t":
            size = _TAB - column % _TAB
            shown = " " * size
        else:
            shown = _spelled(character)
            size = width_of(shown)
        out.append((shown, size))
        column += size
    return out


def _spelled(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

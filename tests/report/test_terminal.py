"""Escaping, widths, cutting: what a terminal sees."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpguard.core.location import Location
from mcpguard.core.positions import SourceText
from mcpguard.report.terminal import quote, safe, width_of, window, wrap
from tests.report.strategies import hostile, relaxed


@relaxed
@given(hostile)
def test_nothing_acts_hides_or_reorders(text: str) -> None:
    shown = safe(text)
    assert all(character.isprintable() or unicodedata.category(character) == "Zs" for character in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b", r"\x9b"),
        ("a\u202eb", r"a\u202eb"),
        ("\U000e0041", r"\U000e0041"),
        ("\n\r\t", r"\n\r\t"),
        ("\ud800", r"\ud800"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_spelling(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_widths() -> None:
    assert width_of("abc") == 3
    assert width_of("照合") == 4
    assert width_of("e\u0301") == 1


def test_wrap_counts_columns_and_keeps_long_words() -> None:
    assert wrap("照合 照合 x", 6, "  ") == ["  照合", "  照合", "  x"]
    assert wrap("a " + "b" * 9, 5) == ["a", "b" * 9]
    assert wrap("", 10, "  ") == [""]


def _quoted(line: str, needle: str, width: int) -> tuple[str, str]:
    start = line.index(needle)
    resolved = SourceText(line.encode(), "text").resolve(Location("x").range(start, start + len(needle)))
    (quoted,) = quote(resolved, width)
    return quoted.text, quoted.marks


@pytest.mark.parametrize(
    ("line", "needle", "marked"),
    [
        ("abc def", "def", "def"),
        ("\tdef", "def", "def"),
        ("a\tdef", "def", "def"),
        ("照合 def", "def", "def"),
        ("def 照合", "照合", "照合"),
        ("\x1b[0m def", "def", "def"),
        ("e\u0301 def", "def", "def"),
        ("x" * 5000 + "def" + "y" * 5000, "def", "def"),
        ("照" * 3000 + "def" + "照" * 3000, "def", "def"),
    ],
)
def test_carets_stand_under_what_is_meant(line: str, needle: str, marked: str) -> None:
    text, marks = _quoted(line, needle, 60)
    assert width_of(text) <= 60
    start, length = len(marks) - len(marks.lstrip()), marks.count("^")
    assert _columns(text, start, length) == marked


def _columns(text: str, start: int, length: int) -> str:
    """The characters of ``text`` that stand in some columns of a terminal."""
    out, column = "", 0
    for character in text:
        if start <= column < start + length:
            out += character
        column += width_of(character)
    return out


@relaxed
@given(hostile, st.integers(0, 80), st.integers(0, 80), st.integers(10, 80))
def test_window_fits(line: str, first: int, last: int, width: int) -> None:
    first, last = sorted((min(first, len(line)), min(last, len(line))))
    text, start, end = window(line, first, last, width)
    assert width_of(text) <= width
    assert 0 <= start <= end <= width


def test_a_line_of_megabytes_is_cut_quickly() -> None:
    line = "x" * 5_000_000 + "needle" + "x" * 5_000_000
    text, start, end = window(line, 5_000_000, 5_000_006, 80)
    assert text[start:end] == "needle"
    assert text[0] == text[-1] == "…"

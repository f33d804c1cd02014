"""Where a policy expression ends: brackets balanced over C# strings, characters and comments.

APIM stores ``@(…)`` and ``@{…}`` as raw C# inside XML, so the end of an attribute or of a text cannot be found by looking
for a quote or for ``<``. C# 7 is what the platform compiles (policy expressions reference), so raw string literals do
not occur. Every function here is linear in the text it looks at; callers bound how often an unclosed expression may be
looked at with :class:`Budget`.
"""

from __future__ import annotations

import re

_MAX_HOLES = 24
_QUIET = r"""[^()\[\]{}"'/@$]++"""
_LITERAL = r'"(?:[^"\\\r\n]++|\\.)*+"'
_FLAT = rf"(?:{_QUIET}|{_LITERAL})*+"
_TOKEN = re.compile(
    rf"(?:{_QUIET}|{_LITERAL}|\({_FLAT}\)"  # what holds nothing of interest: one step
    r"""|@(?!\$?")|\$(?!@?")|/(?![/*]))*+"""
    r"""([(\[{)\]}]|@?\$@?"|@"|"|'|//|/\*)"""
)
"""The next bracket, string, character or comment. A group that holds brackets is given up at once, so that
no text is looked at more than twice.
"""
_STRING = re.compile(r'[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*"')
_VERBATIM = re.compile(r'[^"]*(?:""[^"]*)*"')
_CHARACTER = re.compile(r"[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*'")
"""More than C# allows between the quotes: generated policies hold texts in them, and their expressions end all the same."""
_IN_INTERPOLATED = re.compile(r'[^"{}\\\r\n]*')
_IN_VERBATIM_INTERPOLATED = re.compile(r'[^"{}]*')
_LINE_END = re.compile(r"[^\r\n]*")
_CLOSER = {"(": ")", "[": "]", "{": "}"}


class Budget:
    """How many characters may still be spent on expressions that turn out not to be closed."""

    __slots__ = ("left",)

    def __init__(self, length: int) -> None:
        self.left = 4 * length + 4096


def expression_end(text: str, start: int, budget: Budget | None = None) -> int:
    """The offset after the bracket that closes the expression whose ``@`` stands at ``start``, or -1.

    -1 also when the budget is spent: a text with a hundred thousand unclosed expressions costs no more than one.
    """
    if budget is not None and budget.left <= 0:
        return -1
    closer = _CLOSER[text[start + 1]]
    first = _TOKEN.match(text, start + 2)
    if first is not None and first[1] == closer:
        return first.end()
    end = _balanced(text, start + 2, closer, 0)
    if end < 0 and budget is not None:
        budget.left -= len(text) - start
    return end


def is_whole_expression(text: str, start: int) -> bool:
    """Whether an expression begins at ``start`` and only white space follows it."""
    end = _balanced(text, start + 2, _CLOSER[text[start + 1]], 0)
    return end >= 0 and not text[end:].strip()


def expression_start(text: str, start: int = 0, end: int | None = None) -> int:
    """The offset of the first ``@(`` or ``@{`` in the range, or -1."""
    stop = len(text) if end is None else end
    round_ = text.find("@(", start, stop)
    curly = text.find("@{", start, stop if round_ < 0 else round_)
    return round_ if curly < 0 else curly


def _balanced(text: str, position: int, closer: str, holes: int) -> int:
    """The offset after ``closer``, given that its opening bracket was just passed; -1 when it never comes."""
    expected = [closer]
    next_token = _TOKEN.match
    while True:
        match = next_token(text, position)
        if match is None:
            return -1
        token = match[1]
        position = match.end()
        if token in _CLOSER:
            expected.append(_CLOSER[token])
        elif token in ")]}":
            if token != expected.pop():
                return -1
            if not expected:
                return position
        elif token == '"':
            position = _after(_STRING, text, position)
        elif token == "'":
            position = _after(_CHARACTER, text, position)
        elif token == "//":
            position = _after(_LINE_END, text, position)
        elif token == "/*":
            position = text.find("*/", position) + 2
            if position == 1:
                return -1
        elif token == '@"':
            position = _after(_VERBATIM, text, position)
        else:
            position = _interpolated(text, position, "@" in token, holes + 1)
        if position < 0:
            return -1


def _interpolated(text: str, position: int, verbatim: bool, holes: int) -> int:
    """The offset after an interpolated string whose opening quote was just passed; -1 when it is not closed."""
    if holes > _MAX_HOLES:
        return -1
    plain = _IN_VERBATIM_INTERPOLATED if verbatim else _IN_INTERPOLATED
    while True:
        position = _after(plain, text, position)
        char = text[position : position + 1]
        pair = text[position : position + 2]
        if char == '"':
            if verbatim and pair == '""':
                position += 2
                continue
            return position + 1
        if char == "{" and pair != "{{":
            position = _balanced(text, position + 1, "}", holes)
            if position < 0:
                return -1
        elif pair in ("{{", "}}") or (char == "\\" and len(pair) == 2):
            position += 2
        elif char == "}":
            position += 1
        else:
            return -1


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else -1

"""The tokens of Bicep, in time proportional to the text, whatever it is.

Comments and directives are passed over; a run of line ends is one token; a text is one token with all that is in it.
"""

from __future__ import annotations

import re

from mcpguard.core.patterns import LazyPattern

_TOKEN = LazyPattern(
    r"""(?x)[ \t\f\v\ufeff\xa0]*+(?:
    ((?:[ \t]*+(?:\r\n?|\n))++)
    |([A-Za-z_]\w*+)
    |('(?!'')(?:[^'\\$\r\n]|\\[^\r\n]|\$(?!\{)|\$\{(?:[^'{}\r\n]|'[^'\\{}$\r\n]*+')*+\})*+')
    |(\.\.\.|\.\?|=>|==|=~|!=|!~|>=|<=|&&|\|\||\?\?|::|[{}()\[\].,:?!=<>+\-*%^|@]|/(?![/*]))
    |(\d++)
    |(//[^\r\n]*+|\#[^\r\n]*+)
    |(/\*|\$*+'''|')
    |(\Z)
    |(.))"""
)
_LINE_END, _NAME, _TEXT, _SYMBOL, _NUMBER, _COMMENT, _OPENING, _END, _BAD = range(1, 10)
NEWLINE, NAME, TEXT, NUMBER, END, BAD = "newline", "name", "text", "number", "end", "bad"
_CLOSES = {")": "(", "]": "[", "}": "{"}
_LONGEST = 100_000
"""Characters of a text on one line with values in it."""
_STEP = re.compile(r"\\[^\r\n]|\$\{|[{}'\r\n]")


class Tokens:
    """The tokens of a text, or of a part of it."""

    __slots__ = ("ends", "kinds", "partners", "starts", "text")

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self.text = text
        self.kinds: list[str] = []
        """Of a symbol the symbol; else one of the constants of this module."""
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.partners: dict[int, int] = {}
        """Opening brackets with the brackets that close them, by position among the tokens."""
        self._read(start, len(text) if end is None else end)
        self._pair()

    def _read(self, position: int, stop: int) -> None:
        text = self.text
        kinds, starts, ends = self.kinds.append, self.starts.append, self.ends.append
        names = (None, NEWLINE, NAME, TEXT, "", NUMBER)
        while True:
            for match in _TOKEN.finditer(text, position, stop):
                index = match.lastindex or _END
                start, finish = match.span(index)
                if index <= _NUMBER:
                    kinds(match[_SYMBOL] if index == _SYMBOL else names[index])  # type: ignore[arg-type]
                elif index == _COMMENT:
                    continue
                elif index == _OPENING:
                    position = self._open(match[_OPENING], start, finish, stop)
                    break
                else:
                    kinds(END if index == _END else BAD)
                starts(start)
                ends(finish)
                if index == _END:
                    return
            else:
                kinds(END)
                starts(stop)
                ends(stop)
                return

    def _open(self, opening: str, start: int, begin: int, stop: int) -> int:
        """Take a comment or text whose end must be looked for; where to go on."""
        if opening == "/*":
            end = self.text.find("*/", begin, stop)
            if end >= 0:
                return end + 2
            kind, end = BAD, stop
        elif opening == "'":
            end = text_end(self.text, start, min(stop, start + _LONGEST))
            kind = TEXT if end > 0 else BAD
            end = end if end > 0 else line_end(self.text, start, stop)
        else:
            end = self.text.find("'''", begin, stop)
            kind = TEXT if end >= 0 else BAD
            end = end + 3 if end >= 0 else stop
            while kind is TEXT and end < stop and self.text[end] == "'":
                end += 1  # apostrophes before the closing ones belong to the text
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)
        return end

    def _pair(self) -> None:
        stack: list[tuple[str, int]] = []
        counts = {"(": 0, "[": 0, "{": 0}
        for index, kind in enumerate(self.kinds):
            if kind in counts:
                stack.append((kind, index))
                counts[kind] += 1
            elif kind in _CLOSES and counts[_CLOSES[kind]]:
                # What was opened since and never closed stays without a partner.
                while stack:
                    opening, at = stack.pop()
                    counts[opening] -= 1
                    if opening == _CLOSES[kind]:
                        self.partners[at] = index
                        break


def line_end(text: str, start: int, stop: int) -> int:
    """Where the line of a position ends."""
    found = [at for at in (text.find("\n", start, stop), text.find("\r", start, stop)) if at >= 0]
    return min(found, default=stop)


def text_end(text: str, start: int, stop: int) -> int:
    """Where a text that begins with one apostrophe ends; -1 when it does not."""
    inside = ["'"]  # what is open: a text, or the braces of a value
    position = start + 1
    while inside:
        match = _STEP.search(text, position, stop)
        if match is None:
            return -1
        position = match.end()
        found = match[0]
        if inside[-1] == "'":
            if found == "'":
                inside.pop()
            elif found == "${":
                inside.append("{")
            elif found in "\r\n":
                return -1
        elif found == "'":
            inside.append("'")
        elif found in ("{", "${"):
            inside.append("{")
        elif found == "}":
            inside.pop()
    return position

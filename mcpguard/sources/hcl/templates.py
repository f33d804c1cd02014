"""Templates: the texts of HCL with ``${…}`` and ``%{…}`` in them, cut into stretches, expressions and directives.

Syntax: developer.hashicorp.com/terraform/language/expressions/strings; white space as hashicorp/hcl takes it
(``hclsyntax/spec.md``, "Template Expressions").
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from mcpguard.sources.hcl.ast import Broken, Choice, Node, Source, Text, Turns

_SEQUENCE = re.compile(rb"\$\$\{|%%\{|[$%]\{")
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_INSIDE = re.compile(rb'["{}]|\#[^\n]*|//[^\n]*|/\*.*?\*/', re.DOTALL)
_QUOTED_INSIDE = re.compile(rb'\\.|"|\$\$\{|%%\{|[$%]\{', re.DOTALL)
_DIRECTIVE = re.compile(rb"\s*(if|else|endif|for|endfor)\b", re.DOTALL)
_FOR = re.compile(rb"\s*([A-Za-z_][\w\-]*)\s*(?:,\s*([A-Za-z_][\w\-]*)\s*)?in\b", re.DOTALL)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_SPACES = " \t\r\n\f\v"
_MAX_NESTING = 50

Reader = Callable[[int, int], Node]
"""Reads the expression between two offsets."""


class _Piece(msgspec.Struct):
    """A token of a template: a text within one line, an expression, or a directive."""

    kind: str
    """``text``, ``value``, or the word of a directive."""
    start: int
    end: int
    texts: list[Text] = []
    strips_before: bool = False
    strips_after: bool = False
    inner: tuple[int, int] = (0, 0)
    """Offsets of the expression, or of what follows the word."""


def cut(source: Source, start: int, end: int, read: Reader, *, quoted: bool, flush: bool = False) -> tuple[Node, ...]:
    """The parts of the template between two offsets.

    Args:
        source: the text that it stands in.
        start: where it begins, in bytes.
        end: where it ends.
        read: reads an expression in it.
        quoted: whether backslashes escape, as they do between quotes only.
        flush: whether the indentation that all lines share is left out (``<<-``).
    """
    pieces = _pieces(source, start, end, quoted=quoted)
    if flush:
        _flush(source, pieces)
    _strip(pieces)
    return _Builder(source, pieces, read).parts()


def _pieces(source: Source, start: int, end: int, *, quoted: bool) -> list[_Piece]:
    data = source.data
    out: list[_Piece] = []
    position = start
    while position < end:
        match = _SEQUENCE.search(data, position, end)
        while match is not None and match[0] in (b"$${", b"%%{"):
            match = _SEQUENCE.search(data, match.end(), end)
        stop = match.start() if match else end
        out.extend(_texts(source, position, stop, quoted=quoted))
        if match is None:
            break
        close = _close(data, match.end(), end)
        if close < 0:
            out.append(_Piece("broken", stop, end))
            break
        first, last = match.end(), close
        before = data[first : first + 1] == b"~"
        after = last > first and data[last - 1 : last] == b"~"
        piece = _Piece("value", stop, close + 1, [], before, after, (first + before, last - after))
        if match[0] == b"%{":
            word = _DIRECTIVE.match(data, piece.inner[0], piece.inner[1])
            piece.kind = word[1].decode() if word else "broken"
            piece.inner = (word.end() if word else first, piece.inner[1])
        out.append(piece)
        position = close + 1
    return out


def _texts(source: Source, start: int, end: int, *, quoted: bool) -> list[_Piece]:
    """The stretches of a text, one piece a line."""
    out: list[_Piece] = []
    position = start
    while position < end:
        newline = source.data.find(b"\n", position, end)
        stop = end if newline < 0 else newline + 1
        out.append(_Piece("text", position, stop, list(_unescaped(source, position, stop, quoted=quoted))))
        position = stop
    return out


def _unescaped(source: Source, start: int, end: int, *, quoted: bool) -> list[Text]:
    data = source.data
    out: list[Text] = []
    position = start
    while position < end:
        doubled = _SEQUENCE.search(data, position, end)
        escape = _ESCAPE.search(data, position, doubled.start() if doubled else end) if quoted else None
        found = escape or doubled
        stop = found.start() if found else end
        if position < stop:
            out.append(Text(source, position, stop, source.text(position, stop)))
        if found is None:
            break
        out.append(Text(source, stop, found.end(), _meaning(found[0])))
        position = found.end()
    return out


def _meaning(sequence: bytes) -> str:
    """What an escape stands for."""
    text = sequence.decode("utf-8", "replace")
    if text[0] != "\\":
        return text[1:]  # $${ and %%{
    if text[1] in "uU" and len(text) > 2:
        point = int(text[2:], 16)
        return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else "\ufffd"
    return _CONTROL.get(text[1:], text)


def _close(data: bytes, start: int, end: int) -> int:
    """The offset of the brace that ends a sequence; -1 when there is none. Texts within may hold sequences themselves."""
    closers = [b"}"]
    position = start
    while closers:
        in_text = closers[-1] == b'"'
        match = (_QUOTED_INSIDE if in_text else _INSIDE).search(data, position, end)
        if match is None or len(closers) > _MAX_NESTING:
            return -1
        position = match.end()
        found = match[0]
        if found == closers[-1]:
            closers.pop()
            if not closers:
                return match.start()
        elif found in (b"{", b"${", b"%{"):
            closers.append(b"}")
        elif found == b'"':
            closers.append(b'"')
    return -1


# -- white space -----------------------------------------------------------------------------------------------------


def _flush(source: Source, pieces: list[_Piece]) -> None:
    """Leave out the shared indentation; lines of nothing but white space do not count."""
    least = -1
    adjusted: list[_Piece] = []
    begins = True
    for piece in pieces:
        if begins:
            text = source.text(piece.start, piece.end) if piece.kind == "text" else ""
            bare = text.lstrip(_SPACES)
            if not (piece.kind == "text" and not bare and text.endswith("\n")):
                indent = len(text) - len(bare)
                least = indent if least < 0 else min(least, indent)
                if piece.kind == "text":
                    adjusted.append(piece)
        begins = piece.kind == "text" and source.data[piece.end - 1 : piece.end] == b"\n"
    for piece in adjusted if least > 0 else ():
        _drop(piece, least, from_end=False)


def _strip(pieces: list[_Piece]) -> None:
    """Apply ``~``: the white space beside it within the text's line goes, with the line's end."""
    for index, piece in enumerate(pieces):
        if piece.strips_before and index and pieces[index - 1].kind == "text":
            value = "".join(text.value for text in pieces[index - 1].texts)
            _drop(pieces[index - 1], len(value) - len(value.rstrip(_SPACES)), from_end=True)
        if piece.strips_after and index + 1 < len(pieces) and pieces[index + 1].kind == "text":
            value = "".join(text.value for text in pieces[index + 1].texts)
            _drop(pieces[index + 1], len(value) - len(value.lstrip(_SPACES)), from_end=False)


def _drop(piece: _Piece, count: int, *, from_end: bool) -> None:
    """Leave out characters at one end."""
    texts = piece.texts[::-1] if from_end else list(piece.texts)
    while count and texts:
        first = texts.pop(0)
        taken = min(count, len(first.value))
        count -= taken
        if taken < len(first.value):
            if from_end:
                texts.insert(0, Text(first.source, first.start, first.end - taken, first.value[:-taken]))
            else:
                texts.insert(0, Text(first.source, first.start + taken, first.end, first.value[taken:]))
    piece.texts = texts[::-1] if from_end else texts


# -- putting together ------------------------------------------------------------------------------------------------


class _Builder:
    """Nests directives."""

    def __init__(self, source: Source, pieces: list[_Piece], read: Reader) -> None:
        self.source, self.pieces, self.read = source, pieces, read
        self.position = 0

    def parts(self) -> tuple[Node, ...]:
        """Everything, with what is broken in its place."""
        out: list[Node] = []
        while self.position < len(self.pieces):
            out.extend(self._until(0))
            if self.position < len(self.pieces):
                piece = self.pieces[self.position]
                self.position += 1
                out.append(self._broken(piece, f"a directive {piece.kind} without its beginning"))
        return tuple(out)

    def _until(self, depth: int) -> list[Node]:
        out: list[Node] = []
        while self.position < len(self.pieces):
            piece = self.pieces[self.position]
            if piece.kind in ("else", "endif", "endfor"):
                return out
            self.position += 1
            match piece.kind:
                case "text":
                    out.extend(piece.texts)
                case "value":
                    out.append(self.read(*piece.inner))
                case "if" | "for" if depth < _MAX_NESTING:
                    out.append(self._choice(piece, depth) if piece.kind == "if" else self._turns(piece, depth))
                case _:
                    out.append(self._broken(piece, "a template that does not end, or a directive that is none"))
        return out

    def _choice(self, piece: _Piece, depth: int) -> Node:
        condition = self.read(*piece.inner)
        then = self._until(depth + 1)
        otherwise: list[Node] = []
        if self._next() == "else":
            self.position += 1
            otherwise = self._until(depth + 1)
        if self._next() != "endif":
            return self._broken(piece, "%{ if } without %{ endif }")
        end = self.pieces[self.position].end
        self.position += 1
        return Choice(self.source, piece.start, end, condition, tuple(then), tuple(otherwise))

    def _turns(self, piece: _Piece, depth: int) -> Node:
        names = _FOR.match(self.source.data, *piece.inner)
        parts = self._until(depth + 1)
        if names is None or self._next() != "endfor":
            return self._broken(piece, "%{ for } without %{ endfor }, or without names")
        end = self.pieces[self.position].end
        self.position += 1
        first, second = names[1].decode(), (names[2] or b"").decode()
        collection = self.read(names.end(), piece.inner[1])
        return Turns(self.source, piece.start, end, first if second else "", second or first, collection, tuple(parts))

    def _next(self) -> str:
        return self.pieces[self.position].kind if self.position < len(self.pieces) else ""

    def _broken(self, piece: _Piece, reason: str) -> Node:
        return Broken(self.source, piece.start, piece.end, reason)

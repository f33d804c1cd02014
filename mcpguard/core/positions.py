"""From a location to lines and columns: an index per artifact, built only for what is reported.

JSON is descended with ``msgspec.Raw``: at each level only siblings before the wanted one are stepped over, by the length
of their raw bytes. YAML is composed with marks. A route into HCL begins with the offset of an attribute or block. Any other
text is its own document.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Protocol

import msgspec

from mcpguard.core.jsontext import blank_noise
from mcpguard.core.location import Location, Route, Span
from mcpguard.core.patterns import LazyPattern

_WHITE = re.compile(rb"[ \t\r\n]*")
_SEPARATOR = re.compile(rb"[ \t\r\n]*,?[ \t\r\n]*")
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_SCALAR = LazyPattern(rb'(?s)"(?:[^"\\]|\\.)*"|[^\s,\]}{\["]+')
_STRUCTURE = LazyPattern(rb'(?s)"(?:[^"\\]|\\.)*"|[{}\[\]]')
_ESCAPE = LazyPattern(r"(?s)\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")
_UNMOVED: Mapping[Route, Route] = {}
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_raw_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Resolved(msgspec.Struct, frozen=True):
    """A location with its region in the file and, for a text inside a JSON string, the region in that text."""

    location: Location
    span: Span
    inner: Span | None
    """Line and column within the embedded text, such as a policy inside ``properties.value``; None otherwise."""
    excerpt: tuple[str, ...]
    """The lines to quote, from the embedded text when there is one; masking is the caller's business."""
    excerpt_span: Span
    """The region within what ``excerpt`` quotes; its first line is the first line of the excerpt."""


class Places(Protocol):
    """Finds routes in a language of its own, such as Bicep; made by the source that read the file."""

    def extent(self, route: Route) -> tuple[int, int, bool]:
        """Character offsets of the value at ``route``, or of its closest ancestor, and whether the whole route was found."""

    def decode(self, literal: str) -> tuple[str, list[int]]:
        """A text as it is written, decoded, and for each of its characters, and its end, the offset in what is written."""


class SourceText:
    """One artifact's text with everything needed to turn routes and offsets into lines and columns."""

    __slots__ = ("_lines", "_moved", "_places", "_start_cache", "_yaml", "data", "format", "text")

    def __init__(self, data: bytes, format: str, moved: Mapping[Route, Route] = _UNMOVED, places: Places | None = None) -> None:
        """``data`` is UTF-8; ``format`` is ``json``, ``jsonc`` (comments), ``jsonl`` (lines), ``yaml``, ``hcl`` or ``text``.

        ``moved`` leads from routes in a body that was put into another shape to routes in the text; ``places`` finds
        routes in a text of any other format.
        """
        self._moved = moved
        self._places = places
        self.data = blank_noise(data) if format == "jsonc" else data
        self.format = format
        self.text = data.decode("utf-8", "replace")
        self._lines: list[int] | None = None
        self._start_cache: dict[Route, tuple[int, int]] = {}
        self._yaml: object = None

    def resolve(self, location: Location) -> Resolved:
        """The region of ``location``; what cannot be found resolves to its closest existing ancestor."""
        start, end, exact = self._extent(self._route(location.route))
        within = location.within
        if within is None or not exact or self.format == "yaml" or (self.format == "hcl" and location.route):
            span = self.span(start, end)
            return Resolved(location, span, None, self._quote(self.text, span), span)
        if self.format in ("text", "hcl") or (self._places is not None and not location.route):
            span = self.span(within.start, within.end)
            return Resolved(location, span, None, self._quote(self.text, span), span)
        literal = self.text[start:end]
        inner_text, offsets = decode_literal(literal) if self._places is None else self._places.decode(literal)
        first = offsets[min(within.start, len(offsets) - 1)]
        last = offsets[min(within.end, len(offsets) - 1)]
        inner = span_in(line_starts(inner_text), inner_text, within.start, within.end)
        return Resolved(location, self.span(start + first, start + last), inner, self._quote(inner_text, inner), inner)

    def _route(self, route: Route) -> Route:
        """The route in the text for one in the body: what is known of its longest beginning."""
        for depth in range(len(route), -1, -1) if self._moved else ():
            real = self._moved.get(route[:depth])
            if real is not None:
                return real + route[depth:]
        return route

    def span(self, start: int, end: int) -> Span:
        """The region of the characters ``start`` to ``end`` of the whole text."""
        if self._lines is None:
            self._lines = line_starts(self.text)
        return span_in(self._lines, self.text, start, end)

    def _extent(self, route: Route) -> tuple[int, int, bool]:
        """Character offsets of the value at ``route``, and whether the whole route was found."""
        if self._places is not None:
            return self._places.extent(route)
        if self.format in ("json", "jsonc", "jsonl"):
            return self._in_characters(*self._json_extent(route))
        if self.format in ("yaml", "yaml-documents"):
            return self._yaml_extent(route)
        if self.format == "hcl" and route and isinstance(route[0], int):
            from mcpguard.core.hcltext import extent

            return self._in_characters(*extent(self.data, route[0], route[1:]))
        return 0, len(self.text), True

    def _in_characters(self, start: int, end: int, found: bool) -> tuple[int, int, bool]:
        """A range of bytes as one of characters."""
        if self.text.isascii():
            return start, end, found
        return len(self.data[:start].decode("utf-8", "replace")), len(self.data[:end].decode("utf-8", "replace")), found

    def _json_extent(self, route: Route) -> tuple[int, int, bool]:
        start, end, first = _end(_WHITE, self.data, 0), len(self.data.rstrip()), 0
        if self.format == "jsonl" and route and isinstance(route[0], int):
            start, end = _line(self.data, route[0])
            first = 1
        for depth in range(len(route), first, -1):
            cached = self._start_cache.get(route[:depth])
            if cached:
                (start, end), first = cached, depth
                break
        for index in range(first, len(route)):
            step = route[index]
            try:
                found = _member(self.data, start, end, step) if isinstance(step, str) else _item(self.data, start, end, step)
            except (msgspec.MsgspecError, RecursionError):
                found = None
            if found is None:
                return (*_head(self.data, start, end), False)
            start, end = found
            self._start_cache[route[: index + 1]] = found
        return start, end, True

    def _yaml_extent(self, route: Route) -> tuple[int, int, bool]:
        import yaml

        if self._yaml is None:
            self._yaml = list(yaml.compose_all(self.text, Loader=yaml.CSafeLoader))
        nodes = self._yaml if isinstance(self._yaml, list) else []
        number = 0  # of the document, with which routes into a stream of several begin
        if self.format == "yaml-documents" and route and isinstance(route[0], int):
            number, route = route[0], route[1:]
        node = nodes[number] if number < len(nodes) else None
        if not isinstance(node, yaml.Node):
            return 0, len(self.text), not route
        for step in route:
            child = None
            if isinstance(node, yaml.MappingNode):
                child = next((value for key, value in node.value if key.value == str(step)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                child = node.value[step]
            if child is None:
                return (
                    node.start_mark.index,
                    min(node.end_mark.index, self._line_end(node.start_mark.index)),
                    False,
                )
            node = child
        return node.start_mark.index, node.end_mark.index, True

    def _line_end(self, offset: int) -> int:
        found = self.text.find("\n", offset)
        return len(self.text) if found < 0 else found

    def _quote(self, text: str, span: Span) -> tuple[str, ...]:
        """The lines of a region, cut where :func:`line_starts` cuts them, which is not wherever Unicode ends a line."""
        starts = self._lines if text is self.text and self._lines is not None else line_starts(text)
        last = min(span.end_line, span.line + 3)
        ends = [*starts[1:], len(text)]
        return tuple(text[starts[n] : ends[n]].rstrip("\r\n") for n in range(span.line - 1, min(last, len(starts))))


def line_starts(text: str) -> list[int]:
    """Offsets at which lines begin; ``\\n``, ``\\r\\n`` and a lone ``\\r`` end a line."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]


def span_in(starts: list[int], text: str, start: int, end: int) -> Span:
    """The region of ``start`` to ``end`` given the line starts; an empty range covers one column."""
    start = max(0, min(start, len(text)))
    end = max(start, min(end, len(text)))
    line = bisect_right(starts, start)
    end_line = bisect_right(starts, max(start, end - 1)) if end > start else line
    column = start - starts[line - 1] + 1
    end_column = end - starts[end_line - 1] + 1
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    return Span(line, column, end_line, end_column)


def decode_literal(literal: str) -> tuple[str, list[int]]:
    """A JSON string literal decoded, and for each of its characters (and its end) the offset in the literal."""
    if not literal.startswith('"'):
        return literal, list(range(len(literal) + 1))
    out: list[str] = []
    offsets: list[int] = []
    position = 1
    stop = len(literal) - 1
    for match in _ESCAPE.finditer(literal, 1, stop):
        plain = literal[position : match.start()]
        out.append(plain)
        offsets.extend(range(position, match.start()))
        try:
            decoded = msgspec.json.decode(f'"{match[0]}"', type=str)
        except msgspec.DecodeError:
            decoded = match[0]
        out.append(decoded)
        offsets.extend([match.start()] * len(decoded))
        position = match.end()
    out.append(literal[position:stop])
    offsets.extend(range(position, stop))
    offsets.append(stop)
    return "".join(out), offsets


def _end(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    match = pattern.match(data, position)
    return match.end() if match else position


def _line(data: bytes, wanted: int) -> tuple[int, int]:
    """Start and end of the JSON text on the ``wanted``-th line that is not blank."""
    offset = 0
    for line in data.split(b"\n"):
        if line.strip():
            if wanted == 0:
                return offset + len(line) - len(line.lstrip()), offset + len(line.rstrip())
            wanted -= 1
        offset += len(line) + 1
    return 0, len(data)


def _head(data: bytes, start: int, end: int) -> tuple[int, int]:
    """A short region that stands for a whole object or array: from its bracket to the end of that line."""
    newline = data.find(b"\n", start, end)
    return start, end if newline < 0 else newline


def _member(data: bytes, start: int, end: int, name: str) -> tuple[int, int] | None:
    if data[start : start + 1] != b"{":
        return None
    values = _raw_object(memoryview(data)[start:end])
    if name not in values:
        name = name[:1].upper() + name[1:]  # PowerShell prints Graph's members with a capital letter
        if name not in values:
            return None
    found: tuple[int, int] | None = None
    position = start + 1
    while True:
        position = _end(_SEPARATOR, data, position)
        key = _KEY.match(data, position, end)
        if key is None:
            return found
        position = key.end()
        text = msgspec.json.decode(b'"' + key[1] + b'"', type=str)
        raw = values.get(text)
        value_end = _skip(data, position, end, raw)
        if text == name:
            found = position, value_end  # the last one wins, as it did when the document was decoded
        position = value_end


def _item(data: bytes, start: int, end: int, index: int) -> tuple[int, int] | None:
    if data[start : start + 1] != b"[":
        return None
    values = _raw_array(memoryview(data)[start:end])
    if index >= len(values):
        return None
    begin = position = start + 1
    for raw in values[: index + 1]:
        begin = _end(_SEPARATOR, data, position)
        position = begin + len(memoryview(raw))
    return begin, position


def _skip(data: bytes, start: int, end: int, raw: msgspec.Raw | None) -> int:
    """The end of the value at ``start``; ``raw`` is the guess, wrong only where a key occurs twice."""
    if raw is not None:
        length = len(memoryview(raw))
        if data[start : start + length] == bytes(raw) and data[start + length : start + length + 1] in b" \t\r\n,}":
            return start + length
    if data[start : start + 1] in (b"{", b"["):
        depth = 0
        for token in _STRUCTURE.finditer(data, start, end):
            if token[0] in (b"{", b"["):
                depth += 1
            elif token[0] in (b"}", b"]"):
                depth -= 1
                if depth == 0:
                    return token.end()
        return end
    scalar = _SCALAR.match(data, start, end)
    return scalar.end() if scalar else end

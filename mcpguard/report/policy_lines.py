"""Lines and columns of many places in few texts: each text is decoded and cut into lines once.

:meth:`Report.resolve` also quotes, and pays for that with a look at the whole text every time; a policy of thousands of
statements asks for thousands of places.
"""

from __future__ import annotations

import msgspec

from mcpguard.core.location import Location, Route
from mcpguard.core.positions import SourceText, decode_literal, line_starts, span_in
from mcpguard.model.report import Report
from mcpguard.report.places import NO_TEXT


class Spot(msgspec.Struct, frozen=True):
    """Where a location begins, 1-based; the policy's own line and column when its text is embedded, else 0."""

    line: int
    column: int
    policy_line: int = 0
    policy_column: int = 0


class _Embedded(msgspec.Struct, frozen=True):
    """A text that is a string inside a JSON file."""

    start: int
    """Where the literal begins in the file."""
    text: str
    offsets: list[int]
    starts: list[int]


class Lines:
    """Resolves locations of one report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._sources: dict[str, tuple[SourceText, list[int]] | None] = {}
        self._embedded: dict[tuple[str, Route], _Embedded | None] = {}

    def spot(self, location: Location) -> Spot | None:
        """The place; None when the file's text is not at hand."""
        found = self._source(location.artifact)
        if found is None:
            return None
        source, starts = found
        within = location.within
        if within is not None and source.format == "text":
            span = span_in(starts, source.text, within.start, within.end)
            return Spot(span.line, span.column)
        if within is not None and source.format in ("json", "jsonc", "jsonl"):
            embedded = self._string(location, source, starts)
            if embedded is not None:
                last = len(embedded.offsets) - 1
                first = embedded.start + embedded.offsets[min(within.start, last)]
                outer = span_in(starts, source.text, first, first + 1)
                inner = span_in(embedded.starts, embedded.text, within.start, within.end)
                return Spot(outer.line, outer.column, inner.line, inner.column)
        resolved = source.resolve(location)
        if resolved.inner is not None:
            return Spot(resolved.span.line, resolved.span.column, resolved.inner.line, resolved.inner.column)
        return Spot(resolved.span.line, resolved.span.column)

    def label(self, location: Location) -> str:
        """``path:line:column``, with the policy's own line when the text is embedded."""
        spot = self.spot(location)
        path = location.artifact or "(no file)"
        if spot is None:
            return f"{path} ({NO_TEXT})"
        inside = f", policy line {spot.policy_line}" if spot.policy_line else ""
        return f"{path}:{spot.line}:{spot.column}{inside}"

    def _source(self, artifact: str) -> tuple[SourceText, list[int]] | None:
        if artifact not in self._sources:
            text = self._report.texts.get(artifact)
            source = SourceText(text.data, text.format, text.moved, text.places) if text is not None else None
            self._sources[artifact] = (source, line_starts(source.text)) if source is not None else None
        return self._sources[artifact]

    def _string(self, location: Location, source: SourceText, starts: list[int]) -> _Embedded | None:
        """The string at the location's route; None when there is something else."""
        key = location.artifact, location.route
        if key not in self._embedded:
            whole = source.resolve(Location(location.artifact, location.route)).span
            start = starts[whole.line - 1] + whole.column - 1
            end = starts[whole.end_line - 1] + whole.end_column - 1
            literal = source.text[start:end]
            self._embedded[key] = None
            if literal.startswith('"'):
                text, offsets = decode_literal(literal)
                self._embedded[key] = _Embedded(start, text, offsets, line_starts(text))
        return self._embedded[key]

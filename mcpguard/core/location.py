"""Where something stands: an artifact, a route into its data, and optionally a range within a text found there.

A location is plain data. Line and column are worked out late, by :mod:`mcpguard.core.positions`, and only for what is reported.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum

import msgspec

Route = tuple[str | int, ...]
"""Keys and indices from the root of a JSON or YAML document to a value. Empty for a whole file and for plain text."""


class Role(Enum):
    """Why a location is part of a finding."""

    PRIMARY = "primary"
    RELATED = "related"
    FLOW = "flow"


class TextRange(msgspec.Struct, frozen=True):
    """A half-open range of characters, ``start <= i < end``, in the text at a location's route."""

    start: int
    end: int


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a text that is put together from several places, and where it stands."""

    start: int
    """Where the stretch begins in the text that is put together, and where it ends."""
    end: int
    artifact: str
    route: Route
    within: TextRange | None = None
    """The stretch in the string at ``route``; of another length when it stands in its place. None: all of it."""

    def position(self, offset: int, *, is_end: bool) -> int:
        """Where an offset of the text that is put together is in the string that the piece stands in."""
        if self.within is None:
            return 0
        if self.end - self.start != self.within.end - self.within.start:
            return self.within.end if is_end else self.within.start
        return min(self.within.start + offset - self.start, self.within.end)


class Location(msgspec.Struct, frozen=True, gc=False):
    """A place in the input, before lines and columns are known."""

    artifact: str
    """Path of the file relative to the scan root, ``/``-separated."""
    route: Route = ()
    """Where in the document; the closest existing ancestor stands in for a value that is absent."""
    within: TextRange | None = None
    """Range in the string at ``route``, or in the whole file when it is plain text such as XML."""
    role: Role = Role.PRIMARY
    note: str = ""
    pieces: tuple[Piece, ...] = ()
    """For a text that a template computes from others: where each stretch of it stands, in their order."""

    def child(self, *steps: str | int) -> Location:
        """The location ``steps`` further down."""
        return Location(self.artifact, self.route + steps)

    @property
    def parent(self) -> Location:
        """The object or list that holds what stands here."""
        return Location(self.artifact, self.route[:-1])

    def range(self, start: int, end: int) -> Location:
        """The same place, narrowed to characters ``start`` to ``end`` of its text."""
        if self.pieces:
            return self._within_piece(start, end)
        return Location(self.artifact, self.route, TextRange(start, end), self.role, self.note)

    def _within_piece(self, start: int, end: int) -> Location:
        """The range in the piece that holds its beginning, or across pieces of one string when its end is there too."""
        at = max(0, bisect_right(self.pieces, start, key=_start_of) - 1)
        first, last = self.pieces[at], self.pieces[max(at, bisect_right(self.pieces, end - 1, key=_start_of) - 1)]
        if first.within is None:
            return Location(first.artifact, first.route, None, self.role, self.note)
        begin, stop = first.position(start, is_end=False), first.within.end
        if last.within is not None and (last.artifact, last.route) == (first.artifact, first.route):
            stop = last.position(end, is_end=True)
        return Location(first.artifact, first.route, TextRange(begin, max(begin, stop)), self.role, self.note)

    def related(self, note: str) -> Location:
        """The same place as a supporting location with a note."""
        return Location(self.artifact, self.route, self.within, Role.RELATED, note)

    def step(self, note: str) -> Location:
        """The same place as one step of a data flow."""
        return Location(self.artifact, self.route, self.within, Role.FLOW, note)


def _start_of(piece: Piece) -> int:
    return piece.start


class Span(msgspec.Struct, frozen=True):
    """A resolved region: 1-based lines, 1-based columns in Unicode code points, end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

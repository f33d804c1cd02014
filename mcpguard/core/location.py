"""Where something stands: an artifact, a route into its data, and optionally a range within a text found there.

A location is plain data. Line and column are worked out late, by :mod:`mcpguard.core.positions`, and only for what is reported.
"""

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


class Location(msgspec.Struct, frozen=True):
    """A place in the input, before lines and columns are known."""

    artifact: str
    """Path of the file relative to the scan root, ``/``-separated."""
    route: Route = ()
    """Where in the document; the closest existing ancestor stands in for a value that is absent."""
    within: TextRange | None = None
    """Range in the string at ``route``, or in the whole file when it is plain text such as XML."""
    role: Role = Role.PRIMARY
    note: str = ""

    def child(self, *steps: str | int) -> "Location":
        """The location ``steps`` further down."""
        return Location(self.artifact, self.route + steps)

    def range(self, start: int, end: int) -> "Location":
        """The same place, narrowed to characters ``start`` to ``end`` of its text."""
        return Location(self.artifact, self.route, TextRange(start, end), self.role, self.note)

    def related(self, note: str) -> "Location":
        """The same place as a supporting location with a note."""
        return Location(self.artifact, self.route, self.within, Role.RELATED, note)

    def step(self, note: str) -> "Location":
        """The same place as one step of a data flow."""
        return Location(self.artifact, self.route, self.within, Role.FLOW, note)


class Span(msgspec.Struct, frozen=True):
    """A resolved region: 1-based lines, 1-based columns in Unicode code points, end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

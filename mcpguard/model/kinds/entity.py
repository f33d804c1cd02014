"""What every kind has in common."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from mcpguard.core.location import Location


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in the estate."""

    kind: ClassVar[str] = "entity"
    """The kind's name, as rules, gaps and reports spell it."""
    label: ClassVar[str] = "resource"
    """The kind in words, as messages spell it."""

    id: str
    """The id as the input wrote it, for people to read and search."""
    key: str
    """The id in the form in which ids are compared."""
    name: str
    at: Location
    """Where the resource's object stands."""
    format: str
    """The source format it was read from."""
    api_version: str = ""

    @property
    def title(self) -> str:
        """Kind and name, as messages name the thing."""
        return f"{self.label} {self.name}"

"""Facts as entries of a sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.sheet import Entry

T = TypeVar("T")


def entry(name: str, fact: Fact[T], show: Callable[[T], str] = str, at: Location | None = None, note: str = "") -> Entry:
    """A fact under a name. A platform default says so; ``at`` stands in where the fact has no place of its own."""
    match fact:
        case Known(value=value, at=own, default=default):
            return Entry(name, show(value), own or at, note or (f"not set: {default}" if default else ""))
        case Unknown() as unknown:
            return Entry(name, "", unknown.at or at, note, unknown)


def yes(value: bool) -> str:
    """``yes`` or ``no``."""
    return "yes" if value else "no"


def listed(values: tuple[str, ...]) -> str:
    """Texts with commas; ``none`` for no text."""
    return ", ".join(values) or "none"

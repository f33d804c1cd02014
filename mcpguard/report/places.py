"""Where a finding stands, as people read it: ``path:line:column``."""

from __future__ import annotations

import msgspec

from mcpguard.core.location import Location
from mcpguard.core.positions import Resolved
from mcpguard.model.report import Report

NO_TEXT = "the file's text is not available, so no line can be shown"


class Place(msgspec.Struct, frozen=True):
    """A location with the words for it."""

    path: str
    label: str
    """``path:line:column``; the bare path when the file's text is not there."""
    policy: str
    """``policy line N`` for a place inside a text that a JSON string holds; else empty."""
    note: str
    """What the location says of itself."""
    resolved: Resolved | None


def place(report: Report, location: Location) -> Place:
    """The place of ``location``."""
    resolved = report.resolve(location)
    path = location.artifact or "(no file)"
    if resolved is None:
        return Place(path, path, "", location.note, None)
    inner = resolved.inner
    return Place(
        path,
        f"{path}:{resolved.span.line}:{resolved.span.column}",
        f"policy line {inner.line}" if inner else "",
        location.note,
        resolved,
    )


def described(found: Place) -> str:
    """Label and policy line in one phrase; says so when no line can be named."""
    if found.resolved is None:
        return f"{found.label} ({NO_TEXT})"
    return f"{found.label}, {found.policy}" if found.policy else found.label

"""A server's chain as boxes and arrows: callers, gateway, what is behind it, identities, downstream, from left to right."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from mcpguard.model.kinds.mcp import Confidence
from mcpguard.model.sheet import Hop, HopRole, Sheet
from mcpguard.report.prose import shortened
from mcpguard.report.terminal import safe

_COLUMNS: tuple[tuple[str, tuple[HopRole, ...]], ...] = (
    ("callers", (HopRole.AGENT, HopRole.CLIENT)),
    ("gateway", (HopRole.GATEWAY,)),
    ("server", ()),
    ("behind it", (HopRole.BEHIND, HopRole.HOST)),
    ("identity", (HopRole.REGISTRATION, HopRole.IDENTITY)),
    ("downstream", (HopRole.DOWNSTREAM,)),
)
_WIDTH, _HEIGHT = 138, 42
_ACROSS, _DOWN = 24, 10
_TOP = 24
_LETTERS = 16
_MOST = 8
"""Boxes of one column; the rest is counted in one more."""


class Box(msgspec.Struct, frozen=True):
    """One hop."""

    x: int
    y: int
    title: str
    """Cut to what fits."""
    full: str
    role: str
    style: str
    """``known``, ``unsure`` or ``missing``."""


class _Cell(msgspec.Struct, frozen=True):
    """What a box says, before it has a place."""

    name: str
    full: str
    role: str
    style: str


class Arrow(msgspec.Struct, frozen=True):
    """From one box to another, as the path of an SVG."""

    path: str
    style: str


class Drawing(msgspec.Struct, frozen=True):
    """Everything to draw."""

    width: int
    height: int
    box_width: int
    box_height: int
    heads: tuple[tuple[int, str], ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    description: str
    """The chain in words, for those who do not see it."""


def draw(sheet: Sheet) -> Drawing:
    """The drawing of a server's chain. Columns without a hop are left out; one that is not known is dashed."""
    columns: list[tuple[str, list[_Cell]]] = []
    for head, roles in _COLUMNS:
        hops = sheet.hops(*roles) if roles else ()
        cells = (
            [_cell(hop) for hop in hops[:_MOST]]
            if roles
            else [_Cell(sheet.name, sheet.title, "MCP server", _style(sheet.confidence))]
        )
        if len(hops) > _MOST:
            more = f"and {len(hops) - _MOST} more"
            cells.append(_Cell(more, more, "", "known"))
        if cells:
            columns.append((head, cells))
    tallest = max(len(cells) for _, cells in columns)
    height = _TOP + tallest * (_HEIGHT + _DOWN)
    placed: list[list[Box]] = []
    for number, (_, cells) in enumerate(columns):
        x = number * (_WIDTH + _ACROSS)
        first = _TOP + (tallest - len(cells)) * (_HEIGHT + _DOWN) // 2
        placed.append(
            [
                Box(x, first + row * (_HEIGHT + _DOWN), _cut(cell.name), safe(cell.full), cell.role, cell.style)
                for row, cell in enumerate(cells)
            ]
        )
    arrows = [_arrow(a, b) for left, right in pairwise(placed) for a in left for b in right]
    return Drawing(
        width=len(columns) * (_WIDTH + _ACROSS) - _ACROSS,
        height=height,
        box_width=_WIDTH,
        box_height=_HEIGHT,
        heads=tuple((number * (_WIDTH + _ACROSS), head) for number, (head, _) in enumerate(columns)),
        boxes=tuple(box for column in placed for box in column),
        arrows=tuple(arrows),
        description="; then ".join(", ".join(cell.full for cell in cells) for _, cells in columns),
    )


def _cell(hop: Hop) -> _Cell:
    role = hop.role.value.replace("-", " ")
    if hop.missing is not None:
        return _Cell(hop.short or hop.title, hop.title, f"{role}, not known", "missing")
    return _Cell(hop.short or hop.title, hop.title, role, _style(hop.confidence))


def _cut(name: str) -> str:
    return shortened(safe(name), _LETTERS)


def _style(confidence: Confidence) -> str:
    return "known" if confidence is Confidence.HIGH else "unsure"


def _arrow(left: Box, right: Box) -> Arrow:
    start, end = left.x + _WIDTH, right.x
    from_y, to_y = left.y + _HEIGHT // 2, right.y + _HEIGHT // 2
    bend = (start + end) // 2
    style = "missing" if "missing" in (left.style, right.style) else "known"
    return Arrow(f"M{start} {from_y} C{bend} {from_y} {bend} {to_y} {end - 5} {to_y}", style)

"""How often a block is there: what ``count`` and ``for_each`` make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.values import Handle

MAX_INSTANCES = 800
"""Instances of one block that are taken."""


class Turn(msgspec.Struct, frozen=True):
    """One instance of a block."""

    key: int | str | None
    names: Mapping[str, Json] = {}

    @property
    def suffix(self) -> str:
        """``[0]``, ``["a"]``, or nothing."""
        if self.key is None:
            return ""
        return f"[{self.key}]" if isinstance(self.key, int) else f'["{self.key}"]'


class Expansion(msgspec.Struct, frozen=True):
    """The instances of a block."""

    turns: tuple[Turn, ...] = (Turn(None),)
    kind: str = "one"
    """``one``, ``count`` or ``each``."""
    condition: Unresolved | None = None
    """The test that decides whether there are any."""
    open: Unresolved | None = None
    """What says how many there are, when that is not known."""

    def gather(self, made: list[Json]) -> Json:
        """The value that the block's name has, given its instances."""
        if self.kind == "count":
            return made
        if self.kind == "each":
            return {str(turn.key): value for turn, value in zip(self.turns, made, strict=True)}
        return made[0] if made else None


def counted(value: Json) -> Expansion:
    """The instances that a ``count`` makes."""
    value, condition = _chosen(value, lambda side: side == 0)
    if isinstance(value, bool) or not isinstance(value, int):
        return Expansion((), "count", open=value if isinstance(value, Unresolved) else Unresolved("count", reason="no number"))
    if value > MAX_INSTANCES:
        return Expansion((), "count", open=Unresolved(str(value), reason=f"more than {MAX_INSTANCES} are not taken"))
    return Expansion(tuple(Turn(index, {"count": {"index": index}}) for index in range(value)), "count", condition)


def keyed(value: Json, *, is_set: bool = True) -> Expansion:
    """The instances that a ``for_each`` makes; ``dynamic`` takes lists too, with their indices as keys."""
    value, condition = _chosen(value, lambda side: side is None or side in ([], {}))
    if value is None:
        value = []
    if isinstance(value, Handle):
        value = value.whole()
    if isinstance(value, list) and is_set and not all(isinstance(item, str) for item in value):
        return Expansion((), "each", open=Unresolved("for_each", reason="its keys are not known"))
    if not isinstance(value, list | dict):
        return Expansion(
            (), "each", open=value if isinstance(value, Unresolved) else Unresolved("for_each", reason="no collection")
        )
    if len(value) > MAX_INSTANCES:
        return Expansion((), "each", open=Unresolved(str(len(value)), reason=f"more than {MAX_INSTANCES} are not taken"))
    pairs: list[tuple[Json, Json]]
    if isinstance(value, dict):
        pairs = [(key, value[key]) for key in sorted(value)]
    else:
        pairs = [(item if is_set else index, item) for index, item in enumerate(value)]
    turns = tuple(Turn(key, {"each": {"key": key, "value": item}}) for key, item in pairs)
    return Expansion(turns, "each", condition)


def _chosen(value: Json, is_empty: Callable[[Json], bool]) -> tuple[Json, Unresolved | None]:
    """Of ``test ? some : none`` with an unknown test the side that is something, and the test."""
    if isinstance(value, Unresolved) and value.function == "if" and len(value.arguments) == 3:
        test, *sides = value.arguments
        filled = [side for side in sides if not is_empty(side)]
        if len(filled) == 1 and not isinstance(filled[0], Unresolved) and isinstance(test, Unresolved):
            return filled[0], test
    return value, None

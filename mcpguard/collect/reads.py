"""The vocabulary of the plan: one read of one kind of thing, what it needs, and what is read below each of its items."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import msgspec

from mcpguard.collect.asked import Asked
from mcpguard.evidence import Json
from mcpguard.evidence.kinds import kind_of


class Shape(Enum):
    """What a read answers."""

    LIST = "list"
    ONE = "one"
    """A single resource. 404 means that there is none."""
    POSTED = "posted"
    """A single answer to a read by POST."""


class Needs(msgspec.Struct, frozen=True):
    """What the reader must be allowed."""

    role: str
    """The role to ask for, or the permission of Microsoft Graph."""
    on: str = ""
    """Where the role is to be given; empty for a permission."""
    action: str = ""
    """The action of the role that this read uses."""

    @property
    def words(self) -> str:
        """What to ask for, to put behind "ask for"."""
        if not self.on:
            return f"the permission {self.role} of Microsoft Graph"
        return f"the role {self.role} on {self.on} ({self.action})"


class Item(msgspec.Struct, frozen=True):
    """One answer, when it is decided what to read below it."""

    id: str
    body: dict[str, Json]
    flags: frozenset[str]
    asked: Asked

    def text(self, *steps: str) -> str:
        """A text in the body; empty when it is absent or no text."""
        value: Json = self.body
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""


def _always(item: Item) -> bool:
    return True


class Read(msgspec.Struct, frozen=True):
    """One kind of read below one kind of thing."""

    name: str
    """Unique among its siblings."""
    type: str
    """Lower-case type of what it answers."""
    path: str
    """Below the parent's id; empty for the thing itself."""
    needs: Needs
    versions: tuple[str, ...]
    """The api-versions to ask with, newest first."""
    shape: Shape = Shape.LIST
    query: str = ""
    below: tuple[Read, ...] = ()
    when: Callable[[Item], bool] = _always
    """Whether to read it below an item."""
    keep: Callable[[Item], bool] = _always
    """Whether an item is taken at all."""
    written: bool = True
    """Whether the items are evidence, or only a way to what is below them."""
    group: str = ""
    """Part of the estate, for progress and the final table."""

    def kinds(self) -> frozenset[str]:
        """The kinds that are missing when this cannot be read: its own and all below."""
        own = {kind_of(self.type) if self.type else "policy"} if self.written else set()
        return frozenset(own.union(*(child.kinds() for child in self.below)))


class Plan:
    """All reads by name. The name of a read is the way to it: ``service/apis/operations``."""

    def __init__(self, roots: tuple[Read, ...]) -> None:
        self.roots = roots
        self._reads: dict[str, Read] = {}
        for root in roots:
            self._index(root, "")

    def _index(self, read: Read, parent: str) -> None:
        name = f"{parent}/{read.name}" if parent else read.name
        self._reads[name] = read
        for child in read.below:
            self._index(child, name)

    def __getitem__(self, name: str) -> Read:
        """The read of a name."""
        return self._reads[name]

    def __contains__(self, name: str) -> bool:
        """Whether there is such a read."""
        return name in self._reads

    def names(self) -> tuple[str, ...]:
        """Every name, parents first."""
        return tuple(self._reads)

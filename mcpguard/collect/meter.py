"""How far a collection is, for whoever shows it. Counted by the workers, read by the display."""

from __future__ import annotations

import threading
from time import monotonic

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """One look at a collection."""

    requests: int
    resources: int
    seconds: float
    groups: tuple[tuple[str, int, int, int], ...]
    """By part of the estate: name, pieces of work done, pieces waiting, gaps."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds until what is known to wait is done; None when nothing was done yet. More work may turn up."""
        done = sum(group[1] for group in self.groups)
        return sum(group[2] for group in self.groups) * self.seconds / done if done else None


class Meter:
    """Counts. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = monotonic()
        self.requests = 0
        self._resources = 0
        self._groups: dict[str, list[int]] = {}

    def request(self) -> None:
        """A request leaves."""
        with self._lock:
            self.requests += 1

    def waiting(self, group: str, count: int) -> None:
        """Pieces of work turned up."""
        with self._lock:
            self._groups.setdefault(group, [0, 0, 0])[1] += count

    def done(self, group: str, resources: int, gaps: int) -> None:
        """A piece of work is done."""
        with self._lock:
            entry = self._groups.setdefault(group, [0, 0, 0])
            entry[0] += 1
            entry[1] -= 1
            entry[2] += gaps
            self._resources += resources

    def look(self) -> Progress:
        """How far it is."""
        with self._lock:
            groups = tuple((name, *counts) for name, counts in self._groups.items())
            seconds = monotonic() - self._started
            return Progress(self.requests, self._resources, seconds, groups)  # type: ignore[arg-type]

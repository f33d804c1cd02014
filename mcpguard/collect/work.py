"""Work in small pieces: each is one request, and says which follow. What is done is journaled, so that it can be resumed.

Pieces are taken last in, first out, and a list's next page waits below its items. So what waits is bounded by the depth of
the estate and the size of a page, not by the size of the estate.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from mcpguard.collect.meter import Meter
from mcpguard.evidence.snapshot_writer import Batch, SnapshotWriter

_JOURNAL = "journal.ndjson"


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of work. Everything in it comes from the plan or from an id, so it can be written down."""

    read: str
    """Name of the read in the plan."""
    scope: str = ""
    """The resource below which it reads; an ARM id, or a path of Graph."""
    link: str = ""
    """The page to read, when it is not the first."""
    page: int = 1
    mark: str = ""
    """A link that was followed earlier, to notice a list that runs in a circle."""
    empty: int = 0
    """How many pages before this one held nothing."""
    version: str = ""
    """The api-version that answered the first page."""
    flags: tuple[str, ...] = ()
    """What earlier answers said that decides what is read below."""


class Done(msgspec.Struct):
    """What a piece of work gave."""

    batch: Batch
    then: list[Task] = []
    """What follows, in the order in which it is to be done."""


class _Record(msgspec.Struct, omit_defaults=True):
    """One line of the journal."""

    done: Task | None = None
    then: list[Task] = []
    memory: dict[str, str] = {}


class Crew:
    """Workers on one pile of work.

    Args:
        writer: takes what the work gives.
        handle: does one piece.
        group: the part of the estate that a piece belongs to, for the meter.
        stop: set to end early; what is in hand is finished first.
        resume: go on with the journal of an interrupted run.
    """

    def __init__(
        self,
        writer: SnapshotWriter,
        handle: Callable[[Task], Done],
        group: Callable[[Task], str],
        meter: Meter,
        stop: threading.Event,
        *,
        resume: bool,
    ) -> None:
        self._writer = writer
        self._handle = handle
        self._group = group
        self._meter = meter
        self._stop = stop
        self._pile: list[Task] = []
        self._busy = 0
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self.memory: dict[str, str] = {}
        """Small things to know again after an interruption."""
        path = writer.work / _JOURNAL
        self.begun = resume and path.exists()
        if self.begun:
            self._replay(path)
        self._journal = path.open("ab")

    def _replay(self, path: Path) -> None:
        """Take up what was begun and is not done. A line that was cut off counts as not written."""
        waiting: Counter[Task] = Counter()
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            record = msgspec.json.decode(line, type=_Record)
            self.memory |= record.memory
            if record.done is not None:
                waiting[record.done] -= 1
            waiting.update(record.then)
        if len(whole) != len(data):
            with path.open("rb+") as file:
                file.truncate(len(whole))
        for task, count in waiting.items():
            self._push([task] * max(0, count))

    def add(self, tasks: Iterable[Task]) -> None:
        """More work, not from any piece."""
        with self._changed:
            tasks = list(tasks)
            self._note(_Record(then=tasks))
            self._push(tasks)
            self._changed.notify_all()

    def remember(self, key: str, value: str) -> None:
        """Keep something for after an interruption."""
        with self._changed:
            if self.memory.get(key) != value:
                self.memory[key] = value
                self._note(_Record(memory={key: value}))

    def run(self, workers: int, tick: Callable[[], None], seconds: float = 0.25) -> None:
        """Work until nothing is left or ``stop`` is set. ``tick`` is called in between, by this thread.

        Raises:
            KeyboardInterrupt: after the workers have put down what they had in hand.
            BaseException: what a piece of work raised.
        """
        crew = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for worker in crew:
            worker.start()
        try:
            while any(worker.is_alive() for worker in crew):
                for worker in crew:
                    worker.join(seconds / len(crew))
                tick()
        except BaseException:
            self.stop()
            for worker in crew:
                worker.join()
            raise
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Take up nothing more."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    @property
    def left(self) -> list[Task]:
        """What is waiting."""
        return list(self._pile)

    def close(self) -> None:
        """Put the journal away."""
        self._journal.close()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            try:
                done = self._handle(task)
                # A piece that the stop cut short is left for the next time.
                finished = not self._stop.is_set()
                if finished:
                    self._writer.add(done.batch)
            except BaseException as error:
                self._failure = self._failure or error
                self._stop.set()
                done, finished = Done(Batch()), False
            with self._changed:
                self._busy -= 1
                if finished:
                    self._note(_Record(task, done.then))
                    self._push(done.then)
                    self._meter.done(self._group(task), len(done.batch.resources), len(done.batch.gaps))
                else:
                    self._pile.append(task)
                self._changed.notify_all()

    def _next(self) -> Task | None:
        with self._changed:
            while not self._stop.is_set():
                if self._pile:
                    self._busy += 1
                    return self._pile.pop()
                if not self._busy:
                    return None
                self._changed.wait()
            return None

    def _push(self, tasks: list[Task]) -> None:
        self._pile.extend(reversed(tasks))
        for task in tasks:
            self._meter.waiting(self._group(task), 1)

    def _note(self, record: _Record) -> None:
        self._journal.write(msgspec.json.encode(record) + b"\n")
        self._journal.flush()

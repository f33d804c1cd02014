"""A whole collection: sign in, find what is in scope, read it, and leave a snapshot, also when it is interrupted."""

from __future__ import annotations

import datetime
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from mcpguard.collect import choice, scope
from mcpguard.collect.answers import Limits, Service
from mcpguard.collect.asked import Asked
from mcpguard.collect.choice import Choice
from mcpguard.collect.client import Client, scope_of
from mcpguard.collect.clouds import Cloud
from mcpguard.collect.entra import Directory
from mcpguard.collect.errors import CollectError
from mcpguard.collect.meter import Meter
from mcpguard.collect.plan import GRAPH_GROUP, PLAN, group_of
from mcpguard.collect.scope import Scout
from mcpguard.collect.sign_in import Credential, try_token
from mcpguard.collect.telemetry import GROUP, KINDS, Telemetry
from mcpguard.collect.walk import Walker
from mcpguard.collect.work import Crew, Done, Task
from mcpguard.core.errors import UsageError
from mcpguard.evidence import Gap, GapReason, RawResource, resource_key
from mcpguard.evidence.snapshot import Manifest
from mcpguard.evidence.snapshot_writer import Header, SnapshotWriter
from mcpguard.version import __version__

_RESUME = "go on with mcpguard collect --resume"


class Settings(msgspec.Struct, frozen=True):
    """How to collect."""

    asked: Asked
    cloud: Cloud
    credential: str = "default"
    limits: Limits = Limits()
    resume: bool = False


class Collected(msgspec.Struct, frozen=True):
    """What a collection left."""

    manifest: Manifest
    counts: dict[str, int]
    """Resources by type that this run read."""


def collect(
    folder: Path,
    settings: Settings,
    credential: Credential,
    mask: Callable[[RawResource], None],
    tick: Callable[[Meter], None] = lambda meter: None,
) -> Collected:
    """Read an estate into a snapshot.

    Args:
        folder: where the snapshot goes.
        settings: what to read, and how.
        credential: whose rights it is read with.
        mask: masks the secrets of a resource in place, before it is written.
        tick: called a few times a second with how far it is. When it raises KeyboardInterrupt, or Ctrl-C is pressed, the
            requests in hand are finished and the snapshot is left unfinished but valid.

    Raises:
        UsageError: the folder or the scope cannot be used.
        SignInError: there is no token.
        CollectError: nothing could be read.
    """
    settings.asked.check()
    try_token(credential, settings.credential, scope_of(settings.cloud, Service.ARM))
    return _Run(folder, settings, credential, mask).run(tick)


class _Run:
    def __init__(self, folder: Path, settings: Settings, credential: Credential, mask: Callable[[RawResource], None]) -> None:
        self.asked = settings.asked
        self.settings = settings
        self.stop = threading.Event()
        self.meter = Meter()
        self.writer = SnapshotWriter(folder, mask, resume=settings.resume)
        self.client = Client(
            settings.cloud,
            credential,
            settings.limits,
            self.meter,
            self.stop,
            app_settings=settings.asked.app_settings,
            queries=settings.asked.telemetry,
        )
        # Before the crew, which asks it for the part of the estate that resumed work belongs to.
        self.directory = Directory(self.client, self.writer, self.asked)
        self.crew = Crew(self.writer, self.handle, self.group, self.meter, self.stop, resume=settings.resume)
        self.scout = Scout(self.client, self.asked)
        self.walker = Walker(self.client, self.asked, self.crew)
        self.choice = Choice(self.writer, self.asked)
        self.telemetry = Telemetry(self.client, self.writer, self.asked, self.crew)
        self.check_resumed()

    def check_resumed(self) -> None:
        """Refuse to go on with a collection of something else."""
        asked = msgspec.json.encode(self.asked).decode()
        if self.crew.memory.get("asked", asked) != asked:
            self.crew.close()
            raise UsageError("the snapshot to resume was begun with another scope", "give the same options again")
        self.crew.remember("asked", asked)
        self.crew.remember("started", self.crew.memory.get("started", _now()))

    def handle(self, task: Task) -> Done:
        """Do one piece of work, whoever knows how."""
        if task.read in PLAN:
            return self.walker.handle(task)
        if task.read == choice.CHOICE:
            return self.choice.handle(task)
        if self.directory.knows(task):
            return self.directory.handle(task)
        if self.telemetry.knows(task):
            return self.telemetry.handle(task)
        return self.scout.handle(task)

    def group(self, task: Task) -> str:
        """The part of the estate that a piece of work belongs to."""
        if task.read == choice.CHOICE:
            return group_of("service")
        if Telemetry.knows(task):
            return GROUP
        return GRAPH_GROUP if self.directory.knows(task) else group_of(task.read)

    def run(self, tick: Callable[[Meter], None]) -> Collected:
        phases: list[tuple[str, Callable[[], list[Task]]]] = [
            ("azure", lambda: scope.first_tasks(self.asked)),
            ("operations", choice.first_tasks),
        ]
        if self.asked.telemetry:
            phases.append(("components", self.telemetry.components))
            phases.append(("workspaces", self.telemetry.workspaces))
            phases.append(("telemetry", self.telemetry.queries))
        if self.asked.graph:
            # After telemetry, whose clients are looked up too.
            phases.append(("entra", self.directory.first_tasks))
        try:
            for name, tasks in phases:
                if f"phase:{name}" not in self.crew.memory:
                    self.crew.add(tasks())
                    self.crew.remember(f"phase:{name}", "begun")
                self.crew.run(self.settings.limits.concurrency, lambda: tick(self.meter))
                if not self.writer.types():
                    self.nothing()
            tick(self.meter)
        except KeyboardInterrupt:
            pass  # what is left says how far it came
        finally:
            self.client.close()
            self.crew.close()
        begun = all(f"phase:{name}" in self.crew.memory for name, _ in phases)
        return self.conclude(finished=begun and not self.crew.left)

    def conclude(self, *, finished: bool) -> Collected:
        gaps = [self.gap_of(task) for task in self.crew.left]
        begun_entra = "phase:entra" in self.crew.memory
        if not self.asked.graph:
            detail, remedy = "Entra was left out (--no-graph)", "collect without --no-graph"
            gaps.append(Gap("", self.directory.kinds, GapReason.NOT_COLLECTED, detail, remedy))
        elif not begun_entra:
            gaps.append(Gap("", self.directory.kinds, GapReason.NOT_COLLECTED, "Entra was not begun", _RESUME))
        if self.asked.telemetry:
            if "phase:telemetry" in self.crew.memory:
                gaps += self.telemetry.gaps()
            else:
                gaps.append(Gap("", KINDS, GapReason.NOT_COLLECTED, "telemetry was not begun", _RESUME))
        header = Header(
            tool=f"mcpguard {__version__}",
            started_at=self.crew.memory["started"],
            finished_at=_now(),
            finished=finished,
            scope=self.asked.described() | {"cloud": self.settings.cloud.name},
            api_versions=self.versions(),
            requests=self.meter.requests,
        )
        return Collected(self.writer.finish(header, gaps), dict(self.writer.counts))

    def versions(self) -> dict[str, tuple[str, ...]]:
        """By type: the api-versions that answered."""
        found: dict[str, tuple[str, ...]] = {}
        for key in sorted(self.crew.memory):
            mark, _, rest = key.partition(":")
            if mark == "answered":
                type_, _, version = rest.rpartition(":")
                found[type_] = (*found.get(type_, ()), version)
        return found

    def gap_of(self, task: Task) -> Gap:
        """What is missing because a piece of work was not done."""
        if task.read in PLAN:
            kinds = PLAN[task.read].kinds()
        elif self.directory.knows(task):
            kinds = self.directory.kinds
        elif Telemetry.knows(task):
            kinds = KINDS
        else:
            kinds = frozenset({"policy"}) if task.read == choice.CHOICE else scope.every_kind()
        detail = f"the collection was interrupted before {task.read.replace('/', ' ')} of {task.scope or 'the scope'} was read"
        return Gap(resource_key(task.scope), kinds, GapReason.NOT_COLLECTED, detail, _RESUME)

    def nothing(self) -> None:
        """Say why nothing was read, and leave nothing behind.

        Raises:
            CollectError: always.
        """
        saved = self.writer.gaps()
        shutil.rmtree(self.writer.work, ignore_errors=True)
        if not any(self.writer.folder.iterdir()):
            self.writer.folder.rmdir()
        first = next((gap for gap in saved if gap.reason is GapReason.FORBIDDEN), saved[0] if saved else None)
        if first is None:
            hint = f"the role {scope.NEEDS.role} on {scope.NEEDS.on} shows what there is; --subscription names another one"
            raise CollectError("nothing that mcpguard reads was found in the scope", hint)
        raise CollectError(f"nothing could be read: {first.detail}", first.remedy)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

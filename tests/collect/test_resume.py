"""A collection that is interrupted leaves a valid snapshot that says so, and goes on where it stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.errors import UsageError
from mcpguard.evidence.snapshot import WORK
from tests.collect.conftest import SERVICE, Snapshot, api, findings, scanned, service
from tests.collect.fake import Fake

Collect = Callable[..., Snapshot]
ESTATES = Path(__file__).parents[2] / "fixtures" / "estates"
APIS = "microsoft.apimanagement/service/apis"


def after(requests: int) -> Callable[[Any], None]:
    """Ctrl-C after so many requests."""

    def tick(meter: Any) -> None:
        if meter.requests >= requests:
            raise KeyboardInterrupt

    return tick


def files(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file() and file.name != "manifest.json")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


@pytest.fixture
def estate(fake: Fake) -> Fake:
    fake.load(ESTATES / "secure")
    fake.page = 3
    fake.latency = 0.01
    return fake


@pytest.mark.parametrize("requests", [1, 3, 20, 60, 110])
def test_what_was_interrupted_and_resumed_equals_what_was_not(estate: Fake, collect: Collect, requests: int) -> None:
    whole = collect("whole")
    partial = collect("parts", tick=after(requests), limits={"concurrency": 3})
    assert not partial.manifest.finished
    assert any("interrupted" in gap.detail or "not begun" in gap.detail for gap in partial.gaps)
    assert scanned(partial.folder).coverage.gaps
    asked = len(estate.seen)
    done = collect("parts", resume=True)
    assert done.manifest.finished
    assert not any("interrupted" in gap.detail for gap in done.gaps)
    assert files(done.folder) == files(whole.folder)
    assert done.manifest.digest == whole.manifest.digest
    assert findings(scanned(done.folder)) == findings(scanned(whole.folder))
    assert not (done.folder / WORK).exists()
    # Nothing but what was in hand is asked for again.
    assert len(estate.seen) - asked < whole.manifest.requests * 2


def test_interrupted_again_and_again(estate: Fake, collect: Collect) -> None:
    whole = collect("whole")
    snapshot = collect("parts", tick=after(10), limits={"concurrency": 2})
    for _ in range(40):
        if snapshot.manifest.finished:
            break
        snapshot = collect("parts", resume=True, tick=after(10), limits={"concurrency": 2})
    assert snapshot.manifest.finished
    assert files(snapshot.folder) == files(whole.folder)


def test_a_scan_of_an_unfinished_snapshot_says_that_it_is_one(estate: Fake, collect: Collect) -> None:
    report = scanned(collect(tick=after(10), limits={"concurrency": 1}).folder)
    manifest = next(artifact for artifact in report.coverage.artifacts if artifact.path == "manifest.json")
    assert "--resume" in manifest.detail
    assert [a.path for a in report.coverage.artifacts if a.path.startswith(WORK)] == [WORK]  # passed over as a whole


def test_a_scan_of_what_a_killed_process_left_reads_no_spools(estate: Fake, collect: Collect) -> None:
    partial = collect(tick=after(40), limits={"concurrency": 1})
    (partial.folder / "manifest.json").unlink()
    assert not [a for a in scanned(partial.folder).coverage.artifacts if a.path.startswith(f"{WORK}/")]


def test_a_killed_process_leaves_what_resume_needs(estate: Fake, collect: Collect) -> None:
    """As after SIGKILL: lines cut off in the middle, no manifest."""
    whole = collect("whole")
    partial = collect("parts", tick=after(40), limits={"concurrency": 3})
    (partial.folder / "manifest.json").unlink()
    work = partial.folder / WORK
    for file in [work / "journal.ndjson", *sorted((work / "spool").iterdir())[:3]]:
        with file.open("ab") as out:
            out.write(b'{"id":"/subscriptions/cut off in the mid')
    done = collect("parts", resume=True)
    assert files(done.folder) == files(whole.folder)


def test_a_finished_snapshot_is_not_resumed_nor_overwritten(fake: Fake, collect: Collect) -> None:
    fake.add(service())
    collect(graph=False)
    with pytest.raises(UsageError, match="finished"):
        collect(graph=False, resume=True)
    with pytest.raises(UsageError, match="holds a snapshot"):
        collect(graph=False)


def test_an_unfinished_one_is_not_overwritten_nor_resumed_with_another_scope(estate: Fake, collect: Collect) -> None:
    collect(tick=after(5), limits={"concurrency": 1})
    with pytest.raises(UsageError, match="unfinished") as caught:
        collect()
    assert "--resume" in caught.value.hint
    with pytest.raises(UsageError, match="another scope"):
        collect(resume=True, all_operations=True)


def test_a_folder_with_something_else_is_left_alone(fake: Fake, collect: Collect, tmp_path: Path) -> None:
    fake.add(service())
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        collect(graph=False)
    assert [file.name for file in (tmp_path / "estate").iterdir()] == ["notes.txt"]


def test_a_bug_in_one_piece_ends_the_run_and_can_be_resumed(
    fake: Fake, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcpguard.collect.walk import Walker

    fake.add(service(), *(api(f"api-{number}") for number in range(5)))
    original = Walker.handle

    def broken(self: Walker, task: Any) -> Any:
        if task.scope.endswith("api-3"):
            raise RuntimeError("a bug")
        return original(self, task)

    monkeypatch.setattr(Walker, "handle", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        collect(graph=False)
    monkeypatch.setattr(Walker, "handle", original)
    assert len(collect(graph=False, resume=True).ids(APIS)) == 5
    assert SERVICE


def test_memory_holds_what_waits_not_the_estate(fake: Fake, collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pile of work is bounded by a page and the depth of the tree, for any number of APIs."""
    from mcpguard.collect.work import Crew

    most = 0
    original = Crew._push

    def push(self: Crew, tasks: Any) -> None:
        nonlocal most
        original(self, tasks)
        most = max(most, len(self._pile))

    monkeypatch.setattr(Crew, "_push", push)
    fake.page = 10
    sizes = []
    for count in (50, 400):
        fake.add(service(), *(api(f"api-{number:04}") for number in range(count)))
        most = 0
        collect(f"estate-{count}", graph=False, limits={"concurrency": 1})
        sizes.append(most)
    assert sizes[0] == sizes[1] < 60

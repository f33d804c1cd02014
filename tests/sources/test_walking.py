"""Which files are found, what they are called, and what is said of those that are passed over."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.errors import NothingReadError, UsageError
from mcpguard.evidence import ArtifactStatus
from mcpguard.sources import read
from tests.sources.conftest import Scan, api, service, write_files

Scanner = Callable[..., Scan]


def paths(scan: Scan) -> list[str]:
    return [artifact.path for artifact in scan.evidence.artifacts]


def test_paths_are_relative_to_the_only_folder_and_sorted(scan: Scanner) -> None:
    found = scan({"b/service.json": service(), "a.json": api("orders"), "b/a/x.json": api("stock")})
    assert paths(found) == ["a.json", "b/a/x.json", "b/service.json"]
    assert [resource.origin.artifact for resource in found.evidence.resources] == [
        "b/service.json",
        "a.json",
        "b/a/x.json",
    ]


def test_a_file_below_the_current_directory_keeps_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"exports/api.json": api("orders")})
    monkeypatch.chdir(tmp_path)
    evidence = read([Path("exports/api.json")])
    assert [artifact.path for artifact in evidence.artifacts] == ["exports/api.json"]
    assert evidence.inputs == ("exports/api.json",)


def test_several_paths_elsewhere_begin_with_their_last_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"one/exports/a.json": api("a"), "two/exports/a.json": api("b"), "c.json": api("c")})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = [tmp_path / "one/exports", tmp_path / "two/exports", tmp_path / "c.json"]
    expected = ["c.json", "exports/a.json", "exports~2/a.json"]
    assert [artifact.path for artifact in read(given).artifacts] == expected
    assert [artifact.path for artifact in read(given[::-1]).artifacts] == expected
    assert read(given).resources == read(given[::-1]).resources


def test_the_same_file_given_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"exports/a.json": api("a")})
    monkeypatch.chdir(tmp_path)
    evidence = read([Path("exports/a.json"), Path("exports"), Path("exports/a.json")])
    assert [(artifact.path, artifact.resources) for artifact in evidence.artifacts] == [("exports/a.json", 1)]


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist") as raised:
        read([tmp_path / "nowhere"])
    assert raised.value.hint


def test_no_path() -> None:
    with pytest.raises(UsageError, match="no path"):
        read([])


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NothingReadError, match="no file to read"):
        read([tmp_path])


def test_nothing_recognized_names_up_to_five_files_failures_first(scan: Scanner) -> None:
    many = {f"notes{number}.md": "# Notes" for number in range(6)}
    with pytest.raises(NothingReadError) as raised:
        scan({**many, "z.json": '{"mcpServers": {"a": '})
    lines = raised.value.message.splitlines()
    assert lines[1] == "  z.json: line 1, column 22: Input data was truncated"
    assert lines[2] == "  notes0.md: no format that mcpguard knows"
    assert lines[6:] == ["  and 2 more"]


def test_folders_of_tools_are_one_artifact_each(scan: Scanner) -> None:
    found = scan({"a.json": api("a"), "node_modules/x/b.json": api("b"), "web/.venv/c.json": api("c"), "bin/d.json": api("d")})
    assert paths(found) == ["a.json", "bin/d.json", "node_modules", "web/.venv"]
    skipped = found.artifact("web/.venv")
    assert (skipped.status, skipped.detail) == (
        ArtifactStatus.SKIPPED,
        "folder of tools or dependencies, not scanned",
    )


def test_a_folder_of_tools_that_is_given_is_scanned(tmp_path: Path) -> None:
    write_files(tmp_path, {"node_modules/a.json": api("a")})
    assert [artifact.path for artifact in read([tmp_path / "node_modules"]).artifacts] == ["a.json"]


def test_symlink_loop(scan: Scanner, tmp_path: Path) -> None:
    (tmp_path / "estate/a").mkdir(parents=True)
    (tmp_path / "estate/a/again").symlink_to(tmp_path / "estate", target_is_directory=True)
    (tmp_path / "estate/self").symlink_to("self")
    found = scan({"a/api.json": api("orders")})
    assert [(artifact.path, artifact.detail) for artifact in found.evidence.artifacts] == [
        ("a/again", "symlink loop"),
        ("a/api.json", ""),
        ("self", "symlink loop"),
    ]


def test_links_are_followed_once_and_never_before_real_folders(scan: Scanner, tmp_path: Path) -> None:
    write_files(tmp_path, {"outside/api.json": api("outside"), "outside.json": api("file")})
    estate = tmp_path / "estate"
    estate.mkdir()
    (estate / "a-link").symlink_to(estate / "z", target_is_directory=True)
    (estate / "b-link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (estate / "c-link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (estate / "d-link.json").symlink_to(tmp_path / "outside.json")
    (estate / "e-link.json").symlink_to(estate / "z/api.json")
    (estate / "f-link.json").symlink_to(tmp_path / "gone.json")
    found = scan({"z/api.json": api("orders")})
    assert {artifact.path: artifact.detail for artifact in found.evidence.artifacts} == {
        "a-link": "link to a folder that is read elsewhere",
        "b-link/api.json": "",
        "c-link": "link to a folder that is read elsewhere",
        "d-link.json": "",
        "e-link.json": "link to a file that is read elsewhere",
        "f-link.json": "link to nothing",
        "z/api.json": "",
    }


def test_a_pipe_in_a_folder_is_not_opened(scan: Scanner, tmp_path: Path) -> None:
    (tmp_path / "estate").mkdir()
    os.mkfifo(tmp_path / "estate/pipe.json")
    found = scan({"api.json": api("orders")})
    assert found.artifact("pipe.json").detail == "not a regular file"


def test_oversize(scan: Scanner) -> None:
    found = scan(
        {"small.json": '{"mcpServers": {}}', "large.json": api("x", description="d" * 600_000)}, max_file_size=512 * 1024
    )
    large = found.artifact("large.json")
    assert large.status is ArtifactStatus.FAILED
    assert large.detail == "0.6 MiB, larger than the limit of 0.5 MiB; raise --max-file-size"
    assert "large.json" not in found.evidence.texts


def test_unreadable_file_and_folder(scan: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(function: Callable[..., Any], ending: str) -> Callable[..., Any]:
        def run(path: Any, *args: Any, **options: Any) -> Any:
            if str(path).endswith(ending):
                raise PermissionError(13, "Permission denied")
            return function(path, *args, **options)

        return run

    (tmp_path / "estate/locked").mkdir(parents=True)
    write_files(tmp_path / "estate", {"api.json": api("orders"), "secret.json": api("secret")})
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refusing(os.scandir, "locked"))
        patched.setattr("builtins.open", refusing(open, "secret.json"))
        found = scan({})
    assert found.artifact("secret.json").status is ArtifactStatus.FAILED
    assert found.artifact("secret.json").detail == "cannot be read: Permission denied"
    assert found.artifact("locked").status is ArtifactStatus.FAILED
    assert found.artifact("locked").detail == "cannot be listed: Permission denied"


def test_file_names_that_are_no_utf8(scan: Scanner, tmp_path: Path) -> None:
    (tmp_path / "estate").mkdir()
    for name in (b"caf\xe9.json", b"caf\xe8.json"):
        (tmp_path / "estate" / os.fsdecode(name)).write_text('{"mcpServers": {}}')
    assert paths(scan({})) == ["caf�.json", "caf�.json~2"]


def test_digest_depends_on_names_and_contents_of_what_was_read(scan: Scanner) -> None:
    first = scan({"a.json": api("a"), "readme.md": "x"}).evidence.digest
    assert scan({"readme.md": "something else"}).evidence.digest == first
    assert scan({"a.json": api("a", path="other")}).evidence.digest != first
    assert len(first) == 64


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows a process's mappings")
def test_a_file_takes_no_memory_mapping_of_its_own(tmp_path: Path) -> None:
    """A process may have 65,530 of them, and an estate more files than that."""
    for number in range(300):
        body = {"id": f"/subscriptions/0/providers/Microsoft.KeyVault/vaults/{number}", "properties": {}, "name": str(number)}
        (tmp_path / f"{number}.json").write_text(json.dumps(body))
    before = len(Path("/proc/self/maps").read_text().splitlines())
    evidence = read([tmp_path])
    assert len(evidence.texts) == 300
    assert len(Path("/proc/self/maps").read_text().splitlines()) - before < 150

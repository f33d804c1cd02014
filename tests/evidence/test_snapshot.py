"""The snapshot on disk: written in bounded memory and in order, read back whole, and refused when it was changed."""

import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpguard.core.errors import NothingReadError, UsageError
from mcpguard.core.location import Location
from mcpguard.core.zstd import zstd
from mcpguard.evidence import ArtifactStatus, Complete, Evidence, Gap, GapReason, RawResource
from mcpguard.evidence import snapshot_writer as writing
from mcpguard.evidence.snapshot import Manifest, SnapshotError, policy_path, resource_path, type_of_file
from mcpguard.evidence.snapshot_pack import pack
from mcpguard.evidence.snapshot_writer import Batch, Header, SnapshotWriter
from mcpguard.sources import read
from mcpguard.sources.screen import mask_resource

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "snapshot-manifest.schema.json"
GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/Contoso-APIM"
APIS = "microsoft.apimanagement/service/apis"
HEADER = Header(
    "mcpguard test", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", True, {"service": ""}, {APIS: ("2025-09-01-preview",)}, 3
)
POLICY = "<policies>\r\n  <inbound>\r\n    <base />\r\n  </inbound>\r\n</policies>"


def api(number: int, **more: Any) -> RawResource:
    body = {"id": f"{SERVICE}/apis/api-{number:05}", "name": f"api-{number:05}", "properties": {"path": f"p{number}", **more}}
    return RawResource(body["id"], APIS, body, Location(""), "arm-json", "2025-09-01-preview")


def policy(owner: str, text: str = POLICY) -> RawResource:
    body = {"id": f"{owner}/policies/policy", "name": "policy", "properties": {"format": "rawxml", "value": text}}
    return RawResource(body["id"], f"{APIS}/policies", body, Location(""), "arm-json")


def write(folder: Path, *batches: Batch, **changed: Any) -> Manifest:
    writer = SnapshotWriter(folder, mask_resource)
    for batch in batches:
        writer.add(batch)
    return writer.finish(HEADER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small snapshot."""
    claims = [Complete(SERVICE.lower(), APIS)]
    gaps = [Gap(SERVICE.lower(), frozenset({"backend"}), GapReason.FORBIDDEN, "backends could not be read: 403", "ask for it")]
    write(tmp_path / "estate", Batch([api(2), api(1), policy(f"{SERVICE}/apis/api-00001")], claims, gaps))
    return tmp_path / "estate"


def test_what_is_read_back_is_what_was_written(folder: Path) -> None:
    evidence = read([folder])
    assert [resource.id for resource in evidence.resources] == [
        f"{SERVICE}/apis/api-00001",
        f"{SERVICE}/apis/api-00001/policies/policy",
        f"{SERVICE}/apis/api-00002",
    ]
    first, text, _ = evidence.resources
    assert first.body == api(1).body and first.type == APIS and first.format == "arm-json"
    assert first.api_version == "2025-09-01-preview"
    assert text.body == policy(f"{SERVICE}/apis/api-00001").body
    assert evidence.complete == {Complete(SERVICE.lower(), APIS)}
    assert [(gap.reason, gap.kinds, gap.remedy) for gap in evidence.gaps] == [(GapReason.FORBIDDEN, {"backend"}, "ask for it")]
    assert {artifact.status for artifact in evidence.artifacts} == {ArtifactStatus.READ}


def test_places_are_those_of_the_files(folder: Path) -> None:
    evidence = read([folder])
    second = evidence.resources[2]
    from mcpguard.core.positions import SourceText

    source = evidence.texts[second.origin.artifact]
    span = SourceText(source.data, source.format).resolve(second.origin.child("properties", "path")).span
    line = source.data.decode().splitlines()[span.line - 1]
    assert span.line == 2 and line[span.column - 1 : span.end_column - 1] == '"p2"'
    place = evidence.resources[1].texts["properties.value"]
    assert place.artifact == "policies/contoso-apim/apis/api-00001/policy.xml"
    assert evidence.texts[place.artifact].data.decode() == POLICY


def test_order_and_bytes_do_not_depend_on_the_order_of_arrival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "RUN_SIZE", 5_000)  # several runs to merge
    numbers = list(range(400))
    digests = set()
    for seed in range(3):
        random.Random(seed).shuffle(numbers)
        digests.add(write(tmp_path / str(seed), *(Batch([api(number)]) for number in numbers)).digest)
    assert len(digests) == 1
    lines = (tmp_path / "0" / resource_path(APIS)).read_text().splitlines()
    assert [json.loads(line)["id"][-5:] for line in lines] == [f"{number:05}" for number in range(400)]


def test_of_two_answers_for_one_id_the_later_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "RUN_SIZE", 300)
    older = api(1, v=1)
    newer = RawResource(older.id.upper(), APIS, {**older.body, "properties": {"v": 2}}, Location(""), "arm-json")
    write(tmp_path / "estate", Batch([older]), *(Batch([api(number)]) for number in range(2, 20)), Batch([newer]))
    found = [resource for resource in read([tmp_path / "estate"]).resources if resource.key == older.key]
    assert [resource.body["properties"] for resource in found] == [{"v": 2}]


def test_a_large_type_is_written_in_parts_that_a_scan_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART_SIZE", 2_000)
    manifest = write(tmp_path / "estate", Batch([api(number) for number in range(50)]))
    parts = [file.path for file in manifest.files if file.path.startswith("resources/")]
    assert (len(parts) > 3 and parts[:2] == [resource_path(APIS, 2), resource_path(APIS, 3)]) or parts
    assert all(type_of_file(part) == APIS for part in parts)
    assert len(read([tmp_path / "estate"], max_file_size=20_000).resources) == 50


@pytest.mark.parametrize(
    ("id", "path"),
    [
        (f"{SERVICE}/policies/policy", "policies/contoso-apim/policy.xml"),
        (f"{SERVICE}/apis/A;rev=2/policies/policy", "policies/contoso-apim/apis/a%3brev%3d2/policy.xml"),
        (
            f"{SERVICE}/apis/inventory mcp/operations/get/policies/policy",
            "policies/contoso-apim/apis/inventory%20mcp/operations/get/policy.xml",
        ),
        (f"{SERVICE}/policyFragments/audit", "policies/contoso-apim/policyfragments/audit.xml"),
        (f"{SERVICE}/apis/../policies/policy", "policies/contoso-apim/apis/%2e./policy.xml"),
        (f"{SERVICE}/apis/con/policies/policy", "policies/contoso-apim/apis/%63on/policy.xml"),
        (f"{SERVICE}/apis/ü/policies/policy", "policies/contoso-apim/apis/%c3%bc/policy.xml"),
    ],
)
def test_policies_have_names_that_every_file_system_takes(id: str, path: str) -> None:
    assert policy_path(id.lower()) == path


def test_long_names_stay_apart() -> None:
    first, second = (policy_path(f"{SERVICE}/apis/{'x' * 250}{end}/policies/policy".lower()) for end in "ab")
    assert first != second and max(map(len, first.split("/"))) <= 120


def test_secrets_are_masked_before_anything_is_written(tmp_path: Path) -> None:
    secret = "hunter2-hunter2-hunter2"
    text = f'<policies><inbound><set-header name="x-api-key"><value>{secret}</value></set-header></inbound></policies>'
    write(tmp_path / "estate", Batch([policy(SERVICE, text)]))
    everything = b"".join(file.read_bytes() for file in (tmp_path / "estate").rglob("*") if file.is_file())
    assert secret.encode() not in everything
    assert "*" * len(secret) in read([tmp_path / "estate"]).resources[0].body["properties"]["value"]


def test_the_manifest_keeps_to_its_schema(folder: Path) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(json.loads((folder / "manifest.json").read_text()))
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(json.loads((folder / "manifest.json").read_text()))


# -- changed and broken ones -------------------------------------------------------------------------------------------


def change_resource(folder: Path) -> None:
    file = folder / resource_path(APIS)
    file.write_bytes(file.read_bytes().replace(b'"p1"', b'"p9"'))


def change_policy(folder: Path) -> None:
    next(folder.rglob("policy.xml")).write_text("<policies />")


def remove_policy(folder: Path) -> None:
    next(folder.rglob("policy.xml")).unlink()


def remove_resources(folder: Path) -> None:
    (folder / resource_path(APIS)).unlink()


def add_resources(folder: Path) -> None:
    file = folder / "resources" / "microsoft.web" / "sites.ndjson"
    file.parent.mkdir()
    file.write_text("{}\n")


def change_claims(folder: Path) -> None:
    (folder / "complete.ndjson").write_text('{"scope":"","type":"*"}\n')


def change_seal(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][0]["digest"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))


CHANGES = [change_resource, change_policy, remove_policy, remove_resources, add_resources, change_claims, change_seal]


def test_an_unchanged_one_is_verified(folder: Path) -> None:
    assert read([folder], verify=True).resources


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_one_is_refused_when_verified_and_said_when_not(folder: Path, change: Any) -> None:
    change(folder)
    with pytest.raises(SnapshotError):
        read([folder], verify=True)
    evidence = read([folder])
    manifest = next(artifact for artifact in evidence.artifacts if artifact.path == "manifest.json")
    assert any(word in manifest.detail for word in ("changed", "missing", "no part", "does not fit"))


def test_what_is_missing_is_a_gap(folder: Path) -> None:
    remove_resources(folder)
    gaps = [gap for gap in read([folder]).gaps if gap.reason is GapReason.UNPARSABLE]
    assert [gap.kinds for gap in gaps] == [{"api"}]


def test_a_policy_without_its_text_is_a_gap_and_not_an_empty_policy(folder: Path) -> None:
    remove_policy(folder)
    evidence = read([folder])
    assert "value" not in next(r for r in evidence.resources if r.type == f"{APIS}/policies").body["properties"]
    assert any("text of" in gap.detail and gap.kinds == {"policy"} for gap in evidence.gaps)


def test_damaged_lines_are_noted_and_the_others_read(folder: Path) -> None:
    file = folder / resource_path(APIS)
    first, second = file.read_bytes().splitlines()
    file.write_bytes(first[:-5] + b"\n" + second + b"\n[1]\n")
    evidence = read([folder])
    assert [r.id[-1] for r in evidence.resources if r.type == APIS] == ["2"]
    assert next(gap.detail for gap in evidence.gaps if gap.kinds == {"api"}).startswith("2 lines")


def test_a_file_that_is_no_text_is_a_gap(folder: Path) -> None:
    (folder / resource_path(APIS)).write_bytes(b"\xff\xfe{broken")
    assert any(gap.kinds == {"api"} and gap.reason is GapReason.UNPARSABLE for gap in read([folder]).gaps)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_of_the_format_is_said(folder: Path, version: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "version": version}))
    with pytest.raises(SnapshotError, match="version") as caught:
        read([folder])
    assert "update" in caught.value.hint


@pytest.mark.parametrize(
    "data", [b'{"format": "mcpguard-snapshot"', b'{"format": "mcpguard-snapshot", "version": 1}', b'"mcpguard-snapshot"']
)
def test_a_damaged_manifest_is_said(folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    with pytest.raises(SnapshotError, match="manifest"):
        read([folder])


def test_verify_without_a_snapshot_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {}}')
    with pytest.raises(UsageError, match="no snapshot to verify"):
        read([tmp_path], verify=True)


def test_other_manifests_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "an app", "icons": []}')
    with pytest.raises(NothingReadError):
        read([tmp_path])


def test_files_beside_it_are_read_as_ever(folder: Path) -> None:
    (folder.parent / "host.json").write_text('{"version": "2.0", "extensions": {}}')
    types = {resource.type for resource in read([folder.parent]).resources}
    assert types == {APIS, f"{APIS}/policies", "file/host.json"}


def test_two_snapshots_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path / "a", Batch([api(1)]))
    write(tmp_path / "b", Batch([api(2)]))
    assert len(read([tmp_path]).resources) == 2


# -- in one file -------------------------------------------------------------------------------------------------------


def same(one: Evidence, other: Evidence) -> bool:
    return [(r.id, r.body) for r in one.resources] == [
        (r.id, r.body) for r in other.resources
    ] and one.complete == other.complete


PACKED = pytest.mark.parametrize("suffix", [".zip", ".tar.zst"])


@PACKED
def test_one_file_says_the_same_and_is_the_same_each_time(folder: Path, tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    pack(folder, one)
    for file in folder.rglob("*"):
        os.utime(file, (1, 1))
    pack(folder, two)
    assert one.read_bytes() == two.read_bytes()
    assert same(read([one], verify=True), read([folder]))


@PACKED
def test_one_file_that_was_changed_is_refused(folder: Path, tmp_path: Path, suffix: str) -> None:
    change_resource(folder)
    pack(folder, tmp_path / f"estate{suffix}")
    with pytest.raises(SnapshotError, match="changed"):
        read([tmp_path / f"estate{suffix}"], verify=True)


@PACKED
def test_what_is_added_to_one_file_is_refused(folder: Path, tmp_path: Path, suffix: str) -> None:
    (folder / "policies" / "more.xml").parent.mkdir(exist_ok=True)
    (folder / "policies" / "more.xml").write_text("<policies />")
    pack(folder, tmp_path / f"estate{suffix}")
    with pytest.raises(SnapshotError, match="no part of the snapshot"):
        read([tmp_path / f"estate{suffix}"], verify=True)


def test_a_zip_that_would_unpack_to_too_much_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "manifest.json", "manifest.json")
        archive.writestr("resources/microsoft.web/sites.ndjson", b"\n" * 50_000_000)
    with pytest.raises(NothingReadError, match="packed"):
        read([bomb])
    with pytest.raises(NothingReadError, match="larger than the limit"):
        read([bomb], max_file_size=1000)


def test_other_zips_and_broken_ones_are_not_read(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("x.txt", "x")
    with pytest.raises(NothingReadError):
        read([tmp_path / "other.zip"])
    pack(folder, tmp_path / "estate.zip")
    data = bytearray((tmp_path / "estate.zip").read_bytes())
    data[60:90] = bytes(30)
    (tmp_path / "broken.zip").write_bytes(data)
    with pytest.raises((NothingReadError, SnapshotError)):
        read([tmp_path / "broken.zip"])


def test_names_in_a_zip_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
        archive.writestr("../../escaped.txt", "x")
    assert read([tmp_path / "evil.zip"]).resources
    assert not list(tmp_path.parent.glob("escaped*"))


# -- tar and zstd ------------------------------------------------------------------------------------------------------


def tar_of(path: Path, *members: tuple[str, bytes], **more: object) -> Path:
    """A tar packed with zstd, as other tools write it."""
    with zstd().ZstdFile(path, "w") as packed, tarfile.open(fileobj=packed, mode="w|", **more) as archive:  # type: ignore[call-overload]
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = len(data), 1_700_000_000, "someone"
            archive.addfile(member, io.BytesIO(data))
    return path


def contents(folder: Path) -> list[tuple[str, bytes]]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [(file.relative_to(folder).as_posix(), file.read_bytes()) for file in files]


@pytest.mark.skipif(shutil.which("zstd") is None or shutil.which("tar") is None, reason="no tar and zstd to unpack with")
def test_other_tools_unpack_it_to_the_same_files(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "estate.tar.zst")
    (tmp_path / "out").mkdir()
    subprocess.run(["zstd", "-dq", tmp_path / "estate.tar.zst", "-o", tmp_path / "estate.tar"], check=True)
    subprocess.run(["tar", "-xf", tmp_path / "estate.tar", "-C", tmp_path / "out"], check=True)
    assert contents(tmp_path / "out") == contents(folder)


@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("start", ["", "./"])
def test_what_other_tools_packed_is_read(folder: Path, tmp_path: Path, format_: int, start: str) -> None:
    members = [(start + name, data) for name, data in contents(folder)]
    path = tar_of(tmp_path / "estate.tar.zst", *members, format=format_)
    assert same(read([path], verify=True), read([folder]))


def test_long_names_and_odd_ones(tmp_path: Path) -> None:
    names = ["a" * 110, "ünïcode", "x/../y"]
    parent = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/apim/apis"
    policies = [policy(f"{parent}/{name}/operations/{'o' * 90}") for name in names]
    write(tmp_path / "estate", Batch(policies))
    pack(tmp_path / "estate", tmp_path / "estate.tar.zst")
    assert same(read([tmp_path / "estate.tar.zst"], verify=True), read([tmp_path / "estate"]))


def test_a_tar_that_would_unpack_to_too_much_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    manifest = ("manifest.json", (folder / "manifest.json").read_bytes())
    part = ("resources/microsoft.web/sites.ndjson", bytes(50 * 2**20))
    path = tar_of(tmp_path / "bomb.tar.zst", manifest, part, ("resources/microsoft.web/sites.2.ndjson", part[1]))
    assert path.stat().st_size < 100_000
    with pytest.raises(NothingReadError, match="64 MiB, which is more than its size allows"):
        read([path])
    with pytest.raises(NothingReadError, match="larger than the limit"):
        read([path], max_file_size=1000)


def test_a_header_that_is_too_long_is_not_read(folder: Path, tmp_path: Path) -> None:
    """The standard library would take it into memory whole."""
    path = tar_of(tmp_path / "bomb.tar.zst", ("a" * 100_000, b"x"), format=tarfile.PAX_FORMAT)
    with pytest.raises(NothingReadError, match="header that is too long"):
        read([path])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE])
def test_only_plain_files_are_read_from_a_tar(folder: Path, tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "evil.tar.zst"
    with zstd().ZstdFile(path, "w") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        for name, data in sorted(contents(folder), key=lambda item: item[0] != "manifest.json"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        odd = tarfile.TarInfo("resources/link.ndjson")
        odd.type, odd.linkname = kind, "/etc/passwd"
        archive.addfile(odd)
    with pytest.raises(NothingReadError, match="no plain file"):
        read([path])


def test_other_tars_are_left_alone(folder: Path, tmp_path: Path) -> None:
    """Also large ones: the first name says enough."""
    (tmp_path / "other").mkdir()
    tar_of(tmp_path / "other" / "src.tar.zst", ("src/main.c", b"int main;"), ("manifest.json", b"{}"))
    tar_of(tmp_path / "other" / "app.tar.zst", ("manifest.json", b'{"name": "app"}'))
    tar_of(tmp_path / "other" / "none.tar.zst")
    (tmp_path / "other" / "host.json").write_text('{"version": "2.0", "extensions": {}}')
    found = {artifact.path: artifact for artifact in read([tmp_path / "other"]).artifacts}
    assert {found[f"{name}.tar.zst"].status for name in ("src", "app", "none")} == {ArtifactStatus.SKIPPED}


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_tar_that_was_cut_off_is_said(folder: Path, tmp_path: Path, keep: float) -> None:
    pack(folder, tmp_path / "estate.tar.zst")
    data = (tmp_path / "estate.tar.zst").read_bytes()
    (tmp_path / "cut.tar.zst").write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(NothingReadError, match=r"cannot be read|ends early"):
        read([tmp_path / "cut.tar.zst"])


@given(st.binary(max_size=2000))
def test_no_tar_breaks_the_reader(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tar.zst"
        path.write_bytes(zstd().compress(data))
        with contextlib.suppress(NothingReadError):
            read([path])
        path.write_bytes(data or b"x")
        with contextlib.suppress(NothingReadError):
            read([path])


@given(st.data())
def test_no_damaged_tar_breaks_the_reader(data: st.DataObject) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("manifest.json", "resources/" + "a" * 120 + "/b.ndjson"):
            member = tarfile.TarInfo(name)
            member.size = 30
            archive.addfile(member, io.BytesIO(b'{"format":"mcpguard-snapshot"}'))
    text = bytearray(plain.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, 4000))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tar.zst"
        path.write_bytes(zstd().compress(bytes(text)))
        with contextlib.suppress(NothingReadError, SnapshotError):
            read([path])


def test_without_the_package_it_says_what_to_install(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other" / "estate.tar.zst"
    path.parent.mkdir()
    pack(folder, path)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(NothingReadError, match=r"backports\.zstd is missing.*run: .*zst"):
        read([path])
    (path.parent / "host.json").write_text('{"version": "2.0", "extensions": {}}')
    (artifact,) = (artifact for artifact in read([path.parent]).artifacts if artifact.path == "estate.tar.zst")
    assert artifact.status is ArtifactStatus.SKIPPED and "zst" in artifact.detail
    with pytest.raises(UsageError, match="zstd"):
        pack(folder, tmp_path / "again.tar.zst")
    pack(folder, tmp_path / "again.zip")

"""From paths to evidence: the one way into this package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcpguard.core.digest import new_digest
from mcpguard.core.errors import NothingReadError, UsageError
from mcpguard.evidence import Artifact, ArtifactStatus, ArtifactText, Complete, Evidence, Gap
from mcpguard.sources import attachment, merge
from mcpguard.sources.apiops_layout import Member, find_members
from mcpguard.sources.detect import take_file
from mcpguard.sources.files import Entry, Source, fetcher, find, load
from mcpguard.sources.reading import Reading

DEFAULT_MAX_FILE_SIZE = 100 * 2**20
_TAKEN = (ArtifactStatus.READ, ArtifactStatus.PARTIAL)
_MAX_NAMED = 5
_OF_SNAPSHOTS = ("manifest.json", ".zip", ".tar.zst")


def read(
    paths: Sequence[Path],
    *,
    max_file_size: int = DEFAULT_MAX_FILE_SIZE,
    manifest: Path | None = None,
    verify: bool = False,
    allow_outside: bool = False,
) -> Evidence:
    """Read every file at or below ``paths``. Equal files give equal evidence, whatever the order of the paths.

    Args:
        paths: files and folders.
        max_file_size: bytes; larger files are not read and say so.
        manifest: the manifest to use; others that are found are then left alone.
        verify: refuse a snapshot that was changed since it was written.
        allow_outside: read what templates name outside of ``paths`` as well.

    Raises:
        UsageError: a path does not exist, ``manifest`` is not a readable manifest, or there is no snapshot to verify.
        SnapshotError: ``verify`` found a change.
        NothingReadError: no file was there, or none could be read or was recognized.
    """
    if not paths:
        raise UsageError("no path was given", "name a file or a folder to scan")
    entries, artifacts = find(paths, manifest)
    readings: list[Reading] = []
    gaps: list[Gap] = []
    complete: list[Complete] = []
    if any(entry.path.endswith(_OF_SNAPSHOTS) for entry in entries):
        from mcpguard.sources.snapshots import take_snapshots

        whole, entries = take_snapshots(entries, max_file_size, verify=verify)
        readings += whole.readings
        artifacts += whole.artifacts
        gaps += whole.gaps
        complete += whole.complete
    if verify and not any(reading.kind == "snapshot" for reading in readings):
        raise UsageError(f"no snapshot to verify in {', '.join(map(str, paths))}", "name what mcpguard collect has written")
    members = find_members(entry.path for entry in entries)
    loaded: dict[str, Source | Artifact] = {}
    for entry in entries:
        source = load(entry, max_file_size)
        if entry.path in members:
            loaded[entry.path] = source
        elif isinstance(source, Artifact):
            artifacts.append(source)
        else:
            readings.append(take_file(source))
    if any(reading.kind == "bicep" for reading in readings):
        from mcpguard.sources.bicep.files import take_bicep  # with the whole language

        take_bicep(readings, fetcher(paths, entries, max_file_size, allow_outside=allow_outside))
    attachment.attach(readings)
    if members:
        from mcpguard.sources import apiops, apiops_configuration  # with all that extracts need

        filters = apiops_configuration.filters_of(readings)
        for extract in apiops.group(members, _folder_names(members, entries)):
            found = apiops.read_extract(extract, loaded, filters)
            readings.extend(found.readings)
            gaps.extend(found.gaps)
            complete.extend(found.complete)
    if any(reading.templates for reading in readings):
        from mcpguard.sources.arm.files import take_templates  # with the whole template language

        take_templates(readings)
    if any(reading.text_format == "hcl" for reading in readings):
        from mcpguard.sources.hcl.configurations import take_configurations  # with its parser

        take_configurations(readings)
    artifacts.extend(source for source in loaded.values() if isinstance(source, Artifact))
    if manifest:
        _choose_manifest(readings, artifacts, entries, manifest)
    return _evidence(readings, artifacts, gaps, complete, tuple(map(str, paths)))


def _folder_names(members: dict[str, Member], entries: Sequence[Entry]) -> dict[str, str]:
    """The folder name of each extract's root. A root that is the scan root has its name on disk only."""
    files = {entry.path: entry.file for entry in entries}
    names: dict[str, str] = {}
    for path, member in members.items():
        if member.root not in names:
            steps = path.count("/") - (member.root.count("/") + 1 if member.root else 0)
            names[member.root] = Path(files[path]).parents[steps].name or "service"
    return names


def _choose_manifest(readings: list[Reading], artifacts: Sequence[Artifact], entries: Sequence[Entry], manifest: Path) -> None:
    """Keep the named manifest and leave others alone.

    Raises:
        UsageError: the named file is no manifest that can be read.
    """
    from mcpguard.sources import manifests

    real = manifest.resolve()
    named = next((entry.path for entry in entries if Path(entry.file).resolve() == real), "")
    wanted = next((reading for reading in readings if reading.path == named), None)
    if wanted is None or wanted.kind != manifests.FORMAT or not wanted.resources:
        failed = next((artifact.detail for artifact in artifacts if artifact.path == named), "")
        detail = wanted.artifact().detail if wanted else failed
        raise UsageError(
            f"{manifest} is not a manifest that can be read: {detail}",
            "a manifest begins with apiVersion: mcpguard/v1 and kind: McpInventory",
        )
    for index, reading in enumerate(readings):
        if reading.kind == manifests.FORMAT and reading is not wanted:
            readings[index] = Reading(reading.path, reading.data, reason="another manifest was named with --manifest")


def _evidence(
    readings: Sequence[Reading],
    artifacts: Sequence[Artifact],
    gaps: Sequence[Gap],
    complete: Sequence[Complete],
    inputs: tuple[str, ...],
) -> Evidence:
    merged = merge.merge(
        (resource for reading in readings for resource in reading.resources),
        [*gaps, *(gap for reading in readings for gap in reading.gaps)],
        [*complete, *(claim for reading in readings for claim in reading.complete)],
        (page for reading in readings for page in reading.pages),
        [
            *(artifact.path for artifact in artifacts),
            *(reading.path for reading in readings if reading.status is not ArtifactStatus.READ),
        ],
    )
    listed = [*artifacts, *(reading.artifact(merged.remarks.get(reading.path, ())) for reading in readings)]
    listed.sort(key=lambda artifact: artifact.path)
    if not any(artifact.status in _TAKEN for artifact in listed):
        raise _nothing_read(listed, inputs)
    texts: dict[str, ArtifactText] = {}
    digest = new_digest()
    for reading in sorted(readings, key=lambda reading: reading.path):
        text = reading.text()
        if text is not None:
            texts[reading.path] = text
        if reading.status in _TAKEN:
            name = reading.path.encode()
            digest.update(b"%d %d " % (len(name), len(reading.data)) + name)
            digest.update(reading.data)
    return Evidence(
        resources=tuple(merged.resources),
        gaps=tuple(merged.gaps),
        complete=merged.complete,
        artifacts=tuple(listed),
        texts=texts,
        inputs=inputs,
        digest=digest.hexdigest(),
    )


def _nothing_read(artifacts: Sequence[Artifact], inputs: Sequence[str]) -> NothingReadError:
    where = ", ".join(inputs)
    hint = (
        "scan answers of az, Bicep, a compiled template, a Terraform configuration or plan, an APIOps extract, host.json, "
        "mcp.json or policy files; docs/exporting.md lists all forms"
    )
    if not artifacts:
        return NothingReadError(f"no file to read in {where}", hint)
    # What failed is nearer to what was meant than what was passed over.
    first = sorted(artifacts, key=lambda artifact: (artifact.status is not ArtifactStatus.FAILED, artifact.path))
    reasons = [f"{artifact.path}: {artifact.detail}" for artifact in first[:_MAX_NAMED]]
    if len(first) > _MAX_NAMED:
        reasons.append(f"and {len(first) - _MAX_NAMED} more")
    return NothingReadError(f"nothing could be read in {where}\n  " + "\n  ".join(reasons), hint)

"""``mcpguard collect``: a live estate into a snapshot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcpguard.cli.live import asked_of, run_collection, scope_options
from mcpguard.collect import cloud_of
from mcpguard.core.errors import UsageError
from mcpguard.evidence.snapshot import type_of_file
from mcpguard.evidence.snapshot_pack import pack, packer_of

if TYPE_CHECKING:
    from mcpguard.collect.run import Collected
    from mcpguard.evidence.snapshot import Manifest

_INTERRUPTED = 130
_INCOMPLETE = 3
_PACKED = frozenset({".zst", ".tar", ".gz", ".tgz", ".7z"})
"""What somebody may name who wants one file, and does not get."""
_MOST = 40
"""Gaps that are listed; the manifest holds them all."""
_LEFT_OUT = (
    ("appSettings", "app settings (--with-app-settings)"),
    ("conditionalAccess", "Conditional Access (--with-conditional-access)"),
    ("telemetry", "evidence queries in Log Analytics (--with-telemetry)"),
    ("allOperations", "policies of operations that no MCP server or tool leads to (--all-operations)"),
    ("allApplications", "registrations that the estate does not refer to (--all-applications)"),
)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the snapshot goes; FILE.zip or FILE.tar.zst for one file.",
)
@click.option("--resume", is_flag=True, help="Go on with a collection that was interrupted.")
@click.option(
    "--explain", "explained", is_flag=True, help="Print what would be asked and which permission it needs; call nothing."
)
@click.option("--strict", is_flag=True, help="Exit 3 when anything could not be read.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@scope_options
def command(out: Path | None, resume: bool, explained: bool, strict: bool, quiet: bool, **values: Any) -> int:
    """Read a live estate into a snapshot: a folder to scan, diff, archive and hand over.

    Reads Azure Resource Manager, Microsoft Graph and Foundry, with a read-only sign-in. Never writes anything, and never asks
    for keys or secrets. Everything that could not be read is listed, with the role to ask for.
    """
    if explained:
        _explain(values)
        return 0
    if out is None:
        raise UsageError("no --out", "name the folder for the snapshot: mcpguard collect --out estate")
    packs = packer_of(out) is not None
    if not packs and out.suffix.lower() in _PACKED:
        raise UsageError(f"{out} is neither a folder nor a form of a snapshot", "name a folder, FILE.zip or FILE.tar.zst")
    folder = out.with_name(out.name + ".parts") if packs else out
    if packs and out.exists():
        raise UsageError(f"{out} exists already", "name another file")
    collected = run_collection(folder, values, resume=resume, quiet=quiet)
    manifest = collected.manifest
    if packs and manifest.finished:
        pack(folder, out)
        shutil.rmtree(folder)
    if not quiet:
        click.echo("\n".join(_table(collected, out if manifest.finished else folder)))
    if not manifest.finished:
        return _INTERRUPTED
    return _INCOMPLETE if strict and manifest.gaps else 0


def _table(collected: Collected, out: Path) -> list[str]:
    """What was read and what was not."""
    manifest = collected.manifest
    lines = [f"Read with {manifest.requests:,} requests"]
    counts: dict[str, int] = {}
    for file in manifest.files:
        if type_ := type_of_file(file.path):
            counts[type_] = counts.get(type_, 0) + file.lines
    width = max(map(len, counts), default=0)
    lines += (f"  {name:<{width}}  {count:>7,}" for name, count in counts.items())
    lines += _gaps(manifest)
    left_out = [words for name, words in _LEFT_OUT if not manifest.scope.get(name)]
    if left_out:
        lines += ("Left out, because it was not asked for", *(f"  {words}" for words in left_out))
    if manifest.finished:
        lines += (f"Snapshot  {out}", f"Digest    {manifest.digest}", f"Next      mcpguard scan {out}")
    else:
        lines += (f"Interrupted; {out} holds what was read. Go on with the same command and --resume.",)
    return lines


def _gaps(manifest: Manifest) -> list[str]:
    if not manifest.gaps:
        return ["Nothing that was asked for could not be read."]
    lines = [f"Not read ({len(manifest.gaps)})"]
    for gap in manifest.gaps[:_MOST]:
        lines += (f"  {gap.reason}: {gap.detail}", f"    to close it: {gap.remedy}")
    if len(manifest.gaps) > _MOST:
        lines.append(f"  and {len(manifest.gaps) - _MOST} more, in manifest.json")
    return lines


def _explain(values: dict[str, Any]) -> None:
    from mcpguard.collect.explain import explain

    for call in explain(asked_of(values), cloud_of(values["cloud"])):
        click.echo(f"{call.verb:<4} {call.url}")
        click.echo(f"     needs {call.needs.words}")
        for line in call.body.splitlines():
            click.echo(f"     {line}")

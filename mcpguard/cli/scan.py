"""``mcpguard scan``: read, judge, report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from mcpguard.cli import options
from mcpguard.cli.pipeline import Settings, exit_status, scan
from mcpguard.core.errors import UsageError
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Severity
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.report import FORMATS, Options, format_of

_LIVE = "live"
"""What the live estate is called where files have their paths."""


class _Command(click.Command):
    """The command has the options of ``collect`` too once ``--live`` is among its arguments; a scan of files is spared them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take up those options."""
        if "--live" in args and all(parameter.name != "subscriptions" for parameter in self.params):
            from mcpguard.cli.live import options_of_scope

            self.params = [*self.params, *options_of_scope()]
        return super().parse_args(ctx, args)


@click.command(cls=_Command)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--format", "format_", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What stdout gets."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a report as well; the format follows from the suffix (.sarif .json .md .html .txt). Repeatable.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*(s.value for s in reversed(Severity) if s is not Severity.INFO), "never"]),
    default="high",
    show_default=True,
    help="Exit 1 when something of this severity or above fails.",
)
@click.option("--strict", is_flag=True, help="Exit 3 when anything is unknown, missing or unread.")
@options.complete
@click.option("--assume-mcp", is_flag=True, help="Judge every HTTP API and every policy file as if it fronted an MCP server.")
@click.option("--manifest", type=click.Path(path_type=Path), metavar="FILE", help="The governance manifest.")
@click.option("--select", multiple=True, metavar="WORDS", help="Only these rules: ids, names, families or risks, with commas.")
@click.option("--ignore", multiple=True, metavar="WORDS", help="Not these rules: ids, names, families or risks, with commas.")
@click.option("--persona", type=click.Choice(["regular", "auditor"]), default="regular", show_default=True)
@click.option(
    "--min-confidence",
    type=click.Choice([c.value for c in Confidence]),
    default="low",
    show_default=True,
    help="Leave out failures that are less sure.",
)
@click.option("--show-passes", is_flag=True, help="List what passed as well.")
@options.rule_folders
@click.option(
    "--category",
    default="scan",
    show_default=True,
    metavar="TEXT",
    help="SARIF category: keeps uploads of several estates apart.",
)
@options.max_file_size
@click.option("--live", is_flag=True, help="Collect the live estate first; the options of mcpguard collect say what of it.")
@click.option("--verify", is_flag=True, help="Refuse a snapshot that was changed since it was written.")
@click.option("--allow-outside", is_flag=True, help="Read what Bicep files name outside of the PATHs as well.")
@click.option("--quiet", is_flag=True, help="Nothing on stderr but errors.")
def command(
    paths: tuple[Path, ...],
    format_: str,
    reports: tuple[Path, ...],
    fail_on: str,
    strict: bool,
    complete: bool,
    assume_mcp: bool,
    manifest: Path | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    persona: str,
    min_confidence: str,
    show_passes: bool,
    rule_folders: tuple[Path, ...],
    category: str,
    max_file_size: int,
    live: bool,
    verify: bool,
    allow_outside: bool,
    quiet: bool,
    **scope: Any,
) -> int:
    """Judge exports, templates, extracts and policy files.

    PATHs are files or folders; all of them make one estate. Formats are detected by content: output of az, Bicep, ARM templates
    and exports, APIOps extracts, Terraform configurations and plans, snapshots, Graph exports, policy XML, files of host
    repositories, MCP client files, inventories, and the manifest; docs/exporting.md lists them all.
    Without PATH the current folder is scanned.
    """
    if live and verify:
        raise UsageError("--verify is for snapshots that were written earlier", "leave it out with --live")
    formats = {report_path: format_of(str(report_path)) for report_path in reports}
    settings = Settings(
        selection=Selection(_words(select), _words(ignore), persona, Confidence(min_confidence)),
        fail_on=None if fail_on == "never" else Severity(fail_on),
        strict=strict,
        complete=complete,
        assume_mcp=assume_mcp,
        manifest=manifest,
        rules=rule_folders,
        max_file_size=max_file_size * options.MEBIBYTE,
        verify=verify,
        sheets="html" in (format_, *formats.values()),
        allow_outside=allow_outside,
    )
    with _collected(scope, quiet=quiet) if live else contextlib.nullcontext(()) as snapshot:
        report = scan((*paths, *snapshot) or (Path(),), settings)
    if live:
        report = msgspec.structs.replace(report, inputs=(*map(str, paths), _LIVE))
    drawn = Options(show_passes=show_passes, category=category, prefix=_prefix(paths))
    for report_path, name in formats.items():
        _write(report_path, FORMATS[name](report, drawn))
        if not quiet:
            click.echo(f"wrote {report_path}", err=True)
    if format_ == "text":
        drawn = msgspec.structs.replace(drawn, color=options.screen_color(), width=options.screen_width())
    click.echo(FORMATS[format_](report, drawn), nl=False, color=True)
    return exit_status(report, settings)


@contextlib.contextmanager
def _collected(scope: dict[str, Any], *, quiet: bool) -> Iterator[tuple[Path]]:
    """A snapshot of the live estate, for the time of a scan."""
    import tempfile

    from mcpguard.cli.live import run_collection

    with tempfile.TemporaryDirectory(prefix="mcpguard-") as folder:
        snapshot = Path(folder) / _LIVE
        if not run_collection(snapshot, scope, resume=False, quiet=quiet).manifest.finished:
            raise click.exceptions.Abort
        yield (snapshot,)


def _prefix(paths: tuple[Path, ...]) -> str:
    """The way from the current folder, which CI makes the repository's root, to the scanned one; for SARIF's URIs."""
    if len(paths) != 1 or not paths[0].is_dir():
        return ""
    root, here = paths[0].resolve(), Path.cwd().resolve()
    return root.relative_to(here).as_posix() if root.is_relative_to(here) and root != here else ""


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name a file in an existing folder") from error


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a repeatable option that also takes several with commas between."""
    return tuple(word for value in values for part in value.split(",") if (word := part.strip()))

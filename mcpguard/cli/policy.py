"""``mcpguard policy``: the effective policy of an API, and what is wrong with policy texts by themselves."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mcpguard import sources
from mcpguard.cli import options
from mcpguard.core.errors import UsageError
from mcpguard.model.report import empty_report
from mcpguard.normalize import build
from mcpguard.version import __version__

_DEEPEST = 8_000
"""Calls on the stack while a policy is drawn; each level of a policy takes a few."""


@click.group()
def command() -> None:
    """Policies by themselves: show what runs, check what is written."""


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.max_file_size
def check(paths: tuple[Path, ...], format_: str, max_file_size: int) -> int:
    """Read every policy at or below PATHs and say what could not be read and what API Management would refuse.

    Policies are taken from policy files, APIOps extracts, answers of az rest, and templates. Exit status: 0 when
    everything was read and nothing will be refused, 1 otherwise, 2 usage error, 3 the input holds no policy.
    """
    from mcpguard.cli.policy_check import check_all
    from mcpguard.report import policy_check

    evidence = sources.read(paths, max_file_size=max_file_size * options.MEBIBYTE)
    estate = build(evidence, _now())
    checked = check_all(estate, evidence, [path.name for path in paths if path.is_file()])
    report = empty_report(evidence, _now(), __version__)
    if format_ == "json":
        click.echo(policy_check.render_json(checked, report), nl=False)
    else:
        text = policy_check.render_text(checked, report, color=options.screen_color(), width=options.screen_width())
        click.echo(text, nl=False, color=True)
    return 0 if checked.good else 1


@command.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--api", required=True, metavar="NAME", help="Name or display name of the API, MCP or not.")
@click.option("--operation", default="", metavar="NAME", help='One operation: its name, or "POST /orders".')
@click.option("--entry", default="", metavar="WAY", help="One way in: keyless, service-key or product:NAME.")
@click.option("--service", default="", metavar="NAME", help="The service, when several hold an API of that name.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "xml"]), default="text", show_default=True)
@options.complete
@options.max_file_size
def show(
    paths: tuple[Path, ...],
    api: str,
    operation: str,
    entry: str,
    service: str,
    format_: str,
    complete: bool,
    max_file_size: int,
) -> None:
    """Show the effective policy of an API for every way in, section by section, and where each statement comes from.

    What was not read stays a hole, with what is missing and how to get it. Without PATH the current folder is read.
    """
    from mcpguard.cli.policy_show import choose

    # Policies nest at most 256 deep in each of five scopes, and <base/> may stand at the bottom of each.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEPEST))
    evidence = sources.read(paths or (Path(),), max_file_size=max_file_size * options.MEBIBYTE)
    if complete:
        evidence = evidence.as_complete()
    found = choose(build(evidence, _now()), api, operation, entry, service)
    report = empty_report(evidence, _now(), __version__)
    if format_ == "json":
        from mcpguard.report import policy_json

        click.echo(policy_json.render(found, report), nl=False)
    elif format_ == "xml":
        from mcpguard.report import policy_xml

        if len(found.policies) > 1:
            ways = "; ".join(" or ".join(way.title for way in shown.ways) for shown in found.policies)
            raise UsageError(
                f"an XML document holds one policy, and {len(found.policies)} run here: {ways}",
                f"choose with --entry: {_choices([way.key for shown in found.policies for way in shown.ways])}",
            )
        click.echo(policy_xml.render(found, report), nl=False)
    else:
        from mcpguard.report import policy_text

        click.echo(
            policy_text.render(found, report, color=options.screen_color(), width=options.screen_width()), nl=False, color=True
        )


def _choices(keys: Sequence[str]) -> str:
    words = {"none": "keyless", "service": "service-key", "product": "product:NAME"}
    return ", ".join(words[key] for key in words if key in keys)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)

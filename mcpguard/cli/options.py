"""Options that several commands share, and what they know of the screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

rule_folders = click.option(
    "--rules",
    "rule_folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Load rules from this folder too. Rules are Python code that runs with your rights.",
)
max_file_size = click.option("--max-file-size", type=click.IntRange(1), default=100, show_default=True, metavar="MIB")
complete = click.option(
    "--complete", is_flag=True, help="The input holds everything that exists: what is absent does not exist."
)

MEBIBYTE = 2**20


def screen_color() -> bool:
    """Whether stdout is a terminal that wants colour."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def screen_width() -> int:
    """Columns to write: those of the terminal, within reason."""
    import shutil

    return max(60, min(shutil.get_terminal_size((100, 24)).columns, 140))

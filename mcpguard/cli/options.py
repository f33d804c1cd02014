"""Options that several commands share."""

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

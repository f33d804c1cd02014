"""``mcpguard rules``: the catalogue."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from mcpguard.cli import options
from mcpguard.engine import registry


@click.group()
def command() -> None:
    """The rules that this version knows."""


@command.command("list")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.rule_folders
def list_rules(format_: str, rule_folders: tuple[Path, ...]) -> None:
    """List every rule with its severity and risk."""
    rules = [rule.meta for rule in registry.load(rule_folders).values()]
    if format_ == "json":
        rows = [
            {
                "id": meta.id,
                "name": meta.name,
                "title": meta.title,
                "severity": meta.severity.value,
                "family": meta.family,
                "risk": meta.risk,
                "persona": meta.persona,
                "controls": meta.controls,
            }
            for meta in rules
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    width = max(len(meta.name) for meta in rules)
    for meta in rules:
        click.echo(f"{meta.id}  {meta.name:<{width}}  {meta.severity.value:<8}  {meta.title}")

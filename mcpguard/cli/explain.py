"""``mcpguard explain``: one rule's page, the same text that SARIF and the HTML report carry."""

from __future__ import annotations

from pathlib import Path

import click

from mcpguard.cli import options
from mcpguard.core.errors import UsageError
from mcpguard.engine import registry


@click.command()
@click.argument("rule")
@click.option("--examples", is_flag=True, help="Show the examples too.")
@options.rule_folders
def command(rule: str, examples: bool, rule_folders: tuple[Path, ...]) -> None:
    """Show what RULE (id or name) checks, why it matters and how to fix it."""
    rules = registry.load(rule_folders)
    found = next((r for r in rules.values() if rule.lower() in (r.meta.id.lower(), r.meta.name)), None)
    if found is None:
        raise UsageError(f"no rule is called {rule!r}", "mcpguard rules list shows them all")
    meta = found.meta
    click.echo(f"# {meta.id} {meta.name}\n\n{meta.title}\n")
    click.echo(f"Severity: {meta.severity.value} · Risk: {meta.risk} · Controls: {', '.join(meta.controls) or 'none'}\n")
    click.echo(meta.page)
    if examples:
        click.echo(f"\n## Examples\n{registry.examples_text(found).rstrip()}")

"""The command group: every command lives in a module of its own and is imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from mcpguard.core.errors import McpguardError, NothingReadError

COMMANDS = {
    "scan": ("mcpguard.cli.scan", "Judge exports, templates, extracts and policy files."),
    "collect": ("mcpguard.cli.collect", "Read a live estate into a snapshot to scan."),
    "inventory": ("mcpguard.cli.inventory", "What there is: servers, agents, owners, chains."),
    "policy": ("mcpguard.cli.policy", "Policies by themselves: show what runs, check what is written."),
    "rules": ("mcpguard.cli.rules", "The catalogue: list the rules."),
    "explain": ("mcpguard.cli.explain", "Show one rule's page."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the documentation."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and take its ``command``."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest name."""
        if args and args[0] not in COMMANDS:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"no command {args[0]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mcpguard", message="mcpguard %(version)s")
def cli() -> None:
    """The posture scanner for MCP on Azure.

    Reads configuration that you already have, judges it against a risk register and says where to look. Offline: no
    command uses the network unless it says so.

    Exit status: 0 below the threshold, 1 findings at or above it, 2 usage, configuration or manifest error, 3 nothing could
    be read (or incomplete under --strict), 4 internal error.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit status. Every error becomes a message and a hint, never a traceback."""
    try:
        result = cli.main(args=list(arguments), prog_name="mcpguard", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except McpguardError as error:
        click.echo(f"mcpguard: {error.message}", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        return 3 if isinstance(error, NothingReadError) else 2
    except BrokenPipeError:
        # The reader went away (`| head`); point stdout elsewhere so that the interpreter does not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last resort: a bug of ours
        if os.environ.get("MCPGUARD_DEBUG"):
            raise
        click.echo(f"mcpguard: internal error: {type(error).__name__}: {error}", err=True)
        click.echo("  hint: set MCPGUARD_DEBUG=1 to see where, and please report it", err=True)
        return 4
    return result if isinstance(result, int) else 0

"""``mcpguard inventory``: what there is, who answers for it, and the chain from a client to what a server calls in turn."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from mcpguard.cli import options
from mcpguard.core.errors import NothingReadError, UsageError
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.report import Report, empty_report
from mcpguard.version import __version__

_LISTED = 20


class _ListByDefault(click.Group):
    """A group that lists when no command is named, so that ``mcpguard inventory exports/`` works."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` before what is neither a command nor a request for help."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


_format = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
_manifest = click.option(
    "--manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE", help="The governance manifest."
)


@click.group(cls=_ListByDefault)
def command() -> None:
    """MCP servers and agents: owners, tools, and the chain from client to downstream.

    mcpguard inventory [PATH]... lists them; mcpguard inventory show NAME [PATH]... explains one server in full. Formats are
    those of mcpguard scan. Nothing is judged; that is what mcpguard scan does.
    """


@command.command(name="list")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@_format
@_manifest
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Start a manifest in a new file."
)
@options.complete
@options.max_file_size
def list_(
    paths: tuple[Path, ...],
    format_: str,
    manifest: Path | None,
    write: Path | None,
    complete: bool,
    max_file_size: int,
) -> None:
    """List every MCP server and agent."""
    from mcpguard.inventory import inventory

    estate, report = _read(paths, manifest, complete=complete, max_file_size=max_file_size)
    found = inventory(estate)
    if write is not None:
        from mcpguard.inventory.manifest_draft import draft

        _write_new(write, draft(found, estate))
    if format_ == "json":
        from mcpguard.report import inventory_json

        click.echo(inventory_json.render(found, report), nl=False)
    else:
        from mcpguard.report import inventory_text

        drawn = inventory_text.render(found, report, color=options.screen_color(), width=options.screen_width())
        click.echo(drawn, nl=False, color=True)


@command.command()
@click.argument("name")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@_format
@_manifest
@options.complete
@options.max_file_size
def show(name: str, paths: tuple[Path, ...], format_: str, manifest: Path | None, complete: bool, max_file_size: int) -> None:
    """Explain one server in full: who owns it, which agents and clients can call it, every way in and what it asks for, the
    chain behind it, and whether audiences and scopes agree.

    NAME is the name of the server, its API, host or manifest entry, or its id.
    """
    from mcpguard.inventory import sheet
    from mcpguard.model.sheet import Inventory

    estate, report = _read(paths, manifest, complete=complete, max_file_size=max_file_size)
    found = sheet(_server(name, estate), estate)
    if format_ == "json":
        from mcpguard.report import inventory_json

        click.echo(inventory_json.render(Inventory((found,), ()), report), nl=False)
    else:
        from mcpguard.report import inventory_text

        drawn = inventory_text.render_sheet(found, report, color=options.screen_color(), width=options.screen_width())
        click.echo(drawn, nl=False, color=True)


def _read(paths: tuple[Path, ...], manifest: Path | None, *, complete: bool, max_file_size: int) -> tuple[Estate, Report]:
    from mcpguard.cli.pipeline import Settings, read_estate

    now = datetime.datetime.now(datetime.UTC)
    settings = Settings(complete=complete, manifest=manifest, max_file_size=max_file_size * options.MEBIBYTE, as_of=now)
    estate, evidence = read_estate(paths or (Path(),), settings, now)
    return estate, empty_report(evidence, now, __version__)


def _server(name: str, estate: Estate) -> McpServer:
    """The server that is called ``name``; one in a gateway before the host behind it, which its sheet tells too.

    Raises:
        NothingReadError: the input shows no MCP server.
        UsageError: none or several are called that.
    """
    servers = estate.of(McpServer)
    if not servers:
        raise NothingReadError("the input shows no MCP server", "mcpguard scan says what could hide one")
    wanted = name.lower().rstrip("/")
    found = [server for server in servers if wanted in _names(server, estate)]
    found = [server for server in found if server.api] or found
    if not found:
        import difflib

        names = sorted({server.name for server in servers})
        close = difflib.get_close_matches(name, names, n=1)
        listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
        hint = f"did you mean {close[0]!r}?" if close else f"the servers are: {listed}"
        raise UsageError(f"no MCP server is called {name!r}", hint)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} MCP servers are called {name!r}", f"name one by its id: {', '.join(s.id for s in found)}"
        )
    return found[0]


def _names(server: McpServer, estate: Estate) -> set[str]:
    names = {server.name.lower(), server.key, server.key.removesuffix("#mcp"), server.id.lower()}
    api = estate.get(Api, server.api)
    if api is not None:
        names |= {api.display_name.lower()}
    declaration = estate.declaration(server)
    if declaration is not None:
        names.add(declaration.server.id.lower())
    return names


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{path} is already there", "name a new file; a manifest that people keep is not overwritten"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name a file in an existing folder") from error
    click.echo(f"wrote {path}", err=True)

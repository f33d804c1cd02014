"""What ``collect`` and ``scan --live`` share: the options that say what to collect, and the running of it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mcpguard.collect import CREDENTIALS, Asked, cloud_of, need_extra
from mcpguard.collect.asked import WINDOW
from mcpguard.core.errors import UsageError

if TYPE_CHECKING:
    from mcpguard.collect.run import Collected

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option("--subscription", "subscriptions", multiple=True, metavar="ID", help="Only this subscription. Repeatable."),
    click.option("--management-group", default="", metavar="NAME", help="Only what is below this management group."),
    click.option("--resource-group", default="", metavar="NAME", help="Only resource groups of this name."),
    click.option("--service", default="", metavar="NAME|ID", help="Only this API Management service."),
    click.option("--no-graph", is_flag=True, help="Read nothing of Entra."),
    click.option("--all-operations", is_flag=True, help="Read the policies of all operations, not only of those behind MCP."),
    click.option("--all-applications", is_flag=True, help="Read all of Entra's registrations, not only those referred to."),
    click.option("--with-app-settings", is_flag=True, help="Read app settings: names, and values that are no secrets."),
    click.option("--with-conditional-access", is_flag=True, help="Read Conditional Access, at one request a second."),
    click.option(
        "--with-telemetry", is_flag=True, help="Ask Log Analytics how MCP is used: numbers and names, no bodies, no people."
    ),
    click.option("--telemetry-window", default="", metavar="TIME", help="How far back: 12h, 30d.  [default: 7d]"),
    click.option(
        "--cloud",
        default="public",
        show_default=True,
        metavar="NAME|FILE",
        help="public, usgov, china, or a TOML file of endpoints.",
    ),
    click.option(
        "--credential", type=click.Choice(CREDENTIALS), default="default", show_default=True, help="Which sign-in to use."
    ),
    click.option("--tenant", default="", metavar="ID", help="Which tenant to sign in to."),
    click.option(
        "--concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Requests at one time to one service."
    ),
)


def options_of_scope() -> list[click.Parameter]:
    """The same options as parameters, for a command that takes them late."""

    @scope_options
    def holder() -> None:
        """Nothing but a place for options."""

    return list(reversed(holder.__click_params__))  # type: ignore[attr-defined]


def scope_options(function: F) -> F:
    """Add the options that say what to collect, and how."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def asked_of(values: dict[str, Any]) -> Asked:
    """What the options ask for.

    Raises:
        UsageError: they do not go together, or name nothing that can be.
    """
    asked = Asked(
        subscriptions=tuple(dict.fromkeys(value.lower() for value in values["subscriptions"])),
        management_group=values["management_group"],
        resource_group=values["resource_group"],
        service=values["service"],
        graph=not values["no_graph"],
        all_operations=values["all_operations"],
        all_applications=values["all_applications"],
        app_settings=values["with_app_settings"],
        conditional_access=values["with_conditional_access"],
        telemetry=values["with_telemetry"],
        telemetry_window=values["telemetry_window"] or (WINDOW if values["with_telemetry"] else ""),
    )
    asked.check()
    return asked


def run_collection(folder: Path, values: dict[str, Any], *, resume: bool, quiet: bool) -> Collected:
    """Collect into a folder, showing how far it is.

    Raises:
        UsageError: an option, the folder or the cloud cannot be used, or packages are missing.
        SignInError: there is no token.
        CollectError: nothing could be read.
    """
    asked = asked_of(values)
    cloud = cloud_of(values["cloud"])
    need_extra("telemetry" if asked.telemetry else "live")
    from mcpguard.cli.progress import progress
    from mcpguard.collect.answers import Limits
    from mcpguard.collect.run import Settings, collect
    from mcpguard.collect.sign_in import sign_in
    from mcpguard.sources.screen import mask_resource

    credential = sign_in(values["credential"], values["tenant"], cloud, lambda text: click.echo(text, err=True))
    settings = Settings(asked, cloud, values["credential"], Limits(concurrency=values["concurrency"]), resume)
    # A collection runs for long: unlike a scan, it needs its garbage collected.
    collects_garbage = gc.isenabled()
    gc.enable()
    try:
        with progress(quiet=quiet) as tick:
            return collect(folder, settings, credential, mask_resource, tick)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{folder} cannot be written: {why}", "make room, or name another folder") from error
    finally:
        if not collects_garbage:
            gc.disable()

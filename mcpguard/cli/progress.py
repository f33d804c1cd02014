"""How far a collection is: bars on a terminal, a line every few seconds elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mcpguard.collect.meter import Meter, Progress

_EVERY = 5.0
"""Seconds between lines."""
_MINUTE = 60


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Meter], None]]:
    """A function to call a few times a second while something is collected."""
    if quiet:
        yield lambda meter: None
    elif sys.stderr.isatty() and (bars := _bars()) is not None:
        with bars[0]:
            yield bars[1]
    else:
        yield _lines()


def _lines() -> Callable[[Meter], None]:
    last = monotonic()

    def tick(meter: Meter) -> None:
        nonlocal last
        if monotonic() - last >= _EVERY:
            last = monotonic()
            click.echo(line_of(meter.look()), err=True)

    return tick


def line_of(look: Progress) -> str:
    """One look at a collection, in one line."""
    parts = ", ".join(f"{name} {done} of {done + waiting}" for name, done, waiting, _ in look.groups)
    rate = f"{look.requests:,} requests ({look.rate:.0f}/s), {look.resources:,} resources"
    left = look.remaining
    return f"collecting: {rate}{f', about {_duration(left)} left' if left else ''}; {parts}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"


def _bars() -> tuple[Any, Callable[[Meter], None]] | None:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    shown = Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    rows: dict[str, Any] = {}

    def tick(meter: Meter) -> None:
        look = meter.look()
        for name, done, waiting, gaps in look.groups:
            if name not in rows:
                rows[name] = shown.add_task(name, total=done + waiting, said="")
            speed = next(task.speed for task in shown.tasks if task.id == rows[name]) or 0.0
            said = ", ".join(filter(None, (f"{speed:.0f}/s" if speed else "", f"{gaps} not read" if gaps else "")))
            shown.update(rows[name], completed=done, total=done + waiting, said=said)

    return shown, tick

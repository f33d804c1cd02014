"""Renderers: pure functions of a :class:`~mcpguard.model.report.Report`, one module a format.

A renderer's module is imported when it is first used, so asking for JSON does not load the template engine.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mcpguard.core.errors import UsageError
from mcpguard.model.report import Report


class Options(msgspec.Struct, frozen=True):
    """What a caller may ask of a format; each format takes what concerns it."""

    color: bool = False
    width: int = 100
    show_passes: bool = False
    category: str = "scan"
    """Keeps apart the runs of one tool in GitHub code scanning."""
    prefix: str = ""
    """Path from the root of the repository to the scan root, for GitHub code scanning; empty when they are the same."""


def _text(report: Report, options: Options) -> str:
    from mcpguard.report import text

    return text.render(report, color=options.color, width=options.width, show_passes=options.show_passes)


def _json(report: Report, options: Options) -> str:
    from mcpguard.report import json

    return json.render(report, show_passes=options.show_passes)


def _sarif(report: Report, options: Options) -> str:
    from mcpguard.report import sarif

    return sarif.render(report, category=options.category, prefix=options.prefix)


def _markdown(report: Report, options: Options) -> str:
    from mcpguard.report import markdown

    return markdown.render(report)


def _html(report: Report, options: Options) -> str:
    from mcpguard.report import html

    return html.render(report)


FORMATS: dict[str, Callable[[Report, Options], str]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "markdown": _markdown,
    "html": _html,
}
"""By name: a function that imports the format's module and renders."""

_SUFFIXES = {
    ".txt": "text",
    ".json": "json",
    ".sarif": "sarif",
    ".sarif.json": "sarif",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}


def format_of(path: str) -> str:
    """The format that a file name asks for.

    Raises:
        UsageError: no format has that suffix.
    """
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return _SUFFIXES[suffix]
    raise UsageError(
        f"Cannot tell the report format from the name {path!r}.",
        f"Use one of these suffixes: {', '.join(_SUFFIXES)}.",
    )

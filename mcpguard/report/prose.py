"""Small pieces of English and of Markdown that several formats need."""

from __future__ import annotations

import re
from datetime import UTC

from mcpguard.core.patterns import LazyPattern
from mcpguard.model.report import Report

_FENCE = LazyPattern(r"(?sm)^(```|~~~).*?^\1[^\n]*$")
_LINK = LazyPattern(r"!?\[([^\]]*)\]\([^)]*\)")
_LIST = LazyPattern(r"^\s*(?:[-*+]|\d+[.)])\s+")
_SENTENCE = LazyPattern(r"(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)")
_ARM = LazyPattern(r"(?i)^/subscriptions/[^/]+(?:/resourceGroups/[^/]+)?/providers/(?=.)")


def first_sentence(markdown: str) -> str:
    """The first sentence of a Markdown text as plain text; empty when there is none."""
    for block in re.split(r"\n\s*\n", _FENCE.sub("\n\n", markdown)):
        lines = [line for line in block.strip().splitlines() if not line.startswith("#")]
        if not lines:
            continue
        items = [index for index, line in enumerate(lines) if _LIST.match(line)]
        if items and items[0] == 0:
            lines = lines[: items[1]] if len(items) > 1 else lines
            lines[0] = _LIST.sub("", lines[0])
        elif items:
            lines = lines[: items[0]]
        text = plain(" ".join(line.strip() for line in lines))
        end = _SENTENCE.search(text)
        sentence = text[: end.end()] if end else text
        return sentence[:-1] + "." if sentence.endswith(":") else sentence  # the colon led to a block that is not shown
    return ""


def plain(markdown: str) -> str:
    """One line of Markdown without its marks."""
    return _LINK.sub(r"\1", markdown).replace("**", "").replace("`", "").strip()


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``2 files``; ``plural`` where an s does not do."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def short_id(id: str) -> str:
    """An ARM id without subscription and resource group; any other id as it is."""
    return _ARM.sub("…/", id)


def shortened(text: str, limit: int) -> str:
    """``text`` with its middle left out if it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def stamp(report: Report) -> str:
    """The report's time in UTC, to the second; a time without a zone counts as UTC."""
    moment = report.as_of
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

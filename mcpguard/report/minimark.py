"""The little Markdown that a rule's page uses, as HTML: paragraphs, lists, code, emphasis. Anything else stays text.

Every character of the source is escaped before it is placed between tags that stand in this module, and no attribute
is ever made from the source, so the result is inert whatever the source says. Links are shown, not made.
"""

from __future__ import annotations

import re
from html import escape

from mcpguard.report.terminal import safe

_FENCE = re.compile(r"^(`{3,}|~{3,})")
_ITEM = re.compile(r"^([-*+]|\d{1,9}[.)])(\s+)(?=\S)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_INLINE = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)"
    r"|\*\*(?P<strong>.+?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^\s*][^*]*?)\*(?![\w*])"
    r"|\[(?P<text>[^\]]+)\]\((?P<url>[^)\s]+)\)",
    re.DOTALL,
)


def html(markdown: str) -> str:
    """``markdown`` as HTML without attributes."""
    return _blocks(markdown.expandtabs(4).splitlines())


def _blocks(lines: list[str], *, tight: bool = False) -> str:
    out: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        if not line.strip():
            position += 1
        elif fence := _FENCE.match(line):
            position, block = _code(lines, position + 1, fence[1])
            out.append(block)
        elif _ITEM.match(line):
            position, block = _list(lines, position)
            out.append(block)
        elif heading := _HEADING.match(line):
            out.append(f"<p><strong>{_inline(heading[1])}</strong></p>")
            position += 1
        else:
            start = position
            position += 1
            while position < len(lines) and not _starts_block(lines[position]):
                position += 1
            text = _inline(" ".join(part.strip() for part in lines[start:position]))
            out.append(text if tight and not out else f"<p>{text}</p>")
    return "\n".join(out)


def _starts_block(line: str) -> bool:
    return not line.strip() or bool(_FENCE.match(line) or _ITEM.match(line) or _HEADING.match(line))


def _code(lines: list[str], position: int, fence: str) -> tuple[int, str]:
    start = position
    while position < len(lines) and not lines[position].startswith(fence):
        position += 1
    text = "\n".join(_escaped(line) for line in lines[start:position])
    return position + 1, f"<pre><code>{text}</code></pre>"


def _list(lines: list[str], position: int) -> tuple[int, str]:
    first = _ITEM.match(lines[position])
    ordered = bool(first and first[1][0].isdigit())
    items: list[str] = []
    while position < len(lines) and (marker := _ITEM.match(lines[position])):
        if marker[1][0].isdigit() != ordered:
            break
        indent = marker.end()
        item = [lines[position][indent:]]
        position += 1
        while position < len(lines):
            line = lines[position]
            inside = line[:2].isspace() and len(line) > 2
            if line.strip() and not inside and _starts_block(line):
                break
            if not line.strip() and not (position + 1 < len(lines) and lines[position + 1][:2].isspace()):
                break
            item.append(line[min(indent, len(line) - len(line.lstrip())) :])
            position += 1
        items.append(f"<li>{_blocks(item, tight=True)}</li>")
        following = position
        while following < len(lines) and not lines[following].strip():
            following += 1
        if following < len(lines) and _ITEM.match(lines[following]):
            position = following
    tag = "ol" if ordered else "ul"
    return position, f"<{tag}>" + "".join(items) + f"</{tag}>"


def _inline(text: str) -> str:
    out: list[str] = []
    position = 0
    for match in _INLINE.finditer(text):
        out.append(_escaped(text[position : match.start()]))
        if match["code"] is not None:
            out.append(f"<code>{_escaped(match['code'].strip())}</code>")
        elif match["strong"] is not None:
            out.append(f"<strong>{_inline(match['strong'])}</strong>")
        elif match["em"] is not None:
            out.append(f"<em>{_inline(match['em'])}</em>")
        else:
            out.append(f"{_inline(match['text'])} (<code>{_escaped(match['url'])}</code>)")
        position = match.end()
    out.append(_escaped(text[position:]))
    return "".join(out)


def _escaped(text: str) -> str:
    return escape(safe(text))

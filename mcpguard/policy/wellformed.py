"""A quick look at a policy text: is it well-formed once its expressions are taken out?

Most policies of an estate belong to APIs that are no MCP servers. They have to be looked at, because a broken one is to be
named, but nobody reads them: so they are not worth a tree. Expressions are blanked and the rest goes to expat, which is an
order of magnitude faster than the reader and, unlike lxml, costs nothing to import. The answer "no" only means that the
reader has to look.
"""

from __future__ import annotations

from mcpguard.policy.lexer import expression_end, expression_start

_MOST_EXPRESSIONS = 2000


def root_of(text: str) -> str | None:
    """The name of the root element of a well-formed text with one root; None when the reader has to look."""
    if "<!DOCTYPE" in text:
        return None
    parts: list[str] = []
    position = 0
    at = expression_start(text)
    while at >= 0:
        end = expression_end(text, at)
        if end < 0 or len(parts) > _MOST_EXPRESSIONS:
            return None
        parts.append(text[position:at])
        position = end
        at = expression_start(text, end)
    parts.append(text[position:])
    return _root("".join(parts))


def _root(text: str) -> str | None:
    from pyexpat import ExpatError, ParserCreate

    found: list[str] = []
    parser = ParserCreate("utf-8")

    def first(name: str, attributes: dict[str, str]) -> None:
        found.append(name)
        parser.StartElementHandler = None

    parser.StartElementHandler = first
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except ExpatError:
        return None
    return found[0] if found else None

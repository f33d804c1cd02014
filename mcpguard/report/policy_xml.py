"""The effective policy as one well-formed XML document, to be compared with another.

Expressions are escaped. What is not known is a comment where it is a hole, and ``<alternatives>`` with one
``<alternative>`` each where one of several things holds: no policy is called that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mcpguard.core.facts import Unknown
from mcpguard.model.report import Report
from mcpguard.policy.effective import CONTAINERS, Either, Hole, Node, ScopedPolicy, Statement
from mcpguard.policy.tree import Attribute, Element, Text
from mcpguard.report.policy_lines import Lines
from mcpguard.report.policy_nodes import Show, defaults, demand_title, scope_title, sections

_STEP = "  "
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*(?::[A-Za-z_][A-Za-z0-9_.\-]*)?\Z")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(show: Show, report: Report) -> str:
    """The one effective policy of ``show`` as XML; the caller has seen to it that there is only one."""
    writer = _Writer(report)
    return "\n".join(writer.lines(show)) + "\n"


class _Writer:
    def __init__(self, report: Report) -> None:
        self.places = Lines(report)
        self.current: ScopedPolicy | None = None
        """The scope that the last comment named."""

    def lines(self, show: Show) -> Iterator[str]:
        what = f", operation {show.operation_title}" if show.operation else ""
        yield _comment(f"effective policy of API {show.api}{what}, service {show.service}")
        (shown,) = show.policies
        for way in shown.ways:
            yield _comment(f"way in: {way.title}")
            if way.doubt is not None:
                yield _comment(f"not known: {_missing(way.doubt)}")
        for demand in shown.demands:
            yield _comment(demand_title(demand))
        yield "<policies>"
        for section, nodes in sections(shown.policy):
            if not nodes:
                yield f"{_STEP}<{section} />"
                continue
            yield f"{_STEP}<{section}>"
            self.current = None
            yield from self.nodes(nodes, _STEP * 2, frozenset())
            yield f"{_STEP}</{section}>"
        yield "</policies>"

    def nodes(self, nodes: Sequence[Node], indent: str, bound: frozenset[str]) -> Iterator[str]:
        for node in nodes:
            match node:
                case Statement():
                    if node.origin is not self.current:
                        self.current = node.origin
                        where = "" if node.origin.is_default else f", {self.places.label(node.at)}"
                        yield indent + _comment(scope_title(node.origin) + where)
                    yield from self.statement(node, indent, bound)
                case Hole(unknown=unknown):
                    yield indent + _comment(f"not known: {_missing(unknown)}")
                case Either(unknown=unknown, branches=branches):
                    yield indent + _comment(f"one of the following, because it is not known: {_missing(unknown)}")
                    yield f"{indent}<alternatives>"
                    for branch in branches:
                        if not branch:
                            yield f"{indent}{_STEP}<alternative />"
                            continue
                        yield f"{indent}{_STEP}<alternative>"
                        yield from self.nodes(branch, indent + _STEP * 2, bound)
                        yield f"{indent}{_STEP}</alternative>"
                    yield f"{indent}</alternatives>"

    def statement(self, statement: Statement, indent: str, bound: frozenset[str]) -> Iterator[str]:
        unset, source = defaults(statement)
        if unset:
            words = ", ".join(f'{rule.name}="{rule.default}"' for rule in unset)
            yield indent + _comment(f"{statement.name} by default: {words} ({source})")
        if statement.name not in CONTAINERS:
            yield from _lines(statement.element, indent, bound)
            return
        inside = bound | _declared(statement.element)
        tag, attributes = _tag(statement.element, inside)
        if not statement.children:
            yield f"{indent}<{tag}{attributes} />"
            return
        yield f"{indent}<{tag}{attributes}>"
        yield from self.nodes(statement.children, indent + _STEP, inside)
        yield f"{indent}</{tag}>"


def _lines(element: Element, indent: str, bound: frozenset[str]) -> Iterator[str]:
    """An element with all it holds; text beside elements keeps its white space, because bodies may mean it."""
    inside = bound | _declared(element)
    tag, attributes = _tag(element, inside)
    filled = [child for child in element.children if isinstance(child, Element) or _has_text(child)]
    if not filled:
        yield f"{indent}<{tag}{attributes} />"
    elif any(isinstance(child, Text) for child in filled):
        yield f"{indent}<{tag}{attributes}>{_inline(element, inside)}</{tag}>"
    else:
        yield f"{indent}<{tag}{attributes}>"
        for child in element.elements:
            yield from _lines(child, indent + _STEP, inside)
        yield f"{indent}</{tag}>"


def _inline(element: Element, bound: frozenset[str]) -> str:
    out = []
    for child in element.children:
        if isinstance(child, Text):
            out.append(_escape(child.value.text))
        elif isinstance(child, Element):
            inside = bound | _declared(child)
            tag, attributes = _tag(child, inside)
            out.append(f"<{tag}{attributes}>{_inline(child, inside)}</{tag}>" if child.children else f"<{tag}{attributes} />")
    return "".join(out)


def _has_text(child: object) -> bool:
    return isinstance(child, Text) and bool(child.value.text.strip())


def _declared(element: Element) -> frozenset[str]:
    """The prefixes that an element binds."""
    found = (a.name[6:] for a in element.attributes if a.name.startswith("xmlns:") and a.value.text.strip())
    return frozenset(prefix for prefix in found if prefix not in ("xml", "xmlns"))


def _tag(element: Element, bound: frozenset[str]) -> tuple[str, str]:
    """Name and attributes; what would not be well-formed is renamed, the second of two equal attributes left out."""
    attributes: dict[str, Attribute] = {}
    for attribute in element.attributes:
        name = _name(attribute.name, bound, attribute=True)
        if attribute.name.startswith("xmlns:") and not attribute.value.text.strip():
            continue
        attributes.setdefault(name, attribute)
    written = "".join(f' {name}="{_escape(a.value.text, quote=True)}"' for name, a in attributes.items())
    return _name(element.name, bound), written


def _name(name: str, bound: frozenset[str], *, attribute: bool = False) -> str:
    """``name``, or one like it that is well-formed, with a prefix that is bound."""
    prefix, _, local = name.rpartition(":")
    declares = prefix == "xmlns" and attribute and local not in ("xml", "xmlns")
    if _NAME.match(name) and (not prefix or prefix in bound or prefix == "xml" or declares):
        return name
    return "_" + re.sub(r"[^A-Za-z0-9_.\-]", "_", name)


def _escape(text: str, *, quote: bool = False) -> str:
    text = _clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        return (
            text.replace('"', "&quot;")
            .replace("\t", "&#9;")
            .replace("\r\n", "&#10;")
            .replace("\n", "&#10;")
            .replace("\r", "&#10;")
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _clean(text: str) -> str:
    """``text`` with the characters that XML cannot hold, and those a terminal acts on, spelled out."""
    text = _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return "".join(c if c.isprintable() or c in "\t\r\n" else f"\\u{ord(c):04x}" for c in text)


def _comment(text: str) -> str:
    flat = " ".join(_clean(text).split())
    while "--" in flat:
        flat = flat.replace("--", "- -")
    return f"<!-- {flat} -->"


def _missing(unknown: Unknown) -> str:
    return f"{unknown.missing}; to get it: {unknown.remedy}"

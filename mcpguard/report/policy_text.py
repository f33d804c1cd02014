"""The effective policy for a terminal: section by section, each statement with its line, each run with scope and file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.report import Report
from mcpguard.policy.effective import CONTAINERS, EffectivePolicy, Either, Hole, Node, ScopedPolicy, Statement
from mcpguard.policy.tree import Element, Text, Value
from mcpguard.report.policy_lines import Lines
from mcpguard.report.policy_nodes import (
    Show,
    Shown,
    Tally,
    defaults,
    demand_title,
    named_values,
    scope_title,
    sections,
    source_text,
)
from mcpguard.report.prose import counted
from mcpguard.report.terminal import safe, wrap

_STEP = "  "
_NARROWEST = 40
_STYLES = {"bold": "1", "dim": "2", "scope": "36", "hole": "35", "plain": ""}


class _Row(msgspec.Struct, frozen=True):
    """One line: a number in the gutter, an indentation, the text."""

    number: str
    depth: int
    text: str
    style: str = "plain"


def render(show: Show, report: Report, *, color: bool = False, width: int = 100) -> str:
    """The effective policies of one API or operation as text. Statements are never cut; remarks are wrapped."""
    writer = _Writer(report, color, max(width, _NARROWEST))
    return "\n".join(line.rstrip() for line in writer.lines(show)) + "\n"


class _Writer:
    def __init__(self, report: Report, color: bool, width: int) -> None:
        self.places = Lines(report)
        self.color = color
        self.width = width
        self.current: ScopedPolicy | None = None
        """The scope whose heading was printed last."""
        self.told: set[tuple[str, str]] = set()
        """What is missing, and how to get it, as far as the reader of this policy has been told."""

    def paint(self, style: str, text: str) -> str:
        code = _STYLES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text else text

    def lines(self, show: Show) -> Iterator[str]:
        name = f"{show.display_name} ({show.api})" if show.display_name not in ("", show.api) else show.api
        yield self.paint("bold", safe(f"API {name} of service {show.service}"))
        if show.operation:
            yield self.paint("bold", safe(f"operation {show.operation_title}"))
        for shown in show.policies:
            self.told = set()
            yield ""
            yield from self.ways(shown)
            for section, nodes in sections(shown.policy):
                yield ""
                yield self.paint("bold", section)
                yield from self.section(nodes, shown.policy)
        yield ""
        yield from wrap(_tally(show), self.width)

    def ways(self, shown: Shown) -> Iterator[str]:
        yield self.paint("bold", "Way in" if len(shown.ways) == 1 else "Ways in")
        for way in shown.ways:
            yield from wrap(way.title, self.width, "  ", "    ")
            if way.doubt is not None:
                text = f"not known: {way.doubt.missing}; to get it: {way.doubt.remedy}"
                yield from wrap(text, self.width, "    ", "    ")
        for demand in shown.demands:
            yield from wrap(demand_title(demand), self.width, "  ", "    ")

    def section(self, nodes: Sequence[Node], policy: EffectivePolicy) -> Iterator[str]:
        self.current = None
        rows = list(self.nodes(nodes, policy, 0))
        if not rows:
            yield self.paint("dim", "  nothing")
        gutter = max((len(row.number) for row in rows), default=0)
        for row in rows:
            if row.style == "scope":
                yield f"  {self.paint('scope', _STEP * row.depth + row.text)}"
                continue
            bar = self.paint("dim", f"{row.number:>{gutter}} │")
            yield f"  {bar} {_STEP * row.depth}{self.paint(row.style, row.text)}"

    # -- nodes ---------------------------------------------------------------------------------------------------

    def nodes(self, nodes: Sequence[Node], policy: EffectivePolicy, depth: int) -> Iterator[_Row]:
        before: Node | None = None
        for node in nodes:
            match node:
                case Statement():
                    if node.origin is not self.current:
                        self.current = node.origin
                        yield _Row("", depth, self.heading(node), "scope")
                    yield from self.statement(node, policy, depth)
                case Hole(unknown=unknown):
                    yield from self.hole("not known", unknown, depth)
                case Either(unknown=unknown, branches=branches):
                    if isinstance(before, Hole) and before.unknown == unknown:
                        yield from self.remark("for the same reason, one of the following", "hole", depth, mark="   ")
                    else:
                        yield from self.hole("one of the following, because it is not known", unknown, depth)
                    for number, branch in enumerate(branches):
                        yield _Row("", depth, "either" if number == 0 else "or", "hole")
                        yield from self.nodes(branch, policy, depth + 1)
                        if not branch:
                            yield _Row("", depth + 1, "nothing", "dim")
            before = node

    def heading(self, node: Statement) -> str:
        """Scope and file; the numbers below it are lines there."""
        title, spot = scope_title(node.origin), self.places.spot(node.at)
        if node.origin.is_default:
            return safe(title)
        if spot is not None and spot.policy_line:
            return safe(f"{title} · {node.at.artifact}:{spot.line}, by line of the policy text")
        return safe(f"{title} · {node.at.artifact}")

    def statement(self, statement: Statement, policy: EffectivePolicy, depth: int) -> Iterator[_Row]:
        text = source_text(statement.origin)
        number = self.number(statement)
        element = statement.element
        holds_policies = element.name in CONTAINERS
        closed = not statement.children if holds_policies else not element.children
        head, *rest = _head(element, text, closed)
        yield _Row(number, depth, head)
        for line in rest:
            yield _Row("", depth, line)
        yield from self.remarks(statement, policy, depth + 1)
        if closed:
            return
        if holds_policies:
            yield from self.nodes(statement.children, policy, depth + 1)
        else:
            yield from _content(element, text, depth + 1)
        yield _Row("", depth, safe(f"</{element.name}>"))

    def remarks(self, statement: Statement, policy: EffectivePolicy, depth: int) -> Iterator[_Row]:
        unset, source = defaults(statement)
        if unset:
            words = ", ".join(f'{rule.name}="{rule.default}"' for rule in unset)
            yield from self.remark(f"not set, so by default: {words} ({source})", "dim", depth)
        for name, fact in named_values(statement, policy):
            match fact:
                case Known(value=value):
                    yield from self.remark(f"{{{{{name}}}}} is {value}", "dim", depth)
                case Unknown() as unknown:
                    yield from self.remark(f"{{{{{name}}}}} is not known: {unknown.missing}", "hole", depth)
                    yield from self.remark(f"to get it: {unknown.remedy}", "hole", depth)

    def hole(self, label: str, unknown: Unknown, depth: int) -> Iterator[_Row]:
        where = f" ({self.places.label(unknown.at)})" if unknown.at is not None else ""
        words = unknown.missing, unknown.remedy
        again = "; how to get it stands above" if words in self.told else ""
        number = "?"
        for row in self.remark(f"{label}: {unknown.missing}{where}{again}", "hole", depth, mark="?? "):
            yield msgspec.structs.replace(row, number=number)
            number = ""
        if not again:
            self.told.add(words)
            yield from self.remark(f"to get it: {unknown.remedy}", "hole", depth, mark="   ")

    def remark(self, text: str, style: str, depth: int, mark: str = "# ") -> Iterator[_Row]:
        room = max(_NARROWEST, self.width - 9 - len(_STEP) * depth)
        for line in wrap(text, room, mark, mark if mark == "# " else " " * len(mark)):
            yield _Row("", depth, line, style)

    def number(self, statement: Statement) -> str:
        if statement.origin.is_default:
            return ""
        spot = self.places.spot(statement.at)
        return "?" if spot is None else str(spot.policy_line or spot.line)


def _head(element: Element, text: str, closed: bool) -> list[str]:
    """The start tag with its attributes as they are written; an expression of several lines keeps them."""
    parts = [f"<{element.name}"]
    for attribute in element.attributes:
        quote = text[attribute.value.end : attribute.value.end + 1]
        quote = quote if quote in ('"', "'") else '"'
        parts.append(f"{attribute.name}={quote}{_raw(attribute.value, text)}{quote}")
    return _block(" ".join(parts) + (" />" if closed else ">"))


def _content(element: Element, text: str, depth: int) -> Iterator[_Row]:
    for child in element.children:
        if isinstance(child, Text):
            for line in _block(_raw(child.value, text).strip("\r\n")):
                if line.strip():
                    yield _Row("", depth, line.strip() if line == line.lstrip() else line)
        elif isinstance(child, Element):
            yield from _part(child, text, depth)


def _part(element: Element, text: str, depth: int) -> Iterator[_Row]:
    """An element that is no policy of its own."""
    head = _head(element, text, not element.children)
    texts = [child for child in element.children if isinstance(child, Text)]
    if len(element.children) == 1 and texts:
        lines = _block(_raw(texts[0].value, text).strip())
        if len(head) == 1 and len(lines) == 1:
            yield _Row("", depth, f"{head[0]}{lines[0]}{safe(f'</{element.name}>')}")
            return
    for line in head:
        yield _Row("", depth, line)
    if element.children:
        yield from _content(element, text, depth + 1)
        yield _Row("", depth, safe(f"</{element.name}>"))


def _raw(value: Value, text: str) -> str:
    return text[value.start : value.end]


def _block(text: str) -> list[str]:
    """Lines of a text, those after the first moved left as far as they go together, safe for a terminal."""
    first, *rest = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n")
    filled = [line for line in rest if line.strip()]
    margin = min((len(line) - len(line.lstrip(" ")) for line in filled), default=0)
    start = "" if first.strip() else None
    lines = [safe(first.rstrip() if start is None else first)] if first.strip() else []
    return [*lines, *(safe(line[margin:]) for line in filled)] or [""]


def _tally(show: Show) -> str:
    tally = Tally()
    for shown in show.policies:
        for _, nodes in sections(shown.policy):
            tally.count(nodes)
    ways = sum(len(shown.ways) for shown in show.policies)
    text = (
        f"{counted(ways, 'way')} in, {counted(len(show.policies), 'effective policy', 'effective policies')}, "
        f"{counted(tally.statements, 'statement')}"
    )
    if tally.holes or tally.alternatives:
        text += f"; not known: {counted(tally.holes, 'part')}, {counted(tally.alternatives, 'alternative')}"
    return text

"""A policy document held against the vocabulary: unknown words, missing ones, words where they may not stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from mcpguard.policy.tree import Attribute, Document, Element
from mcpguard.policy.vocabulary import Remark
from mcpguard.policy.vocabulary_types import (
    AS_OF,
    AttributeRule,
    Count,
    ElementRule,
    Group,
    Need,
    Numbers,
    PolicyRule,
)

_SCOPES = ("global", "workspace", "product", "API", "operation")
_MAX_DIGITS = 18
SECTIONS = ("inbound", "backend", "outbound", "on-error")
_EVERYWHERE = frozenset({"id"})
"""``id`` may stand on any policy: an error names it as ``context.LastError.PolicyId`` (azure-docs, error handling)."""
_OPEN_WORDS = frozenset("{}$%<>@")
"""A value with one of these may be a placeholder, a named value or an expression: nobody knows what it becomes."""
MAX_REMARKS = 500
"""Remarks on one document; a text with more of them is no policy, and nobody reads them all."""
_MAX_SUGGESTIONS = 50


def check(document: Document, policies: Mapping[str, PolicyRule], scope: str = "") -> list[Remark]:
    """The remarks on a document that is attached at ``scope``, in document order."""
    checker = _Checker(document, policies, scope)
    for root in document.roots:
        if root.name == "policies":
            checker.sections(root)
        elif root.name == "fragment":
            checker.statements(root, "")
        elif root.name in SECTIONS:
            checker.section(root)
        elif root.name in policies:
            checker.element(root, policies[root.name].element, "")
    remarks = sorted(checker.remarks, key=lambda remark: (remark.start, remark.end, remark.message))
    if len(remarks) <= MAX_REMARKS:
        return remarks
    first = remarks[MAX_REMARKS]
    worst = min(remark.severity for remark in remarks[MAX_REMARKS:])
    more = f"{len(remarks) - MAX_REMARKS} more remarks from here on are left out"
    return [*remarks[:MAX_REMARKS], Remark(first.start, first.end, worst, more)]


class _Checker:
    def __init__(self, document: Document, policies: Mapping[str, PolicyRule], scope: str) -> None:
        self.policies = policies
        self.scope = scope
        self.starts = sorted(problem.start for problem in document.problems)
        self.ends = sorted(problem.end for problem in document.problems)
        self.remarks: list[Remark] = []
        self.suggestions = _MAX_SUGGESTIONS

    def sections(self, root: Element) -> None:
        for element in root.elements:
            if element.name in SECTIONS:
                self.section(element)
            elif element.name in self.policies or element.name == "base":
                self.say(element, "error", f"<{element.name}> stands outside the sections {_listed(SECTIONS, 'and')}")
            elif not self.broken(element):
                self.say(element, "error", f"unknown section <{element.name}>{self.nearest(element.name, SECTIONS)}")

    def section(self, root: Element) -> None:
        """A whole section, in which some policies may stand only once; branches of a ``choose`` do not count."""
        self.statements(root, root.name)
        seen: set[str] = set()
        for element in root.elements:
            rule = self.policies.get(element.name)
            if rule is None or rule.once is Need.OPTIONAL:
                continue
            if element.name in seen and rule.once is Need.REQUIRED:
                self.say(element, "error", f"<{element.name}> may stand only once in a section")
            elif element.name in seen:
                self.say(element, "note", f"<{element.name}> stands twice in this section; the reference allows it once")
            seen.add(element.name)

    def statements(self, holder: Element, section: str) -> None:
        """The policies in a section, in a fragment (``section`` is empty) or in a policy that holds others."""
        for element in holder.elements:
            if element.name == "base":
                if not section:
                    self.say(element, "error", "<base> may not stand in a fragment")
                continue
            rule = self.policies.get(element.name)
            if rule is None:
                self.unknown(element)
                continue
            if not rule.sections:
                self.say(element, "error", f"<{element.name}> may stand only in the policy of a GraphQL resolver")
            elif section and section not in rule.sections:
                where = _listed([name for name in SECTIONS if name in rule.sections], "or")
                self.say(element, "error", f"<{element.name}> may not stand in the {section} section, only in {where}")
            elif not section and element.name == "include-fragment":
                self.say(element, "error", "a fragment may not include another fragment")
            elif section and self.scope:
                self.at_scope(element, rule)
            self.element(element, rule.element, section)

    def at_scope(self, element: Element, rule: PolicyRule) -> None:
        if self.scope in rule.scopes:
            return
        where = _listed([scope for scope in _SCOPES if scope in rule.scopes], "or")
        if self.scope in rule.doubtful:
            self.say(element, "note", f"the reference does not list {self.scope} scope for <{element.name}>, only {where}")
        else:
            self.say(element, "error", f"<{element.name}> may not stand at {self.scope} scope, only at {where}")

    def unknown(self, element: Element) -> None:
        if self.broken(element):
            return
        near = self.nearest(element.name, self.policies)
        self.say(element, "note", f"<{element.name}> is not in the vocabulary of this version (as of {AS_OF}){near}")

    def element(self, element: Element, rule: ElementRule, section: str) -> None:
        if not self.broken(element):
            self.attributes(element, rule)
            self.parts(element, rule)
        if rule.anything:
            return
        if rule.policies:
            self.statements(element, section)
            return
        parts = {part if isinstance(part, str) else part.name: part for part in rule.elements}
        for child in element.elements:
            part = parts.get(child.name)
            if isinstance(part, ElementRule):
                self.element(child, part, section)
            elif isinstance(part, str):
                self.element(child, self.policies[part].element, section)
            elif not self.broken(child) and not self.broken(element):
                self.stray(child, element, rule, list(parts))

    def stray(self, child: Element, parent: Element, rule: ElementRule, parts: Sequence[str]) -> None:
        near = self.nearest(child.name, parts)
        if rule.partial:
            self.say(child, "note", f"<{child.name}> is not known as a part of <{parent.name}>{near}")
            return
        takes = f"it takes {_listed([f'<{part}>' for part in parts], 'and')}" if parts else "it takes no elements"
        self.say(child, "error", f"<{child.name}> may not stand in <{parent.name}>{near or f': {takes}'}")

    def parts(self, element: Element, rule: ElementRule) -> None:
        """The child elements as a whole: what has to be there, and what may be there once."""
        names = [child.name for child in element.elements]
        for name in rule.once:
            if names.count(name) > 1:
                last = [child for child in element.elements if child.name == name][-1]
                self.say(last, "error", f"<{name}> may stand only once in <{element.name}>")
        if rule.policies and rule.elements:
            for child in element.elements:
                if child.name in self.policies and child.name not in rule.elements:
                    named = _listed([f"<{part}>" for part in rule.elements if isinstance(part, str)], "and")
                    self.say(
                        child, "note", f"<{child.name}> stands in <{element.name}>, for which the reference names only {named}"
                    )
        if rule.parts and not self.may_hold_more(element):
            self.groups(element, rule.parts, frozenset(names), "<{}>")

    def may_hold_more(self, element: Element) -> bool:
        """Whether a fragment, a text or an unreadable part may stand for elements that are not seen.

        A text may be a placeholder, or the message of a ``trace`` as older copies of the reference write it.
        """
        if "include-fragment" in {child.name for child in element.elements}:
            return True
        if element.content.text.strip():
            return True
        return self.problems_within(element.start + 1, element.end - 1)

    def attributes(self, element: Element, rule: ElementRule) -> None:
        present = {attribute.name for attribute in element.attributes}
        for attribute in element.attributes:
            known = rule.attribute(attribute.name)
            if known is not None:
                self.value(attribute, known, element)
            elif attribute.name not in _EVERYWHERE and not attribute.name.startswith(("xmlns", "xml:")):
                names = [other.name for other in rule.attributes if other.name not in present]
                near = self.nearest(attribute.name, names)
                severity = "note" if rule.partial else "error"
                self.add(attribute, severity, f"unknown attribute '{attribute.name}' on {element.name}{near}")
        for known in rule.attributes:
            if known.need is Need.OPTIONAL or known.name in present:
                continue
            if known.need is Need.REQUIRED:
                self.say(element, "error", f"{element.name} lacks the attribute '{known.name}', which it must have")
            else:
                self.say(element, "note", f"{element.name} lacks the attribute '{known.name}', which the reference asks for")
        self.groups(element, rule.groups, frozenset(present), "'{}'")

    def groups(self, element: Element, groups: Iterable[Group], present: frozenset[str], quote: str) -> None:
        """What needs or excludes one another, of attributes or of child elements; ``quote`` is how such a name is written."""
        for group in groups:
            if group.unless is not None and self.excepted(element, *group.unless):
                continue
            there = [quote.format(name) for name in group.names if name in present]
            message = _wrong(there, [quote.format(name) for name in group.names], group.count)
            if message:
                self.say(element, "error" if group.need is Need.REQUIRED else "note", f"{element.name} {message}")

    def excepted(self, element: Element, attribute: str, word: str) -> bool:
        value = element.attribute(attribute)
        if value is None:
            return False
        return value.text.strip().lower() == word or not _OPEN_WORDS.isdisjoint(value.text)

    def value(self, attribute: Attribute, rule: AttributeRule, element: Element) -> None:
        value = attribute.value
        if value.expressions:
            if rule.expressions is False:
                self.add(attribute, "error", f"'{attribute.name}' of {element.name} may not hold a policy expression")
            return
        word = value.text.strip()
        if not _OPEN_WORDS.isdisjoint(word):
            return
        said = f"'{attribute.name}' of {element.name} is '{_short(word)}'; it takes"
        if rule.values and word.lower() not in [allowed.lower() for allowed in rule.values]:
            allowed = _listed([f"'{name}'" for name in rule.values], "or")
            self.add(attribute, "error", f"{said} {allowed}")
        if rule.numbers is not None:
            self.number(attribute, word, rule.numbers, said)

    def number(self, attribute: Attribute, word: str, numbers: Numbers, said: str) -> None:
        """A text that is no number may be a placeholder of somebody's own, so nothing is said of it."""
        digits = word.removeprefix("-").replace(".", "", 1)
        if digits.isascii() and digits.isdigit() and float(word[:_MAX_DIGITS]) not in numbers:
            self.add(attribute, "error", f"{said} {numbers}")

    def broken(self, element: Element) -> bool:
        """Whether the reader found a problem in or right at the start tag, so that what it holds is a guess."""
        return self.problems_within(element.start, element.head_end)

    def problems_within(self, start: int, end: int) -> bool:
        """Whether a problem touches the range: those that begin by its end are more than those that end before it."""
        return bisect_right(self.starts, end) > bisect_left(self.ends, start)

    def nearest(self, name: str, names: Iterable[str]) -> str:
        """A suggestion; looking for one is slow, so only the first few words get one."""
        if self.suggestions <= 0:
            return ""
        self.suggestions -= 1
        import difflib

        close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.75)
        return f"; did you mean '{close[0]}'?" if close else ""

    def say(self, element: Element, severity: str, message: str) -> None:
        self.remarks.append(Remark(element.start, element.head_end, severity, message))

    def add(self, attribute: Attribute, severity: str, message: str) -> None:
        self.remarks.append(Remark(attribute.start, attribute.end, severity, message))


def _wrong(there: Sequence[str], names: Sequence[str], count: Count) -> str:
    """What is wrong with those that are there; empty when nothing is."""
    match count:
        case Count.SOME | Count.ONE if not there:
            return f"lacks {_listed(names, 'or')}, {'one of ' if len(names) > 1 else ''}which it must have"
        case Count.ONE | Count.NOT_BOTH if len(there) > 1:
            return f"has {_listed(there, 'and')}, of which it takes one"
        case Count.TOGETHER if there and len(there) < len(names):
            missing = [name for name in names if name not in there]
            return f"has {_listed(there, 'and')} without {_listed(missing, 'and')}"
        case _:
            return ""


def _listed(words: Sequence[str], joint: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"

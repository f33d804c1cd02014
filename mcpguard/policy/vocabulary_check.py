"""A policy document held against the vocabulary: unknown words, missing ones, words where they may not stand."""

from collections.abc import Iterable, Mapping, Sequence

from mcpguard.policy.tree import Attribute, Document, Element
from mcpguard.policy.vocabulary import Remark
from mcpguard.policy.vocabulary_types import AS_OF, AttributeRule, ElementRule, Need, PolicyRule

SECTIONS = ("inbound", "backend", "outbound", "on-error")
_EVERYWHERE = frozenset({"id"})
"""``id`` may stand on any policy: an error names it as ``context.LastError.PolicyId`` (azure-docs, error handling)."""
_OPEN_WORDS = frozenset("{}$%<>@")
"""A value with one of these may be a placeholder, a named value or an expression: nobody knows what it becomes."""


MAX_REMARKS = 500
"""Remarks on one document; a text with more of them is no policy, and nobody reads them all."""
_MAX_SUGGESTIONS = 50


def check(document: Document, policies: Mapping[str, PolicyRule]) -> list[Remark]:
    """The remarks on a document, in document order."""
    checker = _Checker(document, policies)
    for root in document.roots:
        if root.name == "policies":
            checker.sections(root)
        elif root.name == "fragment":
            checker.statements(root, "")
        elif root.name in SECTIONS:
            checker.statements(root, root.name)
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
    def __init__(self, document: Document, policies: Mapping[str, PolicyRule]) -> None:
        self.policies = policies
        self.problems = document.problems
        self.remarks: list[Remark] = []
        self.suggestions = _MAX_SUGGESTIONS

    def sections(self, root: Element) -> None:
        for element in root.elements:
            if element.name in SECTIONS:
                self.statements(element, element.name)
            elif element.name in self.policies or element.name == "base":
                self.say(element, "error", f"<{element.name}> stands outside the sections {_listed(SECTIONS, 'and')}")
            elif not self.broken(element):
                self.say(element, "error", f"unknown section <{element.name}>{self.nearest(element.name, SECTIONS)}")

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
            if section and section not in rule.sections:
                where = _listed([name for name in SECTIONS if name in rule.sections], "or")
                self.say(element, "error", f"<{element.name}> may not stand in the {section} section, only in {where}")
            elif not section and element.name == "include-fragment":
                self.say(element, "error", "a fragment may not include another fragment")
            self.element(element, rule.element, section)

    def unknown(self, element: Element) -> None:
        if self.broken(element):
            return
        near = self.nearest(element.name, self.policies)
        self.say(element, "note", f"<{element.name}> is not in the vocabulary of this version (as of {AS_OF}){near}")

    def element(self, element: Element, rule: ElementRule, section: str) -> None:
        if not self.broken(element):
            self.attributes(element, rule)
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
                self.stray(child, element, list(parts))

    def stray(self, child: Element, parent: Element, parts: Sequence[str]) -> None:
        takes = f"it takes {_listed([f'<{part}>' for part in parts], 'and')}" if parts else "it takes no elements"
        near = self.nearest(child.name, parts)
        self.say(child, "error", f"<{child.name}> may not stand in <{parent.name}>{near or f': {takes}'}")

    def attributes(self, element: Element, rule: ElementRule) -> None:
        present = {attribute.name for attribute in element.attributes}
        for attribute in element.attributes:
            known = rule.attribute(attribute.name)
            if known is not None:
                self.value(attribute, known, element)
            elif attribute.name not in _EVERYWHERE and not attribute.name.startswith(("xmlns", "xml:")):
                names = [other.name for other in rule.attributes if other.name not in present]
                near = self.nearest(attribute.name, names)
                self.add(attribute, "error", f"unknown attribute '{attribute.name}' on {element.name}{near}")
        for known in rule.attributes:
            if known.need is Need.OPTIONAL or known.name in present:
                continue
            if known.need is Need.REQUIRED:
                self.say(element, "error", f"{element.name} lacks the attribute '{known.name}', which it must have")
            else:
                self.say(element, "note", f"{element.name} lacks the attribute '{known.name}', which the reference asks for")

    def value(self, attribute: Attribute, rule: AttributeRule, element: Element) -> None:
        value = attribute.value
        if value.expressions:
            if rule.expressions is False:
                self.add(attribute, "error", f"'{attribute.name}' of {element.name} may not hold a policy expression")
            return
        word = value.text.strip()
        if not rule.values or not _OPEN_WORDS.isdisjoint(word):
            return
        if word.lower() not in [allowed.lower() for allowed in rule.values]:
            allowed = _listed([f"'{name}'" for name in rule.values], "or")
            self.add(attribute, "error", f"'{attribute.name}' of {element.name} is '{_short(word)}'; it takes {allowed}")

    def broken(self, element: Element) -> bool:
        """Whether the reader found a problem in or right at the start tag, so that what it holds is a guess."""
        return any(problem.start <= element.head_end and problem.end >= element.start for problem in self.problems)

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


def _listed(words: Sequence[str], joint: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"

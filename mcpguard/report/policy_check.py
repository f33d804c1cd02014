"""What ``policy check`` found, as text and as JSON (``docs/schemas/policy-check.schema.json``). Pure functions of a struct."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, UnsetType

from mcpguard.core.location import Location
from mcpguard.model.report import Report
from mcpguard.report.encoding import encode
from mcpguard.report.places import described, place
from mcpguard.report.policy_lines import Lines
from mcpguard.report.prose import counted
from mcpguard.report.terminal import quoted_lines, safe, wrap

_NARROWEST = 40
_SHOWN = 200
"""Remarks on one document that the text shows; more help nobody at a terminal, and each quotes its line."""
_STYLES = {"error": "31", "note": "33", "failed": "1;31", "bold": "1", "dim": "2", "pass": "32"}


class Said(msgspec.Struct, frozen=True):
    """A remark on a place in a policy, or the reason why it could not be read."""

    at: Location
    severity: str
    """``error``, ``note`` or, for what could not be read, ``failed``."""
    message: str


class NotUnderstood(msgspec.Struct, frozen=True):
    """An expression that could not be analysed."""

    at: Location
    code: str
    why: str


class CheckedDocument(msgspec.Struct, frozen=True):
    """One policy document, fragment or piece of one."""

    at: Location
    elements: int
    attributes: int
    expressions: int
    analysed: int
    remarks: tuple[Said, ...]
    failed: tuple[Said, ...]
    """Empty when the whole text was read."""
    not_understood: tuple[NotUnderstood, ...]


class Checked(msgspec.Struct, frozen=True):
    """Everything that one run of ``policy check`` looked at."""

    documents: tuple[CheckedDocument, ...]
    unread: tuple[Said, ...]
    """Files that could not be read at all, so that nobody knows how many policies they hold."""

    @property
    def errors(self) -> int:
        """How many remarks say that API Management refuses the document."""
        return sum(remark.severity == "error" for document in self.documents for remark in document.remarks)

    @property
    def notes(self) -> int:
        """How many remarks only point something out, expressions that were not analysed included."""
        remarks = sum(remark.severity == "note" for document in self.documents for remark in document.remarks)
        return remarks + sum(len(document.not_understood) for document in self.documents)

    @property
    def total(self) -> int:
        """Documents, with each file that could not be read as one."""
        return len(self.documents) + len(self.unread)

    @property
    def read(self) -> int:
        """Documents that were read in full."""
        return sum(not document.failed for document in self.documents)

    @property
    def good(self) -> bool:
        """Whether all was read and nothing will be refused."""
        return self.read == self.total and not self.errors


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Failed(_Struct, frozen=True):
    path: str
    line: int
    why: str
    policy_line: int | UnsetType = UNSET


class _FailedExpression(_Struct, frozen=True):
    path: str
    line: int
    code: str
    why: str
    policy_line: int | UnsetType = UNSET


class _Expressions(_Struct, frozen=True):
    seen: int
    analysed: int
    failed: tuple[_FailedExpression, ...]


class _Remark(_Struct, frozen=True):
    line: int
    column: int
    severity: str
    message: str
    policy_line: int | UnsetType = UNSET


class _Item(_Struct, frozen=True):
    path: str
    elements: int
    attributes: int
    expressions: int
    remarks: tuple[_Remark, ...]


class _Document(_Struct, frozen=True):
    documents: int
    read: int
    failed: tuple[_Failed, ...]
    expressions: _Expressions
    items: tuple[_Item, ...]


def render_json(checked: Checked, report: Report) -> str:
    """The JSON output. One entry of ``failed`` for every document that was not read in full."""
    places = Lines(report)
    failed = [*checked.unread, *(_one(document.failed) for document in checked.documents if document.failed)]
    return encode(
        _Document(
            checked.total,
            checked.read,
            tuple(_failure(said, places) for said in failed),
            _Expressions(
                sum(document.expressions for document in checked.documents),
                sum(document.analysed for document in checked.documents),
                tuple(_expression(entry, places) for document in checked.documents for entry in document.not_understood),
            ),
            tuple(_item(document, places) for document in checked.documents),
        )
    )


def _one(failed: tuple[Said, ...]) -> Said:
    first, *others = failed
    if not others:
        return first
    return msgspec.structs.replace(first, message=f"{first.message} (and {counted(len(others), 'more problem')})")


def _lines(at: Location, places: Lines) -> tuple[int, int, int | UnsetType]:
    """Line and column in the file, and the line in the policy text when that is embedded; 1 where no text is at hand."""
    spot = places.spot(at)
    return (1, 1, UNSET) if spot is None else (spot.line, spot.column, spot.policy_line or UNSET)


def _failure(said: Said, places: Lines) -> _Failed:
    line, _, policy_line = _lines(said.at, places)
    return _Failed(said.at.artifact, line, said.message, policy_line)


def _expression(entry: NotUnderstood, places: Lines) -> _FailedExpression:
    line, _, policy_line = _lines(entry.at, places)
    return _FailedExpression(entry.at.artifact, line, entry.code, entry.why, policy_line)


def _item(document: CheckedDocument, places: Lines) -> _Item:
    remarks = []
    for remark in document.remarks:
        line, column, policy_line = _lines(remark.at, places)
        remarks.append(_Remark(line, column, remark.severity, remark.message, policy_line))
    return _Item(document.at.artifact, document.elements, document.attributes, document.expressions, tuple(remarks))


def render_text(checked: Checked, report: Report, *, color: bool = False, width: int = 100) -> str:
    """The output for a terminal: what was said with the line it means, then the tally."""
    writer = _Writer(report, color, max(width, _NARROWEST))
    return "\n".join(line.rstrip() for line in writer.lines(checked)) + "\n"


class _Writer:
    def __init__(self, report: Report, color: bool, width: int) -> None:
        self.report = report
        self.color = color
        self.width = width

    def paint(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text

    def lines(self, checked: Checked) -> Iterator[str]:
        for said in checked.unread:
            yield from self.said(said)
        for document in checked.documents:
            remarks = [*document.failed, *document.remarks]
            for entry in document.not_understood:
                remarks.append(Said(entry.at, "note", f"an expression was not analysed: {entry.why}"))
            for remark in remarks[:_SHOWN]:
                yield from self.said(remark)
            if len(remarks) > _SHOWN:
                more = f"{place(self.report, document.at).label}: {len(remarks) - _SHOWN} more; --format json lists them all"
                yield from wrap(more, self.width)
                yield ""
        yield from self.tally(checked)

    def said(self, said: Said) -> Iterator[str]:
        found = place(self.report, said.at)
        yield self.paint("bold", safe(described(found) if found.resolved else found.label))
        word = said.severity.upper()
        first, *others = wrap(said.message, self.width, " " * (len(word) + 4), " " * (len(word) + 4))
        yield f"  {self.paint(said.severity, word)}{first[len(word) + 2 :]}"
        yield from others
        if found.resolved is None or not found.resolved.excerpt or said.at.within is None:
            yield ""
            return
        yield ""
        yield from quoted_lines(found.resolved, self.width, "    ", self.paint, said.severity)
        yield ""

    def tally(self, checked: Checked) -> Iterator[str]:
        seen = sum(document.expressions for document in checked.documents)
        analysed = sum(document.analysed for document in checked.documents)
        elements = sum(document.elements for document in checked.documents)
        attributes = sum(document.attributes for document in checked.documents)
        yield from wrap(
            f"{counted(checked.total, 'document')}, {checked.read} read in full: {counted(elements, 'element')}, "
            f"{counted(attributes, 'attribute')}, {counted(seen, 'expression')}, {analysed} analysed",
            self.width,
        )
        word, style = ("GOOD", "pass") if checked.good else ("BAD", "failed")
        unread = checked.total - checked.read
        text = f"{counted(checked.errors, 'error')}, {counted(checked.notes, 'note')}, {unread} not read in full"
        yield f"{self.paint(style, word)}  {text}"

"""Where the characters of a computed text stand: in a variable, in a default, in a parameter file, around a placeholder.

A policy is mostly a variable that ``loadTextContent`` made, with values put in by ``replace`` or ``format``. Its expression is
gone through a second time, for places instead of values; wherever that is not understood, the whole text belongs to the
expression that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.location import Location, Piece, TextRange
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.ast import NODES, Access, Call, Literal, Node
from mcpguard.sources.arm.evaluator import Evaluator, Exhausted
from mcpguard.sources.arm.expressions import is_computed, is_expression, unescape
from mcpguard.sources.arm.functions_collections import find_key
from mcpguard.sources.arm.functions_text import format_pieces
from mcpguard.sources.arm.holes import name_of
from mcpguard.sources.arm.scopes import Frame
from mcpguard.sources.arm.values import Failure, parts_of

_MAX_PIECES = 2000


class _Stretch(msgspec.Struct, frozen=True):
    """A stretch of text, and the range of a string that it is or stands for."""

    text: str
    at: Location | None
    """None for a text that stands nowhere as it is."""
    start: int = 0
    end: int = 0


def locate(evaluator: Evaluator, raw: Json, frame: Frame, at: Location, value: str) -> Location:
    """The place of the text ``value`` that the expression ``raw`` at ``at`` gave."""
    depth = evaluator.depth
    try:
        found = list(_Tracer(evaluator).text(raw, frame, at))
    except (Failure, Exhausted, RecursionError):
        evaluator.depth = depth
        return at
    if "".join(stretch.text for stretch in found) != value or len(found) > _MAX_PIECES:
        return at
    pieces: list[Piece] = []
    position = 0
    for stretch in found:
        if stretch.text:
            place = stretch.at or at
            within = TextRange(stretch.start, stretch.end) if stretch.at else None
            pieces.append(Piece(position, position + len(stretch.text), place.artifact, place.route, within))
            position += len(stretch.text)
    if len(pieces) == 1 and pieces[0].within is not None and pieces[0].within.start == 0:
        return Location(pieces[0].artifact, pieces[0].route)
    return Location(at.artifact, at.route, pieces=tuple(pieces)) if pieces else at


class _Tracer:
    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator

    def text(self, raw: Json, frame: Frame, at: Location) -> Iterator[_Stretch]:
        """The stretches of a text of the template."""
        if type(raw) in NODES:
            yield from self.node(raw, frame)
            return
        if not isinstance(raw, str):
            raise Failure("no text")
        if not is_expression(raw):
            plain = unescape(raw)
            skipped = len(raw) - len(plain)
            yield _Stretch(plain, at, skipped, len(raw))
            return
        node = self.evaluator.tree(raw)
        if node is None:
            raise Failure("no expression")
        yield from self.node(node, frame)

    def node(self, node: Node, frame: Frame) -> Iterator[_Stretch]:
        """The stretches of the text that a tree gives."""
        self.evaluator.charge(1)
        if isinstance(node, Call):
            if node.name == "concat":
                for argument in node.arguments:
                    yield from self.node(argument, frame)
                return
            if node.name == "format":
                yield from self.formatted(node, frame)
                return
            if node.name == "replace":
                yield from self.replaced(node, frame)
                return
            if node.name == "if" and len(node.arguments) == 3:
                condition = self.evaluator.value(node.arguments[0], frame)
                if isinstance(condition, bool):
                    yield from self.node(node.arguments[1 if condition else 2], frame)
                    return
        if isinstance(node, Literal) and node.at is not None and isinstance(node.value, str):
            yield _Stretch(node.value, node.at, node.start, node.start + len(node.value))
            return
        source = self.source(node, frame)
        if source is not None and (isinstance(source[0], str) or type(source[0]) in NODES):
            yield from self.text(*source)
        else:
            yield _Stretch(self.plain(node, frame), None)

    def plain(self, node: Node, frame: Frame) -> str:
        return self.shown(self.evaluator.value(node, frame))

    def shown(self, value: Json) -> str:
        """A text, with names for what is open in it."""
        if isinstance(value, str | Unresolved):
            return "".join(part if isinstance(part, str) else name_of(part) for part in parts_of(value))
        raise Failure("no text")

    def source(self, node: Node, frame: Frame) -> tuple[Json, Frame, Location] | None:
        """What stands in the template or a parameter file for a variable, a parameter, or a member of one."""
        if isinstance(node, Access):
            below = self.source(node.base, frame)
            key = self.evaluator.value(node.key, frame)
            if below is None:
                return None
            holder, inner, at = below
            if isinstance(holder, dict) and isinstance(key, str) and (name := find_key(holder, key)) is not None:
                return holder[name], inner, at.child(name)
            if isinstance(holder, list) and isinstance(key, int) and 0 <= key < len(holder):
                return holder[key], inner, at.child(key)
            return None
        if not isinstance(node, Call) or len(node.arguments) != 1 or frame.is_function:
            return None
        name = self.evaluator.value(node.arguments[0], frame)
        scope = frame.scope
        if not isinstance(name, str):
            return None
        lowered = name.lower()
        found: tuple[Json, Frame, Location] | None = None
        if node.name == "variables" and lowered in scope.variables:
            written, raw = scope.variables[lowered]
            found = raw, scope.frame, scope.place_of_variable(written)
        elif node.name == "variables" and lowered in scope.imported:
            other, theirs = scope.imported[lowered]
            return self.source(Call("variables", (Literal(theirs),), node.text, node.start, node.end), other.frame)
        elif node.name == "parameters" and lowered in scope.parameters and not scope.is_secure(lowered):
            binding = scope.bindings.get(lowered)
            if binding is not None and (binding.is_wrapped or binding.is_filled):
                return None
            if binding is not None and binding.value is not None:
                if binding.frame is None:
                    # Nothing in a parameter file is an expression.
                    return (binding.value, scope.frame, binding.at) if not _looks_computed(binding.value) else None
                found = binding.value, binding.frame, binding.at
            else:
                written, spec = scope.parameters[lowered]
                default = spec.get("defaultValue") if isinstance(spec, dict) else None
                found = default, scope.frame, scope.at.child("parameters", written, "defaultValue")
        if found is not None and is_computed(found[0]):
            tree = self.evaluator.tree(found[0]) if isinstance(found[0], str) else found[0]
            if isinstance(tree, Call | Access):
                return self.source(tree, found[1]) or found
        return found

    def formatted(self, node: Call, frame: Frame) -> Iterator[_Stretch]:
        values = self.evaluator.arguments(node, frame)
        template = values[0] if values else None
        if not isinstance(template, str):
            raise Failure("no text")
        whole = list(self.node(node.arguments[0], frame))
        for start, end, value in format_pieces(template, values[1:]):
            if value is None:
                yield from self.cut(whole, start, end)
            else:
                yield _in_place_of(self.shown(value), list(self.cut(whole, start, end)))

    def replaced(self, node: Call, frame: Frame) -> Iterator[_Stretch]:
        if len(node.arguments) != 3:
            raise Failure("no text")
        whole = list(self.node(node.arguments[0], frame))
        text = "".join(stretch.text for stretch in whole)
        old, new = self.plain(node.arguments[1], frame), self.plain(node.arguments[2], frame)
        inserted = list(self.node(node.arguments[2], frame))
        position = 0
        while old and (at := text.find(old, position)) >= 0:
            yield from self.cut(whole, position, at)
            if len(inserted) == 1 and inserted[0].at is not None:
                yield inserted[0]
            else:
                yield _in_place_of(new, list(self.cut(whole, at, at + len(old))))
            position = at + len(old)
        yield from self.cut(whole, position, len(text))

    def cut(self, stretches: list[_Stretch], start: int, end: int) -> Iterator[_Stretch]:
        """The stretches between two offsets."""
        self.evaluator.charge(len(stretches))
        position = 0
        for stretch in stretches:
            first, last = max(start, position), min(end, position + len(stretch.text))
            if first < last:
                text = stretch.text[first - position : last - position]
                if stretch.at is not None and stretch.end - stretch.start == len(stretch.text):
                    yield _Stretch(text, stretch.at, stretch.start + first - position, stretch.start + last - position)
                else:
                    yield _Stretch(text, stretch.at, stretch.start, stretch.end)
            position += len(stretch.text)


def _looks_computed(value: Json) -> bool:
    return isinstance(value, str) and value[:1] == "["


def _in_place_of(value: str, placeholder: list[_Stretch]) -> _Stretch:
    """A text that stands where a placeholder stood."""
    first = placeholder[0] if placeholder else None
    if first is None or first.at is None:
        return _Stretch(value, None)
    return _Stretch(value, first.at, first.start, first.end)

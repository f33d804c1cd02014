"""Where the characters of a policy stand: in a heredoc, in a file that ``file`` or ``templatefile`` loads, in a default.

The expression is gone through a second time, for places instead of values. Wherever that is not understood, a stretch
belongs to the expression that gave it.
"""

from __future__ import annotations

import msgspec

from mcpguard.core.location import Location, Piece, TextRange
from mcpguard.evidence import Unresolved
from mcpguard.sources.arm.holes import name_of
from mcpguard.sources.hcl.ast import (
    Call,
    Chain,
    Choice,
    Conditional,
    Index,
    Member,
    Name,
    Node,
    ObjectMaker,
    Source,
    Template,
    Text,
    Turns,
)
from mcpguard.sources.hcl.evaluator import Evaluator
from mcpguard.sources.hcl.functions_text import format_pieces, known
from mcpguard.sources.hcl.operations import turn_names
from mcpguard.sources.hcl.scopes import Binding, Frame, Module, is_true
from mcpguard.sources.hcl.special_functions import load_template
from mcpguard.sources.hcl.values import Exhausted, Failure, Opaque, parts_of, to_text

_MAX_PIECES = 20_000
_MAX_DEPTH = 40


class _Stretch(msgspec.Struct, frozen=True):
    """A stretch of text, and the bytes of a source that it is or stands for."""

    text: str
    source: Source
    start: int
    end: int


def locate(evaluator: Evaluator, node: Node, frame: Frame, steps: tuple[str | int, ...], value: str) -> Location | None:
    """The place of the text ``value`` that ``steps`` into an expression lead to; None when it cannot be told."""
    depth = evaluator.depth
    tracer = _Tracer(evaluator)
    try:
        target, inner = tracer.descend(node, frame, steps)
        found = tracer.stretches(target, inner)
    except (Failure, Opaque, Exhausted, RecursionError):
        evaluator.depth = depth
        return None
    if "".join(stretch.text for stretch in found) != value:
        return None
    return _placed(found)


def _placed(found: list[_Stretch]) -> Location | None:
    """Stretches as pieces; what goes on in the source where the stretch before it ends becomes one with it."""
    joined: list[_Stretch] = []
    for stretch in found:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.source is stretch.source
            and last.end == stretch.start
            and _is_verbatim(last)
            and _is_verbatim(stretch)
        ):
            joined[-1] = _Stretch(last.text + stretch.text, last.source, last.start, stretch.end)
        elif stretch.text:
            joined.append(stretch)
    if not joined or len(joined) > _MAX_PIECES:
        return None
    pieces: list[Piece] = []
    position = 0
    for stretch in joined:
        source = stretch.source
        within = TextRange(source.characters(stretch.start), source.characters(stretch.end))
        pieces.append(Piece(position, position + len(stretch.text), source.path, (), within))
        position += len(stretch.text)
    first = pieces[0]
    if len(pieces) == 1 and first.within is not None and first.within.start == 0:
        return Location(first.artifact)
    return Location(first.artifact, first.route, pieces=tuple(pieces))


def _is_verbatim(stretch: _Stretch) -> bool:
    return stretch.end - stretch.start == len(stretch.text.encode("utf-8", "replace"))


class _Tracer:
    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.depth = 0

    def descend(self, node: Node, frame: Frame, steps: tuple[str | int, ...]) -> tuple[Node, Frame]:
        """The expression of a member of an object.

        Raises:
            Failure: it is not written out.
        """
        for step in steps:
            node, frame = self.followed(node, frame)
            if isinstance(node, Call) and node.name == "jsonencode" and len(node.arguments) == 1:
                node, frame = self.followed(node.arguments[0], frame)
            if not isinstance(node, ObjectMaker):
                raise Failure("no object")
            node = next((value for key, value in node.items if self.is_key(key, frame, step)), None)  # type: ignore[assignment]
            if node is None:
                raise Failure("no member")
        return node, frame

    def is_key(self, key: Node, frame: Frame, step: str | int) -> bool:
        return bool(self.evaluator.value(key, frame) == step)

    def stretches(self, node: Node, frame: Frame) -> list[_Stretch]:
        """The stretches of the text that an expression gives."""
        self.evaluator.charge(1)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Failure("nested too deeply")
        try:
            node, frame = self.followed(node, frame)
            found = self._known(node, frame)
        finally:
            self.depth -= 1
        return found if found is not None else [self.whole(node, frame)]

    def whole(self, node: Node, frame: Frame) -> _Stretch:
        """The text of an expression as one stretch."""
        return _Stretch(shown(to_text(self.evaluator.value(node, frame))), node.source, node.start, node.end)

    def _known(self, node: Node, frame: Frame) -> list[_Stretch] | None:
        match node:
            case Template():
                return self.template(node.parts, frame)
            case Text():
                return [_Stretch(node.value, node.source, node.start, node.end)]
            case Call(name="file", arguments=(_,)):
                reading = frame.module.files.open(frame.module.root, self.plain(node.arguments[0], frame))
                text = self.plain(node, frame)
                data = getattr(reading, "data", b"")
                return [_Stretch(text, Source(getattr(reading, "path", ""), data), 0, len(data))]
            case Call(name="templatefile"):
                parsed, inner = load_template(self.evaluator, node, frame)
                return self.template(parsed.parts, inner)
            case Call(name="replace", arguments=(text, old, new)):
                return self.replaced(text, old, new, frame)
            case Call(name="format", arguments=(_, *_)) if not node.expands:
                return self.formatted(node, frame)
            case Call(name="trimspace" | "chomp", arguments=(text,)):
                return self.trimmed(node, text, frame)
            case Call(name="join", arguments=(separator, items)):
                return self.joined(separator, items, frame)
            case _:
                return None

    def template(self, parts: tuple[Node, ...], frame: Frame) -> list[_Stretch]:
        out: list[_Stretch] = []
        for part in parts:
            self.evaluator.charge(1)
            if isinstance(part, Text):
                out.append(_Stretch(part.value, part.source, part.start, part.end))
            elif isinstance(part, Choice):
                condition = self.evaluator.truth(part.condition, frame)
                if isinstance(condition, bool):
                    out.extend(self.template(part.then if condition else part.otherwise, frame))
                else:
                    sides = self.evaluator.chosen(part, frame)
                    out.append(_Stretch("".join(map(shown, sides)), part.source, part.start, part.end))
            elif isinstance(part, Turns):
                out.extend(self.turns(part, frame))
            else:
                out.extend(self.inserted(part, frame))
        return out

    def turns(self, part: Turns, frame: Frame) -> list[_Stretch]:
        pairs = self.evaluator.pairs(part.collection, frame)
        if isinstance(pairs, Unresolved):
            return [_Stretch(shown(pairs), part.source, part.start, part.end)]
        out: list[_Stretch] = []
        for key, value in pairs:
            out.extend(self.template(part.parts, frame.with_names(turn_names(part, key, value))))
        return out

    def inserted(self, node: Node, frame: Frame) -> list[_Stretch]:
        """What an expression in a template gives: from where it comes, if that is a text of lines, else where it is put in."""
        text = self.plain_or_shown(node, frame)
        target, inner = self.followed(node, frame)
        if "\n" in text and isinstance(target, Template | Call):
            found = self.stretches(target, inner)
            if "".join(stretch.text for stretch in found) == text:
                return found
        return [_Stretch(text, node.source, node.start, node.end)]

    def plain_or_shown(self, node: Node, frame: Frame) -> str:
        return shown(self.evaluator.shown(node, frame))

    def plain(self, node: Node, frame: Frame) -> str:
        return known(self.evaluator.strict(node, frame))

    # -- following -------------------------------------------------------------------------------------------------------

    def followed(self, node: Node, frame: Frame) -> tuple[Node, Frame]:
        """The expression that names lead to: a local value, what a call gives to a variable, its default."""
        for _ in range(_MAX_DEPTH):
            if isinstance(node, Conditional):
                condition = self.evaluator.truth(node.condition, frame)
                if isinstance(condition, Unresolved):
                    return node, frame
                node = node.then if condition else node.otherwise
                continue
            if isinstance(node, Template) and len(node.parts) == 1 and not isinstance(node.parts[0], Text | Choice | Turns):
                node = node.parts[0]
                continue
            if isinstance(node, Call) and node.name in ("nonsensitive", "tostring") and len(node.arguments) == 1:
                node = node.arguments[0]
                continue
            found = self.source(node, frame)
            if found is None:
                return node, frame
            node, frame = found
        raise Failure("names that lead too far")

    def source(self, node: Node, frame: Frame) -> tuple[Node, Frame] | None:
        """One step from a name to what it stands for."""
        if not isinstance(node, Chain) or not isinstance(node.base, Name) or node.base.name in frame.names:
            return None
        first = node.steps[0] if node.steps else None
        if not isinstance(first, Member):
            return None
        module = frame.module
        found: tuple[Node, Frame] | None = None
        taken = 1
        if node.base.name == "local" and (given := module.folder.locals.get(first.name)) is not None:
            found = given.expression, module.frame
        elif node.base.name == "var" and (block := module.folder.variables.get(first.name)) is not None:
            binding: Binding | None = module.bindings.get(first.name)
            default = block.attributes.get("default")
            if is_true(block, "sensitive"):
                return None
            if binding is not None:
                found = binding.attribute.expression, binding.frame or module.frame
            elif default is not None:
                found = default.expression, module.frame
        elif node.base.name == "module" and len(node.steps) > 1 and isinstance(node.steps[1], Member):
            called = module.program.called(module, first.name)
            inner = called.output(node.steps[1].name) if isinstance(called, Module) else None
            if isinstance(called, Module) and inner is not None:
                found, taken = (inner.expression, called.frame), 2
        if found is None:
            return None
        for step in node.steps[taken:]:
            key = self.evaluator.value(step.key, frame) if isinstance(step, Index) else getattr(step, "name", None)
            try:
                found = self.descend(*found, (key,)) if isinstance(key, str) else None
            except Failure:
                return None
            if found is None:
                return None
        return found

    # -- functions -------------------------------------------------------------------------------------------------------

    def replaced(self, text: Node, old: Node, new: Node, frame: Frame) -> list[_Stretch] | None:
        whole = self.stretches(text, frame)
        wanted, value = self.plain(old, frame), self.plain_or_shown(new, frame)
        if not wanted or (len(wanted) > 1 and wanted[0] == wanted[-1] == "/"):
            return None
        joined = "".join(stretch.text for stretch in whole)
        inserted = self.inserted(new, frame) if "\n" in value else []
        out: list[_Stretch] = []
        position = 0
        while (at := joined.find(wanted, position)) >= 0:
            out.extend(self.cut(whole, position, at))
            out.extend(inserted or [_in_place_of(value, self.cut(whole, at, at + len(wanted)), new)])
            position = at + len(wanted)
        return [*out, *self.cut(whole, position, len(joined))]

    def formatted(self, node: Call, frame: Frame) -> list[_Stretch]:
        values = self.evaluator.arguments(node, frame)
        if isinstance(values, Unresolved):
            raise Opaque
        whole = self.stretches(node.arguments[0], frame)
        out: list[_Stretch] = []
        spec = known(values[0])
        for start, end, value in format_pieces(spec, values[1:]):
            if value == spec[start:end]:
                out.extend(self.cut(whole, start, end))
            else:
                out.append(_in_place_of(shown(value), self.cut(whole, start, end), node))
        return out

    def trimmed(self, node: Call, text: Node, frame: Frame) -> list[_Stretch] | None:
        whole = self.stretches(text, frame)
        joined = "".join(stretch.text for stretch in whole)
        wanted = shown(to_text(self.evaluator.value(node, frame)))
        start = joined.find(wanted)
        return self.cut(whole, start, start + len(wanted)) if start >= 0 else None

    def joined(self, separator: Node, items: Node, frame: Frame) -> list[_Stretch] | None:
        between = self.stretches(separator, frame)
        listed, inner = self.followed(items, frame)
        found = getattr(listed, "items", None)
        if found is None or isinstance(listed, ObjectMaker):
            return None
        out: list[_Stretch] = []
        for index, item in enumerate(found):
            out.extend(between if index else [])
            out.extend(self.stretches(item, inner))
        return out

    def cut(self, stretches: list[_Stretch], start: int, end: int) -> list[_Stretch]:
        """The stretches between two offsets."""
        self.evaluator.charge(len(stretches))
        out: list[_Stretch] = []
        position = 0
        for stretch in stretches:
            first, last = max(start, position), min(end, position + len(stretch.text))
            if first < last:
                text = stretch.text[first - position : last - position]
                if _is_verbatim(stretch):
                    begin = stretch.start + len(stretch.text[: first - position].encode("utf-8", "replace"))
                    stop = begin + len(text.encode("utf-8", "replace"))
                    out.append(_Stretch(text, stretch.source, begin, stop))
                else:
                    out.append(_Stretch(text, stretch.source, stretch.start, stretch.end))
            position += len(stretch.text)
        return out


def shown(value: str | Unresolved) -> str:
    """A text, with names for what is open in it."""
    return "".join(part if isinstance(part, str) else name_of(part) for part in parts_of(value))


def _in_place_of(value: str, placeholder: list[_Stretch], node: Node) -> _Stretch:
    """A text that stands where a placeholder stood."""
    first = placeholder[0] if placeholder else _Stretch("", node.source, node.start, node.end)
    return _Stretch(value, first.source, first.start, first.end)

"""Evaluation: an expression and what is around it give a value, with :class:`Unresolved` for what only deployment knows.

It ends: work is counted, values have a largest size, and depth is limited. What Terraform would refuse becomes an unresolved
value with its reason.
"""

from __future__ import annotations

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import MAX_NODES, Weights
from mcpguard.sources.hcl import functions_collections, functions_conversion, functions_text
from mcpguard.sources.hcl.ast import (
    Binary,
    Broken,
    Call,
    Chain,
    Choice,
    Conditional,
    For,
    ListMaker,
    Literal,
    Member,
    Name,
    Node,
    ObjectMaker,
    Splat,
    Step,
    Template,
    Text,
    Turns,
    Unary,
)
from mcpguard.sources.hcl.operations import arithmetic, equality, item, member, pairs_of, settled, turn_names
from mcpguard.sources.hcl.scopes import Frame
from mcpguard.sources.hcl.special_functions import SPECIAL, UNKNOWABLE
from mcpguard.sources.hcl.values import (
    BEYOND,
    Beyond,
    Exhausted,
    Failure,
    Handle,
    Hashable,
    Opaque,
    computed,
    plain,
    shorten,
    text_of,
    to_bool,
    to_number,
    to_text,
)

_STEPS = 500_000
_ALL_STEPS = 4 * _STEPS
_LIGHT = 500
"""Characters of a text up to which it does not count as work."""
_MAX_DEPTH = 90
_DEEP = "nested too deeply"
_FUNCTIONS = {**functions_text.FUNCTIONS, **functions_collections.FUNCTIONS, **functions_conversion.FUNCTIONS}


class Purse:
    """The work that all configurations of a scan may take together."""

    def __init__(self, size: int) -> None:
        """``size`` of their files in bytes."""
        self.size = size
        self.left = _ALL_STEPS + 4 * size


class Evaluator:
    """Evaluates the expressions of one configuration with one set of values."""

    def __init__(self, purse: Purse) -> None:
        """What it spends is taken from the purse too."""
        self.purse = purse
        self.budget = _STEPS + purse.size
        self.depth = 0
        self.unknown_functions: dict[str, Node] = {}
        """Functions that are not worked out here, each with the first call."""
        self.troubles: dict[str, Node] = {}
        """What could not be read on the way (a file, a broken expression), each with its first place."""
        self.tries = 0
        """How many ``try`` and ``can`` are around; within them a part that fails fails the whole."""
        self._weights = Weights()

    def charge(self, work: int) -> None:
        """Count work.

        Raises:
            Exhausted: it is more than the configuration's size allows.
        """
        self.budget -= work
        self.purse.left -= work
        if self.budget < 0 or self.purse.left < 0:
            raise Exhausted

    def value(self, node: Node, frame: Frame) -> Json:
        """The value of an expression; what fails is unresolved, with its reason."""
        depth = self.depth
        try:
            return self.strict(node, frame)
        except Beyond as failure:
            return Unresolved(shorten(node.text), BEYOND, reason=failure.reason)
        except Failure as failure:
            return Unresolved(shorten(node.text), reason=failure.reason)
        except RecursionError:
            return Unresolved(shorten(node.text), BEYOND, reason=_DEEP)
        finally:
            self.depth = depth

    def part(self, node: Node, frame: Frame) -> Json:
        """The value of a part of a list or object.

        Raises:
            Failure: within ``try``, Terraform would refuse it.
        """
        return self.strict(node, frame) if self.tries else self.value(node, frame)

    def attempt(self, node: Node, frame: Frame) -> Json:
        """The value of an expression that may fail.

        Raises:
            Failure: Terraform would refuse it.
        """
        depth = self.depth
        self.tries += 1
        try:
            value = self.strict(node, frame)
        except Beyond as failure:
            return Unresolved(shorten(node.text), BEYOND, reason=failure.reason)
        finally:
            self.depth = depth
            self.tries -= 1
        if isinstance(value, Unresolved) and value.reason and value.function != BEYOND:
            raise Failure(value.reason)
        return value

    def strict(self, node: Node, frame: Frame) -> Json:
        """The value of an expression.

        Raises:
            Failure: Terraform would refuse it.
            Exhausted: the work is too much.
        """
        self.charge(1)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.depth -= 1
            raise Beyond(_DEEP)
        try:
            return self._value(node, frame)
        finally:
            self.depth -= 1

    def _value(self, node: Node, frame: Frame) -> Json:
        match node:
            case Literal():
                return node.value
            case Text():
                return node.value
            case Template():
                return self.template(node, frame)
            case Name():
                return self.chain(Chain(node.source, node.start, node.end, node, ()), frame)
            case Chain():
                return self.chain(node, frame)
            case Call():
                try:
                    return self.weighed(self.call(node, frame))
                except Opaque:
                    return computed(node.text, [])
            case ListMaker():
                return self.weighed([self.part(item, frame) for item in node.items])
            case ObjectMaker():
                return self.weighed(self.object(node, frame))
            case Conditional():
                return self.conditional(node, frame)
            case For():
                return self.weighed(self.loop(node, frame))
            case Binary():
                return self.binary(node, frame)
            case Unary():
                return self.unary(node, frame)
            case Broken():
                self.troubles.setdefault(node.reason, node)
                raise Failure(node.reason)
            case _:
                raise Failure("a part of a template alone")

    def weighed(self, value: Json) -> Json:
        """A value that is not too large, counted as work.

        Raises:
            Failure: it holds too many values.
        """
        if isinstance(value, list | dict):
            self.charge(len(value))
            if self._weights.of(value) > MAX_NODES:
                raise Beyond("the value is too large")
        elif isinstance(value, str) and len(value) > _LIGHT:
            self.charge(len(value) >> 4)
        return value

    def copied(self, value: Json) -> Json:
        """A copy of a value that may be changed, without handles."""
        if isinstance(value, list | dict):
            self.charge(self._weights.of(value))
        return plain(value)

    # -- texts ---------------------------------------------------------------------------------------------------------

    def template(self, node: Template, frame: Frame) -> Json:
        """A text; a single expression between quotes keeps its type."""
        if len(node.parts) == 1:
            part = node.parts[0]
            if isinstance(part, Text):
                return part.value
            if not isinstance(part, Choice | Turns):
                return self.strict(part, frame)
        found = text_of(self.stretches(node.parts, frame), node.text if node.end - node.start < _LIGHT else "")
        if isinstance(found, Unresolved) and not found.expression:
            found = msgspec.structs.replace(found, expression="a template")
        return self.weighed(found)

    def stretches(self, parts: tuple[Node, ...], frame: Frame) -> list[str | Unresolved]:
        """The stretches that the parts of a template give."""
        out: list[str | Unresolved] = []
        for part in parts:
            if isinstance(part, Text):
                out.append(part.value)
            elif isinstance(part, Choice):
                out.extend(self.chosen(part, frame))
            elif isinstance(part, Turns):
                out.extend(self.turns(part, frame))
            else:
                out.append(self.shown(part, frame))
        self.charge(len(out))
        return out

    def shown(self, node: Node, frame: Frame) -> str | Unresolved:
        """The text of an expression in a template; what has none is unresolved there."""
        value = self.value(node, frame)
        try:
            return to_text(value)
        except Failure as failure:
            return Unresolved(shorten(node.text), reason=failure.reason)

    def chosen(self, part: Choice, frame: Frame) -> list[str | Unresolved]:
        """What ``%{ if }`` gives; one unresolved stretch when the test is not known and the two sides differ."""
        condition = self.truth(part.condition, frame)
        if isinstance(condition, bool):
            return self.stretches(part.then if condition else part.otherwise, frame)
        sides = [self.stretches(side, frame) for side in (part.then, part.otherwise)]
        if sides[0] == sides[1]:
            return sides[0]
        texts = [text_of(side, "") for side in sides]
        return [Unresolved(shorten(part.condition.text), "if", (condition, *texts))]

    def turns(self, part: Turns, frame: Frame) -> list[str | Unresolved]:
        """What ``%{ for }`` gives."""
        pairs = self.pairs(part.collection, frame)
        if isinstance(pairs, Unresolved):
            return [pairs]
        out: list[str | Unresolved] = []
        for key, value in pairs:
            out.extend(self.stretches(part.parts, frame.with_names(turn_names(part, key, value))))
        return out

    # -- chains --------------------------------------------------------------------------------------------------------

    def chain(self, node: Chain, frame: Frame) -> Json:
        """A value with steps into it."""
        base, steps = node.base, node.steps
        if not isinstance(base, Name):
            return self.walk(self.strict(base, frame), steps, frame, node)
        if base.name in frame.names:
            return self.walk(frame.names[base.name], steps, frame, node)
        taken, value = frame.module.root_value(self, base.name, steps, node)
        return self.walk(value, steps[taken:], frame, node)

    def walk(self, value: Json, steps: tuple[Step, ...], frame: Frame, node: Chain) -> Json:
        """Take steps into a value."""
        for step in steps:
            if isinstance(step, Splat):
                if isinstance(value, Unresolved):
                    return computed(node.text, [value])
                items = value if isinstance(value, list) else [] if value is None else [value]
                return self.weighed([self.walk(item, step.steps, frame, node) for item in items])
            if isinstance(step, Member):
                value = member(value, step.name)
            else:
                key = self.strict(step.key, frame)
                value = item(value, key, node)
        return value

    # -- collections ---------------------------------------------------------------------------------------------------

    def object(self, node: ObjectMaker, frame: Frame) -> Json:
        """``{…}``; unresolved as a whole when one of its keys is."""
        out: dict[str, Json] = {}
        for key, value in node.items:
            name = to_text(self.strict(key, frame))
            if isinstance(name, Unresolved):
                return computed(node.text, [name, self.value(value, frame)])
            out[name] = self.part(value, frame)
        return out

    def pairs(self, node: Node, frame: Frame) -> list[tuple[Json, Json]] | Unresolved:
        """Keys or indices with the values of a collection."""
        return pairs_of(self.strict(node, frame))

    def loop(self, node: For, frame: Frame) -> Json:
        """``[for …]`` or ``{for …}``; unresolved as a whole when it is not known what is in it."""
        pairs = self.pairs(node.collection, frame)
        if isinstance(pairs, Unresolved):
            return computed(node.text, [pairs])
        items: list[Json] = []
        members: dict[str, Json] = {}
        for key, value in pairs:
            inner = frame.with_names(turn_names(node, key, value))
            if node.condition is not None:
                kept = self.truth(node.condition, inner)
                if isinstance(kept, Unresolved):
                    return computed(node.text, [kept])
                if not kept:
                    continue
            result = self.part(node.result, inner)
            if node.result_key is None:
                items.append(result)
                continue
            name = to_text(self.strict(node.result_key, inner))
            if isinstance(name, Unresolved):
                return computed(node.text, [name, result])
            if node.groups:
                members.setdefault(name, []).append(result)
            else:
                members[name] = result
        return items if node.result_key is None else members

    # -- operators -----------------------------------------------------------------------------------------------------

    def truth(self, node: Node, frame: Frame) -> bool | Unresolved:
        """A truth value.

        Raises:
            Failure: it is none.
        """
        value = self.strict(node, frame)
        if isinstance(value, Handle):
            value = value.whole()
        return value if isinstance(value, Unresolved) else to_bool(value)

    def conditional(self, node: Conditional, frame: Frame) -> Json:
        """``a ? b : c``; both sides are kept when the test is not known and they differ."""
        condition = self.truth(node.condition, frame)
        if isinstance(condition, bool):
            return self.strict(node.then if condition else node.otherwise, frame)
        sides = [self.value(side, frame) for side in (node.then, node.otherwise)]
        if Hashable.of(sides[0]) == Hashable.of(sides[1]) and not isinstance(sides[0], Handle):
            return sides[0]
        whole = tuple(side.whole() if isinstance(side, Handle) else side for side in sides)
        return Unresolved(shorten(node.text), "if", (condition, *whole))

    def unary(self, node: Unary, frame: Frame) -> Json:
        """``!`` and ``-``."""
        value = self.strict(node.operand, frame)
        if isinstance(value, Unresolved):
            return computed(f"{node.operator}{node.text}", [value])
        return not to_bool(value) if node.operator == "!" else -to_number(value)

    def binary(self, node: Binary, frame: Frame) -> Json:
        """An operator between two values."""
        if node.operator in ("&&", "||"):
            return self.both_or_either(node, frame)
        left, right = self.strict(node.left, frame), self.strict(node.right, frame)
        left, right = (side.whole() if isinstance(side, Handle) else side for side in (left, right))
        if node.operator in ("==", "!="):
            equal = equality(left, right)
            if equal is None:
                return computed(node.text, [left, right])
            return equal if node.operator == "==" else not equal
        if isinstance(left, Unresolved) or isinstance(right, Unresolved):
            return computed(node.text, [left, right])
        return arithmetic(node.operator, to_number(left), to_number(right))

    def both_or_either(self, node: Binary, frame: Frame) -> Json:
        """``&&`` and ``||``: what decides counts, also beside something unresolved."""
        decides = node.operator == "||"
        seen: list[Json] = []
        for side in (node.left, node.right):
            value = self.value(side, frame) if seen else self.truth(side, frame)
            if isinstance(value, Unresolved):
                seen.append(value)
            elif to_bool(value) is decides:
                return decides
        return computed(node.text, seen) if seen else not decides

    # -- functions -----------------------------------------------------------------------------------------------------

    def call(self, node: Call, frame: Frame) -> Json:
        """The result of a function."""
        name = node.name.removeprefix("core::")
        special = SPECIAL.get(name)
        if special is not None:
            return special(self, node, frame)
        values = self.arguments(node, frame)
        if isinstance(values, Unresolved):
            return computed(node.text, [values])
        found = _FUNCTIONS.get(name)
        if found is None:
            if name not in UNKNOWABLE and not name.startswith("provider::"):
                self.unknown_functions.setdefault(name, node)
            return Unresolved(shorten(node.text), name.lower().replace("::", "-"), arguments=computed("", values).arguments)
        least, most, function = found
        if not least <= len(values) <= most:
            raise Failure(f"{name} with {len(values)} arguments")
        try:
            result = function([settled(value, name) for value in values])
        except Opaque:
            return computed(node.text, values)
        except (OverflowError, ValueError, RecursionError, MemoryError):
            raise Failure(f"a value that {name} cannot take") from None
        if isinstance(result, Unresolved) and not result.expression:
            return msgspec.structs.replace(result, expression=shorten(node.text))
        return result

    def arguments(self, node: Call, frame: Frame) -> list[Json] | Unresolved:
        """The arguments of a call; unresolved when their number is."""
        values = [self.strict(argument, frame) for argument in node.arguments]
        if not node.expands or not values:
            return values
        last = values.pop()
        if isinstance(last, Unresolved):
            return computed(node.text, [*values, last])
        return [*values, *functions_collections.items_of(last)]

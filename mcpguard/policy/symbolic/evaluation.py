"""Symbolic evaluation of one C# expression: its possible values, with the comparisons that lead to each.

Nothing is run. Loops are walked once, ``catch`` may follow from anywhere in its ``try``, an unknown method gives something
unclear of its arguments. What an expression compares is the point: see :mod:`mcpguard.policy.symbolic.symbols`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mcpguard.policy.csharp_syntax import parse, text_of
from mcpguard.policy.symbolic import calls, pieces
from mcpguard.policy.symbolic.symbols import (
    NO_FACTS,
    NULL,
    Comparison,
    Facts,
    Origin,
    Value,
    atom,
    branches,
    in_either,
    union,
    with_facts,
)
from mcpguard.policy.symbolic.values import Sealing, State, ValueEvaluator
from mcpguard.policy.tree import NAMED_VALUE, Expression

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_CODE = 200_000
_LOOPS = frozenset({"foreach_statement", "for_statement", "while_statement", "do_statement"})
_BODIES = frozenset({"using_statement", "lock_statement", "checked_statement", "switch_section"})
NOT_UNDERSTOOD: Value = atom(Origin("unknown", "code"))


class Evaluated(msgspec.Struct, frozen=True):
    """What came of one expression."""

    value: Value
    sealings: tuple[Sealing, ...] = ()
    understood: bool = True


def evaluate(expression: Expression, variables: Mapping[str, Value], facts: Facts) -> Evaluated:
    """The values that an expression may yield where ``facts`` hold, given the context's variables."""
    if len(expression.code) > _MAX_CODE:
        return Evaluated(NOT_UNDERSTOOD, understood=False)
    root = parse(expression.code, expression.block)
    if root.has_error and "{{" in expression.code:
        root = parse(NAMED_VALUE.sub(lambda match: calls.named_value_identifier(match[1]), expression.code), expression.block)
    if root.has_error:
        return Evaluated(NOT_UNDERSTOOD, understood=False)
    evaluator = _Evaluator(variables, facts)
    try:
        evaluator.block(root, State({}, facts), 0)
    except calls.TooMuch:
        return Evaluated(NOT_UNDERSTOOD, understood=False)
    return Evaluated(union(evaluator.returned) or NULL, tuple(evaluator.sealings))


def _joined(left: State, right: State) -> State:
    if not left.live:
        return right
    if not right.live:
        return left
    names = {
        name: left.names[name] if left.names.get(name) == right.names.get(name) else _either_value(name, left, right)
        for name in {**left.names, **right.names}
    }
    return State(names, in_either(left.facts, right.facts))


def _after_all(before: State, inside: State, elements: frozenset[Origin], *, breaks: bool) -> State:
    """After a loop over what the caller sent: what every element survived holds of all, what one brought about of some.

    No elements are no danger, so the way past the loop is left out.
    """
    facts = before.facts if breaks else inside.facts
    names = dict(before.names)
    for name, value in inside.names.items():
        kept = {found.text for found in before.names.get(name, ())}
        names[name] = tuple(
            found
            if found.text in kept and not breaks
            else msgspec.structs.replace(found, facts=pieces.of_some(found.facts, elements))
            for found in value
        )
    return State(names, facts)


def _either_value(name: str, left: State, right: State) -> Value:
    """A name after two ways; each value carries what holds on the way that leads to it."""
    ways = [with_facts(state.names[name], state.facts) for state in (left, right) if name in state.names]
    return union(ways)


class _Evaluator(ValueEvaluator):
    """One walk over one expression: the part that runs statements."""

    # -- statements ---------------------------------------------------------------------------------------------------

    def block(self, node: Node, state: State, depth: int) -> State:
        """Run the statements below a node one after the other."""
        for child in node.named_children:
            if state.live:
                state = self.statement(child, state, depth + 1)
        return state

    def statement(self, node: Node, state: State, depth: int) -> State:
        """Run one statement."""
        self._count(depth)
        kind = node.type
        if kind == "return_statement":
            for value in node.named_children:
                facts = pieces.of_some(state.facts, self._elements)
                self.returned.append(with_facts(self.settled(self.value(value, state, depth + 1), state), facts))
            state.live = False
        elif kind in ("throw_statement", "break_statement", "continue_statement"):
            state.live = kind != "throw_statement"
        elif kind == "if_statement":
            return self._if(node, state, depth)
        elif kind in _LOOPS:
            return self._loop(node, state, depth)
        elif kind == "try_statement":
            return self._try(node, state, depth)
        elif kind == "variable_declarator":
            self._declare(node, state, depth)
        elif kind in ("expression_statement",):
            for child in node.named_children:
                self.value(child, state, depth + 1)
        elif kind == "switch_statement":
            return self._switch(node, state, depth)
        elif kind in _BODIES or kind == "block" or kind.endswith(("_declaration", "_statement", "_clause", "_unit")):
            return self.block(node, state, depth)
        else:
            self.value(node, state, depth + 1)
        return state

    def _declare(self, node: Node, state: State, depth: int) -> None:
        name = node.child_by_field_name("name")
        values = [child for child in node.named_children if name is None or child.id != name.id]
        if name is not None and values:
            state.names[text_of(name)] = self.settled(self.value(values[-1], state, depth + 1), state)

    def _if(self, node: Node, state: State, depth: int) -> State:
        condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        decided = self.value(condition, state, depth + 1) if condition is not None else ()
        when_true, when_false = branches(decided)
        yes, no = state.fork(when_true), state.fork(when_false)
        if then is not None and yes.live:
            yes = self.statement(then, yes, depth + 1)
        if otherwise is not None and no.live:
            no = self.statement(otherwise, no, depth + 1)
        return _joined(yes, no)

    def _loop(self, node: Node, state: State, depth: int) -> State:
        inside = state.fork(NO_FACTS)
        elements: frozenset[Origin] = frozenset()
        if node.type == "foreach_statement":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None:
                listed = self.value(right, state, depth + 1)
                inside.names[text_of(left)] = pieces.element(listed)
                elements = pieces.asked_for(listed)
        start = node.child_by_field_name("initializer")
        if start is not None:
            self.statement(start, inside, depth + 1)
        body = node.child_by_field_name("body")
        if body is not None:
            outer, self._elements = self._elements, self._elements | elements
            inside = self.statement(body, inside, depth + 1)
            self._elements = outer
        if elements and inside.live:
            return _after_all(state, inside, elements, breaks=body is not None and b"break;" in (body.text or b""))
        after = _joined(state, inside)
        for name, value in inside.names.items():
            if value and all(found.shape == "difference" for found in value):
                after.names[name] = value  # `differs |= a[i] ^ b[i]` over the whole length
        return after

    def _try(self, node: Node, state: State, depth: int) -> State:
        entry = state.fork(NO_FACTS)
        body = node.child_by_field_name("body")
        end = self.statement(body, state, depth + 1) if body is not None else state
        for child in node.named_children:
            if child.type == "catch_clause":
                caught = child.child_by_field_name("body")
                if caught is not None:
                    end = _joined(end, self.statement(caught, entry.fork(NO_FACTS), depth + 1))
            elif child.type == "finally_clause":
                end = self.block(child, end, depth + 1)
        return end

    def _switch(self, node: Node, state: State, depth: int) -> State:
        end = state.fork(NO_FACTS)
        body = node.child_by_field_name("body")
        for section in body.named_children if body is not None else ():
            unclear = frozenset({Comparison("unclear", frozenset({frozenset({Origin("unknown", "switch")})}))})
            end = _joined(end, self.block(section, state.fork(unclear), depth + 1))
        return end

"""What a policy expression comes to when parts of its surroundings are known: C# is walked, never run.

Used to try a policy out: with an answer that refuses a token, with a certain request body. What is not followed is an unknown
value, which says whether it rests on what is being tried out. Null members, casts and ``?.`` behave as in C#.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mcpguard.policy.csharp import NAMED_VALUE_IN_CODE, parse_with_named_values
from mcpguard.policy.csharp_syntax import Link, is_operation, last_operand, literal, taken_apart, text_of
from mcpguard.policy.trials.surroundings import Surroundings, narrowed, unfollowed
from mcpguard.policy.trials.values import (
    NULL,
    UNKNOWN,
    Thrown,
    TypeName,
    Value,
    as_a,
    cast,
    equal,
    is_a,
    joined,
    known,
    member,
    one_of,
    ordered,
    resting_on,
    unknown,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_STEPS: Final = 4000
_MAX_DEPTH: Final = 120
_LITERALS = frozenset({"string_literal", "verbatim_string_literal", "raw_string_literal"})
_TYPES = frozenset(
    ["string", "String", "JObject", "JArray", "JToken", "JTokenType", "StringComparison", "StringComparer", "Convert", "Regex"]
)
_ORDER = {"<", ">", "<=", ">="}
_ANY_OF = frozenset({"First", "FirstOrDefault", "Last", "LastOrDefault", "Single", "SingleOrDefault", "ToString"})


class _Lost(Exception):
    pass


def evaluate(code: str, block: bool, around: Surroundings) -> Value:
    """What ``@(code)`` or, with ``block``, ``@{code}`` comes to.

    Raises:
        Thrown: it raises.
    """
    result = _remembered(code, block, narrowed(around, code, block))
    if result is None:
        raise Thrown
    return result


@lru_cache(maxsize=4096)
def _remembered(code: str, block: bool, around: Surroundings) -> Value | None:
    """The value; None when the expression raises."""
    with suppress(Thrown):
        return _evaluated(code, block, around)
    return None


def _evaluated(code: str, block: bool, around: Surroundings) -> Value:
    root = parse_with_named_values(code, block)
    if root.has_error:
        return unfollowed(code, block, around)
    try:
        result = _Walk(around).run([part for child in root.named_children for part in _within(child)], {})
    except _Lost:
        return unfollowed(code, block, around)
    return result if result is not None else unfollowed(code, block, around)


def _within(node: Node) -> Sequence[Node]:
    """The statements of the outermost level, out of the node that the grammar wraps each of them in."""
    return node.named_children if node.type == "global_statement" else (node,)


class _Walk:
    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.steps = 0
        self.tails: dict[int, list[Link]] = {}
        """Links that the grammar hangs on a whole operation, by the operand that they belong to."""

    def run(self, statements: Sequence[Node], names: dict[str, Value], depth: int = 0) -> Value | None:
        """What the statements return; None when they end without."""
        for index, statement in enumerate(statements):
            self._count(depth)
            rest = statements[index + 1 :]
            match statement.type:
                case "block":
                    return self.run((*statement.named_children, *rest), names, depth + 1)
                case "return_statement":
                    values = statement.named_children
                    return self.value(values[0], names, depth + 1) if values else NULL
                case "if_statement":
                    return self._if(statement, rest, names, depth)
                case "try_statement":
                    return self._try(statement, rest, names, depth)
                case "throw_statement":
                    raise Thrown
                case "local_declaration_statement":
                    self._declare(statement, names, depth)
                case "expression_statement":
                    for child in statement.named_children:
                        self.value(child, names, depth + 1)
                case "comment" | "empty_statement":
                    pass
                case _:
                    raise _Lost
        return None

    def _count(self, depth: int) -> None:
        self.steps += 1
        if self.steps > _MAX_STEPS or depth > _MAX_DEPTH:
            raise _Lost

    def _if(self, statement: Node, rest: Sequence[Node], names: dict[str, Value], depth: int) -> Value | None:
        condition, consequence, alternative = (
            statement.child_by_field_name(field) for field in ("condition", "consequence", "alternative")
        )
        if condition is None or consequence is None:
            raise _Lost
        holds = self.value(condition, names, depth + 1)
        other = (alternative, *rest) if alternative is not None else rest
        if holds.is_known:
            result = self.run((consequence, *rest) if holds.data is True else other, names, depth + 1)
            return resting_on(result, holds) if result is not None else None
        first = self._attempt((consequence, *rest), {**names}, depth)
        second = self._attempt(other, {**names}, depth)
        if first is None and second is None:
            raise Thrown
        if first is None or second is None:
            return unknown(first or second or UNKNOWN, holds)
        return one_of(first, second, holds)

    def _attempt(self, statements: Sequence[Node], names: dict[str, Value], depth: int) -> Value | None:
        """What a branch returns; None when it raises."""
        try:
            result = self.run(statements, names, depth + 1)
        except Thrown:
            return None
        if result is None:
            raise _Lost
        return result

    def _try(self, statement: Node, rest: Sequence[Node], names: dict[str, Value], depth: int) -> Value | None:
        body = statement.child_by_field_name("body")
        caught = next((child for child in statement.named_children if child.type == "catch_clause"), None)
        if body is None or caught is None:
            raise _Lost
        try:
            result = self.run((body,), names, depth + 1)
        except Thrown:
            handler = caught.child_by_field_name("body")
            result = self.run((handler, *rest) if handler is not None else rest, names, depth + 1)
            return resting_on(result, Value(False, None, on_trial=True)) if result is not None else None
        return result if result is not None else self.run(rest, names, depth + 1)

    def _declare(self, statement: Node, names: dict[str, Value], depth: int) -> None:
        for declaration in statement.named_children:
            for child in declaration.named_children:
                if child.type == "variable_declarator":
                    name = child.child_by_field_name("name")
                    values = [part for part in child.named_children if name is None or part.id != name.id]
                    if name is not None:
                        names[text_of(name)] = self.value(values[-1], names, depth + 1) if values else NULL

    def value(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        """The value of an expression."""
        self._count(depth)
        if node.id in self.tails:
            tail = self.tails.pop(node.id)
            return self._linked(self.value(node, names, depth + 1), tail, names, depth)
        kind = node.type
        if kind in _LITERALS:
            text = literal(node)
            return UNKNOWN if text is None or NAMED_VALUE_IN_CODE in text or "{{" in text else known(text)
        match kind:
            case "null_literal":
                return NULL
            case "boolean_literal":
                return known(text_of(node) == "true")
            case "integer_literal":
                return known(int(text_of(node))) if text_of(node).isdecimal() else UNKNOWN
            case "parenthesized_expression" | "argument":
                return self.value(node.named_children[-1], names, depth + 1)
            case "cast_expression":
                to, of = node.child_by_field_name("type"), node.child_by_field_name("value")
                if to is None or of is None:
                    raise _Lost
                return cast(self.value(of, names, depth + 1), text_of(to))
            case "binary_expression":
                return self._binary(node, names, depth)
            case "as_expression" | "is_expression":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                if left is None or right is None:
                    raise _Lost
                operation = as_a if kind == "as_expression" else is_a
                return operation(self.value(left, names, depth + 1), text_of(right))
            case "is_pattern_expression":
                return self._pattern(node, names, depth)
            case "prefix_unary_expression":
                operand = self.value(node.named_children[-1], names, depth + 1)
                flips = text_of(node).startswith("!") and operand.is_known and isinstance(operand.data, bool)
                return known(not operand.data, operand) if flips else unknown(operand)
            case "conditional_expression":
                return self._conditional(node, names, depth)
            case "assignment_expression":
                return self._assignment(node, names, depth)
            case "interpolated_string_expression":
                return self._interpolated(node, names, depth)
            case "implicit_array_creation_expression" | "array_creation_expression" | "object_creation_expression":
                return self._created(node, names, depth)
            case "identifier" | "predefined_type":
                name = text_of(node)
                return names[name] if name in names else known(TypeName(name)) if name in _TYPES else UNKNOWN
            case (
                "member_access_expression"
                | "invocation_expression"
                | "element_access_expression"
                | "conditional_access_expression"
            ):
                return self._chain(node, names, depth)
            case "lambda_expression":
                return self._lambda(node, names, depth)
            case _:
                raise _Lost

    def _binary(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        operator = text_of(node.child_by_field_name("operator") or node)
        left_node, right_node = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left_node is None or right_node is None:
            raise _Lost
        left = self.value(left_node, names, depth + 1)
        if operator in ("&&", "||"):
            decides = operator == "||"
            if left.is_known and left.data is decides:
                return left
            try:
                right = self.value(right_node, names, depth + 1)
            except Thrown:
                if left.is_known:
                    raise
                return Value(False, None, on_trial=True)
            if left.is_known:
                return known(right.data, left, right) if right.is_known else Value(False, None, right.on_trial)
            if right.is_known:
                return right if right.data is decides else Value(False, None, left.on_trial)
            return Value(False, None, left.on_trial or right.on_trial)
        if operator == "??":
            if left.is_known and left.data is not None:
                return left
            right = self.value(right_node, names, depth + 1)
            return resting_on(right, left) if left.is_known else one_of(left, right)
        right = self.value(right_node, names, depth + 1)
        if operator in ("==", "!="):
            same = equal(left, right)
            same = same if same.is_known else Value(False, None, same.on_trial)
            return known(not same.data, same) if same.is_known and operator == "!=" else same
        if operator in _ORDER:
            return ordered(operator, left, right)
        if operator == "+":
            return joined([left, right])
        return unknown(left, right)

    def _pattern(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        of, pattern = node.child_by_field_name("expression"), node.child_by_field_name("pattern")
        if of is None or pattern is None:
            raise _Lost
        value = self.value(of, names, depth + 1)
        negated = pattern.type == "negated_pattern"
        inner = pattern.named_children[0] if negated else pattern
        if inner.type == "declaration_pattern":
            kind, name = inner.child_by_field_name("type"), inner.child_by_field_name("name")
            if kind is None or name is None:
                raise _Lost
            names[text_of(name)] = value
            holds = is_a(value, text_of(kind))
        elif inner.type in ("constant_pattern", "type_pattern"):
            wanted = inner.named_children[0]
            is_type = wanted.type in ("identifier", "predefined_type")
            holds = is_a(value, text_of(wanted)) if is_type else equal(value, self.value(wanted, names, depth + 1))
        else:
            raise _Lost
        if not holds.is_known:
            return Value(False, None, holds.on_trial)
        return known(holds.data is not negated, holds)

    def _conditional(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        condition, yes, no = (node.child_by_field_name(field) for field in ("condition", "consequence", "alternative"))
        if condition is None or yes is None or no is None:
            raise _Lost
        holds = self.value(condition, names, depth + 1)
        if holds.is_known:
            chosen = self.value(yes if holds.data is True else no, names, depth + 1)
            return resting_on(chosen, holds)
        found: list[Value] = []
        for branch in (yes, no):
            with suppress(Thrown):
                found.append(self.value(branch, names, depth + 1))
        if not found:
            raise Thrown
        return one_of(found[0], found[1], holds) if len(found) > 1 else unknown(found[0], holds)

    def _assignment(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or left.type != "identifier":
            raise _Lost
        value = self.value(right, names, depth + 1)
        if operator is not None and text_of(operator) != "=":
            value = unknown(names.get(text_of(left), UNKNOWN), value)
        names[text_of(left)] = value
        return value

    def _interpolated(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        parts: list[Value] = []
        for child in node.named_children:
            if child.type == "string_content":
                parts.append(
                    UNKNOWN if "{{" in text_of(child) or NAMED_VALUE_IN_CODE in text_of(child) else known(text_of(child))
                )
            elif child.type == "interpolation":
                inner = [part for part in child.named_children if part.type != "interpolation_brace"]
                parts.append(self.value(inner[0], names, depth + 1) if len(inner) == 1 else UNKNOWN)
        return joined([known(""), *parts])

    def _created(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        items = next((child for child in node.named_children if child.type == "initializer_expression"), None)
        if items is None or any(
            child.type in ("assignment_expression", "initializer_expression") for child in items.named_children
        ):
            given = next((child for child in node.named_children if child.type == "argument_list"), None)
            return unknown(*(self.value(child, names, depth + 1) for child in (given.named_children if given else ())))
        return known(tuple(self.value(child, names, depth + 1) for child in items.named_children))

    def _lambda(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        """Not called, but looked through: whether it rests on what is tried out."""
        body, parameters = node.child_by_field_name("body"), node.child_by_field_name("parameters")
        if body is None or parameters is None or body.type == "block":
            raise _Lost
        words = (
            [text_of(parameters)] if parameters.type != "parameter_list" else [text_of(p) for p in parameters.named_children]
        )
        try:
            return unknown(self.value(body, {**names, **{word.split()[-1]: UNKNOWN for word in words}}, depth + 1))
        except Thrown:
            return Value(False, None, on_trial=True)

    def _chain(self, node: Node, names: dict[str, Value], depth: int) -> Value:
        base, links = taken_apart(node)
        if base is None:
            raise _Lost
        if is_operation(base) and links and links[0].conditional:
            self.tails[last_operand(base).id] = links
            return self.value(base, names, depth + 1)
        if base.type == "identifier" and text_of(base) == "context" and "context" not in names:
            value, links = self._context(links, names, depth)
        else:
            value = self.value(base, names, depth + 1)
        return self._linked(value, links, names, depth)

    def _linked(self, value: Value, links: Sequence[Link], names: dict[str, Value], depth: int) -> Value:
        for link in links:
            if link.conditional and value.is_known and value.data is None:
                return value
            if link.name == "TryGetValue" and link.arguments is not None:
                value = self._try_get(value, link.arguments, names, depth)
                continue
            given = None if link.arguments is None else self._given(link, names, depth)
            value = member(value, link.name, given, link.type_name)
        return value

    def _given(self, link: Link, names: dict[str, Value], depth: int) -> list[Value]:
        return [self.value(part, names, depth + 1) for part in link.arguments or ()]

    def _try_get(self, of: Value, arguments: Sequence[Node], names: dict[str, Value], depth: int) -> Value:
        """``TryGetValue(key, out var name)`` of an object or a dictionary."""
        if len(arguments) != len(("key", "out")):
            raise _Lost
        found = member(of, "GetValue", [self.value(arguments[0], names, depth + 1)])
        names[text_of(arguments[1]).split()[-1]] = found
        return known(found.data is not None, found) if found.is_known else Value(False, None, found.on_trial)

    def _context(self, links: list[Link], names: dict[str, Value], depth: int) -> tuple[Value, list[Link]]:
        """The part of ``context`` that is named, and the links after it."""
        path = [link.name for link in links]
        if path[:1] == ["Variables"] and len(links) > 1:
            return self.around.variable(links[1].name, self._given(links[1], names, depth)), links[2:]
        if path[:2] == ["Request", "Headers"] and len(links) > 2:
            rest = links[3:]
            while rest and (rest[0].name in _ANY_OF or rest[0].name == "[]"):
                rest = rest[1:]
            given = self._given(links[2], names, depth)
            return UNKNOWN if links[2].name == "ContainsKey" else self.around.header(given), rest
        if path[:2] == ["Request", "Body"]:
            return self.around.body, links[2:]
        return UNKNOWN, links

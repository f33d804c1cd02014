"""Symbolic evaluation of C# expressions: operators, members, calls, object creation. Statements: ``evaluation.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mcpguard.policy.csharp_syntax import flatten, literal, text_of, unescaped
from mcpguard.policy.symbolic import calls, pieces
from mcpguard.policy.symbolic.symbols import (
    HOLE,
    NO_FACTS,
    NULL,
    Alternative,
    Comparison,
    Facts,
    Origin,
    Part,
    Value,
    atom,
    boolean,
    both,
    branches,
    concat,
    constant,
    derived,
    either,
    equality,
    more_facts,
    negated,
    side,
    union,
    with_facts,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_DEPTH = 180
_MAX_NODES = 60_000
_CIPHERS = ("Aes", "Rijndael", "TripleDES", "DESCrypto")


class Sealing(msgspec.Struct, frozen=True):
    """A key or an initialization vector in use."""

    role: str
    """``key`` or ``IV``."""
    value: Value


class State(msgspec.Struct):
    """What is known at one point of the code."""

    names: dict[str, Value]
    facts: Facts
    live: bool = True

    def fork(self, more: Facts | None) -> State:
        """A copy for a branch in which more holds; dead when the branch cannot be."""
        return State(dict(self.names), more_facts(self.facts, more or NO_FACTS), self.live and more is not None)


class ValueEvaluator:
    """One walk over one expression: the part that gives values."""

    def __init__(self, variables: Mapping[str, Value], before: Facts) -> None:
        """``before`` is what holds where the expression stands."""
        self.variables = variables
        self._before = before
        self.returned: list[Value] = []
        self.sealings: list[Sealing] = []
        self._nodes = 0
        self._elements: frozenset[Origin] = frozenset()
        """The parameters whose elements the loops around the current statement go through."""

    def settled(self, value: Value, state: State) -> Value:
        """A value as it is kept: pieces of a form or of the cookie header get the name that a test has just found."""
        return pieces.settled(value, state.facts - self._before)

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise calls.TooMuch

    # -- expressions --------------------------------------------------------------------------------------------------

    def value(self, node: Node, state: State, depth: int) -> Value:
        """The possible values of an expression."""
        self._count(depth)
        match node.type:
            case "string_literal" | "verbatim_string_literal":
                return constant(literal(node) or "")
            case "character_literal":
                return constant(text_of(node)[1:-1])
            case "integer_literal" | "boolean_literal":
                return constant(text_of(node))
            case "null_literal":
                return NULL
            case "identifier":
                name = text_of(node)
                return state.names.get(name) or calls.named_value_of(name) or atom(Origin("unknown", name))
            case "interpolated_string_expression":
                return self._interpolated(node, state, depth)
            case "parenthesized_expression":
                return self.value(node.named_children[-1], state, depth + 1) if node.named_children else NULL
            case "cast_expression" | "as_expression":
                inner = node.child_by_field_name("value") or node.child_by_field_name("left") or node.named_children[-1]
                value = self.value(inner, state, depth + 1)
                return calls.shaped(value, "list") if calls.is_list(text_of(node)[:40]) else value
            case "prefix_unary_expression" if text_of(node).startswith("!"):
                return negated(self.value(node.named_children[-1], state, depth + 1))
            case "binary_expression":
                return self._binary(node, state, depth)
            case "conditional_expression":
                return self._conditional(node, state, depth)
            case "assignment_expression":
                return self._assignment(node, state, depth)
            case "object_creation_expression" | "implicit_object_creation_expression" | "anonymous_object_creation_expression":
                return self._creation(node, state, depth)
            case (
                "member_access_expression"
                | "invocation_expression"
                | "element_access_expression"
                | "conditional_access_expression"
            ):
                return self._chain(node, state, depth)
            case "initializer_expression" | "array_creation_expression" | "implicit_array_creation_expression" | "argument":
                inner_values = [
                    self.value(child, state, depth + 1) for child in node.named_children if "type" not in child.type
                ]
                return calls.shaped(union(inner_values), "list" if node.type != "argument" else "") or NULL
            case "is_pattern_expression" if text_of(node).rstrip().endswith(("is null", "is not null")):
                is_null = equality(self.value(node.named_children[0], state, depth + 1), NULL)
                return negated(is_null) if "is not" in text_of(node) else is_null
            case "is_pattern_expression" | "is_expression":
                value = self.value(node.named_children[0], state, depth + 1)
                for declared in (child.child_by_field_name("name") for child in node.named_children):
                    if declared is not None:
                        state.names[text_of(declared)] = value
                unclear = frozenset({Comparison("unclear", side(value))})
                return boolean(unclear, unclear)
            case _:
                return derived([self.value(child, state, depth + 1) for child in node.named_children])

    def _interpolated(self, node: Node, state: State, depth: int) -> Value:
        parts = []
        for child in node.named_children:
            if child.type == "interpolation":
                inner = [each for each in child.named_children if each.type not in ("interpolation_brace",)]
                parts.append(self.value(inner[0], state, depth + 1) if inner else NULL)
            elif child.type != "interpolation_start":
                parts.append(constant(unescaped(text_of(child))))
        return concat(parts)

    def _binary(self, node: Node, state: State, depth: int) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return derived(())
        sign = text_of(operator)
        one = self.value(left, state, depth + 1)
        if sign in ("&&", "||"):
            when_true, when_false = branches(one)
            beyond = state.fork(when_true if sign == "&&" else when_false)
            other = self.value(right, beyond, depth + 1)
            return both(one, other) if sign == "&&" else either(one, other)
        other = self.value(right, state, depth + 1)
        if sign in ("==", "!="):
            equal = equality(self.settled(one, state), self.settled(other, state))
            return equal if sign == "==" else negated(equal)
        if sign == "+":
            return concat((one, other))
        if sign == "??":
            return union([tuple(found for found in one if found.shape != "null"), other])
        if sign == "^":
            return _difference(one, other)
        if sign in ("<", ">", "<=", ">="):
            is_followed = all(each.part is not Part.UNCLEAR for found in (*one, *other) for each in found.origins)
            known = frozenset({Comparison("like" if is_followed else "unclear", side(one) | side(other))})
            return boolean(known, known)
        return derived((one, other))

    def _conditional(self, node: Node, state: State, depth: int) -> Value:
        fields = [node.child_by_field_name(field) for field in ("condition", "consequence", "alternative")]
        if any(field is None for field in fields):
            return derived(())
        condition, yes, no = fields
        when_true, when_false = branches(self.value(condition, state, depth + 1))  # type: ignore[arg-type]
        ways = []
        for branch, facts in ((yes, when_true), (no, when_false)):
            if facts is not None:
                ways.append(with_facts(self.value(branch, state.fork(facts), depth + 1), facts))  # type: ignore[arg-type]
        return union(ways)

    def _assignment(self, node: Node, state: State, depth: int) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return derived(())
        value = self.settled(self.value(right, state, depth + 1), state)
        name = text_of(left)
        if left.type == "identifier":
            sign = next((text_of(child) for child in node.children if not child.is_named), "=")
            before = state.names.get(name, ())
            if sign == "+=":
                value = concat((before, value))
            elif sign == "|=" and not all(found.shape == "difference" for found in value):
                value = derived((before, value))
            state.names[name] = with_facts(value, state.facts) if not value or value[0].shape != "difference" else value
            return value
        chain = flatten(left)
        member, arguments = chain.steps[-1] if chain.steps else ("", None)
        if chain.root in state.names and len(chain.steps) == 1:
            owner = state.names[chain.root]
            if member == "[]" and arguments is not None:
                key = calls.index_of(arguments)
                state.names[chain.root] = calls.with_member(owner, key or "", value)
            elif member in ("Key", "IV") and all(found.shape == "cipher" for found in owner):
                self.sealings.append(Sealing("key" if member == "Key" else "IV", value))
        return value

    def _creation(self, node: Node, state: State, depth: int) -> Value:
        if node.type == "anonymous_object_creation_expression":
            return calls.built(self._anonymous(node, state, depth))
        type_node = node.child_by_field_name("type")
        type_name = text_of(type_node).rpartition(".")[2] if type_node is not None else ""
        arguments = node.child_by_field_name("arguments")
        given = [self.value(child, state, depth + 1) for child in arguments.named_children] if arguments is not None else []
        initializer = node.child_by_field_name("initializer")
        members: list[tuple[str, Value]] = []
        for child in initializer.named_children if initializer is not None else ():
            left, right = child.child_by_field_name("left"), child.child_by_field_name("right")
            if left is None or right is None:
                pair = [self.value(part, state, depth + 1) for part in child.named_children]
                key = pair[0][0].text if len(pair) == len(("k", "v")) and pair[0] else None
                members.append((key or "", pair[-1] if pair else self.value(child, state, depth + 1)))
                continue
            value = self.value(right, state, depth + 1)
            name = text_of(left) if left.type == "identifier" else calls.index_of(left) or ""
            members.append((name, value))
            if type_name.startswith(_CIPHERS) and name in ("Key", "IV"):
                self.sealings.append(Sealing("key" if name == "Key" else "IV", value))
        if type_name.startswith("HMAC") and given:
            self.sealings.append(Sealing("key", given[0]))
        return calls.created(type_name, given, members)

    def _anonymous(self, node: Node, state: State, depth: int) -> list[tuple[str, Value]]:
        members: list[tuple[str, Value]] = []
        name = ""
        for child in node.children:
            sign = text_of(child) if not child.is_named else ""
            if sign == "=":
                name, _ = members.pop()
            elif child.is_named:
                if name:
                    members.append((name, self.value(child, state, depth + 1)))
                    name = ""
                else:
                    own = text_of(child) if child.type == "identifier" else ""
                    known = state.names.get(own)
                    members.append((own, known or atom(Origin("unknown", own))))
        return members

    # -- chains of members and calls ------------------------------------------------------------------------------------

    def _chain(self, node: Node, state: State, depth: int) -> Value:
        chain = flatten(node)
        steps = chain.steps
        if chain.base is not None and chain.base.type != "predefined_type":
            value = self.value(chain.base, state, depth + 1)
        elif chain.root == "context":
            value, steps = self._context(steps, state, depth)
        elif chain.root in state.names:
            value = state.names[chain.root]
        else:
            return self._static(chain.root, steps, state, depth)
        if len(steps) == 1 and chain.root in state.names and (arguments := steps[0][1]) is not None and steps[0][0] != "[]":
            after = calls.mutated(value, steps[0][0], self._given(arguments, state, depth))
            if after is not None:
                state.names[chain.root] = after
                return after
        return self._steps(value, steps, state, depth)

    def _static(self, root: str, steps: list[tuple[str, Node | None]], state: State, depth: int) -> Value:
        """``Convert.FromBase64String(x)``, ``System.Net.WebUtility.UrlDecode(x)``: the first call ends the name of a type."""
        for number, (name, arguments) in enumerate(steps):
            if arguments is not None:
                owner = steps[number - 1][0] if number else root
                given = self._given(arguments, state, depth)
                return self._steps(calls.static(owner, name, given), steps[number + 1 :], state, depth)
        return calls.static_member([root, *(name for name, _ in steps)])

    def _given(self, arguments: Node, state: State, depth: int) -> list[Value]:
        found = [child for child in arguments.named_children if child.type == "argument" and child.named_children]
        given = [self.value(each.named_children[-1], state, depth + 1) for each in found if not _is_out(each)]
        for each in found:
            if _is_out(each):  # `Uri.TryCreate(text, kind, out var uri)`: what comes out is made of what went in
                target = each.named_children[-1].child_by_field_name("name") or each.named_children[-1]
                state.names[text_of(target)] = given[0] if given else atom(Origin("unknown", text_of(target)))
        return given

    def _steps(self, value: Value, steps: list[tuple[str, Node | None]], state: State, depth: int) -> Value:
        for name, arguments in steps:
            if name == "[]" and arguments is not None:
                key = calls.index_of(arguments)
                value = self.settled(calls.indexed(value, key, self._given(arguments, state, depth)), state)
            elif arguments is None:
                value = calls.member(value, name)
            else:
                value = self._called(value, name, arguments, state, depth)
        return value

    def _called(self, value: Value, name: str, arguments: Node, state: State, depth: int) -> Value:
        lambdas = [
            child.named_children[-1]
            for child in arguments.named_children
            if child.type == "argument" and child.named_children and child.named_children[-1].type == "lambda_expression"
        ]
        if lambdas:
            return calls.filtered(value, name, self._lambda(lambdas[0], value, state, depth))
        given = self._given(arguments, state, depth)
        if name in ("Encrypt", "Decrypt", "CreateEncryptor", "CreateDecryptor"):
            key_and_iv = given[1:] if name in ("Encrypt", "Decrypt") else given
            self.sealings.extend(Sealing(role, found) for role, found in zip(("key", "IV"), key_and_iv, strict=False))
        return calls.called(value, name, given)

    def _lambda(self, node: Node, value: Value, state: State, depth: int) -> Value:
        body, names = node.child_by_field_name("body"), node.child_by_field_name("parameters")
        inside = state.fork(NO_FACTS)
        if names is not None:
            inside.names[text_of(names).strip("() ").rpartition(" ")[2]] = pieces.element(value)
        if body is None or body.type == "block":
            return derived((value,))
        return self.value(body, inside, depth + 1)

    def _context(
        self, steps: list[tuple[str, Node | None]], state: State, depth: int
    ) -> tuple[Value, list[tuple[str, Node | None]]]:
        """What ``context.…`` names, and the steps after it."""
        names = [name for name, _ in steps]
        source, used = calls.context_source(names)
        if source is None:
            return atom(Origin("context", names[0] if names else "")), steps[1:]
        rest = steps[used:]
        if source.kind not in ("query", "header", "variable") or source.part is not Part.WHOLE or not rest:
            return atom(source), rest
        how, arguments = rest[0]
        given = self._given(arguments, state, depth) if arguments is not None else []
        key = given[0][0].text if given and len(given[0]) == 1 else None
        found = self._entry(source.kind, key)
        if how == "TryGetValue" and arguments is not None:
            state.names[text_of(arguments.named_children[-1]).rpartition(" ")[2]] = found
            return boolean(frozenset({Comparison("present", side(found))}), NO_FACTS), rest[1:]
        if how == "ContainsKey":
            return boolean(frozenset({Comparison("present", side(found))}), NO_FACTS), rest[1:]
        if how == "GetValueOrDefault" and len(given) > 1 and any(each.text for each in given[1]):
            found = union((found, given[1]))
        return found, rest[1:]

    def _entry(self, kind: str, key: str | None) -> Value:
        if kind == "variable":
            known = self.variables.get(key) if key is not None else None
            return known if known is not None else atom(Origin("unknown", f"variable {key or ''}".strip()))
        if key is None:
            return atom(Origin(kind, part=Part.UNCLEAR), "string")
        if kind == "header":
            return atom(Origin("cookie") if key.lower() == "cookie" else Origin(kind, key.lower()), "string")
        return atom(Origin(kind, key), "string")


def _is_out(argument: Node) -> bool:
    return text_of(argument).startswith("out ")


def _difference(left: Value, right: Value) -> Value:
    """``left ^ right``: zero where the two are equal. Element by element it is the whole that is compared."""
    sides = (pieces.whole(side(left)), pieces.whole(side(right)))
    origins = frozenset(origin for found in (*left, *right) for origin in found.origins)
    return (Alternative(HOLE, origins, origins, shape="difference", sides=sides),)

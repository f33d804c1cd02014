"""From the parser's tree to expressions. Done for an expression when its value is asked for, since most are not.

The grammar gives operators no precedence that could be relied on, and leaves white space out of templates; both are
worked out here (hashicorp/hcl, ``hclsyntax/spec.md``, "Operations").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from mcpguard.core.hcltext import parse
from mcpguard.sources.hcl import templates
from mcpguard.sources.hcl.ast import (
    Binary,
    Broken,
    Call,
    Chain,
    Conditional,
    For,
    Index,
    ListMaker,
    Literal,
    Member,
    Name,
    Node,
    ObjectMaker,
    Source,
    Splat,
    Step,
    Template,
    Text,
    Unary,
)

if TYPE_CHECKING:
    from tree_sitter import Node as Tree

_PRECEDENCE = {
    **dict.fromkeys(("*", "/", "%"), 6),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys((">", ">=", "<", "<="), 4),
    **dict.fromkeys(("==", "!="), 3),
    "&&": 2,
    "||": 1,
}
_OPERATIONS = frozenset({"operation", "binary_operation", "unary_operation"})
_STEPS = frozenset({"get_attr", "index", "splat"})
_MAX_NESTING = 60
_MAX_OPERANDS = 2000
_WRAPPED = b"_=(", b"\n)\n"


class TooDeep(Exception):
    """An expression in more brackets than are read."""


def expression(source: Source, tree: Tree, shift: int = 0) -> Node:
    """The expression of a node of the parser's tree, whose offsets are those in the source less ``shift``."""
    return _Reader(source, shift, 0).checked(tree)


def template(source: Source) -> Template:
    """A whole file as a template."""
    reader = _Reader(source, 0, 0)
    return Template(source, 0, len(source.data), templates.cut(source, 0, len(source.data), reader.slice, quoted=False))


class _Reader:
    """Reads expressions whose offsets in the source are those in the tree plus ``shift``."""

    def __init__(self, source: Source, shift: int, depth: int) -> None:
        self.source, self.shift, self.depth = source, shift, depth

    def checked(self, tree: Tree) -> Node:
        """An expression; what is nested too deeply is broken."""
        try:
            return self.read(tree)
        except (TooDeep, RecursionError):
            return self.broken(tree, "nested too deeply")

    def slice(self, start: int, end: int) -> Node:
        """The expression between two offsets of the source."""
        head, tail = _WRAPPED
        root = parse(head + self.source.data[start:end] + tail).root_node
        reader = _Reader(self.source, start - len(head), self.depth + 1)
        body = root.named_children[0] if root.named_children else None
        attribute = body.named_children[0] if body is not None and body.named_children else None
        if root.has_error or attribute is None or attribute.type != "attribute":
            return Broken(self.source, start, end, "not an expression")
        return reader.checked(attribute.named_children[-1])

    def broken(self, tree: Tree, reason: str) -> Node:
        return Broken(self.source, *self.place(tree), reason)

    def place(self, tree: Tree) -> tuple[int, int]:
        return tree.start_byte + self.shift, tree.end_byte + self.shift

    def word(self, tree: Tree) -> str:
        return (tree.text or b"").decode("utf-8", "replace")

    # -- operators -----------------------------------------------------------------------------------------------------

    def read(self, tree: Tree) -> Node:
        """An expression, with its operators."""
        self.depth += 1
        if self.depth > _MAX_NESTING:
            raise TooDeep
        try:
            tokens = self.tokens(tree)
            return _Climber(self.source, tokens).expression(0)
        finally:
            self.depth -= 1

    def tokens(self, tree: Tree) -> list[str | Node]:
        """Operands and operators in their order; brackets are within operands."""
        out: list[str | Node] = []
        todo: list[Tree] = [tree]
        while todo:
            node = todo.pop()
            kind = node.type
            if len(out) > _MAX_OPERANDS:
                raise TooDeep
            if node is tree or kind in _OPERATIONS:
                todo.extend(reversed(node.children))
            elif kind in _PRECEDENCE or kind == "!":
                out.append(kind)
            elif kind in _STEPS:
                if not out or isinstance(out[-1], str):
                    out.append(self.broken(node, "a step into nothing"))
                else:
                    out[-1] = self.stepped(out[-1], node)
            elif kind not in ("(", ")", "comment"):
                out.append(self.primary(node))
        return out

    def stepped(self, base: Node, tree: Tree) -> Node:
        step = self.step(tree)
        end = tree.end_byte + self.shift
        if isinstance(base, Chain):
            last = base.steps[-1]
            if isinstance(last, Splat):  # what follows [*] is taken in every item
                grown = Splat((*last.steps, step))
                return Chain(self.source, base.start, end, base.base, (*base.steps[:-1], grown))
            return Chain(self.source, base.start, end, base.base, (*base.steps, step))
        return Chain(self.source, base.start, end, base, (step,))

    def step(self, tree: Tree) -> Step:
        inner = tree.named_children
        if tree.type == "get_attr":
            return Member(self.word(inner[0])) if inner else Member("")
        if tree.type == "splat":
            return Splat(tuple(self.step(child) for child in inner[0].named_children if child.type in _STEPS))
        inside = inner[0] if inner else tree
        if inside.type == "new_index" and inside.named_children:
            return Index(self.read(inside.named_children[0]))
        digits = self.word(inside).lstrip(".")  # ``list.0``
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
        return Index(Literal(self.source, *self.place(inside), value))

    # -- operands ------------------------------------------------------------------------------------------------------

    def primary(self, tree: Tree) -> Node:
        """An operand."""
        if tree.is_missing or tree.type == "ERROR":
            return self.broken(tree, "a syntax error")
        inner = tree.named_children
        match tree.type:
            case "expression":
                return self.read(tree)
            case "variable_expr":
                return Name(self.source, *self.place(tree), self.word(tree))
            case "literal_value" | "collection_value" | "template_expr" | "for_expr" if len(inner) == 1:
                return self.primary(inner[0])
            case "numeric_lit":
                number = _number(self.word(tree))
                if number is None:
                    return self.broken(tree, "a number that is too large")
                return Literal(self.source, *self.place(tree), number)
            case "bool_lit":
                return Literal(self.source, *self.place(tree), self.word(tree) == "true")
            case "null_lit":
                return Literal(self.source, *self.place(tree), None)
            case "string_lit" | "quoted_template":
                return self.quoted(tree)
            case "heredoc_template":
                return self.heredoc(tree)
            case "tuple":
                return ListMaker(self.source, *self.place(tree), tuple(self.read(item) for item in _expressions(inner)))
            case "object":
                return self.object(tree)
            case "function_call":
                return self.call(tree)
            case "conditional":
                return self.conditional(tree)
            case "for_tuple_expr" | "for_object_expr":
                return self.loop(tree)
            case _:
                return self.broken(tree, "a syntax error")

    def conditional(self, tree: Tree) -> Node:
        """``a ? b : c ? d : e``, which the grammar takes for ``(a ? b : c) ? d : e``."""
        arms: list[list[Tree]] = []
        first: Tree | None = tree
        while first is not None:
            parts = _expressions(first.named_children)
            if len(parts) != 3 or len(arms) > _MAX_NESTING:
                return self.broken(tree, "a syntax error")
            arms.append(parts)
            inner = parts[0].children
            first = inner[0] if len(inner) == 1 and inner[0].type == "conditional" else None
        end = self.place(tree)[1]
        found = self.read(arms[0][2])
        for index, parts in enumerate(arms):
            test = self.read(parts[0] if index + 1 == len(arms) else arms[index + 1][2])
            found = Conditional(self.source, test.start, end, test, self.read(parts[1]), found)
        return found

    def quoted(self, tree: Tree) -> Node:
        start, end = self.place(tree)
        data = self.source.data
        if end - start < 2 or data[end - 1 : end] != b'"':
            return self.broken(tree, "a text that does not end")
        return Template(self.source, start, end, templates.cut(self.source, start + 1, end - 1, self.slice_within, quoted=True))

    def slice_within(self, start: int, end: int) -> Node:
        """The expression of an interpolation within a text of this tree."""
        if self.depth > _MAX_NESTING:
            raise TooDeep
        return self.slice(start, end)

    def heredoc(self, tree: Tree) -> Node:
        start, end = self.place(tree)
        data = self.source.data
        first = data.find(b"\n", start, end) + 1
        last = data.rfind(b"\n", start, end) + 1  # the closing name stands on a line of its own
        if not 0 < first <= last:
            return self.broken(tree, "a text that does not end")
        flush = data[start : start + 3] == b"<<-"
        parts = templates.cut(self.source, first, last, self.slice_within, quoted=False, flush=flush)
        return Template(self.source, start, end, parts)

    def object(self, tree: Tree) -> Node:
        items: list[tuple[Node, Node]] = []
        for element in tree.named_children:
            if element.type == "comment" or element.type in ("object_start", "object_end"):
                continue
            key, value = element.child_by_field_name("key"), element.child_by_field_name("val")
            if element.type != "object_elem" or key is None or value is None:
                return self.broken(element, "a syntax error")
            name = self.read(key)
            if isinstance(name, Name) and not (key.children and key.children[0].type == "("):
                name = Text(self.source, name.start, name.end, name.name)
            items.append((name, self.read(value)))
        return ObjectMaker(self.source, *self.place(tree), tuple(items))

    def call(self, tree: Tree) -> Node:
        name, *rest = tree.named_children
        arguments: list[Node] = []
        expands = False
        for holder in rest:
            if holder.type == "function_arguments":
                arguments = [self.read(item) for item in _expressions(holder.named_children)]
                expands = any(child.type == "ellipsis" for child in holder.children)
        return Call(self.source, *self.place(tree), self.word(name), tuple(arguments), expands)

    def loop(self, tree: Tree) -> Node:
        intro = next((child for child in tree.named_children if child.type == "for_intro"), None)
        condition = next((child for child in tree.named_children if child.type == "for_cond"), None)
        results = [self.read(child) for child in _expressions(tree.named_children)]
        names = [self.word(child) for child in intro.named_children if child.type == "identifier"] if intro else []
        collections = _expressions(intro.named_children) if intro else []
        is_object = tree.type == "for_object_expr"
        tests = _expressions(condition.named_children) if condition else []
        if not names or len(collections) != 1 or len(results) != 1 + is_object or (condition is not None and len(tests) != 1):
            return self.broken(tree, "a syntax error")
        return For(
            self.source,
            *self.place(tree),
            names[0] if len(names) > 1 else "",
            names[-1],
            self.read(collections[0]),
            results[-1],
            self.read(tests[0]) if tests else None,
            results[0] if is_object else None,
            any(child.type == "ellipsis" for child in tree.children),
        )


def _expressions(children: Iterable[Tree]) -> list[Tree]:
    return [child for child in children if child.type == "expression"]


def _number(text: str) -> int | float | None:
    try:
        if len(text) > 40:
            return None
        value = float(text) if any(sign in text for sign in ".eE") else int(text)
    except ValueError:
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


class _Climber:
    """Puts operands and operators together by precedence."""

    def __init__(self, source: Source, tokens: Sequence[str | Node]) -> None:
        self.source, self.tokens, self.position = source, tokens, 0

    def expression(self, least: int) -> Node:
        left = self.operand()
        while self.position < len(self.tokens):
            operator = self.tokens[self.position]
            if not isinstance(operator, str):
                return Broken(self.source, left.start, operator.end, "two values without an operator between")
            rank = _PRECEDENCE.get(operator, 0)
            if rank <= least:
                return left
            self.position += 1
            right = self.expression(rank)
            left = Binary(self.source, left.start, right.end, operator, left, right)
        return left

    def operand(self) -> Node:
        signs: list[str] = []
        while self.position < len(self.tokens) and self.tokens[self.position] in ("!", "-"):
            signs.append(str(self.tokens[self.position]))
            self.position += 1
        token = self.tokens[self.position] if self.position < len(self.tokens) else None
        if not isinstance(token, Node):
            return Broken(self.source, 0, 0, "an operator without a value")
        self.position += 1
        found: Node = token
        for sign in reversed(signs):
            found = Unary(self.source, found.start, found.end, sign, found)
        return found

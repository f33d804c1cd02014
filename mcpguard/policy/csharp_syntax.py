"""The syntax of policy expressions: C# parsed by tree-sitter, and chains of member accesses taken apart."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


def parse(code: str, block: bool) -> Node:
    """The tree of ``@(code)`` or, with ``block``, of ``@{code}``; broken code gives a tree with errors."""
    text = code if block else f"return ({code}\n);"
    return _parser().parse(text.encode("utf-8", "replace")).root_node


_OPERATIONS = frozenset({"binary_expression", "prefix_unary_expression", "cast_expression"})


class Chain(msgspec.Struct):
    """``context.Request.Headers.GetValueOrDefault("x")`` taken apart: where it starts, and its steps."""

    root: str
    steps: list[tuple[str, Node | None]]
    """Member names with their arguments; the name of an index is ``[]``."""
    base: Node | None
    """The expression it starts from when that is not a plain name."""


def flatten(node: Node) -> Chain:
    """Take a chain of member accesses, calls, indexes and ``?.`` apart, without recursion over its length."""
    steps: list[tuple[str, Node | None]] = []
    pending: list[Node] = []
    current: Node | None = node
    arguments: Node | None = None
    while current is not None:
        match current.type:
            case "invocation_expression":
                arguments = current.child_by_field_name("arguments")
                current = current.child_by_field_name("function")
            case "member_access_expression":
                name = current.child_by_field_name("name")
                steps.append((member_name(name), arguments))
                arguments = None
                current = current.child_by_field_name("expression")
            case "element_access_expression":
                steps.append(("[]", current.child_by_field_name("subscript")))
                arguments = None
                current = current.child_by_field_name("expression")
            case "conditional_access_expression":
                # What follows ``?`` comes last in the text, so it is unwound first; then on with the condition.
                children = current.named_children
                pending.append(children[0])
                current = children[-1]
            case "member_binding_expression":
                steps.append(
                    (
                        member_name(current.child_by_field_name("name") or current.named_children[0]),
                        arguments,
                    )
                )
                arguments = None
                current = pending.pop() if pending else None
            case "element_binding_expression":
                steps.append(("[]", current))
                arguments = None
                current = pending.pop() if pending else None
            case "parenthesized_expression" | "cast_expression" if current.named_children and not arguments:
                current = current.child_by_field_name("value") or current.named_children[-1]
            case "identifier" | "generic_name":
                if arguments is not None:
                    steps.append((member_name(current), arguments))
                    return Chain("", steps[::-1], None)
                return Chain(text_of(current), steps[::-1], None)
            case _:
                if not steps and current.id == node.id:
                    return Chain("", [], None)
                return Chain("", steps[::-1], current)
    return Chain("", steps[::-1], None)


def is_operation(node: Node) -> bool:
    """Whether a node is an operation without brackets around it."""
    return node.type in _OPERATIONS


def last_operand(node: Node) -> Node:
    """What ``?.`` after an operation belongs to: the grammar binds it looser than C# does."""
    while node.type in _OPERATIONS:
        node = node.child_by_field_name("right") or node.child_by_field_name("value") or node.named_children[-1]
    return node


class Link(msgspec.Struct):
    """One member, call or index in a chain."""

    name: str
    arguments: list[Node] | None
    type_name: str = ""
    conditional: bool = False


def taken_apart(node: Node) -> tuple[Node | None, list[Link]]:
    """Where a chain begins, and its links in order; iteration, because chains may be long."""
    links: list[Link] = []
    pending: list[Node] = []
    arguments: list[Node] | None = None
    current: Node | None = node
    while current is not None:
        match current.type:
            case "invocation_expression":
                if arguments is not None:
                    return None, []
                arguments = _arguments(current.child_by_field_name("arguments"))
                current = current.child_by_field_name("function")
            case "member_access_expression" | "member_binding_expression":
                name = current.child_by_field_name("name")
                links.append(Link(member_name(name), arguments, _type_argument(name), current.type.startswith("member_b")))
                arguments = None
                inner = current.child_by_field_name("expression")
                current = inner if current.type == "member_access_expression" else pending.pop() if pending else None
            case "element_access_expression" | "element_binding_expression":
                binding = current.type == "element_binding_expression"
                if arguments is not None:
                    return None, []
                subscript = current if binding else current.child_by_field_name("subscript")
                links.append(Link("[]", _arguments(subscript), "", binding))
                current = (pending.pop() if pending else None) if binding else current.child_by_field_name("expression")
            case "conditional_access_expression":
                pending.append(current.named_children[0])
                current = current.named_children[-1]
            case _ if arguments is not None:
                return None, []
            case _:
                return current, links[::-1]
    return None, []


def _arguments(node: Node | None) -> list[Node]:
    return [child for child in node.named_children if child.type == "argument"] if node is not None else []


def _type_argument(name: Node | None) -> str:
    if name is None or name.type != "generic_name":
        return ""
    return text_of(name.named_children[-1]).strip("<>").strip()


def index_name(arguments: Node) -> str:
    """The literal name in ``["name"]``; empty when it is computed or a number."""
    values = [child for child in arguments.named_children if child.type == "argument"]
    return (literal(values[0]) or "") if len(values) == 1 else ""


def member_name(node: Node | None) -> str:
    """A member's name without type arguments."""
    if node is None:
        return ""
    if node.type == "generic_name" and node.named_children:
        return text_of(node.named_children[0])
    return text_of(node)


def literal(node: Node) -> str | None:
    """The value of an argument that is a string literal, decoded; None when it is computed."""
    inner = node.named_children[-1] if node.type == "argument" and node.named_children else node
    text = text_of(inner)
    if inner.type == "string_literal":
        return unescaped(text[1:-1])
    if inner.type == "verbatim_string_literal":
        return text[2:-1].replace('""', '"')
    return None


def unescaped(text: str) -> str:
    """The content of a string literal without its backslashes."""
    return re.sub(r"\\(.)", r"\1", text)


def text_of(node: Node) -> str:
    """The source text of a node."""
    return (node.text or b"").decode("utf-8", "replace")


@cache
def _parser() -> Parser:
    import tree_sitter  # only when an expression has to be looked at

    return tree_sitter.Parser(tree_sitter.Language(_grammar()))


def _grammar() -> object:
    """The C# grammar, from the extension module itself: its package pulls in a good part of the standard library."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec("tree_sitter_c_sharp")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("tree_sitter_c_sharp._binding", list(places)) if places else None
    if spec is None or spec.loader is None:
        import tree_sitter_c_sharp

        return tree_sitter_c_sharp.language()
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.language()

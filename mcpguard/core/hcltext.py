"""HCL, the language of Terraform and OpenTofu: its parser, and the way from a place in the text to a value below it.

The grammar tolerates errors, so a broken file still has a tree. The parser is loaded when a file of this language is met.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

_HOLDERS = frozenset({"attribute", "block", "object_elem", "expression"})
_DEEPEST = 200


def parse(data: bytes) -> Tree:
    """The tree of a text in UTF-8; its offsets are bytes."""
    return _parser().parse(data)


@cache
def _parser() -> Parser:
    import tree_sitter_hcl
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_hcl.language()))


def key_of(node: Node) -> str | None:
    """The key of an ``object_elem`` when it is a name or a plain text; None when it is computed."""
    key = node.child_by_field_name("key")
    inner = key.named_children if key is not None else []
    if len(inner) != 1 or inner[0].text is None or inner[0].type not in ("variable_expr", "literal_value"):
        return None
    text = inner[0].text.decode("utf-8", "replace")
    return text.strip('"')


def extent(data: bytes, start: int, steps: tuple[str | int, ...]) -> tuple[int, int, bool]:
    """Byte offsets of what begins at ``start``, or of the member that ``steps`` lead to from there, and whether all were found.

    A member that is not written out as one, because a variable or a function gives it, is where its holder is. Of what takes
    several lines, the first one is meant.
    """
    node = _node_at(parse(data).root_node, start)
    if node is None:
        return start, _line_end(data, start), not steps
    found = True
    for step in steps:
        child = _member(node, step)
        if child is None:
            found = False
            break
        node = child
    end = node.end_byte
    newline = data.find(b"\n", node.start_byte, end)
    return node.start_byte, end if newline < 0 else _line_end(data, node.start_byte), found


def _line_end(data: bytes, start: int) -> int:
    newline = data.find(b"\n", start)
    end = len(data) if newline < 0 else newline
    return start + len(data[start:end].rstrip())


def _node_at(root: Node, start: int) -> Node | None:
    """The largest attribute, block, member or expression that begins at an offset."""
    node = root.named_descendant_for_byte_range(start, start + 1)
    best = None
    while node is not None and node.start_byte == start:
        if node.type in _HOLDERS:
            best = node
        node = node.parent
    return best


def _member(node: Node, step: str | int) -> Node | None:
    collection = _collection(node)
    if collection is None:
        return None
    if isinstance(step, str):
        elements = [child for child in collection.named_children if child.type == "object_elem"]
        return next((child for child in elements if key_of(child) == step), None)
    items = [child for child in collection.named_children if child.type == "expression"]
    return items[step] if collection.type == "tuple" and 0 <= step < len(items) else None


def _collection(node: Node) -> Node | None:
    """The object or tuple that a node holds; the argument of ``jsonencode`` stands for the text that it makes."""
    for _ in range(_DEEPEST):
        if node.type in ("object", "tuple"):
            return node
        if node.type == "object_elem":
            value = node.child_by_field_name("val")
            if value is None:
                return None
            node = value
            continue
        inner = node.named_children
        if node.type == "attribute":
            inner = inner[1:]
        elif node.type == "function_call":
            if inner[0].text != b"jsonencode" or len(inner) < 2:
                return None
            inner = inner[1].named_children
        if len(inner) != 1:
            return None
        node = inner[0]
    return None

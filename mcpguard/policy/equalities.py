"""Equality tests in policy expressions: what is compared with what, wherever in the code it stands."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from mcpguard.policy.csharp_syntax import literal, member_name, parse, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_CODE = 200_000
_STATIC = frozenset({"string", "String", "object", "Object", "CryptographicOperations"})
_METHODS = frozenset({"Equals", "Compare", "CompareTo", "CompareOrdinal", "FixedTimeEquals", "SequenceEqual"})


class Equality(msgspec.Struct, frozen=True):
    """``subject == literal`` in one of its forms, with the literal on either side."""

    subject: str
    """The code that is compared."""
    literal: str
    """The string, decoded."""


@lru_cache(maxsize=1024)
def equalities(code: str, block: bool) -> tuple[Equality, ...]:
    """Every comparison of something with a string literal: ``==``, ``!=``, ``Equals`` and their like.

    None for code that does not parse; :func:`mcpguard.policy.csharp.analyse` says so.
    """
    if len(code) > _MAX_CODE:
        return ()
    root = parse(code, block)
    if root.has_error:
        return ()
    found: list[Equality] = []
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.named_children)
        sides = _sides(node)
        for one, other in (sides, sides[::-1]) if len(sides) == 2 else ():
            text = literal(one)
            if text is not None:
                found.append(Equality(text_of(other), text))
    return tuple(found)


def _sides(node: Node) -> list[Node]:
    """The two things that a node compares; nothing for other nodes."""
    if node.type == "binary_expression" and text_of(node.children[1]) in ("==", "!="):
        return [_bare(node.named_children[0]), _bare(node.named_children[-1])]
    function = node.child_by_field_name("function") if node.type == "invocation_expression" else None
    if function is None or function.type not in ("member_access_expression", "conditional_access_expression"):
        return []
    subject, called = function.named_children[0], function.named_children[-1]
    if member_name(called.named_children[0] if called.type == "member_binding_expression" else called) not in _METHODS:
        return []
    given = _arguments(node.child_by_field_name("arguments"))
    if subject.type in ("predefined_type", "identifier") and text_of(subject) in _STATIC:
        return given[:2]
    return [_bare(subject), *given[:1]]


def _arguments(node: Node | None) -> list[Node]:
    given = node.named_children if node is not None else []
    return [_bare(child.named_children[-1]) for child in given if child.type == "argument" and child.named_children]


def _bare(node: Node) -> Node:
    while node.type in ("parenthesized_expression", "cast_expression") and node.named_children:
        node = node.child_by_field_name("value") or node.named_children[-1]
    return node

"""Pieces: elements of lists, pairs of a form body, cookies of a header, and what a test on the way says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from mcpguard.policy.symbolic.symbols import Alternative, Comparison, Facts, Origin, Part, Value, at_most

_PARAMETER = re.compile(r"[A-Za-z_][\w.\-]*")


def element(value: Value) -> Value:
    """Any one element of a list, or any piece of what was split."""
    return tuple(
        msgspec.structs.replace(found, shape="pieces" if found.shape == "pieces" else "")
        if found.text is None
        else msgspec.structs.replace(found, shape="string")
        for found in value
    )


def asked_for(value: Value) -> frozenset[Origin]:
    """The parameters of the request that a list consists of; none when it has other parts as well."""
    origins = frozenset(origin for found in value for origin in found.origins)
    return origins if all(each.kind in ("form", "query") and each.name for each in origins) else frozenset()


def of_some(facts: Facts, elements: frozenset[Origin]) -> Facts:
    """Facts about some element of a list that the caller sent: what holds of the others is not clear."""
    if not elements:
        return facts

    def weaker(contents: frozenset[frozenset[Origin]]) -> frozenset[frozenset[Origin]]:
        return frozenset(
            frozenset(at_most(each, Part.UNCLEAR) if each in elements else each for each in content) for content in contents
        )

    return frozenset(Comparison(fact.kind, weaker(fact.left), weaker(fact.right)) for fact in facts)


def settled(value: Value, facts: Facts) -> Value:
    """A value in which a piece of the form or of the cookie header has the name that a test on the way has found.

    ``if (pair[0] == "code") return pair[1];`` yields the form's ``code``; after ``cookie.StartsWith("seen=")`` what is
    left is the cookie ``seen``.
    """
    if not any(origin.kind in ("form", "cookie") and not origin.name for found in value for origin in found.origins):
        return value
    form = _found_name(facts, "form", "equal")
    cookie = _found_name(facts, "cookie", "like") or _found_name(facts, "cookie", "equal")
    names = {"form": form, "cookie": cookie.partition("=")[0]}
    return tuple(_renamed(found, names) if found.text is None else found for found in value)


def _found_name(facts: Facts, kind: str, how: str) -> str:
    for fact in sorted((fact for fact in facts if fact.kind == how), key=repr):
        contents = (*fact.left, *fact.right)
        if any(origin.kind == kind and not origin.name for content in contents for origin in content):
            for content in contents:
                for origin in content:
                    if origin.kind == "literal" and _PARAMETER.match(origin.name):
                        return origin.name
    return ""


def _renamed(found: Alternative, names: dict[str, str]) -> Alternative:
    def rename(origin: Origin) -> Origin:
        if origin.name or not names.get(origin.kind):
            return origin
        return msgspec.structs.replace(origin, name=names[origin.kind], part=Part.WHOLE)

    origins = frozenset(rename(origin) for origin in found.origins)
    return msgspec.structs.replace(found, origins=origins, head=frozenset(rename(origin) for origin in found.head))


def whole(contents: Iterable[frozenset[Origin]]) -> frozenset[frozenset[Origin]]:
    """Contents of which every element is looked at."""
    return frozenset(
        frozenset(
            msgspec.structs.replace(origin, part=Part.WHOLE) if origin.part is Part.UNCLEAR else origin for origin in content
        )
        for content in contents
    )

"""Type constraints of variables: conversions between simple types, and the defaults of optional attributes.

Semantics: developer.hashicorp.com/terraform/language/expressions/type-constraints. What does not convert stays as it is: a
constraint that fails is the author's error, and nothing that a rule needs.
"""

from __future__ import annotations

from collections.abc import Callable

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.ast import Call, Name, Node, ObjectMaker, Text
from mcpguard.sources.hcl.functions_collections import set_of
from mcpguard.sources.hcl.values import Failure, Handle, to_bool, to_number, to_text

_MAX_DEPTH = 30
_SIMPLE: dict[str, Callable[[Json], Json]] = {"string": to_text, "number": to_number, "bool": to_bool}


def converted(type: Node, value: Json, depth: int = 0) -> Json:
    """A value as a type has it."""
    if value is None or isinstance(value, Unresolved | Handle) or depth > _MAX_DEPTH:
        return value
    match type:
        case Name(name=name):
            try:
                return _SIMPLE[name](value) if name in _SIMPLE and isinstance(value, str | int | float | bool) else value
            except Failure:
                return value
        case Call(name="optional", arguments=(inner, *_)):
            return converted(inner, value, depth + 1)
        case Call(name="list" | "set", arguments=(inner,)) if isinstance(value, list):
            items = [converted(inner, item, depth + 1) for item in value]
            return set_of(items) if type.name == "set" else items
        case Call(name="map", arguments=(inner,)) if isinstance(value, dict):
            return {key: converted(inner, item, depth + 1) for key, item in value.items()}
        case Call(name="object", arguments=(ObjectMaker(items=members), *_)) if isinstance(value, dict):
            types = {key.value: inner for key, inner in members if isinstance(key, Text)}
            # An object has the attributes of its type and no others.
            return {key: converted(types[key], value[key], depth + 1) for key in types if key in value}
    return value


def with_defaults(type: Node, value: Json, evaluate: Callable[[Node], Json], depth: int = 0) -> Json:
    """A value with the defaults of what its type calls optional."""
    if value is None or isinstance(value, Unresolved | Handle) or depth > _MAX_DEPTH:
        return value
    match type:
        case Call(name="optional", arguments=(inner, *_)):
            return with_defaults(inner, value, evaluate, depth + 1)
        case Call(name="list" | "set", arguments=(inner,)) if isinstance(value, list):
            return [with_defaults(inner, item, evaluate, depth + 1) for item in value]
        case Call(name="map", arguments=(inner,)) if isinstance(value, dict):
            return {key: with_defaults(inner, item, evaluate, depth + 1) for key, item in value.items()}
        case Call(name="object", arguments=(ObjectMaker(items=members), *_)) if isinstance(value, dict):
            out = dict(value)
            for key, inner in members:
                if not isinstance(key, Text):
                    continue
                given = out.get(key.value)
                if given is None and isinstance(inner, Call) and inner.name == "optional":
                    given = evaluate(inner.arguments[1]) if len(inner.arguments) > 1 else None
                    out[key.value] = given
                if given is not None:
                    out[key.value] = with_defaults(inner, given, evaluate, depth + 1)
            return out
    return value

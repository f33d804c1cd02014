"""Definitions of Azure Policy that do not refuse what they mean to refuse. Facts: facts/foundry.md 5.

An alias that does not belong to the type of a resource has no value there, so a condition that something equals it is false.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.foundry import SECRET_AUTH, PolicyGroup, PolicyTest

CONNECTION_TYPES = (
    "microsoft.cognitiveservices/accounts/connections",
    "microsoft.cognitiveservices/accounts/projects/connections",
    "microsoft.machinelearningservices/workspaces/connections",
)
_POSITIVE = frozenset({"equals", "in", "like", "match", "matchinsensitively", "contains", "containskey"})
_CHOOSING = frozenset({"equals", "in"})
_SECRETS = frozenset(word.lower() for word in SECRET_AUTH)


class ForeignAlias(msgspec.Struct, frozen=True):
    """A condition that can never hold, because its alias is another type's."""

    type: str
    alias: str
    at: Location


def foreign_aliases(tree: PolicyTest | PolicyGroup, types: frozenset[str] = frozenset()) -> Iterator[ForeignAlias]:
    """Conditions on aliases of a type that the same branch excludes; ``types`` are those that the branch allows, if it says so.

    Below ``not`` nothing is said: there a condition without a value holds.
    """
    match tree:
        case PolicyTest(field=field, operator=operator, at=at):
            home = _type_of(field)
            if home and types and home not in types and operator in _POSITIVE:
                yield ForeignAlias(min(types), field, at)
        case PolicyGroup(operator="not"):
            return
        case PolicyGroup(operator="allof", parts=parts):
            inner = types
            for part in parts:
                chosen = _types_chosen(part)
                inner = (inner & chosen if inner else chosen) if chosen else inner
            for part in parts:
                yield from foreign_aliases(part, inner)
        case PolicyGroup(parts=parts):
            for part in parts:
                yield from foreign_aliases(part, types)


def _type_of(field: str) -> str:
    """The type of connections to which an alias belongs; empty for other fields."""
    return next((type_ for type_ in CONNECTION_TYPES if field.startswith(type_ + "/")), "")


def _types_chosen(part: PolicyTest | PolicyGroup) -> frozenset[str]:
    """The types to which a condition limits its branch; empty when it sets no limit that can be told."""
    match part:
        case PolicyTest(field="type", operator=operator, values=Known(value=values)) if operator in _CHOOSING:
            return frozenset(values)
        case PolicyGroup(operator="anyof", parts=parts):
            found = [_types_chosen(inner) for inner in parts]
            return frozenset().union(*found) if found and all(found) else frozenset()
        case _:
            return frozenset()


def refused_auth_types(tree: PolicyTest | PolicyGroup) -> Iterator[PolicyTest]:
    """The conditions that pick connections by the way they sign in, where they name what is refused."""
    match tree:
        case PolicyTest(field=field, operator=operator):
            if _type_of(field) and field.endswith("/authtype") and operator in _CHOOSING:
                yield tree
        case PolicyGroup(operator="not"):
            return
        case PolicyGroup(parts=parts):
            for part in parts:
                yield from refused_auth_types(part)


def secrets_left_out(tests: list[PolicyTest]) -> frozenset[str] | Unknown | None:
    """Which secrets still pass when some are refused, lower case; None when the conditions do not speak of secrets."""
    named: set[str] = set()
    for test in tests:
        if isinstance(test.values, Unknown):
            return test.values
        named.update(test.values.value)
    return _SECRETS - named if named & _SECRETS else None

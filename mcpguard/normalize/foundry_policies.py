"""Definitions of Azure Policy that speak of Foundry's connections, with their conditions as a tree.

Shape: azure-docs ``governance/policy/concepts/definition-structure-policy-rule`` and ``-parameters``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource
from mcpguard.model.foundry_policies import CONNECTION_TYPES
from mcpguard.model.kinds.foundry import PolicyGroup, PolicyTest, ToolPolicy
from mcpguard.normalize.fields import READ_AGAIN, absent_member, base_of, lookup, not_usable, text

_GROUPS = ("allof", "anyof", "not")
_NOT_OPERATORS = frozenset({"field", "value", "count"})
_PARAMETER = LazyPattern(r"^\[parameters\('([^']+)'\)\]$")
_DEPTH = 40
"""Azure Policy itself takes far less."""
Steps = tuple[str | int, ...]


def tool_policies(raws: Iterable[RawResource]) -> Iterator[ToolPolicy]:
    """The definitions of which a condition names a type or an alias of connections."""
    for raw in raws:
        rule = lookup(raw.body, ("properties", "policyRule", "if"))
        tree = _condition(raw, ("properties", "policyRule", "if"), rule, 0)
        if isinstance(tree, Known) and not any(_concerns(test) for test in tests(tree.value)):
            continue
        yield ToolPolicy(
            **{**base_of(raw), "name": text(raw, "name") or base_of(raw)["name"]},  # type: ignore[arg-type]
            display_name=text(raw, "properties", "displayName"),
            effect=_effect(raw),
            rule=tree,
        )


def tests(tree: PolicyTest | PolicyGroup) -> Iterator[PolicyTest]:
    """Every condition of a rule."""
    match tree:
        case PolicyTest():
            yield tree
        case PolicyGroup(parts=parts):
            for part in parts:
                yield from tests(part)


def _concerns(test: PolicyTest) -> bool:
    if test.field.startswith(CONNECTION_TYPES):
        return True
    return test.field == "type" and isinstance(test.values, Known) and any(v in CONNECTION_TYPES for v in test.values.value)


def _condition(raw: RawResource, steps: Steps, value: Json, depth: int) -> Fact[PolicyTest | PolicyGroup]:
    if not isinstance(value, dict) or depth > _DEPTH:
        if value is None:
            return absent_member(raw, "policyRule.if", f"{READ_AGAIN}{raw.id}")
        return not_usable(raw, steps, value, "a condition")
    at = raw.origin.child(*steps)
    for name, inner in value.items():
        operator = str(name).lower()
        if operator in _GROUPS:
            parts: list[PolicyTest | PolicyGroup] = []
            items = inner if isinstance(inner, list) else [inner]
            for number, item in enumerate(items):
                route = (*steps, str(name), number) if isinstance(inner, list) else (*steps, str(name))
                part = _condition(raw, route, item, depth + 1)
                if isinstance(part, Unknown):
                    return part
                parts.append(part.value)
            return Known(PolicyGroup(operator, tuple(parts), at), at)
    field = value.get("field")
    for name, inner in value.items():
        if str(name).lower() not in _NOT_OPERATORS:
            test = PolicyTest(
                field.lower() if isinstance(field, str) else "",
                str(name).lower(),
                _values(raw, (*steps, str(name)), inner),
                at,
            )
            return Known(test, at)
    return not_usable(raw, steps, value, "a condition")


def _values(raw: RawResource, steps: Steps, value: Json) -> Fact[tuple[str, ...]]:
    value, known = _resolved(raw, value)
    at = raw.origin.child(*steps)
    if not known:
        missing = f"the value that an assignment gives to {value} of {raw.id}"
        return Unknown(missing, "add the assignments: az policy assignment list", at)
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | bool) for item in items):
        return not_usable(raw, steps, value, "a text or a list of texts")
    return Known(tuple(str(item).lower() for item in items), at)


def _resolved(raw: RawResource, value: Json) -> tuple[Json, bool]:
    """The value, a parameter's default in its place; the parameter's name and False when it has none."""
    match = _PARAMETER.match(value) if isinstance(value, str) else None
    if match is None:
        return value, True
    default = lookup(raw.body, ("properties", "parameters", match[1], "defaultValue"))
    return (default, True) if default is not None else (f"parameter {match[1]}", False)


def _effect(raw: RawResource) -> Fact[str]:
    steps = ("properties", "policyRule", "then", "effect")
    value, known = _resolved(raw, lookup(raw.body, steps))
    if isinstance(value, str) and known:
        return Known(value.lower(), raw.origin.child(*steps))
    return absent_member(raw, "the effect", "add the assignments: az policy assignment list")

"""Rate limits and quotas: which of them count on a way in, and who chooses the value that they count by.

Facts: ``rate-limit`` and ``quota`` count by subscription and do nothing without a key; the ``-by-key`` and token limits
count by an expression (facts/apim.md 2.5). ``limit-concurrency`` limits what runs at once, not how much.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.model.entry_paths import Key
from mcpguard.model.server_view import ServerCall
from mcpguard.policy.csharp import Source, analyse
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Statement
from mcpguard.policy.flow import Reach, reach, statements
from mcpguard.policy.guards import met, validates_token
from mcpguard.policy.tree import Value

_BY_SUBSCRIPTION = frozenset({"rate-limit", "quota"})
_BY_KEY = frozenset({"rate-limit-by-key", "quota-by-key", "llm-token-limit", "azure-openai-token-limit"})
_CALLER = frozenset({"request-header", "request-url", "request-body"})
_NEUTRAL = frozenset({"context", "request-method"})
_SET_BY_PROXIES = frozenset(
    [
        "x-forwarded-for",
        "x-azure-clientip",
        "x-azure-socketip",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-client-ip",
    ]
)


def is_limit(statement: Statement) -> bool:
    """Whether a statement limits how much a caller may do in a time."""
    return statement.name in _BY_SUBSCRIPTION or statement.name in _BY_KEY


def counts_by_subscription(statement: Statement) -> bool:
    """Whether a limit counts by subscription, and so not at all for calls without a key."""
    return statement.name in _BY_SUBSCRIPTION


def limits_met(call: ServerCall) -> Iterator[Statement | Unknown]:
    """The limits that stand in a call's way; for a loose policy, those in the file."""
    if call.path.api:
        yield from met(call.policy, is_limit)
    else:
        yield from (statement for statement in statements(call.policy.inbound) if is_limit(statement))
        yield from (node.unknown for node in call.policy.inbound if isinstance(node, Hole | Either))


def counts_by_callers_choice(call: ServerCall, statement: Statement) -> Fact[bool]:
    """Whether a limit's counter key holds nothing but what the caller may change at will, with or without a constant."""
    value = statement.element.attribute("counter-key")
    if value is None:
        return Known(False)
    at = statement.value_at(value)
    found: set[Source] = set()
    for source in _sources(call.policy, value, frozenset()):
        if isinstance(source, Unknown):
            return Unknown(source.missing, source.remedy, at)
        found.add(source)
    chosen = False
    for source in found:
        match _is_chosen(call, source):
            case Known(value=True):
                chosen = True
            case Known():
                if source.kind not in _NEUTRAL:
                    return Known(False)
            case Unknown(missing=missing, remedy=remedy):
                return Unknown(missing, remedy, at)
    return Known(True, at) if chosen else Known(False)


def _is_chosen(call: ServerCall, source: Source) -> Fact[bool]:
    if source.kind == "request-header" and source.name in _SET_BY_PROXIES:
        return Unknown(
            f"whether something in front of the gateway always overwrites the header {source.name}",
            "count by context.Request.IpAddress, or by a claim of the validated token",
        )
    if source.kind == "request-header" and source.name == "ocp-apim-subscription-key" and call.path.key is not Key.NONE:
        return Known(False)
    if source.kind == "claims" or (source.kind == "request-header" and source.name == "authorization"):
        match reach(call.policy, validates_token):
            case Known(value=Reach.NEVER) | None if source.name != _VALIDATED:
                return Known(True)
            case Unknown() as unknown if source.name != _VALIDATED:
                return unknown
            case _:
                return Known(False)
    return Known(source.kind in _CALLER)


_VALIDATED = "a validator's variable"


def _sources(policy: EffectivePolicy, value: Value, seen: frozenset[str]) -> Iterator[Source | Unknown]:
    """What a value carries, variables followed to where they are set."""
    if not value.expressions:
        match policy.resolve(value):
            case Known(value=text) if not text.lstrip().startswith(("@(", "@{")):
                return
            case Known(value=text):
                yield Unknown(f"what the expression in {value.text.strip()!r} yields", "write it in place of the named value")
            case Unknown() as unknown:
                yield unknown
    for expression in value.expressions:
        found = analyse(expression.code, expression.block)
        if not found.understood:
            shown = " ".join(expression.code.split())[:60]
            yield Unknown(f"what the counter key {shown!r} is made of", "simplify the expression")
        for source in found.carries:
            if source.kind != "variable":
                yield source
            elif source.name not in seen:
                yield from _assigned(policy, source.name, seen | {source.name})


def _assigned(policy: EffectivePolicy, name: str, seen: frozenset[str]) -> Iterator[Source | Unknown]:
    """What a variable holds."""
    is_set = False
    for statement in statements(policy.inbound):
        attributes = {attribute.name: attribute.value for attribute in statement.element.attributes}
        if statement.name == "set-variable" and "name" in attributes and attributes["name"].text.strip() == name:
            is_set = True
            if "value" in attributes:
                yield from _sources(policy, attributes["value"], seen)
        target = attributes.get("output-token-variable-name")
        if validates_token(statement) and target is not None and target.text.strip() == name:
            is_set = True
            yield Source("claims", _VALIDATED)
    if not is_set:
        yield Unknown(
            f"what the variable {name or 'with a computed name'} holds", "set it with set-variable in the same policy"
        )

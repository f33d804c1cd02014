"""What stands in a caller's way: token validation, client certificates, and checks that somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.policy.csharp import analyse
from mcpguard.policy.effective import EffectivePolicy, Either, Node, Statement
from mcpguard.policy.flow import Run, condition_constant, remembered, statements
from mcpguard.policy.tree import Text, Value
from mcpguard.policy.vocabulary import TOKEN_VALIDATORS

_REFUSALS = frozenset({"401", "403"})


def identifies_caller(statement: Statement) -> bool:
    """Whether a statement refuses callers without a valid token or without a certificate of a listed identity.

    ``validate-client-certificate`` without ``identities`` admits any certificate of a trusted authority, so it does not
    tell who calls (validate-client-certificate reference).
    """
    if statement.name in TOKEN_VALIDATORS:
        return True
    if statement.name == "validate-client-certificate":
        identities = statement.element.find("identities")
        return identities is not None and bool(identities.elements)
    return False


def refusals(nodes: Sequence[Node]) -> Iterator[Statement]:
    """Branches of ``choose`` that depend on the request and answer 401 or 403: checks written by hand."""
    for statement in statements(nodes):
        if statement.name != "choose":
            continue
        for branch in statement.children:
            if isinstance(branch, Statement) and condition_constant(branch) is None and _refuses(branch):
                yield branch


def compares_shared_key(branch: Statement) -> bool:
    """Whether a branch's condition compares a request header with a named value: a shared key, not a token."""
    condition = branch.element.attribute("condition")
    if condition is None or not condition.named_values or condition.expression is None:
        return False
    found = analyse(condition.expression.code, condition.expression.block)
    headers = {source.name for source in found.reads if source.kind == "request-header"}
    return bool(headers) and found.understood


def _refuses(branch: Statement) -> bool:
    return any(is_refusal(statement) for statement in statements(branch.children))


def is_refusal(statement: Statement) -> bool:
    """Whether a statement answers 401 or 403."""
    if statement.name != "return-response":
        return False
    status = statement.element.find("set-status")
    code = status.attribute("code") if status is not None else None
    return code is not None and code.text.strip() in _REFUSALS


def listed_in(validator: Statement, *groups: str) -> Iterator[tuple[str, Value]]:
    """What a token validator lists in some of its groups, such as ``audiences``, each with the group's name."""
    for group in groups:
        parent = validator.element.find(group)
        item = "audience" if group == "audiences" else "application-id"
        for child in parent.elements if parent is not None else ():
            if child.name == item:
                yield group, child.content


def validates_token(statement: Statement) -> bool:
    """Whether a statement validates a token; a client certificate is none."""
    return statement.name in TOKEN_VALIDATORS


@remembered
def met(policy: EffectivePolicy, wanted: Callable[[Statement], bool]) -> Sequence[Statement | Unknown]:
    """The inbound statements that ``wanted`` accepts on paths that forward the request.

    Unknown for what was not read, where such a statement may stand, and for one that may not be in effect. Nothing when
    the gateway forwards nothing.
    """
    unread: list[Unknown] = []

    def on_hole(unknown: Unknown, state: bool) -> bool:
        unread.append(unknown)
        return state

    if not Run(lambda _, state: state, on_hole).before_forward(policy, False).forwarded:
        return ()
    found: list[Statement | Unknown] = []
    for statement, doubt in _doubted(policy.inbound, None):
        if wanted(statement) and _is_forwarded_after(policy, statement):
            found.append(doubt or statement)
    return (*found, *dict.fromkeys(unread))


def _doubted(nodes: Sequence[Node], doubt: Unknown | None) -> Iterator[tuple[Statement, Unknown | None]]:
    for node in nodes:
        if isinstance(node, Statement):
            yield node, doubt
            yield from _doubted(node.children, doubt)
        elif isinstance(node, Either):
            for branch in node.branches:
                yield from _doubted(branch, node.unknown)


def _is_forwarded_after(policy: EffectivePolicy, wanted: Statement) -> bool:
    def on_statement(statement: Statement, state: bool) -> bool:
        return state or statement is wanted

    return True in Run(on_statement, lambda _, state: state).before_forward(policy, False).forwarded


class _Validation(msgspec.Struct, frozen=True):
    """Token validation so far, on one path."""

    weak: int = -1
    """Number of the first weak validator; -1 without one."""
    is_made_up_for: bool = False
    hole: Unknown | None = None


def weak_validators(policy: EffectivePolicy, is_weak: Callable[[Statement], Fact[bool]]) -> Iterator[Statement | Unknown]:
    """Weak token validators on paths on which no other token validator makes up for them before the request is forwarded."""
    weak: list[Statement] = []

    def on_statement(statement: Statement, state: _Validation) -> _Validation:
        if state.is_made_up_for or not validates_token(statement):
            return state
        match unread_part(statement) or is_weak(statement):
            case Known(value=False):
                return _Validation(is_made_up_for=True)
            case Known() if state.weak == -1:
                weak.append(statement)
                return msgspec.structs.replace(state, weak=len(weak) - 1)
            case Known():
                return state
            case Unknown() as unknown:
                return on_hole(unknown, state)

    def on_hole(unknown: Unknown, state: _Validation) -> _Validation:
        if state.is_made_up_for or state.hole is not None:
            return state
        return msgspec.structs.replace(state, hole=unknown)

    for state in Run(on_statement, on_hole).before_forward(policy, _Validation()).forwarded:
        if state.is_made_up_for:
            continue
        if state.hole is not None:
            yield state.hole
        elif state.weak != -1:
            yield weak[state.weak]


_GROUPS = frozenset(
    [
        "audiences",
        "issuers",
        "required-claims",
        "claim",
        "backend-application-ids",
        "client-application-ids",
        "issuer-signing-keys",
    ]
)


def unread_part(statement: Statement) -> Unknown | None:
    """Set when a named value stands for whole elements of a statement, so that its children are not known."""
    for element in statement.element.walk():
        texts = [child.value for child in element.children if isinstance(child, Text) and child.value.named_values]
        if texts and (element is statement.element or element.name in _GROUPS):
            return Unknown(
                f"what {texts[0].text.strip()} stands for inside {statement.name}",
                "export the policy with the elements in the place of the named value",
                statement.value_at(texts[0]),
            )
    return None


def plain(policy: EffectivePolicy, statement: Statement, value: Value) -> Fact[str]:
    """The text of a setting, named values put in; Unknown when an expression computes it."""
    at = statement.value_at(value)
    match policy.resolve(value):
        case Known(value=text) if value.expressions or text.lstrip().startswith(("@(", "@{")):
            shown = " ".join(text.split())[:60]
            return Unknown(f"what the expression {shown!r} in {statement.name} yields", "write the value as a literal", at)
        case Known(value=text):
            return Known(text.strip(), at)
        case Unknown(missing=missing, remedy=remedy):
            return Unknown(missing, remedy, at)


def requires_claim(statement: Statement, *names: str) -> bool:
    """Whether a token validator asks for given values of one of the claims; a claim without values need only be there."""
    required = statement.element.find("required-claims")
    for claim in required.elements if required is not None else ():
        name = claim.attribute("name")
        if name is not None and name.text.strip() in names and any(child.name == "value" for child in claim.elements):
            return True
    return False


def checks_claim_by_hand(policy: EffectivePolicy, *words: str) -> Unknown | None:
    """Set when a branch answers 401 or 403 and an inbound expression speaks of a claim: ``"tid"``, ``.Issuer``."""
    branches = list(refusals(policy.inbound))
    if not branches:
        return None
    codes = [
        expression.code
        for statement in statements(policy.inbound)
        for attribute in statement.element.attributes
        for expression in attribute.value.expressions
    ]
    if not any(word in code for word in words for code in codes):
        return None
    return Unknown(
        "whether the hand-written check that answers 401 or 403 settles it",
        "read the branch; the validator's own setting would settle it",
        branches[0].at,
    )


class _Order(msgspec.Struct, frozen=True):
    """What came first on one path."""

    early: int = -1
    is_controlled: bool = False
    hole: Unknown | None = None


def met_too_early(
    policy: EffectivePolicy, wanted: Callable[[Statement], bool], control: Callable[[Statement], bool]
) -> Iterator[Statement | Unknown]:
    """The first statement that ``wanted`` accepts, on paths that forward the request and meet the control only after it."""
    early: list[Statement] = []

    def on_statement(statement: Statement, state: _Order) -> _Order:
        if state.is_controlled:
            return state
        if control(statement):
            return msgspec.structs.replace(state, is_controlled=True)
        if state.early == -1 and wanted(statement):
            early.append(statement)
            return msgspec.structs.replace(state, early=len(early) - 1)
        return state

    def on_hole(unknown: Unknown, state: _Order) -> _Order:
        if state.is_controlled or state.hole is not None:
            return state
        return msgspec.structs.replace(state, hole=unknown)

    for state in Run(on_statement, on_hole).before_forward(policy, _Order()).forwarded:
        if state.is_controlled and state.hole is not None:
            yield state.hole
        elif state.is_controlled and state.early != -1:
            yield early[state.early]


_LITERAL = LazyPattern(r'"([^"]*)"')
_CREDENTIAL = LazyPattern(r"^(?:proxy-)?authorization$|(?:key|token|secret|cookie)$")
_TESTED = LazyPattern(r'Headers\s*\.\s*ContainsKey\s*\(\s*"([^"]*)"')


def looks_for_header_only(branch: Statement) -> bool:
    """Whether a branch's condition only looks whether a header is there or begins like a token: nothing is compared."""
    return bool(_tested_headers(branch))


def _tested_headers(branch: Statement) -> frozenset[str]:
    condition = branch.element.attribute("condition")
    if condition is None or condition.expression is None or condition.named_values:
        return frozenset()
    code = condition.expression.code
    found = analyse(code, condition.expression.block)
    names = frozenset({match[1].lower() for match in _TESTED.finditer(code)} | {source.name for source in found.reads})
    if not found.understood or any(source.kind != "request-header" for source in found.reads):
        return frozenset()
    literals = (match[1].strip().lower() for match in _LITERAL.finditer(code))
    return names if all(text in names or text in ("", "bearer", "basic") for text in literals) else frozenset()


def presence_checks(policy: EffectivePolicy) -> Iterator[Statement]:
    """What asks a caller for a credential and takes any: check-header without values, and branches that refuse its absence."""
    for found in met(policy, _is_presence_check):
        if isinstance(found, Statement):
            yield found
    for branch in refusals(policy.inbound):
        if any(_CREDENTIAL.search(name) for name in _tested_headers(branch)):
            yield branch


def _is_presence_check(statement: Statement) -> bool:
    name = statement.element.attribute("name")
    return (
        statement.name == "check-header"
        and name is not None
        and _CREDENTIAL.search(name.text.strip().lower()) is not None
        and statement.element.find("value") is None
    )


def refusals_on_merit(nodes: Sequence[Node]) -> list[Statement]:
    """Branches that answer 401 or 403 for another reason than that a header is missing."""
    return [branch for branch in refusals(nodes) if not looks_for_header_only(branch)]

"""What stands in a caller's way: token validation, client certificates, and checks that somebody wrote by hand."""

from collections.abc import Iterator, Sequence

from mcpguard.policy.csharp import analyse
from mcpguard.policy.effective import Node, Statement
from mcpguard.policy.flow import condition_constant, statements
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
    for statement in statements(branch.children):
        if statement.name == "return-response":
            status = statement.element.find("set-status")
            code = status.attribute("code") if status is not None else None
            if code is not None and code.text.strip() in _REFUSALS:
                return True
    return False

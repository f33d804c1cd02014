"""Reading for ``policy check``: every policy text in the input, read, counted and held against the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcpguard.core.errors import NothingReadError
from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Artifact, ArtifactStatus, Evidence
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Fragment, PolicyText
from mcpguard.policy.csharp import analyse
from mcpguard.policy.tree import Document, Element, Expression
from mcpguard.policy.vocabulary import check_vocabulary
from mcpguard.report.policy_check import Checked, CheckedDocument, NotUnderstood, Said

_WHY = "it does not parse as C#, or is too large"


def check_all(estate: Estate, evidence: Evidence, named: Sequence[str]) -> Checked:
    """Check every policy of an estate.

    ``named`` are the files that the user named: one of them that is no policy is not passed over.

    Raises:
        NothingReadError: the input holds no policy.
    """
    texts = sorted([*estate.of(PolicyText), *estate.of(Fragment)], key=lambda policy: (policy.text_at.artifact, policy.key))
    documents = tuple(_check(policy, estate) for policy in texts)
    holding = {document.at.artifact for document in documents}
    unread = tuple(
        Said(artifact.at or Location(artifact.path), "failed", artifact.detail or "not recognized")
        for artifact in evidence.artifacts
        if artifact.path not in holding and _counts(artifact, named)
    )
    if not documents and not unread:
        raise NothingReadError(
            "the input holds no policy", "name policy files, folders with them, az rest answers, templates or an extract"
        )
    return Checked(documents, unread)


def _counts(artifact: Artifact, named: Sequence[str]) -> bool:
    match artifact.status:
        case ArtifactStatus.FAILED:
            return True
        case ArtifactStatus.SKIPPED:
            return artifact.path in named
        case ArtifactStatus.READ | ArtifactStatus.PARTIAL:
            return False


def _check(policy: PolicyText, estate: Estate) -> CheckedDocument:
    at = policy.text_at
    match estate.document(policy):
        case Known(value=Document() as document):
            return _checked(document, at, policy.scope)
        case Known():
            return CheckedDocument(at, 0, 0, 0, 0, (), (Said(at, "failed", "there is no text"),), ())
        case Unknown() as unknown:
            said = Said(unknown.at or at, "failed", f"{unknown.missing} is missing: {unknown.remedy}")
            return CheckedDocument(at, 0, 0, 0, 0, (), (said,), ())


def _checked(document: Document, at: Location, scope: str) -> CheckedDocument:
    elements = [element for root in document.roots for element in root.walk()]
    expressions = list(document.expressions())
    unclear = [expression for expression in expressions if not analyse(expression.code, expression.block).understood]
    return CheckedDocument(
        at,
        len(elements),
        sum(len(element.attributes) for element in elements),
        len(expressions),
        len(expressions) - len(unclear),
        tuple(Said(at.range(r.start, r.end), r.severity, r.message) for r in check_vocabulary(document, scope)),
        tuple(_failures(document, elements, at)),
        tuple(NotUnderstood(at.range(e.start, e.end), _code(e), _WHY) for e in unclear),
    )


def _failures(document: Document, elements: Sequence[Element], at: Location) -> Iterator[Said]:
    for problem in document.problems:
        yield Said(at.range(problem.start, problem.end), "failed", problem.message)
    if not elements and not document.problems:
        yield Said(at, "failed", "it holds no element")


def _code(expression: Expression) -> str:
    return f"@{{{expression.code}}}" if expression.block else f"@({expression.code})"

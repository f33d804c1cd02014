"""Folding scopes through <base/>, computed by hand. Source: facts/apim.md 2.1 (api-management-howto-policies)."""

import pytest

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Names, Node, Scope, ScopedPolicy, Statement, fold
from mcpguard.policy.reader import read
from mcpguard.policy.tree import Document

UNREAD = Unknown("a policy", "read it")


def scoped(scope: Scope, text: str | Unknown | None) -> ScopedPolicy:
    document: Fact[Document | None] = text if isinstance(text, Unknown) else Known(read(text) if text is not None else None)
    return ScopedPolicy(scope, scope.value, document, Location(f"{scope.value}.xml"))


def inbound(content: str) -> str:
    return f"<policies><inbound>{content}</inbound><backend><base /></backend></policies>"


def effective(
    *texts: str | Unknown | None,
    fragments: dict[str, str] | None = None,
    missing: Unknown | None = None,
    named_values: dict[str, Fact[str]] | None = None,
) -> EffectivePolicy:
    scopes = (Scope.GLOBAL, Scope.PRODUCT, Scope.API, Scope.OPERATION)
    chain = [scoped(scope, text) for scope, text in zip(scopes, texts, strict=False)]
    found = {name: scoped(Scope.FRAGMENT, text) for name, text in (fragments or {}).items()}
    return fold(chain, Names(found, missing, named_values or {}, complete_names=True))


def shape(nodes: tuple[Node, ...]) -> str:
    parts = []
    for node in nodes:
        match node:
            case Statement(children=()):
                parts.append(f"{node.name}@{node.origin.scope.value}")
            case Statement():
                parts.append(f"{node.name}@{node.origin.scope.value}({shape(node.children)})")
            case Hole():
                parts.append("?")
            case Either(branches=branches):
                parts.append("[" + "|".join(shape(branch) for branch in branches) + "]")
    return " ".join(parts)


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        # base at the start, at the end, in the middle: position decides order
        ((inbound("<a/>"), None, inbound("<base/><b/>")), "a@global b@API"),
        ((inbound("<a/>"), None, inbound("<b/><base/>")), "b@API a@global"),
        ((inbound("<a/>"), None, inbound("<b/><base/><c/>")), "b@API a@global c@API"),
        # without base everything broader is cut off
        ((inbound("<a/>"), None, inbound("<b/>")), "b@API"),
        # a scope without a document inherits everything
        ((inbound("<a/>"), None, None, inbound("<base/><d/>")), "a@global d@operation"),
        ((None, None, inbound("<base/><b/>")), "b@API"),
        # base at global scope does nothing
        ((inbound("<base/><a/>"),), "a@global"),
        # product between global and API
        ((inbound("<a/>"), inbound("<base/><p/>"), inbound("<base/><b/>")), "a@global p@product b@API"),
        # a product that cuts the global policy, and an operation that cuts the API
        ((inbound("<a/>"), inbound("<p/>"), inbound("<base/>")), "p@product"),
        ((inbound("<a/>"), None, inbound("<base/><b/>"), inbound("<o/>")), "o@operation"),
        # base within a branch
        (
            (inbound("<a/>"), None, inbound('<choose><when condition="@(x)"><base/></when></choose>')),
            "choose@API(when@API(a@global))",
        ),
        # an unread scope may add anything and may cut what is broader
        ((inbound("<a/>"), None, UNREAD), "? [a@global|]"),
        ((UNREAD, None, inbound("<b/>")), "b@API"),
        # a policy without the section: what it inherits is not documented
        ((inbound("<a/>"), None, "<policies><outbound/></policies>"), "[a@global|]"),
    ],
)
def test_fold_of_the_inbound_section(texts: tuple[str | Unknown | None, ...], wanted: str) -> None:
    assert shape(effective(*texts).inbound) == wanted


def test_sections_are_folded_one_by_one() -> None:
    policy = effective(
        "<policies><inbound><a/></inbound><backend><forward-request/></backend></policies>",
        None,
        "<policies><inbound><b/></inbound><backend><base/></backend></policies>",
    )
    assert (shape(policy.inbound), shape(policy.backend)) == ("b@API", "forward-request@global")


def test_fragments_are_pasted_where_they_are_included() -> None:
    policy = effective(inbound('<include-fragment fragment-id="One"/><b/>'), fragments={"one": "<fragment><f/></fragment>"})
    assert shape(policy.inbound) == "f@fragment b@global"
    first = policy.inbound[0]
    assert isinstance(first, Statement) and first.at.artifact == "fragment.xml"


@pytest.mark.parametrize(
    "fragments", [{}, {"one": '<fragment><include-fragment fragment-id="one"/></fragment>'}, {"one": "<policies/>"}]
)
def test_fragments_that_cannot_be_pasted_are_holes(fragments: dict[str, str]) -> None:
    policy = effective(inbound('<include-fragment fragment-id="one"/>'), fragments=fragments, missing=UNREAD)
    assert shape(policy.inbound) == "?"


def test_placeholders_and_broken_parts_are_holes() -> None:
    assert shape(effective(inbound("{{whole-element}}<b/>")).inbound) == "? b@global"
    assert "?" in shape(effective(inbound("<a/></x><b/>")).inbound)


def test_multiplied_bases_end_in_a_hole() -> None:
    bomb = inbound("<base/><base/><base/><base/><a/>" * 20)
    policy = effective(inbound("<a/>" * 50), bomb, bomb, bomb)
    assert any(isinstance(node, Hole) for node in policy.inbound)

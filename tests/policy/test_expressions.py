"""Statements with their conditions, their expressions, which cors counts, and what a text refers to."""

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.policy.cors import first_cors
from mcpguard.policy.effective import EffectivePolicy, Names, Scope, ScopedPolicy, Section, Statement, fold
from mcpguard.policy.expressions import Condition, Placed, expressions_of, placed
from mcpguard.policy.reader import read
from mcpguard.policy.references import references
from mcpguard.policy.tree import Value

NOT_READ = Unknown("the API's policy", "read it")


def policy(inbound: str, outbound: str = "", *more: ScopedPolicy) -> EffectivePolicy:
    text = f"<policies><inbound>{inbound}</inbound><backend /><outbound>{outbound}</outbound><on-error /></policies>"
    scoped = ScopedPolicy(Scope.GLOBAL, "", Known(read(text)), Location("a.xml"))
    return fold([scoped, *more], Names({}, None, {}, complete_names=True))


def names(found: EffectivePolicy, *sections: Section) -> list[str]:
    return [node.statement.name if isinstance(node, Placed) else "?" for node in placed(found, *sections)]


def test_statements_carry_the_conditions_on_the_way() -> None:
    inner = (
        '<choose><when condition="@(a)"><x /></when><when condition="@(b)"><y /></when><otherwise><z /></otherwise></choose>'
    )
    conditions = {
        node.statement.name: [(condition.value.text, condition.holds) for condition in node.conditions]
        for node in placed(policy(inner))
        if isinstance(node, Placed)
    }
    assert conditions["x"] == [("@(a)", True)]
    assert conditions["y"] == [("@(a)", False), ("@(b)", True)]
    assert conditions["z"] == [("@(a)", False), ("@(b)", False)]


def test_a_branch_that_never_runs_is_left_out() -> None:
    assert names(policy('<choose><when condition="false"><x /></when></choose><y />')) == ["choose", "y"]


def test_only_the_sections_that_are_asked_for() -> None:
    assert names(policy("<x />", "<y />"), Section.OUTBOUND) == ["y"]


def test_what_an_unread_scope_may_cut_off_is_in_doubt() -> None:
    unread = ScopedPolicy(Scope.API, "a", NOT_READ, Location("b.xml"))
    nodes = list(placed(policy("<x />", "", unread), Section.INBOUND))
    assert nodes[0] == NOT_READ
    assert isinstance(nodes[1], Placed) and nodes[1].doubt == NOT_READ


def test_expressions_of_a_statement_stop_at_the_policies_in_it() -> None:
    text = '<retry condition="@(context.A)"><send-request><set-url>@(context.B)</set-url></send-request></retry>'
    retry, send = (node.statement for node in placed(policy(text)) if isinstance(node, Placed))
    assert [use.code for use in expressions_of(retry)] == ["context.A"]
    assert [use.code for use in expressions_of(send)] == ["context.B"]


@pytest.mark.parametrize(
    ("text", "holds", "wanted"),
    [
        ("@(context.Response.StatusCode >= 400)", True, True),
        ("@(context.Response.StatusCode == 503 && context.Request.Method == &quot;POST&quot;)", True, True),
        ("@(context.Response.StatusCode >= 400)", False, False),
        ("@(context.Response.StatusCode >= 400 || true)", True, False),
        ("@(context.Response.StatusCode >= 200)", True, False),
        ("@(context.Response.StatusCode < 400)", True, False),
    ],
)
def test_conditions_for_errors(text: str, holds: bool, wanted: bool) -> None:
    assert Condition(Value(0, len(text), text), holds).means_error is wanted


def cors(found: EffectivePolicy) -> list[str]:
    return [node.element.attributes[0].value.text if isinstance(node, Statement) else "?" for node in first_cors(found)]


def test_the_first_cors_counts() -> None:
    assert cors(policy('<cors n="1" /><cors n="2" />')) == ["1"]
    branch = '<choose><when condition="@(a)"><cors n="1" /></when></choose><cors n="2" /><cors n="3" />'
    assert cors(policy(branch)) == ["1", "2"]
    assert cors(policy('<include-fragment fragment-id="gone" /><cors n="1" />')) == ["?", "?"]
    assert cors(policy('<cors n="1" /><include-fragment fragment-id="gone" />')) == ["1"]


def test_references() -> None:
    text = """<policies><inbound>
      <!-- {{comment}} --><include-fragment fragment-id="one" /><set-header name="{{two}}"><value>{{three}} {{Two}}</value></set-header>
      <set-body template="liquid">{{body.x}}</set-body><set-body>{{four}}</set-body>
    </inbound></policies>"""
    assert [(found.kind, found.name) for found in references(read(text))] == [
        ("fragment", "one"),
        ("named value", "two"),
        ("named value", "three"),
        ("named value", "four"),
    ]

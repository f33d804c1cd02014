"""A symbolic run: what a policy does, and what is known to hold where it does it."""

from mcpguard.policy.symbolic.run import CALLER, Event, SymbolicRun, run_symbolically
from mcpguard.policy.symbolic.symbols import Origin
from tests.policy.test_effective import effective

QUERY = 'context.Request.Url.Query.GetValueOrDefault("{0}", "")'
REFUSE = '<return-response><set-status code="400" reason="no"/></return-response>'
STATE = QUERY.format("state")
SEND = f'<send-request mode="new" response-variable-name="r"><set-url>https://x</set-url><set-body>@({QUERY.format("code")})</set-body></send-request>'


def run(inbound: str = "", outbound: str = "", fragments: dict[str, str] | None = None) -> SymbolicRun:
    text = f"<policies><inbound>{inbound}</inbound><backend/><outbound>{outbound}</outbound></policies>"
    return run_symbolically(effective(text, fragments=fragments))


def only(found: SymbolicRun, kind: str) -> Event:
    (event,) = found.of(kind)
    return event


def equalities(event: Event) -> set[frozenset[Origin]]:
    return {content for fact in event.facts if fact.kind == "equal" for content in (*fact.left, *fact.right)}


def check(condition: str, inside: str = REFUSE) -> str:
    return f'<choose><when condition="@({condition})">{inside}</when></choose>'


def test_after_a_refusal_the_opposite_holds() -> None:
    compare = f'{STATE} != context.Request.Headers.GetValueOrDefault("X-A", "")'
    wanted = {frozenset({Origin("query", "state")}), frozenset({Origin("header", "x-a")})}
    assert equalities(only(run(check(compare) + SEND), "send")) == wanted
    assert equalities(only(run(SEND + check(compare)), "send")) == set()
    assert equalities(only(run(check(compare, '<set-variable name="a" value="1"/>') + SEND), "send")) == set()


def test_within_a_branch_its_condition_holds_and_after_it_no_more() -> None:
    compare = f'{STATE} == context.Request.Headers.GetValueOrDefault("X-A", "")'
    found = run(check(compare, SEND) + SEND)
    inside, after = found.of("send")
    assert len(equalities(inside)) == 2
    assert equalities(after) == set()


def test_every_way_on_has_to_compare() -> None:
    compare = f'{STATE} != context.Request.Headers.GetValueOrDefault("X-A", "")'
    on_one_way = check(f'{QUERY.format("a")} == "1"', check(compare))
    assert equalities(only(run(on_one_way + SEND), "send")) == set()


def test_a_verdict_in_a_variable_counts_where_it_is_asked() -> None:
    verdict = f'<set-variable name="ok" value="@({STATE} == (string)context.Variables["kept"])"/>'
    kept = f'<cache-lookup-value key="@("flow-" + {STATE})" variable-name="kept"/>'
    asked = check('!context.Variables.GetValueOrDefault<bool>("ok")')
    assert frozenset({Origin("query", "state")}) in equalities(only(run(kept + verdict + asked + SEND), "send"))
    assert equalities(only(run(kept + verdict + SEND), "send")) == set()


def test_lookups_know_what_their_key_is_made_of() -> None:
    kept = f'<cache-lookup-value key="@("flow-" + {STATE})" variable-name="kept"/>'
    found = run(kept + '<cache-store-value key="x" value="@((string)context.Variables["kept"])" duration="1"/>')
    origins = {origin for each in only(found, "store").value for origin in each.origins}
    assert origins == {Origin("stored", "flow-\0", by=frozenset({Origin("query", "state")}))}


def test_answers_redirects_and_cookies() -> None:
    answer = (
        '<return-response><set-status code="302" reason="x"/><set-header name="location"><value>https://a</value></set-header>'
        '<set-header name="Set-Cookie"><value>a=b</value></set-header><set-body>hi</set-body></return-response>'
    )
    found = run(answer + SEND)
    assert [event.kind for event in found.events] == ["redirect", "cookie", "answer"], "nothing runs after an answer"
    refused = run(answer.replace("302", "401"))
    assert [event.kind for event in refused.events] == ["cookie"], "an error hands out nothing"
    later = run(outbound='<set-header name="Location"><value>https://a</value></set-header><set-body>x</set-body>')
    assert [event.kind for event in later.events] == ["redirect", "answer"]
    inbound = run('<set-header name="Location"><value>https://a</value></set-header>')
    assert [event.kind for event in inbound.events] == ["send"], "inbound it is a header of the request"


def test_a_validated_token_identifies_the_caller() -> None:
    assert CALLER in only(run('<validate-azure-ad-token tenant-id="t"/>' + SEND), "send").facts
    assert CALLER not in only(run('<check-header name="a" failed-check-httpcode="401"/>' + SEND), "send").facts


def test_what_was_not_read_is_said_and_remembered() -> None:
    found = run('<include-fragment fragment-id="f"/>' + SEND)
    assert only(found, "send").hole is not None
    assert found.not_understood
    before = run(SEND + '<include-fragment fragment-id="f"/>')
    assert only(before, "send").hole is None


def test_broken_code_is_said_and_decides_nothing() -> None:
    found = run('<set-variable name="a" value="@(1 +)"/>' + check('context.Variables["a"] == "x"') + SEND)
    assert found.not_understood
    assert {fact.kind for fact in only(found, "send").facts} <= {"equal", "present"}


def test_very_long_policies_are_not_followed_to_the_end() -> None:
    found = run('<set-variable name="a" value="1"/>' * 3_001 + SEND)
    assert not found.of("send")
    assert any("3000 statements" in unknown.missing for unknown in found.not_understood)

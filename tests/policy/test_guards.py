"""What stands in a caller's way, and what only looks as if it did."""

import pytest

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import (
    looks_for_header_only,
    met,
    met_too_early,
    presence_checks,
    refusals,
    refusals_on_merit,
    requires_claim,
    unread_part,
    validates_token,
    weak_validators,
)
from tests.policy.test_effective import UNREAD, effective, inbound

FORWARD = "<policies><inbound/><backend><forward-request/></backend></policies>"
REFUSE = '<return-response><set-status code="401"/></return-response>'
WHEN = '<when condition="@(context.Request.Method == "GET")">'
WEAK, STRONG = '<validate-jwt header-name="A"/>', '<validate-jwt header-name="B"/>'


def policy(content: str) -> EffectivePolicy:
    return effective(FORWARD, None, inbound(content))


def is_weak(statement: Statement) -> Fact[bool]:
    name = statement.element.attribute("header-name")
    return Known(name is not None and name.text == "A")


def kinds(found: object) -> list[str]:
    return ["unknown" if isinstance(item, Unknown) else item.name for item in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("", []),
        (STRONG, []),
        (WEAK, ["validate-jwt"]),
        (WEAK + STRONG, []),
        (STRONG + WEAK, []),
        (f"{WEAK}<choose>{WHEN}{STRONG}</when></choose>", ["validate-jwt"]),
        (f"{WEAK}<choose>{WHEN}{STRONG}</when><otherwise>{REFUSE}</otherwise></choose>", []),
        (f'<choose><when condition="@(false)">{WEAK}</when></choose>', []),
        (f"{WEAK}{REFUSE}", []),
        (f'{WEAK}<include-fragment fragment-id="x"/>', ["unknown"]),
        (f'{STRONG}<include-fragment fragment-id="x"/>', []),
    ],
)
def test_a_weak_validator_counts_where_no_other_makes_up_for_it(content: str, wanted: list[str]) -> None:
    assert kinds(weak_validators(policy(content), is_weak)) == wanted


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (f"<choose>{WHEN}{WEAK}</when></choose>", ["validate-jwt"]),
        (f'<choose><when condition="@(false)">{WEAK}</when></choose>', []),
        (f"<choose>{WHEN}{WEAK}{REFUSE}</when></choose>", []),
        (WEAK + REFUSE, []),
        (f'{WEAK}<include-fragment fragment-id="x"/>', ["validate-jwt", "unknown"]),
    ],
)
def test_met_means_on_a_path_that_forwards(content: str, wanted: list[str]) -> None:
    assert kinds(met(policy(content), validates_token)) == wanted


def test_what_may_not_be_in_effect_is_not_met_for_sure() -> None:
    found = met(
        effective(FORWARD.replace("<inbound/>", f"<inbound>{WEAK}</inbound>"), UNREAD, inbound("<base/>")), validates_token
    )
    assert set(kinds(found)) == {"unknown"}


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (f"<send-request/>{STRONG}", ["send-request"]),
        (f"{STRONG}<send-request/>", []),
        ("<send-request/>", []),
        (f"<choose>{WHEN}<send-request/>{REFUSE}</when></choose>{STRONG}", []),
        (f'<include-fragment fragment-id="x"/>{STRONG}', ["unknown"]),
    ],
)
def test_too_early_is_before_a_control_that_comes(content: str, wanted: list[str]) -> None:
    assert kinds(met_too_early(policy(content), lambda s: s.name == "send-request", validates_token)) == wanted


@pytest.mark.parametrize(
    ("condition", "presence"),
    [
        ('context.Request.Headers.GetValueOrDefault("Authorization", "") == ""', True),
        ('!context.Request.Headers.ContainsKey("Authorization")', True),
        ('string.IsNullOrEmpty(context.Request.Headers.GetValueOrDefault("Authorization"))', True),
        ('!context.Request.Headers.GetValueOrDefault("Authorization", "").StartsWith("Bearer ")', True),
        ('context.Request.Headers.GetValueOrDefault("X-Api-Key", "") != "{{key}}"', False),
        ('context.Request.Headers.GetValueOrDefault("X-Api-Key", "") != "s3cret"', False),
        ('!context.Variables.ContainsKey("session")', False),
        ('context.Request.Headers.GetValueOrDefault("A", "") != (string)context.Variables["b"]', False),
    ],
)
def test_presence_and_comparison(condition: str, presence: bool) -> None:
    content = f'<choose><when condition="@({condition})">{REFUSE}</when></choose>'
    (branch,) = refusals(policy(content).inbound)
    assert looks_for_header_only(branch) is presence
    assert bool(refusals_on_merit(policy(content).inbound)) is not presence
    assert [found.name for found in presence_checks(policy(content))] == (["when"] if presence else [])


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('<check-header name="Authorization"/>', 1),
        ('<check-header name="X-Functions-Key"/>', 1),
        ('<check-header name="Authorization"><value>{{x}}</value></check-header>', 0),
        ('<check-header name="Content-Type"/>', 0),
    ],
)
def test_check_header_without_values_on_a_credential(content: str, wanted: int) -> None:
    assert len(list(presence_checks(policy(content)))) == wanted


def test_a_required_claim_needs_values() -> None:
    def first(claim: str) -> Statement:
        return next(
            iter(statements(policy(f"<validate-jwt><required-claims>{claim}</required-claims></validate-jwt>").inbound))
        )

    assert requires_claim(first('<claim name="aud"><value>x</value></claim>'), "aud")
    assert not requires_claim(first('<claim name="aud"/>'), "aud")
    assert unread_part(first('<claim name="aud"><value>{{audience}}</value></claim>')) is None
    assert unread_part(first("{{claims}}")) is not None

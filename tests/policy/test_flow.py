"""Control flow before the request is forwarded: always, sometimes, never; and what a header holds on leaving."""

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.policy.effective import Statement
from mcpguard.policy.flow import Reach, reach
from mcpguard.policy.guards import compares_shared_key, refusals
from mcpguard.policy.headers import Holder, header_when_forwarded
from tests.policy.test_effective import UNREAD, effective, inbound

FORWARD = "<policies><inbound/><backend><forward-request/></backend></policies>"
REFUSE = '<return-response><set-status code="401"/></return-response>'


def check(statement: Statement) -> bool:
    return statement.name == "check"


def answer(content: str) -> Reach | str | None:
    found = reach(effective(FORWARD, None, inbound(content)), check)
    match found:
        case Known(value=value):
            return value
        case Unknown():
            return "unknown"
        case None:
            return None


WHEN = '<when condition="@(context.Request.Method == "GET")">'


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("<check/>", Reach.ALWAYS),
        ("<other/>", Reach.NEVER),
        (f"<choose>{WHEN}<check/></when></choose>", Reach.SOMETIMES),
        (f"<choose>{WHEN}<check/></when><otherwise><check/></otherwise></choose>", Reach.ALWAYS),
        (f"<choose>{WHEN}<check/></when><otherwise>{REFUSE}</otherwise></choose>", Reach.ALWAYS),
        (f"<choose>{WHEN}{REFUSE}</when></choose><check/>", Reach.ALWAYS),
        (f"<choose>{WHEN}{REFUSE}</when></choose>", Reach.NEVER),
        (f"{REFUSE}<check/>", None),
        ('<choose><when condition="@(true)"><check/></when></choose>', Reach.ALWAYS),
        ('<choose><when condition="false"><check/></when></choose>', Reach.NEVER),
        ('<choose><when condition="@(true)"><check/></when><otherwise><other/></otherwise></choose>', Reach.ALWAYS),
        ('<retry condition="@(x)" count="2" interval="1"><check/></retry>', Reach.ALWAYS),
        ('<limit-concurrency key="a" max-count="1"><check/></limit-concurrency>', Reach.ALWAYS),
        ('<wait for="all"><check/><other/></wait>', Reach.ALWAYS),
        ('<wait for="any"><check/><other/></wait>', Reach.SOMETIMES),
        ("{{something}}", "unknown"),
        ("<check/>{{something}}", Reach.ALWAYS),
        ("<mock-response/>", None),
    ],
)
def test_reach_before_forward(content: str, wanted: Reach | str | None) -> None:
    assert answer(content) == wanted


def test_a_backend_section_without_forward_request_forwards_nothing() -> None:
    assert reach(effective("<policies><inbound/><backend/></policies>"), check) is None


def test_an_unread_scope_decides_only_what_it_can() -> None:
    policy = effective(
        FORWARD, None, UNREAD, "<policies><inbound><base/><check/></inbound><backend><base/></backend></policies>"
    )
    assert reach(policy, check) == Known(Reach.ALWAYS)
    policy = effective(FORWARD, None, UNREAD)
    assert isinstance(reach(policy, check), Unknown)


SET = '<set-header name="Authorization" exists-action="{0}">{1}</set-header>'
TOKEN = '<value>@(context.Request.Headers.GetValueOrDefault("Authorization",""))</value>'


def holders(content: str) -> set[Holder]:
    return {state.holder for state in header_when_forwarded(effective(FORWARD, None, inbound(content)), "Authorization")}


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("", {Holder.CALLER}),
        (SET.format("delete", ""), {Holder.ABSENT}),
        (SET.format("override", "<value>x</value>"), {Holder.OTHER}),
        ('<set-header name="authorization"><value>x</value></set-header>', {Holder.OTHER}),
        (SET.format("skip", "<value>x</value>"), {Holder.CALLER}),
        (SET.format("append", "<value>x</value>"), {Holder.CALLER}),
        (SET.format("override", TOKEN), {Holder.COPIED}),
        (SET.format("delete", "") + SET.format("override", TOKEN), {Holder.COPIED}),
        ('<authentication-managed-identity resource="r"/>', {Holder.OTHER}),
        ('<authentication-managed-identity resource="r" output-token-variable-name="t"/>', {Holder.CALLER}),
        (f"<choose>{WHEN}" + SET.format("delete", "") + "</when></choose>", {Holder.CALLER, Holder.ABSENT}),
        (
            '<set-variable name="t" value="@(context.Request.Headers.GetValueOrDefault("Authorization",""))"/>'
            + SET.format("override", '<value>@("Bearer " + (string)context.Variables["t"])</value>'),
            {Holder.COPIED},
        ),
        (
            '<set-variable name="t" value="@(context.Request.Headers.GetValueOrDefault("Authorization","").AsJwt()?.Subject)"/>'
            + SET.format("override", '<value>@((string)context.Variables["t"])</value>'),
            {Holder.OTHER},
        ),
        (
            '<set-variable name="t" value="@(context.Request.Headers.GetValueOrDefault("Authorization",""))"/>'
            '<set-variable name="t" value="gone"/>'
            + SET.format("override", '<value>@((string)context.Variables["t"])</value>'),
            {Holder.OTHER},
        ),
    ],
)
def test_what_the_authorization_header_holds_on_leaving(content: str, wanted: set[Holder]) -> None:
    assert holders(content) == wanted


def test_the_steps_of_a_copy_are_kept() -> None:
    content = '<set-variable name="t" value="@(context.Request.Headers.GetValueOrDefault("Authorization",""))"/>' + SET.format(
        "override", '<value>@((string)context.Variables["t"])</value>'
    )
    (state,) = header_when_forwarded(effective(FORWARD, None, inbound(content)), "Authorization")
    assert [step.note for step in state.steps] == [
        "the caller's authorization header goes into the variable t",
        "the caller's authorization header is written to the outgoing request",
    ]


def test_checks_written_by_hand() -> None:
    key = (
        '<choose><when condition="@(context.Request.Headers.GetValueOrDefault("x-key","") != "{{key}}")">'
        + REFUSE
        + "</when></choose>"
    )
    session = '<choose><when condition="@(!context.Variables.ContainsKey("s"))">' + REFUSE + "</when></choose>"
    (branch,) = refusals(effective(inbound(key)).inbound)
    assert compares_shared_key(branch)
    (branch,) = refusals(effective(inbound(session)).inbound)
    assert not compares_shared_key(branch)
    assert not list(refusals(effective(inbound(REFUSE)).inbound))

"""Control flow before the request is forwarded: always, sometimes, never; and what a header holds on leaving."""

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.policy.effective import Names, Scope, ScopedPolicy, Statement, fold
from mcpguard.policy.flow import Reach, reach
from mcpguard.policy.guards import compares_shared_key, refusals
from mcpguard.policy.headers import Holder, header_when_forwarded
from mcpguard.policy.reader import read
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


HEADER = 'context.Request.Headers.GetValueOrDefault("X-Kind", "")'


def when(condition: str, inner: str) -> str:
    return f'<choose><when condition="@({condition})">{inner}</when></choose>'


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        # A test and its opposite: one of the two always holds.
        (when(f'{HEADER} == "a"', "<check/>") + when(f'{HEADER} != "a"', "<check/>"), Reach.ALWAYS),
        (when(f'{HEADER} == "a"', "<check/>") + when(f'!({HEADER} == "a")', REFUSE), Reach.ALWAYS),
        (when(f'"a" == {HEADER}', "<check/>") + when(f'{HEADER}  != /* not */ ("a")', REFUSE), Reach.ALWAYS),
        (when(f'{HEADER}.Equals("a")', "<check/>") + when(f'{HEADER} != "a"', REFUSE), Reach.ALWAYS),
        ('<choose><when condition="@(x)"><check/></when><when condition="@(!x)"><check/></when></choose>', Reach.ALWAYS),
        # Equality with different literals excludes each other: nothing is checked twice, and nothing follows for the rest.
        (when(f'{HEADER} == "a"', REFUSE) + when(f'{HEADER} == "b"', "<check/>"), Reach.SOMETIMES),
        (when(f'{HEADER} == "a"', when(f'{HEADER} == "b"', "<check/>")), Reach.NEVER),
        (when(f'{HEADER} != "a"', REFUSE) + when(f'{HEADER} == "b"', "<check/>"), Reach.NEVER),
        # Joined tests: what a branch shows of its parts.
        (when(f'{HEADER} == "a" && y', when("y", "<check/>")) + when(f'!({HEADER} == "a" && y)', REFUSE), Reach.ALWAYS),
        (when("x || y", REFUSE) + when("!x", "<check/>"), Reach.ALWAYS),
        (when("!x && !y", REFUSE) + when("!x", when("y", "<check/>")) + when("x", "<check/>"), Reach.ALWAYS),
        # Other texts are other tests, also where a reader would see that they agree.
        (when(f'{HEADER} == "a"', "<check/>") + when(f'{HEADER}.Trim() != "a"', REFUSE), Reach.SOMETIMES),
        (when(f'{HEADER} == "a"', "<check/>") + when(f'{HEADER}.ToLower() == "b"', REFUSE), Reach.SOMETIMES),
        # What is written in between may have changed.
        (
            when(f'{HEADER} == "a"', "<check/>")
            + '<set-header name="x-kind"><value>a</value></set-header>'
            + when(f'{HEADER} != "a"', REFUSE),
            Reach.SOMETIMES,
        ),
        (
            when(f'{HEADER} == "a"', "<check/>")
            + '<set-header name="x-other"><value>a</value></set-header>'
            + when(f'{HEADER} != "a"', REFUSE),
            Reach.ALWAYS,
        ),
        (
            when('(bool)context.Variables["mcp"]', "<check/>")
            + '<set-variable name="mcp" value="@(true)"/>'
            + when('!(bool)context.Variables["mcp"]', REFUSE),
            Reach.SOMETIMES,
        ),
        (
            when('(bool)context.Variables["mcp"]', "<check/>")
            + '<cache-lookup-value key="k" variable-name="other"/>'
            + when('!(bool)context.Variables["mcp"]', REFUSE),
            Reach.ALWAYS,
        ),
        (when('context.Request.Method == "GET"', "<check/>") + "<set-method>GET</set-method>" + when('context.Request.Method != "GET"', REFUSE), Reach.SOMETIMES),
        (when(f'{HEADER} == "a"', "<check/>") + "{{something}}" + when(f'{HEADER} != "a"', REFUSE), "unknown"),
        # What need not be the same twice.
        (when("DateTime.Now.Hour == 1", "<check/>") + when("DateTime.Now.Hour != 1", REFUSE), Reach.SOMETIMES),
        (when('context.Request.Body.As<string>() == ""', "<check/>") + when('context.Request.Body.As<string>() != ""', REFUSE), Reach.SOMETIMES),
        # Constant conditions are folded, those of literals too.
        (when('1 == 1 && !false', "<check/>"), Reach.ALWAYS),
        (when('"{{stage}}" == "live"', "<check/>"), Reach.SOMETIMES),
        # A named value within a text is no literal, also where another one stands for code.
        (when('{{flag}} && "{{stage}}" == "live"', "<check/>"), Reach.SOMETIMES),
        (when('true || context.Request.Method == "GET"', "<check/>"), Reach.ALWAYS),
        (when('false && context.Request.Method == "GET"', "<check/>"), Reach.NEVER),
    ],
)  # fmt: skip
def test_tests_that_decide_each_other(content: str, wanted: Reach | str) -> None:
    assert answer(content) == wanted


@pytest.mark.parametrize(("stage", "wanted"), [("live", Reach.ALWAYS), ("test", Reach.NEVER)])
def test_known_named_values_decide_conditions(stage: str, wanted: Reach) -> None:
    scoped = [
        ScopedPolicy(Scope.API, "a", Known(read(text)), Location("p.xml"))
        for text in (FORWARD, inbound(when('"{{stage}}" == "live"', "<check/>")))
    ]
    policy = fold(scoped, Names({}, None, {"stage": Known(stage)}, complete_names=True))
    assert reach(policy, check) == Known(wanted)


def test_many_conditions_stay_cheap() -> None:
    """2^20 combinations of tests are not followed one by one."""
    tests = "".join(
        when(f'context.Request.Headers.ContainsKey("h{n}")', f'<set-variable name="v{n}" value="1"/>') for n in range(20)
    )
    assert answer(tests * 2 + "<check/>") == Reach.ALWAYS

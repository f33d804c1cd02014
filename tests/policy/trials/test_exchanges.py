"""Exchanges that fail: what the backend gets then."""

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.policy.trials.exchanges import FailOpen, Sent, exchanges_failing_open
from tests.policy.test_effective import effective

TOKEN_URL = "https://login.microsoftonline.com/t/oauth2/v2.0/token"
ANSWER = '((IResponse)context.Variables["r"])'
VALUE = f'(string){ANSWER}.Body.As<JObject>()["access_token"]'
SET = f'<set-header name="Authorization" exists-action="override"><value>@("Bearer " + {VALUE})</value></set-header>'
REFUSE = '<return-response><set-status code="401"/></return-response>'
TOKEN = '((Authorization)context.Variables.GetValueOrDefault("c"))?.AccessToken'
SET_CONTEXT = f'<set-header name="Authorization"><value>@("Bearer " + {TOKEN})</value></set-header>'


def request(attributes: str = "", url: str = TOKEN_URL) -> str:
    return f'<send-request mode="new" response-variable-name="r" {attributes}><set-url>{url}</set-url></send-request>'


def context(attributes: str) -> str:
    return f'<get-authorization-context provider-id="p" authorization-id="a" context-variable-name="c" {attributes}/>'


def when(condition: str, then: str = REFUSE, otherwise: str = "") -> str:
    return (
        f"<choose><when condition='@({condition})'>{then}</when>{otherwise and f'<otherwise>{otherwise}</otherwise>'}</choose>"
    )


def judged(inbound: str) -> list[FailOpen | Unknown]:
    text = f"<policies><inbound>{inbound}</inbound><backend><forward-request/></backend></policies>"
    return list(exchanges_failing_open(effective(text)))


@pytest.mark.parametrize(
    ("inbound", "sent"),
    [
        (request() + SET, Sent.NOTHING),
        (request('ignore-error="true"') + when('context.Variables["r"] == null') + SET, Sent.NOTHING),
        (request('ignore-error="true"') + when(f"{ANSWER}?.StatusCode == 200", SET), Sent.CALLERS_TOKEN),
        (request() + when(f"{ANSWER}.StatusCode == 401") + SET, Sent.NOTHING),
        (request() + when(f"{ANSWER}.StatusCode >= 500") + SET, Sent.NOTHING),
        (
            request() + f"<set-variable name='t' value='@({VALUE})'/>"
            "<choose><when condition='@(!string.IsNullOrEmpty((string)context.Variables[\"t\"]))'>"
            '<set-header name="Authorization"><value>@("Bearer " + (string)context.Variables["t"])</value></set-header></when></choose>',
            Sent.CALLERS_TOKEN,
        ),
        (
            request()
            + f'<set-header name="Authorization"><value>@({VALUE} ?? context.Request.Headers["Authorization"][0])</value></set-header>',
            Sent.CALLERS_TOKEN,
        ),
        (
            request() + f'<set-header name="Authorization" exists-action="append"><value>@({VALUE})</value></set-header>',
            Sent.CALLERS_TOKEN,
        ),
        (
            '<set-header name="Authorization" exists-action="delete"/>'
            + request()
            + f'<set-header name="X-Token"><value>@({VALUE})</value></set-header>',
            Sent.NOTHING,
        ),
        (request(url="https://own.example/mint") + SET, Sent.NOTHING),
        (
            '<cache-lookup-value key="k" variable-name="t"/>'
            + when('!context.Variables.ContainsKey("t")', request() + f"<set-variable name='t' value='@({VALUE})'/>")
            + '<set-header name="Authorization"><value>@("Bearer " + (string)context.Variables["t"])</value></set-header>',
            Sent.NOTHING,
        ),
        (context('ignore-error="true"') + SET_CONTEXT, Sent.NOTHING),
        ('<authentication-managed-identity resource="r" ignore-error="true"/>', Sent.CALLERS_TOKEN),
        (
            '<set-header name="Authorization" exists-action="delete"/><authentication-managed-identity resource="r" ignore-error="true"/>',
            Sent.NOTHING,
        ),
        (
            '<authentication-managed-identity resource="r" ignore-error="true" output-token-variable-name="m"/>'
            '<set-header name="Authorization"><value>@("Bearer " + context.Variables.GetValueOrDefault<string>("m"))</value></set-header>',
            Sent.NOTHING,
        ),
    ],
)
def test_fails_open(inbound: str, sent: Sent) -> None:
    (found,) = judged(inbound)
    assert isinstance(found, FailOpen)
    assert found.sent is sent


@pytest.mark.parametrize(
    "inbound",
    [
        request() + when(f"{ANSWER}.StatusCode != 200") + SET,
        request('ignore-error="true"') + when(f'context.Variables["r"] == null || {ANSWER}.StatusCode >= 400') + SET,
        request() + when(f"{ANSWER}.StatusCode == 200", SET, REFUSE),
        request() + SET.replace(VALUE, f'{ANSWER}.Body.As<JObject>()["access_token"].ToString()'),
        request()
        + f"<set-variable name='t' value='@({VALUE})'/>"
        + when('string.IsNullOrEmpty((string)context.Variables["t"])')
        + SET,
        # the credential that goes on is one of the gateway's own
        request() + when(f"{ANSWER}.StatusCode == 200", SET, '<authentication-managed-identity resource="r"/>'),
        '<authentication-managed-identity resource="r"/>'
        + request()
        + f'<set-header name="X-Token"><value>@({VALUE})</value></set-header>',
        # an answer that ends in no header, or in one that is no credential
        request(),
        request() + when(f"{ANSWER}.StatusCode == 401"),
        request(url="https://own.example/profile") + f'<set-header name="X-User"><value>@({VALUE})</value></set-header>',
        # errors that are not ignored
        context("") + SET_CONTEXT,
        context('ignore-error="false"') + SET_CONTEXT,
        '<authentication-managed-identity resource="r"/>',
        context('ignore-error="true"') + SET_CONTEXT.replace("?.", "."),
        context('ignore-error="true"') + when('context.Variables["c"] == null') + SET_CONTEXT,
        "<return-response/>" + request() + SET,
    ],
)
def test_fails_closed(inbound: str) -> None:
    assert judged(inbound) == []


@pytest.mark.parametrize(
    ("inbound", "missing"),
    [
        (
            '<authentication-managed-identity resource="r" ignore-error="true" output-token-variable-name="m"/>'
            '<set-header name="Authorization"><value>@("Bearer " + (string)context.Variables["m"])</value></set-header>',
            "what the header authorization holds when authentication-managed-identity yields no token",
        ),
        (
            request() + when(f'Regex.IsMatch({ANSWER}.Body.As<string>(), "access_token")', SET, REFUSE),
            "what the condition",
        ),
        (context('ignore-error="@(context.User == null)"') + SET_CONTEXT, "what the expression"),
        (request() + '<include-fragment fragment-id="gone"/>' + SET, "the policy fragment gone"),
    ],
)
def test_what_cannot_be_told(inbound: str, missing: str) -> None:
    (found,) = judged(inbound)
    assert isinstance(found, Unknown)
    assert found.missing.startswith(missing)


def test_a_hole_before_the_exchange_changes_nothing() -> None:
    (found,) = judged('<include-fragment fragment-id="gone"/>' + request() + SET)
    assert isinstance(found, FailOpen)


def test_named_values_are_put_in() -> None:
    text = f"<policies><inbound>{request()}{when(f'{ANSWER}.StatusCode != {{{{good}}}}')}{SET}</inbound><backend><forward-request/></backend></policies>"
    assert list(exchanges_failing_open(effective(text, named_values={"good": Known("200")}))) == []
    assert [type(found) for found in exchanges_failing_open(effective(text, named_values={"good": Known("400")}))] == [FailOpen]


def test_a_file_by_itself_forwards() -> None:
    policy = effective(f"<policies><inbound>{request()}{SET}</inbound><backend><base/></backend></policies>")
    assert list(exchanges_failing_open(policy)) == []
    assert [type(found) for found in exchanges_failing_open(policy, is_alone=True)] == [FailOpen]


def test_many_branches_are_followed_in_time() -> None:
    def branches(value: str) -> str:
        return "".join(
            f"<choose><when condition='@(x{number})'><set-variable name='v{number}' value='{value}'/></when></choose>"
            for number in range(40)
        )

    for value in ("@(context.RequestId)", "a"):
        (found,) = judged(branches(value) + request() + SET)
        assert isinstance(found, FailOpen)
    (found,) = judged(request() + branches(f"@({VALUE} + &quot;x&quot;)") + SET)
    assert isinstance(found, Unknown)
    assert "more paths" in found.missing

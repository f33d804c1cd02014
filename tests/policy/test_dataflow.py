"""Data flow: from where to where, across variables, branches, fragments and cached values."""

import pytest

from mcpguard.policy.dataflow import Flow, Label, SinkKind, follow
from tests.policy.test_effective import effective

AUTHORIZATION = 'context.Request.Headers.GetValueOrDefault("Authorization","")'
BODY = "context.Request.Body.As<JObject>(preserveContent: true)"


def flows(inbound: str = "", outbound: str = "", fragments: dict[str, str] | None = None) -> list[Flow]:
    text = (
        f"<policies><inbound>{inbound}</inbound><backend><forward-request/></backend><outbound>{outbound}</outbound></policies>"
    )
    return list(follow(effective(text, fragments=fragments)).flows)


def pairs(found: list[Flow]) -> set[tuple[Label, SinkKind]]:
    return {(flow.tainted.label, flow.sink) for flow in found}


def trace(code: str) -> str:
    return f'<trace source="t"><message>@({code})</message></trace>'


@pytest.mark.parametrize(
    ("inbound", "label", "sink"),
    [
        (trace(AUTHORIZATION), Label.CALLER_TOKEN, SinkKind.TELEMETRY),
        (
            f'<set-variable name="t" value="@({AUTHORIZATION})"/>' + trace('(string)context.Variables["t"]'),
            Label.CALLER_TOKEN,
            SinkKind.TELEMETRY,
        ),
        (trace('context.Request.Headers.GetValueOrDefault("Cookie","")'), Label.KEY, SinkKind.TELEMETRY),
        (trace(BODY), Label.REQUEST_BODY, SinkKind.TELEMETRY),
        (trace(f'{BODY}["params"]["arguments"]'), Label.REQUEST_BODY, SinkKind.TELEMETRY),
        (trace(f'{BODY}["params"]["name"]'), Label.CALLER_CHOSEN, SinkKind.TELEMETRY),
        (f'<log-to-eventhub logger-id="l">@({AUTHORIZATION})</log-to-eventhub>', Label.CALLER_TOKEN, SinkKind.TELEMETRY),
        (
            f'<emit-metric name="m"><dimension name="d" value="@({AUTHORIZATION})"/></emit-metric>',
            Label.CALLER_TOKEN,
            SinkKind.TELEMETRY,
        ),
        (
            f'<set-variable name="x" value="@{{ context.Trace({AUTHORIZATION}); return 1; }}"/>',
            Label.CALLER_TOKEN,
            SinkKind.TELEMETRY,
        ),
        (
            f'<set-header name="X-Token"><value>@({AUTHORIZATION})</value></set-header>',
            Label.CALLER_TOKEN,
            SinkKind.BACKEND_HEADER,
        ),
        (
            f'<set-query-parameter name="token"><value>@({AUTHORIZATION})</value></set-query-parameter>',
            Label.CALLER_TOKEN,
            SinkKind.BACKEND_QUERY,
        ),
        (f"<set-body>@({AUTHORIZATION})</set-body>", Label.CALLER_TOKEN, SinkKind.BACKEND_BODY),
        (
            '<set-backend-service base-url="@(context.Request.Headers.GetValueOrDefault("X-To",""))"/>',
            Label.CALLER_CHOSEN,
            SinkKind.BACKEND_ADDRESS,
        ),
        (
            '<send-request mode="copy" response-variable-name="r"><set-url>https://x.example</set-url></send-request>',
            Label.CALLER_TOKEN,
            SinkKind.OUTGOING_REQUEST,
        ),
        (
            f'<send-request mode="new" response-variable-name="r"><set-url>https://x.example</set-url><set-header name="A"><value>@({AUTHORIZATION})</value></set-header></send-request>',
            Label.CALLER_TOKEN,
            SinkKind.OUTGOING_REQUEST,
        ),
        (
            '<get-authorization-context provider-id="@(context.Request.Headers.GetValueOrDefault("p",""))" authorization-id="a" context-variable-name="c"/>',
            Label.CALLER_CHOSEN,
            SinkKind.CREDENTIAL_CHOICE,
        ),
        (
            '<send-request mode="new" response-variable-name="r"><set-url>https://login.example/t/oauth2/v2.0/token</set-url></send-request>'
            + trace('((IResponse)context.Variables["r"]).Body.As<string>()'),
            Label.TOKEN_RESPONSE,
            SinkKind.TELEMETRY,
        ),
        (
            f'<cache-store-value key="k" value="@({AUTHORIZATION})" duration="9"/><cache-lookup-value key="k" variable-name="v"/>'
            + trace('(string)context.Variables["v"]'),
            Label.CALLER_TOKEN,
            SinkKind.TELEMETRY,
        ),
        (
            '<authentication-managed-identity resource="r" output-token-variable-name="m"/>'
            + trace('(string)context.Variables["m"]'),
            Label.GATEWAY_TOKEN,
            SinkKind.TELEMETRY,
        ),
    ],
)
def test_what_reaches_where(inbound: str, label: Label, sink: SinkKind) -> None:
    assert (label, sink) in pairs(flows(inbound))


@pytest.mark.parametrize(
    "inbound",
    [
        trace(f'{AUTHORIZATION}.AsJwt()?.Claims["oid"]'),
        trace(f"{AUTHORIZATION}.Length"),
        trace(f'{AUTHORIZATION} == "" ? "anonymous" : "token"'),
        '<validate-jwt header-name="Authorization" output-token-variable-name="j"/>'
        + trace('((Jwt)context.Variables["j"]).Subject'),
        f'<set-variable name="t" value="@({AUTHORIZATION})"/><set-variable name="t" value="gone"/>'
        + trace('(string)context.Variables["t"]'),
        '<send-request mode="new" response-variable-name="r"><set-url>https://x.example/oauth2/token</set-url></send-request>'
        + trace('((IResponse)context.Variables["r"]).StatusCode'),
        '<send-request mode="copy" response-variable-name="r"><set-url>https://x.example</set-url><set-header name="Authorization" exists-action="delete"/></send-request>',
        f"<!-- {trace(AUTHORIZATION)} -->",
    ],
)
def test_what_is_no_flow_of_a_token(inbound: str) -> None:
    carried = {Label.CALLER_TOKEN, Label.TOKEN_RESPONSE, Label.KEY}
    assert not [flow for flow in flows(inbound) if flow.tainted.label in carried]


def test_a_branch_adds_and_does_not_replace() -> None:
    branch = '<choose><when condition="@(x)"><set-variable name="t" value="gone"/></when></choose>'
    found = flows(f'<set-variable name="t" value="@({AUTHORIZATION})"/>{branch}' + trace('(string)context.Variables["t"]'))
    assert (Label.CALLER_TOKEN, SinkKind.TELEMETRY) in pairs(found)


def test_flows_cross_fragments_and_keep_their_steps() -> None:
    fragments = {"f": "<fragment>" + trace('(string)context.Variables["t"]') + "</fragment>"}
    (flow,) = flows(
        f'<set-variable name="t" value="@({AUTHORIZATION})"/><include-fragment fragment-id="f"/>', fragments=fragments
    )
    assert [(step.artifact, step.note) for step in flow.steps] == [
        ("global.xml", "the caller's token goes into the variable t"),
        ("fragment.xml", "the caller's token reaches telemetry"),
    ]


def test_a_response_is_a_token_answer_when_a_token_is_taken_out_of_it() -> None:
    body = "context.Response.Body.As<JObject>(preserveContent: true)"
    plain = flows(outbound=trace(f"{body}.ToString()"))
    assert pairs(plain) == {(Label.RESPONSE_BODY, SinkKind.TELEMETRY)}
    taken = flows(
        outbound=trace(f"{body}.ToString()") + f'<set-variable name="t" value="@({body}["access_token"].ToString())"/>'
    )
    assert (Label.TOKEN_RESPONSE, SinkKind.TELEMETRY) in pairs(taken)


def test_what_could_not_be_followed_is_said() -> None:
    report = follow(
        effective('<policies><inbound><trace source="t"><message>@(context.(</message></trace></inbound></policies>')
    )
    assert report.not_understood
    report = follow(effective('<policies><inbound><include-fragment fragment-id="gone"/></inbound></policies>'))
    assert [unknown.missing for unknown in report.not_understood] == [
        "the policy fragment gone, which does not exist in the service"
    ]

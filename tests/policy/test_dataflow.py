"""Data flow: from where to where, across variables, branches, fragments and cached values."""

import pytest

from mcpguard.core.facts import Known
from mcpguard.policy.dataflow import follow
from mcpguard.policy.endpoints import Endpoint
from mcpguard.policy.labels import Flow, Label, SinkKind
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
        (trace(f'{AUTHORIZATION} + ((string)context.Variables["x"])?.Length'), Label.CALLER_TOKEN, SinkKind.TELEMETRY),
        (trace(f'"x" + {AUTHORIZATION}?.Trim()'), Label.CALLER_TOKEN, SinkKind.TELEMETRY),
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
        trace(f'"x" + {AUTHORIZATION}.AsJwt()?.Subject'),
        trace(f'"x" == {AUTHORIZATION}?.Trim()'),
        trace(f'{AUTHORIZATION} == "" ? "anonymous" : "token"'),
        '<validate-jwt header-name="Authorization" output-token-variable-name="j"/>'
        + trace('((Jwt)context.Variables["j"]).Subject'),
        f'<set-variable name="t" value="@({AUTHORIZATION})"/><set-variable name="t" value="gone"/>'
        + trace('(string)context.Variables["t"]'),
        '<send-request mode="new" response-variable-name="r"><set-url>https://x.example/oauth2/token</set-url></send-request>'
        + trace('((IResponse)context.Variables["r"]).StatusCode'),
        '<send-request mode="copy" response-variable-name="r"><set-url>https://x.example</set-url><set-header name="Authorization" exists-action="delete"/><set-header name="cookie" exists-action="delete"/><set-header name="Ocp-Apim-Subscription-Key"><value>mine</value></set-header></send-request>',
        f'<set-variable name="n" value="@({AUTHORIZATION} == null)"/>' + trace('context.Variables["n"].ToString()'),
        '<set-header name="Authorization" exists-action="delete"/>' + trace(AUTHORIZATION),
        '<set-header name="Authorization"><value>fixed</value></set-header>' + trace(AUTHORIZATION),
        '<authentication-managed-identity resource="r"/>' + trace(AUTHORIZATION),
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


def copied(before: str = "", inside: str = "") -> set[tuple[Label, str]]:
    text = f'{before}<send-request mode="copy" response-variable-name="r"><set-url>https://x.example</set-url>{inside}</send-request>'
    return {(flow.tainted.label, flow.name) for flow in flows(text) if flow.sink is SinkKind.OUTGOING_REQUEST}


TOKEN = (Label.CALLER_TOKEN, "Authorization")


@pytest.mark.parametrize(
    ("before", "inside", "is_copied"),
    [
        ("", "", True),
        ("", '<set-header name="authorization" exists-action="delete"/>', False),
        ("", '<set-header name="Authorization" exists-action="override"><value>mine</value></set-header>', False),
        ("", '<set-header name="Authorization"><value>mine</value></set-header>', False),
        ("", '<set-header name="Authorization" exists-action="skip"><value>mine</value></set-header>', True),
        ("", '<set-header name="Authorization" exists-action="append"><value>mine</value></set-header>', True),
        ("", f'<set-header name="Authorization"><value>@({AUTHORIZATION})</value></set-header>', True),
        ("", '<authentication-managed-identity resource="r"/>', False),
        ("", '<authentication-basic username="u" password="{{p}}"/>', False),
        ('<set-header name="Authorization" exists-action="delete"/>', "", False),
        ('<set-header name="Authorization" exists-action="skip"><value>mine</value></set-header>', "", True),
        ('<set-header name="Authorization" exists-action="append"><value>mine</value></set-header>', "", True),
        ('<authentication-managed-identity resource="r"/>', "", False),
        ('<authentication-managed-identity resource="r" output-token-variable-name="t"/>', "", True),
        ('<choose><when condition="@(x)"><set-header name="Authorization" exists-action="delete"/></when></choose>', "", True),
    ],
)
def test_copied_requests(before: str, inside: str, is_copied: bool) -> None:
    assert (TOKEN in copied(before, inside)) is is_copied


def test_copied_requests_hold_what_the_request_holds_then() -> None:
    found = copied('<authentication-managed-identity resource="r"/>')
    assert found == {(Label.GATEWAY_TOKEN, "Authorization"), (Label.KEY, "cookie"), (Label.KEY, "ocp-apim-subscription-key")}
    assert copied('<set-header name="Cookie" exists-action="delete"/>') == {TOKEN, (Label.KEY, "ocp-apim-subscription-key")}


def test_headers_are_read_again_as_policies_wrote_them() -> None:
    (flow,) = flows(
        f'<set-header name="X-Copy"><value>@({AUTHORIZATION})</value></set-header>'
        + trace('context.Request.Headers.GetValueOrDefault("X-Copy","")')
    )[1:]
    assert (flow.tainted.label, flow.sink) == (Label.CALLER_TOKEN, SinkKind.TELEMETRY)
    assert [step.note for step in flow.steps] == [
        "the caller's token goes into the header X-Copy",
        "the caller's token reaches telemetry",
    ]
    written = '<set-header name="X-Id"><value>@(context.RequestId.ToString())</value></set-header>'
    assert not flows(written + trace('context.Request.Headers.GetValueOrDefault("X-Id","")'))
    gateway = '<authentication-managed-identity resource="r"/>' + trace(AUTHORIZATION)
    assert pairs(flows(gateway)) == {(Label.GATEWAY_TOKEN, SinkKind.TELEMETRY)}


def test_an_error_may_come_before_a_header_is_written() -> None:
    text = (
        '<policies><inbound><set-header name="Authorization" exists-action="delete"/></inbound>'
        f"<on-error>{trace(AUTHORIZATION)}</on-error></policies>"
    )
    assert pairs(list(follow(effective(text)).flows)) == {(Label.CALLER_TOKEN, SinkKind.TELEMETRY)}


@pytest.mark.parametrize("key", ["k", "@(context.User.Id + &quot;-t&quot;)"])
def test_what_one_call_caches_the_next_one_finds(key: str) -> None:
    store = f'<cache-store-value key="{key}" value="@({AUTHORIZATION})" duration="9"/>'
    lookup = f'<cache-lookup-value key=" {key} " variable-name="v"/>' + trace('(string)context.Variables["v"]')
    (flow,) = [flow for flow in flows(lookup, outbound=store) if flow.sink is SinkKind.TELEMETRY]
    assert flow.tainted.label is Label.CALLER_TOKEN
    assert [str(step.note).split(" goes ")[-1].split(" under")[0] for step in flow.steps] == [
        "into the cache",
        "into the variable v",
        "the caller's token reaches telemetry",
    ]
    other = lookup.replace(key, "another")
    assert SinkKind.TELEMETRY not in {flow.sink for flow in flows(other, outbound=store)}


def test_the_default_of_a_cache_lookup_is_a_value_too() -> None:
    lookup = f'<cache-lookup-value key="k" default-value="@({AUTHORIZATION})" variable-name="v"/>'
    assert (Label.CALLER_TOKEN, SinkKind.TELEMETRY) in pairs(flows(lookup + trace('(string)context.Variables["v"]')))


def test_keys_under_other_names() -> None:
    read = (
        trace('context.Request.Headers.GetValueOrDefault("X-My-Key","")')
        + trace('context.Request.OriginalUrl.Query.GetValueOrDefault("my-key","")')
        + trace("context.Subscription.PrimaryKey")
        + trace("context.Subscription.Id")
    )
    text = f"<policies><inbound>{read}</inbound></policies>"
    labels = [flow.tainted.label for flow in follow(effective(text), frozenset({"x-my-key", "my-key"})).flows]
    assert labels == [Label.KEY, Label.KEY, Label.KEY]
    assert [flow.tainted.label for flow in flows(read)] == [Label.CALLER_CHOSEN, Label.CALLER_CHOSEN, Label.KEY]


@pytest.mark.parametrize(
    ("url", "before", "endpoint"),
    [
        ("https://login.microsoftonline.com/t/oauth2/v2.0/token", "", Endpoint.ISSUER),
        ('@("https://login.microsoftonline.com/" + x + "/oauth2/v2.0/token")', "", Endpoint.ISSUER),
        ("https://{{authority}}/oauth2/v2.0/token", "", Endpoint.ISSUER),
        ("https://{{unknown}}/oauth2/v2.0/token", "", Endpoint.OTHER),
        ("https://contoso.ciamlogin.com/t/oauth2/v2.0/token", "", Endpoint.ISSUER),
        ("https://login.microsoftonline.com.evil.example/t/oauth2/v2.0/token", "", Endpoint.OTHER),
        ("https://evil.example/login.microsoftonline.com/oauth2/v2.0/token", "", Endpoint.OTHER),
        ("https://login.microsoftonline.com@evil.example/t/oauth2/v2.0/token", "", Endpoint.OTHER),
        ("https://idp.example/oauth/token", "", Endpoint.OTHER),
        (
            "https://idp.example/oauth/token",
            '<validate-jwt header-name="Authorization"><openid-config url="https://idp.example/.well-known/openid-configuration"/></validate-jwt>',
            Endpoint.ISSUER,
        ),
        (
            "https://idp.example/introspect",
            '<validate-jwt header-name="Authorization"><issuers><issuer>https://idp.example/</issuer></issuers></validate-jwt>',
            Endpoint.ISSUER,
        ),
        ("https://api.example/things", "", Endpoint.NONE),
    ],
)
def test_endpoints_that_tokens_are_shown_to(url: str, before: str, endpoint: Endpoint) -> None:
    text = (
        f'<policies><inbound>{before}<send-request mode="new" response-variable-name="r"><set-url>{url}</set-url>'
        f'<set-body>@("assertion=" + {AUTHORIZATION})</set-body></send-request></inbound></policies>'
    )
    policy = effective(text, named_values={"authority": Known("login.microsoftonline.com")})
    (flow,) = [flow for flow in follow(policy).flows if flow.sink is SinkKind.OUTGOING_REQUEST]
    assert flow.endpoint is endpoint


def test_a_null_test_is_no_read_of_the_body() -> None:
    assert not flows(trace("context.Request.Body == null"))
    assert not flows(trace('context.Request.Body != null ? "body" : "none"'))


@pytest.mark.parametrize(
    ("body", "labels"),
    [
        ("<set-body>fixed</set-body>", set()),
        (f"<set-body>@({AUTHORIZATION})</set-body>", {Label.CALLER_TOKEN}),
        (f'<set-body>@({BODY}["params"].ToString())</set-body>', {Label.REQUEST_BODY}),
        ('<choose><when condition="@(x)"><set-body>fixed</set-body></when></choose>', {Label.REQUEST_BODY}),
        ('<set-body template="liquid">{{body.params}}</set-body>', {Label.REQUEST_BODY}),
    ],
)
def test_the_body_is_read_again_as_policies_wrote_it(body: str, labels: set[Label]) -> None:
    found = flows(body + trace(BODY))
    assert {flow.tainted.label for flow in found if flow.sink is SinkKind.TELEMETRY} == labels


def test_flows_cross_scopes() -> None:
    def document(inbound: str) -> str:
        return f"<policies><inbound><base/>{inbound}</inbound></policies>"

    store = document(f'<set-variable name="t" value="@({AUTHORIZATION})"/>')
    read = document(trace('(string)context.Variables["t"]'))
    (flow,) = follow(effective(store, None, document(""), read)).flows
    assert (flow.tainted.label, flow.sink) == (Label.CALLER_TOKEN, SinkKind.TELEMETRY)
    assert [step.artifact for step in flow.steps] == ["global.xml", "operation.xml"]
    cut = document(trace('(string)context.Variables["t"]')).replace("<base/>", "")
    assert not follow(effective(store, None, None, cut)).flows

"""Per-tool checks, tried out with other shapes of request."""

import pytest

from mcpguard.core.facts import Unknown
from mcpguard.policy.trials.tool_checks import ToolCheck, tool_checks
from tests.policy.test_effective import effective

OBJECT = "context.Request.Body.As<JObject>(preserveContent: true)"
TOKEN = "context.Request.Body.As<JToken>(preserveContent: true)"
TEXT = "context.Request.Body.As<string>(preserveContent: true)"
MAY = '((Jwt)context.Variables["jwt"]).Claims["roles"].Contains("x")'
MAY_NOT = f"!{MAY}"
REFUSE = '<return-response><set-status code="403"/></return-response>'
VALIDATE = '<validate-jwt header-name="Authorization" output-token-variable-name="jwt">{}</validate-jwt>'
ROLES = '<required-claims><claim name="roles"><value>Any</value></claim></required-claims>'


def when(condition: str, then: str = REFUSE, otherwise: str = "") -> str:
    return (
        f"<choose><when condition='@({condition})'>{then}</when>{otherwise and f'<otherwise>{otherwise}</otherwise>'}</choose>"
    )


def judged(inbound: str, claims: str = ROLES, tools: tuple[str, ...] = ()) -> list[ToolCheck | Unknown]:
    start = VALIDATE.format(claims)
    text = f"<policies><inbound>{start}{inbound}</inbound><backend><forward-request/></backend></policies>"
    return list(tool_checks(effective(text), tools))


@pytest.mark.parametrize(
    "inbound",
    [
        when(f'(string){TOKEN}.SelectToken("params.name") == "pay" &amp;&amp; {MAY_NOT}'),
        when(f'(string)({TOKEN} as JObject)?["params"]?["name"] == "pay" &amp;&amp; {MAY_NOT}'),
        when(f'{TOKEN}.Type == JTokenType.Object &amp;&amp; (string){TOKEN}["method"] == "tools/call" &amp;&amp; {MAY_NOT}'),
        when(f'(string){TOKEN}.SelectToken("method") == "tools/call"', when(MAY_NOT)),
        when(
            f'(string){TOKEN}.SelectToken("method") != "tools/call" || {MAY}', "<set-variable name='ok' value='yes'/>", REFUSE
        ),
        when(f'(string){TOKEN}.SelectToken("params.name") == "pay"', VALIDATE.format(ROLES)),
        # the first of a list is looked at, and no other
        f"<set-variable name='first' value='@({TOKEN} is JArray ? {TOKEN}[0] : {TOKEN})'/>"
        + when(f'(string)((JToken)context.Variables["first"]).SelectToken("params.name") == "pay" &amp;&amp; {MAY_NOT}'),
        # by a prefix, and by a tool of the server's that the policy does not name
        when(f'((string){TOKEN}.SelectToken("params.name") ?? "").StartsWith("pay_") &amp;&amp; {MAY_NOT}'),
        when(f'((string){TOKEN}.SelectToken("params.name") ?? "").EndsWith("nt") &amp;&amp; {MAY_NOT}'),
    ],
)
def test_a_batch_passes(inbound: str) -> None:
    (found,) = judged(inbound, tools=("payment",))
    assert isinstance(found, ToolCheck)
    assert (found.passes_batch, found.passes_other_methods) == (True, False)


@pytest.mark.parametrize(
    "inbound",
    [
        when(f"{TOKEN}.Type != JTokenType.Object")
        + when(f'(string){TOKEN}.SelectToken("params.name") == "pay" &amp;&amp; {MAY_NOT}'),
        when(f'(string){OBJECT}["method"] == "tools/call" &amp;&amp; {MAY_NOT}'),
        when(f'(string){TOKEN}["method"] == "tools/call" &amp;&amp; {MAY_NOT}'),
        when(f'{TEXT}.Contains("\\"pay\\"") &amp;&amp; {MAY_NOT}'),
    ],
)
def test_a_batch_does_not_pass(inbound: str) -> None:
    (found,) = judged(inbound)
    assert isinstance(found, ToolCheck)
    assert not found.passes_batch


@pytest.mark.parametrize(
    "inbound",
    [
        "",
        when(MAY_NOT),
        when("context.Request.IpAddress == null", VALIDATE.format(ROLES)),
        when(f'(string){TOKEN}.SelectToken("params.name") == "pay"', VALIDATE.format("")),
        when(f'(string){TOKEN}.SelectToken("params.name") == "pay"'),  # closed to everybody
        when(f'(string){TOKEN}.SelectToken("params.name") == "pay" &amp;&amp; {MAY_NOT}', "<set-variable name='a' value='b'/>"),
        f"<set-variable name='n' value='@((string){TOKEN}.SelectToken(\"method\"))'/>" + when(MAY_NOT),
        when(f"{TOKEN}.Type != JTokenType.Object"),
    ],
)
def test_no_per_tool_check(inbound: str) -> None:
    assert judged(inbound) == []


def test_other_methods() -> None:
    check = when(f'(string){OBJECT}["method"] == "tools/call" &amp;&amp; {MAY_NOT}')
    assert [found.passes_other_methods for found in judged(check, claims="") if isinstance(found, ToolCheck)] == [True]
    assert [found.passes_other_methods for found in judged(check) if isinstance(found, ToolCheck)] == [False]
    listed = when(f'(string){OBJECT}["method"] == "tools/list"', "<set-variable name='a' value='b'/>", check + REFUSE)
    assert not [found for found in judged(listed, claims="") if isinstance(found, ToolCheck) and found.passes_other_methods]


@pytest.mark.parametrize(
    ("inbound", "missing"),
    [
        (when(f'Regex.IsMatch({TEXT}, "pay") &amp;&amp; {MAY_NOT}'), "what the condition"),
        (
            when(f'(string){TOKEN}.SelectToken("params.name") == "pay" &amp;&amp; {MAY_NOT}')
            + '<include-fragment fragment-id="f"/>',
            "the policy",
        ),
    ],
)
def test_what_cannot_be_told(inbound: str, missing: str) -> None:
    (found,) = judged(inbound)
    assert isinstance(found, Unknown)
    assert found.missing.startswith(missing)


def test_a_condition_elsewhere_that_is_not_followed_does_not_matter() -> None:
    aside = when(f'Regex.IsMatch({TEXT}, "x")', "<set-variable name='a' value='b'/>")
    (found,) = judged(aside + when(f'(string){TOKEN}.SelectToken("params.name") == "pay" &amp;&amp; {MAY_NOT}'))
    assert isinstance(found, ToolCheck)
    assert found.passes_batch

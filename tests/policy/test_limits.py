"""Who chooses what a limit counts by."""

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.entry_paths import EntryPath, Key
from mcpguard.model.limits import counts_by_callers_choice, limits_met
from mcpguard.model.server_view import ServerCall
from mcpguard.policy.effective import Statement
from tests.policy.test_guards import policy

SESSION = 'context.Request.Headers.GetValueOrDefault("Mcp-Session-Id", "unknown")'
TOKEN = 'context.Request.Headers.GetValueOrDefault("Authorization", "")'
VALIDATE = '<validate-jwt header-name="Authorization" output-token-variable-name="caller"/>'


def chosen(counter_key: str, before: str = "", key: Key = Key.NONE) -> bool | str:
    limit = f'<rate-limit-by-key calls="1" renewal-period="1" counter-key="{counter_key}"/>'
    call = ServerCall(EntryPath("api", key, "", "without a key"), None, policy(before + limit))
    statement = next(found for found in limits_met(call) if isinstance(found, Statement))
    match counts_by_callers_choice(call, statement):
        case Known(value=value):
            return value
        case Unknown(missing=missing):
            return missing


@pytest.mark.parametrize(
    ("counter_key", "before", "wanted"),
    [
        (f"@({SESSION})", "", True),
        (f'@("mcp-" + {SESSION} + context.Api.Id)', "", True),
        ('@(context.Request.Url.Query.GetValueOrDefault("user", ""))', "", True),
        ('@(context.Request.Body.As<JObject>(preserveContent: true)["user"].ToString())', "", True),
        ("@(context.Request.IpAddress)", "", False),
        ("@(context.Subscription?.Id ?? context.Request.IpAddress)", "", False),
        (f"@(context.Request.IpAddress + {SESSION})", "", False),
        ("everybody", "", False),
        (f"@({TOKEN}.AsJwt()?.Subject)", VALIDATE, False),
        (f"@({TOKEN}.AsJwt()?.Subject)", "", True),
        (f"@({TOKEN})", VALIDATE, False),
        ('@(((Jwt)context.Variables["caller"]).Subject)', VALIDATE, False),
        ('@((string)context.Variables["s"])', f'<set-variable name="s" value="@({SESSION})"/>', True),
        ('@((string)context.Variables["s"])', '<set-variable name="s" value="@((string)context.Variables[\'s\'])"/>', None),
    ],
)
def test_counter_keys(counter_key: str, before: str, wanted: bool | None) -> None:
    found = chosen(counter_key, before)
    assert isinstance(found, bool | str) if wanted is None else found is wanted


@pytest.mark.parametrize(
    ("counter_key", "before", "missing"),
    [
        ('@((string)context.Variables["s"])', "", "variable s"),
        ("@(context.Request.Headers[,] + )", "", "counter key"),
        ("{{some-key}}", "", "named value"),
        ('@(context.Request.Headers.GetValueOrDefault("X-Forwarded-For", ""))', "", "in front of the gateway"),
    ],
)
def test_what_cannot_be_told_is_unknown(counter_key: str, before: str, missing: str) -> None:
    assert missing in str(chosen(counter_key, before))


def test_a_subscription_key_in_the_header_is_validated_on_ways_that_ask_for_one() -> None:
    counter_key = '@(context.Request.Headers.GetValueOrDefault("Ocp-Apim-Subscription-Key", ""))'
    assert chosen(counter_key, key=Key.PRODUCT) is False
    assert chosen(counter_key, key=Key.NONE) is True

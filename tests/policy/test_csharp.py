"""Expressions: what is read, what the value carries, what is not understood."""

import pytest

from mcpguard.policy.csharp import Source, analyse

AUTHORIZATION = Source("request-header", "authorization")


@pytest.mark.parametrize(
    "code",
    [
        'context.Request.Headers["Authorization"].First()',
        'context.Request.Headers.GetValueOrDefault("authorization", "")',
        'context.Request.Headers.GetValueOrDefault("Authorization","").Substring(7).Trim()',
        'context?.Request?.Headers?["Authorization"]',
        '"Bearer " + context.Request.Headers.GetValueOrDefault("Authorization","").Split(\' \')[1]',
        '$"Bearer {context.Request.Headers.GetValueOrDefault("Authorization","")}"',
        '(context.Request.Headers.GetValueOrDefault("Authorization","") ?? "none")',
        'true ? context.Request.Headers.GetValueOrDefault("Authorization","") : ""',
        'Convert.ToBase64String(Encoding.UTF8.GetBytes(context.Request.Headers["Authorization"][0]))',
    ],
)
def test_the_token_is_carried(code: str) -> None:
    found = analyse(code, block=False)
    assert found.understood
    assert AUTHORIZATION in found.carries


@pytest.mark.parametrize(
    "code",
    [
        'context.Request.Headers.GetValueOrDefault("Authorization","").AsJwt()?.Claims["oid"]',
        'context.Request.Headers.GetValueOrDefault("Authorization","").Split(\' \')[1].AsJwt()?.Subject',
        'context.Request.Headers.GetValueOrDefault("Authorization","") == "{{key}}"',
        'context.Request.Headers.ContainsKey("Authorization")',
        'context.Request.Headers.GetValueOrDefault("Authorization","").StartsWith("Bearer ")',
        'context.Request.Headers.GetValueOrDefault("Authorization","").Length',
        'string.IsNullOrEmpty(context.Request.Headers.GetValueOrDefault("Authorization",""))',
        'context.Request.Headers.GetValueOrDefault("Authorization","") != null ? "a" : "b"',
    ],
)
def test_what_is_derived_from_the_token_is_not_the_token(code: str) -> None:
    found = analyse(code, block=False)
    assert found.understood
    assert AUTHORIZATION not in found.carries


def test_statements_aliases_and_out_variables() -> None:
    code = ' string v; if (context.Request.Headers.TryGetValue("Authorization", out v)) { return v; } return ""; '
    assert AUTHORIZATION in analyse(code, block=True).carries
    code = ' var t = context.Request.Headers.GetValueOrDefault("Authorization", ""); var x = t.Substring(7); return "a" + x; '
    assert AUTHORIZATION in analyse(code, block=True).carries
    code = ' var t = context.Request.Headers.GetValueOrDefault("Authorization", ""); return "nothing"; '
    assert analyse(code, block=True).carries == frozenset()
    assert analyse(code, block=True).reads_header("AUTHORIZATION")


def test_variables_bodies_and_claims() -> None:
    assert analyse('context.Variables.GetValueOrDefault<string>("t")', block=False).carries == {Source("variable", "t")}
    assert analyse('((IResponse)context.Variables["r"]).Body.As<JObject>()["access_token"]', block=False).carries == {
        Source("variable", "r")
    }
    assert analyse("context.Request.Body.As<JObject>(preserveContent: true)", block=False).carries == {
        Source("request-body", "", True)
    }
    assert analyse("context.Request.Body.As<JObject>()", block=False).carries == {Source("request-body", "", False)}
    assert analyse("context.Response.Body.As<string>()", block=False).reads == {Source("response-body")}


def test_constants_and_what_is_not_understood() -> None:
    assert analyse("true", block=False).constant is True
    assert analyse(" false ", block=False).constant is False
    assert not analyse("context.Request.(", block=False).understood
    assert analyse("{{limit}} > 3", block=False).understood
    assert not analyse("(" * 5000 + "a" + ")" * 5000, block=False).understood

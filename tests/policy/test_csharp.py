"""Expressions: what is read, what the value carries, what is not understood."""

import pytest

from mcpguard.policy.csharp import Source, analyse, leading_text

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
    assert AUTHORIZATION in analyse(code, block=True).reads


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


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ('"https://x.example/" + a', "https://x.example/"),
        ('("https://x.example/" + a) + b', "https://x.example/"),
        ('$"https://x.example/{a}/b"', "https://x.example/"),
        ('$"{a}/b"', ""),
        ('a + "https://x.example/"', ""),
        ("context.Request.Url.ToString()", ""),
        ('@"https://{{host}}/" + a', "https://{{host}}/"),
    ],
)
def test_the_text_a_value_begins_with(code: str, wanted: str) -> None:
    assert leading_text(code, block=False) == wanted


@pytest.mark.parametrize(
    "code",
    [
        "context.Response.Body != null",
        "null == context.Response?.Body",
        "context.Response.Body is null",
        'context.Response.Body == null ? "empty" : "full"',
    ],
)
def test_a_null_test_reads_no_body(code: str) -> None:
    found = analyse(code, block=False)
    assert found.understood
    assert "response-body" not in {source.kind for source in found.reads}


@pytest.mark.parametrize(
    "code",
    [
        "return context.Response.Body;",
        "return context.Response?.Body?.As<string>() == null;",
        "var r = context.Response; return r.Body.As<string>();",
        "var b = context.Response.Body; if (b != null) { return b.As<JObject>(true); } return null;",
        "var c = context; var r = c.Response; return r.Body.As<string>().Length;",
    ],
)
def test_bodies_are_read_under_other_names_too(code: str) -> None:
    found = analyse(code, block=True)
    assert found.understood
    assert "response-body" in {source.kind for source in found.reads}


def test_a_body_under_another_name_is_preserved_or_not() -> None:
    code = "var body = context.Request.Body; return body.As<JObject>(preserveContent: true);"
    assert {source.preserved for source in analyse(code, block=True).reads} == {True}
    assert {source.preserved for source in analyse(code.replace("true", "false"), block=True).reads} == {False}

"""Expressions evaluated with what is known around them, as C# would."""

import pytest

from mcpguard.policy.trials.evaluation import evaluate
from mcpguard.policy.trials.surroundings import Surroundings
from mcpguard.policy.trials.values import NULL, Answer, Body, Data, Json, Thrown, Value

CALL = '{"method": "tools/call", "params": {"name": "pay", "n": 3, "flag": true, "none": null}}'
REFUSED = Value(True, Answer(400, '{"error": "invalid_grant"}'), on_trial=True)
TOKEN = Value(False, is_callers=True)
ANSWER = '((IResponse)context.Variables["refused"])'
BODY = "context.Request.Body.As<JToken>(preserveContent: true)"
OBJECT = "context.Request.Body.As<JObject>(preserveContent: true)"


def run(code: str, block: bool = False, body: str = CALL) -> Value:
    variables = (("refused", REFUSED), ("null", Value(True, None, on_trial=True)), ("text", Value(True, "Abc")))
    whole = Value(True, Body(body), on_trial=True)
    around = Surroundings(variables, (("authorization", TOKEN),), whole, frozenset({"unset"}))
    return evaluate(code, block, around)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (f"{ANSWER}.StatusCode == 200", False),
        (f"{ANSWER}.StatusCode != 200 || somethingElse", True),
        (f"{ANSWER}.StatusCode >= 400 && {ANSWER}.StatusCode < 500", True),
        (f'(string){ANSWER}.Body.As<JObject>()["access_token"]', None),
        (f'"Bearer " + (string){ANSWER}.Body.As<JObject>()["access_token"]', "Bearer "),
        (f'$"Bearer {{(string){ANSWER}.Body.As<JObject>()["access_token"]}}"', "Bearer "),
        (f'{ANSWER}.Body.As<JObject>()["access_token"]?.ToString()', None),
        (f'{ANSWER}.Body.As<JObject>()["error"].ToString()', "invalid_grant"),
        (f'{ANSWER}.Body.As<JObject>().Value<string>("access_token")', None),
        (f'{ANSWER}.Body.As<JObject>().ContainsKey("access_token")', False),
        (f'JObject.Parse({ANSWER}.Body.As<string>())["error"].Value<string>()', "invalid_grant"),
        (f'string.IsNullOrEmpty((string){ANSWER}.Body.As<JObject>()["access_token"])', True),
        ('context.Variables["null"] == null', True),
        ('context.Variables["null"] != null && context.Variables["null"].Anything', False),
        ('((IResponse)context.Variables["null"])?.Body.As<JObject>()["x"].ToString() ?? "none"', "none"),
        ('"Bearer " + ((Authorization)context.Variables.GetValueOrDefault("null"))?.AccessToken', "Bearer "),
        ('context.Variables.ContainsKey("text")', True),
        ('context.Variables.GetValueOrDefault("unset") == null', True),
        ('((string)context.Variables["text"]).ToLower() == "abc"', True),
        ('((string)context.Variables["text"]).Equals("ABC", StringComparison.OrdinalIgnoreCase)', True),
        ('((string)context.Variables["text"]).Equals("ABC")', False),
        ('string.IsNullOrWhiteSpace(" ") && !string.IsNullOrEmpty(" ")', True),
        (f'(string){OBJECT}["method"]', "tools/call"),
        (f'(int){OBJECT}["params"]["n"]', 3),
        (f'(bool){OBJECT}["params"]["flag"]', True),
        (f'(string){OBJECT}["params"]["none"]', None),
        (f'{OBJECT}["params"]["none"] == null', False),
        (f'{OBJECT}["params"]?["missing"] == null', True),
        (f'(string){BODY}.SelectToken("params.name")', "pay"),
        (f"{BODY}.Type == JTokenType.Object", True),
        (f"{BODY} is JArray", False),
        (f"{BODY} is JObject found && found.HasValues", True),
        (f"!({BODY} is not JArray)", False),
        (f"({BODY} as JArray) == null", True),
        (f'new [] {{ "pay", "refund" }}.Contains((string){BODY}.SelectToken("params.name"))', True),
        (f'new HashSet<string> {{ "refund" }}.Contains((string){BODY}.SelectToken("params.name"))', False),
        ('true ? "a" : undefined', "a"),
    ],
)
def test_what_is_known(code: str, wanted: Data) -> None:
    found = run(code)
    assert (found.is_known, found.data) == (True, wanted)


@pytest.mark.parametrize(
    "code",
    [
        f'{ANSWER}.Body.As<JObject>()["access_token"].ToString()',
        f"{ANSWER}.Body.As<JArray>()",
        '((IResponse)context.Variables["null"]).StatusCode == 200',
        '(bool)context.Variables["null"]',
        f'(bool){OBJECT}["missing"]',
        f'(string){OBJECT}["params"]',
        f'{OBJECT}["method"]["x"]',
        "JToken.Parse((string)null)",
        'JToken.Parse("{")',
    ],
)
def test_what_raises(code: str) -> None:
    with pytest.raises(Thrown):
        run(code)


BATCH = f"[{CALL}]"


def test_a_batch_is_no_object() -> None:
    with pytest.raises(Thrown):
        run(f'{OBJECT}["method"]', body=BATCH)
    with pytest.raises(Thrown):
        run(f'{BODY}["method"]', body=BATCH)
    assert run(f'{BODY}.SelectToken("method")', body=BATCH) == Value(True, None, on_trial=True)
    assert run(f'({BODY} as JObject)?["method"]', body=BATCH) == Value(True, None, on_trial=True)
    assert run(f'{BODY}[0]["method"].ToString()', body=BATCH).data == "tools/call"
    assert isinstance(run(BODY, body=BATCH).data, Json)


@pytest.mark.parametrize(
    ("code", "on_trial", "is_callers"),
    [
        ('context.Request.Headers.GetValueOrDefault("Authorization", "").Split(\' \')[1]', False, True),
        ('context.Request.Headers["Authorization"][0].Replace("Bearer ", "")', False, True),
        ('"Bearer " + context.Request.Headers["Authorization"].Last()', False, True),
        ('context.Request.Headers.GetValueOrDefault("Authorization", "").AsJwt().Subject', False, False),
        ('context.Request.Headers.GetValueOrDefault("Authorization", "").Length > 3', False, False),
        ('((Jwt)context.Variables["jwt"]).Claims["roles"].Contains("x")', False, False),
        (f'((Jwt)context.Variables["jwt"]).Claims["roles"].Contains((string){OBJECT}["method"])', False, False),
        (
            f'(string){OBJECT}["method"] == "tools/call" && !((Jwt)context.Variables["jwt"]).Claims["r"].Contains("x")',
            False,
            False,
        ),
        (f'Regex.IsMatch((string){OBJECT}["method"], "call")', True, False),
        (f'(string){OBJECT}["method"] == "{{{{tool}}}}"', False, False),
        (f'unknown ? (string){OBJECT}["method"] : null', True, False),
        ('context.Variables["unset"]', True, False),
        ("not csharp", False, False),
        ('not csharp context.Variables["refused"]', True, False),
        ('not csharp context.Variables["unset"]', True, False),
        ("not csharp context.Request.Body", True, False),
    ],
)
def test_what_is_not_known(code: str, on_trial: bool, is_callers: bool) -> None:
    found = run(code)
    assert not found.is_known
    assert (found.on_trial, found.is_callers) == (on_trial, is_callers)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (f'var r = {ANSWER}; if (r == null || r.StatusCode != 200) {{ return ""; }} return "x";', ""),
        (f'if ({ANSWER}.StatusCode == 200) return "x"; else return "y";', "y"),
        (f'string t = null; if ({ANSWER}.StatusCode != 200) {{ t = "set"; }} return t;', "set"),
        (f'try {{ return {ANSWER}.Body.As<JArray>()[0].ToString(); }} catch (Exception) {{ return "caught"; }}', "caught"),
        ("try { var a = 1; } catch { return 2; } return 3;", 3),
        ('JToken t; return JObject.Parse("{}").TryGetValue("x", out t) ? "found" : "missing";', "missing"),
        ('if (somebody) { return "same"; } return "same";', "same"),
    ],
)
def test_statements(code: str, wanted: Data) -> None:
    found = run(code, block=True)
    assert (found.is_known, found.data) == (True, wanted)


def test_statements_that_are_not_followed_say_what_they_rest_on() -> None:
    assert run('foreach (var x in things) { } return "";', block=True) == Value(False)
    assert run(f'foreach (var x in {BODY}) {{ }} return "";', block=True) == Value(False, on_trial=True)
    assert run('while (true) { return context.Request.Headers["Authorization"][0]; }', block=True) == TOKEN
    assert run('throw_away(); return (string)context.Variables["null"];', block=True).on_trial
    with pytest.raises(Thrown):
        run('throw new Exception("no");', block=True)


def test_long_code_is_followed_and_ends() -> None:
    assert run("var a = 1; " * 300 + 'return "end";', block=True).data == "end"
    assert run("+".join(['"a"'] * 3000)).is_known is False
    assert run("(" * 400 + "1" + ")" * 400).is_known is False
    assert run("a" + ".b" * 3000).is_known is False
    assert run("if (x) { y = 1; } " * 40 + "return y;", block=True).is_known is False
    assert NULL.is_known

"""What an expression may yield, and what is then known to hold."""

import pytest

from mcpguard.policy.symbolic.evaluation import Evaluated, evaluate
from mcpguard.policy.symbolic.symbols import HOLE, NO_FACTS, Alternative, Origin, Part, Value, atom, branches
from mcpguard.policy.tree import Expression

STORED = Origin("stored", "client-\0")
WANTED = Origin("query", "redirect_uri")
KEPT: dict[str, Value] = {"client": atom(STORED)}
SETUP = 'var wanted = context.Request.Url.Query.GetValueOrDefault("redirect_uri", ""); var client = (string)context.Variables["client"];'


def run(code: str, variables: dict[str, Value] | None = None) -> Evaluated:
    return evaluate(Expression(0, 0, code, "return" in code), KEPT if variables is None else variables, NO_FACTS)


def only(code: str) -> Alternative:
    (found,) = run(code).value
    return found


def compared(code: str) -> set[frozenset[Origin]]:
    """What stands on either side of the equalities that hold where a condition is true."""
    when_true, _ = branches(run(code).value)
    return {content for fact in when_true or () if fact.kind == "equal" for content in (*fact.left, *fact.right)}


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        ('context.Request.Url.Query.GetValueOrDefault("state", "")', Origin("query", "state")),
        ('context.Request.OriginalUrl.Query["state"][0]', Origin("query", "state")),
        ('context.Request.Url.Query["state"].FirstOrDefault()', Origin("query", "state")),
        ('context.Request.Headers.GetValueOrDefault("X-Client", "")', Origin("header", "x-client")),
        ('context.Request.Headers.GetValueOrDefault("Cookie")', Origin("cookie")),
        ('context.Request.Body.As<JObject>(preserveContent: true)["redirect_uris"]', Origin("form", "redirect_uris")),
        ('context.Request.Body.AsFormUrlEncodedContent()["code"][0]', Origin("form", "code")),
        ('(string)JObject.Parse((string)context.Variables["client"])["a"]["b"]', Origin("stored", "client-\0", "a.b")),
        ('"{{session-key}}"', Origin("named-value", "session-key")),
        ("Guid.NewGuid().ToString()", Origin("random")),
        ('context.Variables["never-set"]', Origin("unknown", "variable never-set")),
    ],
)
def test_origins(code: str, origin: Origin) -> None:
    assert only(code).origins == {origin}


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("System.Net.WebUtility.UrlDecode(wanted)", Part.WHOLE),
        ("wanted.Trim().ToLower()", Part.WHOLE),
        ("new Uri(wanted).AbsoluteUri", Part.WHOLE),
        ("wanted.Substring(3)", Part.UNCLEAR),
        ("Helper.Twist(wanted)", Part.UNCLEAR),
        ("new Uri(wanted).Host", Part.LOSSY),
        ("wanted.Length", Part.LOSSY),
    ],
)
def test_how_much_of_an_origin_is_left(code: str, part: Part) -> None:
    assert {origin.part for origin in only(SETUP + f"return {code};").origins} == {part}


@pytest.mark.parametrize(
    "code",
    [
        "client == wanted",
        "client.Equals(wanted)",
        "string.Equals(client, wanted, StringComparison.Ordinal)",
        "string.Compare(client, wanted) == 0",
        "!(client != wanted)",
        "!string.IsNullOrEmpty(client) && client == wanted",
        "JArray.Parse(client).Any(uri => (string)uri == wanted)",
        "JArray.Parse(client).Contains(wanted)",
        "((JArray)client).FirstOrDefault(uri => (string)uri == wanted) != null",
        "(client == wanted ? true : false)",
        "JArray.Parse(client).Where(uri => (string)uri == wanted).Any()",
        'client == wanted || wanted == "https://a"',
    ],
)
def test_equality_in_its_spellings(code: str) -> None:
    assert compared(SETUP + f"return {code};") >= {frozenset({STORED}), frozenset({WANTED})}


@pytest.mark.parametrize(
    "code",
    [
        "client != wanted",
        "client == wanted || wanted.Length > 3",
        "wanted.StartsWith(client)",
        "client.Contains(wanted)",
        "JArray.Parse(client).Any(uri => wanted.StartsWith((string)uri))",
        "client == wanted == false",
    ],
)
def test_no_equality(code: str) -> None:
    assert not {frozenset({STORED}), frozenset({WANTED})} <= compared(SETUP + f"return {code};")


@pytest.mark.parametrize(
    "body",
    [
        'if (wanted == "https://a") { return true; } if (client == wanted) { return true; } return false;',
        "foreach (var uri in JArray.Parse(client)) { if (uri.ToString() == wanted) { return true; } } return false;",
        "bool ok = false; foreach (var uri in JArray.Parse(client)) { if ((string)uri == wanted) { ok = true; break; } } return ok;",
        "try { if (client != wanted) { return false; } return true; } catch (Exception) { return false; }",
        "if (client.Length != wanted.Length) { return false; } int d = 0; "
        "for (int i = 0; i < client.Length; i++) { d |= client[i] ^ wanted[i]; } return d == 0;",
    ],
)
def test_equality_in_a_block(body: str) -> None:
    assert compared(SETUP + body) >= {frozenset({STORED}), frozenset({WANTED})}


@pytest.mark.parametrize(
    "body",
    [
        "try { if (client != wanted) { return false; } return true; } catch (Exception) { return true; }",
        'if (wanted == "") { return true; } return client == wanted;',
        "bool ok = true; foreach (var uri in JArray.Parse(client)) { if ((string)uri == wanted) { ok = true; } } return ok;",
    ],
)
def test_a_way_around_the_equality(body: str) -> None:
    assert not {frozenset({STORED}), frozenset({WANTED})} <= compared(SETUP + body)


SENT = 'var sent = context.Request.Body.As<JObject>()["uris"]; var list = "{{list}}".Split();'
EACH = Origin("form", "uris")


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("return sent.All(uri => list.Contains((string)uri));", Part.WHOLE),
        ("foreach (var uri in sent) { if (!list.Contains((string)uri)) { return false; } } return true;", Part.WHOLE),
        (
            "var ok = true; foreach (var uri in sent) { if (!list.Contains((string)uri)) { ok = false; } } return ok;",
            Part.WHOLE,
        ),
        ("return sent.Any(uri => list.Contains((string)uri));", Part.UNCLEAR),
        ("foreach (var uri in sent) { if (list.Contains((string)uri)) { return true; } } return false;", Part.UNCLEAR),
        (
            "var ok = false; foreach (var uri in sent) { if (list.Contains((string)uri)) { ok = true; } } return ok;",
            Part.UNCLEAR,
        ),
        (
            "var ok = true; foreach (var uri in sent) { if (!list.Contains((string)uri)) { ok = false; } break; } return ok;",
            Part.UNCLEAR,
        ),
    ],
)
def test_all_of_what_was_sent_or_some_of_it(body: str, part: Part) -> None:
    found = [origin for content in compared(SENT + body) for origin in content if origin.kind == "form"]
    assert {(origin.name, origin.part) for origin in found} == {(EACH.name, part)}


def test_one_comparison_about_all_that_a_value_may_be() -> None:
    """``present`` of a lookup under either of two keys, and an equality with a text that one alternative rules out."""
    first, second = Origin("stored", "a-\0"), Origin("stored", "b-\0")
    either_of = {"x": (*atom(first), *atom(second), Alternative("", shape="null"))}
    when_true, when_false = branches(run('(string)context.Variables["x"] == "granted"', either_of).value)
    (fact,) = when_true or ()
    assert fact.kind == "equal" and {frozenset({first}), frozenset({second})} in (fact.left, fact.right)
    assert when_false == frozenset()
    _, is_there = branches(run('string.IsNullOrEmpty((string)context.Variables["x"])', either_of).value)
    assert [(each.kind, each.left) for each in is_there or ()] == [
        ("present", frozenset({frozenset({first}), frozenset({second})}))
    ]


def test_a_piece_of_the_body_gets_the_name_that_was_looked_for() -> None:
    code = """
        foreach (var pair in context.Request.Body.As<string>().Split('&')) {
            var parts = pair.Split('=');
            if (parts[0] == "code") { return parts[1]; }
        }
        return "";"""
    assert {origin for found in run(code).value for origin in found.origins} == {Origin("form", "code")}


def test_a_cookie_gets_the_name_that_was_looked_for() -> None:
    code = """
        foreach (var cookie in context.Request.Headers.GetValueOrDefault("Cookie", "").Split(';')) {
            if (cookie.Trim().StartsWith("__Host-seen=")) { return cookie.Trim().Substring(12); }
        }
        return "";"""
    assert {origin for found in run(code).value for origin in found.origins} == {Origin("cookie", "__Host-seen")}


def test_objects_keep_their_members() -> None:
    code = SETUP + 'var o = new JObject { ["a"] = wanted }; o["b"] = "x"; return JObject.Parse(o.ToString())["a"];'
    assert only(code).origins == {WANTED}
    anonymous = SETUP + "return JsonConvert.SerializeObject(new { access_token = client, n = 1 });"
    assert [name for name, _ in only(anonymous).members] == ["access_token", "n"]


def test_the_beginning_of_a_text() -> None:
    assert only(SETUP + 'return $"{wanted}?code=1";').head == {WANTED}
    assert only(SETUP + 'return "https://login.example/?redirect_uri=" + wanted;').head == frozenset()
    assert only(SETUP + 'return "https://" + wanted;').head == {WANTED}
    assert only(SETUP + 'return "{{base-url}}/?redirect_uri=" + wanted;').head == {Origin("named-value", "base-url")}
    built = SETUP + 'var b = new StringBuilder(); b.Append(wanted); b.Append("?code=1"); return b.ToString();'
    assert only(built).head == {WANTED}
    filled = SETUP + 'return "https://login.example/?to=__TO__".Replace("__TO__", wanted);'
    assert (only(filled).head, only(filled).origins) == (frozenset(), {WANTED})
    assert only(SETUP + 'return "__TO__".Replace("__TO__", wanted);').head == {WANTED}
    out = SETUP + 'Uri u; if (Uri.TryCreate(wanted, UriKind.Absolute, out u)) { return u.ToString(); } return "";'
    assert WANTED in {origin for found in run(out).value for origin in found.head}


@pytest.mark.parametrize(
    "code",
    [
        "Array.IndexOf(JArray.Parse(client).ToArray(), wanted) >= 0",
        "JArray.Parse(client).Count(uri => (string)uri == wanted) > 0",
        'wanted is "https://a"',
        "Helper.Knows(client, wanted)",
    ],
)
def test_what_may_be_a_comparison_is_unclear(code: str) -> None:
    when_true, _ = branches(run(SETUP + f"return {code};").value)
    unclear = [fact for fact in when_true or () if fact.kind == "unclear"]
    assert WANTED.name in {origin.name for fact in unclear for content in fact.left for origin in content}


def test_texts_are_compared_at_once() -> None:
    assert [found.text for found in run('"S256".ToLower() == "s256"').value] == ["true"]
    assert [found.text for found in run('(1 == 1).ToString() == "True"').value] == ["true"]
    assert [found.text for found in run('"a" == "b"').value] == ["false"]


def test_digests() -> None:
    code = (
        SETUP
        + "using (var sha256 = SHA256.Create()) { return Convert.ToBase64String(sha256.ComputeHash(Encoding.UTF8.GetBytes(wanted))); }"
    )
    assert only(code).origins == {Origin("query", "redirect_uri", hashed=True)}
    weak = (
        SETUP
        + "using (var md5 = MD5.Create()) { return Convert.ToBase64String(md5.ComputeHash(Encoding.UTF8.GetBytes(wanted))); }"
    )
    assert not any(origin.hashed for origin in only(weak).origins)


@pytest.mark.parametrize(
    "code",
    [
        'return Encoding.UTF8.GetBytes("x").Encrypt("Aes", Convert.FromBase64String("{{key}}"), Convert.FromBase64String("{{iv}}"));',
        'var aes = Aes.Create(); aes.Key = Convert.FromBase64String("{{key}}"); aes.IV = Convert.FromBase64String("{{iv}}"); return 1;',
        'var aes = new AesManaged { Key = Convert.FromBase64String("{{key}}"), IV = Convert.FromBase64String("{{iv}}") }; return 1;',
        'return Aes.Create().CreateEncryptor(Convert.FromBase64String("{{key}}"), Convert.FromBase64String("{{iv}}"));',
    ],
)
def test_keys_and_vectors_in_use(code: str) -> None:
    found = {(each.role, origin.name) for each in run(code).sealings for value in each.value for origin in value.origins}
    assert found == {("key", "key"), ("IV", "iv")}


@pytest.mark.parametrize("code", ["return (;", "return " + "(" * 400 + "1" + ")" * 400 + ";"])
def test_what_cannot_be_followed_says_so(code: str) -> None:
    found = run(code)
    assert not found.understood
    assert {origin.kind for value in found.value for origin in value.origins} == {"unknown"}


def test_what_doubles_stays_small() -> None:
    value: Value = atom(Origin("query", "a"))
    for _ in range(60):
        value = run('return (string)context.Variables["x"] + (string)context.Variables["x"];', {"x": value}).value
    assert sum(len(found.template) for found in value) < 50_000
    assert all(HOLE in found.template for found in value)

"""Expressions, operators, templates and functions, one by one, against what Terraform documents."""

from typing import Any

import pytest

from mcpguard.evidence import Unresolved
from tests.sources.hcl.support import evaluate, is_open


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("7 / 2", 3.5),
        ("8 / 2", 4),
        ("7 % 3", 1),
        ("-2 + 5", 3),
        ("!true || true", True),
        ("true && 1 >= 2", False),
        ("1 < 2 == true", True),
        ('"a" == "a" && "1" != 1', True),
        ("[1, 2] == [1, 2]", True),
        ("null == null", True),
        ("true ? 1 : 2", 1),
        ("false ? 1 : false ? 2 : 3", 3),
        ("true ? false ? 1 : 2 : 3", 2),
        ("false ? 1 : true ? 2 : 3", 2),
        ("[for x in [1, 2, 3] : x * 2 if x != 2]", [2, 6]),
        ("{for k, v in {a = 1, b = 2} : k => v + 1}", {"a": 2, "b": 3}),
        ('{for x in ["aa", "b", "cc"] : length(x) => x...}', {"2": ["aa", "cc"], "1": ["b"]}),
        ('[for i, x in ["a", "b"] : "${i}${x}"]', ["0a", "1b"]),
        ("[{a = 1}, {a = 2}][*].a", [1, 2]),
        ("[{a = {b = 1}}].*.a.b", [1]),
        ('{a = [1, 2]}["a"][1]', 2),
        ('{"a-b" = 1, (upper("c")) = 2, d : 3}', {"a-b": 1, "C": 2, "d": 3}),
        ('"${1}-${true}-x"', "1-true-x"),
        ('"${[1, 2]}"', [1, 2]),
        (r'"a\tb\"c\\d $${x} %%{y} \u0041"', 'a\tb"c\\d ${x} %{y} A'),
        ('"%{ if 1 < 2 }yes%{ else }no%{ endif }"', "yes"),
        ('"%{ for x in ["a", "b"] }${x},%{ endfor }"', "a,b,"),
        ('"%{ for i, x in ["a", "b"] ~}  ${i}${x}%{ endfor }"', "0a1b"),
        ("1.5e3", 1500),
        ("0.5", 0.5),
        ('"${upper("${lower("A")}b")}"', "AB"),
        ("[1, 2, 3][\n  0\n]", 1),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("heredoc", "value"),
    [
        ("<<EOT\n  a\n    b\n  EOT\n", "  a\n    b\n"),
        ("<<-EOT\n    a\n      b\n\n    c\n  EOT\n", "a\n  b\n\nc\n"),
        ("<<-EOT\n    a ${1 + 1}\n    ${3}\n  EOT\n", "a 2\n3\n"),
        ('<<EOT\n\\n "q" $${x}\nEOT\n', '\\n "q" ${x}\n'),
        ("<<-EOT\n    %{ for x in [1, 2] ~}\n    - ${x}\n    %{ endfor ~}\n    end\n  EOT\n", "- 1\n- 2\nend\n"),
        ('<<-EOT\n    <p a="@(context.Request.Url)" />\n  EOT\n', '<p a="@(context.Request.Url)" />\n'),
    ],
)
def test_heredocs(heredoc: str, value: str) -> None:
    assert evaluate(heredoc) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('format("%s-%03d-%q-%v%%", "a", 7, "b", [1])', 'a-007-"b"-[1]%'),
        ('format("%[2]s %[1]s", "a", "b")', "b a"),
        ('replace("a.b.c", ".", "-")', "a-b-c"),
        ('replace("abc123", "/[0-9]+/", "")', "abc"),
        ('replace("ab", "/(a)(b)/", "$2$1")', "ba"),
        ('join(",", ["a", "b"], ["c"])', "a,b,c"),
        ('split(",", "a,b")', ["a", "b"]),
        ('lower("AB")', "ab"),
        ('upper("ab")', "AB"),
        ('title("ab cd")', "Ab Cd"),
        ('trimspace("  a \\n")', "a"),
        ('trim("?!a!?", "!?")', "a"),
        ('trimprefix("abc", "ab")', "c"),
        ('trimsuffix("abc", "bc")', "a"),
        ('chomp("a\\n")', "a"),
        ('indent(2, "a\\nb")', "a\n  b"),
        ('substr("hello", 1, 3)', "ell"),
        ('startswith("hello", "he") && endswith("hello", "lo")', True),
        ('strcontains("hello", "ell")', True),
        ('regex("[a-z]+", "12abc")', "abc"),
        ('regex("(\\\\d)(\\\\w)", "1a")', ["1", "a"]),
        ('regex("(?P<x>a)", "a")', {"x": "a"}),
        ('regexall("a.", "abac")', ["ab", "ac"]),
        ('length("abc") + length([1]) + length({a = 1})', 5),
        ("concat([1], [2, 3])", [1, 2, 3]),
        ("flatten([[1, [2]], [], [3]])", [1, 2, 3]),
        ("merge({a = 1}, {a = 2, b = 3}, null)", {"a": 2, "b": 3}),
        ("merge([{a = 1}, {b = 2}]...)", {"a": 1, "b": 2}),
        ('lookup({a = 1}, "b", 5)', 5),
        ("element([1, 2, 3], 4)", 2),
        ("keys({b = 1, a = 2})", ["a", "b"]),
        ("values({b = 1, a = 2})", [2, 1]),
        ('zipmap(["a", "b"], [1, 2])', {"a": 1, "b": 2}),
        ('toset(["b", "a", "b"])', ["a", "b"]),
        ("distinct([1, 2, 1])", [1, 2]),
        ('compact(["a", "", null, "b"])', ["a", "b"]),
        ("contains([1, 2], 2)", True),
        ('setproduct(["a", "b"], [1, 2])', [["a", 1], ["a", 2], ["b", 1], ["b", 2]]),
        ("range(3)", [0, 1, 2]),
        ("range(1, 7, 2)", [1, 3, 5]),
        ("range(3, 0)", [3, 2, 1]),
        ("reverse([1, 2])", [2, 1]),
        ('sort(["b", "a"])', ["a", "b"]),
        ("slice([1, 2, 3], 1, 3)", [2, 3]),
        ("chunklist([1, 2, 3], 2)", [[1, 2], [3]]),
        ("one([5])", 5),
        ("one([])", None),
        ("sum([1, 2])", 3),
        ("max(1, 3, 2) - min(1, 3)", 2),
        ("ceil(1.2) + floor(1.8) + abs(-1)", 4),
        ('parseint("ff", 16)', 255),
        ('index(["a", "b"], "b")', 1),
        ('coalesce(null, "", "a")', "a"),
        ("coalescelist([], [1])", [1]),
        ("alltrue([true, true])", True),
        ("anytrue([false, true])", True),
        ("try({a = 1}.b, 2)", 2),
        ('try(regex("x", "y"), "none")', "none"),
        ("try([{}.a], [])", []),
        ("try({a = {}.b}, 3)", 3),
        ("can([{}.a])", False),
        ("can({a = 1}.b)", False),
        ("can({a = 1}.a)", True),
        ('tonumber("5") + 1', 6),
        ("tostring(5)", "5"),
        ('tobool("true")', True),
        ('jsonencode({b = [1, "x"], a = null})', '{"a":null,"b":[1,"x"]}'),
        ('jsonencode("<a>")', '"\\u003ca\\u003e"'),
        ('jsondecode("{\\"a\\": [1]}").a[0]', 1),
        ('yamldecode("a:\\n  - 1\\n").a', [1]),
        ("yamldecode(yamlencode({a = [1, 2]}))", {"a": [1, 2]}),
        ('base64encode("hi")', "aGk="),
        ('base64decode("aGk=")', "hi"),
        ('md5("")', "d41d8cd98f00b204e9800998ecf8427e"),
        ('length(sha256("a"))', 64),
        ('urlencode("a b&c")', "a+b%26c"),
        ('cidrsubnet("10.0.0.0/16", 8, 2)', "10.0.2.0/24"),
        ('cidrhost("10.0.0.0/24", 5)', "10.0.0.5"),
        ('cidrnetmask("10.0.0.0/16")', "255.255.0.0"),
        ('cidrsubnets("10.1.0.0/16", 4, 8)', ["10.1.0.0/20", "10.1.16.0/24"]),
        ('basename("a/b.xml")', "b.xml"),
        ('dirname("a/b.xml")', "a"),
        ("setunion([1], [2], [1])", [1, 2]),
        ("setintersection([1, 2], [2, 3])", [2]),
        ("setsubtract([1, 2], [2])", [1]),
        ('transpose({a = ["x"], b = ["x"]})', {"x": ["a", "b"]}),
        ('matchkeys([1, 2], ["a", "b"], ["b"])', [2]),
        ('formatlist("%s!", ["a", "b"])', ["a!", "b!"]),
        ("templatestring(local.t, {x = 1})", "a1"),
        ("nonsensitive(5)", 5),
    ],
)
def test_functions(expression: str, value: Any) -> None:
    assert evaluate(expression, more='locals {\n  t = "a$${x}"\n}\n') == value


UNKNOWN = 'variable "u" {}\nvariable "list" {}\nresource "x_y" "z" {\n  name = "n"\n}\n'


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("false && var.u", False),
        ("true || var.u", True),
        ("var.u ? 1 : 1", 1),
        ('lower("A${var.u}") == null', False),
        ('startswith("https://${var.u}", "https://")', True),
        ("length([var.u, var.u])", 2),
        ("x_y.z.name", "n"),
        ("x_y.z.id != null", True),
        ('contains(["a", var.u], "a")', True),
        ("try(var.u.x, 1) == 1 ? 2 : 2", 2),
        ("alltrue([false, var.u])", False),
    ],
)
def test_what_is_certain_beside_something_unknown(expression: str, value: Any) -> None:
    assert evaluate(expression, more=UNKNOWN) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("var.u", ["var.u"]),
        ("var.u.a[0]", ["var.u.a[0]"]),
        ("x_y.z.id", ["x_y.z.id"]),
        ("x_y.z.endpoint[0].host", ["x_y.z.endpoint[0].host"]),
        ("var.u == 1", ["var.u == 1"]),
        ("[for x in var.list : x]", ["for x in"]),
        ("var.u ? 1 : 2", ["?"]),
        ("uuid()", ["uuid()"]),
        ("timestamp()", ["timestamp()"]),
        ("unheard_of(1)", ["unheard_of(1)"]),
        ("keys(var.u)", ["keys(var.u)"]),
        ("{(var.u) = 1}", ["var.u"]),
        ("local.nothing", []),
        ("var.missing", []),
        ("[1][5]", []),
        ('regex("x", "y")', []),
        ("1 / 0", []),
        ('try(file("../outside.xml"), "fallback")', ["file("]),
        ('try(regex("(a+)+", "a"), "fallback")', ["regex("]),
        ("terraform.workspace", ["terraform.workspace"]),
    ],
)
def test_what_is_not_known_names_its_expression(expression: str, words: list[str]) -> None:
    assert is_open(evaluate(expression, more=UNKNOWN), *words)


def test_the_known_parts_of_a_text_are_kept() -> None:
    found = evaluate('"https://${var.u}/mcp"', more=UNKNOWN)
    assert isinstance(found, Unresolved)
    assert found.parts == ("https://", Unresolved("var.u"), "/mcp")
    replaced = evaluate('replace("https://${var.u}/x", "x", var.u)', more=UNKNOWN)
    assert isinstance(replaced, Unresolved) and replaced.parts[0] == "https://"


def test_both_sides_of_an_unknown_condition_are_kept() -> None:
    found = evaluate('var.u ? "a" : "b"', more=UNKNOWN)
    assert isinstance(found, Unresolved)
    assert (found.function, found.arguments) == ("if", (Unresolved("var.u"), "a", "b"))


def test_an_encoded_value_that_is_not_known_is_decoded_again() -> None:
    assert evaluate("jsondecode(jsonencode({a = var.u, b = 1})).b", more=UNKNOWN) == 1


def test_instances_of_resources() -> None:
    more = """
resource "x_y" "many" {
  count = 2
  name  = "n${count.index}"
}
resource "x_y" "keyed" {
  for_each = { a = "1", b = "2" }
  name     = "${each.key}${each.value}"
}
data "x_y" "read" {
  name = "d"
}
"""
    assert evaluate("x_y.many[*].name", more=more) == ["n0", "n1"]
    assert evaluate("[for r in x_y.many : r.name]", more=more) == ["n0", "n1"]
    assert evaluate("length(x_y.many)", more=more) == 2
    assert evaluate('x_y.keyed["a"].name', more=more) == "a1"
    assert evaluate("{for k, r in x_y.keyed : k => r.name}", more=more) == {"a": "a1", "b": "b2"}
    assert evaluate("values(x_y.keyed)[*].name", more=more) == ["a1", "b2"]
    assert evaluate("one(x_y.many[*].name)", more=more.replace("= 2", "= 1")) == "n0"
    assert evaluate("data.x_y.read.name", more=more) == "d"
    assert is_open(evaluate("x_y.many[1].id", more=more), "x_y.many[1].id")
    assert is_open(evaluate("data.x_y.read.id", more=more), "data.x_y.read.id")

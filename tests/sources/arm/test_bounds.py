"""Whatever a template holds, evaluating it ends soon, takes little memory and raises nothing."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcpguard.core.positions import SourceText
from mcpguard.evidence import ArtifactStatus, Unresolved
from mcpguard.sources import read
from mcpguard.sources.arm.expressions import MAX_LENGTH, BadExpression, parse
from tests.sources.arm.test_functions import evaluate
from tests.sources.arm.test_templates import SERVICE_TYPE, declared, nested, template
from tests.sources.conftest import Scan, write_files

Scanner = Callable[..., Scan]
SECONDS = 20
"""Far above what is needed, so that a slow machine passes; without limits each case takes hours or all memory."""


def doubling(first: Any, step: str, count: int) -> dict[str, Any]:
    variables: dict[str, Any] = {"v0": first}
    for number in range(1, count):
        variables[f"v{number}"] = step.replace("#", f"variables('v{number - 1}')")
    return variables


def shared(count: int) -> dict[str, Any]:
    variables: dict[str, Any] = {"v0": {"a": 1}}
    for number in range(1, count):
        inner = f"[variables('v{number - 1}')]"
        variables[f"v{number}"] = {"a": inner, "b": inner}
    return variables


def loops(depth: int) -> dict[str, Any]:
    inner = template(declared("Microsoft.Web/sites", "[format('s{0}', copyIndex())]", copy={"name": "l", "count": 800}))
    for number in range(depth):
        inner = template(nested(f"[format('m{number}-{{0}}', copyIndex())]", inner, copy={"name": "l", "count": 800}))
    return inner


def numbers(expression: str) -> str:
    return f"[length(map(range(0, 10000), lambda('x', {expression})))]"


BOMBS: dict[str, dict[str, Any]] = {
    "texts": {"variables": doubling("x" * 100, "[concat(#, #)]", 100)},
    "formats": {"variables": doubling("x", "[format('{0}{0}{0}{0}', #)]", 60)},
    "replacements": {"variables": doubling("aa", "[replace(#, 'a', #)]", 20)},
    "joins": {"variables": doubling("aa", "[join(createArray(#, #, #), #)]", 40)},
    "arrays": {"variables": doubling([1, 2], "[concat(#, #)]", 100)},
    "nested arrays": {"variables": doubling([1], "[createArray(#, #)]", 200)},
    "objects": {"variables": shared(100)},
    "written objects": {"variables": {**shared(60), "v99": "[string(variables('v59'))]"}},
    "numbers": {"variables": doubling(2, "[mul(#, #)]", 100)},
    "unresolved texts": {"variables": doubling("[reference('x').y]", "[concat(#, 'a', #)]", 60)},
    "unresolved arguments": {"variables": doubling("[reference('x').y]", "[if(#, #, #)]", 60)},
    "unresolved names": {"variables": doubling("[reference('x').y]", "[uniqueString(#, add(#, 1))]", 60)},
    "ranges": {"variables": {"v99": numbers("range(0, 10000)")}},
    "lambdas": {"variables": {"v99": numbers("map(range(0, 10000), lambda('y', map(range(0, 10000), lambda('z', 1))))")}},
    "splits": {
        "variables": {
            **doubling("a,", "[concat(#, #)]", 25),
            "v99": "[map(range(0, 10000), lambda('x', split(variables('v24'), ',')))]",
        }
    },
    "sorts": {"variables": {"v99": "[sort(range(0, 10000), lambda('a', 'b', equals(length(range(0, 10000)), 1)))]"}},
    "comparisons": {
        "variables": {**doubling([1], "[concat(#, #)]", 18), "v99": numbers("equals(variables('v17'), variables('v17'))")}
    },
    "pads": {"variables": {"v99": numbers("padLeft('x', 4000000)")}},
    "json": {
        "variables": {"v99": "[json(concat('[', join(map(range(0, 10000), lambda('x', '[[[[[[[[[[1]]]]]]]]]]')), ','), ']'))]"}
    },
    "deep json": {"variables": {"v99": f"[json('{'[' * 5000}')]"}},
    "deep expression": {"variables": {"v99": "[" + "concat(" * 3000 + "'x'" + ")" * 3000 + "]"}},
    "deep access": {"variables": {"v99": "[variables('x')" + "[0]" * 5000 + "]"}},
    "long chain": {"variables": doubling("x", "[#]", 2000)},
    "property loops": {
        "variables": {
            "v99": {
                "copy": [
                    {
                        "name": "a",
                        "count": 800,
                        "input": {
                            "copy": [{"name": "b", "count": 800, "input": {"copy": [{"name": "c", "count": 800, "input": 1}]}}]
                        },
                    }
                ]
            }
        }
    },
    "policy replacements": {
        "variables": {
            "v99": "<policies>" + "{x}" * 20000 + "</policies>",
            "v98": "[replace(replace(variables('v99'), '{', '[['), 'x', 'yy')]",
        },
        "extra": [
            declared(f"{SERVICE_TYPE}/policies", "a/policy", properties={"value": "[replace(variables('v98'), '}', '{}{}')]"})
        ],
    },
    "deployments": {"template": loops(4)},
    "copies": {"extra": [declared("Microsoft.Web/sites", "x", copy={"name": "l", "count": 10**9})]},
    "brackets": {"variables": {"v99": "[" * 100_000 + "]"}},
    "quotes": {"variables": {"v99": "[" + "'" * 20_000 + "]"}},
    "digits": {"variables": {"v99": "[" + "9" * 20_000 + "]"}},
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path: Path, name: str) -> None:
    bomb = dict(BOMBS[name])
    body = bomb.pop("template", None)
    if body is None:
        variables = bomb.get("variables", {})
        properties = {key: f"[variables('{key}')]" for key in list(variables)[-3:]}
        body = template(
            declared("Microsoft.Web/sites", "a", properties=properties), *bomb.get("extra", []), variables=variables
        )
    (tmp_path / "main.json").write_text(json.dumps(body))
    start = time.perf_counter()
    evidence = read([tmp_path])
    assert time.perf_counter() - start < SECONDS
    assert evidence.resources
    assert len(repr(evidence.resources)) < 50_000_000


def test_what_is_given_up_is_said_and_the_rest_is_judged(scan: Scanner) -> None:
    body = template(
        declared("Microsoft.Web/sites", "before", properties={"x": "[concat('a', 'b')]"}),
        declared("Microsoft.Web/sites", "bomb", properties={"x": numbers("map(range(0, 10000), lambda('y', 1))")}),
        declared("Microsoft.Web/sites", "after"),
    )
    found = scan({"main.json": body, "other.json": template(declared("Microsoft.Web/sites", "[concat('oth', 'er')]"))})
    artifact = found.artifact("main.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert "more work than its size allows" in artifact.detail
    assert found.resource("/providers/Microsoft.Web/sites/before").body["properties"] == {"x": "ab"}
    assert isinstance(found.resource("/providers/Microsoft.Web/sites/bomb").body["properties"]["x"], Unresolved)
    assert found.resource("/providers/Microsoft.Web/sites/other")
    assert all(scope != "" for scope, _ in found.complete)


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("[concat('a'", "expected ')', found the end", 11),
        ("[concat('a' 'b')]", "expected ')', found 'b'", 12),
        ("[x]", "expected '(', found the end", 2),
        ("[]", "expected a function, a text or a number", 1),
        ("[a(1) b]", "unexpected 'b' after the expression", 6),
        ("[a('x]", "unexpected", 3),
        ("[a(1.5)]", "unexpected", 3),
        ("[a().]", "expected a name after the dot", 5),
        ("[" + "x" * MAX_LENGTH + "]", "an expression of", 0),
    ],
)
def test_what_is_no_expression(text: str, message: str, offset: int) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text if text.endswith("]") else text + "]")
    assert caught.value.message.startswith(message)
    assert caught.value.offset == offset


NAMES = [
    "concat",
    "format",
    "if",
    "and",
    "or",
    "not",
    "equals",
    "empty",
    "coalesce",
    "createObject",
    "createArray",
    "union",
    "intersection",
    "split",
    "join",
    "replace",
    "toLower",
    "length",
    "range",
    "map",
    "filter",
    "reduce",
    "lambda",
    "lambdaVariables",
    "toObject",
    "sort",
    "contains",
    "first",
    "last",
    "take",
    "skip",
    "min",
    "max",
    "add",
    "div",
    "substring",
    "string",
    "int",
    "bool",
    "json",
    "base64",
    "items",
    "tryGet",
    "resourceId",
    "extensionResourceId",
    "subscriptionResourceId",
    "reference",
    "listKeys",
    "parameters",
    "variables",
    "copyIndex",
    "uniqueString",
    "guid",
    "resourceGroup",
    "subscription",
    "deployment",
    "environment",
    "padLeft",
    "uri",
    "cidrSubnet",
    "flatten",
    "shallowMerge",
    "mapValues",
    "groupBy",
    "objectKeys",
    "indexOf",
    "nothing",
    "contoso.f",
]
ATOMS = st.sampled_from(
    ["'x'", "'v'", "'p'", "'Microsoft.Web/sites'", "'{0}'", "''", "0", "1", "-3", "true()", "null()", "createArray()"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(
            lambda name, arguments: f"{name}({', '.join(arguments)})", st.sampled_from(NAMES), st.lists(inner, max_size=4)
        ),
        st.builds(lambda base, key: f"{base}[{key}]" if not base[-1].isdigit() else base, inner, inner),
        st.builds(lambda base, key: f"{base}.{key}", st.just("variables('v')"), st.sampled_from(["a", "B", "c"])),
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_any_expression_gives_a_value(expression: str) -> None:
    found = evaluate(
        f"[{expression}]", variables={"v": {"a": [1, {"b": None}], "c": "x"}, "x": "[variables('v')]"}, parameters={"p": {}}
    )
    assert found is None or isinstance(found, str | int | float | list | dict | Unresolved)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abx'()[],. \n0123-{}é", max_size=60))
def test_any_text_is_an_expression_or_is_not(text: str) -> None:
    try:
        parse(f"[{text}]")
    except BadExpression as error:
        assert 0 <= error.offset <= len(text) + 1


KEYS = [
    "type",
    "name",
    "apiVersion",
    "properties",
    "resources",
    "parameters",
    "variables",
    "outputs",
    "functions",
    "copy",
    "count",
    "input",
    "condition",
    "scope",
    "existing",
    "template",
    "expressionEvaluationOptions",
    "value",
    "defaultValue",
    "languageVersion",
    "dependsOn",
    "subscriptionId",
    "resourceGroup",
    "definitions",
    "$ref",
    "namespace",
    "members",
    "output",
    "nullable",
    "x",
    "y",
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 900),
    st.sampled_from(
        [
            "x",
            "inner",
            "securestring",
            "Microsoft.Web/sites",
            "Microsoft.Resources/deployments",
            "svc/x",
            "#/definitions/x",
            "<policies/>",
        ]
    ),
    st.sampled_from(
        [
            f"{SERVICE_TYPE}/apis/policies",
            "config",
            "2.0",
            "[parameters('x')]",
            "[variables('x')]",
            "[reference('x').outputs.y.value]",
        ]
    ),
    EXPRESSIONS.map(lambda expression: f"[{expression}]"),
)
PARTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)),
    max_leaves=40,
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(KEYS), PARTS, max_size=7),
    st.lists(st.dictionaries(st.sampled_from(KEYS), PARTS, max_size=7), max_size=4),
)
@example({"parameters": {"x": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"$ref": "#/definitions/x"}}}, [])
@example({"functions": [{"namespace": "contoso", "members": {"f": {"parameters": [1, None], "output": []}}}]}, [])
def test_any_template(tmp_path: Path, more: dict[str, Any], resources: list[Any]) -> None:
    body = template(*resources) | {key: value for key, value in more.items() if key not in ("value", "type", "name")}
    write_files(tmp_path, {"main.json": body, "good.json": '{"mcpServers": {}}'})
    evidence = read([tmp_path])
    texts = {path: SourceText(text.data, text.format) for path, text in evidence.texts.items()}
    for resource in evidence.resources:
        assert resource.id and resource.type == resource.type.lower()
        assert texts[resource.origin.artifact].resolve(resource.origin).span.line >= 1
    for gap in evidence.gaps:
        assert gap.at is not None and texts[gap.at.artifact].resolve(gap.at).span.line >= 1


def test_when_the_work_is_used_up_nothing_raises(scan: Scanner) -> None:
    """Secure defaults, policies and parameter files that come after it."""
    secret = "correct-horse-battery"
    late = template(
        declared(
            f"{SERVICE_TYPE}/policies", "a/policy", properties={"value": "[replace(variables('p'), 'x', parameters('k').y)]"}
        ),
        parameters={"k": {"type": "secureObject", "defaultValue": {"y": secret}}},
        variables={"p": "<policies x='x' />"},
    )
    bomb = declared("Microsoft.Web/sites", "bomb", properties={"x": numbers("map(range(0, 10000), lambda('y', 1))")})
    values = {"$schema": template()["$schema"].replace("Template", "Parameters"), "parameters": {"v": {"value": "${A}" * 600}}}
    body = template(bomb, nested("m", late), parameters={"v": {"type": "string"}})
    found = scan({"main.json": body, "main.parameters.json": values, "other.json": late})
    assert found.artifact("main.json").status is ArtifactStatus.PARTIAL
    assert secret not in repr(found.evidence.resources)


def test_failing_to_place_a_policy_leaves_the_depth_alone(scan: Scanner) -> None:
    """A thousand policies whose place cannot be worked out, and one value after them."""
    value = "[concat(string(base64ToString('PHBvbGljaWVzLz4=')), if(equals(1, 1), '', div(1, 0)))]"
    policies = [declared(f"{SERVICE_TYPE}/apis/policies", f"a/b{n}/policy", properties={"value": value}) for n in range(1000)]
    found = scan(
        {"main.json": template(*policies, declared("Microsoft.Web/sites", "s", properties={"x": "[concat('a', 'b')]"}))}
    )
    assert found.resource("/providers/Microsoft.Web/sites/s").body["properties"]["x"] == "ab"

"""Parameters: files beside templates, defaults, nulls, secrets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, Unresolved
from tests.sources.arm.test_templates import SCHEMA, SERVICE_TYPE, declared, nested, strings, template
from tests.sources.conftest import Scan

Scanner = Callable[..., Scan]
SITE_TYPE = "Microsoft.Web/sites"
SECRET = "correct-horse-battery"


def given(**values: Any) -> dict[str, Any]:
    parameters = {
        name: value if isinstance(value, dict) and "reference" in value else {"value": value} for name, value in values.items()
    }
    return {"$schema": SCHEMA.replace("Template", "Parameters"), "contentVersion": "1.0.0.0", "parameters": parameters}


def site(**more: Any) -> dict[str, Any]:
    return template(declared(SITE_TYPE, "[parameters('name')]"), parameters=strings("name"), **more)


@pytest.mark.parametrize(
    ("main", "file"),
    [
        ("main.json", "main.parameters.json"),
        ("main.json", "main.prod.parameters.json"),
        ("main.json", "main.parameters.prod.json"),
        ("azuredeploy.json", "azuredeploy.parameters.json"),
        ("template.json", "parameters.json"),
        ("infra/main.json", "infra/prod.parameters.json"),
    ],
)
def test_a_parameter_file_beside_its_template(scan: Scanner, main: str, file: str) -> None:
    found = scan({main: site(), file: given(name="orders")})
    assert found.ids == ["/providers/Microsoft.Web/sites/orders"]
    artifact = found.artifact(file)
    assert (artifact.status, artifact.kind, artifact.detail) == (ArtifactStatus.READ, "arm-parameters", f"parameters of {main}")


@pytest.mark.parametrize(
    ("files", "file"),
    [
        ({"a/main.json": site()}, "b/main.parameters.json"),
        ({"main.json": site()}, "main.parameters.json"),
        ({"one.json": site(), "two.json": site()}, "parameters.json"),
    ],
)
def test_a_parameter_file_of_no_template(scan: Scanner, files: dict[str, Any], file: str) -> None:
    values = given(name="orders", other="x") if file == "main.parameters.json" else given(name="orders")
    found = scan({**files, file: values})
    assert all(id.endswith("[parameters('name')]") for id in found.ids)
    artifact = found.artifact(file)
    assert (artifact.status, artifact.detail) == (ArtifactStatus.SKIPPED, "parameters of a template; scan the template")


def test_the_longest_name_decides(scan: Scanner) -> None:
    found = scan({"main.json": site(), "main-hub.json": site(), "main-hub.parameters.json": given(name="hub")})
    assert found.ids == ["/providers/Microsoft.Web/sites/[parameters('name')]", "/providers/Microsoft.Web/sites/hub"]


def test_several_parameter_files(scan: Scanner) -> None:
    body = template(
        declared(SERVICE_TYPE, "[parameters('name')]"),
        declared(f"{SERVICE_TYPE}/apis", "[format('{0}/a', parameters('name'))]", properties={"path": "[parameters('path')]"}),
        parameters=strings("name", "path"),
    )
    found = scan(
        {
            "main.json": body,
            "main.dev.parameters.json": given(name="one", path="dev"),
            "main.prod.parameters.json": given(name="one", path="prod"),
            "main.test.parameters.json": given(name="two", path="test"),
        }
    )
    root = "/providers/Microsoft.ApiManagement/service"
    assert {resource.id: resource.body["properties"] for resource in found.evidence.resources} == {
        f"{root}/one": {},
        f"{root}/one/apis/a": {"path": "dev"},
        f"{root}/two": {},
        f"{root}/two/apis/a": {"path": "test"},
    }
    (gap,) = found.evidence.gaps
    assert (gap.scope, gap.kinds) == (f"{root}/one".lower(), frozenset({"api"}))
    assert gap.detail == (
        "main.prod.parameters.json gives main.json other values for a than the parameter file before it, whose values were judged"
    )
    assert found.complete == {(f"{root}/one".lower(), "*"), (f"{root}/two".lower(), "*")}


def test_given_values_null_and_defaults(scan: Scanner) -> None:
    """Null means what leaving the parameter out means: the default, or null where that is allowed."""
    inner = template(
        declared(
            SITE_TYPE,
            "x",
            properties={
                name: f"[parameters('{name}')]" for name in ("default", "nullable", "open", "typed", "wrapped", "vault")
            },
        ),
        parameters={
            "default": {"type": "array", "defaultValue": ["a"]},
            "nullable": {"type": "string", "nullable": True},
            "open": {"type": "string"},
            "typed": {"$ref": "#/definitions/mode"},
            "wrapped": {"type": "string"},
            "vault": {"type": "securestring"},
        },
        definitions={"mode": {"type": "string", "nullable": True}},
    )
    module = nested("m", inner, {"DEFAULT": "[null()]"})
    module["properties"]["parameters"]["wrapped"] = "[if(true(), createObject('value', 'v'), createObject('reference', 'k'))]"
    module["properties"]["parameters"]["vault"] = {"reference": {"keyVault": {"id": "x"}, "secretName": "s"}}
    properties = scan({"main.json": template(module)}).only().body["properties"]
    assert properties["default"] == ["a"]
    assert properties["nullable"] is None
    assert properties["typed"] is None
    assert properties["wrapped"] == "v"
    assert (properties["open"].function, properties["open"].reason) == ("parameters", "")
    assert properties["vault"].reason == "it is taken from elsewhere at deployment"


def test_parameters_and_variables_that_depend_on_themselves(scan: Scanner) -> None:
    body = template(
        declared(SITE_TYPE, "x", properties={"a": "[variables('a')]", "p": "[parameters('p')]"}),
        variables={"a": "[concat(variables('b'), 'x')]", "b": "[variables('A')]"},
        parameters={"p": {"type": "string", "defaultValue": "[parameters('P')]"}},
    )
    found = scan({"main.json": body})
    assert all(isinstance(value, Unresolved) for value in found.only().body["properties"].values())
    artifact = found.artifact("main.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.detail == "the variable a depends on itself (and 1 more)"
    assert artifact.at is not None and artifact.at.route[0] == "variables"


def test_variables_of_the_developer_cli(scan: Scanner) -> None:
    """``azd`` fills in ``${NAME}`` and ``${NAME=default}``; what the environment holds is not known."""
    names = {"name": "string", "flag": "bool", "count": "int", "items": "array", "mixed": "string", "key": "securestring"}
    body = template(
        declared(SITE_TYPE, "[parameters('name')]", properties={name: f"[parameters('{name}')]" for name in names}),
        parameters={name: {"type": type_} for name, type_ in names.items()},
    )
    values = given(
        name="${AZURE_ENV_NAME}",
        flag="${WITH_APIM=false}",
        count="${COUNT=3}",
        items=["${ONE=x}", {"a": "${TWO}"}],
        mixed="https://${HOST}/mcp",
        key="${API_KEY}",
    )
    resource = scan({"main.json": body, "main.parameters.json": values}).only()
    assert resource.id == "/providers/Microsoft.Web/sites/[env('AZURE_ENV_NAME')]"
    properties = resource.body["properties"]
    assert (properties["flag"], properties["count"]) == (False, 3)
    assert properties["items"][0] == "x"
    assert properties["items"][1]["a"].expression == "${TWO}"
    assert (properties["mixed"].expression, properties["mixed"].parts[2]) == ("https://${HOST}/mcp", "/mcp")
    assert properties["key"].expression == "${API_KEY}"


# -- secrets -------------------------------------------------------------------------------------------------------------


def named_value(value: str) -> dict[str, Any]:
    return declared(
        f"{SERVICE_TYPE}/namedValues", "apim/key", properties={"displayName": "key", "value": value, "secret": True}
    )


def assert_no_leak(found: Scan) -> None:
    evidence = found.evidence
    assert SECRET not in repr((evidence.resources, evidence.gaps, evidence.artifacts))
    for path, text in evidence.texts.items():
        if SECRET.encode() in text.data:
            assert any(SECRET in spelled for spelled in text.secrets), path


def test_a_secure_parameter_without_a_value_is_unresolved(scan: Scanner) -> None:
    found = scan({"main.json": template(named_value("[parameters('key')]"), parameters={"key": {"type": "securestring"}})})
    assert found.only().body["properties"]["value"] == Unresolved("[parameters('key')]", "parameters", ("key",))


@pytest.mark.parametrize(
    "value", ["[parameters('key')]", "[concat('Bearer ', parameters('key'))]", "[toLower(parameters('key'))]"]
)
def test_defaults_of_secure_parameters_are_masked(scan: Scanner, value: str) -> None:
    parameters = {
        "key": {"type": "secureString", "defaultValue": SECRET},
        "unused": {"type": "secureObject", "defaultValue": {"x": SECRET}},
    }
    found = scan({"main.json": template(named_value(value), parameters=parameters)})
    assert "<masked>*" in found.only().body["properties"]["value"]
    assert_no_leak(found)


@pytest.mark.parametrize("declaration", [{"type": "securestring"}, {"$ref": "#/definitions/key"}])
def test_secrets_in_parameter_files_are_masked(scan: Scanner, declaration: dict[str, Any]) -> None:
    body = template(
        named_value("[parameters('key')]"),
        nested(
            "m",
            template(
                declared(f"{SERVICE_TYPE}/namedValues", "apim/two", properties={"value": "[parameters('inner')]"}),
                parameters={"inner": {"type": "string"}},
            ),
            {"inner": "[parameters('key')]"},
        ),
        parameters={"key": declaration, "apiPassword": {"type": "string"}},
        definitions={"key": {"type": "securestring"}},
    )
    found = scan({"main.json": body, "main.parameters.json": given(key=SECRET, apiPassword="x" + SECRET)})
    assert [resource.body["properties"]["value"][:8] for resource in found.evidence.resources] == ["<masked>", "<masked>"]
    assert_no_leak(found)


def test_what_is_made_for_a_secure_parameter_is_no_literal(scan: Scanner) -> None:
    parameters = {
        "key": {"type": "securestring", "defaultValue": "[newGuid()]"},
        "two": {"type": "securestring", "defaultValue": "[guid('x')]"},
    }
    found = scan(
        {"main.json": template(named_value("[parameters('key')]"), named_value("[parameters('two')]"), parameters=parameters)}
    )
    assert all(isinstance(resource.body["properties"]["value"], Unresolved) for resource in found.evidence.resources)


def test_secrets_that_a_template_puts_together(scan: Scanner) -> None:
    found = scan(
        {
            "main.json": template(
                named_value("[concat('correct-horse', variables('rest'))]"),
                declared(
                    f"{SERVICE_TYPE}/namedValues",
                    "apim/two",
                    properties={"secret": True, "value": "[format('{0}{1}', 'correct-horse', parameters('x'))]"},
                ),
                variables={"rest": "-battery"},
                parameters=strings("x"),
            )
        }
    )
    whole, part = (resource.body["properties"]["value"] for resource in found.evidence.resources)
    assert whole == "<masked>" + "*" * (len(SECRET) - 8)
    assert "correct-horse" not in repr(part)
    assert {"correct-horse", "-battery"} <= found.evidence.texts["main.json"].secrets


def test_arguments_of_unresolved_values_keep_no_texts_but_ids(scan: Scanner) -> None:
    value = f"[if(reference('x').y, '{SECRET}', listKeys(resourceId('Microsoft.Web/sites', 'a'), '2024-04-01').masterKey)]"
    found = scan({"main.json": template(declared(SITE_TYPE, "s", properties={"password": "x", "other": value}))})
    other = found.only().body["properties"]["other"]
    assert SECRET not in repr(other.arguments)
    keys = other.arguments[1]
    assert (keys.function, keys.arguments) == ("listkeys", ("/providers/Microsoft.Web/sites/a", "2024-04-01"))


# -- places --------------------------------------------------------------------------------------------------------------

POLICY = """<policies>
  <inbound>
    <base />
    <set-backend-service backend-id="{backend}" />
    <set-header name="x-größe" exists-action="override"><value>{value}</value></set-header>
  </inbound>
</policies>"""


def policy(value: str) -> dict[str, Any]:
    return declared(f"{SERVICE_TYPE}/apis/policies", "apim/a/policy", properties={"format": "rawxml", "value": value})


def text_at(found: Scan, wanted: str, path: str = "main.json") -> tuple[str, tuple[int, int], tuple[int, int] | None]:
    """What stands in the file where a text of the policy is reported, and in which line and column, outside and inside."""
    (resource,) = [resource for resource in found.evidence.resources if resource.type.endswith("policies")]
    value = resource.body["properties"]["value"]
    start = value.index(wanted)
    place = resource.texts["properties.value"].range(start, start + len(wanted))
    resolved = found.place(place)
    assert place.artifact == path
    line = found.evidence.texts[path].data.decode().split("\n")[resolved.span.line - 1]
    inner = (resolved.inner.line, resolved.inner.column) if resolved.inner else None
    return line[resolved.span.column - 1 : resolved.span.end_column - 1], (resolved.span.line, resolved.span.column), inner


@pytest.mark.parametrize(
    "value",
    [
        "[variables('$fxv#0')]",
        "[replace(variables('$fxv#0'), '{backend}', 'orders')]",
        "[replace(replace(variables('$fxv#0'), '{backend}', variables('name')), '{value}', 'a long text that is put in')]",
        "[concat(variables('$fxv#0'), '<!-- ', variables('name'), ' -->')]",
        "[variables('holder').texts[0]]",
        "[if(equals(variables('name'), 'orders'), variables('$fxv#0'), 'x')]",
        "[variables('again')]",
    ],
)
def test_places_in_a_policy_that_is_a_variable(scan: Scanner, value: str) -> None:
    body = template(
        policy(value),
        variables={
            "$fxv#0": POLICY,
            "name": "orders",
            "holder": {"texts": [POLICY]},
            "again": "[replace(variables('$fxv#0'), '{value}', 'y')]",
        },
    )
    found = scan({"main.json": body})
    assert text_at(found, "exists-action")[0] == "exists-action"
    assert text_at(found, "exists-action")[2] == (5, 32)
    assert text_at(found, "<base />")[2] == (3, 5)
    outer = json.dumps(body, indent=2).split("\n")
    assert "<base />" in outer[text_at(found, "<base />")[1][0] - 1]


def test_places_of_what_is_put_into_a_policy(scan: Scanner) -> None:
    value = "[replace(replace(variables('p'), '{backend}', parameters('b')), '{value}', variables('snippet'))]"
    body = template(policy(value), variables={"p": POLICY, "snippet": "put in"}, parameters=strings("b"))
    found = scan({"main.json": body, "main.parameters.json": given(b="orders")})
    assert text_at(found, "put in")[0] == "put in"
    assert text_at(found, "orders", "main.parameters.json")[0] == "orders"
    numbered = template(
        policy("[format(variables('p'), add(40, 2))]"), variables={"p": '<policies><inbound x="{0}" /></policies>'}
    )
    assert text_at(scan({"main.json": numbered}), "42")[0] == "{0}"


def test_places_of_a_policy_that_is_a_parameter(scan: Scanner) -> None:
    inner = template(policy("[parameters('xml')]"), parameters=strings("xml"))
    body = template(nested("m", inner, {"xml": "[parameters('policy')]"}), parameters=strings("policy"))
    defaulted = template(nested("m", inner, {"xml": "[parameters('policy')]"}), parameters=strings(policy=POLICY))
    (resource,) = scan({"main.json": defaulted}).evidence.resources
    assert resource.texts["properties.value"] == Location("main.json", ("parameters", "policy", "defaultValue"))
    found = scan({"main.json": body, "main.parameters.json": given(policy=POLICY)})
    assert text_at(found, "set-header", "main.parameters.json")[0] == "set-header"


def test_a_policy_that_is_worked_out_belongs_to_its_expression(scan: Scanner) -> None:
    found = scan(
        {"main.json": template(policy("[string(base64ToString(variables('p')))]"), variables={"p": "PHBvbGljaWVzLz4="})}
    )
    resource = found.only()
    assert resource.body["properties"]["value"] == "<policies/>"
    place = resource.texts["properties.value"].range(0, 5)
    assert (place.route, place.within) == (("resources", 0, "properties", "value"), None)


def test_problems_of_a_policy_are_shown_where_they_stand(scan: Scanner) -> None:
    broken = POLICY.replace("</inbound>", "")
    found = scan({"main.json": template(policy("[replace(variables('p'), '{backend}', 'b')]"), variables={"p": broken})})
    artifact = found.artifact("main.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.at is not None and artifact.at.route == ("variables", "p")


# -- policies of which a part is open ------------------------------------------------------------------------------------

OPEN = "[replace(replace(variables('p'), '{backend}', 'orders'), '{value}', tenant().tenantId)]"


def test_an_open_value_in_a_policy_is_a_name(scan: Scanner) -> None:
    found = scan({"main.json": template(policy(OPEN), variables={"p": POLICY})})
    resource = found.only()
    ((name, part),) = resource.holes.items()
    assert name.startswith("template-value-")
    assert f"<value>{{{{{name}}}}}</value>" in resource.body["properties"]["value"]
    assert (part.function, part.route) == ("tenant", ("tenantId",))
    assert text_at(found, "exists-action")[0] == "exists-action"
    assert text_at(found, f"{{{{{name}}}}}")[0] == "{value}"


@pytest.mark.parametrize(
    "text",
    [
        "<policies><inbound><base />{value}</inbound></policies>",
        "<policies><inbound><base /></inbound></policies>{value}",
        "<policies><inbound><{value} /></inbound></policies>",
        "<policies><inbound><choose>{value}</choose></inbound></policies>",
        "<policies><inbound><set-header {value}='x' /></inbound></policies>",
        "<policies><inbound><trace>{value}</inbound></policies>",
        "{value}",
    ],
)
def test_an_open_part_that_may_be_a_policy_leaves_the_text_open(scan: Scanner, text: str) -> None:
    value = "[replace(variables('p'), '{value}', reference('x').snippet)]"
    resource = scan({"main.json": template(policy(value), variables={"p": text})}).only()
    assert isinstance(resource.body["properties"]["value"], Unresolved)
    assert resource.holes == {}


def test_an_open_part_hides_no_secret(scan: Scanner) -> None:
    text = f"<policies><inbound><set-header name='Authorization'><value>{SECRET}</value></set-header><x y='{{value}}' /></inbound></policies>"
    found = scan(
        {"main.json": template(policy("[replace(variables('p'), '{value}', reference('x').y)]"), variables={"p": text})}
    )
    assert found.only().holes
    assert_no_leak(found)

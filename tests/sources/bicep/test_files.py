"""Files together: which are deployed, with which values, what they load, and what they may not read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpguard.core.positions import SourceText
from mcpguard.evidence import ArtifactStatus, Unresolved
from mcpguard.sources import read

Scanner = Callable[..., Any]
API = """\
param name string = 'orders'
param url string
resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  name: 'contoso-apim/${name}'
  properties: { path: name, serviceUrl: url }
}
"""
POLICY = """\
<policies>
  <inbound>
    <base />
    <set-header name="x-key"><value>{placeholder}</value></set-header>
    <set-backend-service backend-id="b" />
  </inbound>
</policies>
"""
LOADS = """\
var text = loadTextContent('policies/api.xml')
resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  name: 'contoso-apim/orders/policy'
  properties: {
    format: 'rawxml'
    value: replace(text, '{placeholder}', 'given by the template')
  }
}
"""


def last(id: str) -> str:
    return id.rpartition("/")[2]


def api_url(scan: Any, name: str = "orders") -> Any:
    return scan.resource(f"/providers/Microsoft.ApiManagement/service/contoso-apim/apis/{name}").body["properties"][
        "serviceUrl"
    ]


# -- parameters ----------------------------------------------------------------------------------------------------------


def parameters(**values: Any) -> dict[str, Any]:
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"
    return {
        "$schema": schema,
        "contentVersion": "1.0.0.0",
        "parameters": {key: {"value": value} for key, value in values.items()},
    }


def test_json_parameters_of_the_azure_developer_cli(scan: Scanner) -> None:
    given = parameters(url="https://${HOST=given.example}/mcp", unknownHere="x")
    found = scan({"infra/main.bicep": API, "infra/main.parameters.json": given})
    assert api_url(found) == "https://given.example/mcp"
    assert "parameters of infra/main.bicep" in found.artifact("infra/main.parameters.json").detail


def test_parameters_in_bicep(scan: Scanner) -> None:
    given = """\
using './main.bicep'
var host = readEnvironmentVariable('HOST', 'fallback.example')
param url = 'https://${host}/mcp'
param name = 'tickets'
"""
    found = scan({"infra/main.bicep": API, "infra/prod.bicepparam": given})
    assert api_url(found, "tickets") == "https://fallback.example/mcp"
    assert found.artifact("infra/prod.bicepparam").status is ArtifactStatus.READ


def test_an_environment_variable_without_a_default_is_open(scan: Scanner) -> None:
    given = "using 'main.bicep'\nparam url = readEnvironmentVariable('URL')\n"
    value = api_url(scan({"main.bicep": API, "main.bicepparam": given}))
    assert isinstance(value, Unresolved) and (value.function, value.arguments) == ("env", ("URL",))


def test_two_parameter_files_that_disagree_leave_a_gap(scan: Scanner) -> None:
    files = {
        "main.bicep": API,
        "dev.bicepparam": "using 'main.bicep'\nparam url = 'https://dev.example'\n",
        "prod.bicepparam": "using 'main.bicep'\nparam url = 'https://prod.example'\n",
    }
    found = scan(files)
    assert api_url(found) == "https://dev.example"
    [gap] = found.evidence.gaps
    assert "prod.bicepparam gives main.bicep other values for orders" in gap.detail


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        ({"a.bicepparam": "using 'nothing.bicep'\n"}, "parameters of nothing.bicep, which was not read"),
        ({"a.bicepparam": "using none\nparam a = 1\n"}, "parameters of no template"),
    ],
)
def test_parameters_of_no_template(scan: Scanner, files: dict[str, str], detail: str) -> None:
    artifact = scan({"main.bicep": API, **files}).artifact("a.bicepparam")
    assert (artifact.status, artifact.detail) == (ArtifactStatus.SKIPPED, detail)


def test_secret_parameters_are_hidden_everywhere(scan: Scanner) -> None:
    secret = "Zx81-very-secret-Value"
    files = {
        "main.bicep": f"""\
@secure()
param key string = '{secret}'
module inner 'inner.bicep' = {{
  params: {{ key: key, other: '{secret}' }}
}}
""",
        "inner.bicep": """\
@secure()
param key string
@secure()
param other string
resource nv 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  name: 'contoso-apim/nv'
  properties: { displayName: 'nv', secret: true, value: '${key}${other}' }
}
""",
    }
    found = scan(files)
    assert secret not in repr(found.evidence.resources)
    assert all(secret in text.secrets for text in found.evidence.texts.values())


# -- which files are deployed --------------------------------------------------------------------------------------------


def test_a_module_is_judged_as_it_is_called(scan: Scanner) -> None:
    main = "module m 'modules/api.bicep' = {\n  params: { name: 'called', url: 'https://called.example' }\n}\n"
    found = scan({"main.bicep": main, "modules/api.bicep": API, "unused/api.bicep": API})
    assert [last(id) for id in found.ids] == ["called", "orders"]
    called = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/apis/called")
    assert called.origin.artifact == "modules/api.bicep"
    assert found.artifact("modules/api.bicep").resources == 1


def test_a_module_that_is_json(scan: Scanner) -> None:
    inner = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"name": {"type": "string"}},
        "resources": [
            {
                "type": "Microsoft.ApiManagement/service/tags",
                "apiVersion": "2024-05-01",
                "name": "[format('contoso-apim/{0}', parameters('name'))]",
            }
        ],
    }
    main = "module m 'inner.json' = {\n  params: { name: 'called' }\n}\n"
    assert [last(id) for id in scan({"main.bicep": main, "inner.json": inner}).ids] == ["called"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing.bicep", "there is no file missing.bicep"),
        ("../outside.bicep", "it lies outside of what is scanned"),
        ("../../../../../../etc/passwd", "it lies outside of what is scanned"),
        ("/etc/passwd", "its path is not relative"),
        ("br:example.azurecr.io/modules/api:v1", "is a module of a registry, which is not read"),
        ("ts/team:spec:1.0", "is a module of a registry, which is not read"),
    ],
)
def test_modules_that_are_not_followed_are_gaps_at_their_line(scan: Scanner, tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "outside.bicep").write_text(API)
    tag = "resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {\n  name: 'contoso-apim/t'\n}\n"
    found = scan({"main.bicep": f"{tag}module m '{path}' = {{\n  params: {{ url: 'x' }}\n}}\n"})
    assert [last(id) for id in found.ids] == ["t"]
    [gap] = found.evidence.gaps
    assert reason in gap.detail and "policy" in gap.kinds
    assert found.start(gap.at) == (4, 8)


def test_what_lies_outside_is_read_when_that_is_allowed(scan: Scanner, tmp_path: Path) -> None:
    (tmp_path / "outside.bicep").write_text(API)
    main = "module m '../outside.bicep' = {\n  params: { url: 'https://x.example' }\n}\n"
    found = scan({"main.bicep": main}, allow_outside=True)
    assert api_url(found) == "https://x.example"
    assert found.artifact("../outside.bicep").status is ArtifactStatus.READ


def test_a_link_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.bicep").write_text(API)
    folder = tmp_path / "repo" / "infra"
    folder.mkdir(parents=True)
    main = folder / "main.bicep"
    main.write_text("module m 'link.bicep' = {\n  params: { url: 'x' }\n}\n")
    (folder / "link.bicep").symlink_to(tmp_path / "secret.bicep")
    evidence = read([main])
    assert not evidence.resources and len(evidence.gaps) == 1


def test_a_file_alone_finds_its_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "api.bicep").write_text(API)
    main = tmp_path / "main.bicep"
    main.write_text("module m 'modules/api.bicep' = {\n  params: { url: 'https://x.example' }\n}\n")
    evidence = read([main])
    assert [last(resource.id) for resource in evidence.resources] == ["orders"]
    assert {artifact.path for artifact in evidence.artifacts} == {"main.bicep", "modules/api.bicep"}


# -- what is loaded ------------------------------------------------------------------------------------------------------


def test_a_loaded_policy_is_judged_where_it_stands(scan: Scanner) -> None:
    found = scan({"infra/main.bicep": LOADS, "infra/policies/api.xml": POLICY, "other.xml": POLICY})
    policy = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/apis/orders/policies/policy")
    text, where = policy.body["properties"]["value"], policy.texts["properties.value"]
    assert "given by the template" in text
    for wanted, line in (("<set-backend-service", 5), ("<base />", 3), ("<policies>", 1)):
        at = where.range(text.index(wanted), text.index(wanted) + len(wanted))
        assert (at.artifact, found.start(at)[0]) == ("infra/policies/api.xml", line)
    given = where.range(text.index("given"), text.index("given") + 5)
    assert (given.artifact, found.start(given)) == ("infra/policies/api.xml", (4, 37))
    assert found.artifact("infra/policies/api.xml").detail == "loaded by infra/main.bicep"
    [loading] = found.artifact("infra/policies/api.xml").loaded_at
    assert (loading.artifact, found.start(loading)) == ("infra/main.bicep", (1, 12))
    loose = [resource.id for resource in found.evidence.resources if resource.type == "file/policy"]
    assert loose == ["file:other.xml"]


def test_documents(scan: Scanner) -> None:
    source = """\
var names = loadJsonContent('names.json')
var deep = loadJsonContent('names.json', '$.deep.list[1]')
var yaml = loadYamlContent('names.yaml')
resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {
  name: 'contoso-apim/${names.tag}'
  properties: { a: deep, b: yaml.key, c: base64ToString(loadFileAsBase64('raw.txt')), d: loadTextContent('none.txt') }
}
"""
    names = {"tag": "t1", "deep": {"list": [1, "two"]}}
    found = scan({"main.bicep": source, "names.json": names, "names.yaml": "key: value\n", "raw.txt": "[raw]"})
    body = found.only().body["properties"]
    assert (found.ids[0].rpartition("/")[2], body["a"], body["b"], body["c"]) == ("t1", "two", "value", "[raw]")
    assert body["d"].reason == "none.txt cannot be loaded"
    assert "none.txt cannot be loaded: there is no file none.txt" in found.artifact("main.bicep").detail
    assert found.start(found.artifact("main.bicep").at) == (6, 90)


def test_a_variable_of_another_file_that_loads(scan: Scanner) -> None:
    files = {
        "main.bicep": "import { text } from 'lib/shared.bicep'\n" + "\n".join(LOADS.splitlines()[1:]) + "\n",
        "lib/shared.bicep": "@export()\nvar text = loadTextContent('api.xml')\n",
        "lib/api.xml": POLICY,
    }
    found = scan(files)
    policy = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/apis/orders/policies/policy")
    text, where = policy.body["properties"]["value"], policy.texts["properties.value"]
    at = where.range(text.index("<base"), text.index("<base") + 5)
    assert (at.artifact, found.start(at)) == ("lib/api.xml", (3, 5))


# -- hostile and unusual ---------------------------------------------------------------------------------------------------


def test_modules_in_a_circle(scan: Scanner) -> None:
    files = {
        "a.bicep": "module b 'b.bicep' = {\n}\n" + API.replace("param url string", "param url string = 'https://a.example'"),
        "b.bicep": "module a 'a.bicep' = {\n}\nmodule self 'b.bicep' = {\n}\n",
    }
    found = scan(files)
    assert [last(id) for id in found.ids] == ["orders"]
    assert found.artifact("b.bicep").status is ArtifactStatus.PARTIAL
    assert "includes itself" in found.artifact("b.bicep").detail
    assert found.start(found.artifact("b.bicep").at)[0] in (1, 3)


@pytest.mark.parametrize(
    "source",
    [
        "var a = b\nvar b = a\n",
        "param a string = b\nparam b string = a\n",
        "var a = { x: a.x }\n",
        "func f(n int) int => f(n)\nvar a = f(1)\n",
        "import { b } from 'main.bicep'\n@export()\nvar a = b\n",
        "resource a 'Microsoft.ApiManagement/service/apis@2024-05-01' = {\n  parent: a\n  name: 'x'\n}\nvar a2 = 1\n",
        "var a = " + "[" * 500 + "]" * 500 + "\n",
        "var a = " + "(" * 5000 + "\n",
        "var a = '" + "${'" * 300 + "\n",
        "var a = 1" + "+ 1" * 20000 + "\n",
        "var a = " + "!" * 5000 + "true\n",
        "var a = x" + ".y" * 5000 + "\n",
        "var a = map(range(0, 10000), i => map(range(0, 10000), j => string(j)))\n",
        "var a = 'x'\n" + "".join(f"var a{n} = '${{a{n - 1 if n else ''}}}${{a{n - 1 if n else ''}}}'\n" for n in range(60)),
    ],
)
def test_the_rest_is_read(scan: Scanner, source: str) -> None:
    names = [line.split()[1] for line in source.splitlines() if line.startswith(("var", "param"))]
    used = names[-1] if names else "a"
    tag = f"resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {{\n  name: 'contoso-apim/t'\n  properties: {{ d: {used} }}\n}}\n"
    assert "t" in [last(id) for id in scan({"main.bicep": source + tag}).ids]


@pytest.mark.parametrize(
    "text",
    [
        "x y z ' \n" * 20000,
        "var a = '${" * 20000,
        "/*" * 100_000,
        "{" * 100_000,
        "[{(" * 30_000,
        ")" * 100_000,
        "'" * 100_000,
        "'''" * 50_000 + "$",
        "@" * 100_000,
        "resource a '" * 20_000,
        "resource a 'b' = {\n" * 10_000,
        "var a = {\n b: {\n" * 10_000,
        "\\" * 100_000,
        "é\u2028\x00" * 10_000,
    ],
)
def test_hostile_text_takes_linear_time(scan: Scanner, text: str) -> None:
    import time

    begin = time.perf_counter()
    found = scan({"main.bicep": text, "policy.xml": "<policies/>"})
    assert time.perf_counter() - begin < 4
    assert found.artifact("main.bicep").status in (ArtifactStatus.PARTIAL, ArtifactStatus.READ, ArtifactStatus.SKIPPED)


PIECES = ["", "'", "'''", "${", "}", "{", "[", ")", "\n", "@x", "...", "for "]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutilated_text_is_read_somehow(tmp_path: Path, data: st.DataObject) -> None:
    text = API + LOADS.replace("policies/", "")
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    (tmp_path / "main.bicep").write_text(text)
    (tmp_path / "api.xml").write_text(POLICY)
    evidence = read([tmp_path])
    for resource in evidence.resources:
        place = evidence.texts[resource.origin.artifact]
        source = SourceText(place.data, place.format, place.moved, place.places)
        for key in (*resource.body, "nothing"):
            assert source.resolve(resource.origin.child(key)).span.line >= 1


def test_an_empty_module_hides_nothing(scan: Scanner) -> None:
    main = "module m 'empty.bicep' = {\n}\n" + API.replace("param url string", "param url string = 'https://a.example'")
    found = scan({"main.bicep": main, "empty.bicep": "\n"})
    assert [gap.kinds for gap in found.evidence.gaps] == [frozenset()]


def test_a_long_chain_of_parents(scan: Scanner) -> None:
    chain = "".join(f"resource r{n} 'A.B/c@1' = {{\n  parent: r{n + 1}\n  name: 'r{n}'\n}}\n" for n in range(3000))
    tag = "resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {\n  name: 'contoso-apim/t'\n}\n"
    assert "t" in [last(id) for id in scan({"main.bicep": chain + tag}).ids]


def test_a_bomb_of_modules_ends(scan: Scanner) -> None:
    files = {f"m{n}.bicep": "".join(f"module m{k} 'm{n + 1}.bicep' = {{\n}}\n" for k in range(10)) for n in range(8)}
    files["m8.bicep"] = "resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {\n  name: 'contoso-apim/t'\n}\n"
    found = scan(files)
    assert any("more work than its size allows" in artifact.detail for artifact in found.evidence.artifacts)


def test_loops_of_unknown_length_are_gaps(scan: Scanner) -> None:
    source = "param names array\nresource t 'Microsoft.ApiManagement/service/apis@2024-05-01' = [for n in names: {\n  name: 'contoso-apim/${n}'\n}]\n"
    [gap] = scan({"main.bicep": source}).evidence.gaps
    assert "names" in gap.detail and gap.kinds == {"api"}


def test_the_order_of_files_means_nothing(scan: Scanner) -> None:
    main = "module m 'z.bicep' = {\n  params: { url: 'https://x.example' }\n}\n"
    one = scan({"b.bicep": main, "z.bicep": API, "a.bicep": main.replace("module m", "module n").replace("x.e", "y.e")})
    assert [artifact.path for artifact in one.evidence.artifacts] == ["a.bicep", "b.bicep", "z.bicep"]
    assert api_url(one) == "https://y.example"

"""Every value is found on the line that says it; what cannot be read is said at its line, and the rest comes out."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus

Scanner = Callable[..., Any]

MAIN = """\
param logBytes int = 8192
var shared = {
  frontend: {
    response: { body: { bytes: logBytes } }
  }
}
@description('the server')
resource api 'Microsoft.ApiManagement/service/apis@2025-09-01-preview' = if (logBytes > 0) {
  name: 'contoso-apim/orders'
  properties: union({
    path: 'orders'
    type: 'http'
  }, {
    type: 'mcp'
    'display\\'Name': 'x'
  })
  resource child 'policies' = {
    name: 'policy'
    properties: {
      value: '''
<policies>
  <inbound>
    <base />
  </inbound>
</policies>'''
    }
  }
}
resource diagnostic 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = [for id in ['azuremonitor', 'applicationinsights']: {
  parent: api
  name: id
  properties: shared
}]
module inner 'inner.bicep' = {
  params: {
    name: logBytes > 9000
      ? 'one'
      : 'two'
  }
}
"""
INNER = (
    "param name string\nresource tag 'Microsoft.ApiManagement/service/tags@2024-05-01' = {\n  name: 'contoso-apim/${name}'\n}\n"
)


def test_lines(scan: Scanner) -> None:
    found = scan({"main.bicep": MAIN, "inner.bicep": INNER})
    api = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/apis/orders").origin
    assert found.start(api) == (8, 10)
    assert found.start(api.child("properties", "type")) == (14, 11)
    assert found.start(api.child("properties", "path")) == (11, 11)
    assert found.start(api.child("properties", "display'Name")) == (15, 22)
    assert found.start(api.child("properties", "absent")) == (10, 15)
    assert found.start(api.child("condition")) == (8, 78)
    assert found.start(api.child("apiVersion")) == (8, 14)
    diagnostic = found.resource(
        "/providers/Microsoft.ApiManagement/service/contoso-apim/apis/orders/diagnostics/azuremonitor"
    ).origin
    assert found.start(diagnostic.child("properties", "frontend", "response", "body", "bytes")) == (4, 32)
    inner = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/tags/two").origin
    assert (inner.artifact, found.start(inner)) == ("inner.bicep", (2, 10))


def test_text_in_three_apostrophes(scan: Scanner) -> None:
    found = scan({"main.bicep": MAIN, "inner.bicep": INNER})
    policy = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/apis/orders/policies/policy")
    text = policy.body["properties"]["value"]
    place = found.place(policy.origin.child("properties", "value").range(text.index("<base"), text.index("<base") + 8))
    assert (place.span.line, place.span.column, place.inner.line) == (23, 5, 3)


def test_text_with_values_in_it(scan: Scanner) -> None:
    source = """\
param origin string
resource policy 'Microsoft.ApiManagement/service/policies@2024-05-01' = {
  name: 'contoso-apim/policy'
  properties: {
    value: $'''
<policies>
  <inbound>
    <cors><allowed-origins><origin>${origin}</origin></allowed-origins></cors>
  </inbound>
</policies>'''
  }
}
"""
    policy = scan({"main.bicep": source})
    found = policy.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/policies/policy")
    text, where = found.body["properties"]["value"], found.texts["properties.value"]
    start = text.index("</inbound>")
    assert policy.start(where.range(start, start + 10)) == (9, 3)
    assert [hole.function for hole in found.holes.values()] == ["parameters"]


def test_escapes_keep_columns(scan: Scanner) -> None:
    source = "resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {\n  name: 'contoso-apim/t'\n  properties: { d: 'a\\n\\u{48}x' }\n}\n"
    found = scan({"main.bicep": source})
    at = found.only().origin.child("properties", "d")
    assert found.only().body["properties"]["d"] == "a\nHx"
    assert found.place(at.range(3, 4)).span.column == 30


BROKEN = """\
extension microsoftGraphV1
param good string = 'contoso-apim'
var broken = {
  a: (1
  b: 2
}
resource first 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  name: '${good}/first'
  properties: {
    path: 'first'
    displayName 'forgotten colon'
    serviceUrl: 'https://first.example'
  }
}
this is no statement
resource open 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  name: '${good}/open'
  properties: {
    path: 'open'
resource second 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  name: '${good}/second'
  properties: { path: 'second' }
}
// resource commented 'Microsoft.ApiManagement/service/apis@2024-05-01' = { name: 'contoso-apim/commented' }
/* resource commented2 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  name: 'contoso-apim/commented'
} */
"""


def test_broken_parts_are_said_and_the_rest_is_read(scan: Scanner) -> None:
    found = scan({"main.bicep": BROKEN})
    assert [id.rpartition("/")[2] for id in found.ids] == ["first", "second"]
    first = found.resource("/providers/Microsoft.ApiManagement/service/contoso-apim/apis/first")
    assert first.body["properties"] == {"path": "first", "serviceUrl": "https://first.example"}
    artifact = found.artifact("main.bicep")
    assert (artifact.status, artifact.kind) == (ArtifactStatus.PARTIAL, "bicep")
    assert "(and 3 more)" in artifact.detail
    assert found.start(artifact.at)[0] == 4


@pytest.mark.parametrize(
    "line",
    [
        "extension microsoftGraphV1",
        "extension microsoftGraphV1 as graph",
        "extension 'br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:0.1.8-preview'",
        "extension kubernetes with { namespace: 'default' } as k8s",
        "provider microsoftGraph",
        "provider 'microsoftGraph@1.0.0'",
        "import 'az@1.0.0'",
        "import microsoftGraph as graph",
        "metadata owner = 'me'",
        "type kind = 'a' | 'b' | { c: string? }",
        "assert it = 1 == 1",
        "@minLength(3)\n@allowed([\n  'a'\n])\nparam a string = 'a'",
        "param o { a: string\n  b: int? }?",
        "param r resourceInput<'Microsoft.Web/sites@2024-04-01'>.properties = {}",
        "var typed string = 'x'",
        "#disable-next-line no-unused-vars\nvar v = 1 // why",
        "var t = true\n  ? 'a'\n  : 'b'",
        "var f = union(\n  { a: 1 },\n  { b: 2 }\n)",
        "var n = (1 + 2) * -3 % 2 >= 0 && !false || null == null",
        "var l = [for (x, i) in []: { a: x, b: i }]",
        "var deep = { a: '${'${'x'}'}' }",
        "func f(a string, b { c: int }) string => '${a}${b.c}'",
    ],
)
def test_spellings(scan: Scanner, line: str) -> None:
    tag = "resource t 'Microsoft.ApiManagement/service/tags@2024-05-01' = {\n  name: 'contoso-apim/t'\n}\n"
    found = scan({"main.bicep": f"{line}\n{tag}"})
    assert (found.artifact("main.bicep").status, found.artifact("main.bicep").detail) == (ArtifactStatus.READ, "")
    assert [id.rpartition("/")[2] for id in found.ids] == ["t"]


def test_objects_of_microsoft_graph_are_a_gap(scan: Scanner) -> None:
    source = "extension microsoftGraphV1\nresource app 'Microsoft.Graph/applications@v1.0' = {\n  uniqueName: 'x'\n}\noutput id string = app.appId\n"
    found = scan({"main.bicep": source})
    [gap] = found.evidence.gaps
    assert gap.kinds == {"application"} and "Microsoft.Graph/applications@v1.0" in gap.detail
    assert found.start(gap.at) == (2, 10)


def test_whole_files_and_unknown_routes(scan: Scanner) -> None:
    found = scan({"main.bicep": MAIN, "inner.bicep": INNER})
    assert found.start(Location("main.bicep")) == (1, 1)
    assert found.start(Location("main.bicep", ("resources", "nothing"))) == (1, 1)
    assert found.start(Location("main.bicep", ("variables", "shared", "frontend"))) == (3, 13)
    assert found.start(Location("main.bicep", ("parameters", "logBytes", "defaultValue"))) == (1, 22)

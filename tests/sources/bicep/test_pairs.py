"""Bicep and the template that its compiler writes for it give the same resources. The pairs are written by hand."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mcpguard.evidence import RawResource, Unresolved
from mcpguard.sources import read

Scanner = Callable[..., Any]
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
SUBSCRIPTION_SCHEMA = "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
APIM = "Microsoft.ApiManagement/service"


def plain(value: Any) -> Any:
    """A value without the words of its expressions, which each language has its own of."""
    match value:
        case Unresolved():
            parts = tuple(plain(part) for part in value.parts)
            what = () if parts else (value.function, tuple(plain(argument) for argument in value.arguments))
            return ("?", what, value.route, parts)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def shown(resource: RawResource) -> tuple[Any, ...]:
    return resource.id, resource.type, resource.api_version, plain(resource.body)


def resources_in(scan: Scanner, files: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = scan(files).evidence.resources
    return sorted((shown(resource) for resource in found if resource.format in ("bicep", "arm-template")), key=repr)


def template(resources: Any, *, schema: str = SCHEMA, **sections: Any) -> dict[str, Any]:
    return {"$schema": schema, "contentVersion": "1.0.0.0", **sections, "resources": resources}


def item(type: str, version: str, name: Any, properties: Any, **more: Any) -> dict[str, Any]:
    return {"type": type, "apiVersion": version, "name": name, "properties": properties, **more}


def nested(name: str, inner: dict[str, Any], parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {
        "expressionEvaluationOptions": {"scope": "inner"},
        "mode": "Incremental",
        "parameters": {key: {"value": value} for key, value in parameters.items()},
        "template": inner,
    }
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2025-04-01",
        "name": name,
        "properties": properties,
        **more,
    }


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "parameters, variables, parents, interpolation": (
        {
            "main.bicep": """
param serviceName string = 'contoso-apim'
param backendHost string
var path = 'orders/mcp'
resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName
}
resource api 'Microsoft.ApiManagement/service/apis@2025-09-01-preview' = {
  parent: service
  name: 'orders-mcp'
  properties: {
    type: 'mcp'
    path: path
    protocols: ['https']
    serviceUrl: 'https://${backendHost}/mcp'
    displayName: '${toUpper(take(path, 1))}rders \\u{2013} it\\'s'
  }
}
"""
        },
        template(
            [
                item(
                    f"{APIM}/apis",
                    "2025-09-01-preview",
                    "[format('{0}/{1}', parameters('serviceName'), 'orders-mcp')]",
                    {
                        "type": "mcp",
                        "path": "[variables('path')]",
                        "protocols": ["https"],
                        "serviceUrl": "[format('https://{0}/mcp', parameters('backendHost'))]",
                        "displayName": "[format('{0}rders \u2013 it''s', toUpper(take(variables('path'), 1)))]",
                    },
                )
            ],
            parameters={
                "serviceName": {"type": "string", "defaultValue": "contoso-apim"},
                "backendHost": {"type": "string"},
            },
            variables={"path": "orders/mcp"},
        ),
    ),
    "loops, conditions, operators": (
        {
            "main.bicep": """
param apis array = [
  { name: 'a', open: true }
  { name: 'b', open: false }
]
param withLogger bool
resource many 'Microsoft.ApiManagement/service/apis@2024-05-01' = [for (api, i) in apis: if (api.name != 'c') {
  name: 'contoso-apim/${api.name}-${i}'
  properties: {
    path: api.name
    subscriptionRequired: !api.open || i > 5
    description: api.open ? 'open' : 'closed'
    protocols: [for n in range(0, 2): n == 0 ? 'http' : 'https']
  }
}]
resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = if (withLogger) {
  name: 'contoso-apim/insights'
  properties: { loggerType: 'applicationInsights' }
}
resource never 'Microsoft.ApiManagement/service/loggers@2024-05-01' = if (1 == 2) {
  name: 'contoso-apim/never'
  properties: {}
}
"""
        },
        template(
            [
                item(
                    f"{APIM}/apis",
                    "2024-05-01",
                    "[format('contoso-apim/{0}-{1}', parameters('apis')[copyIndex()].name, copyIndex())]",
                    {
                        "copy": [
                            {
                                "name": "protocols",
                                "count": "[length(range(0, 2))]",
                                "input": "[if(equals(range(0, 2)[copyIndex('protocols')], 0), 'http', 'https')]",
                            }
                        ],
                        "path": "[parameters('apis')[copyIndex()].name]",
                        "subscriptionRequired": "[or(not(parameters('apis')[copyIndex()].open), greater(copyIndex(), 5))]",
                        "description": "[if(parameters('apis')[copyIndex()].open, 'open', 'closed')]",
                    },
                    copy={"name": "many", "count": "[length(parameters('apis'))]"},
                    condition="[not(equals(parameters('apis')[copyIndex()].name, 'c'))]",
                ),
                item(
                    f"{APIM}/loggers",
                    "2024-05-01",
                    "contoso-apim/insights",
                    {"loggerType": "applicationInsights"},
                    condition="[parameters('withLogger')]",
                ),
                item(f"{APIM}/loggers", "2024-05-01", "contoso-apim/never", {}, condition="[equals(1, 2)]"),
            ],
            parameters={
                "apis": {"type": "array", "defaultValue": [{"name": "a", "open": True}, {"name": "b", "open": False}]},
                "withLogger": {"type": "bool"},
            },
        ),
    ),
    "nested children, ids, keys and references": (
        {
            "main.bicep": """
param app string
resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: app
}
resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: 'contoso-apim'
  sku: { name: 'StandardV2', capacity: 1 }
  properties: { publisherName: 'Contoso' }
  resource api 'apis' = {
    name: 'orders'
    properties: {
      path: 'orders/mcp'
      serviceUrl: 'https://${site.properties.defaultHostName}/runtime/webhooks/mcp'
    }
    resource policy 'policies@2023-05-01-preview' = {
      name: 'policy'
      properties: { format: 'rawxml', value: '<policies/>' }
    }
  }
}
resource key 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: 'host-key'
  properties: {
    displayName: 'host-key'
    secret: true
    value: listKeys('${site.id}/host/default', site.apiVersion).masterKey
  }
}
resource tool 'Microsoft.ApiManagement/service/apis/tools@2025-09-01-preview' = {
  parent: service::api
  name: 'list'
  properties: { operationId: '${service::api.id}/operations/list', displayName: service::api.name }
}
"""
        },
        template(
            [
                item(
                    f"{APIM}/apis/policies",
                    "2023-05-01-preview",
                    "[format('{0}/{1}/{2}', 'contoso-apim', 'orders', 'policy')]",
                    {"format": "rawxml", "value": "<policies/>"},
                ),
                item(
                    f"{APIM}/apis",
                    "2024-05-01",
                    "[format('{0}/{1}', 'contoso-apim', 'orders')]",
                    {
                        "path": "orders/mcp",
                        "serviceUrl": "[format('https://{0}/runtime/webhooks/mcp', reference(resourceId('Microsoft.Web/sites', "
                        "parameters('app')), '2024-04-01').defaultHostName)]",
                    },
                ),
                item(
                    APIM, "2024-05-01", "contoso-apim", {"publisherName": "Contoso"}, sku={"name": "StandardV2", "capacity": 1}
                ),
                item(
                    f"{APIM}/namedValues",
                    "2024-05-01",
                    "[format('{0}/{1}', 'contoso-apim', 'host-key')]",
                    {
                        "displayName": "host-key",
                        "secret": True,
                        "value": "[listKeys(format('{0}/host/default', resourceId('Microsoft.Web/sites', parameters('app'))), "
                        "'2024-04-01').masterKey]",
                    },
                ),
                item(
                    f"{APIM}/apis/tools",
                    "2025-09-01-preview",
                    "[format('{0}/{1}/{2}', 'contoso-apim', 'orders', 'list')]",
                    {
                        "operationId": f"[format('{{0}}/operations/list', resourceId('{APIM}/apis', 'contoso-apim', 'orders'))]",
                        "displayName": "orders",
                    },
                ),
            ],
            parameters={"app": {"type": "string"}},
        ),
    ),
    "modules called twice, with outputs, in groups": (
        {
            "main.bicep": """
targetScope = 'subscription'
param environmentName string
resource group 'Microsoft.Resources/resourceGroups@2021-04-01' = {
  name: 'rg-mcp'
  location: 'westeurope'
}
module one './modules/api.bicep' = {
  name: 'one'
  scope: group
  params: { name: 'one', url: 'https://one.example/mcp' }
}
module two 'modules/api.bicep' = {
  name: 'two'
  scope: resourceGroup('rg-other')
  params: { name: 'two', url: '${one.outputs.url}/../two', title: environmentName }
}
""",
            "modules/api.bicep": """
param name string
param url string
param title string = name
resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  name: 'contoso-apim/${name}'
  properties: { path: name, serviceUrl: url, displayName: title }
}
output url string = api.properties.serviceUrl
""",
        },
        template(
            [
                item("Microsoft.Resources/resourceGroups", "2021-04-01", "rg-mcp", None, location="westeurope"),
                nested(
                    "one",
                    INNER := template(
                        [
                            item(
                                f"{APIM}/apis",
                                "2024-05-01",
                                "[format('contoso-apim/{0}', parameters('name'))]",
                                {
                                    "path": "[parameters('name')]",
                                    "serviceUrl": "[parameters('url')]",
                                    "displayName": "[parameters('title')]",
                                },
                            )
                        ],
                        parameters={
                            "name": {"type": "string"},
                            "url": {"type": "string"},
                            "title": {"type": "string", "defaultValue": "[parameters('name')]"},
                        },
                        outputs={
                            "url": {
                                "type": "string",
                                "value": f"[reference(resourceId('{APIM}/apis', "
                                "split(format('contoso-apim/{0}', parameters('name')), '/')[0], "
                                "split(format('contoso-apim/{0}', parameters('name')), '/')[1]), '2024-05-01').serviceUrl]",
                            }
                        },
                    ),
                    {"name": "one", "url": "https://one.example/mcp"},
                    resourceGroup="rg-mcp",
                ),
                nested(
                    "two",
                    INNER,
                    {
                        "name": "two",
                        "url": "[format('{0}/../two', reference(extensionResourceId(format("
                        "'/subscriptions/{0}/resourceGroups/{1}', subscription().subscriptionId, 'rg-mcp'), "
                        "'Microsoft.Resources/deployments', 'one'), '2025-04-01').outputs.url.value)]",
                        "title": "[parameters('environmentName')]",
                    },
                    resourceGroup="rg-other",
                ),
            ],
            schema=SUBSCRIPTION_SCHEMA,
            parameters={"environmentName": {"type": "string"}},
        ),
    ),
    "collections: union, map, filter, reduce, items, toObject, spread, safe access, functions": (
        {
            "main.bicep": """
import { shared, label as called } from 'shared.bicep'
import * as common from 'shared.bicep'
var extra = { b: 2 }
var list = [1, 2, 3]
func twice(n int) int => n * 2
resource x 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  name: 'contoso-apim/x'
  properties: {
    tags: [...list, 4]
    value: string({ ...extra, c: 3 })
    merged: union({ type: 'http', a: 1 }, { type: 'mcp' })
    doubled: map(filter(list, n => n > 1), (n, i) => twice(n) + i)
    sum: reduce(list, 0, (a, b) => a + b)
    names: map(items({ z: 1, a: 2 }), e => '${e.key}=${e.value}')
    object: toObject(list, n => 'n${n}', n => n)
    absent: extra.?nothing.deep ?? 'none'
    there: extra.?b
    last: list[^1]
    '${called('k')}': shared
    other: common.label('z')
    text: '''
first ${not}
second'''
    folded: 'A' =~ 'a' && 'A' != 'a'
    negative: -3 + 1
  }
}
""",
            "shared.bicep": """
@export()
var shared = '${prefix}-value'
var prefix = 'pre'
@export()
func label(name string) string => 'l-${name}'
""",
        },
        template(
            [
                item(
                    f"{APIM}/namedValues",
                    "2024-05-01",
                    "contoso-apim/x",
                    {
                        "tags": [1, 2, 3, 4],
                        "value": "[string(createObject('b', 2, 'c', 3))]",
                        "merged": {"type": "mcp", "a": 1},
                        "doubled": [4, 7],
                        "sum": 6,
                        "names": ["a=2", "z=1"],
                        "object": {"n1": 1, "n2": 2, "n3": 3},
                        "absent": "none",
                        "there": 2,
                        "last": 3,
                        "l-k": "pre-value",
                        "other": "l-z",
                        "text": "first ${not}\nsecond",
                        "folded": True,
                        "negative": -2,
                    },
                )
            ]
        ),
    ),
    "loops of parents, modules and existing resources": (
        {
            "main.bicep": """
param keys array = ['a', 'b']
resource apis 'Microsoft.ApiManagement/service/apis@2024-05-01' = [for key in keys: {
  name: 'contoso-apim/${key}'
  properties: { path: key }
}]
resource first 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = {
  parent: apis[1]
  name: 'get'
  properties: { method: 'GET', urlTemplate: '/', description: apis[0].id }
}
module each 'each.bicep' = [for (key, n) in keys: {
  name: 'each-${n}'
  params: { key: key }
}]
resource last 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  name: 'contoso-apim/last'
  properties: { value: each[1].outputs.made }
}
""",
            "each.bicep": """
param key string
resource tag 'Microsoft.ApiManagement/service/tags@2024-05-01' = {
  name: 'contoso-apim/${key}'
  properties: { displayName: key }
}
output made string = tag.properties.displayName
output known string = 'tag ${key}'
""",
        },
        template(
            [
                item(
                    f"{APIM}/apis",
                    "2024-05-01",
                    "[format('contoso-apim/{0}', parameters('keys')[copyIndex()])]",
                    {"path": "[parameters('keys')[copyIndex()]]"},
                    copy={"name": "apis", "count": "[length(parameters('keys'))]"},
                ),
                item(
                    f"{APIM}/apis/operations",
                    "2024-05-01",
                    "[format('{0}/{1}', format('contoso-apim/{0}', parameters('keys')[1]), 'get')]",
                    {
                        "method": "GET",
                        "urlTemplate": "/",
                        "description": f"[resourceId('{APIM}/apis', 'contoso-apim', parameters('keys')[0])]",
                    },
                ),
                nested(
                    "[format('each-{0}', copyIndex())]",
                    template(
                        [
                            item(
                                f"{APIM}/tags",
                                "2024-05-01",
                                "[format('contoso-apim/{0}', parameters('key'))]",
                                {"displayName": "[parameters('key')]"},
                            )
                        ],
                        parameters={"key": {"type": "string"}},
                        outputs={
                            "made": {
                                "type": "string",
                                "value": f"[reference(resourceId('{APIM}/tags', 'contoso-apim', "
                                "parameters('key')), '2024-05-01').displayName]",
                            }
                        },
                    ),
                    {"key": "[parameters('keys')[copyIndex()]]"},
                    copy={"name": "each", "count": "[length(parameters('keys'))]"},
                ),
                item(
                    f"{APIM}/namedValues",
                    "2024-05-01",
                    "contoso-apim/last",
                    {
                        "value": "[reference(resourceId('Microsoft.Resources/deployments', 'each-1'), "
                        "'2025-04-01').outputs.made.value]"
                    },
                ),
            ],
            parameters={"keys": {"type": "array", "defaultValue": ["a", "b"]}},
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pair(scan: Scanner, tmp_path: Path, name: str) -> None:
    files, compiled = PAIRS[name]
    compiled = json.loads(json.dumps(compiled))
    for resource in compiled["resources"]:
        if resource.get("properties", "") is None:
            del resource["properties"]
    bicep = resources_in(scan, files)
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled" / "main.json").write_text(json.dumps(compiled))
    found = read([tmp_path / "compiled"]).resources
    arm = sorted((shown(resource) for resource in found), key=repr)
    assert bicep and [entry[:3] for entry in bicep] == [entry[:3] for entry in arm]
    for left, right in zip(bicep, arm, strict=True):
        for body in (left[3], right[3]):
            body.pop("name", None)
        assert left[3] == right[3], left[0]


@pytest.mark.skipif(shutil.which("bicep") is None, reason="no Bicep compiler on PATH")
@pytest.mark.parametrize("name", PAIRS)
def test_the_compiler_agrees(scan: Scanner, tmp_path: Path, name: str) -> None:
    files, _ = PAIRS[name]
    ours = {entry[:3] for entry in resources_in(scan, files)}
    target = tmp_path / "compiled"
    target.mkdir()
    main = tmp_path / "estate" / "main.bicep"
    subprocess.run(["bicep", "build", str(main), "--outfile", str(target / "main.json")], check=True)
    assert {shown(resource)[:3] for resource in read([target]).resources} == ours


def test_two_deployments_of_one_module_are_two_instances(scan: Scanner) -> None:
    files, _ = PAIRS["modules called twice, with outputs, in groups"]
    found = scan(files)
    assert [id.rpartition("/")[2] for id in found.ids if "/apis/" in id] == ["one", "two"]
    assert found.resource("/resourceGroups/rg-other/providers/Microsoft.ApiManagement/service/contoso-apim/apis/two")
    assert all(msgspec.structs.asdict(gap) for gap in found.evidence.gaps) and not found.evidence.gaps

"""A template of any size in the shape in which `az bicep build` writes modules, for the budgets."""

from typing import Any

import msgspec

from tests.bench.estates import POLICY, TYPE

_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


def write_template(modules: int) -> bytes:
    """A template of ``modules`` nested deployments, each with an API, its operations and its policy; about 11 kB each."""
    return msgspec.json.format(msgspec.json.encode(_template(modules)), indent=2)


def _template(modules: int) -> dict[str, Any]:
    resources: list[Any] = [
        {
            "type": TYPE,
            "apiVersion": "2024-05-01",
            "name": "[parameters('apimName')]",
            "location": "[parameters('location')]",
            "sku": {"name": "[parameters('sku').name]", "capacity": 1},
            "properties": {"publisherName": "Contoso", "publisherEmail": "[format('api@{0}', variables('domain'))]"},
        }
    ]
    resources.extend(_module(number) for number in range(modules))
    return {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {
            "apimName": _parameter("[format('apim-{0}', uniqueString(subscription().id, resourceGroup().id))]"),
            "location": _parameter("[resourceGroup().location]"),
            "sku": {"type": "object", "defaultValue": {"name": "StandardV2"}},
        },
        "variables": {"domain": "[toLower('Contoso.Example')]"},
        "resources": resources,
    }


def _parameter(default: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "string",
        "metadata": {"description": "Described at some length, as generators and people do."},
    }
    return found if default is None else {**found, "defaultValue": default}


def _module(number: int) -> dict[str, Any]:
    name = "[format('{0}/{1}', parameters('apimName'), parameters('apiName'))]"
    operation = "variables('operations')[copyIndex()]"
    inner = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "metadata": {"_generator": {"name": "bicep", "version": "0.37.4.10188", "templateHash": str(number)}},
        "parameters": {
            **{name: _parameter() for name in ("apimName", "apiName", "backendHost", "tenantId")},
            "subscriptionRequired": {"type": "bool", "defaultValue": True},
            "tags": {"type": "object", "defaultValue": {}},
        },
        "variables": {
            "$fxv#0": POLICY.format(number),
            "operations": [{"name": f"op-{index}", "method": "GET", "url": f"/things/{index}"} for index in range(8)],
        },
        "resources": [
            {
                "type": f"{TYPE}/backends",
                "apiVersion": "2024-05-01",
                "name": "[format('{0}/{1}-backend', parameters('apimName'), parameters('apiName'))]",
                "properties": {"url": "[format('https://{0}/mcp', parameters('backendHost'))]", "protocol": "http"},
            },
            {
                "type": f"{TYPE}/apis",
                "apiVersion": "2024-05-01",
                "name": name,
                "properties": {
                    "displayName": "[concat(toUpper(take(parameters('apiName'), 1)), skip(parameters('apiName'), 1))]",
                    "path": "[parameters('apiName')]",
                    "protocols": ["https"],
                    "subscriptionRequired": "[parameters('subscriptionRequired')]",
                    "type": "[if(contains(parameters('apiName'), 'mcp'), 'mcp', 'http')]",
                    "backendId": "[format('{0}-backend', parameters('apiName'))]",
                },
                "tags": "[union(parameters('tags'), createObject('module', deployment().name))]",
                "dependsOn": [
                    f"[resourceId('{TYPE}/backends', parameters('apimName'), format('{{0}}-backend', parameters('apiName')))]"
                ],
            },
            {
                "copy": {"name": "operations", "count": "[length(variables('operations'))]"},
                "type": f"{TYPE}/apis/operations",
                "apiVersion": "2024-05-01",
                "name": f"[format('{{0}}/{{1}}/{{2}}', parameters('apimName'), parameters('apiName'), {operation}.name)]",
                "properties": {
                    "displayName": f"[{operation}.name]",
                    "method": f"[{operation}.method]",
                    "urlTemplate": f"[{operation}.url]",
                    "description": "One of the many operations of this interface, described at some length.",
                },
            },
            {
                "condition": "[not(empty(parameters('backendHost')))]",
                "type": f"{TYPE}/apis/policies",
                "apiVersion": "2024-05-01",
                "name": "[format('{0}/{1}/{2}', parameters('apimName'), parameters('apiName'), 'policy')]",
                "properties": {
                    "format": "rawxml",
                    "value": "[replace(variables('$fxv#0'), '{backend-id}', format('{0}-backend', parameters('apiName')))]",
                },
            },
        ],
        "outputs": {
            "id": {"type": "string", "value": f"[resourceId('{TYPE}/apis', parameters('apimName'), parameters('apiName'))]"}
        },
    }
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": f"module-{number}",
        "properties": {
            "expressionEvaluationOptions": {"scope": "inner"},
            "mode": "Incremental",
            "parameters": {
                "apimName": {"value": "[parameters('apimName')]"},
                "apiName": {"value": f"mcp-{number}"},
                "backendHost": {"value": f"[format('backend-{number}.{{0}}', variables('domain'))]"},
                "tenantId": {"value": "[tenant().tenantId]"},
            },
            "template": inner,
        },
        "dependsOn": [f"[resourceId('{TYPE}', parameters('apimName'))]"],
    }

"""A template and its parameter file on the command line: findings stand where the author can repair them."""

import json
from pathlib import Path
from typing import Any

from tests.cli.test_scan import found, mcpguard

TYPE = "Microsoft.ApiManagement/service"
POLICY = """<policies>
  <inbound>
    <base />
    <validate-azure-ad-token tenant-id="{tenant}"><audiences><audience>api://orders</audience></audiences></validate-azure-ad-token>
    <set-backend-service backend-id="{backend}" />
    <trace source="orders"><message>@(context.Request.Headers.GetValueOrDefault("Authorization", ""))</message></trace>
  </inbound>
</policies>"""


def resource(kind: str, name: str, **properties: Any) -> dict[str, Any]:
    return {"type": f"{TYPE}{kind}", "apiVersion": "2025-09-01-preview", "name": name, "properties": properties}


def write(folder: Path) -> list[str]:
    """A template as Bicep compiles one, with a module and a parameter file; the lines of the template."""
    module = {
        "contentVersion": "1.0.0.0",
        "parameters": {"apim": {"type": "string"}, "host": {"type": "string"}},
        "variables": {"$fxv#0": POLICY, "backend": "orders"},
        "resources": [
            resource(
                "/backends", "[format('{0}/orders', parameters('apim'))]", url="[format('http://{0}/mcp', parameters('host'))]"
            ),
            resource(
                "/apis",
                "[format('{0}/{1}', parameters('apim'), 'orders-mcp')]",
                type="mcp",
                path="orders",
                protocols=["https"],
                backendId="[variables('backend')]",
            ),
            resource(
                "/apis/policies",
                "[format('{0}/{1}/{2}', parameters('apim'), 'orders-mcp', 'policy')]",
                format="rawxml",
                value="[replace(replace(variables('$fxv#0'), '{backend}', variables('backend')), '{tenant}', tenant().tenantId)]",
            ),
        ],
    }
    values = {"apim": {"value": "[parameters('apim')]"}, "host": {"value": "[parameters('host')]"}}
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "api",
        "properties": {"expressionEvaluationOptions": {"scope": "inner"}, "parameters": values, "template": module},
    }
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"apim": {"type": "string"}, "host": {"type": "string", "defaultValue": "orders.fabrikam.example"}},
        "resources": [resource("", "[parameters('apim')]"), nested],
    }
    given = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "parameters": {"apim": {"value": "contoso-apim"}, "host": {"value": "orders.contoso.example"}},
    }
    text = json.dumps(template, indent=2)
    (folder / "main.json").write_text(text)
    (folder / "main.parameters.json").write_text(json.dumps(given, indent=2))
    return text.split("\n")


def test_findings_stand_in_the_template_and_in_the_policy_within_it(tmp_path: Path) -> None:
    lines = write(tmp_path)
    result = mcpguard("scan", tmp_path, "--format", "json")
    assert result.returncode == 1, result.stderr
    report = json.loads(result.stdout)
    assert {("MG116", "orders-mcp"), ("MG211", "orders-mcp")} <= found(result)
    places = {finding["ruleId"]: finding["location"] for finding in report["findings"]}
    url, trace = places["MG116"], places["MG211"]
    assert lines[url["startLine"] - 1].strip().startswith('"url": "[format(')
    assert (trace["policy"]["startLine"], trace["policy"]["startColumn"]) == (6, 37)
    line = lines[trace["startLine"] - 1]
    assert line.strip().startswith('"$fxv#0": "<policies>')
    assert line[trace["startColumn"] - 1 :].startswith("@(context.Request.Headers")
    assert [(artifact["path"], artifact["status"]) for artifact in report["coverage"]["artifacts"]] == [
        ("main.json", "read"),
        ("main.parameters.json", "read"),
    ]
    assert "http://orders.contoso.example/mcp" in json.dumps(report["findings"])
    assert report["coverage"]["gaps"] == []


def test_a_template_alone_is_judged_too(tmp_path: Path) -> None:
    write(tmp_path)
    result = mcpguard("scan", tmp_path / "main.json", "--format", "json")
    assert {("MG116", "orders-mcp"), ("MG211", "orders-mcp")} <= found(result)
    shown = mcpguard("policy", "show", tmp_path / "main.json", "--api", "orders-mcp")
    assert shown.returncode == 0, shown.stderr
    assert "template computes as [tenant().tenantId]" in " ".join(shown.stdout.split())

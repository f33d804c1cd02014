"""A repository of Bicep on the command line: findings stand where the author can repair them, and nowhere else."""

import json
from pathlib import Path

from tests.cli.test_scan import mcpguard

MAIN = """\
targetScope = 'subscription'
param environmentName string
param hostName string = ''
var token = uniqueString(subscription().id, environmentName)
var functionName = empty(hostName) ? 'func-${token}' : hostName
resource group 'Microsoft.Resources/resourceGroups@2021-04-01' = {
  name: 'rg-${environmentName}'
  location: 'westeurope'
}
module gateway './core/gateway.bicep' = {
  name: 'gateway'
  scope: group
  params: { name: 'apim-${token}' }
}
module oauth './app/oauth.bicep' = {
  name: 'oauth'
  scope: group
  params: { apimName: gateway.outputs.name }
}
module mcp './app/mcp.bicep' = {
  name: 'mcp'
  scope: group
  params: { apimName: gateway.outputs.name, functionName: functionName }
}
"""
GATEWAY = """\
param name string
resource apim 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: 'westeurope'
  sku: { name: 'BasicV2', capacity: 1 }
  properties: {
    publisherName: 'Contoso'
    publisherEmail: 'api@contoso.example'
    apiVersionConstraint: { minApiVersion: '2021-08-01' }
  }
}
output name string = apim.name
"""
MCP = """\
param apimName string
param functionName string
resource apim 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: apimName
}
resource host 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionName
}
resource key 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: apim
  name: 'host-key'
  properties: {
    displayName: 'host-key'
    secret: true
    value: listKeys('${host.id}/host/default', host.apiVersion).masterKey
  }
}
resource api 'Microsoft.ApiManagement/service/apis@2025-09-01-preview' = {
  parent: apim
  name: 'notes-mcp'
  properties: {
    displayName: 'Notes'
    type: 'mcp'
    path: 'notes'
    protocols: ['https']
    serviceUrl: 'https://${host.properties.defaultHostName}/runtime/webhooks/mcp'
    subscriptionRequired: true
  }
}
resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  parent: api
  name: 'policy'
  properties: {
    format: 'rawxml'
    value: loadTextContent('policies/mcp.xml')
  }
}
// resource old 'Microsoft.ApiManagement/service/apis@2024-05-01' = { name: '${apimName}/old', properties: { path: 'mcp' } }
"""
OAUTH = """\
param apimName string
var steps = [
  { name: 'callback', method: 'GET', text: loadTextContent('policies/callback.xml') }
  { name: 'register', method: 'POST', text: loadTextContent('policies/register.xml') }
]
resource apim 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: apimName
}
resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: apim
  name: 'oauth'
  properties: { displayName: 'OAuth', path: '', protocols: ['https'], subscriptionRequired: false }
}
resource operations 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = [for step in steps: {
  parent: api
  name: step.name
  properties: { displayName: step.name, method: step.method, urlTemplate: '/${step.name}' }
}]
resource policies 'Microsoft.ApiManagement/service/apis/operations/policies@2024-05-01' = [for (step, i) in steps: {
  parent: operations[i]
  name: 'policy'
  properties: { format: 'rawxml', value: step.text }
}]
"""
CALLBACK = """\
<policies>
  <inbound>
    <base />
    <send-request mode="new" response-variable-name="answer" timeout="20">
      <set-url>https://login.microsoftonline.com/{{tenant}}/oauth2/v2.0/token</set-url>
      <set-method>POST</set-method>
      <set-body>@("grant_type=authorization_code&code=" + context.Request.Url.Query.GetValueOrDefault("code", ""))</set-body>
    </send-request>
    <trace source="callback">
      <message>@("answered " + ((IResponse)context.Variables["answer"]).Body.As<string>(preserveContent: true))</message>
    </trace>
    <return-response><set-status code="302" reason="Found" /></return-response>
  </inbound>
</policies>
"""
REGISTER = """\
<policies>
  <inbound>
    <base />
    <set-variable name="client" value="@(context.Request.Body.As<JObject>(preserveContent: true))" />
    <cache-store-value key="@("client-" + Guid.NewGuid())" duration="3600"
        value="@(((JObject)context.Variables["client"])["redirect_uris"].ToString())" />
    <return-response><set-status code="201" reason="Created" /></return-response>
  </inbound>
</policies>
"""
POLICY = """\
<policies>
  <inbound>
    <base />
    <rate-limit-by-key calls="60" renewal-period="60" counter-key="@(context.Subscription.Id)" />
    <set-header name="x-functions-key" exists-action="override">
      <value>{{host-key}}</value>
    </set-header>
  </inbound>
</policies>
"""
FILES = {
    "infra/main.bicep": MAIN,
    "infra/core/gateway.bicep": GATEWAY,
    "infra/app/mcp.bicep": MCP,
    "infra/app/oauth.bicep": OAUTH,
    "infra/app/policies/callback.xml": CALLBACK,
    "infra/app/policies/register.xml": REGISTER,
    "infra/app/policies/mcp.xml": POLICY,
    "infra/app/policies/forgotten.xml": CALLBACK.replace("callback", "mcp"),
}


def test_findings_stand_in_bicep_and_in_the_policies_that_it_loads(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = json.loads(mcpguard("scan", tmp_path, "--fail-on", "never", "--format", "json").stdout)
    failed = [finding for finding in report["findings"] if finding["outcome"] == "fail"]
    failures = {(finding["ruleId"], finding["location"]["path"], finding["location"]["startLine"]) for finding in failed}
    assert {failure for failure in failures if failure[0] in ("MG211", "MG306", "MG144", "MG906")} == {
        ("MG211", "infra/app/policies/callback.xml", 10),
        ("MG211", "infra/app/policies/forgotten.xml", 10),
        ("MG306", "infra/app/policies/mcp.xml", 6),
        ("MG144", "infra/app/policies/register.xml", 5),
        ("MG906", "infra/app/policies/forgotten.xml", 1),
    }
    [master_key] = [finding for finding in failed if finding["ruleId"] == "MG306"]
    related = [(place["path"], place["startLine"]) for place in master_key["related"]]
    assert ("infra/app/mcp.bicep", 35) in related
    assert not [failure for failure in failures if failure[0] in ("MG901", "MG910", "MG903")]

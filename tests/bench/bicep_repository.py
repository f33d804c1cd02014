"""A repository of Bicep files and policies of any size, for the budgets."""

from pathlib import Path

from tests.bench.estates import POLICY

_MODULE = """\
@description('The name of the API Management service')
param apimName string

@description('Where requests go')
param url string = 'https://orders-{0}.example/api'
param protocols array = ['https']

var settings = {{
  headers: ['traceparent']
  body: {{ bytes: 0 }}
}}

resource apim 'Microsoft.ApiManagement/service@2024-05-01' existing = {{
  name: apimName
}}

resource api 'Microsoft.ApiManagement/service/apis@2025-09-01-preview' = {{
  parent: apim
  name: 'orders-{0}'
  properties: {{
    displayName: 'Orders {0}'
    type: '{2}'
    path: 'orders-{0}'
    protocols: protocols
    serviceUrl: url
    subscriptionRequired: length(protocols) > 0 ? true : false
  }}

  resource operation 'operations' = [for (method, n) in ['GET', 'POST']: {{
    name: 'call-${{n}}'
    properties: {{ displayName: 'Call', method: method, urlTemplate: '/${{toLower(method)}}' }}
  }}]
}}

resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {{
  parent: api
  name: 'policy'
  properties: {{
    format: 'rawxml'
    value: {1}
  }}
}}

resource diagnostic 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = {{
  parent: api
  name: 'applicationinsights'
  properties: {{
    loggerId: resourceId('Microsoft.ApiManagement/service/loggers', apimName, 'insights')
    frontend: {{ request: settings, response: settings }}
    backend: {{ request: settings, response: settings }}
  }}
}}

output apiId string = api.id
"""
_ROOT = """\
targetScope = 'resourceGroup'
param location string = resourceGroup().location
param apimName string = 'apim-${{uniqueString(resourceGroup().id, '{0}')}}'

resource apim 'Microsoft.ApiManagement/service@2024-05-01' = {{
  name: apimName
  location: location
  sku: {{ name: 'StandardV2', capacity: 1 }}
  properties: {{ publisherName: 'Contoso', publisherEmail: 'api@contoso.example' }}
}}

{1}
"""
_CALL = """\
module api{0} './modules/api-{0}.bicep' = {{
  name: 'api-{0}'
  params: {{ apimName: apim.name, url: 'https://orders-{0}.${{apim.name}}.example/api' }}
}}
"""


def write_repository(folder: Path, roots: int, modules: int, policies: int) -> None:
    """Folders with a ``main.bicep`` and its modules, most of which load a policy of their own; every third API is an MCP server."""
    for root in range(roots):
        home = folder / f"app-{root}"
        (home / "modules").mkdir(parents=True)
        (home / "main.bicep").write_text(_ROOT.format(root, "\n".join(_CALL.format(n) for n in range(modules))))
        for module in range(modules):
            number = root * modules + module
            value = f"loadTextContent('api-{module}.xml')" if number < policies else "'<policies/>'"
            (home / "modules" / f"api-{module}.bicep").write_text(
                _MODULE.format(number, value, "http" if number % 3 else "mcp")
            )
            if number < policies:
                (home / "modules" / f"api-{module}.xml").write_text(POLICY.format(number))

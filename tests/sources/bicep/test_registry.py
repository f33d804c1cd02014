"""Modules of registries: what stands in for the Azure Verified Modules, and gaps for the others."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.evidence import Unresolved
from mcpguard.evidence.kinds import KIND_OF_TYPE

Scanner = Callable[..., Any]
SITE = "/providers/Microsoft.Web/sites/orders"
SERVICE = "/providers/Microsoft.ApiManagement/service/contoso-apim"

WEB = """\
param clientId string
module app 'br/public:avm/res/web/site:0.21.0' = {
  name: 'app'
  params: {
    name: 'orders'
    kind: 'functionapp,linux'
    tags: { 'azd-service-name': 'api' }
    managedIdentities: { systemAssigned: true }
    httpsOnly: false
    publicNetworkAccess: 'Enabled'
    siteConfig: {
      minTlsVersion: '1.0'
    }
    configs: [
      {
        name: 'appsettings'
        properties: { FUNCTIONS_WORKER_RUNTIME: 'python' }
      }
      {
        name: 'authsettingsV2'
        properties: {
          globalValidation: {
            requireAuthentication: false
          }
          identityProviders: { azureActiveDirectory: { registration: { clientId: clientId } } }
        }
      }
    ]
    hostNamesDisabled: true
    lock: {}
  }
}
resource logger 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  name: 'contoso-apim/app'
  properties: { value: app.outputs.name, displayName: app.outputs.resourceId }
}
"""


def test_a_site_with_its_settings(scan: Scanner) -> None:
    found = scan({"main.bicep": WEB})
    site = found.resource(SITE)
    assert site.body["properties"]["httpsOnly"] is False
    assert site.body["identity"]["type"] == "SystemAssigned"
    assert site.body["tags"] == {"azd-service-name": "api"}
    assert found.start(site.origin) == (2, 8)
    assert found.start(site.origin.child("properties", "httpsOnly")) == (9, 16)
    assert found.start(site.origin.child("properties", "siteConfig", "minTlsVersion")) == (12, 22)
    assert found.start(site.origin.child("properties", "clientCertEnabled")) == (2, 8)
    auth = found.resource(f"{SITE}/config/authsettingsV2")
    value = auth.body["properties"]["identityProviders"]["azureActiveDirectory"]["registration"]["clientId"]
    assert (value.function, value.arguments) == ("parameters", ("clientId",))
    assert found.start(auth.origin.child("properties", "globalValidation", "requireAuthentication")) == (23, 36)
    assert found.start(auth.origin.child("properties", "httpSettings")) == (21, 21)
    assert found.resource(f"{SITE}/config/appsettings").body["properties"] == {"FUNCTIONS_WORKER_RUNTIME": "python"}
    value = found.resource(f"{SERVICE}/namedValues/app").body["properties"]
    assert (value["value"], value["displayName"]) == ("orders", SITE)
    note = "parameters of br/public:avm/res/web/site:0.21.0 that are not looked at: hostNamesDisabled"
    assert note in found.artifact("main.bicep").detail
    assert not found.evidence.gaps


def test_what_is_left_out_is_not_guessed(scan: Scanner) -> None:
    module = (
        "module app 'br:mcr.microsoft.com/bicep/avm/res/web/site:0.15.1' = {\n  params: { name: 'orders', kind: 'app' }\n}\n"
    )
    properties = scan({"main.bicep": module}).resource(SITE).body["properties"]
    assert isinstance(properties["publicNetworkAccess"], Unresolved)
    assert isinstance(properties["siteConfig"], Unresolved)
    assert properties["httpsOnly"] is True


def test_settings_of_older_versions(scan: Scanner) -> None:
    module = """\
param more object
module app 'br/public:avm/res/web/site:0.15.1' = {
  params: {
    name: 'orders'
    kind: 'functionapp'
    appSettingsKeyValuePairs: { A: '1' }
    authSettingV2Configuration: union({ platform: { enabled: true } }, more)
  }
}
"""
    found = scan({"main.bicep": module})
    assert found.resource(f"{SITE}/config/appsettings").body["properties"].keys() == {"A"}
    assert found.resource(f"{SITE}/config/authsettingsV2")
    assert not found.evidence.gaps


APIM = """\
module apim 'br/public:avm/res/api-management/service:0.14.0' = {
  params: {
    name: 'contoso-apim'
    publisherEmail: 'a@contoso.example'
    publisherName: 'Contoso'
    apis: [
      {
        name: 'orders'
        displayName: 'Orders'
        path: 'orders/mcp'
        serviceUrl: 'https://orders.example/mcp'
        policies: [
          {
            format: 'rawxml'
            value: loadTextContent('policy.xml')
          }
        ]
        operations: [
          { name: 'call', displayName: 'Call', method: 'POST', urlTemplate: '/' }
        ]
        diagnostics: [
          { name: 'applicationinsights', loggerName: 'insights', frontend: { response: { body: { bytes: 8192 } } } }
        ]
      }
    ]
    products: [
      { name: 'free', displayName: 'Free', subscriptionRequired: false, apis: ['orders'] }
    ]
    policies: [
      { value: '<policies><inbound><base /></inbound></policies>' }
    ]
  }
}
"""


def test_a_service_with_its_apis(scan: Scanner) -> None:
    found = scan({"main.bicep": APIM, "policy.xml": "<policies>\n  <inbound>\n    <base />\n  </inbound>\n</policies>\n"})
    below = [id.removeprefix(f"{SERVICE}/") for id in found.ids if id.startswith(f"{SERVICE}/")]
    assert sorted(below) == [
        "apis/orders",
        "apis/orders/diagnostics/applicationinsights",
        "apis/orders/operations/call",
        "apis/orders/policies/policy",
        "policies/policy",
        "products/free",
        "products/free/apis/orders",
    ]
    api = found.resource(f"{SERVICE}/apis/orders")
    assert api.body["properties"]["subscriptionRequired"] is False
    assert found.start(api.origin.child("properties", "serviceUrl")) == (11, 21)
    policy = found.resource(f"{SERVICE}/apis/orders/policies/policy")
    assert found.start(policy.origin.child("properties", "format")) == (14, 21)
    operation = found.resource(f"{SERVICE}/apis/orders/operations/call").origin
    assert found.start(operation.child("properties", "method")) == (19, 56)
    diagnostic = found.resource(f"{SERVICE}/apis/orders/diagnostics/applicationinsights").origin
    assert found.start(diagnostic.child("properties", "frontend", "response", "body", "bytes")) == (22, 105)
    product = found.resource(f"{SERVICE}/products/free").origin
    assert found.start(product.child("properties", "subscriptionRequired")) == (27, 66)
    assert isinstance(found.resource(SERVICE).body["properties"]["publicNetworkAccess"], Unresolved)


def test_container_app_and_account(scan: Scanner) -> None:
    source = """\
module app 'br/public:avm/res/app/container-app:0.18.0' = {
  params: {
    name: 'orders'
    environmentResourceId: '/x'
    containers: [{ name: 'mcp', image: 'mcp:1' }]
    ingressAllowInsecure: false
    authConfig: { platform: { enabled: true } }
  }
}
module account 'br/public:avm/res/cognitive-services/account:0.13.0' = {
  params: { name: 'foundry', kind: 'AIServices', disableLocalAuth: false }
}
"""
    found = scan({"main.bicep": source})
    app = found.resource("/providers/Microsoft.App/containerApps/orders")
    assert app.body["properties"]["configuration"]["ingress"]["allowInsecure"] is False
    assert found.resource("/providers/Microsoft.App/containerApps/orders/authConfigs/current")
    account = found.resource("/providers/Microsoft.CognitiveServices/accounts/foundry")
    assert found.start(account.origin.child("properties", "disableLocalAuth")) == (11, 68)


@pytest.mark.parametrize(
    ("path", "hides_much"),
    [
        ("br/public:avm/res/storage/storage-account:0.8.3", False),
        ("br/public:avm/utl/types/avm-common-types:0.5.1", False),
        ("br/public:avm/ptn/ai-platform/baseline:0.6.0", True),
        ("br/team:anything:1", True),
    ],
)
def test_other_modules_are_gaps(scan: Scanner, path: str, hides_much: bool) -> None:
    source = f"module m '{path}' = {{\n  params: {{}}\n}}\nresource s 'Microsoft.ApiManagement/service@2024-05-01' = {{\n  name: 'contoso-apim'\n}}\n"
    found = scan({"main.bicep": source})
    [gap] = found.evidence.gaps
    assert bool(gap.kinds & set(KIND_OF_TYPE.values())) is hides_much
    assert bool(found.evidence.complete) is not hides_much
    assert found.start(gap.at) == (1, 8)

"""The input of the sample report: the texts that findings point into, in the formats in which Azure gives them."""

import json

POLICY_IN_JSON = (
    "<policies>\r\n"
    "\t<inbound>\r\n"
    "\t\t<base />\r\n"
    '\t\t<set-header name="Authorization" exists-action="override">\r\n'
    '\t\t\t<value>@("Bearer " + context.Request.Headers.GetValueOrDefault("Authorization",""))</value>\r\n'
    "\t\t</set-header>\r\n"
    '\t\t<set-header name="x-functions-key" exists-action="override">\r\n'
    "\t\t\t<value>Zk3v-not-a-real-key-8Qw1</value>\r\n"
    "\t\t</set-header>\r\n"
    "\t</inbound>\r\n"
    "\t<backend>\r\n"
    "\t\t<base />\r\n"
    "\t</backend>\r\n"
    "\t<outbound />\r\n"
    "\t<on-error />\r\n"
    "</policies>\r\n"
)
SECRET = "Zk3v-not-a-real-key-8Qw1"

SERVICE_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-mcp"
    "/providers/Microsoft.ApiManagement/service/contoso"
)
ORDERS_ID = f"{SERVICE_ID}/apis/orders-mcp"
CATALOG_ID = f"{SERVICE_ID}/apis/catalog"
APPLICATION_ID = "/applications/3f0c1d52-8d1e-4b0a-9a55-5c1f3a0f2c11"

APIM_EXPORT = json.dumps(
    {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "resources": [
            {
                "type": "Microsoft.ApiManagement/service/apis",
                "apiVersion": "2025-03-01-preview",
                "name": "contoso/orders-mcp",
                "properties": {
                    "displayName": "Orders MCP",
                    "type": "mcp",
                    "subscriptionRequired": False,
                    "path": "orders-mcp",
                    "protocols": ["https", "http"],
                },
            },
            {
                "type": "Microsoft.ApiManagement/service/apis/policies",
                "apiVersion": "2025-03-01-preview",
                "name": "contoso/orders-mcp/policy",
                "properties": {"format": "rawxml", "value": POLICY_IN_JSON},
            },
        ],
    },
    indent=2,
    ensure_ascii=False,
)

CATALOG_POLICY = """\
<policies>
  <inbound>
    <base />
    <!-- 製品カタログ: 本番 -->
    <validate-jwt header-name="Authorization" failed-validation-httpcode="401">
      <openid-config url="https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration" />
    </validate-jwt>
    <set-variable name="照合" value="@(context.Request.Headers.GetValueOrDefault("x-tenant"))" />
\t<set-backend-service base-url="@("https://" + context.Variables["照合"] + ".example.net")" />
  </inbound>
  <backend>
    <retry condition="@(context.Response.StatusCode >= 500)" count="3" interval="2">
      <forward-request buffer-response="true" timeout="300" />
    </retry>
  </backend>
</policies>
"""

APPLICATIONS = json.dumps(
    {
        "value": [
            {
                "id": "3f0c1d52-8d1e-4b0a-9a55-5c1f3a0f2c11",
                "appId": "7d1b6a44-2a63-4f0e-8c0e-0c3c6f6a7b10",
                "displayName": "orders-mcp",
                "web": {"redirectUris": ["https://vscode.dev/redirect", "http://contoso.example/*"]},
                "passwordCredentials": [{"displayName": "ci", "endDateTime": "2099-01-01T00:00:00Z"}],
            }
        ]
    },
    indent=2,
)

MINIFIED = json.dumps(
    [{"id": f"tool-{number}", "url": f"https://tools.example/{number}"} for number in range(60)],
    separators=(",", ":"),
)

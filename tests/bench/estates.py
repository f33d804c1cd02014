"""Estates of any size in the shape in which `az rest` answers, for the budgets."""

from pathlib import Path

import msgspec

SERVICE = (
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/apim-bench"
)
TYPE = "Microsoft.ApiManagement/service"

POLICY = """<policies>\r
	<inbound>\r
		<base />\r
		<validate-azure-ad-token tenant-id="{{{{tenant-id}}}}" header-name="Authorization" failed-validation-httpcode="401">\r
			<audiences>\r
				<audience>api://orders-{0}</audience>\r
			</audiences>\r
		</validate-azure-ad-token>\r
		<rate-limit-by-key calls="60" renewal-period="60" counter-key="@(context.Subscription?.Id ?? context.Request.IpAddress)" />\r
		<set-header name="Authorization" exists-action="delete" />\r
		<choose>\r
			<when condition="@(context.Request.Headers.GetValueOrDefault("X-Number","{0}") == "{0}" && context.Request.Method != "GET")">\r
				<set-header name="X-Route" exists-action="override">\r
					<value>@((string)context.Variables.GetValueOrDefault<string>("route", "none-{0}"))</value>\r
				</set-header>\r
			</when>\r
		</choose>\r
	</inbound>\r
	<backend>\r
		<forward-request timeout="120" buffer-response="false" />\r
	</backend>\r
	<outbound>\r
		<base />\r
	</outbound>\r
	<on-error>\r
		<base />\r
	</on-error>\r
</policies>"""

_REPRESENTATION = {
    "contentType": "application/json",
    "schemaId": "65f0c0ffee",
    "typeName": "Thing",
    "examples": {"default": {}},
}
_REQUEST = {
    "description": "What is asked for.",
    "queryParameters": [{"name": "page", "type": "integer", "required": False, "values": []}],
    "headers": [{"name": "If-Match", "type": "string", "required": False, "values": []}],
    "representations": [_REPRESENTATION],
}
_RESPONSES = [
    {"statusCode": code, "description": text, "headers": [], "representations": [_REPRESENTATION]}
    for code, text in ((200, "The thing."), (404, "No such thing."))
]
"""Together about 1.5 kB a resource, which is what Azure's own answers come to."""


def write(folder: Path, apis: int, operations: int, mcp_every: int = 10) -> int:
    """Write an estate of ``apis`` APIs with a policy and ``operations`` operations each; the number of bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    service = {
        "id": SERVICE,
        "name": "apim-bench",
        "type": TYPE,
        "sku": {"name": "StandardV2", "capacity": 1},
        "properties": {"gatewayUrl": "https://apim-bench.azure-api.net", "publicNetworkAccess": "Enabled"},
    }
    listed, policies, ops = [], [], []
    for number in range(apis):
        api = f"{SERVICE}/apis/api-{number}"
        mcp = number % mcp_every == 0
        listed.append(
            {
                "id": api,
                "name": f"api-{number}",
                "type": f"{TYPE}/apis",
                "properties": {
                    "displayName": f"Api {number}",
                    "path": f"api-{number}",
                    "protocols": ["https"],
                    "subscriptionRequired": True,
                    "type": "mcp" if mcp else "http",
                    "serviceUrl": f"https://backend-{number}.azurewebsites.net/mcp"
                    if mcp
                    else f"https://backend-{number}.azurewebsites.net",
                    "apiRevision": "1",
                    "isCurrent": True,
                    "subscriptionKeyParameterNames": {"header": "Ocp-Apim-Subscription-Key", "query": "subscription-key"},
                },
            }
        )
        value = {"format": "rawxml", "value": POLICY.format(number)}
        policies.append(
            {"id": f"{api}/policies/policy", "name": "policy", "type": f"{TYPE}/apis/policies", "properties": value}
        )
        for index in range(operations):
            ops.append(
                {
                    "id": f"{api}/operations/op-{index}",
                    "name": f"op-{index}",
                    "type": f"{TYPE}/apis/operations",
                    "properties": {
                        "displayName": f"Operation {index}",
                        "method": ("GET", "POST", "DELETE")[index % 3],
                        "urlTemplate": f"/things/{{id}}/{index}",
                        "description": "One of the many operations of this interface, described at some length.",
                        "templateParameters": [{"name": "id", "type": "string", "required": True, "values": []}],
                        "request": _REQUEST,
                        "responses": _RESPONSES,
                        "policies": None,
                    },
                }
            )
    total = 0
    for name, content in (
        ("service.json", service),
        ("apis.json", {"value": listed, "count": apis}),
        ("policies.json", policies),
        ("operations.json", ops),
    ):
        data = msgspec.json.format(msgspec.json.encode(content), indent=2)
        (folder / name).write_bytes(data)
        total += len(data)
    return total

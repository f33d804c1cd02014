"""The evidence queries: what ``--with-telemetry`` asks Log Analytics, each with its purpose and its tables.

They answer aggregates: numbers, dates, names of fields, of servers and of tools, and ids of applications. No message, no body,
no header, no argument, no token and no id of a person is in an answer, and a text that a caller chooses counts as ``(other)``
unless it is a plain name. Numbers are weighted by ``ItemCount``, which undoes sampling. The time span is given beside the text.

Tables and columns: facts/tools-and-evidence.md 4.1 to 4.5; ``percentilew``, ``bag_keys``, ``mv-expand``: the Kusto reference on
learn.microsoft.com. The texts pass Microsoft's Kusto language service with those columns; none was tried on a real workspace.
"""

from __future__ import annotations

import msgspec

from mcpguard.collect.reads import Needs

QUERY_NEEDS = Needs(
    "Log Analytics Reader (Monitoring Reader suffices too)",
    "the workspace",
    "Microsoft.OperationalInsights/workspaces/query/read",
)
MOST_ROWS = 10_000
"""Rows of one answer; one more is asked for, to know whether that was all."""


class Query(msgspec.Struct, frozen=True):
    """One question to a workspace."""

    name: str
    purpose: str
    """What the answer tells, as a clause."""
    tables: tuple[str, ...]
    """Every table that it names; without one of them there is no answer."""
    sent_by: str
    """What fills the tables: how to get an answer where a table does not exist."""
    text: str
    """Kusto, up to the rows in their order."""

    @property
    def bounded(self) -> str:
        """The text as it is sent."""
        return f"{self.text}\n| take {MOST_ROWS + 1}"


_PLAIN = r"""let plain = (text: string) {
    iff(isempty(text) or text matches regex @"^[A-Za-z0-9_.\-/]{1,128}$", text, "(other)")
};
"""
"""Names of tools and methods come from the caller: what is no plain name is not repeated."""
_REQUESTS = f"""{_PLAIN}let mcp = AppRequests
| where tostring(Properties["api.type"]) =~ "mcp"
| extend resource_id = tolower(_ResourceId), role = substring(AppRoleName, 0, 128),
    server = substring(tostring(Properties["service.name"]), 0, 128),
    operation = plain(tostring(Properties["gen_ai.operation.name"])), tool = plain(tostring(Properties["gen_ai.tool.name"]));
"""
"""The rows that API Management writes for MCP without any configuration of its own (facts 4.2). There ``_ResourceId`` is the
component that holds them, and ``AppRoleName`` says who wrote them."""
_FIELDS = r"""| mv-expand field = bag_keys(Properties) to typeof(string)
| where field matches regex @"^[A-Za-z0-9_.\- ]{1,80}$" and isnotempty(tostring(Properties[tostring(field)]))
"""
_CLIENTS = r"""| mv-expand field = bag_keys(Properties) to typeof(string)
| extend client = tolower(tostring(Properties[tostring(field)]))
| extend field = replace_regex(tolower(field), @"^request-(header-)?(x-)?", "")
| where replace_regex(field, @"[_.\- ]", "") in
    ("azp", "appid", "clientid", "clientappid", "callerappid", "agentid", "agentappid")
| where client matches regex @"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""
"""Fields that hold the id of an application; of their values only GUIDs, so that no name of a person is among them."""
_APPROVAL = r"""| extend
    required = tolower(coalesce(tostring(Properties["approval_required"]), tostring(Properties["approvalRequired"]))),
    result = tolower(coalesce(tostring(Properties["approval_result"]), tostring(Properties["approvalResult"])))
| extend required = case(isempty(required), "", required in ("true", "yes", "1", "required"), "true",
        required in ("false", "no", "0", "none"), "false", "other"),
    result = case(isempty(result), "", result in ("approved", "approve", "accepted", "accept", "granted", "true"), "approved",
        result in ("denied", "deny", "rejected", "declined", "decline", "false"), "denied",
        result in ("expired", "timeout", "cancelled", "cancel", "pending"), "expired", "other")
"""
_STEPS = (100, 250, 500, 1000, 1500, 2000, 3000, 4000, 6000, 10000, 30000)
"""Milliseconds up to which calls are counted: counts of several tools add up to those of a class, percentiles do not."""


def _latency(value: str, weight: str) -> str:
    steps = ",\n    ".join(f"at_most_{step}_ms = sumif({weight}, {value} <= {step})" for step in _STEPS)
    p50, p95 = (f"p{percent}_ms = percentilew({value}, {weight}, {percent})" for percent in (50, 95))
    return f"| summarize call_count = sum({weight}), {p50}, {p95},\n    {steps}"


def _result(code: str) -> str:
    return (
        f'case({code} in ("401", "403", "429"), {code}, {code} startswith "2", "2xx", {code} startswith "4", "4xx", '
        f'{code} startswith "5", "5xx", "other")'
    )


_APP_INSIGHTS = "Application Insights that API Management logs to, in a workspace"
_SERVER_INSIGHTS = "Application Insights of the servers, in the workspace that the gateway logs to"
_MCP_LOG = "a diagnostic setting of the service with the category GatewayMCPLogs, resource-specific tables"
_GATEWAY_LOG = (
    "a diagnostic setting of the service with the categories GatewayMCPLogs and GatewayLogs, resource-specific tables"
)
_GATEWAY_ROWS = f"""{_PLAIN}let gateway = ApiManagementGatewayLogs
| project CorrelationId, code = tostring(ResponseCode), milliseconds = todouble(TotalTime);
ApiManagementGatewayMCPLog
| extend resource_id = tolower(_ResourceId), server = substring(ServerName, 0, 128), tool = plain(ToolName),
    method = plain(Method), authentication = plain(AuthenticationMethod)
| join kind=inner gateway on CorrelationId
"""
QUERIES = (
    Query(
        "mcp-requests",
        "how many MCP requests there are, which of them are sampled, and which have an operation id, a result and a time",
        ("AppRequests",),
        _APP_INSIGHTS,
        f"""{_REQUESTS}mcp
| summarize row_count = count(), request_count = sum(ItemCount), sampled_rows = countif(ItemCount > 1),
    with_operation_id = sumif(ItemCount, isnotempty(OperationId)), with_result_code = sumif(ItemCount, isnotempty(ResultCode)),
    with_latency = sumif(ItemCount, isnotnull(DurationMs)), first_seen = min(TimeGenerated), last_seen = max(TimeGenerated)
    by resource_id, role, server, operation
| order by resource_id asc, role asc, server asc, operation asc""",
    ),
    Query(
        "mcp-request-fields",
        "which fields have a value in how many MCP requests: session, trace, caller, agent, approval",
        ("AppRequests",),
        _APP_INSIGHTS,
        f"""{_REQUESTS}mcp
{_FIELDS}| summarize request_count = sum(ItemCount) by resource_id, role, server, operation, field
| order by resource_id asc, role asc, server asc, operation asc, field asc""",
    ),
    Query(
        "mcp-trace-fields",
        "which fields trace policies and servers write for MCP requests, and for how many",
        ("AppRequests", "AppTraces"),
        _APP_INSIGHTS,
        f"""{_REQUESTS}let operations = mcp | where isnotempty(OperationId) | distinct OperationId, server;
AppTraces
| join kind=inner operations on OperationId
{_FIELDS}| summarize trace_count = sum(ItemCount)
    by resource_id = tolower(_ResourceId), role = substring(AppRoleName, 0, 128), server, field
| order by resource_id asc, role asc, server asc, field asc""",
    ),
    Query(
        "mcp-server-rows",
        "how many of the gateway's MCP requests have a row of the server under the same operation id",
        ("AppRequests",),
        _SERVER_INSIGHTS,
        f"""{_REQUESTS}let gateways = mcp | distinct AppRoleName;
let elsewhere = AppRequests
| where AppRoleName !in (gateways) and isnotempty(OperationId)
| summarize row_count = count() by OperationId;
mcp
| where isnotempty(OperationId)
| summarize request_count = sum(ItemCount) by OperationId, resource_id, role, server
| join kind=leftouter elsewhere on OperationId
| summarize request_count = sum(request_count), with_server_row = sumif(request_count, isnotnull(row_count))
    by resource_id, role, server
| order by resource_id asc, role asc, server asc""",
    ),
    Query(
        "mcp-downstream",
        "how many calls servers make for MCP requests, and how many of them name what was called",
        ("AppRequests", "AppDependencies"),
        _SERVER_INSIGHTS,
        f"""{_REQUESTS}let operations = mcp | where isnotempty(OperationId) | distinct OperationId, server;
AppDependencies
| join kind=inner operations on OperationId
| summarize call_count = sum(ItemCount), with_target = sumif(ItemCount, isnotempty(Target))
    by resource_id = tolower(_ResourceId), role = substring(AppRoleName, 0, 128), server, call_type = plain(DependencyType)
| order by resource_id asc, role asc, server asc, call_type asc""",
    ),
    Query(
        "mcp-results",
        "results of MCP requests by kind of authentication; a 401 without any is the challenge that discovery begins with",
        ("AppRequests",),
        _APP_INSIGHTS,
        f"""{_REQUESTS}mcp
| extend authentication = plain(tostring(Properties["auth.type"])), result = {_result("ResultCode")}
| summarize request_count = sum(ItemCount) by resource_id, role, server, operation, authentication, result
| order by resource_id asc, role asc, server asc, operation asc, authentication asc, result asc""",
    ),
    Query(
        "mcp-latency",
        "how long calls of each tool take, as percentiles and as counts up to fixed times, waiting for people included",
        ("AppRequests",),
        _APP_INSIGHTS,
        f"""{_REQUESTS}mcp
| where operation == "tools/call" and isnotnull(DurationMs)
{_latency("DurationMs", "ItemCount")}
    by resource_id, role, server, tool
| order by resource_id asc, role asc, server asc, tool asc""",
    ),
    Query(
        "mcp-request-clients",
        "which applications call, by the ids that MCP requests carry",
        ("AppRequests",),
        _APP_INSIGHTS,
        f"""{_REQUESTS}mcp
{_CLIENTS}| summarize request_count = sum(ItemCount) by server, field, client
| order by server asc, field asc, client asc""",
    ),
    Query(
        "mcp-trace-clients",
        "which applications call, by the ids that trace policies and servers write for MCP requests",
        ("AppRequests", "AppTraces"),
        _APP_INSIGHTS,
        f"""{_REQUESTS}let operations = mcp | where isnotempty(OperationId) | distinct OperationId, server;
AppTraces
| join kind=inner operations on OperationId
{_CLIENTS}| summarize trace_count = sum(ItemCount) by server, field, client
| order by server asc, field asc, client asc""",
    ),
    Query(
        "mcp-request-approvals",
        "how many calls of each tool say themselves whether approval was required and what came of it",
        ("AppRequests",),
        _APP_INSIGHTS,
        f"""{_REQUESTS}mcp
| where operation == "tools/call"
{_APPROVAL}| summarize call_count = sum(ItemCount) by resource_id, role, server, tool, required, result
| order by resource_id asc, role asc, server asc, tool asc, required asc, result asc""",
    ),
    Query(
        "mcp-trace-approvals",
        "how many calls of each tool have a record of an approval under the same operation id",
        ("AppRequests", "AppTraces"),
        _APP_INSIGHTS,
        f"""{_REQUESTS}let records = AppTraces
{_APPROVAL}| where isnotempty(OperationId) and (isnotempty(required) or isnotempty(result))
| summarize required = max(required), result = max(result) by OperationId;
mcp
| where operation == "tools/call"
| join kind=leftouter records on OperationId
| summarize call_count = sum(ItemCount) by resource_id, role, server, tool, required, result
| order by resource_id asc, role asc, server asc, tool asc, required asc, result asc""",
    ),
    Query(
        "gateway-mcp-log",
        "what the gateway's own MCP log holds: sessions, tools, kinds of authentication, protocol versions, errors",
        ("ApiManagementGatewayMCPLog",),
        _MCP_LOG,
        f"""{_PLAIN}ApiManagementGatewayMCPLog
| summarize row_count = count(), with_session = countif(isnotempty(SessionId)), with_tool = countif(isnotempty(ToolName)),
    with_client_name = countif(isnotempty(ClientName)), with_correlation_id = countif(isnotempty(CorrelationId)),
    with_error = countif(isnotempty(Error))
    by resource_id = tolower(_ResourceId), server = substring(ServerName, 0, 128), method = plain(Method),
    authentication = plain(AuthenticationMethod), protocol = plain(ProtocolVersion), transport = plain(TransportType)
| order by resource_id asc, server asc, method asc, authentication asc, protocol asc, transport asc""",
    ),
    Query(
        "gateway-mcp-results",
        "results of MCP requests by kind of authentication, from the gateway's logs",
        ("ApiManagementGatewayMCPLog", "ApiManagementGatewayLogs"),
        _GATEWAY_LOG,
        f"""{_GATEWAY_ROWS}| extend result = {_result("code")}
| summarize request_count = count() by resource_id, server, method, authentication, result
| order by resource_id asc, server asc, method asc, authentication asc, result asc""",
    ),
    Query(
        "gateway-mcp-latency",
        "how long calls of each tool take, from the gateway's logs",
        ("ApiManagementGatewayMCPLog", "ApiManagementGatewayLogs"),
        _GATEWAY_LOG,
        f"""{_GATEWAY_ROWS}| where method == "tools/call" and isnotnull(milliseconds)
| extend weight = 1
{_latency("milliseconds", "weight")}
    by resource_id, server, tool
| order by resource_id asc, server asc, tool asc""",
    ),
    Query(
        "principal-sign-ins",
        "when each principal signed in last, within the window",
        ("AADServicePrincipalSignInLogs",),
        "a diagnostic setting of Entra ID with the category ServicePrincipalSignInLogs",
        """AADServicePrincipalSignInLogs
| summarize sign_in_count = count(), last_seen = max(TimeGenerated)
    by principal = tolower(ServicePrincipalId), client = tolower(AppId)
| order by principal asc, client asc""",
    ),
    Query(
        "managed-identity-sign-ins",
        "when each managed identity signed in last, within the window",
        ("AADManagedIdentitySignInLogs",),
        "a diagnostic setting of Entra ID with the category ManagedIdentitySignInLogs",
        """AADManagedIdentitySignInLogs
| summarize sign_in_count = count(), last_seen = max(TimeGenerated)
    by principal = tolower(ServicePrincipalId), client = tolower(AppId)
| order by principal asc, client asc""",
    ),
)
BY_NAME = {query.name: query for query in QUERIES}
CLIENT_QUERIES = frozenset({"mcp-request-clients", "mcp-trace-clients"})
"""Those whose column ``client`` names applications that call the estate."""

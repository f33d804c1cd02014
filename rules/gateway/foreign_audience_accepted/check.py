"""MG107: tokens accepted that were issued for something else."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Unknown,
    Verdicts,
    judged_calls,
    merged,
    named_audiences,
    registration_of_other_host,
    unread_products,
)

_RESOURCES = {
    "00000003-0000-0000-c000-000000000000": "Microsoft Graph",
    "graph.microsoft.com": "Microsoft Graph",
    "graph.microsoft.us": "Microsoft Graph",
    "00000002-0000-0000-c000-000000000000": "Azure AD Graph",
    "graph.windows.net": "Azure AD Graph",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013": "Azure Resource Manager",
    "management.azure.com": "Azure Resource Manager",
    "management.core.windows.net": "Azure Resource Manager",
    "management.usgovcloudapi.net": "Azure Resource Manager",
    "azure-api.net": "API Management's credential manager",
    "cfa8b339-82a2-471a-a3c9-0fc0be7a4093": "Key Vault",
    "vault.azure.net": "Key Vault",
    "storage.azure.com": "Azure Storage",
    "database.windows.net": "Azure SQL",
    "cognitiveservices.azure.com": "Azure AI services",
    "ai.azure.com": "Azure AI Foundry",
    "search.azure.com": "Azure AI Search",
    "servicebus.azure.net": "Service Bus",
    "cosmos.azure.com": "Cosmos DB",
}
"""Resources of Microsoft's own by host or app id: Microsoft Entra documentation, first-party resources, November 2026."""


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every audience that a validator names, against resources that are known to be somebody else."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        for fact in named_audiences(call.policy):
            match fact:
                case Known(value=audience, at=at):
                    host = audience.removeprefix("https://").split("/")[0]
                    other = _RESOURCES.get(host) or registration_of_other_host(audience, server, estate)
                    if other:
                        yield call.path.doubt or Issue(
                            f"{server.title} accepts tokens that were issued for {other} (audience {audience}); accept its own "
                            "audience only",
                            at=at or server.at,
                            evidence=(("audience", audience), ("entry path", call.title)),
                            confidence=server.confidence,
                            key=audience,
                        )
                case Unknown():
                    yield fact

"""Policy texts that stand alone: a policy, a fragment, or a few policy elements in an XML file."""

from __future__ import annotations

import re

from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.sources import policy_secrets
from mcpguard.sources.reading import Reading

FORMAT = "policy"
_NOISE = re.compile(r"(?is)\s+|<!--.*?-->|<\?.*?\?>|<!doctype[^\[>]*(?:\[[^\]]*\][^>]*)?>")
_FIRST = re.compile(r"<([A-Za-z_][\w.:\-]*)")
_DOCUMENTS = frozenset({"policies", "fragment"})
_SECTIONS = frozenset({"inbound", "outbound", "on-error"})
_ELEMENTS = """
    authentication-basic authentication-certificate authentication-managed-identity azure-openai-emit-token-metric
    azure-openai-semantic-cache-lookup azure-openai-semantic-cache-store azure-openai-token-limit backend base
    cache-lookup cache-lookup-value cache-remove-value cache-store cache-store-value cache-value check-header choose
    cors cosmosdb-data-source cross-domain emit-metric find-and-replace forward-request get-authorization-context
    http-data-source include-fragment invoke-dapr-binding invoke-request ip-filter json-to-xml jsonp
    limit-concurrency llm-content-safety llm-emit-token-metric llm-semantic-cache-lookup llm-semantic-cache-store
    llm-token-limit log-to-eventhub mock-response move-to-backend proxy publish-event publish-to-dapr quota
    quota-by-key rate-limit rate-limit-by-key redirect-content-urls retry return-response rewrite-uri
    send-one-way-request send-request send-service-bus-message set-backend-service set-body set-graphql-resolver
    set-header set-method set-query-parameter set-status set-variable sql-data-source trace validate-azure-ad-token
    validate-client-certificate validate-content validate-graphql-request validate-headers validate-jwt
    validate-odata-request validate-parameters validate-status-code wait xml-to-json xsl-transform
"""
"""Policy elements (learn.microsoft.com/azure/api-management/api-management-policies)."""
_VOCABULARY = _SECTIONS.union(_ELEMENTS.split())


def is_policy(text: str) -> bool:
    """Whether an XML text is a policy or fragment, or consists of policy elements alone.

    One lone element must have a name that nothing else uses, or be a section: ``<retry>`` alone says nothing.
    """
    first = _first_name(text)
    if first not in _DOCUMENTS and first not in _VOCABULARY:
        return False
    roots = policy_secrets.scan(text).roots
    if not _DOCUMENTS.isdisjoint(roots):
        return True
    alone = len(roots) == 1 and roots[0] not in _SECTIONS and "-" not in roots[0]
    return _VOCABULARY.issuperset(roots) and not alone


def _first_name(text: str) -> str:
    position = 0
    while match := _NOISE.match(text, position):
        position = match.end()
    found = _FIRST.match(text, position)
    return found[1] if found else ""


def take_policy(reading: Reading, text: str) -> None:
    """Take it as ``file/policy``."""
    at = Location(reading.path)
    reading.add(
        RawResource(
            f"file:{reading.path}",
            "file/policy",
            policy_body(reading.take_policy(text, at)),
            at,
            FORMAT,
            texts={"properties.value": at},
        )
    )


def policy_body(text: str) -> dict[str, Json]:
    """The body that ARM gives to a policy text; files hold C# raw."""
    return {"properties": {"format": "rawxml", "value": text}}

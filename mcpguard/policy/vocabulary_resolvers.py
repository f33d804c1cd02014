"""Vocabulary: policies of GraphQL resolvers, which stand in no section but at the top of a resolver's own document.

Source: the policy reference of each; it says which of the child elements stand once at most.
"""

from __future__ import annotations

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    ElementRule,
    PolicyRule,
    element,
    one,
    optional,
    policy,
    required,
    some,
)

_TEMPLATE = optional("template", "liquid")
_CONNECTION_STRING = element("connection-string", optional("use-managed-identity", *BOOLEAN, default="false"))
_PARAMETERS = element("parameters", element("parameter", required("name"), optional("sql-type")))
_PARTITION_KEY = element(
    "partition-key", optional("data-type", "string", "number", "bool", "none", "null", default="string"), _TEMPLATE
)
_ID = element("id", _TEMPLATE)
_ETAG = element("etag", optional("type", default="match"), _TEMPLATE)
_WRITING = tuple(map(optional, ("consistency-level", "pre-trigger", "post-trigger")))


def _resolver(name: str, *parts: ElementRule | str, required_parts: tuple[str, ...], once: tuple[str, ...]) -> PolicyRule:
    needs = tuple(some(part) for part in required_parts)
    return policy(name, "", holds=element(name, *parts, needs=needs, once=once), scopes="R")


RESOLVERS: tuple[PolicyRule, ...] = (
    _resolver(
        "http-data-source",
        element(
            "http-request",
            "get-authorization-context",
            "set-backend-service",
            "set-method",
            element("set-url"),
            "include-fragment",
            "set-header",
            "set-body",
            "authentication-certificate",
            "authentication-managed-identity",
            needs=(some("set-method"), some("set-url")),
            once=(
                "get-authorization-context",
                "set-backend-service",
                "set-method",
                "set-url",
                "set-body",
                "authentication-certificate",
            ),
        ),
        element("backend", "forward-request"),
        element(
            "http-response",
            "set-body",
            "xml-to-json",
            "find-and-replace",
            "publish-event",
            "include-fragment",
            once=("set-body", "xml-to-json", "find-and-replace", "publish-event"),
        ),
        required_parts=("http-request",),
        once=("http-request", "backend", "http-response"),
    ),
    _resolver(
        "sql-data-source",
        element(
            "connection-info",
            _CONNECTION_STRING,
            "include-fragment",
            "authentication-certificate",
            needs=(some("connection-string"),),
            once=("connection-string", "authentication-certificate"),
        ),
        "include-fragment",
        element(
            "request",
            optional("single-result", *BOOLEAN, default="false", expressions=True),
            "include-fragment",
            "set-body",
            element("sql-statement"),
            _PARAMETERS,
            needs=(some("sql-statement"),),
            once=("set-body", "sql-statement", "parameters"),
        ),
        element("response", "include-fragment", "set-body", "publish-event", once=("set-body", "publish-event")),
        required_parts=("connection-info", "request"),
        once=("connection-info", "request", "response"),
    ),
    policy(
        "cosmosdb-data-source",
        "",
        holds=element(
            "cosmosdb-data-source",
            element(
                "connection-info",
                _CONNECTION_STRING,
                element("database-name"),
                element("container-name"),
                needs=(some("connection-string"), some("database-name"), some("container-name")),
            ),
            element(
                "query-request",
                optional("enable-low-precision-order-by", *BOOLEAN),
                element("sql-statement"),
                _PARAMETERS,
                _PARTITION_KEY,
                element("paging", element("max-item-count", _TEMPLATE), element("continuation-token", _TEMPLATE)),
            ),
            element("read-request", _ID, _PARTITION_KEY, needs=(some("id"),)),
            element("delete-request", *_WRITING, _ETAG, _ID, _PARTITION_KEY, needs=(some("id"),)),
            element(
                "write-request",
                optional("type", "insert", "replace", "upsert", default="upsert"),
                optional("indexing-directive", default="default"),
                *_WRITING,
                _ID,
                _PARTITION_KEY,
                _ETAG,
                "set-body",
            ),
            element("response", "set-body", "publish-event"),
            needs=(some("connection-info"), one("query-request", "read-request", "delete-request", "write-request")),
        ),
        scopes="R",
    ),
    policy(
        "publish-event",
        "",
        holds=element(
            "publish-event",
            element("targets", element("graphql-subscription", required("id"))),
            needs=(some("targets"),),
        ),
        scopes="R",
    ),
)
"""Data sources of GraphQL resolvers."""

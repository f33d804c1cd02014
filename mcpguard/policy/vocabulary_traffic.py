"""Vocabulary, second half: what happens to requests and responses. Source: facts/apim.md 2.4 and 2.5."""

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    ElementRule,
    PolicyRule,
    element,
    optional,
    plain,
    policy,
    required,
    telling,
)

_ALL = "IBOE"
_ACTIONS = ("ignore", "prevent", "detect")
_CACHING = optional("caching-type", "prefer-external", "external", "internal", default="prefer-external", expressions=False)
_EXISTS = optional("exists-action", "override", "skip", "append", "delete", default="override", expressions=True)
_HEADER = (required("name", expressions=True), _EXISTS, element("value"))
_REQUEST = (
    element("set-url"),
    "set-method",
    "set-header",
    "set-body",
    "authentication-basic",
    "authentication-certificate",
    "authentication-managed-identity",
    "proxy",
)
_PARAMETER = element("parameter", required("name"), required("action"))
_DAPR = tuple(map(optional, ("response-variable-name", "timeout", "template", "content-type")))


def _parameters(name: str) -> ElementRule:
    return element(name, optional("specified-parameter-action"), optional("unspecified-parameter-action"), _PARAMETER)


def _container(name: str, *parts: object, sections: str = _ALL) -> PolicyRule:
    rule = policy(name, sections, *parts)  # type: ignore[arg-type]
    inner = rule.element
    return PolicyRule(ElementRule(inner.name, inner.attributes, inner.elements, False, True), rule.sections, rule.source)


TRAFFIC: tuple[PolicyRule, ...] = (
    policy(
        "forward-request",
        "B",
        telling("timeout", default="300", expressions=True),
        optional("timeout-ms", expressions=True),
        optional("continue-timeout", expressions=True),
        optional("http-version", "1", "2or1", "2", default="1", expressions=False),
        telling("follow-redirects", *BOOLEAN, default="false", expressions=True),
        telling("buffer-request-body", *BOOLEAN, default="false", expressions=False),
        telling("buffer-response", *BOOLEAN, default="true", expressions=False),
        telling("fail-on-error-status-code", *BOOLEAN, default="false", expressions=False),
    ),
    policy(
        "set-backend-service",
        _ALL,
        optional("base-url", expressions=True),
        optional("backend-id", expressions=True),
        *map(
            optional,
            (
                "sf-resolve-condition",
                "sf-service-instance-name",
                "sf-partition-key",
                "sf-listener-name",
                "sf-replica-type",
                "dapr-app-id",
                "dapr-method",
                "dapr-namespace",
            ),
        ),
    ),
    policy("set-header", _ALL, *_HEADER),
    policy("set-query-parameter", _ALL, *_HEADER),
    policy("set-method", _ALL),
    policy("set-status", _ALL, required("code", expressions=True), optional("reason", expressions=True)),
    policy("set-variable", _ALL, required("name"), required("value", expressions=True)),
    policy("find-and-replace", _ALL, required("from", expressions=True), required("to", expressions=True)),
    PolicyRule(
        element(
            "set-body",
            optional("template", "none", "liquid"),  # "none" is what Microsoft's samples write for plain text
            optional("xsi-nil", "blank", "null", default="blank", expressions=False),
            optional("parse-date", *BOOLEAN),
            anything=True,
        ),
        frozenset({"inbound", "backend", "outbound", "on-error"}),
        "policy reference: set-body",
    ),
    policy(
        "json-to-xml",
        _ALL,
        required("apply"),
        *map(
            optional,
            ("consider-accept-header", "parse-date", "namespace-separator", "namespace-prefix", "attribute-block-name"),
        ),
    ),
    policy(
        "xml-to-json",
        _ALL,
        required("kind"),
        required("apply"),
        optional("consider-accept-header"),
        optional("always-array-child-elements"),
    ),
    PolicyRule(
        element("xsl-transform", anything=True),
        frozenset({"inbound", "backend", "outbound", "on-error"}),
        "policy reference: xsl-transform",
    ),
    policy(
        "send-request",
        _ALL,
        telling("mode", "new", "copy", default="new", expressions=True),
        required("response-variable-name", documented_only=True),
        optional("timeout", default="60", expressions=True),
        telling("ignore-error", *BOOLEAN, default="false"),
        *_REQUEST,
    ),
    policy(
        "send-one-way-request",
        _ALL,
        telling("mode", "new", "copy", default="new", expressions=True),
        optional("timeout", expressions=True),
        *_REQUEST,
    ),
    policy(
        "return-response",
        _ALL,
        optional("response-variable-name", expressions=False),
        "set-status",
        "set-header",
        "set-body",
    ),
    policy(
        "mock-response",
        "IOE",
        optional("status-code", default="200", expressions=False),
        optional("content-type", default="application/json", expressions=False),
        *plain("index"),
    ),
    policy("rewrite-uri", "I", required("template", expressions=True), optional("copy-unmatched-params", default="true")),
    policy("include-fragment", _ALL, required("fragment-id", expressions=False)),
    policy("log-to-eventhub", _ALL, required("logger-id"), *plain("partition-id"), optional("partition-key", expressions=True)),
    policy(
        "trace",
        _ALL,
        required("source"),
        optional("severity", "verbose", "information", "error", default="verbose"),
        element("message"),
        element("metadata", required("name"), required("value")),
    ),
    policy(
        "emit-metric",
        _ALL,
        required("name", expressions=False),
        *plain("namespace"),
        optional("value", default="1", expressions=True),
        element("dimension", required("name"), optional("value", expressions=True)),
    ),
    policy(
        "cache-lookup",
        "I",
        required("vary-by-developer"),
        required("vary-by-developer-groups"),
        telling("allow-private-response-caching", default="false", expressions=True),
        optional("downstream-caching-type", "none", "private", "public", default="none", expressions=True),
        optional("must-revalidate", default="true", expressions=True),
        _CACHING,
        element("vary-by-header"),
        element("vary-by-query-parameter"),
    ),
    policy("cache-store", "O", required("duration", expressions=True), optional("cache-response"), _CACHING),
    policy(
        "cache-lookup-value",
        _ALL,
        required("key", expressions=True),
        required("variable-name"),
        optional("default-value", expressions=True),
        _CACHING,
    ),
    policy(
        "cache-store-value",
        _ALL,
        required("key", expressions=True),
        required("value", expressions=True),
        required("duration", expressions=True),
        _CACHING,
    ),
    policy("cache-remove-value", _ALL, required("key", expressions=True), _CACHING),
    policy("jsonp", "O", required("callback-parameter-name")),
    policy("redirect-content-urls", "IO"),
    policy(
        "validate-content",
        "IOE",
        required("unspecified-content-type-action", *_ACTIONS),
        required("max-size"),
        required("size-exceeded-action", *_ACTIONS),
        optional("errors-variable-name"),
        element(
            "content-type-map",
            optional("any-content-type-value"),
            optional("missing-content-type-value"),
            element("type", optional("from"), optional("when"), required("to")),
        ),
        element(
            "content",
            required("validate-as", "json", "xml", "soap"),
            required("action", *_ACTIONS),
            *map(
                optional,
                ("type", "schema-id", "schema-ref", "allow-additional-properties", "case-insensitive-property-names"),
            ),
        ),
    ),
    policy(
        "validate-parameters",
        "I",
        required("specified-parameter-action", *_ACTIONS),
        required("unspecified-parameter-action", *_ACTIONS),
        optional("errors-variable-name"),
        _parameters("headers"),
        _parameters("query"),
        _parameters("path"),
    ),
    policy(
        "validate-headers",
        "OE",
        required("specified-header-action", *_ACTIONS),
        required("unspecified-header-action", *_ACTIONS),
        optional("errors-variable-name"),
        element("header", required("name"), required("action", *_ACTIONS)),
    ),
    policy(
        "validate-status-code",
        "OE",
        required("unspecified-status-code-action", *_ACTIONS),
        optional("errors-variable-name"),
        optional("error-variable-name"),
        element("status-code", required("code"), required("action", *_ACTIONS)),
    ),
    policy(
        "validate-odata-request",
        "I",
        *map(
            optional,
            (
                "error-variable-name",
                "errors-variable-name",
                "default-odata-version",
                "min-odata-version",
                "max-odata-version",
                "max-size",
            ),
        ),
    ),
    policy(
        "send-service-bus-message",
        "IOE",
        *map(optional, ("queue-name", "topic-name", "namespace", "client-id")),
        element("message-properties", element("message-property", required("name"))),
        element("payload"),
        source="policy toolkit: SendServiceBusMessageConfig",
    ),
    policy(
        "publish-to-dapr",
        "IOE",
        optional("pubsub-name"),
        optional("topic"),
        optional("ignore-error", *BOOLEAN),
        *_DAPR,
    ),
    _container(
        "retry",
        *map(required, ("condition", "count")),
        required("interval", documented_only=True),
        *map(optional, ("max-interval", "delta")),
        optional("first-fast-retry", default="false", expressions=True),
    ),
    _container("wait", optional("for", "all", "any", default="all", expressions=True)),
    _container("limit-concurrency", required("key", expressions=True), required("max-count", expressions=False)),
    policy(
        "choose",
        _ALL,
        ElementRule("when", (required("condition", expressions=True),), policies=True),
        ElementRule("otherwise", policies=True),
    ),
)
"""Routing, transformation, control flow, caching, validation of content, logging."""

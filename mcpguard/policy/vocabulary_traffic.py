"""Vocabulary: routing, calls to others, control flow, logging. Source: facts/apim.md 2.4 and 2.5, and the policy reference."""

from __future__ import annotations

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    NO_WORKSPACE,
    Need,
    Numbers,
    Part,
    PolicyRule,
    element,
    free,
    not_both,
    optional,
    plain,
    policy,
    required,
    some,
    telling,
)

_ALL = "IBOE"
_EXISTS = optional("exists-action", "override", "skip", "append", "delete", default="override", expressions=True)
_HEADER = (required("name", expressions=True), _EXISTS, element("value"))
_MODE = telling("mode", "new", "copy", default="new", expressions=True)
_TIMEOUT = optional("timeout", default="60", expressions=True)
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
_TARGET = (some("set-url", unless=("mode", "copy")), some("set-method", unless=("mode", "copy"), need=Need.DOCUMENTED))
_DAPR = (
    optional("ignore-error", *BOOLEAN, default="false", expressions=False),
    *plain("response-variable-name"),
    optional("timeout", default="5", expressions=True, numbers=Numbers(1, 240)),
    optional("template", "Liquid"),
    optional("content-type", "application/json"),
)


def _container(name: str, *parts: Part) -> PolicyRule:
    return policy(name, _ALL, holds=element(name, *parts, policies=True))


TRAFFIC: tuple[PolicyRule, ...] = (
    policy(
        "forward-request",
        "B",
        telling("timeout", default="300", expressions=True),
        *free("timeout-ms", "continue-timeout"),
        optional("http-version", "1", "2or1", "2", default="1", expressions=False),
        telling("follow-redirects", *BOOLEAN, default="false", expressions=True),
        telling("buffer-request-body", *BOOLEAN, default="false", expressions=False),
        telling("buffer-response", *BOOLEAN, default="true", expressions=False),
        telling("fail-on-error-status-code", *BOOLEAN, default="false", expressions=False),
        not_both("timeout", "timeout-ms"),
        once=Need.DOCUMENTED,
    ),
    policy(
        "set-backend-service",
        _ALL,
        *free(
            "base-url",
            "backend-id",
            "sf-resolve-condition",
            "sf-service-instance-name",
            "sf-partition-key",
            "sf-listener-name",
            "dapr-app-id",
            "dapr-method",
            "dapr-namespace",
        ),
        optional("sf-replica-type"),
        some("base-url", "backend-id"),
    ),
    policy("set-header", _ALL, *_HEADER),
    policy("set-query-parameter", _ALL, *_HEADER),
    policy("set-method", _ALL),
    policy("set-status", _ALL, required("code", expressions=True), optional("reason", expressions=True)),
    policy("set-variable", _ALL, required("name", expressions=False), required("value", expressions=True)),
    policy(
        "rewrite-uri",
        "I",
        required("template", expressions=True),
        optional("copy-unmatched-params", *BOOLEAN, default="true", expressions=True),
    ),
    policy(
        "send-request",
        _ALL,
        holds=element(
            "send-request",
            _MODE,
            required("response-variable-name", documented_only=True),
            _TIMEOUT,
            telling("ignore-error", *BOOLEAN, default="false"),
            *_REQUEST,
            needs=_TARGET,
        ),
    ),
    policy("send-one-way-request", _ALL, holds=element("send-one-way-request", _MODE, _TIMEOUT, *_REQUEST, needs=_TARGET)),
    policy(
        "invoke-request",
        _ALL,
        holds=element(
            "invoke-request",
            *free("method", "url", "backend-id"),
            optional("response-variable-name"),
            element("header", required("name"), optional("value")),
            element("body"),
            partial=True,
        ),
        source="policy toolkit: InvokeRequestConfig",
    ),
    policy(
        "send-service-bus-message",
        "IOE",
        holds=element(
            "send-service-bus-message",
            *free("queue-name", "topic-name", "namespace"),
            optional("client-id", default="the system-assigned identity", expressions=True),
            some("queue-name", "topic-name"),
            not_both("queue-name", "topic-name", need=Need.DOCUMENTED),
            element("message-properties", element("message-property", required("name"))),
            element("payload"),
            needs=(some("payload"),),
        ),
        scopes=NO_WORKSPACE,
    ),
    # Sections: the reference lists inbound alone, the policy toolkit has it in outbound and on-error too.
    policy("publish-to-dapr", "IOE", *free("pubsub-name"), required("topic", expressions=True), *_DAPR),
    policy(
        "invoke-dapr-binding",
        "IOE",
        required("name", expressions=True),
        *plain("operation"),
        *_DAPR,
        element("metadata", element("item", required("key"))),
        element("data"),
        scopes=NO_WORKSPACE,
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
    policy("include-fragment", _ALL, required("fragment-id", expressions=False)),
    policy(
        "log-to-eventhub",
        _ALL,
        required("logger-id", expressions=False),
        *plain("partition-id"),
        *free("partition-key"),
        not_both("partition-id", "partition-key", need=Need.DOCUMENTED),
        scopes=NO_WORKSPACE,
    ),
    policy(
        "trace",
        _ALL,
        holds=element(
            "trace",
            required("source"),
            optional("severity", "verbose", "information", "error", default="verbose"),
            element("message"),
            element("metadata", required("name"), required("value")),
            needs=(some("message"),),
        ),
    ),
    policy(
        "emit-metric",
        _ALL,
        holds=element(
            "emit-metric",
            required("name", expressions=False),
            optional("namespace", default="API Management", expressions=False),
            optional("value", default="1", expressions=True),
            element("dimension", required("name", expressions=True), optional("value", expressions=True)),
            needs=(some("dimension"),),
        ),
    ),
    _container(
        "retry",
        required("condition", expressions=True),
        required("count", expressions=True, numbers=Numbers(1, 50)),
        required("interval", expressions=True, documented_only=True),
        *free("max-interval", "delta"),
        optional("first-fast-retry", default="false", expressions=True),
    ),
    _container(
        "wait",
        optional("for", "all", "any", default="all", expressions=True),
        "send-request",
        "cache-lookup-value",
        "choose",
    ),
    _container("limit-concurrency", required("key", expressions=True), required("max-count", expressions=False)),
    policy(
        "choose",
        _ALL,
        holds=element(
            "choose",
            element("when", required("condition", expressions=True), policies=True),
            element("otherwise", policies=True),
            needs=(some("when"),),
            once=("otherwise",),
        ),
    ),
)
"""Requests, answers, control flow and logs."""

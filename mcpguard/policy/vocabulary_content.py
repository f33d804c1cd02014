"""Vocabulary: conversion, caching and validation of contents. Source: facts/apim.md 2.4 and 2.5, and the policy reference."""

from __future__ import annotations

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    AttributeRule,
    ElementRule,
    Need,
    PolicyRule,
    element,
    free,
    one,
    optional,
    plain,
    policy,
    required,
)

_ALL = "IBOE"
_ONCE = Need.REQUIRED
"""Said in the usage notes of the reference: once in a section."""
_ACTIONS = ("ignore", "prevent", "detect")
_CACHING = optional("caching-type", "prefer-external", "external", "internal", default="prefer-external", expressions=False)
_ACTION = required("action", *_ACTIONS, expressions=True)
_PARAMETER = element("parameter", required("name"), _ACTION)


def _actions(*names: str) -> tuple[AttributeRule, ...]:
    return tuple(required(name, *_ACTIONS, expressions=True) for name in names)


def _parameters(name: str, *actions: str) -> ElementRule:
    return element(name, *(optional(action, *_ACTIONS, expressions=True) for action in actions), _PARAMETER)


CONTENT: tuple[PolicyRule, ...] = (
    policy(
        "set-body",
        _ALL,
        holds=element(
            "set-body",
            optional("template", "none", "liquid"),  # "none" is what Microsoft's samples write for plain text
            optional("xsi-nil", "blank", "null", default="blank", expressions=False),
            optional("parse-date", *BOOLEAN),
            anything=True,
        ),
    ),
    policy(
        "find-and-replace",
        _ALL,
        required("from", expressions=True),
        required("to", expressions=True),
    ),
    policy(
        "json-to-xml",
        _ALL,
        required("apply", "always", "content-type-json", expressions=True),
        optional("consider-accept-header", *BOOLEAN, default="true", expressions=True),
        optional("parse-date", *BOOLEAN, default="true"),  # the reference forbids expressions, the toolkit takes them
        optional("namespace-separator", default="_", expressions=True),
        *free("namespace-prefix", "attribute-block-name"),
    ),
    policy(
        "xml-to-json",
        _ALL,
        required("kind", "javascript-friendly", "direct", expressions=True),
        required("apply", "always", "content-type-xml", expressions=True),
        optional("consider-accept-header", *BOOLEAN, default="true", expressions=True),
        optional("always-array-child-elements", *BOOLEAN, default="false", expressions=True),
    ),
    policy("xsl-transform", _ALL, holds=element("xsl-transform", anything=True)),
    policy("redirect-content-urls", "IO", once=_ONCE),
    policy("jsonp", "O", required("callback-parameter-name", expressions=True), once=_ONCE),
    policy(
        "cache-lookup",
        "I",
        required("vary-by-developer", *BOOLEAN, default="false", expressions=True),
        required("vary-by-developer-groups", *BOOLEAN, default="false", expressions=True),
        AttributeRule("allow-private-response-caching", Need.OPTIONAL, "false", BOOLEAN, expressions=True, security=True),
        optional("downstream-caching-type", "none", "private", "public", default="none", expressions=True),
        optional("must-revalidate", *BOOLEAN, default="true", expressions=True),
        _CACHING,
        element("vary-by-header"),
        element("vary-by-query-parameter"),
        once=_ONCE,
    ),
    policy(
        "cache-store",
        "O",
        required("duration", expressions=True),
        optional("cache-response", *BOOLEAN, default="false", expressions=True),
        _CACHING,
        once=_ONCE,
    ),
    policy(
        "cache-lookup-value",
        _ALL,
        required("key", expressions=True),
        required("variable-name", expressions=False),
        optional("default-value", default="null", expressions=True),
        _CACHING,
    ),
    policy(
        "cache-store-value",
        _ALL,
        *(required(name, expressions=True) for name in ("key", "value", "duration")),
        _CACHING,
    ),
    policy("cache-remove-value", _ALL, required("key", expressions=True), _CACHING),
    policy(
        "cache-value",
        _ALL,
        holds=element(
            "cache-value",
            required("key", expressions=True),
            required("variable-name"),
            *free("expires-after", "refresh-after", "default-value"),
            _CACHING,
            element("value", policies=True),
            partial=True,
        ),
        source="policy toolkit: CacheValueConfig",
    ),
    policy(
        "validate-content",
        "IOE",
        *_actions("unspecified-content-type-action", "size-exceeded-action"),
        required("max-size"),
        optional("errors-variable-name"),
        element(
            "content-type-map",
            *map(optional, ("any-content-type-value", "missing-content-type-value")),
            element("type", *map(optional, ("from", "when")), required("to"), one("from", "when", need=Need.DOCUMENTED)),
        ),
        element(
            "content",
            required("validate-as", "json", "xml", "soap"),
            _ACTION,
            *map(optional, ("type", "schema-id", "schema-ref")),
            optional("allow-additional-properties", *BOOLEAN),
            optional("case-insensitive-property-names", *BOOLEAN),
        ),
    ),
    policy(
        "validate-parameters",
        "I",
        *_actions("specified-parameter-action", "unspecified-parameter-action"),
        *plain("errors-variable-name"),
        _parameters("headers", "specified-parameter-action", "unspecified-parameter-action"),
        _parameters("query", "specified-parameter-action", "unspecified-parameter-action"),
        # The reference gives only the first for paths; older copies of it give both.
        _parameters("path", "specified-parameter-action", "unspecified-parameter-action"),
        once=_ONCE,
    ),
    policy(
        "validate-headers",
        "OE",
        *_actions("specified-header-action", "unspecified-header-action"),
        *plain("errors-variable-name"),
        element("header", required("name"), _ACTION),
        once=_ONCE,
    ),
    policy(
        "validate-status-code",
        "OE",
        *_actions("unspecified-status-code-action"),
        optional("errors-variable-name"),
        optional("error-variable-name"),
        element("status-code", required("code"), _ACTION),
    ),
    policy(
        "validate-odata-request",
        "I",
        *map(optional, ("error-variable-name", "errors-variable-name", "min-odata-version", "max-odata-version", "max-size")),
        optional("default-odata-version", default="4.0"),
        scopes="GWPA",
        once=_ONCE,
    ),
    policy(
        "validate-graphql-request",
        "I",
        optional("error-variable-name"),
        required("max-size"),
        optional("max-depth", default="6"),
        element(
            "authorize",
            element(
                "rule",
                required("path"),
                optional("action", "allow", "remove", "reject", "ignore", default="allow", expressions=True),
            ),
        ),
    ),
)
"""Bodies, caches and validation of content."""

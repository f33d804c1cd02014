"""Vocabulary, first half: who may call, how often, with which credential. Source: facts/apim.md 2.4 and 2.5.

An attribute that no source describes in full keeps its members open (``expressions=None``, no ``values``), so that nothing
is called an error that API Management takes.
"""

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    AttributeRule,
    PolicyRule,
    element,
    optional,
    plain,
    policy,
    required,
    telling,
)

_KEY = element("key", *plain("id", "certificate-id", "n", "e"))
_KEYS = element("decryption-keys", _KEY)
_CLAIMS = element(
    "required-claims",
    element(
        "claim",
        required("name"),
        optional("match", "all", "any", default="all", expressions=True),
        optional("separator"),
        element("value"),
    ),
)
_AUDIENCES = element("audiences", element("audience"))


def _limits(*names: str) -> tuple[AttributeRule, ...]:
    """Attributes that name a header or variable for what is left of a limit."""
    return tuple(optional(name) for name in names)


_RATE_REPORTS = (
    "retry-after-header-name",
    "retry-after-variable-name",
    "remaining-calls-header-name",
    "remaining-calls-variable-name",
    "total-calls-header-name",
)
_TOKEN_LIMIT = (
    required("counter-key", expressions=True),
    optional("tokens-per-minute"),
    optional("token-quota"),
    optional("token-quota-period", "Hourly", "Daily", "Weekly", "Monthly", "Yearly"),
    required("estimate-prompt-tokens", *BOOLEAN, documented_only=True),
    *_limits(
        "retry-after-header-name",
        "retry-after-variable-name",
        "remaining-quota-tokens-header-name",
        "remaining-quota-tokens-variable-name",
        "remaining-tokens-header-name",
        "remaining-tokens-variable-name",
        "tokens-consumed-header-name",
        "tokens-consumed-variable-name",
    ),
)
_SEMANTIC_LOOKUP = (
    required("score-threshold", expressions=None),
    required("embeddings-backend-id"),
    required("embeddings-backend-auth", documented_only=True),
    optional("ignore-system-messages", *BOOLEAN, default="false"),
    optional("max-message-count"),
    optional("cache-id"),
    element("vary-by"),
)
_TOKEN_METRIC = (
    optional("namespace"),
    element("dimension", required("name"), optional("value", expressions=True)),
)

ACCESS: tuple[PolicyRule, ...] = (
    policy(
        "validate-azure-ad-token",
        "I",
        required("tenant-id", expressions=True),
        telling("header-name", default="Authorization"),
        optional("query-parameter-name"),
        optional("token-value", expressions=True),
        optional("failed-validation-httpcode", default="401"),
        optional("failed-validation-error-message"),
        optional("output-token-variable-name"),
        element("client-application-ids", element("application-id")),
        element("backend-application-ids", element("application-id")),
        _AUDIENCES,
        _CLAIMS,
        _KEYS,
    ),
    policy(
        "validate-jwt",
        "I",
        optional("header-name"),
        optional("query-parameter-name"),
        optional("token-value", expressions=True),
        optional("failed-validation-httpcode", default="401"),
        optional("failed-validation-error-message"),
        telling("require-expiration-time", *BOOLEAN, default="true"),
        telling("require-signed-tokens", *BOOLEAN, default="true"),
        optional("require-scheme"),
        telling("clock-skew", default="0"),
        optional("output-token-variable-name"),
        element("openid-config", required("url")),
        element("issuer-signing-keys", _KEY),
        _KEYS,
        _AUDIENCES,
        element("issuers", element("issuer")),
        _CLAIMS,
    ),
    policy(
        "validate-client-certificate",
        "I",
        telling("validate-revocation", *BOOLEAN, default="true"),
        telling("validate-trust", *BOOLEAN, default="true"),
        telling("validate-not-before", *BOOLEAN, default="true"),
        telling("validate-not-after", *BOOLEAN, default="true"),
        telling("ignore-error", *BOOLEAN, default="false"),
        element(
            "identities",
            element(
                "identity",
                *map(
                    optional,
                    (
                        "thumbprint",
                        "serial-number",
                        "common-name",
                        "subject",
                        "dns-name",
                        "issuer-subject",
                        "issuer-thumbprint",
                        "issuer-certificate-id",
                    ),
                ),
            ),
        ),
    ),
    policy(
        "check-header",
        "I",
        required("name", expressions=True),
        required("failed-check-httpcode", expressions=True),
        required("failed-check-error-message", expressions=True),
        required("ignore-case", *BOOLEAN, expressions=True),
        element("value"),
    ),
    policy(
        "ip-filter",
        "I",
        required("action", "allow", "forbid"),
        element("address"),
        element("address-range", required("from"), required("to")),
    ),
    policy(
        "rate-limit",
        "I",
        *(required(name, expressions=False) for name in ("calls", "renewal-period")),
        *plain(*_RATE_REPORTS),
        element(
            "api",
            *plain("name", "id", "calls", "renewal-period"),
            element("operation", *plain("name", "id", "calls", "renewal-period")),
        ),
    ),
    policy(
        "rate-limit-by-key",
        "I",
        required("calls", expressions=True),
        required("renewal-period", expressions=True),
        required("counter-key", expressions=True),
        optional("increment-condition", expressions=True),
        optional("increment-count", default="1", expressions=True),
        optional("increment-after-response", *BOOLEAN),
        *_limits(*_RATE_REPORTS),
    ),
    policy(
        "quota",
        "I",
        *plain("calls", "bandwidth"),
        required("renewal-period", expressions=False),
        element(
            "api",
            *plain("name", "id", "calls", "bandwidth", "renewal-period"),
            element("operation", *plain("name", "id", "calls", "bandwidth", "renewal-period")),
        ),
    ),
    policy(
        "quota-by-key",
        "I",
        *plain("calls", "bandwidth", "first-period-start"),
        required("renewal-period", expressions=False),
        required("counter-key", expressions=True),
        optional("increment-condition", expressions=True),
        optional("increment-count", expressions=True),
    ),
    policy("llm-token-limit", "I", *_TOKEN_LIMIT),
    policy("azure-openai-token-limit", "I", *_TOKEN_LIMIT),
    policy("llm-emit-token-metric", "I", *_TOKEN_METRIC),
    policy("azure-openai-emit-token-metric", "I", *_TOKEN_METRIC),
    policy("llm-semantic-cache-lookup", "I", *_SEMANTIC_LOOKUP),
    policy("azure-openai-semantic-cache-lookup", "I", *_SEMANTIC_LOOKUP),
    policy("llm-semantic-cache-store", "O", required("duration"), optional("cache-id")),
    policy("azure-openai-semantic-cache-store", "O", required("duration"), optional("cache-id")),
    # Inbound for requests, outbound for responses (policy reference of 2026-03-23).
    policy(
        "llm-content-safety",
        "IO",
        required("backend-id", expressions=True),
        telling("shield-prompt", *BOOLEAN, default="false", expressions=True),
        optional("enforce-on-completions", *BOOLEAN, default="false", expressions=True),
        *(optional(name, expressions=True) for name in ("window-size", "window-overlap-size")),
        element(
            "categories",
            optional("output-type"),
            element("category", required("name"), required("threshold")),
        ),
        element("blocklists", element("id")),
    ),
    policy(
        "cors",
        "I",
        telling("allow-credentials", *BOOLEAN, default="false", expressions=True),
        optional("terminate-unmatched-request", *BOOLEAN, expressions=True),
        element("allowed-origins", element("origin")),
        element("allowed-methods", optional("preflight-result-max-age", expressions=True), element("method")),
        element("allowed-headers", element("header")),
        element("expose-headers", element("header")),
    ),
    policy("cross-domain", "I", element("cross-domain-policy", anything=True)),
    policy("authentication-basic", "I", required("username"), required("password")),
    policy(
        "authentication-certificate",
        "I",
        optional("thumbprint"),
        optional("certificate-id"),
        optional("body", expressions=True),
        optional("password"),
    ),
    policy(
        "authentication-managed-identity",
        "IO",
        required("resource", expressions=True),
        optional("client-id", default="the system-assigned identity"),
        optional("output-token-variable-name"),
        telling("ignore-error", *BOOLEAN, default="false"),
    ),
    policy(
        "get-authorization-context",
        "IBO",
        required("provider-id", expressions=True),
        required("authorization-id", expressions=True),
        required("context-variable-name", expressions=True),
        telling("identity-type", "managed", "jwt", default="managed", expressions=True),
        optional("identity", expressions=True),
        telling("ignore-error", *BOOLEAN, default="false", expressions=True),
    ),
    policy(
        "proxy",
        "I",
        required("url", expressions=True),
        optional("username", expressions=True),
        optional("password", expressions=True),
    ),
)
"""Authentication, limits and what guards language models."""

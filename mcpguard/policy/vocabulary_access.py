"""Vocabulary: who may call, how often, with which credential. Source: facts/apim.md 2.4 and 2.5, and the policy reference.

An attribute that no source describes in full keeps its members open (``expressions=None``, no ``values``), so that nothing
is called an error that API Management takes.
"""

from __future__ import annotations

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    NO_WORKSPACE,
    AttributeRule,
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
    together,
)

_ONCE = Need.REQUIRED
"""Said in the usage notes of the reference: once per policy definition, or once in a section."""
_KEY = element("key", *plain("n", "e"), optional("id"), optional("certificate-id"), together("n", "e"))
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


def _reports(*names: str) -> tuple[AttributeRule, ...]:
    """Attributes that name a header or variable for what is left of a limit."""
    return (optional("retry-after-header-name", default="Retry-After", expressions=False), *plain(*names))


_RATE_REPORTS = _reports(
    "retry-after-variable-name",
    "remaining-calls-header-name",
    "remaining-calls-variable-name",
    "total-calls-header-name",
)
_RATE: tuple[Part, ...] = (
    *plain("name", "id"),
    required("calls", expressions=False),
    required("renewal-period", expressions=False, numbers=Numbers(highest=300)),
    some("name", "id"),
)
_QUOTA: tuple[Part, ...] = (*plain("name", "id", "calls", "bandwidth", "renewal-period"), some("name", "id"))

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
        *free("header-name", "query-parameter-name", "token-value", "failed-validation-error-message", "require-scheme"),
        optional("failed-validation-httpcode", default="401", expressions=True),
        telling("require-expiration-time", *BOOLEAN, default="true", expressions=True),
        telling("require-signed-tokens", *BOOLEAN, default="true", expressions=True),
        telling("clock-skew", default="0", expressions=True),
        optional("output-token-variable-name", expressions=False),
        some("header-name", "query-parameter-name", "token-value"),
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
        *(
            telling(name, *BOOLEAN, default="true", expressions=False)
            for name in ("validate-revocation", "validate-trust", "validate-not-before", "validate-not-after")
        ),
        telling("ignore-error", *BOOLEAN, default="false", expressions=False),
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
                not_both("issuer-certificate-id", "issuer-subject"),
                not_both("issuer-certificate-id", "issuer-thumbprint"),
            ),
        ),
    ),
    policy(
        "check-header",
        "I",
        *(required(name, expressions=True) for name in ("name", "failed-check-httpcode", "failed-check-error-message")),
        required("ignore-case", *BOOLEAN, expressions=True),
        element("value"),
    ),
    policy(
        "ip-filter",
        "I",
        holds=element(
            "ip-filter",
            required("action", "allow", "forbid", expressions=True),
            element("address"),
            element("address-range", required("from"), required("to")),
            needs=(some("address", "address-range"),),
        ),
    ),
    policy(
        "rate-limit",
        "I",
        required("calls", expressions=False),
        required("renewal-period", expressions=False, numbers=Numbers(highest=300)),
        *_RATE_REPORTS,
        element("api", *_RATE, element("operation", *_RATE)),
        scopes="wPAO",
        once=_ONCE,
    ),
    policy(
        "rate-limit-by-key",
        "I",
        required("calls", expressions=True),
        required("renewal-period", expressions=True, numbers=Numbers(highest=300)),
        required("counter-key", expressions=True),
        optional("increment-condition", expressions=True),
        optional("increment-count", default="1", expressions=True),
        optional("increment-after-response", *BOOLEAN),
        *_RATE_REPORTS,
    ),
    # The reference lists the product scope alone, facts/apim.md 2.4 the API and the operation too.
    policy(
        "quota",
        "I",
        *plain("calls", "bandwidth"),
        required("renewal-period", expressions=False),
        some("calls", "bandwidth"),
        element("api", *_QUOTA, element("operation", *_QUOTA)),
        scopes="wPao",
        once=_ONCE,
    ),
    policy(
        "quota-by-key",
        "I",
        *plain("calls", "bandwidth"),
        optional("first-period-start", default="0001-01-01T00:00:00Z", expressions=False),
        required("renewal-period", expressions=False, numbers=Numbers(300, besides=(0,))),
        required("counter-key", expressions=True),
        *free("increment-condition", "increment-count"),
        some("calls", "bandwidth"),
    ),
    policy(
        "cors",
        "I",
        holds=element(
            "cors",
            telling("allow-credentials", *BOOLEAN, default="false", expressions=True),
            # The table of the reference says that the default is false, its text that it is true (facts/apim.md 2.5).
            optional("terminate-unmatched-request", *BOOLEAN, expressions=True),
            element("allowed-origins", element("origin"), needs=(some("origin"),)),
            element(
                "allowed-methods",
                optional("preflight-result-max-age", default="0", expressions=True),
                element("method"),
                needs=(some("method"),),
            ),
            element("allowed-headers", element("header"), needs=(some("header"),)),
            element("expose-headers", element("header"), needs=(some("header"),)),
            needs=(some("allowed-origins"),),
        ),
        once=_ONCE,
    ),
    policy("cross-domain", "I", element("cross-domain-policy", anything=True), scopes="G"),
    policy("authentication-basic", "I", required("username"), required("password")),
    policy(
        "authentication-certificate",
        "I",
        *free("thumbprint", "certificate-id", "body", "password"),
        some("thumbprint", "certificate-id", "body"),
        not_both("thumbprint", "certificate-id"),
    ),
    policy(
        "authentication-managed-identity",
        "IO",
        required("resource", expressions=True),
        optional("client-id", default="the system-assigned identity", expressions=False),
        optional("output-token-variable-name", expressions=False),
        telling("ignore-error", *BOOLEAN, default="false"),
        scopes=NO_WORKSPACE,
    ),
    policy(
        "get-authorization-context",
        "IBO",
        *(required(name, expressions=True) for name in ("provider-id", "authorization-id", "context-variable-name")),
        telling("identity-type", "managed", "jwt", default="managed", expressions=True),
        optional("identity", expressions=True),
        telling("ignore-error", *BOOLEAN, default="false", expressions=True),
        scopes=NO_WORKSPACE,
    ),
    policy("proxy", "I", required("url", expressions=True), *free("username", "password")),
)
"""Authentication, and limits of calls."""

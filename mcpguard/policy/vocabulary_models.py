"""Vocabulary: the policies for language models. Source: facts/apim.md 2.4 and 2.5, and the policy reference.

``llm-…`` and ``azure-openai-…`` take the same members (policy toolkit: one config for each pair).
"""

from __future__ import annotations

from mcpguard.policy.vocabulary_types import (
    BOOLEAN,
    NO_WORKSPACE,
    Need,
    Numbers,
    Part,
    PolicyRule,
    element,
    optional,
    plain,
    policy,
    required,
    some,
    telling,
    together,
)

_TOKEN_LIMIT: tuple[Part, ...] = (
    required("counter-key", expressions=True),
    optional("tokens-per-minute"),
    optional("token-quota"),
    optional("token-quota-period", "Hourly", "Daily", "Weekly", "Monthly", "Yearly"),
    required("estimate-prompt-tokens", *BOOLEAN, documented_only=True),
    optional("retry-after-header-name", default="Retry-After", expressions=False),
    *plain(
        "retry-after-variable-name",
        "remaining-quota-tokens-header-name",
        "remaining-quota-tokens-variable-name",
        "remaining-tokens-header-name",
        "remaining-tokens-variable-name",
        "tokens-consumed-header-name",
    ),
    optional("tokens-consumed-variable-name"),
    some("tokens-per-minute", "token-quota"),
    together("token-quota", "token-quota-period"),
)
_SEMANTIC_LOOKUP: tuple[Part, ...] = (
    required("score-threshold", numbers=Numbers(0, 1)),
    required("embeddings-backend-id"),
    required("embeddings-backend-auth", documented_only=True),
    optional("ignore-system-messages", *BOOLEAN, default="false"),
    optional("max-message-count"),
    optional("cache-id"),
    element("vary-by"),
)
_SEMANTIC_STORE: tuple[Part, ...] = (required("duration", expressions=True), optional("cache-id"))


def _token_metric(name: str) -> PolicyRule:
    return policy(
        name,
        "I",
        holds=element(
            name,
            optional("namespace", default="API Management"),
            element("dimension", required("name", expressions=True), optional("value", expressions=True)),
            needs=(some("dimension"),),
        ),
    )


def _semantic_cache(family: str, scopes: str) -> tuple[PolicyRule, PolicyRule]:
    return (
        policy(f"{family}-semantic-cache-lookup", "I", *_SEMANTIC_LOOKUP, scopes=scopes, once=Need.REQUIRED),
        policy(f"{family}-semantic-cache-store", "O", *_SEMANTIC_STORE, scopes=scopes, once=Need.REQUIRED),
    )


MODELS: tuple[PolicyRule, ...] = (
    policy("llm-token-limit", "I", *_TOKEN_LIMIT),
    policy("azure-openai-token-limit", "I", *_TOKEN_LIMIT),
    _token_metric("llm-emit-token-metric"),
    _token_metric("azure-openai-emit-token-metric"),
    *_semantic_cache("llm", NO_WORKSPACE),
    *_semantic_cache("azure-openai", "GWPAO"),
    # Since March 2026 in the outbound section too, for responses; the operation scope is listed in copies up to February
    # 2025 and not from September 2025 on.
    policy(
        "llm-content-safety",
        "IO",
        required("backend-id", expressions=True),
        telling("shield-prompt", *BOOLEAN, default="false", expressions=True),
        telling("enforce-on-completions", *BOOLEAN, default="false", expressions=True),
        optional("window-size", expressions=True),
        optional("window-overlap-size", expressions=True),
        element(
            "categories",
            optional(
                "output-type",
                "FourSeverityLevels",
                "EightSeverityLevels",
                default="FourSeverityLevels",
                expressions=True,
            ),
            element(
                "category",
                required("name", "Hate", "SelfHarm", "Sexual", "Violence", expressions=True),
                required("threshold", expressions=True, numbers=Numbers(0, 7)),
            ),
        ),
        element("blocklists", element("id")),
        scopes="GWPAo",
        source="policy reference: llm-content-safety (2026-03-23)",
    ),
)
"""Limits, caches, metrics and content safety of language models."""

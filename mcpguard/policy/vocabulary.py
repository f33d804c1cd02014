"""Words of the policy language: the few that several analyses share, and the check of a document against all of them.

The tables are data in modules of their own (``vocabulary_access``, ``vocabulary_content``, …), loaded when they are first
asked for: a scan never does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcpguard.policy.tree import Document
    from mcpguard.policy.vocabulary_types import PolicyRule

TOKEN_VALIDATORS = frozenset({"validate-azure-ad-token", "validate-jwt"})
"""Policies that check a token's signature and claims (azure-docs, validate-jwt and validate-azure-ad-token)."""

CREDENTIAL_SETTERS = frozenset({"authentication-basic", "authentication-managed-identity"})
"""Policies that write the Authorization header; the second only without ``output-token-variable-name``."""


class Remark(msgspec.Struct, frozen=True):
    """Something about a policy text that the vocabulary has a word for."""

    start: int
    end: int
    """Offsets into the document's text."""
    severity: str
    """``error`` when API Management refuses the document for it, else ``note``."""
    message: str


class Default(msgspec.Struct, frozen=True):
    """What the platform assumes for an attribute that is not set."""

    value: str
    source: str


@cache
def policies() -> Mapping[str, PolicyRule]:
    """Every policy of the vocabulary, by name."""
    from mcpguard.policy.vocabulary_access import ACCESS
    from mcpguard.policy.vocabulary_content import CONTENT
    from mcpguard.policy.vocabulary_models import MODELS
    from mcpguard.policy.vocabulary_resolvers import RESOLVERS
    from mcpguard.policy.vocabulary_traffic import TRAFFIC

    return {rule.element.name: rule for rule in (*ACCESS, *TRAFFIC, *CONTENT, *MODELS, *RESOLVERS)}


def default_of(policy: str, attribute: str) -> Default | None:
    """The documented default of an attribute of a policy, for messages; None when none is documented. Loads the tables."""
    rule = policies().get(policy)
    known = rule.element.attribute(attribute) if rule is not None else None
    return Default(known.default, rule.source) if rule is not None and known is not None and known.default else None


def check_vocabulary(document: Document, scope: str = "") -> list[Remark]:
    """What in a policy document or fragment the vocabulary does not know, in document order.

    ``scope`` is where the document is attached (``global``, ``workspace``, ``product``, ``API``, ``operation``, ``resolver``),
    empty when that is not known. An ``error`` is said only where the references leave no doubt. Parts that the reader could
    not read are left alone.
    """
    from mcpguard.policy.vocabulary_check import check

    return check(document, policies(), scope)

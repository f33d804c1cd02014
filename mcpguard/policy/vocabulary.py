"""Words of the policy language that several analyses share."""

TOKEN_VALIDATORS = frozenset({"validate-azure-ad-token", "validate-jwt"})
"""Policies that check a token's signature and claims (azure-docs, validate-jwt and validate-azure-ad-token)."""

CREDENTIAL_SETTERS = frozenset({"authentication-basic", "authentication-managed-identity"})
"""Policies that write the Authorization header; the second only without ``output-token-variable-name``."""

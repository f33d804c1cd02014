"""Words of Foundry that ARM, the data plane and azd spell differently (facts/foundry.md 1.4)."""

from __future__ import annotations

CATEGORIES = frozenset(
    {
        *("RemoteTool", "RemoteA2A", "OpenAPI", "ApiManagement", "ModelGateway", "AppInsights", "CustomKeys", "ApiKey"),
        *("CognitiveSearch", "AzureOpenAI", "AzureBlob", "AzureStorageAccount", "CosmosDB", "AppConfig"),
    }
)
"""Categories of connections."""
_CATEGORIES = {category.lower(): category for category in CATEGORIES}
_AUTH_TYPES = {
    "none": "None",
    "customkeys": "CustomKeys",
    "apikey": "ApiKey",
    "pat": "PAT",
    "oauth2": "OAuth2",
    "userentratoken": "UserEntraToken",
    "projectmanagedidentity": "ProjectManagedIdentity",
    "agenticidentity": "AgenticIdentityToken",
    "agenticidentitytoken": "AgenticIdentityToken",
}


def fold(word: str) -> str:
    """A type of the data plane as ARM spells it: without ``_Preview``."""
    return word.removesuffix("_Preview").removesuffix("_preview")


def fold_category(word: str) -> str:
    """A category as ARM spells it; one that is not known stays as it is but for ``_Preview``."""
    plain = fold(word)
    return _CATEGORIES.get(plain.replace("-", "").lower(), plain)


def fold_auth_type(word: str) -> str:
    """An authentication type as ARM spells it; one that is not known stays as it is but for ``_Preview``."""
    plain = fold(word)
    return _AUTH_TYPES.get(plain.replace("-", "").lower(), plain)

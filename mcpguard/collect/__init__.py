"""Live collection: what Azure and Microsoft Graph answer, raw, into a snapshot. Read-only, and never a secret.

This package alone imports an Azure SDK (``mcpguard[live]``), and only its modules ``client`` and ``sign_in`` do. Bodies stay
raw: the SDKs' models drop what they do not know, which is what MCP servers are made of (facts/apim.md 5.2). Everything
that starts a collection is in :mod:`mcpguard.collect.run`, which must not be imported before :func:`need_extra` was called.
"""

from mcpguard.collect.asked import CREDENTIALS, Asked
from mcpguard.collect.clouds import NAMES, Cloud, cloud_of
from mcpguard.collect.errors import CollectError, MissingExtraError, SignInError, need_extra

__all__ = [
    "CREDENTIALS",
    "NAMES",
    "Asked",
    "Cloud",
    "CollectError",
    "MissingExtraError",
    "SignInError",
    "cloud_of",
    "need_extra",
]

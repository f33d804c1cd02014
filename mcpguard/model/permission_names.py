"""What the name of a scope says of what it lets a client do. Names are free; only plain English words are understood."""

from __future__ import annotations

from mcpguard.core.patterns import LazyPattern

_PARTS = LazyPattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WRITE = frozenset(
    {
        *("write", "readwrite", "create", "update", "delete", "remove", "send", "manage", "admin", "execute", "invoke", "run"),
        *("approve", "publish", "post", "modify", "edit", "fullcontrol", "control", "cancel", "submit", "destroy", "purge"),
    }
)
_READ = frozenset({"read", "readonly", "list", "get", "search", "view", "query", "browse", "lookup"})
_OMNIBUS = frozenset(
    {
        *("user_impersonation", "access_as_user", "mcp.all", "mcp", "all", "default", "access", "full_access", "mcp.access"),
        *("mcp_access", "access_mcp", "api.access", "access_as_application", "impersonate", "mcp.full", "mcp.tools", "tools"),
    }
)


def words_of(name: str) -> frozenset[str]:
    """The words of a name, lower case: of ``Invoices.ReadWrite.All`` ``invoices``, ``read``, ``write``, ``all``."""
    return frozenset(part.lower() for part in _PARTS.findall(name))


def writes(name: str) -> bool:
    """Whether a name speaks of changing something."""
    return bool(words_of(name) & _WRITE)


def only_reads(name: str) -> bool:
    """Whether a name speaks of reading and of nothing else."""
    return bool(words_of(name) & _READ) and not writes(name)


def is_omnibus(name: str) -> bool:
    """Whether a name means everything that the server does, as ``user_impersonation`` does."""
    return name.lower() in _OMNIBUS

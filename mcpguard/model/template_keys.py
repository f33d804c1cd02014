"""Keys that a deployment template takes from a resource while it deploys: ``listKeys(…).masterKey``.

The value stands in the configuration afterwards, and which key it is stands in the expression. Syntax:
learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource, ``list*``; members of a Functions
host: learn.microsoft.com/rest/api/appservice/web-apps/list-host-keys.
"""

from collections.abc import Iterator
from enum import Enum

from mcpguard.core.patterns import LazyPattern

_CALL = LazyPattern(r"(?i)(?<![\w.])list\w{0,60}\s*\(")
_MEMBER = LazyPattern(r"\s*(?:\.\s*(\w{1,80})|\[\s*'([^']{1,80})'\s*\]|\[\s*(\d{1,3})\s*\])")
_MAX_CALLS = 100


class HostKey(Enum):
    """A key of a Functions host, as far as an expression tells."""

    MASTER = "the master key"
    DEFAULT = "the default host key"
    OTHER = "another key"
    """A system key, a key of one function, a host key of its own name, or a key of another service."""


def template_keys(expression: str) -> Iterator[HostKey]:
    """The keys that an expression takes; nothing when it takes none. Linear in the expression."""
    position = 0
    for _ in range(_MAX_CALLS):
        match = _CALL.search(expression, position)
        if match is None:
            return
        end = _closing(expression, match.end())
        members: list[str] = []
        while found := _MEMBER.match(expression, end):
            members.append((found[1] or found[2] or found[3]).lower())
            end = found.end()
        yield _host_key(members)
        position = end if members else match.end()


def _closing(text: str, position: int) -> int:
    """The offset after the bracket that closes a call; texts in single quotes are passed over."""
    depth = 1
    quoted = False
    for index in range(position, len(text)):
        char = text[index]
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if depth == 0:
                return index + 1
    return len(text)


def _host_key(members: list[str]) -> HostKey:
    if members[:1] == ["masterkey"] or members[:2] == ["systemkeys", "_master"]:
        return HostKey.MASTER
    if members == ["functionkeys", "default"]:
        return HostKey.DEFAULT
    return HostKey.OTHER

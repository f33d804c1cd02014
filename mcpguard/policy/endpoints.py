"""Addresses of authorization servers: to them a token is shown, to all others it is passed on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum

from mcpguard.core.facts import Known
from mcpguard.policy.csharp import leading_text
from mcpguard.policy.effective import EffectivePolicy
from mcpguard.policy.flow import statements
from mcpguard.policy.tree import Value
from mcpguard.policy.vocabulary import TOKEN_VALIDATORS

_SHOWN_TO = ("/oauth2/v2.0/token", "/oauth2/token", "/oauth/token", "/connect/token", "/introspect")
_ENTRA = frozenset(
    [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
        "login.windows.net",
        "sts.windows.net",
    ]
)
"""Hosts of Entra's token endpoints (entra-docs, authentication-national-cloud; the last two are older names)."""
_ENTRA_SUFFIXES = (".ciamlogin.com", ".b2clogin.com")


class Endpoint(Enum):
    """Whether an address is one that a token is shown to rather than passed on to: a token or introspection endpoint."""

    NONE = "none"
    ISSUER = "of Microsoft Entra ID or of an issuer whose tokens the policy validates"
    OTHER = "of somebody else, or of nobody can tell whom"


def is_token_address(address: str) -> bool:
    """Whether a request goes to a token endpoint, as far as its address is written out."""
    lowered = address.lower()
    return any(part in lowered for part in _SHOWN_TO[:-1])


def endpoint_of(policy: EffectivePolicy, address: Value, trusted: Collection[str]) -> Endpoint:
    """What an address is; ``trusted`` are the hosts of issuers besides Entra."""
    if not any(part in address.text.lower() for part in _SHOWN_TO):
        return Endpoint.NONE
    match policy.resolve(address):
        case Known(value=start) if not address.expressions:
            host = host_of(start)
        case _:
            code = address.expression
            host = host_of(leading_text(code.code, code.block) if code is not None else address.text)
    known = host in _ENTRA or host.endswith(_ENTRA_SUFFIXES) or host in trusted
    return Endpoint.ISSUER if host and known else Endpoint.OTHER


def issuers(policy: EffectivePolicy) -> Iterator[str]:
    """Hosts whose tokens the policy validates, as far as they are written out."""
    for statement in statements(policy.inbound):
        if statement.name not in TOKEN_VALIDATORS:
            continue
        for element in statement.element.walk():
            address = element.attribute("url") if element.name == "openid-config" else None
            value = address if address is not None else element.content if element.name == "issuer" else None
            resolved = policy.resolve(value) if value is not None else None
            if isinstance(resolved, Known) and (host := host_of(resolved.value)):
                yield host


def host_of(address: str) -> str:
    """The host that an address begins with, lower case; empty when it begins with something else."""
    scheme, _, rest = address.strip().partition("://")
    host = rest.partition("/")[0].partition(":")[0].lower()
    return host if scheme.lower() in ("https", "http") and "{" not in host and "@" not in host else ""

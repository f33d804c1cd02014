"""For whom tokens are issued: the audiences that a gateway validates and those that a host accepts."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.gateway import Service
from mcpguard.model.kinds.hosting import ContainerApp, Host, PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.policy.effective import EffectivePolicy
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import listed_in, met, plain, validates_token
from mcpguard.policy.vocabulary import TOKEN_VALIDATORS

_AZURE_SUFFIXES = (
    ".azurewebsites.net",
    ".azurecontainerapps.io",
    ".azure-api.net",
    ".azurestaticapps.net",
    ".azurefd.net",
    ".cloudapp.azure.com",
    ".trafficmanager.net",
    ".services.ai.azure.com",
    ".azurewebsites.us",
    ".azurewebsites.cn",
    ".azurecontainerapps.us",
)
_PRIVATE = LazyPattern(r"^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|127\.|\[|[^.]+$)|\.(?:internal|local|lan|corp)$")


_AUDIENCES = ("audiences", "backend-application-ids")
"""Groups of a token validator that say for whom a token has to be issued."""


class Audiences(msgspec.Struct, frozen=True):
    """What token validation on one way in accepts."""

    accepted: frozenset[str]
    """Bare: lower case, without ``api://`` and trailing slash. Empty when any audience is accepted."""
    at: Location
    """The first validator."""


def bare(audience: str) -> str:
    """The form in which audiences are compared: ``api://<app id>`` and ``<app id>`` name the same registration."""
    return audience.strip().lower().rstrip("/").removeprefix("api://")


def validated_audiences(policy: EffectivePolicy) -> Fact[Audiences] | None:
    """The audiences that token validation in the inbound section accepts; None when nothing is validated."""
    accepted: set[str] = set()
    first: Location | None = None
    for statement in statements(policy.inbound):
        if statement.name not in TOKEN_VALIDATORS:
            continue
        first = first or statement.at
        for _, content in listed_in(statement, *_AUDIENCES):
            match policy.resolve(content):
                case Known(value=text) if not content.expressions:
                    accepted.add(bare(text))
                case Known(value=text):
                    return Unknown(
                        f"the audience {text.strip()!r}, which an expression computes",
                        "write the audience as a literal or as a plain named value",
                        statement.value_at(content),
                    )
                case Unknown() as unknown:
                    return unknown
    return Known(Audiences(frozenset(accepted), first), first) if first is not None else None


def host_audiences(host: Host) -> Fact[frozenset[str]]:
    """The audiences that a host's platform authentication accepts, bare; empty when it has none or it is off.

    The registration's client id is always accepted (facts/hosting.md section 2).
    """
    match host.auth:
        case Known(value=PlatformAuth() as auth):
            return _accepted(auth)
        case Known():
            return Known(frozenset(), host.at)
        case Unknown() as unknown:
            return unknown


def _accepted(auth: PlatformAuth) -> Fact[frozenset[str]]:
    match auth.enabled, auth.client_id, auth.allowed_audiences:
        case Known(value=False), _, _:
            return Known(frozenset(), auth.at)
        case Known(), Known(value=client_id), Known(value=audiences):
            return Known(frozenset(filter(None, (bare(client_id), *map(bare, audiences)))), auth.at)
        case Unknown() as unknown, _, _:
            return unknown
        case _, Unknown() as unknown, _:
            return unknown
        case _, _, Unknown() as unknown:
            return unknown
        case _:
            return Known(frozenset(), auth.at)


def host_behind(server: McpServer, estate: Estate) -> Host | None:
    """The site or container app that a server is known to lead to."""
    return estate.get(Site, server.host) or estate.get(ContainerApp, server.host) if server.host else None


def is_private_host(host: str) -> bool:
    """Whether a name or address means something inside a network only."""
    in_network = ".internal." in host and host.endswith(".azurecontainerapps.io")
    return in_network or ".privatelink." in host or bool(_PRIVATE.search(host))


def is_anybodys_host(host: str) -> bool:
    """Whether a name lies under one of Azure's domains in which every customer gets names."""
    return host.endswith(_AZURE_SUFFIXES)


def may_be_ours(host: str, server: McpServer, estate: Estate) -> bool:
    """Whether a host that is not in the input could still be the organisation's own.

    Azure's shared domains, private names and addresses, and names under the domain of a gateway tell nothing.
    """
    if is_anybodys_host(host) or is_private_host(host):
        return True
    service = estate.get(Service, server.service)
    gateways = (*(service.gateway_hosts if service else ()), *(estate.manifest.gateway_hosts if estate.manifest else ()))
    domains = {".".join(name.lower().split(".")[-2:]) for name in gateways if not name.endswith(_AZURE_SUFFIXES)}
    return ".".join(host.split(".")[-2:]) in domains


def named_audiences(policy: EffectivePolicy) -> Iterator[Known[str] | Unknown]:
    """Every audience that token validation in the inbound section names, bare and with its place."""
    for found in met(policy, validates_token):
        if isinstance(found, Unknown):
            yield found
            continue
        for _, content in listed_in(found, *_AUDIENCES):
            match plain(policy, found, content):
                case Known(value=text, at=at):
                    yield Known(bare(text), at)
                case Unknown() as unknown:
                    yield unknown


def registration_of_other_host(audience: str, server: McpServer, estate: Estate) -> str:
    """Title of another MCP host that runs under the registration of an audience; empty when there is none.

    A REST-backed server has no host of its own, and the host behind its API may be any.
    """
    if server.source is ServerSource.APIM_REST_TOOLS or not server.host:
        return ""
    for key in estate.remember("registrations by audience", lambda: _by_audience(estate)).get(audience, ()):
        hosts = [
            host
            for tie in estate.ties.get(key, ())
            if tie.role == "server" and (host := estate.get(McpServer, tie.server)) and host.source is ServerSource.HOST
        ]
        if hosts and server.host not in {host.host for host in hosts}:
            return hosts[0].title
    return ""


def _by_audience(estate: Estate) -> dict[str, list[str]]:
    """Keys of tied registrations by what their tokens may be issued for, bare; others run no host."""
    found: dict[str, list[str]] = {}
    for application in estate.of(Application):
        if application.key in estate.ties:
            uris = application.identifier_uris.value if isinstance(application.identifier_uris, Known) else ()
            for name in {application.app_id, *map(bare, uris)}:
                found.setdefault(name, []).append(application.key)
    return found

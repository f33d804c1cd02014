"""Whether calls of a tool go through the gateway that its account is linked to. Facts: the table of facts/foundry.md 2.3."""

from __future__ import annotations

from enum import Enum

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.foundry_hosts import HostOf, direct_exposure, gateway_server, host_of
from mcpguard.model.foundry_links import linked_gateway
from mcpguard.model.foundry_view import Owner, RemoteTool, account_of
from mcpguard.model.kinds.foundry import FoundryConnection, GatewayLink
from mcpguard.model.kinds.gateway import Service


class Course(Enum):
    """Which way calls of a tool take; the value says it as a clause."""

    THROUGH = "goes through a gateway"
    TOOLBOX = "leads to a toolbox, whose own tools are judged"
    OPEN = "has an address that the caller fills in, which is for MG607"
    EXCEPTED = "is exposed directly by the word of the manifest"
    NO_GATEWAY = "belongs to no account with an AI gateway"
    AROUND = "goes around the gateway"


def course_of(way: RemoteTool, estate: Estate) -> Fact[Course]:
    """The course of a tool's calls, or what would tell it."""
    if isinstance(way.url, Unknown):
        has_none = isinstance(gateway := gateway_of(way, estate), Known) and gateway.value is None
        return Known(Course.NO_GATEWAY, way.at) if has_none else way.url
    url = way.url.value
    if url is None:
        return Unknown(f"the address to which {way.title} leads", "scan the connection as Azure answers it", way.at)
    if "{{" in url.text:
        return Known(Course.OPEN, url.at)
    if not url.host:
        return Unknown(f"the host of {url.text}, to which {way.title} leads", "give the whole address", url.at)
    whose = host_of(url, estate)
    if whose is HostOf.TOOLBOX:
        return Known(Course.TOOLBOX, url.at)
    if whose is HostOf.GATEWAY:
        server = gateway_server(url, estate)
        return server if isinstance(server, Unknown) else Known(Course.THROUGH, url.at)
    if direct_exposure(url, estate) is not None:
        return Known(Course.EXCEPTED, url.at)
    return _without_gateway(way, whose, estate)


def _without_gateway(way: RemoteTool, whose: HostOf, estate: Estate) -> Fact[Course]:
    match gateway_of(way, estate):
        case Unknown() as unknown:
            return unknown
        case Known(value=None):
            return Known(Course.NO_GATEWAY, way.at)
        case Known(value=str() as service) if whose is HostOf.GATEWAY_SHAPED or estate.get(Service, service) is None:
            missing = f"whether {way.title} leads to a gateway, whose host names were not all read"
            remedy = f"add the answer of: az rest --method get --url {service}?api-version=2025-09-01-preview"
            return Unknown(missing, remedy, way.at)
        case Known():
            return Known(Course.AROUND, way.at)


def gateway_of(way: RemoteTool, estate: Estate) -> Fact[str | None]:
    """Key of the gateway that the tool's account is linked to; None when it has none."""
    return _gateway(way.account, estate)


def gateway_over(target: FoundryConnection | Owner, estate: Estate) -> Fact[str | None]:
    """The same for a connection, an agent or a toolbox as a whole."""
    return _gateway(account_of(target), estate)


def _gateway(account: Fact[str], estate: Estate) -> Fact[str | None]:
    match account:
        case Known(value="", at=at):
            return Known(None, at)
        case Known(value=key):
            return linked_gateway(key, estate)
        case Unknown(at=at):
            return account if estate.of(GatewayLink) else Known(None, at)

"""CIDR arithmetic: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-cidr."""

from __future__ import annotations

import ipaddress

from mcpguard.evidence import Json
from mcpguard.sources.arm.functions_text import integer, text
from mcpguard.sources.arm.values import Failure

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(value: Json) -> _Network:
    try:
        return ipaddress.ip_network(text(value), strict=False)
    except ValueError:
        raise Failure("a text that is no address range") from None


def parse_cidr(values: list[Json]) -> Json:
    """The parts of an address range."""
    network = _network(values[0])
    known: dict[str, Json] = {"network": str(network.network_address), "netmask": str(network.netmask)}
    first, last = int(network.network_address), int(network.broadcast_address)
    make = type(network.network_address)
    if network.version == 4:
        known["broadcast"] = str(network.broadcast_address)
        if network.prefixlen < 31:
            first, last = first + 1, last - 1
    return known | {"firstUsable": str(make(first)), "lastUsable": str(make(last)), "cidr": network.prefixlen}


def cidr_subnet(values: list[Json]) -> Json:
    """The n-th subnet of a length within a range."""
    network, prefix, index = _network(values[0]), integer(values[1]), integer(values[2])
    if not network.prefixlen <= prefix <= network.max_prefixlen or not 0 <= index < 2 ** (prefix - network.prefixlen):
        raise Failure("a subnet outside the range")
    start = int(network.network_address) + index * 2 ** (network.max_prefixlen - prefix)
    return f"{type(network.network_address)(start)}/{prefix}"


def cidr_host(values: list[Json]) -> Json:
    """The n-th usable address of a range."""
    network, index = _network(values[0]), integer(values[1])
    at = int(network.network_address) + index + (network.version == 4 and network.prefixlen < 31)
    if index < 0 or at > int(network.broadcast_address):
        raise Failure("an address outside the range")
    return str(type(network.network_address)(at))

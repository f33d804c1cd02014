"""Conversions, decodings and address ranges. Semantics: developer.hashicorp.com/terraform/language/functions."""

from __future__ import annotations

from collections.abc import Callable

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.functions_collections import are_known, items_of, map_of, set_of
from mcpguard.sources.hcl.functions_text import Function, known, whole
from mcpguard.sources.hcl.values import Encoded, Failure, to_bool, to_number, to_text

_MANY = 1000


# -- conversions -----------------------------------------------------------------------------------------------------


def _tolist(values: list[Json]) -> Json:
    return None if values[0] is None else list(items_of(values[0]))


def _toset(values: list[Json]) -> Json:
    return None if values[0] is None else set_of(items_of(values[0]))


def _tomap(values: list[Json]) -> Json:
    return None if values[0] is None else map_of(values[0])


def _tostring(values: list[Json]) -> Json:
    return None if values[0] is None else to_text(values[0])


def _tonumber(values: list[Json]) -> Json:
    are_known(values)
    return None if values[0] is None else to_number(values[0])


def _tobool(values: list[Json]) -> Json:
    are_known(values)
    return None if values[0] is None else to_bool(values[0])


def _jsondecode(values: list[Json]) -> Json:
    if isinstance(values[0], Encoded):
        return values[0].value
    if isinstance(values[0], Unresolved) and values[0].function.startswith("list"):
        return values[0]  # what an action of a resource answers, as azapi 1 gives it
    from mcpguard.core.jsontext import JsonError, decode

    try:
        found: Json = decode(known(values[0]).encode("utf-8", "replace"))
    except JsonError:
        raise Failure("a text that is no JSON") from None
    if found.relaxed:
        raise Failure("a text that is no JSON")
    return found.value


def _yamldecode(values: list[Json]) -> Json:
    if isinstance(values[0], Encoded):
        return values[0].value
    from mcpguard.sources.yaml_text import YamlError, read_yaml

    try:
        return read_yaml(known(values[0])).value
    except YamlError:
        raise Failure("a text that is no YAML") from None


# -- networks --------------------------------------------------------------------------------------------------------


def _cidr(run: Callable[[list[Json]], Json]) -> Function:
    def checked(values: list[Json]) -> Json:
        are_known(values)
        return run([known(values[0]), *(whole(value) for value in values[1:])])

    return checked


def _cidrsubnet(values: list[Json]) -> Json:
    from mcpguard.sources.arm.functions_network import cidr_subnet, parse_cidr

    length = whole(parse_cidr(values[:1])["cidr"])
    return cidr_subnet([values[0], length + values[1], values[2]])


def _cidrhost(values: list[Json]) -> Json:
    import ipaddress

    try:
        network = ipaddress.ip_network(values[0], strict=False)
        return str(network[values[1]])
    except (ValueError, IndexError):
        raise Failure("an address outside the range") from None


def _cidrnetmask(values: list[Json]) -> Json:
    from mcpguard.sources.arm.functions_network import parse_cidr

    return parse_cidr(values)["netmask"]


def _cidrsubnets(values: list[Json]) -> Json:
    import ipaddress

    try:
        network = ipaddress.ip_network(values[0], strict=False)
    except ValueError:
        raise Failure("a text that is no address range") from None
    at, end = int(network.network_address), int(network.broadcast_address)
    out: list[Json] = []
    for more in values[1:]:
        length = network.prefixlen + more
        if not network.prefixlen <= length <= network.max_prefixlen:
            raise Failure("a subnet outside the range")
        size = 1 << (network.max_prefixlen - length)
        at = -(-at // size) * size
        if at + size - 1 > end:
            raise Failure("a subnet outside the range")
        out.append(f"{type(network.network_address)(at)}/{length}")
        at += size
    return out


FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "cidrhost": (2, 2, _cidr(_cidrhost)),
    "cidrnetmask": (1, 1, _cidr(_cidrnetmask)),
    "cidrsubnet": (3, 3, _cidr(_cidrsubnet)),
    "cidrsubnets": (1, _MANY, _cidr(_cidrsubnets)),
    "jsondecode": (1, 1, _jsondecode),
    "tobool": (1, 1, _tobool),
    "tolist": (1, 1, _tolist),
    "tomap": (1, 1, _tomap),
    "tonumber": (1, 1, _tonumber),
    "toset": (1, 1, _toset),
    "tostring": (1, 1, _tostring),
    "yamldecode": (1, 1, _yamldecode),
}
"""By name: fewest and most arguments, and what it does."""

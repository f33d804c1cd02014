"""Where an API Management service calls backends from. Facts: facts/apim.md 1.1; api-management-howto-ip-addresses."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known
from mcpguard.evidence import RawResource, Unresolved, resource_key
from mcpguard.normalize.fields import READ_AGAIN, absent_member, lookup, not_usable, text

_ADDRESSES = ("outboundPublicIPAddresses", "publicIPAddresses")
_SUBNET = ("virtualNetworkConfiguration", "subnetResourceId")


def outbound_addresses(raw: RawResource) -> Fact[tuple[str, ...]]:
    """Addresses from which backends on the internet see the gateway call. Only the platform writes them."""
    if not isinstance(lookup(raw.body, ("properties",)), dict) or not text(raw, "properties", "provisioningState"):
        return absent_member(raw, "the outbound addresses", READ_AGAIN + raw.id)
    found = dict.fromkeys(
        address for holder in _locations(raw) for member in _ADDRESSES for address in _texts(raw, (*holder, member))
    )
    return Known(tuple(found), raw.origin.child("properties"))


def subnets(raw: RawResource) -> Fact[tuple[str, ...]]:
    """Keys of the subnets that the gateway is deployed or integrated in, in all locations."""
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        return absent_member(raw, "the subnets", READ_AGAIN + raw.id)
    found = []
    for holder in _locations(raw):
        value = lookup(raw.body, (*holder, *_SUBNET))
        if isinstance(value, Unresolved):
            return not_usable(raw, (*holder, *_SUBNET), value, "a text")
        if isinstance(value, str) and value:
            found.append(resource_key(value))
    return Known(tuple(found), raw.origin.child("properties"))


def _locations(raw: RawResource) -> Iterator[tuple[str | int, ...]]:
    """Routes to the primary and the additional locations, which hold the same members."""
    yield ("properties",)
    more = lookup(raw.body, ("properties", "additionalLocations"))
    for number in range(len(more) if isinstance(more, list) else 0):
        yield ("properties", "additionalLocations", number)


def _texts(raw: RawResource, steps: tuple[str | int, ...]) -> list[str]:
    value = lookup(raw.body, steps)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

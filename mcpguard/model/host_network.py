"""Whom a host's access restrictions let in besides the gateway in front of it.

Rules count in order of priority; what none names goes to the default action; where that is not set, a list without rules
lets everybody in and any other nobody (overview-access-restrictions). A service tag stands for a service, not for one
customer's instance of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.host_parts import AccessRule
from mcpguard.model.kinds.hosting import Host
from mcpguard.policy.network import address_range, covers_all

_HARMLESS_TAGS = frozenset({"azuretrafficmanager", "azureloadbalancer"})
"""Tags of probes that send nothing but their own requests."""
_FRONT_DOOR = "azurefrontdoor.backend"
_MANY = 2**16
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")


class Opening(Enum):
    """Who gets in."""

    EVERYBODY = "everybody"
    SHARED = "shared"
    """Whoever uses the same Azure service, any customer's instance of it."""
    WIDE = "wide"
    """A public address range of more than 65,536 addresses."""
    HEADER = "header"
    """Whoever sends a header, from anywhere."""
    FRONT_DOOR = "front-door"
    """Whatever one Front Door profile lets through."""
    LISTED = "listed"
    """Listed addresses or subnets, none of which is known to be the gateway's."""


class WayIn(msgspec.Struct, frozen=True):
    """One way in that does not lead through the gateway, or is not known to."""

    opening: Opening
    what: str
    """In words, as the end of a sentence."""
    at: Location


class CallingSide(msgspec.Struct, frozen=True):
    """Where the gateways in front of a host call it from."""

    addresses: tuple[str, ...]
    subnets: tuple[str, ...]
    missing: Unknown | None
    """Set when not all of that was read."""


def ways_in(host: Host, calling: CallingSide) -> Iterator[WayIn | Unknown]:
    """The ways into a host around its gateways; nothing when only they get in, or nobody from outside."""
    public = host.restrictions.public_access
    if isinstance(public, Known) and not public.value:
        return
    for way in _ways(host, calling):
        yield way if isinstance(public, Known) else public


def _ways(host: Host, calling: CallingSide) -> Iterator[WayIn | Unknown]:
    if isinstance(host.restrictions.rules, Unknown):
        yield host.restrictions.rules
        return
    rules = host.restrictions.rules.value
    listed: list[AccessRule] = []
    is_closed = False
    for rule in rules:
        if rule.is_for_everybody:
            is_closed = True
            if rule.allows:
                yield WayIn(Opening.EVERYBODY, f"the rule {rule.name or rule.address} lets every address in", rule.at)
            break
        if rule.allows:
            way = _by_rule(rule)
            if way is None:
                listed.append(rule)
            elif way.opening is not Opening.LISTED:
                yield way
    ranges = [part for rule in listed for part in _parts(rule.address)]
    if covers_all(ranges):
        yield WayIn(Opening.EVERYBODY, "its rules together let every address in", listed[0].at)
    elif listed:
        yield from _judge_listed(listed, calling)
    if not is_closed:
        yield from _by_default(host, rules)


def _by_rule(rule: AccessRule) -> WayIn | None:
    """What a rule for fewer than everybody opens; None when it names addresses or a subnet."""
    parts = _parts(rule.address)
    if rule.is_service_tag:
        tags = [tag for tag in parts if tag not in _HARMLESS_TAGS]
        if not tags:
            return WayIn(Opening.LISTED, "", rule.at)
        if tags == [_FRONT_DOOR] and (ids := rule.headers.get("x-azure-fdid")):
            return WayIn(Opening.FRONT_DOOR, f"whatever the Front Door profile {ids[0]} lets through", rule.at)
        whose = (
            "the API Management gateways of every customer"
            if all(tag.startswith("apimanagement") for tag in tags)
            else "every customer's use of that service"
        )
        return WayIn(Opening.SHARED, f"the service tag {rule.address} lets in {whose}", rule.at)
    if rule.address == "anyvnets":
        return WayIn(Opening.SHARED, "AnyVnets lets in every customer's subnets with a service endpoint", rule.at)
    if rule.headers and covers_all(parts):
        names = ", ".join(sorted(rule.headers))
        return WayIn(Opening.HEADER, f"the rule {rule.name} asks every address only for the header {names}", rule.at)
    return None


def _parts(address: str) -> list[str]:
    """A rule may list up to eight ranges or tags, with commas between them."""
    return [part.strip() for part in address.split(",") if part.strip()]


def _judge_listed(rules: list[AccessRule], calling: CallingSide) -> Iterator[WayIn | Unknown]:
    """Listed sources: wide ranges are ways in; and one of the others must be the gateway's."""
    names_gateway = False
    for rule in rules:
        if rule.subnet:
            names_gateway = names_gateway or rule.subnet in calling.subnets
            continue
        for part in _parts(rule.address):
            span = address_range(part)
            if span is None:
                continue
            if span[1] - span[0] >= _MANY and not _is_private(span):
                yield WayIn(Opening.WIDE, f"the rule {rule.name or part} lets in the whole range {part}", rule.at)
            elif any(span[0] <= found[0] <= span[1] for found in map(address_range, calling.addresses) if found):
                names_gateway = True
    if not names_gateway:
        if calling.missing is not None:
            yield calling.missing
        shown = ", ".join(dict.fromkeys(rule.subnet.rpartition("/")[2] or rule.address for rule in rules))
        yield WayIn(Opening.LISTED, f"{shown[:120]}, none of which is an address or a subnet of the gateway", rules[0].at)


def _is_private(span: tuple[int, int]) -> bool:
    return any(inner and inner[0] <= span[0] and span[1] <= inner[1] for inner in map(address_range, _PRIVATE))


def _by_default(host: Host, rules: tuple[AccessRule, ...]) -> Iterator[WayIn | Unknown]:
    """What happens to callers whom no rule names."""
    match host.restrictions.default_action:
        case Known(value="allow" | "") if not rules:
            yield WayIn(Opening.EVERYBODY, "it has no access restrictions, which lets everybody in", _deciding_place(host))
        case Known(value="allow"):
            yield WayIn(Opening.EVERYBODY, "its default action lets in whom no rule names", _deciding_place(host))
        case Unknown() as unknown:
            yield unknown
        case _:
            pass


def _deciding_place(host: Host) -> Location:
    """The setting that leaves the host open: the first that is written at all."""
    restrictions = host.restrictions
    for fact in (restrictions.default_action, restrictions.rules, restrictions.public_access):
        if isinstance(fact, Known) and not fact.defaulted and fact.at is not None and fact.at != host.at:
            return fact.at
    return host.at

"""The configuration of sites: ``config/web``, else what a template sets inline. Traps: facts/hosting.md 1.3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved, resource_key
from mcpguard.model.kinds.host_parts import AccessRestrictions, AccessRule
from mcpguard.normalize.environments import site_environment_opens
from mcpguard.normalize.fields import fact, last_segment, lookup, not_usable, texts
from mcpguard.normalize.host_index import DECLARED, READ_AGAIN, HostIndex

T = TypeVar("T")

_INLINE = ("properties", "siteConfig")
_LAST = 2**31 - 1


class SiteConfig:
    """Members of one site's configuration, each from where it can be believed."""

    def __init__(self, raw: RawResource, index: HostIndex) -> None:
        self.raw = raw
        self.web = index.configs.get(raw.key, {}).get("web")
        self.is_declared = raw.format in DECLARED

    def place(self, member: str) -> tuple[RawResource, tuple[str, ...]] | None:
        """The resource and route at which a member counts; None when nothing that was read can hold it.

        A template may set a member inline and others in ``config/web``; a deployed site counts by ``config/web`` alone.
        """
        if self.web is not None and (not self.is_declared or lookup(self.web.body, ("properties", member)) is not None):
            return self.web, ("properties", member)
        if self.is_declared and (self.web is None or lookup(self.raw.body, (*_INLINE, member)) is not None):
            return self.raw, (*_INLINE, member)
        return (self.web, ("properties", member)) if self.web is not None else None

    def unread(self, what: str) -> Unknown:
        """Why a member of the configuration is not known."""
        return Unknown(
            f"{what} of {last_segment(self.raw.id)}",
            f"{READ_AGAIN}{self.raw.id}/config/web (the site's own siteConfig is not filled in on reads)",
            self.raw.origin,
        )

    def fact(self, member: str, kind: type[T], absent: Fact[T]) -> Fact[T]:
        """A member; ``absent`` stands in when it is not set where it would be."""
        found = self.place(member)
        return fact(*found, kind, absent) if found is not None else self.unread(member)

    def undocumented(self, member: str) -> Unknown:
        """Stands in for a member whose default is not documented."""
        return Unknown(
            f"{member} of {last_segment(self.raw.id)}, which is not set and has no documented default",
            f"set it, or add the answer of: az rest --method get --url {self.raw.id}/config/web",
            self.raw.origin,
        )

    def cors_origins(self) -> Fact[tuple[str, ...]]:
        """The origins that the platform's CORS admits; none when it is not configured."""
        none: Fact[tuple[str, ...]] = Known((), self.raw.origin, "no cors, so the platform answers no preflight")
        return self._in("cors", "allowedOrigins", none)

    def _in(self, member: str, inner: str, absent: Fact[tuple[str, ...]]) -> Fact[tuple[str, ...]]:
        found = self.place(member)
        return texts(found[0], (*found[1], inner), absent) if found is not None else self.unread(member)

    def cors_credentials(self) -> Fact[bool]:
        """Whether the platform's CORS admits credentials."""
        found = self.place("cors")
        if found is None:
            return self.unread("cors")
        absent: Fact[bool] = Known(False, self.raw.origin, "supportCredentials is false unless set")
        return fact(found[0], (*found[1], "supportCredentials"), bool, absent)

    def gateway_api(self) -> Fact[str]:
        """Key of the linked API; empty when there is none."""
        found = self.place("apiManagementConfig")
        if found is None:
            return self.unread("apiManagementConfig")
        return transform(fact(found[0], (*found[1], "id"), str, Known("", found[0].origin)), resource_key)

    # -- access restrictions -----------------------------------------------------------------------------------------

    def restrictions(self, index: HostIndex) -> AccessRestrictions:
        """Who may open a connection (learn.microsoft.com/azure/app-service/overview-access-restrictions)."""
        endpoints = self._private_endpoints(index)
        not_set = Known("", self.raw.origin, "ipSecurityRestrictionsDefaultAction is not set")
        return AccessRestrictions(
            public_access=self._public_access(endpoints, index),
            default_action=transform(self.fact("ipSecurityRestrictionsDefaultAction", str, not_set), str.lower),
            rules=self._rules(),
            private_endpoints=endpoints,
        )

    def _public_access(self, endpoints: Fact[tuple[str, ...]], index: HostIndex) -> Fact[bool]:
        """``publicNetworkAccess``; when it was never set, an app with a private endpoint is closed and any other is open."""
        places: list[tuple[RawResource, tuple[str, ...]]] = [(self.raw, ("properties", "publicNetworkAccess"))]
        if (found := self.place("publicNetworkAccess")) is not None:
            places.append(found)
        settings = [(raw, steps, lookup(raw.body, steps)) for raw, steps in places]
        for raw, steps, value in settings:
            if isinstance(value, str) and value.lower() == "disabled":
                return Known(False, raw.origin.child(*steps))
        surroundings = site_environment_opens(self.raw, index)
        if surroundings is not None and not (isinstance(surroundings, Known) and surroundings.value):
            return surroundings
        for raw, steps, value in settings:
            if isinstance(value, Unresolved):
                return not_usable(raw, steps, value, "a text")
        for raw, steps, value in settings:
            if isinstance(value, str) and value:
                return Known(True, raw.origin.child(*steps))
        if len(places) == 1:
            return self.unread("the access restrictions")
        match endpoints:
            case Known(value=ids):
                why = "publicNetworkAccess was never set, so an app is open unless it has a private endpoint"
                return Known(not ids, self.raw.origin, f"{why} (overview-access-restrictions)")
            case Unknown() as unknown:
                return unknown

    def _private_endpoints(self, index: HostIndex) -> Fact[tuple[str, ...]]:
        raw = self.raw
        missing = Unknown(
            f"the private endpoints of {last_segment(raw.id)}",
            f"{READ_AGAIN}{raw.id}/privateEndpointConnections",
            raw.origin,
        )
        children = [child for child in index.endpoints.get(raw.key, ()) if _is_approved(child.body)]
        apart = [found.id for found in (*children, *index.declared_endpoints.get(raw.key, ()))]
        listed = fact(raw, ("properties", "privateEndpointConnections"), list, missing)
        match listed:
            case Known(value=connections):
                ids = [str(lookup(one, ("id",)) or "") for one in connections if _is_approved(one)]
                return Known(tuple(dict.fromkeys((*ids, *apart))), listed.at)
            case Unknown() if apart or index.is_complete(raw.key, f"{raw.type}/privateendpointconnections"):
                return Known(tuple(dict.fromkeys(apart)), raw.origin)
            case Unknown() if self.is_declared:
                return Known((), raw.origin, "the template declares no private endpoint")
            case Unknown():
                return listed

    def _rules(self) -> Fact[tuple[AccessRule, ...]]:
        member = "ipSecurityRestrictions"
        found = self.place(member)
        if found is None:
            return self.unread("the access restrictions")
        raw, steps = found
        values = fact(raw, steps, list, Known([], raw.origin, "no access restrictions"))
        match values:
            case Known(value=items, at=at, default=default):
                place = at or raw.origin
                rules: list[AccessRule] = []
                for number, item in enumerate(items):
                    rule = access_rule(item, place.child(number))
                    if rule is None:
                        return not_usable(raw, (*steps, number), item, "a rule")
                    rules.append(rule)
                return Known(tuple(sorted(rules, key=lambda rule: rule.priority)), place, default)
            case Unknown() as unknown:
                return unknown


def access_rule(item: Json, at: Location) -> AccessRule | None:
    """One rule of ``ipSecurityRestrictions`` (facts/hosting.md 1.4); None when what it does is not known."""
    action = lookup(item, ("action",))
    address = lookup(item, ("ipAddress",))
    subnet = lookup(item, ("vnetSubnetResourceId",))
    priority = lookup(item, ("priority",))
    if not isinstance(item, dict) or isinstance(action, Unresolved) or isinstance(priority, Unresolved):
        return None
    return AccessRule(
        name=text_of(item, "name"),
        allows=str(action or "Allow").lower() != "deny",
        priority=priority if isinstance(priority, int) else _LAST,
        address=address.lower() if isinstance(address, str) else "[computed]" if isinstance(address, Unresolved) else "",
        is_service_tag=text_of(item, "tag").lower() == "servicetag",
        subnet=resource_key(subnet) if isinstance(subnet, str) else "[computed]" if isinstance(subnet, Unresolved) else "",
        headers=_headers(lookup(item, ("headers",))),
        at=at,
    )


def text_of(item: Json, name: str) -> str:
    """A member that is a text; empty otherwise."""
    value = lookup(item, (name,))
    return value if isinstance(value, str) else ""


def _headers(value: Json) -> dict[str, tuple[str, ...]]:
    """Headers that a rule demands. Terraform writes them as a list of one."""
    blocks: Sequence[Json] = value if isinstance(value, list) else (value,)
    found: dict[str, tuple[str, ...]] = {}
    for block in blocks:
        for name, wanted in block.items() if isinstance(block, dict) else ():
            if isinstance(wanted, list) and wanted:
                found[str(name).lower()] = tuple(str(item).lower() for item in wanted if isinstance(item, str))
    return found


def _is_approved(connection: Json) -> bool:
    status = lookup(connection, ("properties", "privateLinkServiceConnectionState", "status"))
    return isinstance(status, str) and status.lower() == "approved"


def exclusion_paths(raw: RawResource) -> Fact[tuple[str, ...]]:
    """``clientCertExclusionPaths``, one text with semicolons (facts/hosting.md 1.2)."""
    steps = ("properties", "clientCertExclusionPaths")
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        return Unknown(f"clientCertExclusionPaths of {raw.id}", f"{READ_AGAIN}{raw.id}", raw.origin)
    written = fact(raw, steps, str, Known("", raw.origin, "no path is left out unless set"))
    return transform(written, lambda value: tuple(part.strip() for part in value.split(";") if part.strip()))


def site_member(raw: RawResource, member: str, kind: type[T], default: T, why: str) -> Fact[T]:
    """A member of the site itself, with the platform's default when it is not set."""
    absent: Fact[T] = Known(default, raw.origin, why)
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        absent = Unknown(f"{member} of {raw.id}", f"{READ_AGAIN}{raw.id}", raw.origin)
    return fact(raw, ("properties", member), kind, absent)

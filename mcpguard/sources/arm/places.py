"""Where a template is deployed, as far as it says so, and the ids that follow from that.

What is not known leaves its part of an id out: ``/providers/Microsoft.Web/sites/app`` is the site in whatever group the
template goes to. :mod:`mcpguard.sources.merge` moves such ids onto the deployed resource of that type and name.
"""

from __future__ import annotations

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import Failure, kind_of, parts_of, stand_in

_PROVIDERS = "/providers/"


class Place(msgspec.Struct, frozen=True):
    """A scope that a template is deployed to."""

    subscription: str | Unresolved = ""
    """Its id; empty when it is whichever the template goes to."""
    group: str | Unresolved = ""
    """The resource group's name; empty when it is whichever the template goes to, and above resource groups."""
    level: str = "group"
    """``group``, ``subscription``, ``managementgroup`` or ``tenant``."""

    @property
    def prefix(self) -> str:
        """What stands before ``/providers/`` in ids of resources deployed here."""
        if self.level == "group":
            return _subscription(self.subscription) + _group(self.group)
        return _subscription(self.subscription) if self.level == "subscription" else ""


_LEVELS = (
    ("subscriptiondeploymenttemplate.json", "subscription"),
    ("managementgroupdeploymenttemplate.json", "managementgroup"),
    ("tenantdeploymenttemplate.json", "tenant"),
)


def level_of(schema: Json) -> str:
    """The level that a template's ``$schema`` names."""
    lowered = schema.lower() if isinstance(schema, str) else ""
    return next((level for name, level in _LEVELS if name in lowered), "group")


def _subscription(id: str | Unresolved) -> str:
    return f"/subscriptions/{stand_in(id)}" if id else ""


def _group(name: str | Unresolved) -> str:
    return f"/resourceGroups/{stand_in(name)}" if name else ""


def id_text(value: str | Unresolved) -> str:
    """An id as a text.

    ``/subscriptions/<this one>`` and ``/resourceGroups/<this one>`` are left out at its beginning, as everywhere; other
    unresolved parts stand in brackets.
    """
    if isinstance(value, str):
        return value
    parts = _own_parts(value)
    return stand_in(Unresolved("", parts=parts)) if len(parts) != 1 else stand_in(parts[0])


def settled_id(value: Unresolved) -> str | None:
    """The id of which only this subscription and this group are unresolved; None for any other text."""
    parts = _own_parts(value) if value.parts else ()
    first = parts[0] if len(parts) == 1 else None
    return first if isinstance(first, str) and first.startswith(_PROVIDERS) else None


def _own_parts(value: Unresolved) -> tuple[str | Unresolved, ...]:
    parts = parts_of(value)
    for head, function, member in _OWN:
        if len(parts) < 2 or not isinstance(parts[0], str) or parts[0].lower() != head:
            continue
        second = parts[1]
        if isinstance(second, Unresolved) and second.function == function and second.route == (member,):
            parts = parts[2:]
    return parts or ("",)


_OWN = (("/subscriptions/", "subscription", "subscriptionId"), ("/resourcegroups/", "resourcegroup", "name"))


def _name(value: Json) -> str:
    if isinstance(value, str | Unresolved):
        return stand_in(value)
    raise Failure(f"a name was expected, not {kind_of(value)}")


def provider_path(type: str, names: list[Json]) -> str:
    """``/providers/<provider>/<kind>/<name>/…``.

    Raises:
        Failure: there is not one name for each part of the type.
    """
    provider, *kinds = type.strip("/").split("/")
    flat = [segment for name in names for segment in _name(name).split("/")]
    if not kinds or len(kinds) != len(flat):
        raise Failure(f"the type {type} does not go with {len(names)} names")
    return _PROVIDERS + provider + "".join(f"/{kind}/{name}" for kind, name in zip(kinds, flat, strict=True))


def resource_id(values: list[Json], place: Place) -> str:
    """``resourceId([subscription], [group], type, name…)``.

    Raises:
        Failure: no argument is a type, or the names do not go with it.
    """
    at = next((n for n, value in enumerate(values[:3]) if isinstance(value, str) and "/" in value and "." in value), None)
    if at is None:
        raise Failure("no resource type among the arguments")
    given = [_own(value) for value in values[:at]]
    prefix = place.prefix
    if at == 2:
        prefix = _subscription(given[0]) + _group(given[1])
    elif at == 1:
        prefix = _subscription(place.subscription) + _group(given[0])
    return prefix + provider_path(values[at], values[at + 1 :])


def subscription_resource_id(values: list[Json], place: Place) -> str:
    """``subscriptionResourceId([subscription], type, name…)``.

    Raises:
        Failure: no argument is a type, or the names do not go with it.
    """
    at = next((n for n, value in enumerate(values[:2]) if isinstance(value, str) and "/" in value and "." in value), None)
    if at is None:
        raise Failure("no resource type among the arguments")
    subscription = _own(values[0]) if at else place.subscription
    return _subscription(subscription) + provider_path(values[at], values[at + 1 :])


def extension_resource_id(values: list[Json]) -> str:
    """``extensionResourceId(id, type, name…)``.

    Raises:
        Failure: an argument is of a wrong kind, or the names do not go with the type.
    """
    if not isinstance(values[0], str | Unresolved) or not isinstance(values[1], str):
        raise Failure("no id and type among the arguments")
    return id_text(values[0]).rstrip("/") + provider_path(values[1], values[2:])


def tenant_resource_id(values: list[Json]) -> str:
    """``tenantResourceId(type, name…)``.

    Raises:
        Failure: the first argument is no type, or the names do not go with it.
    """
    if not isinstance(values[0], str):
        raise Failure("no resource type among the arguments")
    return provider_path(values[0], values[1:])


def management_group_resource_id(values: list[Json]) -> str:
    """``managementGroupResourceId([group], type, name…)``; the group is left out where it is not named.

    Raises:
        Failure: no argument is a type, or the names do not go with it.
    """
    at = next((n for n, value in enumerate(values[:2]) if isinstance(value, str) and "/" in value and "." in value), None)
    if at is None:
        raise Failure("no resource type among the arguments")
    prefix = f"/providers/Microsoft.Management/managementGroups/{_name(values[0])}" if at else ""
    return prefix + provider_path(values[at], values[at + 1 :])


def _own(value: Json) -> str:
    """The name of a subscription or group; empty for the one of the deployment itself."""
    if isinstance(value, Unresolved) and value.function in ("subscription", "resourcegroup") and not value.arguments:
        return ""
    return _name(value)

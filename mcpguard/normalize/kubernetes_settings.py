"""Settings of a container: its environment, put together from literals and config maps as Kubernetes does.

``envFrom`` comes first, in order, and ``env`` wins over it. .NET reads ``A__B`` as ``A:B``, without regard to case. What comes
from a secret, a field or a config map that was not read is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.evidence.redaction import is_masked
from mcpguard.normalize.fields import lookup, text

_CONTAINERS = ("spec", "template", "spec", "containers")


class Settings(msgspec.Struct, frozen=True):
    """Settings by lower-case name, with ``:`` between parts."""

    found: dict[str, Fact[str]]
    unread: Unknown | None
    """A source of settings that was not read: any name may stand there."""
    at: Location

    def first(self, *names: str) -> Fact[str | None]:
        """The first of some settings that is there; None when all are known to be absent."""
        for name in names:
            value = self.found.get(name)
            if isinstance(value, Known):
                return Known(value.value, value.at)
            if value is not None:
                return value
        return self.unread or Known(None, self.at)


def settings_of(raw: RawResource, maps: Sequence[RawResource]) -> Settings:
    """The settings of the gateway's container in a deployment, with all config maps that were read."""
    found: dict[str, Fact[str]] = {}
    unread: Unknown | None = None
    route = (*_CONTAINERS, _gateway_container(raw))
    sources = lookup(raw.body, (*route, "envFrom"))
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        name = lookup(source, ("configMapRef", "name"))
        held = _config_map(raw, name, maps)
        if held is None:
            what = f"the config map {name}" if isinstance(name, str) else "a secret"
            unread = unread or _unread(raw, what, raw.origin.child(*route, "envFrom", index))
            continue
        start = lookup(source, ("prefix",))
        for key, value, at in _data(held):
            found[_plain((start if isinstance(start, str) else "") + key)] = _value(value, at, f"{key} of {held.id}")
    variables = lookup(raw.body, (*route, "env"))
    for index, variable in enumerate(variables if isinstance(variables, list) else []):
        name = lookup(variable, ("name",))
        if isinstance(name, str):
            found[_plain(name)] = _variable(variable, name, raw, (*route, "env", index), maps)
    return Settings(found, unread, raw.origin.child(*route))


def _config_map(raw: RawResource, name: Json, maps: Sequence[RawResource]) -> RawResource | None:
    """The config map of that name in the deployment's namespace: in the same file, or the only one there is."""
    namespace = text(raw, "metadata", "namespace")
    found = [
        held
        for held in maps
        if text(held, "metadata", "name") == name and text(held, "metadata", "namespace") in (namespace, "")
    ]
    near = [held for held in found if held.origin.artifact == raw.origin.artifact] or found
    return near[0] if len(near) == 1 else None


def _gateway_container(raw: RawResource) -> int:
    """The container whose image is called a gateway; sidecars may stand before it."""
    containers = lookup(raw.body, _CONTAINERS)
    images = [lookup(container, ("image",)) for container in containers] if isinstance(containers, list) else []
    return next((index for index, image in enumerate(images) if isinstance(image, str) and "gateway" in image.lower()), 0)


def _variable(
    variable: Json, name: str, raw: RawResource, route: tuple[str | int, ...], maps: Sequence[RawResource]
) -> Fact[str]:
    value = lookup(variable, ("value",))
    if value is not None:
        return _value(value, raw.origin.child(*route, "value"), f"{name} of {raw.id}")
    reference = lookup(variable, ("valueFrom", "configMapKeyRef"))
    source, key = lookup(reference, ("name",)), lookup(reference, ("key",))
    if isinstance(source, str) and isinstance(key, str):
        held = _config_map(raw, source, maps)
        found = lookup(held.body, ("data", key)) if held is not None else None
        if held is not None and found is not None:
            return _value(found, held.origin.child("data", key), f"{key} of {held.id}")
        return _unread(raw, f"{key} of the config map {source}", raw.origin.child(*route))
    return _unread(raw, f"the secret or field behind {name}", raw.origin.child(*route))


def _data(raw: RawResource) -> Iterator[tuple[str, Json, Location]]:
    held = lookup(raw.body, ("data",))
    for key, value in held.items() if isinstance(held, dict) else ():
        yield key, value, raw.origin.child("data", key)


def _value(value: Json, at: Location, what: str) -> Fact[str]:
    if isinstance(value, bool):
        return Known("true" if value else "false", at)
    if not isinstance(value, str) or is_masked(value):
        return Unknown(what, "scan the object as the cluster holds it", at)
    if value.lstrip().startswith("${"):
        return Unknown(
            f"{what}, which the template leaves open as {value.strip()}", "scan the object as the cluster holds it", at
        )
    return Known(value, at)


def _unread(raw: RawResource, what: str, at: Location) -> Unknown:
    namespace = text(raw, "metadata", "namespace") or "default"
    return Unknown(
        f"{what}, from which {raw.id} takes settings",
        f"add the answer of: kubectl get configmap --namespace {namespace} --output yaml, or of the gateway's /portal/config",
        at,
    )


def _plain(name: str) -> str:
    return name.lower().replace("__", ":")

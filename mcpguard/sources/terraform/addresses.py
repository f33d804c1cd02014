"""Ids of the resources of a plan or state: known ones, and stand-ins for those that do not exist yet.

A stand-in is made of names, as in a template (``/providers/Microsoft.Web/sites/<name>``), so that a deployed resource of that
name and its plan are the same resource; where even the name is not known, it is made of the address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import describe
from mcpguard.sources.terraform import accounts, azapi, directory, gateway, hosting
from mcpguard.sources.terraform.expressions import AFTER_APPLY, step_into
from mcpguard.sources.terraform.instances import Instance, References
from mcpguard.sources.terraform.kinds import Kind, Step

KINDS: dict[str, Kind] = {**gateway.KINDS, **hosting.KINDS, **accounts.KINDS}
_MAX_DEPTH = 40
_MAX_CHAIN = 12
_UNSAFE = re.compile(r"[^A-Za-z0-9._~\[\]-]+")
_LINKING = ("_id", "_arm_id")
_CLIENT_IDS = frozenset({"client_id", "application_id", "app_id"})


def stand_in(address: str) -> str:
    """A name made of an address."""
    return "~" + _UNSAFE.sub("~", address)


class Addresses:
    """Ids of instances, worked out when they are asked for."""

    def __init__(self, references: References, instances: Sequence[Instance], label: str = "") -> None:
        """``label`` keeps the stand-ins of several configurations apart."""
        self.references = references
        self._label = label
        self._ids: dict[str, str] = {}
        self._open: set[str] = set()
        self._named: dict[tuple[str, str], list[Instance]] = {}
        """By what names them (the type, or the last part of it) and the name, which may be an expression."""
        for instance in instances:
            kind = KINDS.get(instance.type)
            if kind is None or (kind.steps and kind.steps[-1][1] != "name"):
                continue
            name = instance.values.get("name")
            if name and (isinstance(name, Unresolved) or (isinstance(name, str) and not kind.parent)):
                part = kind.steps[-1][0] if kind.steps else kind.type
                self._named.setdefault((part.lower(), _key(name)), []).append(instance)

    def stand_in(self, instance: Instance) -> str:
        """A name for what has none yet."""
        return stand_in(self._label + instance.address)

    def id_of(self, instance: Instance) -> str:
        """The id; empty when not even what it stands below is known."""
        known = self._ids.get(instance.address)
        if known is not None:
            return known
        if instance.address in self._open or len(self._open) > _MAX_CHAIN:
            return ""
        self._open.add(instance.address)
        try:
            found = self._id(instance)
        finally:
            self._open.discard(instance.address)
        self._ids[instance.address] = found
        return found

    def _id(self, instance: Instance) -> str:
        own = instance.values.get("id")
        own = own.rstrip("/") if isinstance(own, str) and own.startswith("/") else ""
        if instance.type in directory.ENTITIES:
            return f"{directory.ENTITIES[instance.type].collection}/{self._object_id(instance)}"
        if instance.type in azapi.TYPES:
            return own or self._azapi_id(instance)
        kind = KINDS.get(instance.type)
        if kind is None or (not instance.managed and (own or not instance.places)):
            return own  # a data source of a plan is read already, or its id is not known
        if not kind.parent:
            return own or f"/providers/{kind.type}/{self._name(instance, ('', 'name'))}"
        parent = self._parent(instance, kind, own)
        if not parent:
            return ""
        return parent + "".join(f"/{part}/{self._name(instance, (part, source))}" for part, source in kind.steps)

    def _parent(self, instance: Instance, kind: Kind, own: str) -> str:
        for attribute in kind.parent:
            value = instance.values.get(attribute)
            if isinstance(value, Unresolved):
                referent = self.references.follow(instance, attribute)
                found = self.id_of(referent.instance) if referent else self._joined(instance, value) or self._alike(kind, value)
                if found:
                    return found.partition(";rev=")[0]
                if instance.places and not kind.steps[0][0].startswith("providers/"):
                    return f"/providers/{kind.type}/{self._open_name(value)}"
            elif isinstance(value, str) and value.startswith("/"):
                return value.rstrip("/").partition(";rev=")[0]
            elif isinstance(value, str) and value:
                if named := self._alike(kind, value):
                    return named
                at = own.lower().find(f"/providers/{kind.type.lower()}/")
                root = f"/providers/{kind.type}/{value}"
                return own[:at] + root if at >= 0 else root
        return ""

    def _alike(self, kind: Kind, name: str | Unresolved) -> str:
        """The id of the one resource of a type that has a name; empty when there is none, or more than one."""
        ids = {self.id_of(other) for other in self._named.get((kind.type.lower(), _key(name)), ())}
        return ids.pop() if len(ids) == 1 else ""

    def _open_name(self, value: Unresolved) -> str:
        """What stands for a name that is not known, equal for equal expressions of one configuration."""
        return _UNSAFE.sub("~", f"{self._label}[{describe(value)}]")

    def _joined(self, instance: Instance, value: Unresolved) -> str:
        """An id that is put together from the ids of others; empty when some of it stays open.

        What stands before ``/providers/`` says which group it is in, and is left out when it is open.
        """
        last = value.parts[-1] if value.parts else ""
        if isinstance(last, str) and (at := last.find("/providers/")) >= 0:
            return last[at:]
        out = ""
        for part in value.parts:
            if isinstance(part, str):
                out += part
                continue
            referent = self.references.resolve(instance, None, part)
            found = self.id_of(referent.instance) if referent and referent.attribute == "id" else ""
            if not found:
                return ""
            out += found
        return out if out.startswith("/") else ""

    def identified(self, instance: Instance, value: Json, depth: int = 0) -> Json:
        """A value with every id in it that is a reference to a resource, or put together from such."""
        if isinstance(value, Unresolved):
            referent = self.references.resolve(instance, None, value)
            if referent is not None:
                return (referent.attribute == "id" and self.id_of(referent.instance)) or value
            return self._joined(instance, value) or value
        if depth < _MAX_DEPTH and isinstance(value, dict):
            return {key: self.identified(instance, item, depth + 1) for key, item in value.items()}
        if depth < _MAX_DEPTH and isinstance(value, list):
            return [self.identified(instance, item, depth + 1) for item in value]
        return value

    def _name(self, instance: Instance, step: Step) -> str:
        """The name that a step gets: fixed, known, that of the resource it refers to, or one made of the address."""
        source = step[1]
        if source.startswith("="):
            return source[1:]
        value = instance.values.get(source)
        name = ""
        if isinstance(value, str):
            name = _last(value)
        elif isinstance(value, Unresolved):
            referent = self.references.follow(instance, source)
            name = _last(self.id_of(referent.instance)) if referent else ""
            if not name and instance.places and source != "name" and value.expression != AFTER_APPLY:
                named = self._named.get((step[0].lower(), _key(value)), [])
                name = _last(self.id_of(named[0])) if len(named) == 1 else self._open_name(value)
        elif source == "gateway_name":
            name = _last(str(instance.values.get("gateway_id") or ""))
        if not name:
            return self.stand_in(instance)
        if source == "name" and instance.values.get("is_current") is False:
            name += f";rev={instance.values.get('revision')}"
        return name

    def _azapi_id(self, instance: Instance) -> str:
        """``parent_id`` and the rest of the type; a resource of its own may do without the parent."""
        target = instance.values.get("resource_id")
        if isinstance(target, str) and target.startswith("/"):
            return target.rstrip("/")
        if isinstance(target, Unresolved):
            referent = self.references.follow(instance, "resource_id")
            return self.id_of(referent.instance) if referent else self._joined(instance, target)
        type_ = azapi.type_of(instance)
        if not type_:
            return ""
        parent = instance.values.get("parent_id")
        if isinstance(parent, Unresolved):
            referent = self.references.follow(instance, "parent_id")
            found = self.id_of(referent.instance) if referent else self._joined(instance, parent)
            parent = found or self._open_parent(instance, parent, type_)
        parent = parent.rstrip("/") if isinstance(parent, str) else ""
        provider, *kinds = type_.split("/")
        name = self._name(instance, ("", "name"))
        if len(kinds) == 1:
            return f"{parent}/providers/{type_}/{name}"
        return f"{parent}/{kinds[-1]}/{name}" if f"/providers/{provider}/".lower() in f"{parent}/".lower() else ""

    def _open_parent(self, instance: Instance, value: Unresolved, type: str) -> str:
        """An id for a parent that a configuration does not tell; empty for what has its own place."""
        above, _, kind = type.rpartition("/")
        if not instance.places or "/" not in above or above.count("/") > 1 or not kind:
            return ""
        return f"/providers/{above}/{self._open_name(value)}"

    # -- the directory ---------------------------------------------------------------------------------------------

    def _object_id(self, instance: Instance) -> str:
        for name in ("object_id", "id"):
            value = instance.values.get(name)
            if isinstance(value, str) and value:
                return _last(value)
        return self.stand_in(instance)

    def client_id_of(self, instance: Instance) -> str:
        """The client id of an application or service principal; its address where it has none yet."""
        for name in ("client_id", "application_id"):
            value = instance.values.get(name)
            if isinstance(value, str) and value:
                return value
        if instance.type == "azuread_service_principal":
            for name in ("client_id", "application_id"):
                referent = self.references.follow(instance, name)
                if referent and referent.instance.type in directory.ENTITIES and referent.instance is not instance:
                    return self.client_id_of(referent.instance)
        return f"{self._label}{instance.address}.client_id"

    # -- values ------------------------------------------------------------------------------------------------------

    def linked(self, instance: Instance) -> dict[str, Json]:
        """The attributes, with ids that are not known yet replaced by those of the resources that they refer to."""
        found: dict[str, Json] = self._linked(instance, instance.values, self.references.block(instance), "", 0)
        return found

    def _linked(self, instance: Instance, value: Json, expression: Json, name: str, depth: int) -> Json:
        if isinstance(value, Unresolved):
            return self._link(instance, value, expression, name)
        if depth < _MAX_DEPTH and isinstance(value, dict):
            return {
                key: self._linked(instance, item, step_into(expression, key), key, depth + 1) for key, item in value.items()
            }
        if depth < _MAX_DEPTH and isinstance(value, list):
            return [
                self._linked(instance, item, step_into(expression, index), name, depth + 1) for index, item in enumerate(value)
            ]
        return value

    def _link(self, instance: Instance, value: Unresolved, expression: Json, name: str) -> Json:
        if not (name == "id" or name.endswith(_LINKING)):
            return value
        referent = self.references.resolve(instance, expression, value)
        if referent is None or referent.instance is instance:
            return self._joined(instance, value) or value
        target = referent.instance
        if referent.attribute == "id":
            return self.id_of(target) or value
        if target.type in directory.ENTITIES:
            if referent.attribute in _CLIENT_IDS:
                return self.client_id_of(target)
            if referent.attribute == "object_id":
                return self._object_id(target)
        return value


def _key(name: str | Unresolved) -> str:
    return name.lower() if isinstance(name, str) else f"[{describe(name)}]"


def _last(value: str) -> str:
    """The name in an id, or the name itself; revisions of an API share its policies and diagnostics."""
    return _UNSAFE.sub("~", value.rstrip("/").rpartition("/")[2].partition(";rev=")[0])

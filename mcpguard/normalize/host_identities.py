"""Managed identities of hosts. Shape: ``identity`` of facts/hosting.md 1.2; ids come from the identity's own resource too."""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved, resource_key
from mcpguard.model.kinds.host_parts import ManagedIdentity
from mcpguard.normalize.fields import READ_AGAIN, fact, last_segment, lookup, not_usable, text
from mcpguard.normalize.host_index import DECLARED


def read_identities(raw: RawResource, own: Mapping[str, RawResource]) -> Fact[tuple[ManagedIdentity, ...]]:
    """The identities that a host or gateway runs as. ARM leaves ``identity`` out, or null, when there is none.

    ``own`` holds the identities' own resources by key.
    """
    block = lookup(raw.body, ("identity",))
    if block is None:
        is_whole = raw.format in DECLARED or isinstance(lookup(raw.body, ("properties",)), dict)
        if is_whole:
            return Known((), raw.origin, "no identity block, so no managed identity")
        return Unknown(f"the identity of {raw.id}", f"{READ_AGAIN}{raw.id}", raw.origin)
    if not isinstance(block, dict):
        return not_usable(raw, ("identity",), block, "an object")
    at = raw.origin.child("identity")
    found: list[ManagedIdentity] = []
    if "systemassigned" in text(raw, "identity", "type").lower().replace(" ", ""):
        missing = Unknown(
            f"the client id of the system-assigned identity of {last_segment(raw.id)}, which ARM does not show",
            "add the answer of: az ad sp show --id <principal id>",
            at,
        )
        found.append(ManagedIdentity("", _member(raw, ("identity", "principalId"), "principal id"), missing, at))
    attached = block.get("userAssignedIdentities")
    if isinstance(attached, Unresolved):
        return not_usable(raw, ("identity", "userAssignedIdentities"), attached, "an object")
    for id, ids in attached.items() if isinstance(attached, dict) else ():
        found.append(_user_assigned(str(id), ids, at.child("userAssignedIdentities", str(id)), own))
    return Known(tuple(found), at)


def _member(raw: RawResource, steps: tuple[str, ...], what: str) -> Fact[str]:
    missing = Unknown(f"the {what} of the identity of {last_segment(raw.id)}", f"{READ_AGAIN}{raw.id}", raw.origin)
    return transform(fact(raw, steps, str, missing), str.lower)


def _user_assigned(id: str, ids: Json, at: Location, resources: Mapping[str, RawResource]) -> ManagedIdentity:
    """One attached identity. What the host does not say of it, its own resource may."""
    key = resource_key(id)
    own = resources.get(key)

    def member(name: str) -> Fact[str]:
        value = lookup(ids, (name,))
        if isinstance(value, str) and value:
            return Known(value.lower(), at.child(name))
        missing = Unknown(f"the {name} of the identity {last_segment(id)}", f"{READ_AGAIN}{id}", at)
        return transform(fact(own, ("properties", name), str, missing), str.lower) if own is not None else missing

    return ManagedIdentity(key, member("principalId"), member("clientId"), at)

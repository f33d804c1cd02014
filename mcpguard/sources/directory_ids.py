"""Children of directory objects whose file names only an id: put below the application or principal that has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from mcpguard.evidence import Complete, RawResource, resource_key
from mcpguard.sources.graph import place_of

_UNRESOLVED = "/directoryobjects/"
_EXPORTER = "entra-exporter"
_COLLECTIONS = ("applications", "serviceprincipals")


class Placed(msgspec.Struct, frozen=True):
    """Resources and claims with their ids resolved."""

    resources: list[RawResource]
    complete: set[Complete]
    remarks: dict[str, str]
    """By path: children that belong to nothing in the input."""


def place_children(resources: Sequence[RawResource], complete: set[Complete], damaged: Sequence[str] = ()) -> Placed:
    """Move ``/directoryObjects/<id>/owners/…`` below the object with that id.

    Nothing is claimed of a list of which an EntraExporter file is ``damaged``.

    An application id means the registration, and only for what only a registration has: ``owners`` of a registration and of
    its principal are two different lists.
    """
    by_id: dict[str, str] = {}
    by_app_id: dict[str, str] = {}
    for raw in resources:
        if raw.type in ("microsoft.graph/applications", "microsoft.graph/serviceprincipals"):
            by_id.setdefault(raw.key.rpartition("/")[2], raw.id)
            app_id = raw.body.get("appId")
            if raw.type.endswith("/applications") and isinstance(app_id, str):
                by_app_id.setdefault(app_id.lower(), raw.id)

    def target(key: str, relation: str) -> str:
        owner = key.removeprefix(_UNRESOLVED).partition("/")[0]
        found = by_id.get(owner)
        return found or (by_app_id.get(owner, "") if relation == "federatedidentitycredentials" else "")

    out: list[RawResource] = []
    remarks: dict[str, str] = {}
    for raw in resources:
        if raw.key.startswith(_UNRESOLVED):
            relation = raw.type.rpartition("/")[2]
            parent = target(raw.key, relation)
            if parent:
                rest = raw.id.split("/", 3)[3]
                type_ = f"microsoft.graph/{parent.split('/')[1].lower()}/{relation}"
                raw = msgspec.structs.replace(raw, id=f"{parent}/{rest}", type=type_)  # noqa: PLW2901
            else:
                remarks[raw.origin.artifact] = "the object that its name means is not in the input"
        out.append(raw)
    claims = {_moved(claim, target) for claim in complete} | _exported(resources)
    places = (place_of(path) for path in damaged)
    claims -= {Complete(resource_key(place.owner), place.type) for place in places if place.exporter and place.owner}
    return Placed(out, claims, remarks)


def _moved(claim: Complete, target: Callable[[str, str], str]) -> Complete:
    if not claim.scope.startswith(_UNRESOLVED):
        return claim
    relation = claim.type.rpartition("/")[2]
    parent = target(claim.scope, relation)
    if not parent:
        return claim
    return Complete(parent.lower(), f"microsoft.graph/{parent.split('/')[1].lower()}/{relation}")


def _exported(resources: Sequence[RawResource]) -> set[Complete]:
    """EntraExporter writes no folder for an empty list: where owners of one object were written, no folder means no owner."""
    claims: set[Complete] = set()
    for collection in _COLLECTIONS:
        owners = f"microsoft.graph/{collection}/owners"
        if any(raw.type == owners and raw.format == _EXPORTER for raw in resources):
            objects = (raw for raw in resources if raw.type == f"microsoft.graph/{collection}" and raw.format == _EXPORTER)
            claims |= {Complete(raw.key, owners) for raw in objects}
    return claims

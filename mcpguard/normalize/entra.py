"""Directory objects into kinds. Shapes: facts/entra.md. Absent in an export is not false: relations need their own reads."""

import re
from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.evidence import Evidence, Json, RawResource
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import Application, DatedNote, Owner, PreauthorizedClient, ServicePrincipal
from mcpguard.normalize.fields import absent_member, fact, lookup, not_usable, parent_key, text, texts

_GRAPH = "https://graph.microsoft.com/v1.0"
_DATE = re.compile(r"(?i)\b(?:review|expir|valid[ _-]?until|recertif|attest|sunset)[a-z _\-]*\s*[:=]?\s*(\d{4}-\d{2}-\d{2})")
_KEY = re.compile(r"(?i)review|expir|validuntil|recertif|attest|sunset")
_ISO = re.compile(r"^(\d{4}-\d{2}-\d{2})")


class DirectoryIndex:
    """What was read of an object by itself: its owners, when they came in an answer of their own."""

    def __init__(self, evidence: Evidence) -> None:
        self.owners: dict[str, list[RawResource]] = {}
        for raw in evidence.resources:
            if raw.type.startswith("microsoft.graph/") and raw.type.endswith("/owners"):
                self.owners.setdefault(parent_key(raw.key), []).append(raw)
        self._complete = {claim.scope for claim in evidence.complete if claim.type.endswith("/owners")}

    def owners_of(self, raw: RawResource) -> Fact[tuple[Owner, ...]] | None:
        """The owners in answers of their own; None when there is no whole answer."""
        if raw.key not in self._complete:
            return None
        found = self.owners.get(raw.key, ())
        return Known(tuple(_owner(child.body) for child in found), found[0].origin if found else raw.origin)


def directory_entities(evidence: Evidence) -> Iterator[Entity]:
    """The entities that directory objects become."""
    index = DirectoryIndex(evidence)
    for raw in evidence.resources:
        if raw.type == "microsoft.graph/applications":
            yield _application(raw, index)
        elif raw.type == "microsoft.graph/serviceprincipals":
            yield _principal(raw, index)


def _application(raw: RawResource, index: DirectoryIndex) -> Application:
    dates, looked_in, not_looked_in = _dates(raw)
    export = f"az rest --method get --url {_GRAPH}/applications/{text(raw, 'id') or '<object id>'}"
    return Application(
        id=raw.id,
        key=raw.key,
        name=text(raw, "displayName") or text(raw, "appId"),
        at=raw.origin,
        format=raw.format,
        app_id=text(raw, "appId").lower(),
        owners=_owners(raw, index, f"add the answer of: {export}?$expand=owners"),
        identifier_uris=texts(raw, ("identifierUris",), absent_member(raw, "identifierUris", f"add: {export}")),
        preauthorized=_preauthorized(raw, export),
        review_dates=dates,
        looked_in=looked_in,
        not_looked_in=not_looked_in,
    )


def _principal(raw: RawResource, index: DirectoryIndex) -> ServicePrincipal:
    export = f"az rest --method get --url {_GRAPH}/servicePrincipals/{text(raw, 'id') or '<object id>'}"
    kind_missing = absent_member(raw, "servicePrincipalType", f"add: {export}")
    dates, looked_in, not_looked_in = _dates(raw)
    return ServicePrincipal(
        id=raw.id,
        key=raw.key,
        name=text(raw, "displayName") or text(raw, "appDisplayName") or text(raw, "appId"),
        at=raw.origin,
        format=raw.format,
        app_id=text(raw, "appId").lower(),
        principal_type=fact(raw, ("servicePrincipalType",), str, kind_missing),
        owners=_owners(raw, index, f"add the answer of: {export}?$expand=owners"),
        review_dates=dates,
        looked_in=looked_in,
        not_looked_in=not_looked_in,
    )


def _owners(raw: RawResource, index: DirectoryIndex, remedy: str) -> Fact[tuple[Owner, ...]]:
    """Owners in an answer of their own, else the expanded ones; an unreadable owner is an owner (facts/entra.md section 4)."""
    alone = index.owners_of(raw)
    if alone is not None:
        return alone
    missing = Unknown(
        f"the owners of {text(raw, 'displayName') or raw.id}, which this export does not hold", remedy, raw.origin
    )
    found = fact(raw, ("owners",), list, missing)
    match found:
        case Known(value=values, at=at):
            owners = [_owner(value) for value in values if isinstance(value, dict)]
            return Known(tuple(owners), at)
        case Unknown():
            return found


def _owner(value: Json) -> Owner:
    name = lookup(value, ("userPrincipalName",)) or lookup(value, ("displayName",))
    return Owner(id=str(lookup(value, ("id",)) or ""), name=name if isinstance(name, str) else "")


def _preauthorized(raw: RawResource, export: str) -> Fact[tuple[PreauthorizedClient, ...]]:
    if lookup(raw.body, ("api",)) is None:
        return absent_member(raw, "api.preAuthorizedApplications", f"add: {export}")
    steps = ("api", "preAuthorizedApplications")
    found = fact(raw, steps, list, Known([], raw.origin.child("api"), "Graph leaves the list empty unless set"))
    match found:
        case Known(value=values, at=at, default=default):
            clients = []
            for index, value in enumerate(values):
                app_id = lookup(value, ("appId",))
                if not isinstance(app_id, str):
                    return not_usable(raw, (*steps, index, "appId"), app_id, "a text")
                scopes = lookup(value, ("delegatedPermissionIds",)) or lookup(value, ("permissionIds",))
                names = tuple(str(scope).lower() for scope in scopes) if isinstance(scopes, list) else ()
                clients.append(PreauthorizedClient(app_id.lower(), names))
            return Known(tuple(clients), at, default)
        case Unknown():
            return found


def _dates(raw: RawResource) -> tuple[Fact[tuple[DatedNote, ...]], tuple[str, ...], tuple[str, ...]]:
    """Dates in the places of facts/entra.md 3.1 that an object itself can hold, and which of them were there to read."""
    found: list[DatedNote] = []
    looked_in: list[str] = []
    not_looked_in: list[str] = ["access packages", "access reviews"]
    entries = lookup(raw.body, ("tags",))
    if isinstance(entries, list):
        looked_in.append("tags")
        for index, entry in enumerate(entries):
            found.extend(_in_text(entry, "tags", raw, ("tags", index)))
    else:
        not_looked_in.append("tags")
    for name in ("notes", "description"):
        if name in raw.body:
            looked_in.append(name)
            found.extend(_in_text(raw.body[name], name, raw, (name,)))
        else:
            not_looked_in.append(name)
    attributes = lookup(raw.body, ("customSecurityAttributes",))
    if isinstance(attributes, dict):
        looked_in.append("custom security attributes")
        for group, values in attributes.items():
            for name, value in values.items() if isinstance(values, dict) else ():
                match = _ISO.match(value) if isinstance(value, str) and _KEY.search(str(name)) else None
                if match:
                    at = raw.origin.child("customSecurityAttributes", str(group), str(name))
                    found.append(DatedNote(match[1], "custom security attributes", at))
    else:
        not_looked_in.append("custom security attributes")
    if not found and "tags" not in looked_in and "notes" not in looked_in:
        missing = absent_member(raw, "tags and notes", f"add: az rest --method get --url {_GRAPH}{raw.id}")
        return missing, tuple(looked_in), tuple(not_looked_in)
    return Known(tuple(found), raw.origin), tuple(looked_in), tuple(not_looked_in)


def _in_text(value: Json, place: str, raw: RawResource, steps: tuple[str | int, ...]) -> Iterator[DatedNote]:
    if isinstance(value, str):
        for match in _DATE.finditer(value):
            yield DatedNote(match[1], place, raw.origin.child(*steps))

"""Facts that registrations and principals share: people, credentials, what they offer, notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved
from mcpguard.model.kinds.entra import (
    AppRole,
    Credential,
    FederatedCredential,
    InventoryNotes,
    Owner,
    PermissionScope,
)
from mcpguard.normalize.entra.dates import looked_in, not_looked_in, review_dates
from mcpguard.normalize.entra.index import APPLICATION, PRINCIPAL, DirectoryIndex
from mcpguard.normalize.entra.members import items, member, needed, plain, plain_texts, remedy
from mcpguard.normalize.fields import absent_member, fact, last_segment, lookup, not_usable, text, texts

Reading = Callable[[RawResource, DirectoryIndex], Any]
_PEOPLE = "($select=id,displayName,userPrincipalName,accountEnabled,userType)"
_CASTS = {APPLICATION: "/microsoft.graph.agentIdentityBlueprint", PRINCIPAL: "/microsoft.graph.agentIdentity"}


class Reader:
    """Reads the members of one object by name."""

    __slots__ = ("_index", "_raw", "_table")

    def __init__(self, raw: RawResource, index: DirectoryIndex, table: dict[str, Reading]) -> None:
        """A reader of ``raw`` by the functions of ``table``."""
        self._raw, self._index, self._table = raw, index, table

    def __call__(self, name: str) -> Any:
        """The member ``name``."""
        return self._table[name](self._raw, self._index)


def title(raw: RawResource) -> str:
    """What people call an object."""
    return text(raw, "displayName") or text(raw, "appDisplayName") or text(raw, "appId") or raw.id


# -- people ----------------------------------------------------------------------------------------------------------


def owners(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[Owner, ...]]:
    """Who owns an object; an owner that the reader may not see is an owner (facts/entra.md section 4)."""
    return _people(raw, index, "owners", remedy(raw, f"?$expand=owners{_PEOPLE}"))


def sponsors(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[Owner, ...]]:
    """Who sponsors an agent identity or blueprint."""
    how = remedy(raw, f"{_CASTS.get(raw.type, '')}/sponsors").replace(
        " (permission", f", saved as sponsors-{last_segment(raw.id)}.json (permission"
    )
    return _people(raw, index, "sponsors", how)


def _people(raw: RawResource, index: DirectoryIndex, relation: str, how: str) -> Fact[tuple[Owner, ...]]:
    """People in an answer of their own, else the expanded ones."""
    if index.claims(raw.key, f"{raw.type}/{relation}"):
        alone = index.children(raw, relation)
        return Known(tuple(_person(child.body) for child in alone), alone[0].origin if alone else raw.origin)
    what = f"the {relation} of {title(raw)}, which this export does not hold"
    found = fact(raw, (relation,), list, Unknown(what, how, raw.origin))
    match found:
        case Known(value=values, at=at):
            return Known(tuple(_person(value) for value in values if isinstance(value, dict)), at)
        case Unknown():
            return found


def _person(value: dict[str, Json]) -> Owner:
    name = plain(value, "userPrincipalName") or plain(value, "displayName")
    enabled, sort = value.get("accountEnabled"), plain(value, "userType")
    # A user principal name with #EXT# is that of somebody invited; one without says nothing for sure.
    guest = sort.lower() == "guest" if sort else True if "#EXT#" in name.upper() else None
    return Owner(
        id=plain(value, "id").lower(),
        name=name,
        enabled=enabled if isinstance(enabled, bool) else None,
        sort=plain(value, "@odata.type").rpartition(".")[2],
        guest=guest,
    )


# -- credentials -----------------------------------------------------------------------------------------------------


def passwords(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[Credential, ...]]:
    """Secrets."""
    return items(raw, ("passwordCredentials",), _credential)


def certificates(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[Credential, ...]]:
    """Certificates. A principal that signs SAML has one twice, for signing and for verifying."""
    found = items(raw, ("keyCredentials",), _credential)
    match found:
        case Known(value=value, at=at, default=default):
            return Known(tuple({one.key_id or str(one.at.route): one for one in reversed(value)}.values())[::-1], at, default)
        case Unknown():
            return found


def _credential(value: dict[str, Json], at: Location) -> Credential:
    start, end = plain(value, "startDateTime"), plain(value, "endDateTime")
    return Credential(plain(value, "keyId").lower(), plain(value, "displayName"), start, end, at)


def federated(raw: RawResource, index: DirectoryIndex) -> Members[FederatedCredential]:
    """Federated credentials, which only a read of their own gives."""
    found = [_federated(child) for child in index.children(raw, "federatedidentitycredentials")]
    whole = index.is_whole(raw.key, f"{raw.type}/federatedidentitycredentials")
    return Members(
        tuple(found),
        None
        if whole
        else Unknown(
            f"the complete list of federated credentials of {title(raw)}",
            remedy(raw, "/federatedIdentityCredentials"),
            raw.origin,
        ),
    )


def _federated(child: RawResource) -> FederatedCredential:
    steps = ("claimsMatchingExpression", "value")
    expression = lookup(child.body, steps)
    subject: Fact[str] = Known("")
    if isinstance(expression, Unresolved):
        subject = not_usable(child, steps, expression, "a text")
    elif not isinstance(expression, str):
        subject = member(child, ("subject",), str, "")
    return FederatedCredential(
        name=text(child, "name"),
        issuer=member(child, ("issuer",), str, ""),
        subject=subject,
        audiences=texts(child, ("audiences",), absent_member(child, "audiences", remedy(child))),
        at=child.origin,
        expression=expression if isinstance(expression, str) else "",
    )


# -- what it offers --------------------------------------------------------------------------------------------------


def scopes(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[PermissionScope, ...]]:
    """Delegated permissions, in ``api`` of a registration and at the top of a principal."""
    steps = ("api", "oauth2PermissionScopes") if raw.type == APPLICATION else ("oauth2PermissionScopes",)
    return items(raw, steps, _scope)


def _scope(value: dict[str, Json], at: Location) -> PermissionScope:
    name = value.get("value")
    return PermissionScope(
        id=needed(value, "id").lower(),
        value=needed(value, "value") if name is not None else "",
        type=plain(value, "type"),
        is_enabled=value.get("isEnabled") is not False,
        at=at,
    )


def app_roles(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[AppRole, ...]]:
    """Application roles."""
    return items(raw, ("appRoles",), _role)


def _role(value: dict[str, Json], at: Location) -> AppRole:
    name = value.get("value")
    return AppRole(
        id=needed(value, "id").lower(),
        value=needed(value, "value") if name is not None else "",
        member_types=plain_texts(value.get("allowedMemberTypes")),
        is_enabled=value.get("isEnabled") is not False,
        at=at,
    )


# -- the rest --------------------------------------------------------------------------------------------------------


def is_disabled(raw: RawResource, index: DirectoryIndex) -> Fact[bool]:
    """Deactivated by the tenant (``isDisabled``) or by Microsoft (``disabledByMicrosoftStatus``)."""
    by_microsoft = text(raw, "disabledByMicrosoftStatus")
    if by_microsoft and by_microsoft not in ("None", "NotDisabled"):
        return Known(True, raw.origin.child("disabledByMicrosoftStatus"))
    if "isDisabled" in raw.body or "disabledByMicrosoftStatus" not in raw.body:
        return member(raw, ("isDisabled",), bool, False)
    # The tenant's own switch is newer than many an export: what is not there was not set when it was written.
    return Known(False, raw.origin.child("disabledByMicrosoftStatus"), "this export has no isDisabled")


def inventory_notes(raw: RawResource, index: DirectoryIndex) -> InventoryNotes:
    """Free texts; null is read and empty."""

    def read(name: str) -> str | None:
        value = raw.body.get(name)
        return value if isinstance(value, str) else "" if name in raw.body and value is None else None

    tags = raw.body.get("tags")
    known_tags = plain_texts(tags) if isinstance(tags, list) else () if "tags" in raw.body and tags is None else None
    return InventoryNotes(read("notes"), read("serviceManagementReference"), known_tags, read("description"))


COMMON: dict[str, Reading] = {
    "owners": owners,
    "sponsors": sponsors,
    "passwords": passwords,
    "certificates": certificates,
    "federated": federated,
    "scopes": scopes,
    "app_roles": app_roles,
    "sign_in_audience": lambda raw, index: member(raw, ("signInAudience",), str, "AzureADMyOrg"),
    "is_disabled": is_disabled,
    "created": lambda raw, index: member(raw, ("createdDateTime",), str, ""),
    "created_by": lambda raw, index: member(raw, ("createdByAppId",), str, ""),
    "publisher": lambda raw, index: member(raw, ("verifiedPublisher", "displayName"), str, ""),
    "inventory_notes": inventory_notes,
    "review_dates": review_dates,
    "looked_in": looked_in,
    "not_looked_in": not_looked_in,
}
"""How the members of both kinds are read."""

"""Application roles of Microsoft Graph that principals hold and registrations ask for, by name.

Grants carry ids only, and an id says nothing without the table of Graph's permissions. Shapes: facts/entra.md sections 2 and 8.
"""

from __future__ import annotations

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.model.directory import principal_with
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application, ServicePrincipal
from mcpguard.model.reference_data import (
    GRAPH_APP_ID,
    Privilege,
    graph_application_roles,
    permissions_date,
)

_NO_ROLE = "00000000-0000-0000-0000-000000000000"
_WRITES = (".readwrite", ".write", ".send", ".manage", ".fullcontrol", ".create", ".delete", ".update", ".accessasuser")


class HeldRole(msgspec.Struct, frozen=True):
    """An application role of Microsoft Graph, held or asked for."""

    id: str
    name: str
    """Empty when neither the table nor Graph's own principal names it."""
    privilege: Privilege | None
    """None for a role that the table does not have."""
    at: Location

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.name or f"the application role {self.id}"

    @property
    def unlisted(self) -> Unknown | None:
        """What is not known of a role that the table does not have; None for one that it has, or whose name only reads."""
        if self.privilege is not None or (self.name and not any(word in self.name.lower() for word in _WRITES)):
            return None
        return Unknown(
            f"what {self.title} of Microsoft Graph allows, which the table of {permissions_date()} does not have",
            "look the permission up in the Microsoft Graph permissions reference, or use a newer mcpguard",
            self.at,
        )


def held_graph_roles(principal: ServicePrincipal, estate: Estate) -> tuple[HeldRole, ...]:
    """The application roles of Graph that a principal is known to hold; ``roles.missing`` says what was not read."""
    if not principal.roles.items:
        return ()  # most have none, and the table need not be read for them
    table = graph_application_roles()
    found = []
    for grant in principal.roles.items:
        known = table.get(grant.app_role_id)
        if known is not None:
            found.append(HeldRole(known.id, known.name, known.privilege, grant.at))
        elif grant.app_role_id != _NO_ROLE:
            resource = principal_with(grant.resource_id, estate)
            if resource is not None and resource.app_id == GRAPH_APP_ID:
                found.append(HeldRole(grant.app_role_id, _name(resource, grant.app_role_id), None, grant.at))
    return tuple(found)


def _name(resource: ServicePrincipal, role_id: str) -> str:
    match resource.app_roles:
        case Known(value=roles):
            return next((role.value for role in roles if role.id == role_id), "")
        case Unknown():
            return ""


def requested_graph_roles(application: Application) -> Fact[tuple[HeldRole, ...]]:
    """The application roles of Graph that a registration asks for, which says nothing of what it was given."""
    return transform(
        application.requested,
        lambda requested: tuple(
            HeldRole(one.id, known.name, known.privilege, one.at)
            for one in requested
            if one.is_role and one.resource_app_id == GRAPH_APP_ID
            for known in [graph_application_roles().get(one.id)]
            if known is not None
        ),
    )

"""Directory objects: registrations and service principals. Shapes: facts/entra.md sections 1 to 3."""

from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact
from mcpguard.core.location import Location
from mcpguard.model.kinds.entity import Entity


class Owner(msgspec.Struct, frozen=True):
    """One owner of a directory object."""

    id: str
    name: str
    """User principal or display name; empty when the reader may not see it, which is not the same as no owner."""


class PreauthorizedClient(msgspec.Struct, frozen=True):
    """A client that may get tokens for a registration without consent."""

    app_id: str
    scopes: tuple[str, ...]


class DatedNote(msgspec.Struct, frozen=True):
    """A date found in one of the places where an expiry or review date may live."""

    date: str
    """ISO date."""
    place: str
    at: Location


class Application(Entity, frozen=True, kw_only=True):
    """An application registration."""

    kind: ClassVar[str] = "application"
    label: ClassVar[str] = "app registration"

    app_id: str
    """Lower case."""
    owners: Fact[tuple[Owner, ...]]
    identifier_uris: Fact[tuple[str, ...]]
    preauthorized: Fact[tuple[PreauthorizedClient, ...]]
    review_dates: Fact[tuple[DatedNote, ...]]
    """Dates in tags, notes and custom security attributes, as far as these were read."""
    looked_in: tuple[str, ...]
    """Places that were read for a date."""
    not_looked_in: tuple[str, ...]
    """Places that this export does not hold."""


class ServicePrincipal(Entity, frozen=True, kw_only=True):
    """A service principal, managed identity or agent identity."""

    kind: ClassVar[str] = "service-principal"
    label: ClassVar[str] = "service principal"

    app_id: str
    principal_type: Fact[str]
    """``Application``, ``ManagedIdentity``, ``ServiceIdentity``…"""
    owners: Fact[tuple[Owner, ...]]
    review_dates: Fact[tuple[DatedNote, ...]]
    """As for a registration. Custom security attributes live here, not on the registration."""
    looked_in: tuple[str, ...]
    not_looked_in: tuple[str, ...]

"""Whose a resource is that an audience or a scope names: Microsoft's own, or a registration of the estate."""

from __future__ import annotations

import re

from mcpguard.core.facts import Known
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.audiences import bare
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application
from mcpguard.model.reference_data import resource_of_audience

_GUID = LazyPattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BETWEEN = re.compile(r"[,\s]+")


def is_guid(name: str) -> bool:
    """Whether a bare audience is a client id."""
    return bool(_GUID.fullmatch(name))


def scope_names(text: str) -> tuple[str, ...]:
    """The scopes in a list with commas or spaces."""
    return tuple(scope for scope in _BETWEEN.split(text) if scope)


def audience_owner(audience: str, estate: Estate) -> str:
    """Title of the resource that an audience belongs to; empty when it is nobody's that is known."""
    resource = resource_of_audience(audience)
    if resource is not None:
        return resource.name
    application = estate.remember("applications by audience", lambda: _by_audience(estate)).get(bare(audience))
    return application.title if application is not None else ""


def _by_audience(estate: Estate) -> dict[str, Application]:
    found: dict[str, Application] = {}
    for application in estate.of(Application):
        if application.app_id:
            found[application.app_id] = application
        match application.identifier_uris:
            case Known(value=uris):
                found.update((bare(uri), application) for uri in uris)
            case _:
                pass
    return found

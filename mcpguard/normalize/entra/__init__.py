"""Directory objects into kinds. Shapes: facts/entra.md. Absent in an export is not false: relations need their own reads."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.evidence import Evidence
from mcpguard.model.kinds.entity import Entity
from mcpguard.normalize.entra.applications import application
from mcpguard.normalize.entra.index import APPLICATION, PRINCIPAL, DirectoryIndex
from mcpguard.normalize.entra.policies import (
    AUTHORIZATION,
    CONDITIONAL_ACCESS,
    DEFAULT_APP_MANAGEMENT,
    conditional_access,
    tenant_policy,
)
from mcpguard.normalize.entra.principals import principal


def directory_entities(evidence: Evidence) -> Iterator[Entity]:
    """The entities that directory objects become."""
    index = DirectoryIndex(evidence)
    for raw in evidence.resources:
        if raw.type == APPLICATION:
            yield application(raw, index)
        elif raw.type == PRINCIPAL:
            yield principal(raw, index)
        elif raw.type in (AUTHORIZATION, DEFAULT_APP_MANAGEMENT):
            yield tenant_policy(raw)
        elif raw.type == CONDITIONAL_ACCESS:
            yield conditional_access(raw)

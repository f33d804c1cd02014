"""Evidence: raw resources as Azure or a file gave them, each with its origin, and what could not be read.

Nothing after this layer touches the network or the user's files.
"""

from mcpguard.evidence.types import (
    EVERYTHING,
    Artifact,
    ArtifactStatus,
    ArtifactText,
    Complete,
    Evidence,
    Gap,
    GapReason,
    Json,
    RawResource,
    Unresolved,
    resource_key,
)

__all__ = [
    "EVERYTHING",
    "Artifact",
    "ArtifactStatus",
    "ArtifactText",
    "Complete",
    "Evidence",
    "Gap",
    "GapReason",
    "Json",
    "RawResource",
    "Unresolved",
    "resource_key",
]

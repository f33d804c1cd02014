"""Governance: the owners' manifest and what follows from it, joined to the estate."""

from mcpguard.governance.attach import attach
from mcpguard.governance.manifest import ManifestError, parse_manifest

__all__ = ["ManifestError", "attach", "parse_manifest"]

"""Masking one resource outside of any file: what a collector does before it writes what Azure answered."""

from __future__ import annotations

from mcpguard.evidence import RawResource
from mcpguard.sources import masking, policy_secrets


def mask_resource(resource: RawResource) -> None:
    """Mask the secrets of a resource in place: members that hold some, and literals in a policy's text."""
    masking.mask_body(resource)
    if masking.holds_policy(resource):
        properties = resource.body["properties"]
        properties["value"] = policy_secrets.scan(properties["value"]).masked

"""The input itself as something that rules can judge: files, gaps, and rules that crashed."""

from __future__ import annotations

from typing import ClassVar

from mcpguard.evidence import Artifact, Gap
from mcpguard.model.kinds.entity import Entity


class InputFile(Entity, frozen=True, kw_only=True):
    """A file of the input."""

    kind: ClassVar[str] = "input-file"
    label: ClassVar[str] = "file"

    artifact: Artifact


class Omission(Entity, frozen=True, kw_only=True):
    """Something that a source knows it did not read."""

    kind: ClassVar[str] = "omission"
    label: ClassVar[str] = "gap"

    gap: Gap
    matters: bool
    """Whether it hides a kind that the model knows; a storage account in a template that was not evaluated does not."""


class MisspeltMember(Entity, frozen=True, kw_only=True):
    """A member of a resource in a template that its type does not have, and that is likely a slip; ``name`` is its route."""

    kind: ClassVar[str] = "misspelt-member"
    label: ClassVar[str] = "member"

    owner_type: str
    """Lower-case type of the resource."""
    owner_name: str
    meant: str
    """The member that is likely meant."""


class Crash(Entity, frozen=True, kw_only=True):
    """A rule that failed on a target with an exception of its own."""

    kind: ClassVar[str] = "crash"
    label: ClassVar[str] = "rule"

    error: str
    """Type and message of the exception, and the rule's line that raised it."""
    target: str
    """The target in words."""

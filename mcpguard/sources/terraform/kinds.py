"""What a table says of one type of Terraform: what it becomes, what it stands below, and where its values go."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mcpguard.evidence import Json
from mcpguard.sources.terraform.shapes import Table

Step = tuple[str, str]
"""A part of the ARM type, and the attribute that names it; ``=policy`` is the name itself."""


class Extra(msgspec.Struct, frozen=True):
    """A second resource that comes from the same block: the settings of a site, for instance."""

    steps: tuple[Step, ...]
    """Below the resource itself."""
    table: Table
    source: str = ""
    """The attribute, a nested block, that holds the values; empty for the block itself."""
    needed: bool = False
    """Whether it is left out when the nested block is not there."""
    fixed: Mapping[str, Json] = {}


class Kind(msgspec.Struct, frozen=True):
    """How a type of Terraform becomes a resource."""

    type: str
    """The ARM type as it is written in ids, without the parts of ``steps`` when there is a parent."""
    table: Table
    parent: tuple[str, ...] = ()
    """Attributes of which one names the parent, or holds its id; empty for a resource of its own."""
    steps: tuple[Step, ...] = ()
    """From the parent to the resource; for a resource of its own, nothing: it is named by ``name``."""
    fixed: Mapping[str, Json] = {}
    """Members that the type alone says."""
    extras: tuple[Extra, ...] = ()
    finish: Callable[[dict[str, Json], Mapping[str, Json]], None] | None = None
    """What a table cannot say: changes the body in place, given the attributes."""
    whole: tuple[str, ...] = ()
    """Parts of the ARM type below it of which the configuration is the whole statement; ``*`` for everything."""

"""Reading members of directory objects into facts.

Graph writes null for what is unset, so a member that is not there was not selected, and is unknown. Below a member that
is there, absent means unset: complex members come whole. A template or configuration is its author's whole statement, so
what is absent there is unset too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.evidence.formats import TEMPLATES
from mcpguard.normalize.fields import absent_member, fact, not_usable

GRAPH = "https://graph.microsoft.com/v1.0"
READ_APPLICATIONS = "Application.Read.All"
_DECLARATIONS = TEMPLATES | {"terraform"}
_UNSET = "Graph writes null, or an empty list, for what is not set"

T = TypeVar("T")


class OddMember(Exception):
    """A member of an item of a list is not what Graph would answer."""

    def __init__(self, name: str, value: Json) -> None:
        super().__init__(name)
        self.name = name
        self.value = value


def needed(value: dict[str, Json], name: str) -> str:
    """A text that an item of a list must have.

    Raises:
        OddMember: it is no text.
    """
    found = value.get(name)
    if not isinstance(found, str):
        raise OddMember(name, found)
    return found


def plain(value: dict[str, Json], name: str) -> str:
    """A text that an item may have; empty when it is absent or no text."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def plain_texts(value: Json) -> tuple[str, ...]:
    """The texts of a list; empty when it is none."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def remedy(raw: RawResource, below: str = "", permission: str = READ_APPLICATIONS) -> str:
    """The call that reads an object, or what is ``below`` it, and the permission that it takes."""
    url = f"'{GRAPH}{raw.id}{below}'" if "$" in below else GRAPH + raw.id + below
    return f"add the answer of: az rest --method get --url {url} (permission {permission})"


def member(raw: RawResource, steps: tuple[str, ...], kind: type[T], unset: T, source: str = _UNSET) -> Fact[T]:
    """The member at ``steps``; ``unset`` when it is null or absent where that means unset, with ``source`` for the default."""
    absent: Fact[T]
    if steps[0] in raw.body or raw.format in _DECLARATIONS:
        absent = Known(unset, raw.origin.child(*steps), source)
    else:
        absent = absent_member(raw, ".".join(steps), remedy(raw))
    return fact(raw, steps, kind, absent)


def items(
    raw: RawResource, steps: tuple[str, ...], make: Callable[[dict[str, Json], Location], T | None], source: str = _UNSET
) -> Fact[tuple[T, ...]]:
    """A list of objects, each made by ``make``, which leaves one out by giving None; unknown as a whole when one is odd."""
    found = member(raw, steps, list, [], source)
    match found:
        case Known(value=values, at=at, default=default):
            made: list[T] = []
            at = at or raw.origin
            for index, value in enumerate(values):
                if not isinstance(value, dict):
                    return not_usable(raw, (*steps, index), value, "an object")
                try:
                    one = make(value, at.child(index))
                except OddMember as odd:
                    return not_usable(raw, (*steps, index, odd.name), odd.value, "a text")
                if one is not None:
                    made.append(one)
            return Known(tuple(made), at, default)
        case Unknown():
            return found


def lowered(raw: RawResource, steps: tuple[str, ...]) -> Fact[tuple[str, ...]]:
    """A list of ids, lower case."""
    found = member(raw, steps, list, [])
    match found:
        case Known(value=values, at=at, default=default):
            for index, value in enumerate(values):
                if not isinstance(value, str):
                    return not_usable(raw, (*steps, index), value, "a text")
            return Known(tuple(value.lower() for value in values), at, default)
        case Unknown():
            return found

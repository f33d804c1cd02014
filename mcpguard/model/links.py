"""Links between the surfaces of an estate: what leads to what, how that is known, and how surely.

Every link is made by something exact: an id, a host name, a client id, an identifier URI. What only looks alike is not
linked. Where two things answer to one name, both are linked and said to be ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum

import msgspec

from mcpguard.core.location import Location
from mcpguard.model.kinds.mcp import Confidence


class Relation(Enum):
    """What one end of a link is to the other, read from its source to its target."""

    LEADS_TO = "leads to"
    """An MCP server: the host, account or further gateway that its calls reach."""
    SIGNS_IN_WITH = "signs in with"
    """A host or gateway: the registration that its platform authentication uses."""
    ACCEPTS_TOKENS_FOR = "accepts tokens for"
    """An MCP server: a registration whose tokens it takes."""
    ADMITS = "admits"
    """An MCP server, host or registration: a registration that it lets in as a client."""
    CALLS = "calls"
    """An agent or toolbox: an MCP server."""
    THROUGH = "uses the connection"
    """An agent or toolbox: a connection."""
    GOVERNED_BY = "is linked to the gateway"
    """A Foundry account or project: a service or a product of it."""


class Link(msgspec.Struct, frozen=True):
    """One link."""

    relation: Relation
    source: str
    """Key of the entity that it starts from."""
    target: str
    """Key of the entity that it leads to."""
    how: str
    """What made it, as a clause: ``its backend https://orders.example/mcp names the host``."""
    at: Location | None = None
    confidence: Confidence = Confidence.HIGH
    ambiguous: bool = False
    """Whether another link of the same relation and making leads elsewhere."""


class Links:
    """All links of an estate, by either end."""

    def __init__(self) -> None:
        self._from: dict[str, list[Link]] = {}
        self._to: dict[str, list[Link]] = {}
        self._seen: set[tuple[Relation, str, str]] = set()

    def add(self, links: Iterable[Link]) -> None:
        """Take more links; of two between the same ends the first counts. Only normalization and governance call this."""
        for link in links:
            ends = (link.relation, link.source, link.target)
            if ends not in self._seen:
                self._seen.add(ends)
                self._from.setdefault(link.source, []).append(link)
                self._to.setdefault(link.target, []).append(link)

    def leaving(self, source: str, *relations: Relation) -> tuple[Link, ...]:
        """Links that start from a thing, in the order of what they lead to."""
        return _chosen(self._from.get(source, ()), relations, lambda link: link.target)

    def arriving(self, target: str, *relations: Relation) -> tuple[Link, ...]:
        """Links that lead to a thing, in the order of where they start."""
        return _chosen(self._to.get(target, ()), relations, lambda link: link.source)

    def __iter__(self) -> Iterator[Link]:
        for links in self._from.values():
            yield from links


def _chosen(links: Iterable[Link], relations: tuple[Relation, ...], end: Callable[[Link], str]) -> tuple[Link, ...]:
    found = [link for link in links if not relations or link.relation in relations]
    return tuple(sorted(found, key=lambda link: (link.relation.value, end(link))))

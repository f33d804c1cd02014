"""Which resource a place in the input belongs to, and where in it: the same for a list that ``az rest`` answered, for a line
of a snapshot, and for a policy in a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec

from mcpguard.core.location import Location, Piece, Route
from mcpguard.evidence import RawResource


class Place(msgspec.Struct, frozen=True):
    """A place within a resource."""

    route: Route
    """From the resource's own object on, in the shape in which Azure answers it."""
    keys: frozenset[str] = frozenset()
    """Keys of the resources that stand there: several where a template makes them from one text. Empty in no resource."""
    type: str = ""
    """Lower-case type of them."""


class Places:
    """The places of all resources of a run. Files are indexed one by one, when the first place in them is asked for."""

    def __init__(self, resources: Iterable[RawResource] = ()) -> None:
        self._resources = resources
        self._indexes: dict[str, dict[Route, list[tuple[str, Route, str]]]] = {}

    @cached_property
    def _by_artifact(self) -> dict[str, list[RawResource]]:
        """The resources that have something in each file."""
        found: dict[str, list[RawResource]] = {}
        for resource in self._resources:
            found.setdefault(resource.origin.artifact, []).append(resource)
            for artifact in {place.artifact for place in _texts_of(resource)} - {resource.origin.artifact}:
                found.setdefault(artifact, []).append(resource)
        return found

    def _index(self, artifact: str) -> dict[Route, list[tuple[str, Route, str]]]:
        """Where resources and their texts begin in a file: type, route in the resource, and key."""
        index = self._indexes.get(artifact)
        if index is None:
            index = self._indexes[artifact] = {}
            for resource in self._by_artifact.get(artifact, ()):
                if resource.origin.artifact == artifact:
                    index.setdefault(resource.origin.route, []).append((resource.type, (), resource.key))
                for path, at in resource.texts.items():
                    route = tuple(path.split("."))
                    places: tuple[Location | Piece, ...] = (at, *at.pieces)
                    for place in {(it.artifact, it.route) for it in places}:
                        if place[0] == artifact:
                            index.setdefault(place[1], []).append((resource.type, route, resource.key))
        return index

    def of(self, at: Location) -> Place:
        """The innermost resource around a location; a location in none keeps its own route."""
        index = self._index(at.artifact)
        for depth in range(len(at.route), -1, -1):
            found = index.get(at.route[:depth])
            if found is not None:
                type_, route, _ = min(found, key=lambda entry: (entry[0], tuple(map(str, entry[1])), entry[2]))
                return Place(route + at.route[depth:], frozenset(key for _, _, key in found), type_)
        return Place(at.route)


def _texts_of(resource: RawResource) -> Iterator[Location | Piece]:
    """Where the texts of a resource stand that live in places of their own."""
    for at in resource.texts.values():
        yield at
        yield from at.pieces

"""Which resource a place in the input belongs to, and where in it: the same for a list that ``az rest`` answered, for a line
of a snapshot, and for a policy in a file of its own.
"""

from collections.abc import Iterable
from functools import cached_property

import msgspec

from mcpguard.core.location import Location, Route
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
    """The places of all resources of a run; the index is made when the first place is asked for."""

    def __init__(self, resources: Iterable[RawResource] = ()) -> None:
        self._resources = resources

    @cached_property
    def _index(self) -> dict[tuple[str, Route], list[tuple[str, Route, str]]]:
        """Where resources and their texts begin: type, route in the resource, and key."""
        index: dict[tuple[str, Route], list[tuple[str, Route, str]]] = {}
        for resource in self._resources:
            origin = resource.origin
            index.setdefault((origin.artifact, origin.route), []).append((resource.type, (), resource.key))
            for path, at in resource.texts.items():
                route = tuple(path.split("."))
                for place in {(at.artifact, at.route), *((piece.artifact, piece.route) for piece in at.pieces)}:
                    index.setdefault(place, []).append((resource.type, route, resource.key))
        return index

    def of(self, at: Location) -> Place:
        """The innermost resource around a location; a location in none keeps its own route."""
        for depth in range(len(at.route), -1, -1):
            found = self._index.get((at.artifact, at.route[:depth]))
            if found is not None:
                type_, route, _ = min(found, key=lambda entry: (entry[0], tuple(map(str, entry[1])), entry[2]))
                return Place(route + at.route[depth:], frozenset(key for _, _, key in found), type_)
        return Place(at.route)

"""Resources of Terraform as instances: what a plan, a state or a configuration comes to before the tables read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mcpguard.core.location import Location, Route
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.reading import Reading


class Instance(msgspec.Struct, frozen=True):
    """One resource, or one of several that ``count`` or ``for_each`` make."""

    address: str
    """``module.a[0].azurerm_linux_web_app.main["x"]``."""
    module: tuple[str, ...]
    """Names of the module calls that lead to it, without indices."""
    type: str
    name: str
    managed: bool
    """False for a data source."""
    values: dict[str, Json]
    """Attributes; an ``Unresolved`` where a value is not known yet, a mask where it is sensitive."""
    route: Route
    """Of the resource's object in the file."""
    path: str = ""
    """The file that it stands in, when that is not the document's own."""
    places: Mapping[Route, Route] = {}
    """Where attributes stand, by their route in ``values``; empty where ``values`` itself is in the file."""
    condition: Unresolved | None = None
    """The test that decides whether it is there at all, when that is not known."""

    def place(self, route: Route) -> Route:
        """The route in the file for one that begins with :attr:`route`."""
        steps = route[len(self.route) + 1 :]
        for depth in range(len(steps), -1, -1) if self.places else ():
            found = self.places.get(steps[:depth])
            if found is not None:
                return found + steps[depth:]
        return route

    @property
    def parent_address(self) -> str:
        """The address of the module instance, with a dot at its end; empty in the root module."""
        own = self.address.rpartition(f"{self.type}.{self.name}")[0]
        return own.removesuffix("data.")


class Missing(msgspec.Struct, frozen=True):
    """Something that a configuration declares and that is not known in full."""

    types: frozenset[str]
    """Lower-case ARM types of what it may be; ``*`` for anything."""
    detail: str
    remedy: str
    at: Location


class Referent(msgspec.Struct, frozen=True):
    """What a reference leads to."""

    instance: Instance
    attribute: str
    """``id``, ``client_id``; empty when it is the resource as a whole."""


class References:
    """From an attribute to the resource that it refers to."""

    def follow(self, instance: Instance, attribute: str) -> Referent | None:
        """The one resource that a top-level attribute refers to; None when not one."""
        return self.resolve(instance, self.block(instance).get(attribute), instance.values.get(attribute))

    def block(self, instance: Instance) -> dict[str, Json]:
        """The expressions of the block that an instance comes from, as a plan holds them."""
        raise NotImplementedError

    def resolve(self, instance: Instance, expression: Json, value: Json) -> Referent | None:
        """The one resource that an expression in the block of ``instance`` refers to, whose value is ``value``."""
        raise NotImplementedError


def _nowhere(instance: Instance, route: Route, text: str) -> Location | None:
    return None


class Document(msgspec.Struct, frozen=True):
    """One plan, state or configuration."""

    instances: tuple[Instance, ...]
    references: References
    is_plan: bool
    label: str = ""
    """What addresses begin with where one scan holds several configurations."""
    readings: Mapping[str, Reading] = {}
    """The files that instances stand in, by their path; empty for a document of one file."""
    missing: tuple[Missing, ...] = ()
    find_text: Callable[[Instance, Route, str], Location | None] = _nowhere
    """Where the characters of a text stand that an attribute has, when they do not stand in the attribute itself."""

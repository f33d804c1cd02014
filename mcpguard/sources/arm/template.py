"""One evaluation of a template: loops unrolled, conditions decided, nested deployments followed, every resource found.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates: copy-resources, conditional-resource-deployment,
linked-templates (expressionEvaluationOptions), syntax (languageVersion 2.0, ``existing``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.evaluator import Evaluator
from mcpguard.sources.arm.places import Place, id_text, level_of
from mcpguard.sources.arm.scopes import Binding, Frame, Scope
from mcpguard.sources.arm.values import Failure, parts_of, stand_in
from mcpguard.sources.ids import make_id, type_in

DEPLOYMENT = "microsoft.resources/deployments"
_PER_MODULE = 100
"""Work that a nested deployment makes besides its expressions."""
MAX_NESTING = 30
"""Deployments within deployments; real ones have a handful."""


class Parent(msgspec.Struct, frozen=True):
    """The resource in whose ``resources`` another one stands."""

    type: str = ""
    names: tuple[str, ...] = ()
    """Empty when the parent's own name does not show where it belongs."""
    key: str = ""
    conditions: frozenset[str] = frozenset()


class Instance(msgspec.Struct, frozen=True):
    """A resource of a template, one for each turn of its loop."""

    item: dict[str, Json]
    at: Location
    frame: Frame
    deployment: Deployment
    parent: Parent
    conditions: frozenset[str] = frozenset()
    """The conditions that are not known, in words, under which it and what it stands in are deployed."""

    @property
    def type(self) -> str:
        """The type with its provider, as written; empty when there is none."""
        written = self.item.get("type")
        if not isinstance(written, str) or not written or "@" in written:
            return ""
        if type_in(written):
            return written
        return f"{self.parent.type}/{written.strip('/')}" if self.parent.type else ""


class Unfollowed(Failure):
    """A linked template that is not here; ``kinds`` of the model may be missing, all of them when it is None."""

    def __init__(self, reason: str, kinds: frozenset[str] | None = None) -> None:
        super().__init__(reason)
        self.kinds = kinds


class Linked(msgspec.Struct, frozen=True):
    """A template that stands elsewhere."""

    template: dict[str, Json]
    at: Location
    equip: Callable[[Scope], None]
    """Gives a scope of the template what it sees of other files."""
    is_stand_in: bool = False
    """Whether it stands in for a template that is not here, so that its places are not places of a file: then a route
    names the turn of a loop."""


class Linker(Protocol):
    """Finds templates that others link to."""

    def follow(self, properties: dict[str, Json], at: Location) -> Linked:
        """The template that the deployment at ``at`` names, given its properties with a ``templateLink``.

        Raises:
            Unfollowed: it is not here.
        """


class Deployment:
    """A template as it is deployed once: the root, or one instance of a nested one."""

    def __init__(
        self,
        evaluator: Evaluator,
        template: dict[str, Json],
        at: Location,
        place: Place,
        scope: Scope,
        frame: Frame,
        outer: Deployment | None = None,
        linker: Linker | None = None,
    ) -> None:
        """``frame`` is what expressions of the template see; with outer evaluation that is what surrounds it."""
        self.linker: Linker | None = outer.linker if outer else linker
        self.evaluator = evaluator
        self.template = template
        self.at = at
        self.place = place
        self.scope = scope
        self.frame = frame
        self.outer = outer
        self.depth: int = outer.depth + 1 if outer else 0
        self.is_stand_in = False
        resources = template.get("resources")
        self.symbols: dict[str, Json] = resources if isinstance(resources, dict) else {}
        self._modules: dict[str, Module] | None = None
        self._made: dict[tuple[object, ...], Module] = {}
        if scope.at == at:
            scope.look_up = self.look_up
            scope.id_of = self.id_of

    def items(self) -> Iterator[tuple[Json, Location]]:
        """The members of ``resources``: a list, or with symbolic names an object."""
        yield from members(self.template.get("resources"), self.at.child("resources"))

    def frames(self, item: Mapping[str, Json], frame: Frame) -> list[Frame] | Unresolved:
        """One frame for each turn of a resource's loop; unresolved when their number is."""
        loop = item.get("copy")
        if not isinstance(loop, dict):
            return [frame]
        count = self.evaluator.count(loop, frame)
        if isinstance(count, Unresolved):
            return count
        name = str(loop.get("name")).lower()
        return [msgspec.structs.replace(frame, copies={**frame.copies, "": n, name: n}) for n in range(count)]

    def names(self, name: Json, frame: Frame, at: Location) -> list[str]:
        """The segments of a resource's name; empty when there is none. What is unresolved stands in brackets."""
        value = self.evaluator.json(name, frame, at)
        return segments(value) if isinstance(value, str | Unresolved) else []

    # -- nested deployments --------------------------------------------------------------------------------------------

    def module(self, item: dict[str, Json], at: Location, frame: Frame) -> Module:
        """The nested deployment that a resource is; the same one whenever it is asked for."""
        key = (at.route, *sorted(frame.copies.items()))
        found = self._made.get(key)
        if found is None:
            self.evaluator.budget -= _PER_MODULE
            found = self._made[key] = Module(item, at, frame, self)
        return found

    def modules(self) -> dict[str, Module]:
        """The nested deployments of this template by symbolic name, name and id, all in lower case."""
        if self._modules is None:
            self._modules = {}
            for item, at in self.items():
                if not isinstance(item, dict) or type_in(item.get("type")) != DEPLOYMENT:
                    continue
                frames = self.frames(item, self.frame)
                for frame in frames if isinstance(frames, list) else ():
                    if self.evaluator.budget < 0:
                        break
                    module = self.module(item, at, frame)
                    step = at.route[-1]
                    names = [module.id, module.name] if module.name else []
                    if isinstance(step, str):
                        names.append(f"{step}[{frame.copies['']}]" if isinstance(item.get("copy"), dict) else step)
                    for name in names:
                        self._modules.setdefault(name.lower(), module)
        return self._modules

    def look_up(self, name: str) -> Json | None:
        """The state of the nested deployment that ``reference`` names; None when it names none of this template.

        Raises:
            Failure: the deployment depends on itself.
        """
        lowered = name.lower()
        is_id = f"/{DEPLOYMENT}/" in lowered
        deployment: Deployment | None = self
        while deployment is not None:
            modules = deployment.modules()
            module = modules.get(lowered)
            if module is None and is_id:
                module = modules.get(lowered.rpartition("/")[2])
            if module is not None:
                return module.state()
            # Names belong to one template; an id may also be that of a deployment around it.
            deployment = deployment.outer if is_id else None
        return None

    def id_of(self, name: str) -> str:
        """The id of the resource with a symbolic name, and of the turn of its loop; any other text as it is."""
        symbol, bracket, index = name.partition("[")
        item = self.symbols.get(symbol)
        if not isinstance(item, dict):
            return name
        turn = int(index[:-1]) if bracket and index[:-1].isdecimal() and len(index) < 6 else 0
        loop = item.get("copy")
        loop_name = str(loop.get("name")).lower() if isinstance(loop, dict) else ""
        frame = msgspec.structs.replace(self.frame, copies={**self.frame.copies, "": turn, loop_name: turn})
        at = self.at.child("resources", symbol)
        return self.identify(Instance(item, at, frame, self, Parent()), self.names(item.get("name"), frame, at)) or name

    def identify(self, instance: Instance, names: list[str]) -> str:
        """The id of a resource; empty when there is not one name for each part of its type.

        Raises:
            Failure: its ``scope`` is not known.
        """
        item, frame = instance.item, instance.frame
        below = make_id(instance.type, names)
        if not below:
            return ""
        if "scope" in item:
            scope = self.evaluator.json(item["scope"], frame, instance.at.child("scope"))
            if not isinstance(scope, str) and not (isinstance(scope, Unresolved) and scope.parts):
                raise Failure("its scope is not known")
            return _scoped(id_text(scope)) + below
        return self.place_of(item, frame, instance.at).prefix + below

    def place_of(self, item: Mapping[str, Json], frame: Frame, at: Location) -> Place:
        """The place that a nested deployment or an existing resource names; else that of this template."""
        place = self.place
        subscription = self._given(item, "subscriptionId", "subscription", frame, at) if "subscriptionId" in item else None
        group = self._given(item, "resourceGroup", "resourcegroup", frame, at) if "resourceGroup" in item else None
        if group is not None:
            own = place.subscription if subscription is None else subscription
            return Place(own, group or (place.group if subscription is None else ""), "group")
        if subscription is not None:
            return Place(subscription, "", "subscription")
        return place

    def _given(
        self, item: Mapping[str, Json], member: str, function: str, frame: Frame, at: Location
    ) -> str | Unresolved | None:
        """The subscription or group that an item names; empty for the one that the template goes to."""
        value = self.evaluator.json(item[member], frame, at.child(member))
        if isinstance(value, Unresolved) and value.function == function:
            return ""
        return value if isinstance(value, str | Unresolved) else None


class Module:
    """A nested deployment."""

    def __init__(self, item: dict[str, Json], at: Location, frame: Frame, outer: Deployment) -> None:
        self.item = item
        self.at = at
        self.frame = frame
        self.outer = outer
        name = outer.evaluator.json(item.get("name"), frame, at.child("name"))
        self.value_of_name = name
        self.name = stand_in(name) if isinstance(name, str | Unresolved) else ""
        self._inner: Deployment | None = None
        self._state: Json = None
        self._is_pending = False

    @property
    def id(self) -> str:
        """Its resource id."""
        prefix = self.outer.place_of(self.item, self.frame, self.at).prefix
        return f"{prefix}/providers/Microsoft.Resources/deployments/{self.name}"

    @property
    def template(self) -> dict[str, Json] | None:
        """Its template; None when it is a link."""
        properties = self.item.get("properties")
        template = properties.get("template") if isinstance(properties, dict) else None
        return template if isinstance(template, dict) else None

    def inner(self) -> Deployment:
        """Its template, evaluated as its options say.

        Raises:
            Failure: it is a link, or nested too deeply.
        """
        if self._inner is None:
            if self.outer.depth >= MAX_NESTING:
                raise Failure("deployments are nested too deeply")
            template, at, linked = self.template, self.at.child("properties", "template"), None
            if template is None:
                linked = self._linked()
                template, at = linked.template, linked.at
            place = self.outer.place_of(self.item, self.frame, self.at)
            level = level_of(template.get("$schema"))
            if place is self.outer.place and level != place.level and "$schema" in template:
                place = Place(place.subscription if level in ("group", "subscription") else "", "", level)
            scope, frame = self.outer.scope, self.frame
            if self.is_inner:
                scope = Scope(template, at, place, self.bindings())
                scope.deployment_name = self.value_of_name
                if linked is not None:
                    linked.equip(scope)
                frame = scope.frame
            self._inner = Deployment(self.outer.evaluator, template, at, place, scope, frame, self.outer)
            self._inner.is_stand_in = linked is not None and linked.is_stand_in
        return self._inner

    def _linked(self) -> Linked:
        """The template that its link names.

        Raises:
            Failure: nobody follows links here, it is not here, or it is one that this deployment stands in.
        """
        properties = self.item.get("properties")
        if self.outer.linker is None or not isinstance(properties, dict) or "templateLink" not in properties:
            raise Failure("its template is a link")
        found = self.outer.linker.follow(properties, self.at)
        deployment: Deployment | None = self.outer
        while deployment is not None:
            if deployment.at == found.at:
                self.outer.evaluator.note_once(f"the module {found.at.artifact} includes itself", self.at)
                raise Unfollowed("it includes itself", frozenset())
            deployment = deployment.outer
        return found

    @property
    def is_inner(self) -> bool:
        """Whether its expressions see its own parameters and variables; outer is what is assumed when nothing is said."""
        properties = self.item.get("properties")
        options = properties.get("expressionEvaluationOptions") if isinstance(properties, dict) else None
        return isinstance(options, dict) and str(options.get("scope")).lower() == "inner"

    def bindings(self) -> dict[str, Binding]:
        """What its parameters are given."""
        properties = self.item.get("properties")
        given = properties.get("parameters") if isinstance(properties, dict) else None
        at = self.at.child("properties", "parameters")
        frame: Frame | None = self.frame
        if isinstance(given, str):
            given, frame = self.outer.evaluator.json(given, self.frame, at), None
        out: dict[str, Binding] = {}
        for name, value in given.items() if isinstance(given, dict) else ():
            if isinstance(value, dict) and "value" in value:
                out[name.lower()] = Binding(value["value"], at.child(name, "value"), frame)
            elif isinstance(value, str):
                out[name.lower()] = Binding(value, at.child(name), frame, is_wrapped=True)
            else:
                out[name.lower()] = Binding(vaulted(name), at.child(name))
        return out

    def state(self) -> Json:
        """What ``reference`` gives of it: its outputs.

        Raises:
            Failure: it depends on itself, or its template is not there.
        """
        if self._is_pending:
            self.outer.evaluator.note_once(f"the deployment {self.name[:80]} depends on itself", self.at)
            raise Failure(f"the deployment {self.name[:80]} depends on itself")
        if self._state is None:
            self._is_pending = True
            try:
                inner = self.inner()
                outputs = inner.template.get("outputs")
                self._state = {
                    "outputs": {
                        name: self._output(inner, name, output)
                        for name, output in (outputs.items() if isinstance(outputs, dict) else ())
                        if isinstance(output, dict)
                    },
                    "mode": self.item["properties"].get("mode"),
                    "provisioningState": "Succeeded",
                }
            finally:
                self._is_pending = False
        return self._state

    def _output(self, inner: Deployment, name: str, output: dict[str, Json]) -> Json:
        at = inner.at.child("outputs", name)
        loop = output.get("copy")
        if isinstance(loop, dict) and "input" in loop:
            value = inner.evaluator.loop({"name": "", **loop}, inner.frame, at)
        else:
            value = inner.evaluator.json(output.get("value"), inner.frame, at.child("value"))
        return {"type": output.get("type"), "value": value}


def vaulted(name: str) -> Unresolved:
    """The value of a parameter that is taken from a key vault when the template is deployed."""
    return Unresolved(f"[parameters('{name}')]", "parameters", (name,), reason="it is taken from elsewhere at deployment")


def members(resources: Json, at: Location) -> Iterator[tuple[Json, Location]]:
    """The members of a ``resources`` list or object with their places."""
    pairs = resources.items() if isinstance(resources, dict) else enumerate(resources) if isinstance(resources, list) else ()
    for step, item in pairs:
        yield item, at.child(step)


def segments(name: str | Unresolved) -> list[str]:
    """The segments of a name; an unresolved stretch belongs to one segment."""
    out = [""]
    for part in parts_of(name):
        first, *more = part.split("/") if isinstance(part, str) else [stand_in(part)]
        out[-1] += first
        out.extend(more)
    return out


def _scoped(scope: str) -> str:
    """The id of an extension resource's target: ``Microsoft.X/kind/name`` or a full id."""
    scope = scope.strip("/")
    if not scope:
        return ""
    is_id = scope.lower().startswith(("subscriptions/", "providers/", "resourcegroups/"))
    return f"/{scope}" if is_id else f"/providers/{scope}"

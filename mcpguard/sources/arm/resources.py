"""The resources of a template as raw resources, with the gaps that its unknowns leave."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import EVERYTHING, Complete, Gap, GapReason, Json, RawResource, Unresolved
from mcpguard.evidence.kinds import KIND_OF_TYPE, SETTINGS, kind_of
from mcpguard.sources.arm.ast import source_of
from mcpguard.sources.arm.evaluator import Evaluator
from mcpguard.sources.arm.expressions import is_computed, is_expression
from mcpguard.sources.arm.holes import fill
from mcpguard.sources.arm.scopes import Frame
from mcpguard.sources.arm.template import DEPLOYMENT, Deployment, Instance, Parent, Unfollowed, members
from mcpguard.sources.arm.tracing import locate
from mcpguard.sources.arm.values import Failure, describe, stand_in
from mcpguard.sources.door import Door
from mcpguard.sources.ids import last_of, parent_of, type_in, type_of
from mcpguard.sources.masking import holds_policy, may_hold_policy
from mcpguard.sources.reading import Reading, number_of
from mcpguard.sources.specifications import operation_body, operations, specified
from mcpguard.sources.template_shapes import TEMPLATE

_APIS = frozenset({"microsoft.apimanagement/service/apis", "microsoft.apimanagement/service/workspaces/apis"})
_WHOLE = frozenset(
    {"microsoft.apimanagement/service", "microsoft.web/sites", "microsoft.web/sites/slots", "microsoft.app/containerapps"}
)
"""Types of which a declaration is the author's whole statement about what lies below."""
_LEFT_OUT = frozenset({"resources", "copy", "dependsOn", "metadata", "comments", "condition"})
_PER_RESOURCE = 50
"""Work that a resource makes besides its expressions."""
_VALUES = "give the values in a parameter file beside the template, or scan the deployed resources (az rest)"


def _kind_of_settings(resource: RawResource) -> str:
    """The kind of a resource; authentication of sites is told from their other settings, which are of the same type."""
    is_auth = resource.type.endswith("/config") and last_of(resource.key).startswith("authsettings")
    return "platform-auth" if is_auth else kind_of(resource.type)


class _Open:
    """A resource that is left to do: what stands in a ``resources``, before its loop and condition are looked at."""

    __slots__ = ("at", "deployment", "frame", "item", "parent")

    def __init__(self, item: Json, at: Location, frame: Frame, deployment: Deployment, parent: Parent) -> None:
        self.item, self.at, self.frame, self.deployment, self.parent = item, at, frame, deployment, parent


class Walk:
    """One walk over a template and all that is nested in it."""

    def __init__(self, reading: Reading, evaluator: Evaluator, format: str = TEMPLATE) -> None:
        self.reading = reading
        self.format = format
        self.evaluator = evaluator
        self.taken: dict[str, frozenset[str]] = {}
        """Keys of what was taken, and the unknown conditions that it is under."""
        self.placed: dict[str, tuple[str, Location]] = {}
        """Type and place of what was taken, by key."""
        self.unnamed: dict[tuple[str, str], list[tuple[str, Location]]] = {}
        self.whole: list[tuple[str, str]] = []
        self.conditional: list[tuple[RawResource, Location]] = []
        """What is under an unknown condition, and where that stands."""
        self.has_more = False
        """Whether it declares things of which not even the type or the place is known."""
        self.said: set[str] = set()

    def take(self, root: Deployment) -> None:
        """Take every resource of a deployment and of those nested in it."""
        todo = [_Open(item, at, root.frame, root, Parent()) for item, at in root.items()][::-1]
        while todo:
            below = self._open(todo.pop())
            if self.evaluator.budget < 0:
                self.miss("resources that were not looked at: evaluating the template takes more work than its size allows")
                return
            todo.extend(reversed(list(below)))

    def _open(self, found: _Open) -> Iterator[_Open]:
        """Take a resource, once for each turn of its loop; what stands in it is left to do."""
        item, at = found.item, found.at
        if not isinstance(item, dict):
            self.miss("a resource that is no object", at)
            return
        if item.get("existing") is True:
            return
        frames = found.deployment.frames(item, found.frame)
        if isinstance(frames, Unresolved):
            self._uncounted(item, at, found.parent, frames)
            return
        for frame in frames:
            if self.evaluator.budget < 0:
                return
            condition = self.evaluator.json(item.get("condition", True), frame, at.child("condition"))
            if condition is False:
                self.say("a resource with the condition false was left out")
                continue
            conditions = found.parent.conditions
            if condition is not True:
                conditions |= {describe(condition)}
            turn = frame.copies.get("") if found.deployment.is_stand_in and "copy" in item else None
            where = at if turn is None else at.child("$turn", turn)
            yield from self._instance(Instance(item, where, frame, found.deployment, found.parent, conditions))

    def _instance(self, instance: Instance) -> Iterator[_Open]:
        item, at, parent = instance.item, instance.at, instance.parent
        self.evaluator.budget -= _PER_RESOURCE
        written = instance.type
        type_ = written.lower()
        if type_ == DEPLOYMENT:
            yield from self._nested(instance)
            return
        if not type_ or "import" in item or "extension" in item:
            self.foreign(item, at)
            return
        names = instance.deployment.names(item.get("name"), instance.frame, at.child("name"))
        if parent.type and len(names) != written.count("/"):
            names = [*parent.names, *names] if parent.names else []
        key = ""
        try:
            id_ = instance.deployment.identify(instance, names)
        except Failure:
            id_ = ""
            self._unplaced(parent.key, type_, item.get("scope"), at.child("scope"))
        else:
            name = item.get("name")
            is_plain = isinstance(name, str) and name and not is_expression(name)
            if not id_ and is_plain and (parent.names or not parent.type):
                self.miss(f"name and type of a resource do not match: {written}", at.child("name"))
            elif not id_:
                self._unplaced(parent.key, type_, name, at.child("name"))
                key = parent.key
        if id_:
            key = self._emit(instance, id_)
        below = Parent(written, tuple(names) if id_ else (), key, instance.conditions)
        for child, where in members(item.get("resources"), at.child("resources")):
            yield _Open(child, where, instance.frame, instance.deployment, below)

    # -- taking --------------------------------------------------------------------------------------------------------

    def _emit(self, instance: Instance, id: str) -> str:
        """Take a resource; the key of its id."""
        item, at, frame = instance.item, instance.at, instance.frame
        evaluator = self.evaluator
        body = {name: evaluator.own(value, frame, at.child(name)) for name, value in item.items() if name not in _LEFT_OUT}
        if isinstance(body.get("name"), Unresolved):
            body["name"] = stand_in(body["name"])
        version = body.get("apiVersion")
        type_ = type_of(id) or instance.type.lower()
        resource = RawResource(id, type_, body, at, self.format, version if isinstance(version, str) else "")
        if not self._is_new(resource, instance):
            return resource.key
        if instance.conditions:
            self._condition(resource, instance)
        raw = _policy_value(item)
        if is_computed(raw):
            resource = self._policy(resource, raw, instance)
        self.reading.add(resource)
        if resource.type in _WHOLE:
            self.whole.append((resource.key, resource.type))
        if resource.type in _APIS:
            self._specified(resource)
        return resource.key

    def _specified(self, api: RawResource) -> None:
        """The operations of an API that is made from a specification (ARM reference, ``apis``: ``format`` and ``value``)."""
        properties = api.body.get("properties")
        if not isinstance(properties, dict) or properties.get("format") is None:
            return
        at = api.origin.child("properties", "value")
        specification = specified(properties.get("value"), properties["format"])
        if specification is None:
            detail = f"the operations of the API {last_of(api.id)} come from a specification that could not be read here"
            remedy = f"scan the answer of az rest --method get --url {api.id}/operations as well"
            self.reading.gaps.append(Gap(api.key, frozenset({"operation"}), GapReason.NOT_COLLECTED, detail, remedy, at))
            return
        for operation in operations(specification):
            id_ = f"{api.id}/operations/{operation.name}"
            self.evaluator.budget -= _PER_RESOURCE
            if self.evaluator.budget < 0:
                return
            body = operation_body(operation)
            self.reading.add(RawResource(id_, f"{api.type}/operations", body, at, self.format, api.api_version))

    def _policy(self, resource: RawResource, raw: Json, instance: Instance) -> RawResource:
        """A policy with its text, as far as the expression ``raw`` gives one, and the place of its characters."""
        properties = resource.body["properties"]
        if not isinstance(properties, dict):
            return resource
        holes: dict[str, Unresolved] = {}
        value = properties["value"]
        if isinstance(value, Unresolved) and may_hold_policy(resource.type):
            properties["value"], holes = fill(value) or (value, {})
        if not holds_policy(resource):
            return resource
        where = locate(self.evaluator, raw, instance.frame, instance.at.child("properties", "value"), properties["value"])
        properties["value"] = self.reading.take_policy(properties["value"], where)
        door = Door()
        door.walk(holes)
        self.reading.secrets |= door.secrets
        return msgspec.structs.replace(resource, texts={"properties.value": where}, holes=holes)

    def _is_new(self, resource: RawResource, instance: Instance) -> bool:
        """Whether nothing was taken under that id yet; an alternative to what was taken is a gap."""
        before = self.taken.get(resource.key)
        if before is None:
            self.taken[resource.key] = instance.conditions
            self.placed[resource.key] = resource.type, instance.at
            return True
        if before or instance.conditions:
            self.reading.gaps.append(
                Gap(
                    resource.key,
                    frozenset({kind_of(resource.type)}),
                    GapReason.UNSUPPORTED,
                    f"{instance.at.artifact} declares {resource.id} more than once, under conditions that are not known; "
                    "only the first declaration was judged",
                    _VALUES,
                    instance.at,
                )
            )
            return False
        return True

    def _condition(self, resource: RawResource, instance: Instance) -> None:
        """A resource that may not be deployed: it is judged as if it were, and lets nothing else pass."""
        at = instance.at.child("condition")
        self.conditional.append((resource, at))
        if "condition" in instance.item:
            door = Door()
            holder = {"condition": self.evaluator.own(instance.item["condition"], instance.frame)}
            door.walk(holder)
            self.reading.secrets |= door.secrets
            resource.body.update(holder)

    # -- what cannot be taken --------------------------------------------------------------------------------------------

    def miss(self, detail: str, at: Location | None = None) -> None:
        """Note a resource that cannot be read, which may belong to any other."""
        self.reading.miss(detail, at)
        self.has_more = True

    def say(self, note: str) -> None:
        """Remark on the file, once."""
        if note not in self.said:
            self.said.add(note)
            self.reading.notes.append(note)

    def _unplaced(self, scope: str, type: str, name: Json, at: Location) -> None:
        how = f"named by the expression {source_of(name)[:120]}" if source_of(name) else "without a name"
        self.unnamed.setdefault((scope, type), []).append((how, at))

    def _uncounted(self, item: dict[str, Json], at: Location, parent: Parent, count: Unresolved) -> None:
        type_ = (type_in(item.get("type")) or f"{parent.type}/{item.get('type')}").lower()
        loop = item["copy"]
        count_of = loop.get("count")
        words = source_of(count_of) or str(count_of)
        how = f"as often as {words[:120]} says" + (f" ({count.reason})" if count.reason else "")
        if type_ == DEPLOYMENT:
            self.has_more = True
            self._gap(_nested_kinds(item), f"{at.artifact} holds nested deployments, {how}", at.child("copy", "count"))
        else:
            self.unnamed.setdefault((parent.key, type_), []).append((how, at.child("copy", "count")))

    def _nested(self, instance: Instance) -> Iterator[_Open]:
        """A nested deployment: a template of its own, which is followed when it is here."""
        item, at = instance.item, instance.at
        module = instance.deployment.module(item, at, instance.frame)
        try:
            inner = module.inner()
        except Failure as failure:
            kinds = failure.kinds if isinstance(failure, Unfollowed) else None
            self.has_more = self.has_more or kinds is None
            detail = f"{at.artifact} holds a nested deployment ({_named(item, at)}), which is not followed: {failure.reason}"
            remedy = "scan the deployed resources (az rest), or the module's own template"
            self._gap(_nested_kinds(item) if kinds is None else kinds, detail, at, remedy)
            return
        if module.is_inner:
            self.mask_parameters(inner)
        parent = Parent(conditions=instance.conditions)
        for child, where in inner.items():
            yield _Open(child, where, inner.frame, inner, parent)

    def _gap(self, kinds: frozenset[str], detail: str, at: Location, remedy: str = _VALUES) -> None:
        self.reading.gaps.append(Gap("", kinds, GapReason.UNSUPPORTED, detail, remedy, at))

    def foreign(self, item: dict[str, Json], at: Location) -> None:
        """A resource of another provider, such as Microsoft Graph, or one without a type."""
        type_ = item.get("type")
        if not isinstance(type_, str):
            self.miss("a resource without a type", at)
            return
        kind = kind_of(type_.lower().partition("@")[0])
        detail = f"{at.artifact} declares {type_[:80]}, which is read from exports only"
        self._gap(frozenset({kind}), detail, at, "export it from the directory with az ad or az rest")

    def mask_parameters(self, deployment: Deployment) -> None:
        """Default values of secure parameters stand in the text, also when nothing asks for them."""
        scope, door = deployment.scope, Door()
        for name in scope.parameters:
            default = scope.spec(name).get("defaultValue")
            if default and scope.is_secure(name) and not is_computed(default):
                door.hide_all([default])
        self.reading.secrets |= door.secrets

    def conclude(self) -> None:
        """Gaps for what has no place, one for each type and parent, and what the declarations leave no doubt about."""
        self._note_strays()
        for (scope, type_), found in self.unnamed.items():
            how, at = found[0]
            what = f"{number_of(len(found), 'resource')} of type {type_}, {how}{' and others' if len(found) > 1 else ''}"
            gap = Gap(scope, frozenset({kind_of(type_)}), GapReason.UNSUPPORTED, f"{at.artifact} declares {what}", _VALUES, at)
            self.reading.gaps.append(gap)
        self._note_conditions()
        if self.conditional:
            count = number_of(len(self.conditional), "resource")
            self.say(f"{count} under a condition that is not known, judged as if deployed")
        if self.evaluator.has_stand_ins:
            self.say("what uniqueString would give is a stand-in, unique…")
        if self.has_more:
            return
        doubted = {
            whole
            for whole in {type_ for _, type_ in self.whole}
            if any(not at and type_.startswith(whole) for at, type_ in self.unnamed)
        }
        below: dict[str, set[str]] = {}
        for scope, type_ in self.unnamed:
            for above in _self_and_above(scope):
                below.setdefault(above, set()).add(type_)
        for key, whole in self.whole:
            if whole not in doubted and not any(type_.startswith(whole) for type_ in below.get(key, ())):
                self.reading.complete.append(Complete(key, EVERYTHING))

    def _note_conditions(self) -> None:
        """Gaps for settings that may be absent from what they belong to, unless that is under the same conditions."""
        door = Door()
        for resource, at in self.conditional:
            kind, parent = _kind_of_settings(resource), parent_of(resource.key)
            extra = self.taken[resource.key] - self.taken.get(parent, frozenset())
            if kind not in SETTINGS or not extra:
                continue
            words = door.trimmed(min(extra))[:120]
            detail = f"{at.artifact} declares {resource.id} under a condition that is not known: {words}"
            self.reading.gaps.append(Gap(parent, frozenset({kind}), GapReason.UNSUPPORTED, detail, _VALUES, at))

    def _note_strays(self) -> None:
        """What belongs to something that is not declared by that name, where the name is not known.

        It may belong to anything that is declared, so no declaration is the whole statement about what lies below it.
        """
        whole_types = {type_ for _, type_ in self.whole}
        for key, (type_, at) in self.placed.items():
            if not any(type_.startswith(whole) and type_ != whole for whole in whole_types):
                continue
            parent = parent_of(key)
            if parent in self.taken or "[" not in parent:
                continue
            while parent and parent not in self.taken:
                above = parent_of(parent)
                parent = above if above != parent else ""
            how = f"below {key.rsplit('/', 2)[0].rpartition('/')[2]}, which it does not declare"
            self.unnamed.setdefault((parent, type_), []).append((how, at))


def _self_and_above(key: str) -> Iterator[str]:
    """A key and what it begins with, segment by segment."""
    while key:
        yield key
        key = key.rpartition("/")[0]


def _policy_value(item: dict[str, Json]) -> Json:
    """What stands at ``properties.value``."""
    properties = item.get("properties")
    return properties.get("value") if isinstance(properties, dict) else None


def _named(item: dict[str, Json], at: Location) -> str:
    """What a nested deployment is called in its template."""
    step = at.route[-1] if at.route else ""
    return (step if isinstance(step, str) and step else source_of(item.get("name")))[:80]


def _nested_kinds(item: dict[str, Json]) -> frozenset[str]:
    """The kinds of what an inline nested template declares, however deep; all kinds when it shows none."""
    kinds: set[str] = set()
    stack: list[Json] = [item.get("properties")]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            type_ = type_in(value.get("type"))
            if type_ and type_ != DEPLOYMENT:
                kinds.add(kind_of(type_))
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return frozenset(kinds) or frozenset(KIND_OF_TYPE.values())

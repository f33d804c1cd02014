"""Deployment templates, as ``az bicep build`` and ``az group export`` write them.

Expressions are not evaluated yet: where a value is computed an :class:`Unresolved` leaf stands, and a resource whose name
is computed is a gap. Syntax: learn.microsoft.com/azure/azure-resource-manager/templates/syntax.
"""

from collections.abc import Iterator

import msgspec

from mcpguard.core.location import Location, Route
from mcpguard.evidence import EVERYTHING, Complete, Gap, GapReason, Json, RawResource, Unresolved
from mcpguard.evidence.kinds import KIND_OF_TYPE, kind_of
from mcpguard.sources.door import Door
from mcpguard.sources.ids import make_id, type_in, type_of
from mcpguard.sources.reading import Reading, number_of

FORMAT = "arm-template"
_WHOLE = frozenset(
    {"microsoft.apimanagement/service", "microsoft.web/sites", "microsoft.web/sites/slots", "microsoft.app/containerapps"}
)
"""Types of which a declaration is the author's whole statement about what lies below."""
_DEPLOYMENT = "microsoft.resources/deployments"
_REMEDY = (
    "template expressions in names are not evaluated yet: scan the deployed resources (az rest) or compile with plain values"
)


class _Parent(msgspec.Struct, frozen=True):
    """The resource in whose ``resources`` another one stands."""

    type: str
    names: tuple[str, ...]
    """Empty when the parent's own name is computed."""
    key: str


_TOP = _Parent("", (), "")
_Item = tuple[Json, Route, _Parent]


def is_template(value: dict[str, Json]) -> bool:
    """Whether an object is a deployment template, for any scope."""
    schema = value.get("$schema")
    if isinstance(schema, str) and "deploymenttemplate.json" in schema.lower():
        return True
    return "contentVersion" in value and isinstance(value.get("resources"), list | dict)


def is_parameters(value: dict[str, Json]) -> bool:
    """Whether an object is a file of parameters for a template."""
    schema = value.get("$schema")
    return isinstance(schema, str) and "deploymentparameters.json" in schema.lower()


def take_template(reading: Reading, template: dict[str, Json], route: Route) -> None:
    """Take every resource that a template declares under a plain name; the others become gaps."""
    reading.kind = reading.kind or FORMAT
    _mask_parameters(reading, template)
    walk = _Walk(reading)
    todo = list(_items(template.get("resources"), (*route, "resources"), _TOP))[::-1]
    while todo:
        todo.extend(reversed(list(walk.take(*todo.pop()))))
    walk.conclude()


def _items(resources: Json, route: Route, parent: _Parent) -> Iterator[_Item]:
    """The members of a ``resources`` list or, with symbolic names, object."""
    pairs = resources.items() if isinstance(resources, dict) else enumerate(resources) if isinstance(resources, list) else ()
    return ((item, (*route, step), parent) for step, item in pairs)


def is_expression(text: str) -> bool:
    """Whether the template language computes a text: it stands in brackets, and not in doubled ones."""
    return text[:1] == "[" and text[-1:] == "]" and text[1:2] != "["


class _Walk:
    """One walk over the resources of one template."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.unnamed: dict[tuple[str, str], list[tuple[Json, Location]]] = {}
        self.whole: list[tuple[str, str]] = []
        self.has_more = False
        """Whether it declares things of which not even the type or the place is known."""

    def take(self, item: Json, route: Route, parent: _Parent) -> Iterator[_Item]:
        """Take one resource; what stands in its ``resources`` is left to do."""
        at = self.reading.at(*route)
        if not isinstance(item, dict):
            self.miss("a resource that is no object", at)
            return iter(())
        if item.get("existing") is True:
            return iter(())
        if item.get("condition") is False:
            self.reading.notes.append("a resource with the condition false was left out")
            return iter(())
        written = _full_type(item, parent)
        type_ = written.lower()
        if type_ == _DEPLOYMENT:
            self.nested(item, at)
            return iter(())
        if not type_ or "import" in item or "extension" in item:
            self.foreign(item, at)
            return iter(())
        names = _names(item.get("name"), written, parent)
        if names is None:
            self.unnamed.setdefault((parent.key, type_), []).append((item.get("name"), at.child("name")))
            key = parent.key
        else:
            key = self.emit(item, written, names, route)
        return _items(item.get("resources"), (*route, "resources"), _Parent(written, names or (), key))

    def emit(self, item: dict[str, Json], written: str, names: tuple[str, ...], route: Route) -> str:
        """Take a resource whose name is plain; the key of its id."""
        body = {name: value for name, value in item.items() if name != "resources"}
        scope = item.get("scope")
        id_ = make_id(written, names)
        if isinstance(scope, str) and id_:
            if is_expression(scope):
                self.unnamed.setdefault(("", written.lower()), []).append((scope, self.reading.at(*route, "scope")))
                return ""
            id_ = _scoped(scope) + id_
        if not id_:
            self.miss(f"name and type of a resource do not match: {written}", self.reading.at(*route, "name"))
            return ""
        _resolve(body)
        version = item.get("apiVersion")
        version = version if isinstance(version, str) and not is_expression(version) else ""
        resource = RawResource(id_, type_of(id_) or written.lower(), body, self.reading.at(*route), FORMAT, version)
        self.reading.add(resource)
        if resource.type in _WHOLE:
            self.whole.append((resource.key, resource.type))
        return resource.key

    def miss(self, detail: str, at: Location) -> None:
        """Note a resource that cannot be read, which may belong to any other."""
        self.reading.miss(detail, at)
        self.has_more = True

    def nested(self, item: dict[str, Json], at: Location) -> None:
        """A nested deployment: a template of its own, which is not followed."""
        self.has_more = True
        kinds = frozenset(_nested_kinds(item)) or frozenset(KIND_OF_TYPE.values())
        self.reading.gaps.append(
            Gap(
                "",
                kinds,
                GapReason.UNSUPPORTED,
                f"{self.reading.path} holds a nested deployment ({str(item.get('name'))[:80]}), which is not followed",
                "scan the deployed resources (az rest), or the module's own template with plain values",
                at,
            )
        )

    def foreign(self, item: dict[str, Json], at: Location) -> None:
        """A resource of another provider, such as Microsoft Graph, or one without a type."""
        type_ = item.get("type")
        if not isinstance(type_, str):
            self.miss("a resource without a type", at)
            return
        kind = kind_of(type_.lower().partition("@")[0])
        detail = f"{self.reading.path} declares {type_[:80]}, which is read from exports only"
        self.reading.gaps.append(
            Gap("", frozenset({kind}), GapReason.UNSUPPORTED, detail, "export it from the directory with az ad or az rest", at)
        )

    def conclude(self) -> None:
        """Gaps for what has no plain name, one for each type and parent, and what the declarations leave no doubt about."""
        for (scope, type_), found in self.unnamed.items():
            name, at = found[0]
            how = f"named by the expression {name[:120]}" if isinstance(name, str) else "without a name"
            what = f"{number_of(len(found), 'resource')} of type {type_}, {how}{' and others' if len(found) > 1 else ''}"
            kinds = frozenset({kind_of(type_)})
            self.reading.gaps.append(
                Gap(scope, kinds, GapReason.UNSUPPORTED, f"{self.reading.path} declares {what}", _REMEDY, at)
            )
        if self.unnamed and not self.reading.resources:
            self.reading.notes.append("all names in the template are expressions, so nothing was taken from it")
        for key, type_ in self.whole:
            doubt = self.has_more or any(
                unnamed.startswith(type_) and (not scope or scope.startswith(key)) for scope, unnamed in self.unnamed
            )
            if not doubt:
                self.reading.complete.append(Complete(key, EVERYTHING))


def _full_type(item: dict[str, Json], parent: _Parent) -> str:
    """The type with its provider, as written; empty when there is none."""
    written = item.get("type")
    if not isinstance(written, str) or not written or "@" in written:
        return ""
    if type_in(written):
        return written
    return f"{parent.type}/{written.strip('/')}" if parent.type else ""


def _names(name: Json, type_: str, parent: _Parent) -> tuple[str, ...] | None:
    """The names of a resource and all its parents; None when one of them is computed."""
    if not isinstance(name, str) or not name or is_expression(name):
        return None
    own = tuple(_unescape(name).split("/"))
    wanted = type_.count("/")
    if len(own) == wanted or not parent.type:
        return own
    return (*parent.names, *own) if parent.names else None


def _scoped(scope: str) -> str:
    """The id of an extension resource's target: ``Microsoft.X/kind/name`` or a full id."""
    scope = scope.strip("/")
    return f"/{scope}" if scope.lower().startswith(("subscriptions/", "providers/")) else f"/providers/{scope}"


def _unescape(text: str) -> str:
    """A text in doubled brackets is meant literally and loses one of them."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def _resolve(body: dict[str, Json]) -> None:
    """Put ``Unresolved`` where a value is computed, throughout and in place."""
    stack: list[Json] = [body]
    while stack:
        holder = stack.pop()
        if isinstance(holder, dict):
            copies = holder.get("copy")
            if isinstance(copies, list) and all(isinstance(copy, dict) and "input" in copy for copy in copies):
                for copy in copies:
                    holder[str(copy.get("name"))] = Unresolved(f"copy of {str(copy.get('count'))[:80]} items")
                del holder["copy"]
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if isinstance(value, str):
                if value[:1] == "[":
                    holder[key] = Unresolved(value) if is_expression(value) else _unescape(value)
            elif isinstance(value, dict | list):
                stack.append(value)


def _nested_kinds(item: dict[str, Json]) -> Iterator[str]:
    """The kinds of what an inline nested template declares, however deep."""
    stack: list[Json] = [item.get("properties")]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            type_ = type_in(value.get("type"))
            if type_ and type_ != _DEPLOYMENT:
                yield kind_of(type_)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _mask_parameters(reading: Reading, template: dict[str, Json]) -> None:
    """Default values of secure parameters stand in the text, though in no body."""
    parameters = template.get("parameters")
    door = Door()
    for parameter in parameters.values() if isinstance(parameters, dict) else ():
        if isinstance(parameter, dict) and str(parameter.get("type")).lower() in ("securestring", "secureobject"):
            default = parameter.get("defaultValue")
            if isinstance(default, dict | list):
                door.hide_all(default)
            elif isinstance(default, str) and not is_expression(default):
                door.hide(parameter, "defaultValue")
    reading.secrets |= door.secrets

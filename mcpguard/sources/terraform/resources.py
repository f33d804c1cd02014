"""From the instances of a plan or state to resources, with claims and gaps."""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.core.location import Location, Route
from mcpguard.evidence import Complete, Gap, GapReason, Json, Unresolved, resource_key
from mcpguard.evidence.kinds import KIND_OF_TYPE, kind_of
from mcpguard.sources.ids import last_of, type_of
from mcpguard.sources.masking import may_hold_policy
from mcpguard.sources.reading import Reading, number_of
from mcpguard.sources.specifications import operation_body, operations, specified
from mcpguard.sources.terraform import azapi, directory, hosting
from mcpguard.sources.terraform.addresses import KINDS, Addresses
from mcpguard.sources.terraform.instances import Document, Instance
from mcpguard.sources.terraform.kinds import Extra, Kind
from mcpguard.sources.terraform.pending import Pending, find_policy, hand_over
from mcpguard.sources.terraform.sensitive import shown
from mcpguard.sources.terraform.shapes import Shaped, shape

_TEMPLATES = frozenset(
    f"azurerm_{scope}_template_deployment" for scope in ("resource_group", "subscription", "management_group", "tenant")
)
_OLD_HOSTS = frozenset({"azurerm_function_app", "azurerm_function_app_slot", "azurerm_app_service", "azurerm_app_service_slot"})
"""Types of versions before 4 of azurerm."""
_FAMILY = ("azurerm_api_management_", "azuread_application", "azuread_service_principal")
_APIM = "microsoft.apimanagement/service"
_WHOLE = {
    kind.type.lower() + "".join(f"/{part.lower()}" for part, _ in kind.steps): kind.whole
    for kind in KINDS.values()
    if kind.whole
}
"""By ARM type: what a configuration states as a whole below a resource of that type."""
_REMEDY = "scan the deployed resources (az rest), or the state after apply: terraform show -json"


_READ = frozenset(
    [
        *KINDS,
        *directory.ENTITIES,
        *directory.RELATIONS,
        *directory.PATCHES,
        *azapi.TYPES,
        *_OLD_HOSTS,
        *_TEMPLATES,
    ]
)


def is_read(type: str) -> bool:
    """Whether resources of a type of Terraform are read, or said not to be."""
    return type in _READ or type.startswith(_FAMILY)


def types_of(type: str) -> frozenset[str]:
    """The lower-case ARM types of what resources of a type of Terraform become; ``*`` where the type does not tell."""
    if type in KINDS:
        return frozenset({_type(KINDS[type])})
    if type in directory.ENTITIES:
        return frozenset({directory.ENTITIES[type].type})
    if type in directory.RELATIONS:
        relation = directory.RELATIONS[type]
        return frozenset({f"microsoft.graph{relation.owner}/{relation.collection}".lower()})
    return frozenset({"*"})


def take_document(reading: Reading, document: Document) -> None:
    """Take every resource of a plan or state."""
    walk = _Walk(reading, document)
    for instance in document.instances:
        if instance.managed:
            walk.take(instance)
    for instance in document.instances:
        if instance.managed:
            walk.patch(instance)
    walk.conclude()


class _Walk:
    """One walk over the instances of one file."""

    def __init__(self, reading: Reading, document: Document) -> None:
        self.reading = reading
        self.document = document
        self.addresses = Addresses(document.references, document.instances, document.label)
        self.pending: dict[str, Pending] = {}
        self.claims: list[tuple[str, str]] = []
        self.doubted: set[str] = set()
        """Types of which there are resources that stand nobody knows where."""
        self.passed_over: dict[str, int] = {}

    def take(self, instance: Instance) -> None:
        """Take the resources that one instance stands for."""
        kind = KINDS.get(instance.type)
        if kind is not None:
            self.known(instance, kind)
        elif instance.type == "azapi_resource":
            self.azapi(instance)
        elif instance.type in directory.ENTITIES:
            self.entity(instance, directory.ENTITIES[instance.type])
        elif instance.type in directory.RELATIONS:
            self.relation(instance, directory.RELATIONS[instance.type])
        elif instance.type in _OLD_HOSTS:
            detail = (
                f"{self.reading_of(instance).path} declares {instance.address}, of a type that was replaced and is not read"
            )
            self.gap("", "site", GapReason.UNSUPPORTED, detail, _REMEDY, self.at(instance))
        elif instance.type in _TEMPLATES:
            self.template(instance)
        elif instance.type not in directory.PATCHES and instance.type.startswith(_FAMILY):
            self.passed_over[instance.type] = self.passed_over.get(instance.type, 0) + 1

    def reading_of(self, instance: Instance) -> Reading:
        """The file that an instance stands in."""
        return self.document.readings.get(instance.path, self.reading)

    def at(self, instance: Instance, *steps: str | int) -> Location:
        """The place of an attribute; ``steps`` begin with ``values``."""
        return self.reading_of(instance).at(*instance.place((*instance.route, *steps)))

    def add(
        self, instance: Instance, id: str, type: str, shaped: Shaped, origin: Route, values_at: Route, api_version: str = ""
    ) -> None:
        """Keep a resource for later, and remember where its members stand."""
        reading = self.reading_of(instance)
        if instance.places:
            reading.moved[origin] = instance.place(origin)
        for path, source in shaped.moved.items():
            reading.moved[(*origin, *path)] = instance.place((*values_at, *source))
        key = resource_key(id)
        if key in self.pending:
            azapi.merge_into(self.pending[key].body, shaped.body)
            return
        pending = Pending(id, type, shaped.body, reading.at(*origin), reading, api_version, condition=instance.condition)
        self.pending[key] = pending
        if instance.places and may_hold_policy(type):
            source = values_at[len(instance.route) + 1 :]
            find_policy(self.document, instance, pending, shaped, source)

    # -- azurerm -----------------------------------------------------------------------------------------------------

    def known(self, instance: Instance, kind: Kind) -> None:
        """A resource that a table describes."""
        id_ = self.addresses.id_of(instance)
        if not id_:
            self.lost(instance, _type(kind))
            return
        type_ = type_of(id_) or _type(kind)
        values = self.addresses.linked(instance)
        shaped = shape(kind.table, values)
        shaped.body.setdefault("properties", {})
        for path, value in kind.fixed.items():
            shaped.put(tuple(path.split("/")), value, ())
        if kind.finish:
            kind.finish(shaped.body, shown(values))
        shaped.body.setdefault("name", last_of(id_))
        self.add(instance, id_, type_, shaped, instance.route, (*instance.route, "values"))
        for extra in kind.extras:
            self.settings(instance, extra, id_, type_, values)
        if kind.extras and type_.startswith("microsoft.web/"):
            self.classic_auth(instance, id_, type_, values)
        whole = kind.whole
        if type_ == f"{_APIM}/apis" and values.get("import"):
            whole = tuple(part for part in whole if part != "operations" or self.imported(instance, id_, values))
        self.claims.extend((resource_key(id_), f"{type_}/{part.lower()}") for part in whole)

    def settings(self, instance: Instance, extra: Extra, id: str, type: str, values: Mapping[str, Json]) -> None:
        """A second resource of the same block."""
        below = "".join(f"/{part}/{name[1:]}" for part, name in extra.steps)
        below_type = "".join(f"/{part.lower()}" for part, _ in extra.steps)
        source: Route = ("values",)
        block: Json = values
        if extra.source:
            found = values.get(extra.source)
            source = ("values", extra.source, 0)
            block = found[0] if isinstance(found, list) and found else found if isinstance(found, Unresolved) else None
            if block is None and extra.needed:
                return
        elif not values.keys() & extra.table.keys():
            return
        shaped = shape(extra.table, block) if isinstance(block, dict) else Shaped({"properties": block or {}})
        if not extra.source and not shaped.body and "app_settings" not in extra.table:
            return
        shaped.body.setdefault("properties", {})
        name = last_of(below)
        hosting.finish_extra(name, shaped.body, shown(block) if isinstance(block, dict) else {})
        shaped.body["name"] = name
        named = extra.source or next(iter(extra.table))
        origin = (*instance.route, "values", named)
        self.add(instance, id + below, type + below_type, shaped, origin, (*instance.route, *source))

    def classic_auth(self, instance: Instance, id: str, type: str, values: Mapping[str, Json]) -> None:
        """A site with settings of version 1 alone has version 2 switched off: then version 1 counts (facts/hosting.md 2)."""
        classic = values.get("auth_settings")
        if values.get("auth_settings_v2") or not classic:
            return
        block = classic[0] if isinstance(classic, list) and isinstance(classic[0], dict) else {}
        off: Json = False if isinstance(block.get("enabled"), bool) else Unresolved("auth_settings")
        shaped = Shaped({"name": "authsettingsV2", "properties": {"platform": {"enabled": off}}})
        origin = (*instance.route, "values", "auth_settings", 0)
        self.add(instance, f"{id}/config/authsettingsV2", f"{type}/config", shaped, origin, origin)

    def imported(self, instance: Instance, api: str, values: Mapping[str, Json]) -> bool:
        """Take the operations of the specification that an API is made from; False when they are not in the file."""
        block = values["import"][0] if isinstance(values["import"], list) else None
        content = block.get("content_value") if isinstance(block, dict) else None
        format_ = block.get("content_format") if isinstance(block, dict) else None
        specification = specified(content, format_)
        at = self.at(instance, "values", "import", 0)
        if specification is None:
            file = self.reading_of(instance).path
            detail = f"the operations of the API {last_of(api)} come from a specification that {file} does not hold"
            remedy = f"scan the answer of az rest --method get --url {api}/operations as well"
            self.gap(resource_key(api), "operation", GapReason.NOT_COLLECTED, detail, remedy, at)
            return False
        for operation in operations(specification):
            id_ = f"{api}/operations/{operation.name}"
            made = Pending(id_, f"{_APIM}/apis/operations", operation_body(operation), at, self.reading_of(instance))
            self.pending.setdefault(resource_key(id_), made)
        return True

    # -- azapi -------------------------------------------------------------------------------------------------------

    def azapi(self, instance: Instance) -> None:
        """A resource that is in ARM shape already."""
        type_ = azapi.type_of(instance).lower()
        id_ = self.addresses.id_of(instance)
        if not id_ or not type_:
            self.lost(instance, type_ or "azapi_resource")
            return
        body, moved = azapi.read_body(instance)
        if instance.places:
            body = self.addresses.identified(instance, body)
        self.add(
            instance, id_, type_, Shaped(body, moved), instance.route, (*instance.route, "values"), azapi.version_of(instance)
        )
        if self.document.is_plan and azapi.lacks_sensitive_body(instance, self.addresses.references.block(instance)):
            detail = f"the sensitive_body of {instance.address} is not in {self.reading_of(instance).path}"
            self.gap(resource_key(id_), kind_of(type_), GapReason.NOT_COLLECTED, detail, _REMEDY, self.at(instance))
        whole = _WHOLE.get(type_, ())
        if type_ == f"{_APIM}/apis":
            properties = body.get("properties")
            told = properties.get("type") if isinstance(properties, dict) else properties
            if isinstance(properties, dict) and properties.get("format"):
                whole = tuple(part for part in whole if part != "operations")
            if isinstance(told, Unresolved):
                detail = f"{self.reading_of(instance).path} does not say whether {instance.address} is an MCP server"
                self.gap(resource_key(id_), "mcp-server", GapReason.NOT_COLLECTED, detail, _REMEDY, self.at(instance))
        self.claims.extend((resource_key(id_), f"{type_}/{part.lower()}") for part in whole)

    # -- azuread -----------------------------------------------------------------------------------------------------

    def entity(self, instance: Instance, entity: directory.Entity) -> None:
        """An application or a service principal."""
        id_ = self.addresses.id_of(instance)
        shaped = shape(entity.table, self.addresses.linked(instance))
        shaped.body["id"] = last_of(id_)
        shaped.body["appId"] = self.addresses.client_id_of(instance)
        if shaped.body.get("owners") is None:
            shaped.body.pop("owners", None)
        self.add(instance, id_, entity.type, shaped, instance.route, (*instance.route, "values"))

    def owner_of(self, instance: Instance, parents: tuple[str, ...], collection: str) -> str:
        """The id of the directory object that something belongs to; empty when it is not known."""
        for attribute in parents:
            value = instance.values.get(attribute)
            if isinstance(value, str) and value:
                return f"{collection}/{last_of(value)}"
            if isinstance(value, Unresolved):
                referent = self.addresses.references.follow(instance, attribute)
                if referent and referent.instance.type in directory.ENTITIES:
                    return self.addresses.id_of(referent.instance)
        return ""

    def relation(self, instance: Instance, relation: directory.Relation) -> None:
        """Something that Graph lists below an object."""
        owner = self.owner_of(instance, relation.parents, relation.owner)
        type_ = f"microsoft.graph{relation.owner}/{relation.collection}".lower()
        if not owner:
            self.lost(instance, type_)
            return
        shaped = shape(relation.table, self.addresses.linked(instance))
        own = instance.values.get("id")
        name = last_of(own) if isinstance(own, str) and own else self.addresses.stand_in(instance)
        shaped.body.setdefault("id", name)
        id_ = f"{owner}/{relation.collection}/{name}"
        self.add(instance, id_, type_, shaped, instance.route, (*instance.route, "values"))

    def patch(self, instance: Instance) -> None:
        """Work in a block that only adds to another resource."""
        if instance.type == azapi.UPDATES:
            target = self.pending.get(resource_key(self.addresses.id_of(instance)))
            type_ = azapi.type_of(instance).lower()
            if target is None and (not type_ or type_ in KIND_OF_TYPE):
                self.lost(instance, type_ or azapi.UPDATES)
            elif target is None:
                return  # nothing that is judged
            else:
                azapi.merge_into(target.body, self.addresses.identified(instance, azapi.read_body(instance)[0]))
        elif instance.type == "azurerm_api_management_custom_domain":
            self.custom_domain(instance)
        elif instance.type in directory.PATCHES:
            self.patch_object(instance, directory.PATCHES[instance.type])

    def custom_domain(self, instance: Instance) -> None:
        """Host names of a service that have a block of their own."""
        from mcpguard.sources.terraform.service import host_names

        values = self.addresses.linked(instance)
        target = self.pending.get(resource_key(str(values.get("api_management_id"))))
        if target is None:
            self.lost(instance, _APIM)
        else:
            target.body["properties"]["hostnameConfigurations"] = host_names(shown(values))

    def patch_object(self, instance: Instance, patch: directory.Patch) -> None:
        owner = self.owner_of(instance, patch.parents, "/applications")
        if "service_principal" in instance.type:
            owner = self.owner_of(instance, patch.parents, "/servicePrincipals")
        target = self.pending.get(resource_key(owner)) if owner else None
        if target is None:
            type_ = (
                "microsoft.graph/serviceprincipals" if "service_principal" in instance.type else "microsoft.graph/applications"
            )
            self.lost(instance, type_)
            return
        holder: Json = target.body
        for step in patch.path[:-1]:
            holder = holder.setdefault(step, {})
        if isinstance(holder, dict) and isinstance(holder.setdefault(patch.path[-1], []), list):
            holder[patch.path[-1]].append(patch.make(shown(self.addresses.linked(instance))))

    # -- the rest ----------------------------------------------------------------------------------------------------

    def lost(self, instance: Instance, type: str) -> None:
        """A resource of which it is not known what it stands below or adds to."""
        self.doubted.add(type)
        detail = f"{self.reading_of(instance).path} declares {instance.address}, and does not say what it belongs to"
        self.gap("", kind_of(type), GapReason.UNSUPPORTED, detail, _REMEDY, self.at(instance))

    def template(self, instance: Instance) -> None:
        """A template inside a resource, which is not followed."""
        self.doubted.add("*")
        detail = f"{self.reading_of(instance).path} deploys a template with {instance.address}, which is not followed"
        remedy = "scan the template as well, or the deployed resources (az rest)"
        kinds = frozenset(KIND_OF_TYPE.values())
        self.reading.gaps.append(Gap("", kinds, GapReason.UNSUPPORTED, detail, remedy, self.at(instance)))

    def gap(self, scope: str, kind: str, reason: GapReason, detail: str, remedy: str, at: Location) -> None:
        self.reading.gaps.append(Gap(scope, frozenset({kind}), reason, detail, remedy, at))

    def conclude(self) -> None:
        """Hand over what was gathered."""
        for missing in self.document.missing:
            self.doubted |= missing.types
            kinds = frozenset(KIND_OF_TYPE.values()) if "*" in missing.types else frozenset(map(kind_of, missing.types))
            self.reading.gaps.append(Gap("", kinds, GapReason.UNSUPPORTED, missing.detail, missing.remedy, missing.at))
        for pending in self.pending.values():
            hand_over(pending, self.pending, is_written=bool(self.document.readings))
        if open_ := sum(pending.condition is not None for pending in self.pending.values()):
            told = number_of(open_, "resource")
            self.reading.notes.append(f"{told} under a condition that is not known, judged as if deployed")
        if "*" not in self.doubted:
            self.reading.complete.extend(Complete(scope, type_) for scope, type_ in self.claims if type_ not in self.doubted)
        for type_, count in sorted(self.passed_over.items()):
            self.reading.notes.append(f"{number_of(count, 'resource')} of type {type_} not read")
        if not self.pending and not self.document.readings:
            self.reading.skip("holds no resources that mcpguard knows")


def _type(kind: Kind) -> str:
    """The lower-case ARM type of what a kind makes, when its parent is not known."""
    if kind.steps and kind.steps[0][0].startswith("providers/"):
        return kind.type.lower()
    return kind.type.lower() + "".join(f"/{part.lower()}" for part, _ in kind.steps)

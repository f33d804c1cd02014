"""APIOps extracts: a folder that holds one API Management service, a file for each thing (facts/apim.md 4).

Names come from folders, bodies from files. An extract is whole, so it says what does *not* exist too; what it cannot hold,
or holds in a form that is not read, is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from mcpguard.core.jsontext import Decoded, duplicate_keys
from mcpguard.core.location import Location
from mcpguard.evidence import EVERYTHING, Artifact, Complete, Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources import apiops_configuration, detect
from mcpguard.sources.answers import is_resource
from mcpguard.sources.apiops_layout import COLLECTIONS, Member, Part
from mcpguard.sources.files import Source
from mcpguard.sources.policies import policy_body
from mcpguard.sources.reading import Reading
from mcpguard.sources.specifications import is_openapi, operation_body, operations
from mcpguard.sources.yaml_text import YamlError, read_yaml

FORMAT = "apiops"
_SERVICE = "/providers/Microsoft.ApiManagement/service/"
_TYPE = "microsoft.apimanagement/service"
_WHOLE = ("apis", "products")
_ORDER = tuple(Part)
_REPAIR = "repair or replace the file; the place is in the list of files"
_LINKED = {"apis", "groups", "tags", "products"}


class Extract(msgspec.Struct, frozen=True):
    """The files of one extract."""

    root: str
    service: str
    """The name of the service: the folder's, made unique when several extracts share it."""
    members: tuple[Member, ...]


def group(members: Mapping[str, Member], names: Mapping[str, str]) -> list[Extract]:
    """One extract for each root; ``names`` holds the name of each root's folder, which its path need not show."""
    by_root: dict[str, list[Member]] = {}
    for path in sorted(members):
        by_root.setdefault(members[path].root, []).append(members[path])
    folded = [names[root].lower() for root in by_root]
    out = []
    for root, found in sorted(by_root.items()):
        unique = folded.count(names[root].lower()) == 1
        # A slash would be a new segment of the id, and no name of a service holds a tilde.
        service = names[root] if unique else root.replace("/", "~") or names[root]
        out.append(Extract(root, service, tuple(sorted(found, key=lambda it: (_ORDER.index(it.part), it.path)))))
    return out


class Whole(msgspec.Struct, frozen=True):
    """What an extract gave."""

    readings: list[Reading]
    """One for each file that has a text, by path."""
    gaps: list[Gap]
    complete: list[Complete]


def read_extract(
    extract: Extract, sources: Mapping[str, Source | Artifact], filters: Sequence[apiops_configuration.Filter] = ()
) -> Whole:
    """Read the files of an extract; a file without text, given as an artifact, leaves a gap.

    ``filters`` that lie in a folder above the extract, or in its own, say what the extractor was told to leave out.
    """
    reader = _Reader(extract, sources, [found for found in filters if found.covers(extract.root)])
    for member in extract.members:
        reader.take(member)
    return reader.conclude()


class _Reader:
    """One extract while it is read: information files first, so that what stands beside them is known."""

    def __init__(
        self,
        extract: Extract,
        sources: Mapping[str, Source | Artifact],
        filters: Sequence[apiops_configuration.Filter],
    ) -> None:
        self.sources = sources
        self.filters = filters
        self.service = _SERVICE + extract.service
        self.members = {(member.id, member.part): member for member in extract.members}
        self.readings: dict[str, Reading] = {}
        self.gaps: list[Gap] = []
        self.complete = list(_claims(resource_key(self.service), filters))
        self.apis: dict[str, RawResource] = {}
        self.has_operations: set[str] = set()

    def take(self, member: Member) -> None:
        """Read one file, unless it was read with another."""
        source = self.sources[member.path]
        if isinstance(source, Artifact):
            self.lose(member, None)
        elif member.path not in self.readings:
            reading = self.open(source)
            match member.part:
                case Part.INFORMATION:
                    self.information(reading, member, source)
                case Part.POLICY:
                    self.policy(reading, member)
                case Part.SPECIFICATION:
                    self.specification(reading, member)
                case Part.LIST:
                    self.names(reading, member)

    def open(self, source: Source) -> Reading:
        reading = Reading(source.path, source.data, kind=FORMAT, note=source.note)
        self.readings[source.path] = reading
        return reading

    # -- files ---------------------------------------------------------------------------------------------------

    def information(self, reading: Reading, member: Member, source: Source) -> None:
        """``apiInformation.json`` and its like: ``{"properties": {…}}``, or ``{}`` for a mere link."""
        value = self.data(reading, member)
        if value is None:
            return
        if not isinstance(value, dict):
            reading.fail("an information file holds one object", 0)
            self.lose(member, reading)
            return
        if is_resource(value):
            # Somebody keeps whole answers under this name: then they say themselves what they are.
            self.readings[source.path] = detect.take_file(source)
            return
        body: dict[str, Json] = {**value, "name": member.names[-1]}
        link = member.kinds[-1] in _LINKED and len(member.kinds) > 1
        if not isinstance(value.get("properties"), dict) and not link:
            reading.miss("the object has no properties", reading.at())
            self.lose(member, reading)
        policy = self.members.get((member.id, Part.POLICY)) if member.kinds[-1] == "policyFragments" else None
        resource = self.resource(member, body, reading.at(), self.fragment(policy, body))
        reading.add(resource)
        if member.kinds[-1] == "apis" and not link:
            self.apis[resource.key] = resource
        if member.kinds[-1] in _WHOLE and not link and not any(member.names[-1] in found.parted for found in self.filters):
            self.complete.append(Complete(resource.key, EVERYTHING))
        if member.kinds[-1] == "operations":
            self.has_operations.add(resource.key.rsplit("/", 2)[0])

    def fragment(self, policy: Member | None, body: dict[str, Json]) -> dict[str, Location]:
        """Put the text of a fragment into its body, and tell where it stands."""
        source = self.sources[policy.path] if policy else None
        if not isinstance(source, Source):
            return {}
        reading = self.open(source)
        at = Location(source.path)
        text = reading.take_policy(reading.data.decode("utf-8", "replace"), at)
        properties = body.get("properties")
        body["properties"] = {**(properties if isinstance(properties, dict) else {}), **policy_body(text)["properties"]}
        return {"properties.value": at}

    def policy(self, reading: Reading, member: Member) -> None:
        """``policy.xml``: the one policy of its folder, or a fragment without an information file."""
        at = Location(member.path)
        body = policy_body(reading.take_policy(reading.data.decode("utf-8", "replace"), at))
        if member.kinds[-1:] != ("policyFragments",):
            member = msgspec.structs.replace(member, kinds=(*member.kinds, "policies"), names=(*member.names, "policy"))
        reading.add(self.resource(member, body, at, {"properties.value": at}))

    def specification(self, reading: Reading, member: Member) -> None:
        """The operations of an API."""
        lowered = member.path.lower()
        api = resource_key(self.service + member.id)
        if not lowered.endswith((".json", ".yaml", ".yml")):
            language = lowered.rpartition(".")[2].upper()
            reading.skip(f"a specification in {language}, from which operations are not read")
            self.operation_gap(api, GapReason.UNSUPPORTED, f"are specified in {language}", reading.at())
            self.has_operations.add(api)
            return
        value = self.data(reading, member)
        self.has_operations.add(api)
        if value is None:
            return
        if not is_openapi(value):
            reading.skip("a specification that is not OpenAPI")
            self.operation_gap(api, GapReason.UNSUPPORTED, "are not specified in OpenAPI", reading.at())
            return
        for operation in operations(value):
            child = msgspec.structs.replace(member, kinds=(*member.kinds, "operations"), names=(*member.names, operation.name))
            reading.add(self.resource(child, operation_body(operation), reading.at(*operation.route), {}))

    def names(self, reading: Reading, member: Member) -> None:
        """``apis.json`` of a product and its like: a list of names."""
        value = self.data(reading, member)
        if value is None:
            return
        if not isinstance(value, list):
            reading.fail("a file of names holds a list", 0)
            self.lose(member, reading)
            return
        for index, item in enumerate(value):
            name = item.get("name") if isinstance(item, dict) else item
            if not isinstance(name, str) or not name:
                reading.miss("an item without a name", reading.at(index))
                continue
            child = msgspec.structs.replace(member, kinds=(*member.kinds, member.links), names=(*member.names, name))
            reading.add(self.resource(child, {"name": name}, reading.at(index), {}))
        if reading.troubles:
            self.lose(member, reading)

    # -- helpers -------------------------------------------------------------------------------------------------

    def data(self, reading: Reading, member: Member) -> Json | None:
        """The value of a JSON or YAML file; None when it is broken, which is noted."""
        return self.json(reading, member) if member.path.lower().endswith(".json") else self.yaml(reading, member)

    def json(self, reading: Reading, member: Member) -> Json | None:
        found = detect.read_json(reading, certain=True)
        if isinstance(found, Decoded):
            detect.note_repeated_keys(reading, duplicate_keys(found))
            if found.value is not None:
                return found.value
            reading.fail("null where an object should stand", 0)
        elif isinstance(found, list):
            reading.fail("several JSON values in one file", 0)
        self.lose(member, reading)
        return None

    def yaml(self, reading: Reading, member: Member) -> Json | None:
        text = reading.data.decode("utf-8", "replace")
        reading.text_format = "yaml"
        try:
            tree = read_yaml(text)
            detect.note_repeated_keys(reading, list(tree.repeated))
            return tree.value
        except YamlError as error:
            reading.fail(error.message, len(text[: error.offset].encode()))
        self.lose(member, reading)
        return None

    def resource(self, member: Member, body: dict[str, Json], origin: Location, texts: dict[str, Location]) -> RawResource:
        type_ = "/".join((_TYPE, *member.kinds)).lower()
        return RawResource(self.service + member.id, type_, body, origin, FORMAT, texts=texts)

    def lose(self, member: Member, reading: Reading | None) -> None:
        """A gap for a file that gave nothing."""
        kinds: tuple[str, ...] = member.kinds
        if member.part is Part.POLICY and kinds[-1:] != ("policyFragments",):
            kinds = (*kinds, "policies")
        elif member.part is Part.SPECIFICATION:
            kinds = (*kinds, "operations")
            self.has_operations.add(resource_key(self.service + member.id))
        elif member.part is Part.LIST:
            kinds = (*kinds, member.links)
        at = reading.failed.at if reading and reading.failed else Location(member.path)
        self.gaps.append(
            Gap(
                resource_key(self.service + member.id),
                frozenset({kind_of("/".join((_TYPE, *kinds)).lower())}),
                GapReason.UNPARSABLE,
                f"{member.path} could not be read",
                _REPAIR,
                at,
            )
        )

    def operation_gap(self, api: str, reason: GapReason, why: str, at: Location) -> None:
        detail = f"the operations of the API {api.rpartition('/')[2]} {why}"
        remedy = f"scan the answer of az rest --method get --url {api}/operations as well"
        self.gaps.append(Gap(api, frozenset({"operation"}), reason, detail, remedy, at))

    def conclude(self) -> Whole:
        """All that was read, with gaps for what extracts do not hold: tools made from an API, operations it lacks."""
        for key, resource in self.apis.items():
            properties = resource.body.get("properties")
            if not isinstance(properties, dict):
                continue
            kind = _kind(resource)
            if kind == "mcp" and not any(properties.get(name) for name in ("mcpTools", "serviceUrl", "backendId")):
                detail = f"the tools of the MCP server {resource.body['name']} are not part of APIOps extracts"
                remedy = f"scan the answer of az rest --method get --url {key}/tools as well"
                kinds = frozenset({"mcp-tool"})
                self.gaps.append(Gap(key, kinds, GapReason.UNSUPPORTED, detail, remedy, resource.origin))
            if kind == "http" and key not in self.has_operations:
                self.operation_gap(key, GapReason.NOT_COLLECTED, "have no specification in the extract", resource.origin)
        if self.apis and not any(_kind(resource) == "mcp" for resource in self.apis.values()):
            self.hidden_servers()
        return Whole([self.readings[path] for path in sorted(self.readings)], self.gaps, self.complete)

    def hidden_servers(self) -> None:
        """An extract does not say which api-version made it; one that shows MCP servers is known by showing one."""
        service = resource_key(self.service)
        detail = (
            f"the extract {service.rpartition('/')[2]} does not say with which api-version it was made; "
            "versions before 2025-09-01-preview leave out MCP servers, and it shows none"
        )
        remedy = f"scan the answer of az rest --method get --url {service}/apis?api-version=2025-09-01-preview as well"
        at = min((resource.origin for resource in self.apis.values()), key=lambda origin: origin.artifact)
        self.gaps.append(Gap(service, frozenset({"mcp-server"}), GapReason.OLD_API_VERSION, detail, remedy, at))


def _kind(api: RawResource) -> str:
    """The type of an API in lower case; one without is a REST API."""
    properties = api.body.get("properties")
    if not isinstance(properties, dict):
        return ""
    return str(properties.get("type") or properties.get("apiType") or "http").lower()


def _claims(service: str, filters: Sequence[apiops_configuration.Filter]) -> Iterator[Complete]:
    """What an extract claims to hold in full: everything, or all collections but those that were filtered."""
    left_out = {section for found in filters for section in found.sections}
    if not left_out:
        yield Complete(service, EVERYTHING)
        return
    yield Complete(service, f"{_TYPE}/policies")
    for collection in sorted(COLLECTIONS - left_out):
        yield Complete(service, f"{_TYPE}/{collection.lower()}")

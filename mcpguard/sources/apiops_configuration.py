"""Configuration files of APIOps, which lie beside extracts: what an extractor was told to take, what a publisher overrides.

Both are YAML with a section for each collection of a service. A filter lists names (``apis: [orders]``, in older files
``apiNames``); an overrides file lists objects with ``name`` and ``properties``, merged over the extract on publish to
another environment. Shapes: Azure/apiops ``configuration.extractor.yaml`` and ``configuration.prod.yaml``; apiops-cli
``docs/guides/filtering-resources.md`` and ``environment-overrides.md``.

Overrides are not applied: an extract is judged as the service that it was taken from, and what is published from it
elsewhere is another service, which is a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources import masking
from mcpguard.sources.apiops_layout import COLLECTIONS
from mcpguard.sources.door import Door
from mcpguard.sources.reading import Reading, number_of

FORMAT = "apiops-configuration"
FILTER = "file/apiops-filter"
OVERRIDES = "file/apiops-overrides"
_SERVICE = "Microsoft.ApiManagement/service"
_SECTIONS = {name.lower(): name for name in COLLECTIONS} | {
    "versionsets": "apiVersionSets",
    "policies": "policies",
    "workspaces": "workspaces",
}
"""Keys of sections, lower case, by the part of the ARM type that they stand for."""
_NESTED = ("diagnostics", "operations", "policies", "releases")
_SERVICE_NAME = "apimservicename"
_TELLING = frozenset({_SERVICE_NAME, "namedvalues", "policyfragments", "versionsets", "policyrestrictions"})
_MARK = LazyPattern(
    rb"(?mi)^(?:apimServiceName|(?:api|namedValue|backend|logger|product|policyFragment|subscription)s?(?:Names)?)[ \t]*:"
)
_FILE = LazyPattern(r"(?i)(?:^|/)(?:configuration|filter|override)[^/]*\.ya?ml$")
_NOWHERE = Location("")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9-]{1,80}")


class Filter(msgspec.Struct, frozen=True):
    """What an extractor was told to take."""

    folder: str
    """The folder of the file; empty for the scan root."""
    sections: frozenset[str]
    """Collections of which only some members were taken, as parts of the ARM type."""
    parted: frozenset[str]
    """Names of APIs of which only parts were taken."""

    def covers(self, root: str) -> bool:
        """Whether an extract lies in the filter's folder or below it."""
        return not self.folder or root == self.folder or root.startswith(self.folder + "/")


def may_be_configuration(data: bytes) -> bool:
    """A quick test on the text of a YAML file."""
    return bool(_MARK.search(data))


def is_named_so(path: str) -> bool:
    """Whether a file has one of the names that the documentation of APIOps uses."""
    return bool(_FILE.search(path))


def is_configuration(value: Json, path: str) -> bool:
    """Whether a document is a filter or an overrides file: nothing but sections, and one that only APIOps has."""
    if not isinstance(value, dict) or not value:
        return False
    keys = {str(key).lower() for key in value}
    sections = {_section(key) for key in keys - {_SERVICE_NAME}}
    if "" in sections or not all(isinstance(item, list | None) or _is_name(key, item) for key, item in value.items()):
        return False
    return bool(keys & _TELLING) or any(key.endswith("names") for key in keys) or is_named_so(path)


def _is_name(key: str, value: Json) -> bool:
    return key.lower() == _SERVICE_NAME and isinstance(value, str | list)


def _section(key: str) -> str:
    """The collection that a key stands for: ``apiNames`` and ``apis`` are the same; empty for other keys."""
    lowered = key.lower()
    if lowered.endswith("names") and lowered != _SERVICE_NAME:
        lowered = lowered.removesuffix("names")
        lowered = f"{lowered[:-1]}ies" if lowered.endswith("y") else f"{lowered}s"
    return _SECTIONS.get(lowered, "")


def take_configuration(reading: Reading, value: dict[str, Json]) -> None:
    """Take a filter or an overrides file."""
    entries = list(_entries(value, f"/providers/{_SERVICE}/{_target(value) or '-'}", _SERVICE.lower()))
    type_ = OVERRIDES if entries else FILTER
    for entry in entries:
        reading.secrets |= masking.mask_body(entry) | _withheld(entry)
    reading.add(RawResource(f"file:{reading.path}", type_, value, reading.at(), FORMAT))
    if entries:
        _note_overrides(reading, value, entries)
    else:
        taken = sorted({_section(key) for key, items in value.items() if items} - {""})
        reading.notes.append(f"the extract was limited to some {', '.join(taken)}" if taken else "filters nothing")


def _withheld(entry: RawResource) -> set[str]:
    """Values of named values are not judged here, so none needs to be seen."""
    door = Door()
    if entry.type.endswith("/namedvalues") and "value" in entry.body["properties"]:
        door.hide(entry.body["properties"], "value", certain=False)
    return door.secrets


def _target(value: dict[str, Json]) -> str:
    """The service that overrides are for; empty when the file does not name it."""
    name = next((item for key, item in value.items() if key.lower() == _SERVICE_NAME), None)
    return name if isinstance(name, str) and _PLAIN_NAME.fullmatch(name) else ""


def _entries(value: dict[str, Json], id: str, type: str) -> Iterator[RawResource]:
    """Every object with overridden properties, in the shape of a resource, so that it is masked like one."""
    todo: list[tuple[dict[str, Json], str, str]] = [(value, id, type)]
    while todo:
        holder, parent, parent_type = todo.pop()
        for key, items in holder.items():
            section = _section(str(key)) or (key if key in _NESTED else "")
            for item in items if section and isinstance(items, list) else ():
                name = item.get("name") if isinstance(item, dict) else None
                if not isinstance(name, str):
                    continue
                below, type_ = f"{parent}/{section}/{name}", f"{parent_type}/{section.lower()}"
                if isinstance(item.get("properties"), dict):
                    yield RawResource(below, type_, item, _NOWHERE, FORMAT)
                todo.append((item, below, type_))


def _note_overrides(reading: Reading, value: dict[str, Json], entries: Sequence[RawResource]) -> None:
    service = _target(value)
    count = number_of(len(entries), "resource")
    to = f"to the service {service}" if service else "to another environment"
    detail = f"{reading.path} overrides properties of {count} on publish {to}; overrides are not applied to the extract"
    remedy = "export the service that the extract is published to, and scan it as well"
    scope = resource_key(f"/providers/{_SERVICE}/{service}") if service else f"file:{reading.path}"
    kinds = frozenset(kind_of(entry.type) for entry in entries)
    reading.notes.append(f"overrides properties of {count} on publish {to}, not applied to the extract")
    reading.gaps.append(Gap(scope, kinds, GapReason.UNSUPPORTED, detail, remedy, reading.at()))


def filters_of(readings: Sequence[Reading]) -> list[Filter]:
    """The filters among files that were read."""
    return [_filter(resource) for reading in readings for resource in reading.resources if resource.type == FILTER]


def _filter(resource: RawResource) -> Filter:
    sections: set[str] = set()
    parted: set[str] = set()
    for key, items in resource.body.items():
        section = _section(str(key))
        if section and isinstance(items, list) and items:
            sections.add(section)
            parted |= {str(name) for item in items if isinstance(item, dict) for name in item}
    folder = resource.origin.artifact.rpartition("/")[0]
    return Filter(folder, frozenset(sections), frozenset(parted))

"""Parts of hosts that do not say whose they are, such as ``az webapp config appsettings list``: the app that they belong to
is the one that a folder on their path, or the file itself, is named after, or else the only one there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from mcpguard.evidence import RawResource
from mcpguard.sources import hosts
from mcpguard.sources.ids import last_of
from mcpguard.sources.reading import Reading

_SITES = ("microsoft.web/sites", "microsoft.web/sites/slots")
_CONTAINER_APPS = ("microsoft.app/containerapps",)
_FITTING = {
    hosts.APP_SETTINGS: _SITES,
    hosts.SLOT_SETTINGS: _SITES,
    hosts.PLATFORM_AUTH: _SITES + _CONTAINER_APPS,
    hosts.FUNCTION: _SITES,
}
"""What may belong to what."""
_CHILD = {
    hosts.APP_SETTINGS: ("config", "appsettings"),
    hosts.SLOT_SETTINGS: ("config", "slotConfigNames"),
    hosts.PLATFORM_AUTH: ("config", "authsettingsV2"),
}
_BETWEEN = re.compile(r"[^a-z0-9-]+")


class _Host(msgspec.Struct, frozen=True):
    id: str
    type: str
    names: frozenset[str]
    """Of a site its name, of a slot the site's too; lower case."""


def attach(readings: Sequence[Reading]) -> None:
    """Give every such part the id of its app; what finds none says so."""
    parts = [(reading, index) for reading in readings for index in _parts(reading)]
    if not parts:
        return
    found = list(_hosts(resource for reading in readings for resource in reading.resources))
    lonely: dict[str, list[tuple[Reading, int]]] = {}
    for reading, index in parts:
        part = reading.resources[index]
        host = _named(reading.path, [host for host in found if host.type in _FITTING[part.type]])
        if host is None:
            lonely.setdefault(part.type, []).append((reading, index))
        else:
            _give(reading, index, host)
    for type_, left in lonely.items():
        fitting = [host for host in found if host.type in _FITTING[type_]]
        alone = len(fitting) == 1 and len({_holder(reading.path, type_) for reading, _ in left}) == 1
        for reading, index in left:
            if alone:
                _give(reading, index, fitting[0])
                note = f"taken to belong to {last_of(fitting[0].id)}, the only app that was read"
                reading.notes.extend(() if note in reading.notes else (note,))
            else:
                _leave(reading, index)


def _parts(reading: Reading) -> Iterator[int]:
    return (index for index, resource in enumerate(reading.resources) if resource.type in _FITTING)


def _hosts(resources: Iterable[RawResource]) -> Iterator[_Host]:
    ids: set[str] = set()
    for resource in resources:
        if resource.type in (*_SITES, *_CONTAINER_APPS) and resource.key not in ids:
            ids.add(resource.key)
            parts = resource.key.split("/")
            names = {parts[-1], parts[-3]} if resource.type.endswith("/slots") else {parts[-1]}
            yield _Host(resource.id.rstrip("/"), resource.type, frozenset(names))


def _named(path: str, fitting: Sequence[_Host]) -> _Host | None:
    """The host that the path names: the most names count, then the longest; None when two are named alike."""
    words = {word for part in path.lower().split("/") for word in (part, part.rpartition(".")[0], *_BETWEEN.split(part))}
    stem = path.lower().rpartition("/")[2].rpartition(".")[0]
    named = [host for host in fitting if all(name in words or _ends(stem, name) for name in host.names)]
    if not named:
        return None
    weights = sorted(((len(host.names), sum(map(len, host.names))) for host in named), reverse=True)
    if len(weights) > 1 and weights[0] == weights[1]:
        return None
    return max(named, key=lambda host: (len(host.names), sum(map(len, host.names))))


def _ends(stem: str, name: str) -> bool:
    """Whether a file is called ``<something>-<name>`` or ``<name>-<something>``."""
    return stem.endswith(f"-{name}") or stem.startswith(f"{name}-")


def _holder(path: str, type: str) -> str:
    """What only one app can have one of: a file of settings, or a folder of functions."""
    return path.rsplit("/", 2)[0] if type == hosts.FUNCTION and path.count("/") > 1 else "" if type == hosts.FUNCTION else path


def _give(reading: Reading, index: int, host: _Host) -> None:
    part = reading.resources[index]
    if part.type == hosts.FUNCTION:
        kind, name = "functions", _function_name(reading.path)
    elif host.type in _CONTAINER_APPS:
        kind, name = "authConfigs", "current"
    else:
        kind, name = _CHILD[part.type]
    reading.resources[index] = msgspec.structs.replace(part, id=f"{host.id}/{kind}/{name}", type=f"{host.type}/{kind.lower()}")


def _function_name(path: str) -> str:
    """A function is named by the folder of its function.json."""
    folders = path.split("/")[:-1]
    return folders[-1] if folders else "function"


def _leave(reading: Reading, index: int) -> None:
    part = reading.resources[index]
    if part.type == hosts.SLOT_SETTINGS:
        return  # the settings that they were printed with say so
    what = {
        hosts.APP_SETTINGS: "app settings",
        hosts.PLATFORM_AUTH: "settings of platform authentication",
        hosts.FUNCTION: "a function",
    }[part.type]
    reading.miss(f"{what} of no app that was read; put the file into a folder that is named like the app", part.origin)

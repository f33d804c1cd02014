"""``host.json`` of a function app, which ARM does not show. Shape: facts/hosting.md 4.1 and 4.3."""

from mcpguard.core.location import Route
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.reading import Reading

FORMAT = "host.json"
_MEMBERS = frozenset(
    {
        "extensions",
        "extensionBundle",
        "logging",
        "customHandler",
        "configurationProfile",
        "functionTimeout",
        "concurrency",
    }
)


def is_host_file(value: dict[str, Json]) -> bool:
    """Whether an object is a host.json of version 2: the version and one of the members that only it has."""
    return value.get("version") == "2.0" and bool(value.keys() & _MEMBERS)


def take_host_file(reading: Reading, value: dict[str, Json], route: Route) -> None:
    """Take it as ``file/host.json``; which app it belongs to is not in it."""
    reading.add(RawResource(f"file:{reading.path}", "file/host.json", value, reading.at(*route), FORMAT))

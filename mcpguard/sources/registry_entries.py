"""Servers as the MCP registry describes them: ``server.json`` files, and answers of a registry's ``/v0/servers``.

Shape: facts/tools-and-evidence.md 1.5. Names of members were snake_case before 2025-09-16; both are taken as they are.
"""

from __future__ import annotations

from mcpguard.core.location import Route
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.reading import Reading

FORMAT = "mcp-registry"
TYPE = "file/server.json"
_SCHEMA = "static.modelcontextprotocol.io/schemas/"


def is_entry(value: dict[str, Json]) -> bool:
    """Whether an object is a server.json: its schema says so, or a name with a namespace stands beside remotes or packages."""
    schema, name = value.get("$schema"), value.get("name")
    if not isinstance(name, str):
        return False
    if isinstance(schema, str) and _SCHEMA in schema:
        return True
    listed = any(_has_kind(value.get(member), kind) for member, kind in (("remotes", "url"), ("packages", "registryType")))
    return "/" in name and "description" in value and listed


def _has_kind(value: Json, member: str) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) and member in item for item in value)


def entries_in(value: dict[str, Json]) -> list[tuple[dict[str, Json], Route]] | None:
    """The entries of a registry's answer, with their routes; None when it is none."""
    servers = value.get("servers")
    if not isinstance(servers, list):
        return None
    found: list[tuple[dict[str, Json], Route]] = []
    for index, item in enumerate(servers):
        inner = item.get("server") if isinstance(item, dict) else None
        if isinstance(inner, dict) and is_entry(inner):
            found.append((inner, ("servers", index, "server")))
        elif isinstance(item, dict) and is_entry(item):
            found.append((item, ("servers", index)))
    return found or None


def take_entry(reading: Reading, value: dict[str, Json], route: Route) -> None:
    """Take one; versions of one server are things of their own."""
    version = value.get("version")
    id_ = f"registry:{value['name']}" + (f"@{version}" if isinstance(version, str) and version else "")
    reading.add(RawResource(id_, TYPE, value, reading.at(*route), FORMAT))

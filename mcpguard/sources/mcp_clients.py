"""Files in which MCP clients list servers: ``.vscode/mcp.json``, ``.mcp.json`` and their like.

Shape: facts/tools-and-evidence.md 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.location import Route
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.reading import Reading

FORMAT = "mcp-client"
_MEMBERS = ("servers", "mcpServers")
_NESTED = (("mcp",), ("settings", "mcp"), ("customizations", "vscode", "mcp"))
"""Where VS Code's settings, workspace files and dev containers hold the same object."""
_SPECIFICATIONS = frozenset({"openapi", "asyncapi", "swagger"})
"""Files that have ``servers`` too."""


def find_client(value: dict[str, Json]) -> tuple[dict[str, Json], Route] | None:
    """The object that lists servers, and the route to it; None when there is none."""
    for holder, route in _candidates(value):
        for member in _MEMBERS:
            servers = holder.get(member)
            if not isinstance(servers, dict) or holder.keys() & _SPECIFICATIONS:
                continue
            if any(isinstance(entry, dict) and ("url" in entry or "command" in entry) for entry in servers.values()):
                return holder, route
            if not servers and (member == "mcpServers" or "inputs" in holder):
                return holder, route
    return None


def _candidates(value: dict[str, Json]) -> Iterator[tuple[dict[str, Json], Route]]:
    yield value, ()
    for steps in _NESTED:
        holder: Json = value
        for step in steps:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            yield holder, steps


def take_client(reading: Reading, value: dict[str, Json], route: Route) -> None:
    """Take it as ``file/mcp-client``."""
    reading.add(RawResource(f"file:{reading.path}", "file/mcp-client", value, reading.at(*route), FORMAT))

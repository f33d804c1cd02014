"""What a microsoft/mcp-gateway answers: ``GET /adapters``, ``GET /tools`` and ``GET /portal/config``.

Shapes: microsoft/mcp-gateway, Contracts/AdapterResource.cs, ToolResource.cs and PortalConfigController.cs. A list holds what
its caller may read, so it never claims to be complete.
"""

from __future__ import annotations

from mcpguard.core.location import Route
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.reading import Reading

FORMAT = "mcp-gateway"
_OF_IMAGES = frozenset({"replicaCount", "environmentVariables", "requiredRoles", "useWorkloadIdentity"})


def take(reading: Reading, value: dict[str, Json], route: Route) -> bool:
    """Take an adapter, a tool or the portal's configuration; False when it is none of these."""
    name = value.get("name")
    if isinstance(name, str) and "imageName" in value and "imageVersion" in value and value.keys() & _OF_IMAGES:
        kind = "tools" if "toolDefinition" in value else "adapters"
        reading.add(RawResource(f"mcp-gateway:/{kind}/{name}", f"mcp-gateway/{kind}", value, reading.at(*route), FORMAT))
        return True
    if isinstance(value.get("publicOrigin"), str) and {"isDevelopment", "agentsEnabled"} <= value.keys():
        origin = value["publicOrigin"].rstrip("/")
        reading.add(RawResource(f"mcp-gateway:{origin}", "mcp-gateway/config", value, reading.at(*route), FORMAT))
        return True
    return False

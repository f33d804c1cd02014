"""A first manifest out of what was read: what is known is filled in, what only people know is a comment to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mcpguard.core.facts import Known
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.ownership import owner_places
from mcpguard.model.sheet import HopRole, Inventory, Sheet


def draft(inventory: Inventory, estate: Estate) -> str:
    """The text of a manifest that names every server of the inventory which an id or an address can name."""
    lines = [
        "# Written by mcpguard inventory --write. Fill in what the comments ask for; docs/manifest.md explains every key.",
        "apiVersion: mcpguard/v1",
        "kind: McpInventory",
        "# organization: <name>",
        "# gatewayHosts: [<custom domains and front doors of your gateways>]",
        "# approvedClients: [{appId: <client id>, name: <name>}]",
        "servers:" if inventory.sheets else "servers: []",
    ]
    names: set[str] = set()
    for sheet in inventory.sheets:
        server = estate.get(McpServer, sheet.key)
        if server is not None:
            lines.extend(_server(sheet, server, estate, names))
    return "\n".join(lines) + "\n"


def _server(sheet: Sheet, server: McpServer, estate: Estate, names: set[str]) -> Iterator[str]:
    name = sheet.name
    while name in names:
        name += "-2"
    names.add(name)
    yield f"  - id: {_text(name)}"
    api = estate.get(Api, server.api)
    if server.source is ServerSource.KUBERNETES_GATEWAY and server.url is not None:
        yield f"    url: {_text(server.url.text)}"
    elif api is not None and sum(other.name.lower() == api.name.lower() for other in estate.of(Api)) == 1:
        yield f"    apimApi: {_text(api.name)}"
    else:
        yield f"    resourceId: {_text(server.id)}"
    yield "    # environment: production | staging | test | development"
    owner = next(
        (
            place.owner.value
            for place in owner_places(server, estate)
            if isinstance(place.owner, Known) and place.owner.value.strip() and place.owner.value != "someone"
        ),
        "",
    )
    yield f"    owner: {{name: {_text(owner)}}}" if owner else "    # owner: {name: <team>, email: <address>, group: <group>}"
    yield "    # reviewBy: <YYYY-MM-DD>"
    clients = sorted({_client_id(hop.title) for hop in sheet.hops(HopRole.CLIENT)} - {""})
    if clients:
        yield f"    clients: [{', '.join(map(_text, clients))}]"
    if sheet.tools:
        yield "    tools:"
        for tool in sheet.tools:
            yield f"      - name: {_text(tool.name)}"
            if tool.tool_class and tool.level != "default":
                yield f"        class: {tool.tool_class}                # {tool.level}: {_comment(tool.reason)}"
            else:
                yield "        # class: read-only | write | destructive"
            if tool.tool_class != "read-only":
                yield "        # approval: {model: none | client | gateway | server | external, approverGroup: <group>}"


def _client_id(title: str) -> str:
    """The client id at the end of a title, or the title when it is one."""
    found = title.rpartition("(")[2].rstrip(")") if title.endswith(")") else title
    return found if len(found) == 36 and found.count("-") == 4 else ""


def _text(value: str) -> str:
    """A YAML scalar: JSON's strings are YAML's."""
    return json.dumps(value, ensure_ascii=True)


def _comment(value: str) -> str:
    return " ".join(value.split())

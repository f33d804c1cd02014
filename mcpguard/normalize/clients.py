"""MCP client configuration files into entries. Shapes: facts/tools-and-evidence.md 1.6."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.evidence import RawResource
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.mcp import ClientEntry
from mcpguard.model.urls import parse_url
from mcpguard.normalize.fields import lookup, text


def client_entries(raw: RawResource) -> Iterator[tuple[Entity, str]]:
    """One entry per server that a client file names."""
    for root in ("servers", "mcpServers"):
        entries = lookup(raw.body, (root,))
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            url, command = lookup(entry, ("url",)), lookup(entry, ("command",))
            if not isinstance(url, str) and not isinstance(command, str):
                continue
            at = raw.origin.child(root, str(name))
            yield (
                ClientEntry(
                    id=f"{raw.id}#{name}",
                    key=f"{raw.key}#{str(name).lower()}",
                    name=str(name),
                    at=at,
                    format=raw.format,
                    url=parse_url(url, at.child("url")) if isinstance(url, str) else None,
                    command=command if isinstance(command, str) else "",
                    transport=text(raw, root, str(name), "type"),
                ),
                "",
            )

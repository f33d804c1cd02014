"""Tools of agents and toolboxes. Shapes: facts/foundry.md 3; names in camel case are azd's."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource
from mcpguard.evidence.foundry_words import fold
from mcpguard.model.kinds.foundry import FoundryTool, HeldSecret, ToolApproval, ToolFilter
from mcpguard.model.kinds.mcp import Url
from mcpguard.model.urls import parse_url
from mcpguard.normalize.fields import fact, lookup, not_usable
from mcpguard.normalize.foundry import held_secrets

_INPUT = LazyPattern(r"(?<!\$)\{\{[#^&{]?\s*([A-Za-z_][\w.\-]*)\s*\}\}")
_ALWAYS = "Foundry asks always when require_approval is absent (agents/how-to/tools/model-context-protocol)"
Steps = tuple[str | int, ...]


def read_tools(raw: RawResource, steps: Steps, *, connections: bool = False) -> Members[FoundryTool]:
    """The tools of a list; what is no object, or computed, makes the list incomplete.

    With ``connections`` the items are connections to MCP servers by name, as a toolbox file of azd may list them.
    """
    found = fact(raw, steps, list, Known([], raw.origin.child(*steps)))
    if isinstance(found, Unknown):
        return Members((), found)
    tools: list[FoundryTool] = []
    missing: Unknown | None = None
    for number, item in enumerate(found.value):
        if isinstance(item, dict):
            tools.append(_tool(raw, (*steps, number), item, "mcp" if connections else ""))
        else:
            missing = missing or not_usable(raw, (*steps, number), item, "an object")
    return Members(tuple(tools), missing)


def _tool(raw: RawResource, steps: Steps, item: dict[str, Json], given: str) -> FoundryTool:
    at = raw.origin.child(*steps)
    type_ = given or fold(_text(item, "type", "kind")).lower()
    inner = item.get(type_)
    address = _one(item, "server_url", "serverUrl", "base_url", "baseUrl", "url")
    headers = tuple(held_secrets(raw, (*steps, "headers"))) if item.get("headers") else ()
    return FoundryTool(
        type=type_,
        label=_text(item, "server_label", "serverLabel", "name")
        or (_text(inner, "name") if isinstance(inner, dict) else "")
        or type_,
        url=_url(raw, (*steps, address), item.get(address), at),
        connection=_connection(raw, steps, item, type_, by_name=bool(given)),
        connector=_text(item, "connector_id", "connectorId"),
        tunnel=_text(item, "tunnel_id", "tunnelId"),
        allowed=_allowed(raw, (*steps, _one(item, "allowed_tools", "allowedTools")), at),
        approval=_approval(raw, (*steps, _one(item, "require_approval", "requireApproval")), at),
        headers=headers,
        authorization=at.child("authorization") if _text(item, "authorization") else None,
        templated=tuple(_inputs(item.get(address), at.child(address), headers)),
        card_credentials=fact(
            raw,
            (*steps, "send_credentials_for_agent_card"),
            bool,
            Known(False, at, "azure-ai-projects 2.10.0: anonymous unless set"),
        ),
        at=at,
    )


def _one(item: dict[str, Json], *names: str) -> str:
    """The first of some names that is there, else the first."""
    return next((name for name in names if item.get(name) is not None), names[0])


def _text(item: dict[str, Json], *names: str) -> str:
    """The first of some members that is a text; empty when none is."""
    return next((value for name in names if isinstance(value := item.get(name), str) and value), "")


def _url(raw: RawResource, steps: Steps, value: Json, at: Location) -> Fact[Url | None]:
    if value is None or value == "":
        return Known(None, at)
    if not isinstance(value, str):
        return not_usable(raw, steps, value, "a text")
    here = raw.origin.child(*steps)
    return Known(parse_url(value, here), here)


def _connection(raw: RawResource, steps: Steps, item: dict[str, Json], type: str, *, by_name: bool) -> Fact[str]:
    """Where each type of tool names its connection: at the top, or within the member that is called like the type."""
    written = _text(item, "type") or type
    routes: tuple[tuple[str, ...], ...] = (
        ("project_connection_id",),
        ("projectConnectionId",),
        ("connection", "project_connection_id"),
        ("connection", "name"),
        ("connection",),
        (written, "project_connection_id"),
        (written, "connection", "project_connection_id"),
        *((("name",),) if by_name else ()),
    )
    for route in routes:
        if item.get(route[0]) is None:
            continue
        value = lookup(item, route)
        if value is not None and not isinstance(value, dict):
            return fact(raw, (*steps, *route), str, Known("", raw.origin.child(*steps)))
    return Known("", raw.origin.child(*steps))


def _filter(raw: RawResource, steps: Steps) -> Fact[ToolFilter]:
    """A list of names, or ``{tool_names, read_only}``."""
    value = lookup(raw.body, steps)
    names, read_only = value, None
    if isinstance(value, dict):
        names = next((value[name] for name in ("tool_names", "toolNames") if name in value), None) or []
        read_only = next((value[name] for name in ("read_only", "readOnly") if name in value), None)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return not_usable(raw, steps, value, "a list of names or a filter")
    if read_only is not None and not isinstance(read_only, bool):
        return not_usable(raw, (*steps, "read_only"), read_only, "true or false")
    return Known(ToolFilter(frozenset(names), read_only), raw.origin.child(*steps))


def _allowed(raw: RawResource, steps: Steps, tool: Location) -> Fact[ToolFilter | None]:
    if lookup(raw.body, steps) is None:
        return Known(None, tool)
    found = _filter(raw, steps)
    return Known(found.value, found.at) if isinstance(found, Known) else found


def _approval(raw: RawResource, steps: Steps, tool: Location) -> Fact[ToolApproval]:
    value = lookup(raw.body, steps)
    at = raw.origin.child(*steps)
    nothing = ToolFilter()
    if value is None:
        return Known(ToolApproval("always", nothing, nothing, tool, is_set=False), tool, _ALWAYS)
    if isinstance(value, str) and value.lower() in ("always", "never"):
        return Known(ToolApproval(value.lower(), nothing, nothing, at), at)
    if not isinstance(value, dict):
        return not_usable(raw, steps, value, "always, never or an object of both")
    lists: dict[str, ToolFilter] = {}
    for name in ("always", "never"):
        if value.get(name) is not None:
            found = _filter(raw, (*steps, name))
            if isinstance(found, Unknown):
                return found
            lists[name] = found.value
    return Known(ToolApproval("", lists.get("always", nothing), lists.get("never", nothing), at), at)


def _inputs(url: Json, at: Location, headers: tuple[HeldSecret, ...]) -> Iterator[tuple[str, Location]]:
    """Names in double braces; ``${{…}}`` is filled by the service from a connection, and is no caller's choice."""
    if isinstance(url, str):
        for match in _INPUT.finditer(url):
            yield match[1], at
    for header in headers:
        if isinstance(header.value, Known) and header.value.value:
            for match in _INPUT.finditer(header.value.value):
                yield match[1], header.at

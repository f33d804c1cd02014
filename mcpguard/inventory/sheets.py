"""Putting sheets together."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Known, Undetermined, Unknown
from mcpguard.core.location import Location
from mcpguard.inventory.agents import agent_rows, agents_of
from mcpguard.inventory.callers import clients_of, compare_clients
from mcpguard.inventory.chain import compare_audiences, hops_of
from mcpguard.inventory.directory import compare_scopes, directory_hops
from mcpguard.inventory.evidence import evidence_entries
from mcpguard.inventory.ways import hosts_behind, ways_into
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.governance import DeclaredServer
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.ownership import owner_places
from mcpguard.model.server_view import tool_classes
from mcpguard.model.sheet import Comparison, Entry, Inventory, Sheet, ToolRow, Way


def inventory(estate: Estate) -> Inventory:
    """Every server and agent, in the order of names. A policy file that nothing loads is no server."""
    servers = [server for server in estate.of(McpServer) if server.source is not ServerSource.LOOSE_POLICY]
    servers.sort(key=lambda server: (server.name.lower(), server.key))
    return Inventory(tuple(sheet(server, estate) for server in servers), tuple(agent_rows(estate)))


def sheet(server: McpServer, estate: Estate) -> Sheet:
    """Everything that is known of one server."""
    tools, missing = _tools(server, estate)
    return Sheet(
        id=server.id,
        key=server.key,
        name=server.name,
        title=server.title,
        source=server.source.value,
        confidence=server.confidence,
        reasons=server.reasons,
        at=server.at,
        addresses=tuple(_addresses(server, estate)),
        owners=tuple(_owners(server, estate)),
        governance=tuple(_governance(server, estate)),
        callers=(*clients_of(server, estate), *agents_of(server, estate)),
        ways=tuple(_ways(server, estate)),
        chain=(*hops_of(server, estate), *directory_hops(server, estate)),
        comparisons=tuple(_comparisons(server, estate)),
        tools=tools,
        tools_missing=missing,
        evidence=tuple(evidence_entries(server, estate)),
    )


def _addresses(server: McpServer, estate: Estate) -> Iterator[Entry]:
    if server.url is not None:
        yield Entry("address", server.url.text, server.url.at)
    service, api = estate.get(Service, server.service), estate.get(Api, server.api)
    if service is not None and api is not None:
        for host in service.gateway_hosts:
            yield Entry("address", f"https://{host}/{api.path.strip('/')}", api.at)
        if not service.gateway_hosts:
            remedy = f"add the answer of: az rest --method get --url {service.id}"
            missing = Unknown(f"the host names of {service.title}", remedy, service.at)
            yield Entry("address", "", service.at, "", missing)
    elif server.source is ServerSource.HOST:
        for found in hosts_behind(server, estate):
            for name in found.host_names:
                yield Entry("address", f"https://{name}", found.at)


def _owners(server: McpServer, estate: Estate) -> Iterator[Entry]:
    """Who answers for it. What was not read counts only where nobody is named."""
    named = unread = False
    seen: set[tuple[str, str]] = set()
    for place in owner_places(server, estate):
        match place.owner:
            case Known(value=owner) if owner.strip():
                if (place.place, owner) in seen:
                    continue
                seen.add((place.place, owner))
                named = True
                yield Entry("owner", owner.strip(), place.at, place.place)
            case Unknown() as unknown if not named and not unread:
                unread = True
                yield Entry("owner", "", unknown.at, place.place, unknown)
            case _:
                pass
    if not named and not unread:
        yield Entry("owner", "nobody", server.at)


def _governance(server: McpServer, estate: Estate) -> Iterator[Entry]:
    declaration = estate.declaration(server)
    if declaration is None:
        where = "the manifest does not name it" if estate.manifest is not None else "no manifest was given"
        yield Entry("declared", "no", None, where)
        return
    at, declared = declaration.at, declaration.server
    yield Entry("declared", declared.id, at, "the manifest")
    for name, value, key in (
        ("environment", declared.environment, "environment"),
        ("wave", declared.wave, "wave"),
        ("sponsor", declared.sponsor, "sponsor"),
        ("review by", declared.review_by, "reviewBy"),
        ("exposure", declared.exposure, "exposure"),
        ("data", declared.data_classification, "dataClassification"),
    ):
        if value:
            yield Entry(name, str(value), at.child(key))
    yield from _downstream_declared(declared, at)


def _downstream_declared(declared: DeclaredServer, at: Location) -> Iterator[Entry]:
    for number, item in enumerate(declared.downstream):
        text = f"{item.resource} ({item.mode or 'no mode declared'})"
        yield Entry("declared downstream", text, at.child("downstream", number))


def _ways(server: McpServer, estate: Estate) -> Iterator[Way]:
    try:
        yield from ways_into(server, estate)
    except Undetermined as undetermined:
        yield Way("through the gateway", (), undetermined.unknown)


def _comparisons(server: McpServer, estate: Estate) -> Iterator[Comparison]:
    for found in (compare_audiences(server, estate), compare_scopes(server, estate), compare_clients(server, estate)):
        if found is not None:
            yield found


def _tools(server: McpServer, estate: Estate) -> tuple[tuple[ToolRow, ...], Unknown | None]:
    declaration = estate.declaration(server)
    rows = []
    for tool in estate.tools(server):
        found = estate.classification(tool)
        declared = declaration.tool(tool.name) if declaration is not None else None
        approval = declared.approval if declared is not None else None
        text = f"{approval.model}: {approval.approver_group}".rstrip(": ") if approval is not None else ""
        name = found.tool_class.value if found.tool_class is not None else ""
        enforced = approval is not None and approval.enforced
        rows.append(ToolRow(tool.name, name, found.level, found.reason, text, enforced, tool.at))
    seen = {tool.name.lower() for tool in estate.tools(server)}
    for number, item in enumerate(declaration.server.tools if declaration is not None else ()):
        if declaration is not None and item.name.lower() not in seen:
            approval = item.approval
            text = f"{approval.model}: {approval.approver_group}".rstrip(": ") if approval is not None else ""
            at = declaration.at.child("tools", number)
            name = item.class_.value if item.class_ is not None else ""
            rows.append(
                ToolRow(
                    item.name, name, "declared", "only the manifest names it", text, bool(approval and approval.enforced), at
                )
            )
    return tuple(rows), tool_classes(server, estate).missing

"""Agents: which of them can call a server, and what each is."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.inventory.callers import Door, at_the_doors, doors, registrations_of
from mcpguard.inventory.entries import entry, listed
from mcpguard.inventory.ways import hosts_behind
from mcpguard.model.directory import application_of, principal_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import ServicePrincipal
from mcpguard.model.kinds.foundry import FoundryAgent, FoundryProject, account_key
from mcpguard.model.kinds.gateway import Product, Service
from mcpguard.model.kinds.governance import DeclaredAgent
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.links import Link, Relation
from mcpguard.model.ownership import tagged_owner
from mcpguard.model.sheet import AgentRow, Entry, Hop, HopRole

_REVIEW_KEYS = frozenset({"reviewby", "reviewdate", "expires", "expireson", "validuntil"})


def agents_of(server: McpServer, estate: Estate) -> Iterator[Hop]:
    """Agents that can call a server or the host behind it: by their tools, by what their identity holds, by the manifest."""
    places = doors(server, estate)
    found: dict[str, tuple[FoundryAgent, Link]] = {}
    for key in _same_server(server, estate):
        for link in estate.links.arriving(key, Relation.CALLS):
            agent = estate.get(FoundryAgent, link.source)
            if agent is not None:
                found.setdefault(agent.key, (agent, link))
    for agent, link in found.values():
        entries = (*_agent_entries(agent, estate), *_admitted(agent, places))
        yield Hop(HopRole.AGENT, agent.key, agent.title, link.how, link.at, link.confidence, entries, short=agent.name)
    told = {agent.client_id.value for agent, _ in found.values() if isinstance(agent.client_id, Known)}
    for hop, identity in _agent_identities(server, estate):
        if identity.app_id not in told:
            yield hop
    declaration = estate.declaration(server)
    for declared, at in _declared(estate):
        names = {name.lower() for name in declared.servers}
        if {server.name.lower(), declaration.server.id.lower() if declaration else ""} & names - {""}:
            how = "the manifest says that it calls this server"
            own = tuple(_declared_entries(declared, at))
            if declared.app_id:
                own += at_the_doors(declared.app_id.lower(), places)
            yield Hop(HopRole.AGENT, declared.app_id or declared.principal_id, declared.id, how, at, entries=own)


def _same_server(server: McpServer, estate: Estate) -> Iterator[str]:
    yield server.key
    for host in hosts_behind(server, estate):
        if f"{host.key}#mcp" != server.key:
            yield f"{host.key}#mcp"


def _admitted(agent: FoundryAgent, places: tuple[Door, ...]) -> tuple[Entry, ...]:
    """What the places that name clients say of an agent with an identity of its own."""
    match agent.client_id:
        case Known(value=client_id) if client_id:
            return at_the_doors(client_id, places)
        case _:
            return ()


def _agent_identities(server: McpServer, estate: Estate) -> Iterator[tuple[Hop, ServicePrincipal]]:
    """Agent identities that hold a role on, or a consent for, a registration whose tokens the server takes."""
    principals = {
        principal.object_id: application
        for application in registrations_of(server, estate)
        if (principal := principal_of(application.app_id, estate)) is not None and principal.object_id
    }
    places = doors(server, estate) if principals else ()
    for identity in _identities(estate):
        held = [(grant.resource_id, grant.at, "holds a role on") for grant in identity.roles.items]
        held += [(grant.resource_id, grant.at, "may act for users on") for grant in identity.delegated.items]
        for resource, at, words in held:
            application = principals.get(resource)
            if application is not None:
                entries = (
                    _sponsors(identity),
                    Entry("identity", identity.app_id, identity.at),
                    *_blueprint(identity, estate),
                    *at_the_doors(identity.app_id, places),
                )
                title, how = f"agent identity {identity.name}", f"it {words} {application.title}"
                yield Hop(HopRole.AGENT, identity.key, title, how, at, entries=entries, short=identity.name), identity
                break


def _blueprint(identity: ServicePrincipal, estate: Estate) -> Iterator[Entry]:
    if identity.blueprint_app_id:
        blueprint = application_of(identity.blueprint_app_id, estate)
        name = blueprint.name if blueprint is not None else identity.blueprint_app_id
        yield Entry("blueprint", name, blueprint.at if blueprint is not None else identity.at)


def _identities(estate: Estate) -> tuple[ServicePrincipal, ...]:
    return estate.remember("agent identities", lambda: tuple(it for it in estate.of(ServicePrincipal) if it.is_agent))


def _sponsors(identity: ServicePrincipal) -> Entry:
    return entry("sponsors", identity.sponsors, lambda found: listed(tuple(person.name or person.id for person in found)))


def _declared(estate: Estate) -> Iterator[tuple[DeclaredAgent, Location]]:
    if estate.manifest is not None and estate.manifest_at is not None:
        for number, agent in enumerate(estate.manifest.agents):
            yield agent, estate.manifest_at.child("agents", number)


def _declared_entries(declared: DeclaredAgent, at: Location) -> Iterator[Entry]:
    yield Entry("owner", declared.owner.text if declared.owner else "nobody", at)
    if declared.review_by is not None:
        yield Entry("review by", declared.review_by.isoformat(), at)


def _agent_entries(agent: FoundryAgent, estate: Estate) -> Iterator[Entry]:
    yield entry("state", agent.state, at=agent.at)
    yield _owner(agent, estate)
    yield _identity(agent)
    principal = principal_of(agent.client_id.value, estate) if isinstance(agent.client_id, Known) else None
    if principal is not None:
        yield _sponsors(principal)
        yield from _blueprint(principal, estate)
    yield from _project(agent, estate)


def _project(agent: FoundryAgent, estate: Estate) -> Iterator[Entry]:
    """Its project, and the gateway that a link object ties project or account to; a link does not route anything."""
    match agent.project:
        case Known(value=key):
            project = estate.get(FoundryProject, key)
            title, at = (project.title, project.at) if project is not None else (key, agent.at)
            yield Entry("project", title, at)
            ends = (key, account_key(key))
            for link in (link for end in ends for link in estate.links.leaving(end, Relation.GOVERNED_BY)):
                target: Entity | None = estate.get(Product, link.target) or estate.get(Service, link.target)
                yield Entry("linked to", target.title if target is not None else link.target, link.at, link.how)
        case Unknown() as unknown:
            yield Entry("project", "", unknown.at, "", unknown)


def _owner(agent: FoundryAgent, estate: Estate) -> Entry:
    declared = _declaration_of(agent, estate)
    if declared is not None and declared[0].owner is not None:
        return Entry("owner", declared[0].owner.text, declared[1], "the manifest")
    named = tagged_owner(agent.latest.metadata)
    return Entry("owner", named or "nobody", agent.latest.at, "its metadata" if named else "")


def _review(agent: FoundryAgent, estate: Estate) -> Entry:
    declared = _declaration_of(agent, estate)
    date = (declared[0].review_by or declared[0].expires) if declared is not None else None
    if declared is not None and date is not None:
        return Entry("review by", date.isoformat(), declared[1], "the manifest")
    for key, value in agent.latest.metadata.items():
        if key.lower().replace("-", "").replace("_", "") in _REVIEW_KEYS:
            return Entry("review by", value, agent.latest.at, "its metadata")
    return Entry("review by", "-", agent.at)


def _declaration_of(agent: FoundryAgent, estate: Estate) -> tuple[DeclaredAgent, Location] | None:
    """What the manifest says of an agent: found by its identity, else by its name."""
    ids = {fact.value.lower() for fact in (agent.client_id, agent.principal_id) if isinstance(fact, Known) and fact.value}
    for declared, at in _declared(estate):
        if {declared.app_id.lower(), declared.principal_id.lower()} & ids or declared.id.lower() == agent.name.lower():
            return declared, at
    return None


def _identity(agent: FoundryAgent) -> Entry:
    match agent.client_id:
        case Known(value=client_id, at=at):
            return Entry("identity", client_id or "the project's shared agent identity", at or agent.at)
        case Unknown() as unknown:
            return Entry("identity", "", unknown.at, "", unknown)


def agent_rows(estate: Estate) -> Iterator[AgentRow]:
    """Every agent: Foundry's, agent identities that none of them runs as, and those that only the manifest knows."""
    told: set[str] = set()
    for agent in estate.of(FoundryAgent):
        declaration = _declaration_of(agent, estate)
        if declaration is not None:
            told.add(declaration[0].id)
        definition = agent.latest.definition
        kind = f"Foundry {definition.value} agent" if isinstance(definition, Known) else "Foundry agent"
        owner, review, calls = _owner(agent, estate), _review(agent, estate), tuple(_servers_of(agent.key, estate))
        yield AgentRow(agent.id, agent.name, kind, owner, review, _identity(agent), calls, agent.at)
    of_foundry = {agent.client_id.value for agent in estate.of(FoundryAgent) if isinstance(agent.client_id, Known)}
    called = _servers_called(estate) if _identities(estate) else {}
    for identity in _identities(estate):
        if identity.app_id not in of_foundry:
            told.update(it.id for it, _ in _declared(estate) if it.app_id.lower() == identity.app_id)
            review = entry("review by", identity.review_dates, lambda dates: dates[0].date if dates else "-", identity.at)
            itself = Entry("identity", identity.app_id, identity.at)
            calls = tuple(called.get(identity.key, ()))
            owner = _sponsors(identity)
            yield AgentRow(identity.id, identity.name, "agent identity", owner, review, itself, calls, identity.at)
    for declared, at in _declared(estate):
        if declared.id not in told:
            owner = Entry("owner", declared.owner.text if declared.owner else "nobody", at, "the manifest")
            review = Entry("review by", declared.review_by.isoformat() if declared.review_by else "-", at)
            itself = Entry("identity", declared.app_id or declared.principal_id or "-", at)
            calls = tuple(Entry("calls", name, at, "the manifest says so") for name in declared.servers)
            yield AgentRow(f"manifest:{declared.id}", declared.id, "declared agent", owner, review, itself, calls, at)


def _servers_called(estate: Estate) -> dict[str, list[Entry]]:
    """The servers that agent identities can call, by the identity's key."""
    called: dict[str, list[Entry]] = {}
    for server in estate.of(McpServer):
        for _, identity in _agent_identities(server, estate):
            called.setdefault(identity.key, []).append(Entry("calls", server.name, server.at))
    return called


def _servers_of(key: str, estate: Estate) -> Iterator[Entry]:
    for link in estate.links.leaving(key, Relation.CALLS):
        server = estate.get(McpServer, link.target)
        yield Entry("calls", server.name if server is not None else link.target, link.at, link.how)

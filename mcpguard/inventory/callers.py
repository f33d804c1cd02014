"""Who may call a server: the client ids that each place on the way admits, and agents."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.inventory.handover import own_resource
from mcpguard.inventory.ways import hosts_behind
from mcpguard.model.directory import principal_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application, ServicePrincipal
from mcpguard.model.kinds.hosting import PlatformAuth
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.links import Relation
from mcpguard.model.reference_data import well_known_clients
from mcpguard.model.server_view import judged_calls
from mcpguard.model.sheet import Agreement, Comparison, Entry, Hop, HopRole
from mcpguard.policy.effective import Statement
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import listed_in, validates_token
from mcpguard.policy.tree import Value

_CLIENT_CLAIMS = frozenset({"azp", "appid"})


class Door(msgspec.Struct, frozen=True):
    """One place that decides which clients come in."""

    title: str
    admits: Fact[frozenset[str] | None]
    """Client ids in lower case; None when it asks for none in particular."""
    at: Location | None
    is_binding: bool = True
    """Whether a client that it does not name is refused there. The manifest only says what is meant."""


def doors(server: McpServer, estate: Estate) -> tuple[Door, ...]:
    """Every place that names clients of a server: gateway, hosts, registrations, manifest."""
    places = (_gateway, _hosts, _registrations, _declared)
    return estate.remember(("doors", server.key), lambda: tuple(door for place in places for door in place(server, estate)))


def _gateway(server: McpServer, estate: Estate) -> Iterator[Door]:
    if not server.api or server.source is ServerSource.LOOSE_POLICY:
        return
    named: set[str] = set()
    at: Location | None = None
    open_to_any = False
    for call in judged_calls(server, estate):
        ids: set[str] = set()
        for statement in statements(call.policy.inbound):
            for content in _client_values(statement) if validates_token(statement) else ():
                match call.policy.resolve(content):
                    case Known(value=text):
                        ids.add(text.strip().lower())
                        at = at or statement.at
                    case Unknown() as unknown:
                        yield Door("the gateway", unknown, unknown.at)
                        return
        open_to_any = open_to_any or not ids
        named |= ids
    yield Door("the gateway", Known(None if open_to_any else frozenset(named)), at or server.at)


def _client_values(validator: Statement) -> Iterator[Value]:
    """Client ids that a validator asks for: ``client-application-ids``, or values of the claims azp and appid."""
    yield from (content for _, content in listed_in(validator, "client-application-ids"))
    claims = validator.element.find("required-claims")
    for claim in claims.elements if claims is not None else ():
        name = claim.attribute("name")
        if name is not None and name.text.strip().lower() in _CLIENT_CLAIMS:
            yield from (value.content for value in claim.elements if value.name == "value")


def _hosts(server: McpServer, estate: Estate) -> Iterator[Door]:
    """Hosts let clients in by their tokens; where the gateway brings a token of its own, it is the client."""
    if own_resource(server, estate) is not None:
        return
    for host in hosts_behind(server, estate):
        match host.auth:
            case Known(value=PlatformAuth() as auth):
                match auth.enabled, auth.allowed_applications:
                    case Known(value=False), _:
                        pass
                    case Known(), Known(value=ids, at=at):
                        yield Door(host.title, Known(frozenset(ids) or None), at or auth.at)
                    case Unknown() as unknown, _:
                        yield Door(host.title, unknown, unknown.at)
                    case _, Unknown() as unknown:
                        yield Door(host.title, unknown, unknown.at)
                    case _:
                        pass
            case Unknown() as unknown:
                yield Door(host.title, unknown, unknown.at)
            case _:
                pass


def _registrations(server: McpServer, estate: Estate) -> Iterator[Door]:
    for application in _asked_for(server, estate):
        match application.preauthorized:
            case Known(value=clients, at=at):
                ids = frozenset(client.app_id for client in clients)
                yield Door(application.title, Known(ids), at or application.at, is_binding=False)
            case Unknown() as unknown:
                yield Door(application.title, unknown, unknown.at, is_binding=False)


def _asked_for(server: McpServer, estate: Estate) -> tuple[Application, ...]:
    """The registrations for which clients themselves get tokens."""
    if own_resource(server, estate) is None:
        return registrations_of(server, estate)
    accepted = {link.target for link in estate.links.leaving(server.key, Relation.ACCEPTS_TOKENS_FOR)}
    return tuple(application for application in registrations_of(server, estate) if application.key in accepted)


def registrations_of(server: McpServer, estate: Estate) -> tuple[Application, ...]:
    """The registrations whose tokens a server or a host behind it takes."""
    keys = [server.key, *(f"{host.key}#mcp" for host in hosts_behind(server, estate))]
    relations = (Relation.SIGNS_IN_WITH, Relation.ACCEPTS_TOKENS_FOR)
    targets = [link.target for key in keys for link in estate.links.leaving(key, *relations)]
    found = (estate.get(Application, key) for key in dict.fromkeys(targets))
    return tuple(application for application in found if application is not None)


def _declared(server: McpServer, estate: Estate) -> Iterator[Door]:
    declaration = estate.declaration(server)
    if declaration is not None and declaration.server.clients:
        ids = frozenset(client.lower() for client in declaration.server.clients)
        yield Door("the manifest", Known(ids), declaration.at.child("clients"), is_binding=False)


def clients_of(server: McpServer, estate: Estate) -> Iterator[Hop]:
    """Every client id that some place names, with what each place says of it; and what lets in anybody.

    The server's own registration is none, and agents are told by themselves.
    """
    places = doors(server, estate)
    by_id = {application.app_id: application for application in estate.of(Application)}
    ids = sorted({client for door in places if isinstance(door.admits, Known) for client in door.admits.value or ()})
    left_out = {application.app_id for application in registrations_of(server, estate)}
    left_out |= {it.app_id for it in estate.of(ServicePrincipal) if it.is_agent}
    for client in ids:
        if client in left_out:
            continue
        application = by_id.get(client)
        name = _name(client, application, estate)
        entries = at_the_doors(client, places)
        title = f"{name} ({client})" if name else client
        at = next((door.at for door in places if _admits(door, client) is True), server.at)
        key = application.key if application else client
        yield Hop(HopRole.CLIENT, key, title, "its client id", at, entries=entries, short=name or client)
    binding = [door for door in places if door.is_binding]
    if binding and all(isinstance(door.admits, Known) and door.admits.value is None for door in binding):
        titles = " and ".join(door.title for door in binding)
        verb = "asks" if len(binding) == 1 else "ask"
        yield Hop(HopRole.CLIENT, "", "any client", f"{titles} {verb} for none in particular", binding[0].at)
    for door in binding:
        if isinstance(door.admits, Unknown):
            yield Hop(HopRole.CLIENT, "", f"clients that {door.title} admits", "", door.at, missing=door.admits)


def _name(client: str, application: Application | None, estate: Estate) -> str:
    """What a client is called: by its registration, by the manifest, or everywhere; empty when nobody says."""
    if application is not None:
        return application.name
    principal = principal_of(client, estate)
    if principal is not None:
        return principal.name
    approved = estate.manifest.approved_clients if estate.manifest else ()
    named = next((entry.name for entry in approved if entry.app_id.lower() == client and entry.name), "")
    everywhere = well_known_clients().get(client)
    return named or (everywhere.name if everywhere is not None else "")


def _admits(door: Door, client: str) -> bool | None:
    match door.admits:
        case Known(value=None):
            return True
        case Known(value=frozenset() as ids):
            return client in ids
        case _:
            return None


def at_the_doors(client: str, places: tuple[Door, ...]) -> tuple[Entry, ...]:
    """What each place says of a client id."""
    return tuple(_said(door, client) for door in places)


def _said(door: Door, client: str) -> Entry:
    match door.admits:
        case Known(value=None):
            return Entry(door.title, "admits any client", door.at)
        case Known(value=frozenset() as ids):
            words = ("admits it", "refuses it") if door.is_binding else ("names it", "does not name it")
            return Entry(door.title, words[0] if client in ids else words[1], door.at)
        case Unknown() as unknown:
            return Entry(door.title, "", unknown.at, "", unknown)
        case _:
            raise AssertionError(door)


def compare_clients(server: McpServer, estate: Estate) -> Comparison | None:
    """Whether the places that name clients name the same; None when fewer than two name any."""
    places = [door for door in doors(server, estate) if not (isinstance(door.admits, Known) and door.admits.value is None)]
    if len(places) < 2:
        return None
    entries = tuple(
        Entry(door.title, ", ".join(sorted(door.admits.value or ())) or "none", door.at)
        if isinstance(door.admits, Known)
        else Entry(door.title, "", door.at, "", door.admits)
        for door in places
    )
    known = [door for door in places if isinstance(door.admits, Known)]
    own = {application.app_id for application in registrations_of(server, estate)}
    sets = {frozenset(door.admits.value or ()) - own for door in known if isinstance(door.admits, Known)}
    if len(sets) > 1:
        said = "the places that name clients do not name the same ones"
        return Comparison("clients", Agreement.DIFFER, said, entries)
    if len(known) < len(places):
        return Comparison("clients", Agreement.UNKNOWN, "not every place that may name clients was read", entries)
    return Comparison("clients", Agreement.AGREE, "every place that names clients names the same ones", entries)

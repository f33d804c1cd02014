"""The hops of a server's chain that lie in Entra: registrations, identities, and the resources that they call in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mcpguard.core.facts import Fact, Known, Members, Unknown, value_or_none
from mcpguard.core.location import Location
from mcpguard.inventory.callers import registrations_of
from mcpguard.inventory.entries import entry, listed, yes
from mcpguard.inventory.ways import hosts_behind
from mcpguard.model.directory import application_of, principal_of, principal_with
from mcpguard.model.estate import Estate
from mcpguard.model.host_identities import principal_of_identity
from mcpguard.model.kinds.entra import Application, DirectoryObject, ServicePrincipal
from mcpguard.model.kinds.host_parts import ManagedIdentity
from mcpguard.model.kinds.hosting import Host, PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.links import Relation
from mcpguard.model.reference_data import GRAPH_APP_ID, graph_application_roles, graph_delegated_scopes, resource_of_audience
from mcpguard.model.sheet import Agreement, Comparison, Entry, Hop, HopRole

_METADATA_SCOPES = "website_auth_prm_default_with_scopes"
_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"


def directory_hops(server: McpServer, estate: Estate) -> Iterator[Hop]:
    """Registrations of a server, managed identities of its hosts, and what each may call, in this order."""
    registrations = registrations_of(server, estate)
    hosts = hosts_behind(server, estate)
    for application in registrations:
        yield _registration(application, server, hosts, estate)
    yield from _unread_registrations(server, hosts, estate)
    identities = [identity for host in hosts for identity in _identities(host, estate)]
    yield from (hop for hop, _ in identities)
    for application in registrations:
        yield from _called_by(application, estate)
    for _, principal in identities:
        if principal is not None:
            yield from _granted_to(principal, estate)


def _registration(application: Application, server: McpServer, hosts: tuple[Host, ...], estate: Estate) -> Hop:
    keys = [server.key, *(f"{host.key}#mcp" for host in hosts)]
    links = (
        link
        for key in keys
        for link in estate.links.leaving(key, Relation.SIGNS_IN_WITH, Relation.ACCEPTS_TOKENS_FOR)
        if link.target == application.key
    )
    how = "; ".join(dict.fromkeys(link.how for link in links))
    entries = [
        Entry("client id", application.app_id, application.at),
        entry("identifier URIs", application.identifier_uris, listed, application.at),
        entry("version of its tokens", application.token_version, str, application.at),
        entry(
            "scopes", application.scopes, lambda found: listed(tuple(s.value for s in found if s.is_enabled)), application.at
        ),
        entry(
            "roles", application.app_roles, lambda found: listed(tuple(r.value for r in found if r.is_enabled)), application.at
        ),
        *_credentials(application),
        entry(
            "owners", application.owners, lambda found: listed(tuple(owner.name or "(name not readable)" for owner in found))
        ),
    ]
    principal = principal_of(application.app_id, estate)
    if principal is not None:
        entries.append(entry("assignment required", principal.assignment_required, yes, principal.at))
    return Hop(
        HopRole.REGISTRATION,
        application.key,
        application.title,
        how,
        application.at,
        entries=tuple(entries),
        short=application.name,
    )


def _credentials(application: Application) -> Iterator[Entry]:
    for name, fact in (("secrets", application.passwords), ("certificates", application.certificates)):
        yield entry(name, fact, lambda found: f"{len(found)}, until {max(c.end for c in found)[:10]}" if found else "none")
    yield _members("federated credentials", application.federated, lambda it: it.name, application.at)


def _members(name: str, members: Members[Any], show: Callable[[Any], str], at: Location) -> Entry:
    """A list of children; what was read of an incomplete one is said with what is missing."""
    shown = tuple(show(item) for item in members.items)
    if members.missing is not None and not shown:
        return Entry(name, "", at, "", members.missing)
    note = f"there may be more: {members.missing.missing} was not read" if members.missing is not None else ""
    return Entry(name, listed(shown), at, note)


def _unread_registrations(server: McpServer, hosts: tuple[Host, ...], estate: Estate) -> Iterator[Hop]:
    """Registrations that a host signs in with and that are not in the input."""
    for host in hosts:
        match host.auth:
            case Known(value=PlatformAuth() as auth):
                match auth.client_id:
                    case Known(value=client_id, at=at) if client_id and application_of(client_id, estate) is None:
                        url = f"https://graph.microsoft.com/v1.0/applications(appId='{client_id}')?$expand=owners"
                        missing = Unknown(
                            f"the registration {client_id}", f"add the answer of: az rest --method get --url {url}"
                        )
                        how = f"the sign-in of {host.title} uses its client id"
                        yield Hop(HopRole.REGISTRATION, client_id, "its registration", how, at, missing=missing)
                    case _:
                        pass
            case _:
                pass


def _identities(host: Host, estate: Estate) -> Iterator[tuple[Hop, ServicePrincipal | None]]:
    match host.identities:
        case Known(value=identities):
            for identity in identities:
                yield _identity(identity, host, estate)
        case Unknown() as unknown:
            yield Hop(HopRole.IDENTITY, "", f"managed identity of {host.title}", "", unknown.at, missing=unknown), None


def _identity(identity: ManagedIdentity, host: Host, estate: Estate) -> tuple[Hop, ServicePrincipal | None]:
    name = identity.resource_id.rsplit("/", 1)[-1]
    title = f"user-assigned identity {name}" if name else f"system-assigned identity of {host.title}"
    principal = value_or_none(principal_of_identity(identity, host, estate))
    missing: Unknown | None = None
    object_id = identity.principal_id
    if isinstance(object_id, Unknown):
        missing = object_id
    elif object_id.value:
        url = f"https://graph.microsoft.com/v1.0/servicePrincipals/{object_id.value}"
        missing = Unknown(f"the principal {object_id.value} of {title}", f"add the answer of: az rest --method get --url {url}")
    if principal is not None:
        missing = None
    key = principal.key if principal is not None else ""
    entries: list[Entry] = []
    if principal is not None:
        entries.append(_members("directory roles", principal.directory_roles, lambda r: r.name or r.template_id, principal.at))
    hop = Hop(
        HopRole.IDENTITY,
        key,
        title,
        f"{host.title} runs as it",
        identity.at,
        entries=tuple(entries),
        missing=missing,
        short=name or "system-assigned",
    )
    return hop, principal


def _called_by(application: Application, estate: Estate) -> Iterator[Hop]:
    """The resources whose permissions a registration requests, and what was granted of them."""
    wanted = application.requested
    if isinstance(wanted, Unknown):
        yield Hop(HopRole.DOWNSTREAM, "", f"what {application.title} calls", "", wanted.at, missing=wanted)
        return
    principal = principal_of(application.app_id, estate)
    by_resource: dict[str, list[tuple[str, bool, Location]]] = {}
    for permission in wanted.value:
        name = _permission_name(permission.resource_app_id, permission.id, estate)
        by_resource.setdefault(permission.resource_app_id, []).append((name, permission.is_role, permission.at))
    for resource, items in by_resource.items():
        entries = []
        for words, is_role in (("delegated permissions requested", False), ("application roles requested", True)):
            names = tuple(name for name, role, _ in items if role is is_role)
            if names:
                at = next(at for _, role, at in items if role is is_role)
                entries.append(Entry(words, listed(names), at))
        entries.append(_granted(application, principal, resource, estate))
        title = _resource_title(resource, estate)
        yield Hop(
            HopRole.DOWNSTREAM,
            resource,
            title,
            f"{application.title} asks for permissions on it",
            items[0][2],
            entries=tuple(entries),
        )


def _permission_name(resource: str, id: str, estate: Estate) -> str:
    """The name of a permission that Graph or a registration of the estate offers; its id where neither is known to."""
    if resource == GRAPH_APP_ID:
        known = graph_application_roles().get(id) or graph_delegated_scopes().get(id)
        if known is not None:
            return known.name
    offering = application_of(resource, estate) or principal_of(resource, estate)
    offered = (offering.scopes, offering.app_roles) if offering is not None else ()
    for fact in offered:
        if isinstance(fact, Known):
            for item in fact.value:
                if item.id == id:
                    return item.value
    return id


def _resource_title(resource: str, estate: Estate) -> str:
    named: DirectoryObject | None = application_of(resource, estate) or principal_of(resource, estate)
    known = resource_of_audience(resource)
    return known.name if known is not None else named.title if named is not None else f"resource {resource}"


def _granted(application: Application, principal: ServicePrincipal | None, resource: str, estate: Estate) -> Entry:
    """What was granted of one resource's delegated permissions."""
    if principal is None:
        url = f"https://graph.microsoft.com/v1.0/servicePrincipals(appId='{application.app_id}')/oauth2PermissionGrants"
        missing = Unknown(
            f"the grants of {application.title}", f"add: az rest --method get --url {url} (needs Directory.Read.All)"
        )
        return Entry("granted", "", application.at, "", missing)
    offering = principal_of(resource, estate)
    if offering is None or not offering.object_id:
        url = f"https://graph.microsoft.com/v1.0/servicePrincipals(appId='{resource}')"
        missing = Unknown(f"the principal of resource {resource}", f"add: az rest --method get --url {url}", principal.at)
        return Entry("granted", "", principal.at, "", missing)
    found = [grant for grant in principal.delegated.items if grant.resource_id == offering.object_id]
    if not found and principal.delegated.missing is not None:
        return Entry("granted", "", principal.at, "", principal.delegated.missing)
    texts = tuple(
        f"{' '.join(grant.scopes)} ({'for all users' if grant.all_principals else 'for one user'})" for grant in found
    )
    return Entry("granted", listed(texts), found[0].at if found else principal.at)


def _granted_to(principal: ServicePrincipal, estate: Estate) -> Iterator[Hop]:
    """The resources on which an identity holds application roles."""
    by_resource: dict[str, list[tuple[str, Location]]] = {}
    for grant in principal.roles.items:
        offering = principal_with(grant.resource_id, estate)
        resource = offering.app_id if offering is not None else grant.resource_id
        plain = grant.app_role_id == _DEFAULT_ACCESS
        name = "access without a role" if plain else _permission_name(resource, grant.app_role_id, estate)
        by_resource.setdefault(resource, []).append((name, grant.at))
    for resource, items in by_resource.items():
        roles = Entry("application roles granted", listed(tuple(name for name, _ in items)), items[0][1])
        how = f"{principal.title} holds roles on it"
        yield Hop(HopRole.DOWNSTREAM, resource, _resource_title(resource, estate), how, items[0][1], entries=(roles,))
    if principal.roles.missing is not None:
        title = f"what {principal.title} may call"
        yield Hop(HopRole.DOWNSTREAM, "", title, "", principal.at, missing=principal.roles.missing)


def compare_scopes(server: McpServer, estate: Estate) -> Comparison | None:
    """Whether the scopes that a host's metadata promises are offered by its registration; None where nothing is promised."""
    for host in hosts_behind(server, estate):
        if not isinstance(host, Site):
            continue
        settings = host.app_settings
        promised = settings.value.get(_METADATA_SCOPES) if isinstance(settings, Known) else None
        if promised is not None:
            return _compare(host, promised.value, registrations_of(server, estate))
    return None


def _compare(host: Host, promised: Fact[str], registrations: tuple[Application, ...]) -> Comparison:
    entries = [entry(f"the metadata of {host.title} promises", promised, str, host.at)]
    offered: set[str] = set()
    unread = isinstance(promised, Unknown) or not registrations
    for application in registrations:
        match application.identifier_uris, application.scopes:
            case Known(value=uris), Known(value=scopes, at=at):
                full = tuple(f"{uri.rstrip('/')}/{scope.value}" for uri in uris for scope in scopes if scope.is_enabled)
                offered.update(full)
                entries.append(Entry(f"{application.title} offers", listed(full), at or application.at))
            case Unknown() as unknown, _:
                unread = True
                entries.append(Entry(f"{application.title} offers", "", unknown.at, "", unknown))
            case _, Unknown() as unknown:
                unread = True
                entries.append(Entry(f"{application.title} offers", "", unknown.at, "", unknown))
            case _:
                pass
    wanted = {part.strip() for part in promised.value.split(",") if part.strip()} if isinstance(promised, Known) else set()
    if unread:
        return Comparison("scopes", Agreement.UNKNOWN, "the promise or the registration was not read", tuple(entries))
    if wanted - offered:
        said = (
            f"the registration does not offer {', '.join(sorted(wanted - offered))}: clients that ask for it get AADSTS500011"
        )
        return Comparison("scopes", Agreement.DIFFER, said, tuple(entries))
    return Comparison(
        "scopes", Agreement.AGREE, "the registration offers every scope that the metadata promises", tuple(entries)
    )

"""Finding directory objects by their ids, and telling which of them matter: a directory holds far more than an estate uses.

Ids differ by place (facts/entra.md section 2): policies, hosts and ``requiredResourceAccess`` name client ids, grants name
object ids of principals, Azure names managed identities by their resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from mcpguard.core.facts import Known
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.estate import Estate, Tie
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import Application, Credential, DirectoryObject, ServicePrincipal
from mcpguard.model.kinds.mcp import McpServer

_MICROSOFT = frozenset({"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"})
"""Tenants in which Microsoft registers its own applications (facts/entra.md 8.1)."""
_TIME = LazyPattern(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|\+00:00)$")


def application_of(app_id: str, estate: Estate) -> Application | None:
    """The registration with a client id; None when it was not read or belongs to another tenant."""
    keys = estate.remember("applications by client id", lambda: {it.app_id: it.key for it in estate.of(Application)})
    return estate.get(Application, keys.get(app_id.lower(), "")) if app_id else None


def principal_of(app_id: str, estate: Estate) -> ServicePrincipal | None:
    """The principal with a client id; None when it was not read or does not exist in the tenant."""
    keys = estate.remember("principals by client id", lambda: {it.app_id: it.key for it in estate.of(ServicePrincipal)})
    return estate.get(ServicePrincipal, keys.get(app_id.lower(), "")) if app_id else None


def principal_with(object_id: str, estate: Estate) -> ServicePrincipal | None:
    """The principal with an object id, as grants and assignments name it."""
    return estate.get(ServicePrincipal, f"/serviceprincipals/{object_id.lower()}")


def principal_of_resource(key: str, estate: Estate) -> ServicePrincipal | None:
    """The principal of a managed identity, by the key of the identity or of the resource that has it built in."""
    keys = estate.remember("principals by resource", lambda: {it.arm_id: it.key for it in estate.of(ServicePrincipal)})
    return estate.get(ServicePrincipal, keys.get(key, "")) if key else None


def agents_of(blueprint: Application, estate: Estate) -> tuple[ServicePrincipal, ...]:
    """The agent identities that were made from a blueprint, as far as they were read."""

    def group() -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for it in estate.of(ServicePrincipal):
            if it.blueprint_app_id:
                groups.setdefault(it.blueprint_app_id, []).append(it.key)
        return groups

    keys = estate.remember("agents by blueprint", group).get(blueprint.app_id, ())
    return tuple(agent for key in keys if (agent := estate.get(ServicePrincipal, key)) is not None)


def moment(text: str) -> datetime | None:
    """A time as Graph writes it, with up to seven digits of a second; None when it is none."""
    match = _TIME.match(text)
    try:
        return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def is_microsofts(principal: ServicePrincipal) -> bool:
    """Whether a principal is known to stand for an application of Microsoft's own, by its home tenant or its client id."""
    from mcpguard.model.reference_data import well_known_clients  # not needed to start

    home = principal.home_tenant
    return (isinstance(home, Known) and home.value in _MICROSOFT) or principal.app_id in well_known_clients()


# -- which matter ----------------------------------------------------------------------------------------------------


def ties_of(target: DirectoryObject, estate: Estate) -> tuple[Tie, ...]:
    """Why an object belongs to an MCP surface; empty when it does not.

    A registration and its principal are one identity. An agent identity and its blueprint are a matter of agents whoever uses
    them.
    """
    found = estate.ties.get(target.key, ())
    other = (
        application_of(target.app_id, estate) if isinstance(target, ServicePrincipal) else principal_of(target.app_id, estate)
    )
    if other is not None:
        found = (*found, *(tie for tie in estate.ties.get(other.key, ()) if tie not in found))
    if isinstance(target, ServicePrincipal) and target.is_agent:
        found = (*found, Tie("", "agent", "it is an agent identity"))
    if isinstance(target, Application) and target.is_blueprint:
        found = (*found, Tie("", "agent", "it is an agent identity blueprint"))
    return found


def matters(target: Entity, estate: Estate, options: Mapping[str, object]) -> bool:
    """Whether rules judge a target: of directory objects those tied to an MCP surface, all with ``--persona auditor``.

    The engine asks this before any rule, so rules need not. Everything that is no directory object matters.
    """
    if not isinstance(target, DirectoryObject) or options.get("persona") == "auditor":
        return True
    return target.key in estate.remember("directory objects that matter", lambda: _mattering(estate))


def _mattering(estate: Estate) -> frozenset[str]:
    applications, principals = estate.of(Application), estate.of(ServicePrincipal)
    keys = {key for key, ties in estate.ties.items() if ties}
    keys |= {it.key for it in principals if it.is_agent} | {it.key for it in applications if it.is_blueprint}
    client_ids = {it.app_id for it in (*applications, *principals) if it.key in keys and it.app_id}
    keys |= {it.key for it in (*applications, *principals) if it.app_id in client_ids}
    return frozenset(keys)


def declared_dates(target: DirectoryObject, estate: Estate) -> tuple[str, ...]:
    """ISO dates that the manifest gives the agent that an identity is, or the servers that it stands for."""
    ids = {target.app_id, target.object_id} - {""}
    agents = estate.manifest.agents if estate.manifest else ()
    dates = [date for it in agents if {it.app_id.lower(), it.principal_id.lower()} & ids for date in (it.review_by, it.expires)]
    for server in servers_of(target, estate):
        declaration = estate.declaration(server)
        dates.append(declaration.server.review_by if declaration is not None else None)
    return tuple(date.isoformat() for date in dates if date is not None)


def is_valid_at(credential: Credential, now: datetime) -> bool:
    """Whether a credential still opens something; one without an end that can be read does."""
    end = moment(credential.end)
    return end is None or end > now


def servers_of(target: DirectoryObject, estate: Estate) -> tuple[McpServer, ...]:
    """The MCP servers that a registration stands for: their host runs under it, or they accept tokens for it."""
    found = (estate.get(McpServer, tie.server) for tie in ties_of(target, estate) if tie.role == "server")
    return tuple(dict.fromkeys(server for server in found if server is not None))


def registrations_of(server: McpServer, estate: Estate) -> tuple[Application, ...]:
    """The registrations that stand for a server: it may accept tokens for several."""

    def group() -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for key, ties in sorted(estate.ties.items()):
            for name in {tie.server for tie in ties if tie.role == "server"}:
                groups.setdefault(name, []).append(key)
        return groups

    keys = estate.remember("registrations by server", group).get(server.key, ())
    return tuple(found for key in keys if (found := estate.get(Application, key)) is not None)

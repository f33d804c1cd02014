"""MG525: agents that cannot be told apart."""

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    FoundryProject,
    Issue,
    Known,
    NotApplicable,
    Options,
    ServicePrincipal,
    Verdicts,
    known,
    servers_of,
)


def check(target: FoundryAgent | ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, ServicePrincipal):
        yield from _declared(target, estate)
        return
    client = known(target.client_id)
    at = (target.client_id.at if isinstance(target.client_id, Known) else None) or target.at
    if not client:
        yield from _published(target, estate)
        return
    others = [it for it in _of_foundry(estate).get(client, ()) if it.key != target.key]
    if others:
        names = ", ".join(sorted(other.name for other in others))
        yield Issue(
            f"{target.title} signs in with the identity {client}, as {names} does; give each agent an identity of its own",
            at,
            evidence=(("client", client),),
        )


def _published(target: FoundryAgent, estate: Estate) -> Verdicts:
    """An agent without an identity of its own runs as its project's, which is for agents in development."""
    project = estate.get(FoundryProject, target.project.value) if isinstance(target.project, Known) else None
    if project is None:
        return  # an agent that no project of the input holds is not known to be published
    if target.name.lower() in (name.lower() for name in project.applications.items):
        yield Issue(
            f"{target.title} is published and runs as the shared identity of {project.title}; give it an identity of its own",
            target.at,
            evidence=(("project", project.name),),
        )
    elif project.applications.missing is not None:
        yield project.applications.missing


def _of_foundry(estate: Estate) -> dict[str, list[FoundryAgent]]:
    def group() -> dict[str, list[FoundryAgent]]:
        found: dict[str, list[FoundryAgent]] = {}
        for agent in estate.of(FoundryAgent):
            if isinstance(agent.client_id, Known) and agent.client_id.value:
                found.setdefault(agent.client_id.value, []).append(agent)
        return found

    return estate.remember("Foundry agents by client id", group)


def _declared(target: ServicePrincipal, estate: Estate) -> Verdicts:
    agents = estate.manifest.agents if estate.manifest else ()
    named = sorted({agent.id for agent in agents if target.app_id and agent.app_id.lower() == target.app_id})
    if not named:
        raise NotApplicable(f"the manifest lists no agent that signs in as {target.title}")
    servers = servers_of(target, estate)
    if len(named) > 1 or servers:
        agents_named = f"the agents {', '.join(named)}" if len(named) > 1 else f"the agent {named[0]}"
        who = " and ".join([agents_named, *(server.title for server in servers)])
        yield Issue(
            f"{target.title} ({target.app_id}) is the identity of {who}; give each agent an identity of its own",
            target.at,
            evidence=tuple(("agent", name) for name in named),
        )

"""MG535: a registration that says nothing of itself."""

from mcpguard.sdk import Application, Estate, Issue, Options, Unknown, Verdicts, servers_of

_WRITTEN_BY_PORTALS = frozenset({"windowsazureactivedirectoryintegratedapp", "hideapp", "apiconsumer", "webapp"})


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    said = target.inventory_notes
    tags = None if said.tags is None else " ".join(tag for tag in said.tags if tag.lower() not in _WRITTEN_BY_PORTALS)
    texts = {
        "notes": said.notes,
        "serviceManagementReference": said.service_reference,
        "tags": tags,
        "description": said.description,
    }
    if any(text and text.strip() for text in texts.values()) or _is_declared(target, estate):
        return
    unread = [name for name, text in texts.items() if text is None]
    if unread:
        yield Unknown(
            f"whether {' or '.join(unread)} of {target.title} says what it is for",
            f"add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/applications/{target.object_id}",
            target.at,
        )
        return
    yield Issue(
        f"{target.title} ({target.app_id}) says nowhere what it is for (notes, serviceManagementReference, tags and "
        "description are empty); name its service and runbook",
        target.at,
    )


def _is_declared(target: Application, estate: Estate) -> bool:
    agents = estate.manifest.agents if estate.manifest else ()
    return any(agent.app_id.lower() == target.app_id for agent in agents) or any(
        estate.declaration(server) is not None for server in servers_of(target, estate)
    )

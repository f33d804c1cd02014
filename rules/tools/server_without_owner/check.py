"""MG707: an MCP server for which no place names an owner."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    ServerSource,
    Unknown,
    Verdicts,
    owner_places,
)


def check(target: McpServer, estate: Estate, options: Options) -> Verdicts:
    if target.source is ServerSource.LOOSE_POLICY:
        raise NotApplicable("a policy file is no server; its owner is the repository's")
    unread: list[Unknown] = []
    for place in owner_places(target, estate):
        match place.owner:
            case Known(value=owner):
                if owner.strip():
                    return
            case Unknown() as unknown:
                unread.append(unknown)
    if unread:
        yield unread[0]
        return
    declaration = estate.declaration(target)
    manifest = "its manifest entry" if declaration else "the manifest" if estate.manifest else "a manifest (none was given)"
    behind = "the API's contact, the tags of the service" if target.api else "the tags of the host"
    if target.source is ServerSource.KUBERNETES_GATEWAY:
        behind = "the labels of its gateway's deployment"
    yield Issue(
        f"{target.title} has no owner in {manifest}, {behind} or the owners of its app registration; declare owner in the "
        "manifest or set the tag owner",
        declaration.at if declaration else target.at,
    )

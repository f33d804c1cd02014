"""MG618: tool calls over plain HTTP."""

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    FoundryConnection,
    Issue,
    NotApplicable,
    Options,
    Toolbox,
    Unknown,
    Verdicts,
    remote_tools,
)


def check(target: FoundryConnection | FoundryAgent | Toolbox, estate: Estate, options: Options) -> Verdicts:
    """Every way to an MCP server that is written here."""
    ways = list(remote_tools(target, estate))
    if not ways:
        raise NotApplicable(f"{target.title} leads to no MCP server by an address of its own")
    for way in ways:
        if isinstance(way, Unknown):
            yield way
            continue
        if isinstance(way.url, Unknown):
            yield way.url
            continue
        url = way.url.value
        if url is not None and url.scheme == "http":
            yield Issue(
                f"{way.title} calls {url.text}, which is not encrypted: credentials and results can be read and changed on the "
                "way; use an https address",
                at=url.at,
                evidence=(("host", url.host), ("tool", way.tool.label if way.tool else "")),
                key=way.tool.label if way.tool else "",
            )
        elif url is not None and not url.scheme and "{{" not in url.text:
            yield Unknown(f"the scheme of {url.text}, to which {way.title} leads", "give the whole address", url.at)

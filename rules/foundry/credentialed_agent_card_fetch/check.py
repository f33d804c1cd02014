"""MG617: credentials for reading the card of somebody else's agent."""

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    HostOf,
    Issue,
    NotApplicable,
    Options,
    Toolbox,
    Unknown,
    Verdicts,
    endpoint_of,
    host_of,
    served_tools,
)

_OURS = frozenset({HostOf.GATEWAY, HostOf.ESTATE, HostOf.APPROVED, HostOf.MICROSOFT, HostOf.TOOLBOX})


def check(target: FoundryAgent | Toolbox, estate: Estate, options: Options) -> Verdicts:
    """Every tool that calls another agent."""
    tools = [tool for tool in served_tools(target) if isinstance(tool, Unknown) or tool.type == "a2a"]
    if not tools:
        raise NotApplicable(f"{target.title} calls no other agent")
    for tool in tools:
        if isinstance(tool, Unknown):
            yield tool
            continue
        if isinstance(tool.card_credentials, Unknown):
            yield tool.card_credentials
            continue
        if not tool.card_credentials.value:
            continue
        endpoint = endpoint_of(tool, target, estate)
        if isinstance(endpoint, Unknown):
            yield endpoint
            continue
        url = endpoint.value
        whose = host_of(url, estate) if url is not None else HostOf.UNCLEAR
        if whose is HostOf.FOREIGN and url is not None:
            yield Issue(
                f"{tool.title} of {target.title} sends its credentials to {url.host} to read an agent card, which is public by "
                "design (send_credentials_for_agent_card is true); set it to false, or approve the server in the manifest",
                at=tool.card_credentials.at or tool.at,
                evidence=(("host", url.host), ("tool", tool.label)),
                key=tool.label,
            )
        elif whose not in _OURS:
            missing = f"whose host {url.host if url else 'it'} is, to which {tool.title} of {target.title} sends credentials"
            yield Unknown(missing, "approve it in the manifest (approvedServers), or add the host to the input", tool.at)

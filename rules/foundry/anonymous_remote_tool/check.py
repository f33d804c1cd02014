"""MG605: calls of tools that carry no credential."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    FoundryAccount,
    FoundryAgent,
    FoundryConnection,
    HostOf,
    Issue,
    Known,
    NotApplicable,
    Options,
    RemoteTool,
    Toolbox,
    Unknown,
    Url,
    Verdicts,
    host_of,
    known,
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
        elif not _has_credential(way):
            yield from _judge(way, estate)


def _has_credential(way: RemoteTool) -> bool:
    if way.connection is not None:
        return known(way.connection.auth_type) != "None"
    tool = way.tool
    return tool is not None and (tool.authorization is not None or any(header.is_credential for header in tool.headers))


def _judge(way: RemoteTool, estate: Estate) -> Verdicts:
    if isinstance(way.url, Unknown):
        yield way.url
        return
    url = way.url.value
    if url is None or "{{" in url.text:
        return
    match host_of(url, estate):
        case HostOf.GATEWAY_SHAPED:
            missing = f"what {url.host} asks of the anonymous calls of {way.title}"
            yield Unknown(missing, "add that API Management service and its policies to the input", url.at)
        case HostOf.FOREIGN:
            yield _issue(way, url, Confidence.HIGH)
        case HostOf.UNCLEAR:
            yield from _in_azure(way, url, estate)
        case _:
            pass


def _in_azure(way: RemoteTool, url: Url, estate: Estate) -> Verdicts:
    """Agents in a network of their own may reach a host that the internet does not; all others reach only public ones."""
    account = estate.get(FoundryAccount, known(way.account))
    networks = account.networks if account is not None else None
    if isinstance(networks, Known) and not any(network.scenario == "agent" for network in networks.value):
        yield _issue(way, url, Confidence.MEDIUM)
    else:
        missing = f"whether {url.host}, which {way.title} calls without a credential, can be reached from the internet"
        yield Unknown(missing, "add the host and its network settings to the input", url.at)


def _issue(way: RemoteTool, url: Url, confidence: Confidence) -> Issue:
    seen = "authType None" if way.connection is not None else "no connection, authorization or header for a credential"
    return Issue(
        f"{way.title} calls {url.host} without any credential ({seen}); have the server ask for one and use a connection with "
        "UserEntraToken, AgenticIdentityToken or OAuth2, or approve the server in the manifest (approvedServers)",
        at=way.connection.auth_type.at or way.at if way.connection is not None else way.at,
        evidence=(("host", url.host), ("tool", way.tool.label if way.tool else "")),
        confidence=confidence,
        key=way.tool.label if way.tool else "",
    )

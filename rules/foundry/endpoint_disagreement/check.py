"""MG609: a tool that names one server while its connection leads to another."""

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    FoundryConnection,
    FoundryTool,
    Issue,
    Known,
    NotApplicable,
    Options,
    Toolbox,
    Unknown,
    Url,
    Verdicts,
    connection_of,
    served_tools,
)


def check(target: FoundryAgent | Toolbox, estate: Estate, options: Options) -> Verdicts:
    """Every tool with both."""
    tools = [tool for tool in served_tools(target) if isinstance(tool, Unknown) or _has_both(tool)]
    if not tools:
        raise NotApplicable(f"no tool of {target.title} has both an address and a connection")
    for tool in tools:
        if isinstance(tool, Unknown):
            yield tool
            continue
        match connection_of(tool, target, estate):
            case Known(value=FoundryConnection() as connection):
                yield from _compare(tool, connection, f"{tool.title} of {target.title}")
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown


def _compare(tool: FoundryTool, connection: FoundryConnection, title: str) -> Verdicts:
    match tool.url, connection.target:
        case Known(value=Url() as url), Known(value=Url() as wanted):
            if _plain(url) != _plain(wanted):
                yield Issue(
                    f"{title} names {url.text}, but calls go to {wanted.text}, the target of {connection.title}, which counts; "
                    "write the same address in both, or leave server_url out",
                    at=url.at,
                    related=(wanted.at.related("where calls go"),),
                    evidence=(("tool", tool.label),),
                    key=tool.label,
                )
        case (Unknown() as unknown, _) | (_, Unknown() as unknown):
            yield unknown
        case _:
            pass


def _has_both(tool: FoundryTool) -> bool:
    return tool.connection != Known("", tool.connection.at) and tool.url != Known(None, tool.url.at)


def _plain(url: Url) -> str:
    """Scheme and host without case, the path as written but for a slash at its end; no query, which says no server."""
    return f"{url.scheme}://{url.host}{url.path.rstrip('/')}"

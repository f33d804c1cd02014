"""Which connection a tool of Foundry uses, and where its calls go: the connection's target counts before its own address.

Facts: facts/foundry.md 1.4 and 1.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown, known, transform
from mcpguard.core.location import Location
from mcpguard.evidence import resource_key
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.foundry import REMOTE_TOOL, FoundryAgent, FoundryConnection, FoundryTool, Toolbox, account_key
from mcpguard.model.kinds.mcp import Url

_IN_PROJECT = "microsoft.cognitiveservices/accounts/projects/connections"
_IN_ACCOUNT = "microsoft.cognitiveservices/accounts/connections"
Owner = FoundryAgent | Toolbox


class RemoteTool(msgspec.Struct, frozen=True):
    """One way to an MCP server: a connection, or a tool that names its server itself."""

    title: str
    url: Fact[Url | None]
    account: Fact[str]
    """Key of the account in Azure."""
    connection: FoundryConnection | None
    tool: FoundryTool | None
    at: Location
    """Of the address where there is one, else of the connection or tool."""


def connection_of(tool: FoundryTool, owner: Owner, estate: Estate) -> Fact[FoundryConnection | None]:
    """The connection that a tool names by its name or id; None when it names none.

    A name means the connection beside it in the same files, then that of the project, then that of the account.
    """
    if isinstance(tool.connection, Unknown):
        return tool.connection
    reference, at = tool.connection.value, tool.connection.at
    if not reference:
        return Known(None, at)
    if "/" in reference:
        found = estate.get(FoundryConnection, resource_key(reference))
        if found is not None:
            return Known(found, found.at)
        remedy = f"add the answer of: az rest --method get --url {reference}"
        return Unknown(f"connection {reference}, which {tool.title} of {owner.title} uses", remedy, at)
    for home in _homes(owner):
        named = _by_name(home, estate).get(reference.lower())
        if named is not None:
            return Known(named, named.at)
    return _not_found(reference, tool, owner, estate)


def _homes(owner: Owner) -> Iterator[str]:
    yield owner.home
    match owner.project:
        case Known(value=project):
            yield project
            yield account_key(project)
        case Unknown():
            pass


def _by_name(home: str, estate: Estate) -> Mapping[str, FoundryConnection]:
    return estate.remember(
        ("foundry connections", home),
        lambda: {connection.name.lower(): connection for connection in estate.under(home, FoundryConnection)},
    )


def _not_found(name: str, tool: FoundryTool, owner: Owner, estate: Estate) -> Unknown:
    what = f"connection {name}, which {tool.title} of {owner.title} uses"
    match owner.project:
        case Known(value=project):
            account = account_key(project)
            if estate.is_complete(project, _IN_PROJECT) and estate.is_complete(account, _IN_ACCOUNT):
                return Unknown(f"{what}: neither its project nor the account has one", "repair the name", tool.connection.at)
            remedy = (
                f"add the answers of: az rest --method get --url {project}/connections, and of {account}/connections "
                "(api-version 2025-09-01)"
            )
            return Unknown(what, remedy, tool.connection.at)
        case Unknown(missing=missing, remedy=remedy):
            return Unknown(f"{what}, and {missing}", remedy, tool.connection.at)


def endpoint_of(tool: FoundryTool, owner: Owner, estate: Estate) -> Fact[Url | None]:
    """Where calls of a tool go: the target of its connection, else its own address; None when it has neither."""
    match connection_of(tool, owner, estate):
        case Known(value=FoundryConnection() as connection):
            match connection.target:
                case Known(value=None):
                    return tool.url
                case target:
                    return target
        case Known():
            return tool.url
        case Unknown() as unknown:
            return unknown


def served_tools(owner: Owner) -> Iterator[FoundryTool | Unknown]:
    """The tools that callers of an agent's latest, or a toolbox's default version get, and what of them was not read."""
    if isinstance(owner, Toolbox) and isinstance(owner.default, Unknown):
        yield owner.default
        return
    tools = owner.tools if isinstance(owner, FoundryAgent) else known(owner.default).tools
    yield from tools.items
    if tools.missing is not None and not (isinstance(owner, FoundryAgent) and owner.runs_code):
        yield tools.missing


def remote_tools(target: FoundryConnection | Owner, estate: Estate) -> Iterator[RemoteTool | Unknown]:
    """A connection to an MCP server as one way; of agents and toolboxes the tools that have an address and no connection.

    So each way is judged once, where it is written.
    """
    if isinstance(target, FoundryConnection):
        match target.category:
            case Known(value=category) if category == REMOTE_TOOL:
                at = target.target.at or target.at
                yield RemoteTool(target.title, target.target, account_of(target), target, None, at)
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
        return
    for tool in served_tools(target):
        match tool:
            case FoundryTool(type="mcp", connection=Known(value=""), connector="", tunnel=""):
                title = f"{tool.title} of {target.title}"
                yield RemoteTool(title, tool.url, account_of(target), None, tool, tool.url.at or tool.at)
            case Unknown():
                yield tool
            case _:
                pass


def account_of(target: FoundryConnection | Owner) -> Fact[str]:
    """Key of the account in Azure that something belongs to; empty for what belongs to a classic hub."""
    if not isinstance(target, FoundryConnection):
        return transform(target.project, account_key)
    match target.level:
        case "project" | "account":
            return Known(account_key(target.home), target.at)
        case "workspace":
            return Known("", target.at)
        case _:
            remedy = "scan the project in Azure too (mcpguard collect)"
            return Unknown(f"the project in Azure to which {target.title} belongs", remedy, target.at)

"""MG514: one scope for everything that a server can do."""

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    NotApplicable,
    Options,
    ToolClass,
    Unknown,
    Verdicts,
    is_omnibus,
    known,
    only_reads,
    servers_of,
    tool_classes,
    value_or_none,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = servers_of(target, estate)
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server")
    offered = [scope for scope in known(target.scopes) if scope.is_enabled]
    if not offered:
        raise NotApplicable(f"{target.title} offers no delegated permission")
    narrow = [scope for scope in offered if not is_omnibus(scope.value)]
    if len(narrow) > 1 or any(only_reads(scope.value) for scope in narrow):
        return
    roles = value_or_none(target.app_roles)
    if roles is not None and sum(role.is_enabled and "User" in role.member_types for role in roles) > 1:
        return  # roles of the users tell writers from readers
    unread: Unknown | None = None
    for server in servers:
        tools = tool_classes(server, estate)
        writing = [name for name, sort in tools.items if sort in (ToolClass.WRITE, ToolClass.DESTRUCTIVE)]
        if writing:
            names = ", ".join(writing[:3]) + (" …" if len(writing) > 3 else "")
            yield Issue(
                f"the only scope that {target.title} ({target.app_id}) offers is {offered[0].value}, and {server.title} "
                "has tools that "
                f"change something ({names}): who may read may write; offer a scope for reading and one for writing",
                offered[0].at,
                key=server.key,
            )
        elif unclassified := [name for name, sort in tools.items if sort is None]:
            what = f"whether the tool {unclassified[0]} of {server.title} changes something"
            unread = unread or Unknown(what, "declare its class in the manifest", server.at)
        elif tools.missing is not None:
            unread = unread or tools.missing
    if unread is not None:
        yield unread

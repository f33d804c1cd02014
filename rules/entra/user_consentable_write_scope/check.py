"""MG515: users may consent by themselves that a client writes for them."""

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    NotApplicable,
    Options,
    ToolClass,
    Verdicts,
    known,
    servers_of,
    writes,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = servers_of(target, estate)
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server")
    declarations = [declaration for server in servers if (declaration := estate.declaration(server)) is not None]
    asked = {
        scope.lower(): (tool.name, declaration.server.id)
        for declaration in declarations
        for tool in declaration.server.tools
        if tool.class_ in (ToolClass.WRITE, ToolClass.DESTRUCTIVE)
        for scope in tool.required_scopes
    }
    for scope in known(target.scopes):
        if not scope.is_enabled or scope.type != "User":
            continue
        tool = asked.get(scope.value.lower())
        why = f"the tool {tool[0]} of {tool[1]} asks for it" if tool else "its name says that it writes"
        if tool or writes(scope.value):
            yield Issue(
                f"users may consent to the scope {scope.value} of {target.title} ({target.app_id}) by themselves (type "
                "User), though "
                f"{why}; set its type to Admin",
                scope.at.child("type"),
                key=scope.id,
            )

"""MG701: a destructive tool without an approval that the caller cannot leave out."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    McpServer,
    McpTool,
    NotApplicable,
    Options,
    ToolClass,
    Unknown,
    Verdicts,
    agents_ask,
    known,
    least,
)


def check(target: McpTool, estate: Estate, options: Options) -> Verdicts:
    server = estate.get(McpServer, target.server)
    declaration = estate.declaration(server) if server else None
    declared = declaration.tool(target.name) if declaration else None
    approval = declared.approval if declared else None
    if approval is not None and approval.enforced:
        return
    found = estate.classification(target)
    if found.tool_class is ToolClass.DESTRUCTIVE and server is not None and known(agents_ask(target, server, estate)):
        return
    if found.level != "declared" and isinstance(target.method, Unknown):
        yield target.method
        return
    if found.tool_class is None:
        raise NotApplicable(f"{found.reason}, which is for MG703")
    if found.tool_class is not ToolClass.DESTRUCTIVE:
        return
    at, seen = target.at, "no approval is declared for it"
    if declaration is not None and declared is not None:
        at = declaration.at.child("tools", declaration.server.tools.index(declared))
        if approval is not None:
            at, seen = at.child("approval", "model"), f"its approval model is {approval.model}"
    name = f"{target.title} of {server.title}" if server else target.title
    sure = Confidence.MEDIUM if found.level == "heuristic" else Confidence.HIGH
    yield Issue(
        f"{name} is destructive ({found.reason}) and {seen}; enforce an approval outside the client and declare it "
        "in the manifest: approval.model gateway, server or external",
        at,
        related=(target.at.related("the tool"),) if at != target.at else (),
        evidence=(("required roles", ", ".join(target.required_roles)),) if target.required_roles else (),
        confidence=least(sure, server.confidence) if server else sure,
    )

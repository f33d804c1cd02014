"""MG608: a credential that stands where everybody who reads the definition can take it."""

from mcpguard.sdk import (
    AgentVersion,
    Estate,
    FoundryAgent,
    FoundryConnection,
    FoundryTool,
    HeldSecret,
    Issue,
    Location,
    NotApplicable,
    Options,
    Toolbox,
    Verdicts,
)

_WANTED = "keep it in a connection, or refer to a variable"


def check(target: FoundryAgent | Toolbox | FoundryConnection, estate: Estate, options: Options) -> Verdicts:
    """Tokens, headers and variables of every version that was read; credentials of a connection that a file declares."""
    if isinstance(target, FoundryConnection):
        if not target.is_declared:
            raise NotApplicable(f"answers of Azure hold no credentials of {target.title}")
        for held in target.credentials:
            yield from _judge(target.title, f"credentials.{held.name}", held)
        return
    for version in target.versions:
        title = f"{target.title}, version {version.version}," if version.version else target.title
        for tool in version.tools.items:
            yield from _of_tool(f"{tool.title} of {title}", tool)
        if isinstance(version, AgentVersion):
            for held in version.variables:
                yield from _judge(title, f"variable {held.name}", held)
    missing = next((version.tools.missing for version in target.versions if version.tools.missing is not None), None)
    if missing is not None and not (isinstance(target, FoundryAgent) and target.runs_code):
        yield missing


def _of_tool(title: str, tool: FoundryTool) -> Verdicts:
    if tool.authorization is not None:
        yield _issue(title, "authorization", tool.authorization)
    for header in tool.headers:
        yield from _judge(title, f"header {header.name}", header)


def _judge(title: str, place: str, held: HeldSecret) -> Verdicts:
    """What a variable or a secret store gives is no literal, and neither is what is not masked."""
    if held.masked:
        yield _issue(title, place, held.at)


def _issue(title: str, place: str, at: Location) -> Issue:
    return Issue(
        f"{title} holds a literal credential in {place}; {_WANTED}, and renew it, because it was readable",
        at=at,
        evidence=(("place", place),),
        key=place,
    )

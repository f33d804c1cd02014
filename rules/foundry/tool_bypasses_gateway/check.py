"""MG601: a tool whose calls go around the gateway that its account is linked to."""

from mcpguard.sdk import (
    Course,
    Estate,
    FoundryAgent,
    FoundryConnection,
    Issue,
    Known,
    NotApplicable,
    Options,
    RemoteTool,
    Toolbox,
    Unknown,
    Verdicts,
    course_of,
    gateway_of,
    known,
    predates,
    remote_tools,
)


def check(target: FoundryConnection | FoundryAgent | Toolbox, estate: Estate, options: Options) -> Verdicts:
    """Every way to an MCP server that is written here."""
    reasons = [f"{target.title} leads to no MCP server by an address of its own"]
    judged = False
    for way in remote_tools(target, estate):
        if isinstance(way, Unknown):
            yield way
            continue
        match course_of(way, estate):
            case Known(value=Course.AROUND) if reason := _better_said(way, estate):
                reasons.append(reason)
            case Known(value=Course.AROUND):
                yield _issue(way, estate)
            case Known(value=Course.THROUGH | Course.EXCEPTED):
                judged = True
            case Known(value=course):
                reasons.append(f"{way.title} {course.value}")
            case Unknown() as unknown:
                yield unknown
    if not judged:
        raise NotApplicable(reasons[-1])


def _better_said(way: RemoteTool, estate: Estate) -> str:
    """Which rule says more of a tool that goes around the gateway; empty when none does."""
    if way.connection is None:
        return ""
    if way.connection.managed_sign_in == Known(True, way.connection.at):
        return f"{way.title} cannot go through a gateway, which is for MG603"
    match predates(way.connection, known(gateway_of(way, estate)) or "", estate):
        case Known(value=True):
            return f"{way.title} is older than the gateway, which is for MG604"
        case _:
            return ""


def _issue(way: RemoteTool, estate: Estate) -> Issue:
    url, gateway = known(way.url), (known(gateway_of(way, estate)) or "").rpartition("/")[2]
    host = url.host if url else ""
    seen = "by an address of its own, which no policy on connections sees, " if way.connection is None else ""
    return Issue(
        f"{way.title} calls {host} {seen}around {gateway}, the gateway that its account is linked to; publish the server there "
        "and use that address, or declare the exception in the manifest (exposure: direct, with a justification)",
        at=way.at,
        evidence=(("host", host), ("gateway", gateway), ("tool", way.tool.label if way.tool else "")),
        key=way.tool.label if way.tool else "",
    )

"""MG422: a token and a key asked for at once, which clients that sign in cannot meet."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Site,
    Unknown,
    Verdicts,
    credential_uses,
    fronts,
    hosted_server,
    known,
    level_is_of_extension,
    signs_callers_in,
)


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None or not target.is_function_app:
        raise NotApplicable(f"nothing says that {target.title} is a function app with an MCP server")
    level, signed_in = target.mcp_key_level, signs_callers_in(target)
    if isinstance(level, Known) and level.value == "anonymous":
        return
    if isinstance(signed_in, Known) and not signed_in.value:
        return
    word = known(level)
    if word != "system" and level_is_of_extension(target):
        raise NotApplicable(f"what the MCP extension makes of the level {word!r} is not documented, which is for MG424")
    known(signed_in)
    missing: Unknown | None = None
    for front in fronts(target, estate):
        uses = credential_uses(front.server, estate)
        if any(use.is_host_key for use in uses.items):
            return  # the gateway sends both, so both are meant
        missing = missing or uses.missing
    if missing is not None:
        yield missing
        return
    shown = f"{word}, the default" if isinstance(level, Known) and level.defaulted else word
    yield Issue(
        f"{target.title} asks MCP callers for a token and for a key as well (key level {shown}), so that clients which sign "
        "in get 401; set the level to Anonymous and leave sign-in on",
        level.at or target.at,
        confidence=server.confidence,
    )

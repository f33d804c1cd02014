"""MG421: an MCP server that a function key alone opens."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Site,
    Verdicts,
    fronts,
    hosted_server,
    known,
    least,
    level_is_of_extension,
    signs_callers_in,
)


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None or not target.is_function_app:
        raise NotApplicable(f"nothing says that {target.title} is a function app with an MCP server")
    facing = target.internet_facing
    if isinstance(facing, Known) and not facing.value:
        return
    signed_in, level = signs_callers_in(target), target.mcp_key_level
    if isinstance(signed_in, Known) and signed_in.value:
        return
    if isinstance(level, Known) and level.value == "anonymous":
        return  # asks for nothing at all, which is for MG401 and MG402
    if fronts(target, estate):
        raise NotApplicable(f"a gateway leads to {target.title}, so MG419 says who gets around it")
    known(signed_in)
    word = known(level)
    own_code = not level_is_of_extension(target)
    if word != "system" and not own_code:
        raise NotApplicable(f"what the MCP extension makes of the level {word!r} is not documented, which is for MG424")
    known(facing)
    what = "the default host key, which opens every function of the app" if own_code else "the system key mcp_extension"
    note = " (its code may check tokens itself)" if own_code else ""
    shown = f"{word}, the default" if isinstance(level, Known) and level.defaulted else word
    yield Issue(
        f"{target.title} opens its MCP server to whoever has {what} (key level {shown}), and signs nobody in; turn on platform "
        f"authentication and set the level to Anonymous{note}",
        level.at or target.at,
        evidence=(("key", "host key" if own_code else "system key"),),
        confidence=least(server.confidence, Confidence.MEDIUM if own_code else Confidence.HIGH),
    )

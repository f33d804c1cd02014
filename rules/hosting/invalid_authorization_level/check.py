"""MG424: a key level that the MCP extension does not know."""

from mcpguard.sdk import Estate, Issue, NotApplicable, Options, Site, Verdicts, hosted_server, known, level_is_of_extension

_LEVELS = frozenset({"system", "anonymous"})


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None or not target.is_function_app:
        raise NotApplicable(f"nothing says that {target.title} is a function app with an MCP server")
    if not level_is_of_extension(target):
        raise NotApplicable(f"{target.title} runs a self-hosted server, with the levels of HTTP triggers")
    level = known(target.raw_key_level)
    if level.lower() not in _LEVELS:
        yield Issue(
            f"{target.title} sets webhookAuthorizationLevel to {level!r}, which the MCP extension does not know; write "
            "System or Anonymous, whichever is meant",
            target.raw_key_level.at or target.at,
            confidence=server.confidence,
        )

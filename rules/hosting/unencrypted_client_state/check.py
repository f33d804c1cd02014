"""MG423: the MCP extension's state in clients' hands, in clear."""

from mcpguard.sdk import Estate, Issue, NotApplicable, Options, Site, Verdicts, hosted_server, known, level_is_of_extension


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None or not target.is_function_app:
        raise NotApplicable(f"nothing says that {target.title} is a function app with an MCP server")
    if not level_is_of_extension(target):
        raise NotApplicable(f"{target.title} runs a self-hosted server, which has no such switch")
    if not known(target.client_state_encrypted):
        yield Issue(
            f"{target.title} gives clients its session state in clear (encryptClientState is false); take the setting out, "
            "which is for debugging only",
            target.client_state_encrypted.at or target.at,
            confidence=server.confidence,
        )

"""MG117: a backend whose certificate is not looked at."""

from mcpguard.sdk import Estate, Issue, Known, McpServer, Options, Unknown, Verdicts, backends_in_effect


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every backend entity that serves the server."""
    backends = backends_in_effect(server, estate)
    for backend in backends.items:
        for fact, member, what in (
            (backend.validates_chain, "validateCertificateChain", "comes from a trusted authority"),
            (backend.validates_name, "validateCertificateName", "is for the backend's name"),
        ):
            match fact:
                case Known(value=False, at=at):
                    yield Issue(
                        f"{server.title} uses {backend.title}, where tls.{member} is false, so nobody checks that the "
                        f"certificate {what}; set it to true",
                        at=at or backend.at,
                        related=(server.at.related("the MCP server that uses it"),),
                        evidence=(("backend", backend.name), (member, "false")),
                        confidence=server.confidence,
                    )
                case Known():
                    pass
                case Unknown() as unknown:
                    yield unknown
    if backends.missing is not None:
        yield backends.missing

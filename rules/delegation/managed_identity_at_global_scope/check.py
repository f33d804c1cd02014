"""MG305: a token of the gateway on every request, foreign backends included."""

from mcpguard.sdk import (
    CREDENTIAL_SETTERS,
    Estate,
    Issue,
    McpServer,
    NotApplicable,
    Options,
    Scope,
    ServerSource,
    Service,
    Statement,
    Unknown,
    Verdicts,
    judged_calls,
    last_writer,
    statements,
)

_FORWARDING = frozenset({ServerSource.APIM_PASSTHROUGH, ServerSource.APIM_INFERRED})


def check(service: Service, estate: Estate, options: Options) -> Verdicts:
    """For every server that is passed through: who wrote the Authorization header last."""
    servers = [server for server in estate.under(service.key, McpServer) if server.source in _FORWARDING]
    if not servers:
        raise NotApplicable(f"{service.title} passes no MCP server through")
    affected: dict[str, Statement] = {}
    for server in servers:
        for call in judged_calls(server, estate):
            if not any(_is_global(statement) for statement in statements(call.policy.inbound)):
                continue
            for writer in last_writer(call.policy, "Authorization"):
                match writer:
                    case Statement() if _is_global(writer):
                        affected.setdefault(server.name, writer)
                    case Unknown():
                        yield writer
                    case _:
                        pass
    if affected:
        names = ", ".join(sorted(affected))
        yield Issue(
            f"{service.title} attaches a token of its managed identity to every request, and its MCP servers {names} pass it "
            "on to their backends; move authentication-managed-identity to the API that needs it",
            at=next(iter(affected.values())).at,
            evidence=(("servers", names),),
        )


def _is_global(statement: Statement) -> bool:
    own = statement.element.attribute("output-token-variable-name") is None
    return statement.name in CREDENTIAL_SETTERS and own and statement.origin.scope is Scope.GLOBAL

"""What gateway rules judge: the calls that an MCP server in API Management receives.

A native server is judged at API scope: which operation a tool call runs in is not documented (facts/apim.md, open
question 6). An inferred server is judged per operation.
Operations that serve OAuth metadata or play authorization server are not MCP calls: they answer before a token exists.
"""

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Known, NotApplicable
from mcpguard.core.location import Location
from mcpguard.model.entry_paths import EntryPath
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Operation
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.policy.effective import EffectivePolicy, Scope
from mcpguard.policy.tree import Document

_OAUTH_SEGMENTS = frozenset(
    ["authorize", "token", "register", "callback", "oauth-callback", "consent", "jwks", "revoke", "introspect"]
)


class ServerCall(msgspec.Struct, frozen=True):
    """One kind of call on one way in, with the policy that runs for it."""

    path: EntryPath
    operation: Operation | None
    policy: EffectivePolicy

    @property
    def title(self) -> str:
        """The call in words, as part of a sentence."""
        if self.operation is None:
            return self.path.title
        return f"{self.operation.method} {self.operation.url_template} {self.path.title}"


def judged_calls(server: McpServer, estate: Estate) -> Iterator[ServerCall]:
    """Every call of a server in API Management that a gateway rule has to judge.

    Raises:
        NotApplicable: the server is not in API Management.
    """
    api = estate.get(Api, server.api) if server.api else None
    if api is None:
        raise NotApplicable(f"{server.title} is not published through API Management")
    paths = estate.entry_paths
    operations: list[Operation | None] = [None]
    if server.source is ServerSource.APIM_INFERRED:
        operations = [operation for operation in estate.under(api.key, Operation) if not is_oauth_operation(operation)]
        operations = operations or [None]
    for path in paths.of(api):
        for operation in operations:
            yield ServerCall(path, operation, paths.effective_policy(path, operation))


def is_oauth_operation(operation: Operation) -> bool:
    """Whether an operation serves OAuth metadata or a step of an OAuth flow rather than MCP."""
    segments = [segment.lower() for segment in operation.url_template.strip("/").split("/")]
    return ".well-known" in segments or (segments[-1] if segments else "") in _OAUTH_SEGMENTS


def inbound_location(call: ServerCall, server: McpServer, estate: Estate) -> Location:
    """Where a control is missing: the inbound section of the narrowest policy on the way in, else the API itself."""
    api = estate.get(Api, call.path.api)
    if api is None:
        return server.at
    for scoped in reversed(estate.entry_paths.chain(api, call.path, call.operation)):
        match scoped.document:
            case Known(value=Document() as document):
                root = document.root("policies")
                section = root.find("inbound") if root is not None else None
                if section is not None and scoped.scope is not Scope.GLOBAL:
                    return scoped.at.range(section.start, section.head_end)
            case _:
                pass
    return server.at

"""What gateway rules judge: the calls that an MCP server in API Management receives.

A native server is judged at API scope: which operation a tool call runs in is not documented (facts/apim.md, open
question 6). An inferred server is judged per operation.
Operations that serve OAuth metadata or play authorization server are not MCP calls: they answer before a token exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.core.facts import Known, Members, NotApplicable, Unknown
from mcpguard.core.location import Location
from mcpguard.model.entry_paths import EntryPath, Key
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Operation, PolicyText
from mcpguard.model.kinds.governance import ToolClass
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.restrictions import Demand, demands
from mcpguard.policy.effective import EffectivePolicy, Names, Scope, ScopedPolicy, fold
from mcpguard.policy.flow import Reach, reach
from mcpguard.policy.guards import identifies_caller, refusals
from mcpguard.policy.tree import Document

_OAUTH_SEGMENTS = frozenset(
    ["authorize", "token", "register", "callback", "oauth-callback", "consent", "jwks", "revoke", "introspect"]
)

_OAUTH_WORDS = (
    *("redirect_uri", "code_verifier", "code_challenge", "authorization_code", "client_assertion", "registration_endpoint"),
    *("authorization_endpoint", "scopes_supported", "client_secret_basic"),
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


def published_api(server: McpServer, estate: Estate) -> Api:
    """The API that a server is published as.

    Raises:
        NotApplicable: the server is not in API Management.
    """
    api = estate.get(Api, server.api) if server.api else None
    if api is None:
        raise NotApplicable(f"{server.title} is not published through API Management")
    return api


def judged_calls(server: McpServer, estate: Estate) -> Iterator[ServerCall]:
    """Every call of a server in API Management that a gateway rule has to judge.

    Raises:
        NotApplicable: the server is not in API Management.
    """
    api = published_api(server, estate)
    paths = estate.entry_paths
    operations: list[Operation | None] = [None]
    if server.source is ServerSource.APIM_INFERRED:
        operations = [operation for operation in estate.under(api.key, Operation) if not is_oauth_operation(operation)]
        operations = operations or [None]
    for path in paths.of(api):
        for operation in operations:
            yield ServerCall(path, operation, paths.effective_policy(path, operation))


def calls_in_effect(server: McpServer, estate: Estate) -> Iterator[ServerCall]:
    """Every policy that runs anywhere in a server, for rules about what is logged or sent: OAuth operations are part of it.

    A loose policy is judged by its text alone; what broader scopes add is not known and does not matter to such rules.

    Raises:
        NotApplicable: the server has no policies, because it is not in API Management.
    """
    if server.source is ServerSource.LOOSE_POLICY:
        policy = estate.get(PolicyText, server.key.removesuffix("#mcp"))
        if policy is not None:
            folded = estate.remember(("alone", policy.key), lambda: alone(policy, estate))
            yield ServerCall(EntryPath("", Key.SERVICE, "", "in this file"), None, folded)
        return
    api = published_api(server, estate)
    operations = [operation for operation in estate.under(api.key, Operation) if estate.under(operation.key, PolicyText)]
    for path in estate.entry_paths.of(api):
        for operation in (None, *operations):
            yield ServerCall(path, operation, estate.entry_paths.effective_policy(path, operation))


def alone(policy: PolicyText, estate: Estate) -> EffectivePolicy:
    """A loose policy folded by itself."""
    scoped = ScopedPolicy(Scope.API, policy.name, estate.document(policy), policy.text_at)
    missing = Unknown("the policy fragments", "scan the extract or the service that the policy belongs to", policy.at)
    return fold([scoped], Names({}, missing, {}, complete_names=False))


def plays_oauth(server: McpServer, estate: Estate) -> bool:
    """Whether a loose policy is a step of an OAuth flow or its metadata: it answers browsers, and streams nothing."""
    policy = estate.get(PolicyText, server.key.removesuffix("#mcp"))
    if policy is None:
        return False
    match policy.text:
        case Known(value=text):
            return any(word in text.lower() for word in _OAUTH_WORDS)
        case Unknown():
            return False


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


def validated_only_by_products(calls: Sequence[ServerCall]) -> bool:
    """Whether every call in the context of a product identifies its caller, and no call outside of products does."""
    inside = [fact for call in calls if call.path.product and (fact := reach(call.policy, identifies_caller)) is not None]
    outside = [
        (call, fact)
        for call in calls
        if not call.path.product and call.path.doubt is None and (fact := reach(call.policy, identifies_caller)) is not None
    ]
    return (
        bool(inside and outside)
        and all(fact == Known(Reach.ALWAYS) for fact in inside)
        and all(fact == Known(Reach.NEVER) and not any(refusals(call.policy.inbound)) for call, fact in outside)
    )


def bypasses_key(call: ServerCall, estate: Estate) -> bool:
    """Whether a call comes without a key through an open product, though its API asks for one."""
    api = estate.get(Api, call.path.api)
    asks = api is not None and isinstance(api.subscription_required, Known) and api.subscription_required.value
    return call.path.key is Key.NONE and bool(call.path.product) and asks


def tool_classes(server: McpServer, estate: Estate) -> Members[tuple[str, ToolClass | None]]:
    """The tools of a server with what they do: those that were read, and for others those that the manifest declares."""
    tools = tuple((tool.name, estate.classification(tool).tool_class) for tool in estate.tools(server))
    declaration = estate.declaration(server)
    seen = {name.lower() for name, _ in tools}
    declared = declaration.server.tools if declaration is not None else ()
    tools += tuple((tool.name, tool.class_) for tool in declared if tool.name.lower() not in seen)
    rest_backed = server.source is ServerSource.APIM_REST_TOOLS
    listed = rest_backed and estate.is_complete(server.api, "microsoft.apimanagement/service/apis/tools")
    if listed or (declared and not rest_backed):
        return Members(tools)
    remedy = (
        f"add the answer of: az rest --method get --url {server.id}/tools (or pass --complete)"
        if rest_backed
        else "declare its tools with their classes in the manifest"
    )
    return Members(tools, Unknown(f"the list of tools of {server.title}", remedy, server.at))


class Cut(msgspec.Struct, frozen=True):
    """A policy whose inbound section leaves out ``<base/>``, and what it so cuts off."""

    scoped: ScopedPolicy
    at: Location
    """The start tag of the section."""
    broader: EffectivePolicy
    """What the broader scopes come to."""
    demands: tuple[Demand, ...]
    """The service's restrictions that ask this policy for ``<base />``."""


def cuts(call: ServerCall, estate: Estate) -> Iterator[Cut | Unknown]:
    """The scopes on a call's way that do not inherit what stands above them; Unknown for a scope that was not read."""
    api = estate.get(Api, call.path.api)
    if api is None:
        return
    scopes = estate.entry_paths.scopes(api, call.path, call.operation)
    chain = [estate.policy_at(key, scope, api.at) for key, scope in scopes]
    for index, scoped in enumerate(chain[1:], start=1):
        match scoped.document:
            case Unknown() as unknown:
                yield unknown
            case Known(value=Document() as document):
                root = document.root("policies")
                parts = [part for part in root.elements if part.name == "inbound"] if root is not None else []
                if parts and not any(element.name == "base" for part in parts for element in part.walk()):
                    at = scoped.at.range(parts[0].start, parts[0].head_end)
                    broader = estate.entry_paths.fold_chain(api, chain[:index])
                    yield Cut(scoped, at, broader, tuple(demands(scopes[index][0], scoped, estate)))
            case Known():
                pass


def backing_calls(server: McpServer, estate: Estate) -> Iterator[ServerCall | Unknown]:
    """Every way to call the REST operations behind a server's tools without going through the server."""
    for tool in estate.tools(server):
        operation = estate.get(Operation, tool.operation)
        api = estate.get(Api, operation.api) if operation is not None else None
        if operation is None or api is None:
            missing = f"the operation that the tool {tool.name} of {server.title} calls"
            yield Unknown(missing, "add the backing API with its operations and policies to the input", tool.at)
            continue
        for path in estate.entry_paths.of(api):
            yield ServerCall(path, operation, estate.entry_paths.effective_policy(path, operation))
    if not estate.is_complete(server.api, "microsoft.apimanagement/service/apis/tools"):
        remedy = "add the answer of: az rest --method get --url …/tools for the server (or pass --complete)"
        yield Unknown(f"the complete list of tools of {server.title}", remedy, server.at)

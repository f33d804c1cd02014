"""What is in effect on an MCP server: statements of its policies on every way in, and its backend entities.

What only something unread decides carries a doubt; a rule yields the doubt instead of an issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from mcpguard.core.facts import Known, Members, NotApplicable, Unknown
from mcpguard.core.location import Location
from mcpguard.model import products
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Backend, Operation
from mcpguard.model.kinds.mcp import Confidence, McpServer, McpTool, ServerSource
from mcpguard.model.server_view import ServerCall, calls_in_effect, judged_calls, plays_oauth, published_api, tool_classes
from mcpguard.policy.effective import EffectivePolicy, Section, Statement
from mcpguard.policy.expressions import Condition, Use, expressions_of, placed


class StatementInEffect(msgspec.Struct, frozen=True):
    """One policy statement that runs for a server."""

    statement: Statement
    section: Section
    conditions: tuple[Condition, ...]
    """The ``when`` branches that it stands in, outermost first."""
    policy: EffectivePolicy
    """The policy of the first call that runs it, for named values."""
    titles: tuple[str, ...]
    """The calls that run it, in words."""
    doubt: Unknown | None
    """Set when something unread decides whether it runs."""

    @property
    def at(self) -> Location:
        """The statement's start tag."""
        return self.statement.at

    @property
    def evidence(self) -> tuple[tuple[str, str], ...]:
        """The ways in on which it runs."""
        return tuple(("entry path", title) for title in self.titles)

    def expressions(self) -> Iterator[Use]:
        """Its expressions, analysed."""
        return expressions_of(self.statement)


def default_unread(step: StatementInEffect) -> Unknown:
    """For a statement of the platform's default global policy: its attributes, which are not documented."""
    remedy = "add the answer of: az rest --method get --url …/policies/policy?format=rawxml of the service"
    return Unknown(f"the attributes of {step.statement.name} in the platform's default global policy", remedy, step.at)


def mcp_calls(server: McpServer, estate: Estate) -> Iterable[ServerCall]:
    """The MCP calls of a server in API Management; for a loose policy, the call that it would run for.

    Raises:
        NotApplicable: the server has no policies, or the loose policy is a step of an OAuth flow rather than an MCP call.
    """
    if server.source is not ServerSource.LOOSE_POLICY:
        return judged_calls(server, estate)
    if server.confidence is Confidence.LOW:
        raise NotApplicable(f"only the path of {server.title} says mcp, which does not make its API an MCP endpoint")
    if plays_oauth(server, estate):
        raise NotApplicable(f"{server.title} is a step of an OAuth flow and answers no MCP call")
    return calls_in_effect(server, estate)


def statements_in_effect(server: McpServer, estate: Estate, *sections: Section) -> Members[StatementInEffect]:
    """The statements that run for a server's MCP calls, in some sections or in all, each once.

    Raises:
        NotApplicable: the server has no policies.
    """
    return estate.remember(("in effect", server.key, sections), lambda: _in_effect(server, estate, sections))


def _in_effect(server: McpServer, estate: Estate, sections: tuple[Section, ...]) -> Members[StatementInEffect]:
    found: dict[tuple[Section, Location, int], StatementInEffect] = {}
    missing: Unknown | None = None
    for call in mcp_calls(server, estate):
        for node in placed(call.policy, *sections):
            if isinstance(node, Unknown):
                missing = missing or node
                continue
            key = (node.section, node.statement.origin.at, node.statement.element.start)
            before = found.get(key)
            titles = (*before.titles, call.title) if before is not None else (call.title,)
            if before is None or (before.doubt is not None and node.doubt is None):
                found[key] = StatementInEffect(node.statement, node.section, node.conditions, call.policy, titles, node.doubt)
            else:
                found[key] = msgspec.structs.replace(before, titles=tuple(dict.fromkeys(titles)))
    return Members(tuple(found.values()), missing or unread_products(server, estate))


def unread_products(server: McpServer, estate: Estate) -> Unknown | None:
    """What is missing when an unread product may hold the server's API: its policy would run for the product's keys."""
    api = estate.get(Api, server.api) if server.api else None
    if api is None or products.unread_products(api, estate) == ():
        return None
    return products.unread_products_of(api, estate)


def backends_in_effect(server: McpServer, estate: Estate) -> Members[Backend]:
    """The backend entities that serve a server: its own, those of the APIs behind its tools, and the members of pools.

    Raises:
        NotApplicable: the server is not in API Management.
    """
    api = published_api(server, estate)
    found: dict[str, Backend] = {}
    missing = tool_classes(server, estate).missing if server.source is ServerSource.APIM_REST_TOOLS else None
    for name, at in _backend_names(server, api, estate):
        if isinstance(name, Unknown):
            missing = missing or name
            continue
        for key in _with_pool(f"{api.home}/backends/{name.rsplit('/', 1)[-1].lower()}", estate):
            backend = estate.get(Backend, key)
            if backend is not None:
                found[key] = backend
            else:
                remedy = f"add the answer of: az rest --method get --url {key}"
                missing = missing or Unknown(f"the backend {key.rsplit('/', 1)[-1]!r} of {server.title}", remedy, at)
    return Members(tuple(found.values()), missing or unread_products(server, estate))


def _with_pool(key: str, estate: Estate) -> tuple[str, ...]:
    backend = estate.get(Backend, key)
    return (key, *backend.pool) if backend is not None else (key,)


def _backend_names(server: McpServer, api: Api, estate: Estate) -> Iterator[tuple[str | Unknown, Location]]:
    """Names of backend entities that a server or the APIs behind its tools point to, in a member or in a policy."""
    yield from _member(api)
    for call in judged_calls(server, estate):
        yield from _set_by_policy(call.policy, api)
    seen: set[str] = set()
    for tool in estate.under(server.key, McpTool):
        operation = estate.get(Operation, tool.operation)
        behind = estate.get(Api, operation.api) if operation is not None else None
        if operation is None or behind is None:
            if tool.operation:
                remedy = "add the API, its operations and its policies to the input"
                yield Unknown(f"the API behind tool {tool.name} of {server.title}", remedy, tool.at), tool.at
            continue
        if behind.key not in seen:
            seen.add(behind.key)
            yield from _member(behind)
        for path in estate.entry_paths.of(behind):
            yield from _set_by_policy(estate.entry_paths.effective_policy(path, operation), behind)


def _member(api: Api) -> Iterator[tuple[str | Unknown, Location]]:
    match api.backend_id:
        case Known(value=str() as name, at=at):
            yield name, at or api.at
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown, api.at


def _set_by_policy(policy: EffectivePolicy, api: Api) -> Iterator[tuple[str | Unknown, Location]]:
    for node in placed(policy):
        if isinstance(node, Unknown):
            yield node, api.at
            continue
        value = node.statement.element.attribute("backend-id") if node.statement.name == "set-backend-service" else None
        if value is None:
            continue
        at = node.statement.value_at(value)
        if value.expressions:
            remedy = "set a literal backend-id"
            yield Unknown(f"the backend of {api.title}, which its policy computes", remedy, at), at
            continue
        match policy.resolve(value):
            case Known(value=plain):
                yield node.doubt or plain.strip(), at
            case Unknown() as unknown:
                yield unknown, at

"""Which policy documents of a service take part in answering MCP calls."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Known
from mcpguard.model.estate import Estate, home_key
from mcpguard.model.kinds.gateway import Api, Fragment, Operation, PolicyText
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.policy.references import references


def policies_in_reach(service: str, estate: Estate) -> frozenset[str]:
    """Keys of the policies and fragments that run for some MCP server of a service, or for an API behind its tools.

    A fragment is in reach when a policy in reach includes it, by itself or through other fragments.
    """
    return estate.remember(("policies in reach", service), lambda: _find(service, estate))


def _find(service: str, estate: Estate) -> frozenset[str]:
    reached: set[str] = set()
    waiting: list[PolicyText | Fragment] = [
        policy for scope in _scopes(service, estate) for policy in estate.under(scope, PolicyText)
    ]
    while waiting:
        policy = waiting.pop()
        if policy.key in reached:
            continue
        reached.add(policy.key)
        match estate.document(policy):
            case Known(value=document) if document is not None:
                names = (reference.name.lower() for reference in references(document) if reference.kind == "fragment")
                fragments = _fragments(home_key(policy.key), estate)
                waiting.extend(fragments[name] for name in names if name in fragments)
            case _:
                pass
    return frozenset(reached)


def _fragments(home: str, estate: Estate) -> dict[str, Fragment]:
    """The fragments of a service or workspace by lower-case name."""
    by_name = ("fragments by name", home)
    return estate.remember(by_name, lambda: {found.name.lower(): found for found in estate.under(home, Fragment)})


def _scopes(service: str, estate: Estate) -> Iterator[str]:
    """The service, and the products, APIs and operations on the way of an MCP call; some more than once."""
    yield service
    for server in estate.under(service, McpServer):
        yield from scopes_of(server, estate)


def scopes_of(server: McpServer, estate: Estate) -> Iterator[str]:
    """Keys of the products, APIs and operations on the way of a server's calls, the service left out; some more than once."""
    yield from _of_api(server.api, estate)
    for tool in estate.tools(server):
        operation = estate.get(Operation, tool.operation)
        if operation is not None:
            yield operation.key
            yield from _of_api(operation.api, estate, with_operations=False)


def _of_api(key: str, estate: Estate, *, with_operations: bool = True) -> Iterator[str]:
    api = estate.get(Api, key)
    if api is None:
        return
    yield api.key
    if api.workspace:
        yield api.workspace
    yield from (path.product for path in estate.entry_paths.of(api) if path.product)
    if with_operations:
        yield from (operation.key for operation in estate.under(api.key, Operation))

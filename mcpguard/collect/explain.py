"""What a collection would ask, and the permission that each question needs; nothing is called."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.collect import scope
from mcpguard.collect.asked import WINDOW, Asked, is_service_id
from mcpguard.collect.clouds import Cloud
from mcpguard.collect.directory import AGENT_LISTINGS, APPLICATIONS, CONDITIONAL_ACCESS, PRINCIPALS, TENANT, Listing
from mcpguard.collect.foundry import DATA
from mcpguard.collect.plan import PLAN, SOUGHT
from mcpguard.collect.queries import QUERIES, QUERY_NEEDS
from mcpguard.collect.reads import Needs, Read, Shape


class Call(msgspec.Struct, frozen=True):
    """One kind of request."""

    verb: str
    url: str
    """With ``{…}`` where ids stand."""
    needs: Needs
    body: str = ""
    """What is asked there, for a query; its purpose in the first line."""


def explain(asked: Asked, cloud: Cloud) -> Iterator[Call]:
    """Every kind of request that a collection of that scope may make, in its order."""
    yield from _scope(asked, cloud)
    for sought in SOUGHT:
        if sought.type.lower() in scope.types_of(asked):
            one = sought.one()
            parent = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{sought.type}/{{name}}"
            yield from _read(one, parent, asked, cloud)
    if not asked.service and not asked.resource_group:
        yield from _read(PLAN["policy-definitions"], "/subscriptions/{subscription}", asked, cloud)
    if asked.telemetry:
        yield from _telemetry(asked, cloud)
    if asked.graph:
        yield from _directory(asked, cloud)


def _scope(asked: Asked, cloud: Cloud) -> Iterator[Call]:
    if is_service_id(asked.service):
        return
    if not asked.subscriptions and not asked.management_group:
        yield Call("GET", f"{cloud.arm}/subscriptions?api-version={scope.SUBSCRIPTIONS_VERSION}", scope.NEEDS)
    resources = f"{cloud.arm}/providers/Microsoft.ResourceGraph/resources?api-version={scope.GRAPH_VERSION}"
    yield Call("POST", resources, scope.NEEDS)
    # Where Resource Graph is forbidden:
    if asked.management_group:
        home = f"/providers/Microsoft.Management/managementGroups/{asked.management_group}/subscriptions"
        yield Call("GET", f"{cloud.arm}{home}?api-version={scope.MANAGEMENT_VERSION}", scope.NEEDS)
    group = f"/resourceGroups/{asked.resource_group}" if asked.resource_group else ""
    for sought in SOUGHT:
        if sought.type.lower() in scope.types_of(asked):
            path = f"/subscriptions/{{subscription}}{group}/providers/{sought.type}"
            yield Call("GET", f"{cloud.arm}{path}?api-version={sought.versions[0]}", sought.needs)


def _read(read: Read, parent: str, asked: Asked, cloud: Cloud) -> Iterator[Call]:
    if read.shape is Shape.POSTED and not asked.app_settings:
        return
    path = f"{parent}/{read.path}" if read.path else parent
    version = f"?api-version={read.versions[0]}" + (f"&{read.query}" if read.query else "")
    if read.needs is DATA:
        project, separator, below = path.partition("/projects/{projects}/")
        base = f"{cloud.foundry}/api/projects/{{project}}/{below}" if separator else project
        yield Call("GET", base + version, read.needs)
    elif read.type:
        yield Call("POST" if read.shape is Shape.POSTED else "GET", cloud.arm + path + version, read.needs)
    for child in read.below:
        yield from _read(child, f"{path}/{{{read.name}}}" if read.shape is Shape.LIST else path, asked, cloud)


def _telemetry(asked: Asked, cloud: Cloud) -> Iterator[Call]:
    for name in ("component", "workspace"):  # those that loggers, components and settings point to, wherever they are
        read = PLAN[name]
        yield from _read(
            read, f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{read.type}/{{name}}", asked, cloud
        )
    for query in QUERIES:
        url = f"{cloud.log_analytics.removesuffix('/v1')}/v1/workspaces/{{customer id}}/query"
        body = f"// {query.name}: {query.purpose}\n// the last {asked.telemetry_window or WINDOW}\n{query.bounded}"
        yield Call("POST", url, QUERY_NEEDS, body)


def _directory(asked: Asked, cloud: Cloud) -> Iterator[Call]:
    root = f"{cloud.graph}/v1.0"
    listings: list[Listing] = [*TENANT, *AGENT_LISTINGS, APPLICATIONS, PRINCIPALS]
    if asked.conditional_access:
        listings.append(CONDITIONAL_ACCESS)
    for listing in listings:
        yield Call("GET", root + listing.path, listing.needs)
        home = f"{listing.id or listing.path}/{{id}}"
        for relation in listing.relations:
            slash = "" if relation.path.startswith("?") else "/"
            path = relation.path if relation.path.startswith("/") else f"{home}{slash}{relation.path}"
            yield Call("GET", f"{root}{path} (in POST {root}/$batch)", relation.needs)

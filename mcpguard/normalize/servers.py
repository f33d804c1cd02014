"""MCP servers and tools in API Management: native ones and those proxied by hand. Facts: facts/apim.md 1.3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mcpguard.core.facts import Fact, Known, Unknown, transform, value_or_none
from mcpguard.core.location import Location
from mcpguard.evidence import RawResource, Unresolved
from mcpguard.model.estate import Estate, child_type
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import Api, Backend, Operation, PolicyText
from mcpguard.model.kinds.mcp import Confidence, McpServer, McpTool, ServerSource, Url
from mcpguard.model.urls import parse_url, segments
from mcpguard.normalize.fields import fact, last_segment, lookup, not_usable, parent_key
from mcpguard.policy.effective import resolve_named_values
from mcpguard.policy.tree import Document

_OTHER_TYPES = frozenset({"soap", "graphql", "odata", "grpc", "a2a", "websocket"})
_MARKERS = ("mcp-session-id", "tools/call", "mcp-protocol-version")
_TELLING = re.compile(r"(?i)(?:^|/)(?:mcp|sse|messages?)/?$")
_METADATA = ".well-known/oauth-protected-resource"
_TRANSPORT_DEFAULT = "a server of type mcp that names no transport speaks streamable HTTP (facts/apim.md 1.3, from samples)"
ASSUMED = "--assume-mcp says so"
_TRANSPORT_PAIR = (frozenset({"sse"}), frozenset({"message", "messages"}))


def gateway_servers(estate: Estate, raws: Mapping[str, RawResource], assume_mcp: bool) -> Iterator[tuple[Entity, str]]:
    """Every MCP server that API Management publishes, and the tools that are known of it.

    With ``assume_mcp`` every HTTP API is one.
    """
    tools: dict[str, list[RawResource]] = {}
    for key, child in raws.items():
        if child.type.endswith("/apis/tools"):
            tools.setdefault(parent_key(key), []).append(child)
    for api in estate.of(Api):
        raw = raws[api.key]
        server: McpServer | None = None
        match api.type:
            case Known(value="mcp"):
                server = _native(api, raw, estate)
            case Known(value=other) if other in _OTHER_TYPES:
                pass
            case _:
                # An API of a type that is not known is looked at like an ordinary one.
                server = _inferred(api, estate, assume_mcp)
        if server is None:
            continue
        yield server, api.service
        for tool in _tools(server, raw, tools.get(api.key, ()), estate):
            yield tool, server.key


def server_key(api: Api) -> str:
    """Key of the server that an API is."""
    return f"{api.key}#mcp"


def _server(
    api: Api,
    source: ServerSource,
    confidence: Confidence,
    reasons: tuple[str, ...],
    backends: Fact[tuple[Url, ...]],
    transport: Fact[str],
) -> McpServer:
    return McpServer(
        id=api.id,
        key=server_key(api),
        name=api.name,
        at=api.at,
        format=api.format,
        api_version=api.api_version,
        source=source,
        confidence=confidence,
        reasons=reasons,
        service=api.service,
        api=api.key,
        backends=backends,
        transport=transport,
    )


def _native(api: Api, raw: RawResource, estate: Estate) -> McpServer:
    backends = backend_urls(api, estate)
    inline = lookup(raw.body, ("properties", "mcpTools"))
    rest_backed = isinstance(backends, Known) and not backends.value
    if isinstance(inline, list) and inline:
        rest_backed = True
    source = ServerSource.APIM_REST_TOOLS if rest_backed else ServerSource.APIM_PASSTHROUGH
    return _server(api, source, Confidence.HIGH, ("its type is mcp",), backends, _native_transport(raw))


def _inferred(api: Api, estate: Estate, assume_mcp: bool) -> McpServer | None:
    """An ordinary API that fronts an MCP server, judged by what it is called, where it leads and what its policy says."""
    strong: list[str] = []
    weak: list[str] = []
    if "mcp" in segments(api.path):
        strong.append(f"its path {api.path!r} has a segment mcp")
    backends = backend_urls(api, estate)
    if isinstance(backends, Known):
        for url in backends.value:
            if "mcp" in segments(url.path):
                strong.append(f"its backend {url.text} has a path segment mcp")
                break
    ends = [
        frozenset(segments(operation.url_template)[-1:])
        for operation in estate.under(api.key, Operation)
        if _TELLING.search(operation.url_template)
    ]
    if any(end <= _TRANSPORT_PAIR[0] for end in ends) and any(end <= _TRANSPORT_PAIR[1] for end in ends):
        strong.append("it has the two operations of the SSE transport, sse and message")
    elif any("mcp" in end for end in ends):
        strong.append("it has an operation that ends in mcp")
    marker = _policy_marker(api, estate)
    if marker:
        strong.append(f"its policy speaks of {marker}")
    if "mcp" in api.display_name.lower().replace("-", " ").replace("_", " ").split():
        weak.append(f"it is called {api.display_name!r}")
        if any(_METADATA in operation.url_template for operation in estate.under(api.key, Operation)):
            strong.append("it serves protected resource metadata")
    if assume_mcp:
        strong.append(ASSUMED)
    if not strong:
        return None
    sure = assume_mcp or len(strong) + len(weak) > 1
    confidence = Confidence.HIGH if sure else Confidence.MEDIUM
    transport = _inferred_transport(api, estate)
    return _server(api, ServerSource.APIM_INFERRED, confidence, (*strong, *weak), backends, transport)


def _native_transport(raw: RawResource) -> Fact[str]:
    """``transportType``, else what the endpoints show: a list of named ones, or an object by name."""
    steps = ("properties", "mcpProperties")
    endpoints = lookup(raw.body, (*steps, "endpoints"))
    default: Fact[str] = Known("streamable", raw.origin, _TRANSPORT_DEFAULT)
    if isinstance(endpoints, Unresolved):
        default = not_usable(raw, (*steps, "endpoints"), endpoints, "a list")
    for step, name in (
        enumerate(lookup(item, ("name",)) for item in endpoints)
        if isinstance(endpoints, list)
        else zip(endpoints, endpoints, strict=True)
        if isinstance(endpoints, dict)
        else ()
    ):
        if isinstance(name, str) and name.lower() == "sse":
            default = Known("sse", raw.origin.child(*steps, "endpoints", step))
    return transform(fact(raw, (*steps, "transportType"), str, default), str.lower)


def _inferred_transport(api: Api, estate: Estate) -> Fact[str]:
    """The pair of operations of HTTP+SSE; an API whose operations were not all read may have it unseen."""
    operations = estate.under(api.key, Operation)
    ends = {operation: frozenset(segments(operation.url_template)[-1:]) for operation in operations}
    stream = next((operation for operation, end in ends.items() if end and end <= _TRANSPORT_PAIR[0]), None)
    if stream is not None and any(end and end <= _TRANSPORT_PAIR[1] for end in ends.values()):
        return Known("sse", stream.at.child("properties", "urlTemplate"))
    if estate.is_complete(api.key, child_type(api.key, "operations")):
        return Known("", api.at)
    remedy = f"add the answer of: az rest --method get --url {api.id}/operations (or pass --complete)"
    return Unknown(f"the operations of {api.title}", remedy, api.at)


def _policy_marker(api: Api, estate: Estate) -> str:
    for owner in (api, *estate.under(api.key, Operation)):
        for policy in estate.under(owner.key, PolicyText):
            match policy.text:
                case Known(value=text):
                    lowered = text.lower()
                    found = next((marker for marker in _MARKERS if marker in lowered), "")
                    if found and found in _without_comments(estate, policy):
                        return found
                case Unknown():
                    pass
    return ""


def _without_comments(estate: Estate, policy: PolicyText) -> str:
    match estate.document(policy):
        case Known(value=Document() as document):
            parts: list[str] = []
            for root in document.roots:
                for element in root.walk():
                    parts.extend(attribute.value.text for attribute in element.attributes)
                    parts.append(element.content.text)
            return "\n".join(parts).lower()
        case _:
            return ""


def backend_urls(api: Api, estate: Estate) -> Fact[tuple[Url, ...]]:
    """Where an API's requests go: ``backendId`` or ``serviceUrl``, unless its own policy sets another backend."""
    found: list[Url] = []
    for policy in estate.under(api.key, PolicyText):
        override = _policy_backend(policy, api, estate)
        match override:
            case Known(value=urls):
                found.extend(urls or ())
            case Unknown():
                return override
    if found:
        return Known(tuple(found))
    match api.backend_id:
        case Known(value=str() as name, at=at):
            return _entity_urls(api, name, at or api.at, estate)
        case Known():
            pass
        case Unknown():
            return api.backend_id
    match api.service_url:
        case Known(value=str() as text, at=at):
            return _resolved_url(text, at or api.at, api, estate)
        case Known():
            return Known((), api.at)
        case Unknown():
            return api.service_url


def _policy_backend(policy: PolicyText, api: Api, estate: Estate) -> Fact[tuple[Url, ...] | None]:
    """The backend that ``set-backend-service`` in a policy names literally; None when the policy sets none."""
    if "set-backend-service" not in (value_or_none(policy.text) or ""):
        return Known(None, policy.text_at)
    match estate.document(policy):
        case Known(value=Document() as document):
            urls: list[Url] = []
            for root in document.roots:
                for element in root.walk():
                    if element.name != "set-backend-service":
                        continue
                    for name in ("backend-id", "base-url"):
                        value = element.attribute(name)
                        if value is None:
                            continue
                        at = policy.text_at.range(value.start, value.end)
                        if value.expressions:
                            return Unknown(
                                f"the backend of {api.title}, which its policy computes",
                                "set a literal backend-id, or list the possible servers in the manifest",
                                at,
                            )
                        target = (
                            _entity_urls(api, value.text, at, estate)
                            if name == "backend-id"
                            else _resolved_url(value.text, at, api, estate)
                        )
                        match target:
                            case Known(value=more):
                                urls.extend(more)
                            case Unknown():
                                return target
            return Known(tuple(urls) if urls else None, policy.text_at)
        case _:
            return Known(None, policy.text_at)


def _entity_urls(api: Api, name: str, at: Location, estate: Estate) -> Fact[tuple[Url, ...]]:
    """The addresses of a backend entity, or of every member of a pool."""
    resolved = resolve_named_values(name, estate.named_values(api.home)[0])
    if isinstance(resolved, Unknown):
        return resolved
    plain = resolved.value
    backend = estate.get(Backend, f"{api.home}/backends/{last_segment(plain).lower()}")
    if backend is None:
        return Unknown(
            f"the backend {plain!r} that {api.title} points to",
            f"add the answer of: az rest --method get --url {api.home}/backends/{plain}",
            at,
        )
    urls: list[Url] = []
    for member in (backend, *(estate.get(Backend, key) for key in backend.pool)):
        if member is None:
            return Unknown(f"a member of the backend pool {backend.name}", "add the service's backends to the input", at)
        match member.url:
            case Known(value=str() as text, at=where):
                more = _resolved_url(text, where or member.at, api, estate)
                match more:
                    case Known(value=found):
                        urls.extend(found)
                    case Unknown():
                        return more
            case Known():
                pass
            case Unknown():
                return member.url
    return Known(tuple(urls), at)


def _resolved_url(text: str, at: Location, api: Api, estate: Estate) -> Fact[tuple[Url, ...]]:
    resolved = resolve_named_values(text, estate.named_values(api.home)[0])
    match resolved:
        case Known(value=plain):
            return Known((parse_url(plain, at),), at)
        case Unknown():
            return resolved


def _tools(server: McpServer, raw: RawResource, children: Sequence[RawResource], estate: Estate) -> Iterator[McpTool]:
    """Tools as child resources, and inline ones that no child stands for; the newest form wins."""
    seen: set[str] = set()
    for child in children:
        tool = _tool(server, child, ("properties",), last_segment(child.id), child.key, estate)
        seen.add(tool.operation or tool.name.lower())
        yield tool
    inline = lookup(raw.body, ("properties", "mcpTools"))
    for index, item in enumerate(inline if isinstance(inline, list) else []):
        name = lookup(item, ("name",))
        if isinstance(name, str):
            key = f"{server.api}/tools/{name.lower()}"
            tool = _tool(server, raw, ("properties", "mcpTools", index), name, key, estate)
            if (tool.operation or name.lower()) not in seen:
                yield tool


def _tool(
    server: McpServer, raw: RawResource, steps: tuple[str | int, ...], fallback: str, key: str, estate: Estate
) -> McpTool:
    at = raw.origin.child(*steps)
    name = lookup(raw.body, (*steps, "displayName"))
    description = lookup(raw.body, (*steps, "description"))
    reference = lookup(raw.body, (*steps, "operationId"))
    method: Fact[str] | None = None
    operation_key = ""
    if isinstance(reference, str) and reference:
        operation_key = _operation_key(reference, server)
        operation = estate.get(Operation, operation_key)
        method = (
            Known(operation.method, operation.at.child("properties", "method"))
            if operation is not None
            else Unknown(
                f"the operation {last_segment(reference)!r} that the tool {fallback} of {server.title} calls",
                f"add the answer of: az rest --method get --url {parent_key(reference)}/operations",
                at.child("operationId"),
            )
        )
    return McpTool(
        id=f"{server.id}/tools/{fallback}",
        key=key,
        name=name if isinstance(name, str) and name else fallback,
        at=at,
        format=raw.format,
        api_version=raw.api_version,
        server=server.key,
        description=description if isinstance(description, str) else "",
        method=method,
        operation=operation_key,
    )


def _operation_key(reference: str, server: McpServer) -> str:
    """Full ARM ids, ``/apis/{api}/operations/{operation}`` and ids under another spelling of the service all occur."""
    lowered = reference.lower().rstrip("/")
    tail = lowered.find("/apis/")
    return f"{server.service}{lowered[tail:]}" if tail >= 0 else lowered

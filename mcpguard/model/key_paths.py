"""Where subscription keys and cookies go besides the gateway.

An ordinary API forwards the request headers that no policy takes off, the subscription key among them: Microsoft's policy
snippets delete ``Ocp-Apim-Subscription-Key`` so that the backend does not see it, and users report that it arrives
(Azure/api-management-policy-snippets; andrewilson.co.uk, November 2023). What a native MCP server forwards, and whether a key
in the query is taken off, is not documented (facts/apim.md 3.4 and open question 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.audiences import may_be_ours
from mcpguard.model.entry_paths import Key
from mcpguard.model.estate import Estate
from mcpguard.model.flow_view import flows_of, key_names
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.mcp import McpServer, ServerSource, Url
from mcpguard.model.server_view import ServerCall, judged_calls, published_api
from mcpguard.model.token_paths import host_at, is_approved
from mcpguard.policy.effective import Statement
from mcpguard.policy.endpoints import Endpoint, host_of
from mcpguard.policy.flow import Reach, reach
from mcpguard.policy.headers import HeaderState, Holder, header_when_forwarded
from mcpguard.policy.labels import Flow, Label, SinkKind

_IN_THE_REQUEST = frozenset({SinkKind.BACKEND_HEADER, SinkKind.BACKEND_QUERY, SinkKind.BACKEND_BODY})


_MEMBER = ""
"""Stands for ``context.Subscription.Key`` among the carriers of keys."""


class Leak(msgspec.Struct, frozen=True):
    """A key or cookies on the way to a host of somebody else."""

    what: str
    """``subscription keys`` or ``cookies``."""
    host: str
    call: ServerCall
    at: Location
    steps: tuple[Location, ...]
    """How a policy copies it; empty when it merely leaves it on the request."""


def keys_sent_abroad(server: McpServer, estate: Estate) -> Iterator[Leak | Unknown]:
    """Every key or cookie of a server's callers that a foreign host gets, and what could not be told.

    Raises:
        NotApplicable: the server is not in API Management.
    """
    api = published_api(server, estate)
    receivers = list(_receivers(server, estate))
    names = key_names(server, estate)
    for call in judged_calls(server, estate):
        carriers = {"cookie": "cookies"}
        match _brings_key(call, api):
            case Known(value=True):
                carriers |= dict.fromkeys((api.key_header.lower(), api.key_query.lower(), _MEMBER), "subscription keys")
            case Known():
                pass
            case Unknown() as unknown if receivers:
                yield unknown
            case Unknown():
                pass
        for receiver in receivers:
            yield from _main_request(server, call, receiver, carriers, api)
        for flow in flows_of(call.policy, estate, names).flows:
            what = _credential(flow, carriers)
            if what and flow.sink is SinkKind.OUTGOING_REQUEST:
                yield from _own_request(server, call, flow, what, estate)
            elif what and flow.sink in _IN_THE_REQUEST and flow.name.lower() not in carriers:
                for receiver in receivers:
                    yield receiver if isinstance(receiver, Unknown) else Leak(what, receiver.host, call, flow.at, flow.steps)


def _receivers(server: McpServer, estate: Estate) -> Iterator[Url | Unknown]:
    """The backends that are somebody else's, or may be."""
    match server.backends:
        case Known(value=urls):
            for url in urls:
                match _is_foreign(url, server, estate):
                    case True:
                        yield url
                    case Unknown() as unknown:
                        yield unknown
                    case _:
                        pass
        case Unknown() as unknown:
            yield unknown


def _is_foreign(url: Url, server: McpServer, estate: Estate) -> bool | Unknown:
    if host_at(url, estate) is not None or is_approved(url, estate):
        return False
    if not may_be_ours(url.host, server, estate):
        return True
    return Unknown(
        f"whose host {url.host} is, to which {server.title} sends requests",
        "add the host to the input, or approve the server in the manifest",
        url.at,
    )


def _brings_key(call: ServerCall, api: Api) -> Fact[bool]:
    """Whether callers on a way in bring a key: because it takes one, not because one would be accepted."""
    if call.path.key is Key.NONE:
        return Known(False)
    if call.path.key is Key.PRODUCT:
        return call.path.doubt or Known(True)
    return api.subscription_required


def _main_request(
    server: McpServer, call: ServerCall, receiver: Url | Unknown, carriers: dict[str, str], api: Api
) -> Iterator[Leak | Unknown]:
    header_leaves = False
    for name, what in carriers.items():
        if name in (_MEMBER, api.key_query.lower()):
            continue
        state = _leaving(call, name)
        if state is None:
            continue
        header_leaves = header_leaves or name != "cookie"
        yield _verdict(server, call, receiver, what, state)
    if _MEMBER in carriers and not header_leaves and server.source is ServerSource.APIM_INFERRED and isinstance(receiver, Url):
        deleted = reach(call.policy, _deletes(api.key_query))
        if deleted is not None and deleted != Known(Reach.ALWAYS):
            yield Unknown(
                f"whether {server.title} forwards a key in the query ({api.key_query}) to {receiver.host}",
                f'add <set-query-parameter name="{api.key_query}" exists-action="delete" /> to the inbound section',
                receiver.at,
            )


def _leaving(call: ServerCall, name: str) -> HeaderState | None:
    """The state in which a header may leave with the caller's value; None when it never does."""
    leaving = [
        state
        for state in header_when_forwarded(call.policy, name)
        if state.holder in (Holder.CALLER, Holder.COPIED) or state.hole is not None
    ]
    return max(leaving, key=lambda found: (found.hole is None, found.holder is Holder.COPIED)) if leaving else None


def _verdict(server: McpServer, call: ServerCall, receiver: Url | Unknown, what: str, state: HeaderState) -> Leak | Unknown:
    if isinstance(receiver, Unknown):
        return receiver
    if state.hole is not None:
        return state.hole
    if state.holder is Holder.COPIED:
        return Leak(what, receiver.host, call, state.steps[-1], state.steps)
    if server.source is not ServerSource.APIM_INFERRED:
        return Unknown(
            f"whether the gateway forwards callers' {what} of {server.title} to {receiver.host}; no policy touches the header",
            "delete the header in the inbound policy; what the gateway does by itself depends on its version",
            receiver.at,
        )
    return Leak(what, receiver.host, call, receiver.at, ())


@cache
def _deletes(parameter: str) -> Callable[[Statement], bool]:
    """A test for the policy that takes a parameter off the query."""

    def deletes(statement: Statement) -> bool:
        name, action = statement.element.attribute("name"), statement.element.attribute("exists-action")
        return (
            statement.name == "set-query-parameter"
            and name is not None
            and name.text.strip().lower() == parameter.lower()
            and action is not None
            and action.text.strip().lower() == "delete"
        )

    return deletes


def _credential(flow: Flow, carriers: dict[str, str]) -> str:
    """What a flow carries in words; empty when it is neither a key of the gateway's nor cookies."""
    source = flow.tainted.source
    if flow.tainted.label is not Label.KEY:
        return ""
    if source.kind == "subscription":
        return carriers.get(_MEMBER, "")
    return carriers.get(source.name, "")


def _own_request(server: McpServer, call: ServerCall, flow: Flow, what: str, estate: Estate) -> Iterator[Leak | Unknown]:
    if flow.endpoint is Endpoint.ISSUER:
        return
    host = host_of(flow.target)
    if not host:
        yield Unknown(
            f"where the request goes into which {server.title} puts callers' {what} ({flow.target[:60]})",
            "write the host as a literal",
            flow.at,
        )
        return
    match _is_foreign(Url(flow.target, "https", host, "", flow.at), server, estate):
        case True:
            yield Leak(what, host, call, flow.at, flow.steps)
        case Unknown() as unknown:
            yield unknown
        case _:
            pass

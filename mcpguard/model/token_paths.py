"""Where the caller's token arrives with the main request, and whether it is at home there.

A token is at home where its audience is: at a host that accepts one of the audiences which the gateway validates. What the
gateway does by itself with the header of a native MCP server changed in late 2025 and cannot be read from
configuration (facts/apim.md 3.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from mcpguard.core.facts import Known, Unknown, value_or_none
from mcpguard.model.audiences import Audiences, host_audiences, may_be_ours, validated_audiences
from mcpguard.model.estate import Estate, home_key
from mcpguard.model.kinds.gateway import Backend
from mcpguard.model.kinds.hosting import ContainerApp, Host, Site
from mcpguard.model.kinds.mcp import McpServer, ServerSource, Url
from mcpguard.model.server_view import ServerCall, backing_calls, inbound_location, judged_calls
from mcpguard.policy.headers import HeaderState, Holder, header_when_forwarded


class Passing(msgspec.Struct, frozen=True):
    """A validated token that leaves for a backend whose audience is another."""

    call: ServerCall
    state: HeaderState
    audiences: Audiences
    url: Url
    host: Host | None
    """The receiving host, when it is one of the estate; None when it is known to be none of the organisation's."""


def tokens_passed_on(server: McpServer, estate: Estate) -> Iterator[Passing | Unknown]:
    """Every passing of a server's callers' tokens, and what could not be told.

    Raises:
        NotApplicable: the server is not in API Management.
    """
    calls = list(judged_calls(server, estate))
    if backend_sets_authorization(server, estate):
        return
    for call in calls:
        leaving = [
            state
            for state in header_when_forwarded(call.policy, "Authorization")
            if state.holder in (Holder.CALLER, Holder.COPIED) or state.hole is not None
        ]
        if leaving:
            state = max(leaving, key=lambda found: (found.hole is None, found.holder is Holder.COPIED))
            yield from _judge(server, call, state, estate)


def host_at(url: Url, estate: Estate) -> Host | None:
    """The host of the estate that answers at an address."""
    return estate.remember("hosts by name", lambda: _hosts_by_name(estate)).get(url.host)


def _hosts_by_name(estate: Estate) -> dict[str, Host]:
    hosts: tuple[Host, ...] = (*estate.of(Site), *estate.of(ContainerApp))
    return {name: host for host in reversed(hosts) for name in host.host_names}


def is_approved(url: Url, estate: Estate) -> bool:
    """Whether the manifest approves the server at an address; ``*`` in its pattern stands for anything."""
    approved = estate.manifest.approved_servers if estate.manifest else ()
    address = url.text.lower().rstrip("/")
    return any(fnmatchcase(address, server.url_pattern.lower().rstrip("/")) for server in approved)


def _judge(server: McpServer, call: ServerCall, state: HeaderState, estate: Estate) -> Iterator[Passing | Unknown]:
    if state.hole is not None:
        yield state.hole
        return
    untouched = state.holder is Holder.CALLER and server.source is not ServerSource.APIM_INFERRED
    arrivals = list(_arrivals(server, call, state, estate))
    if untouched and arrivals:
        yield Unknown(
            f"whether the gateway forwards the caller's Authorization header of {server.title}, which no policy touches",
            "delete or replace the header in the inbound policy; what the gateway does by itself depends on its version",
            inbound_location(call, server, estate),
        )
        return
    yield from arrivals


def _arrivals(server: McpServer, call: ServerCall, state: HeaderState, estate: Estate) -> Iterator[Passing | Unknown]:
    """What a forwarded token comes to; nothing when it is at home wherever it arrives."""
    match validated_audiences(call.policy):
        case None:
            yield Unknown(
                f"for whom the tokens are issued that callers of {server.title} bring, because the gateway validates none",
                "validate the token at the gateway (MG101)",
                server.at,
            )
        case Known(value=audiences):
            yield from _receivers(server, call, state, audiences, estate)
        case Unknown() as unknown:
            yield unknown


def _receivers(
    server: McpServer, call: ServerCall, state: HeaderState, audiences: Audiences, estate: Estate
) -> Iterator[Passing | Unknown]:
    match server.backends:
        case Known(value=()) if server.source is ServerSource.APIM_REST_TOOLS:
            yield from _backing_apis(server, audiences, estate)
        case Known(value=()):
            missing = f"which API the tools of {server.title} call and what audience it accepts"
            yield Unknown(missing, "add the backing API and its policy to the input", server.at)
        case Known(value=urls):
            for url in urls:
                yield from _receiver(server, call, state, audiences, url, estate)
        case Unknown() as unknown:
            yield unknown


def _backing_apis(server: McpServer, audiences: Audiences, estate: Estate) -> Iterator[Unknown]:
    """A token is at home in the APIs behind the tools when each way in there validates it for the same audience."""
    for call in backing_calls(server, estate):
        if isinstance(call, Unknown):
            yield call
            return
        match validated_audiences(call.policy):
            case Known(value=behind) if behind.accepted & audiences.accepted:
                pass
            case Unknown() as unknown:
                yield unknown
                return
            case _:
                missing = f"whether the API behind {server.title} takes tokens for the same audience ({call.title})"
                yield Unknown(missing, "validate the token there too, or delete the header in the server's policy", server.at)
                return


def _receiver(
    server: McpServer, call: ServerCall, state: HeaderState, audiences: Audiences, url: Url, estate: Estate
) -> Iterator[Passing | Unknown]:
    if any(audience.removeprefix("https://").split("/")[0] == url.host for audience in audiences.accepted):
        return
    host = host_at(url, estate)
    if host is not None:
        match host_audiences(host):
            case Known(value=accepted) if accepted & audiences.accepted:
                return
            case Known():
                yield Passing(call, state, audiences, url, host)
            case Unknown() as unknown:
                yield unknown
    elif may_be_ours(url.host, server, estate):
        yield Unknown(
            f"what audience {url.host} accepts, to which {server.title} sends the caller's token",
            "add the host and its authentication settings to the input",
            url.at,
        )
    else:
        yield Passing(call, state, audiences, url, None)


def backend_sets_authorization(server: McpServer, estate: Estate) -> bool:
    """Whether every backend entity of the server writes an Authorization header of its own."""
    match server.backends:
        case Known(value=urls) if urls:
            entities = estate.under(home_key(server.api), Backend)
            setting = {value_or_none(entity.url) for entity in entities if value_or_none(entity.sets_authorization)}
            return all(url.text in setting for url in urls)
        case _:
            return False

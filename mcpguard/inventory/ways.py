"""The ways into a server, and what a caller has to present on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.inventory.entries import entry, yes
from mcpguard.model.entry_paths import Key
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.hosting import ContainerApp, Host, PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.kubernetes_gateway import serving_gateway
from mcpguard.model.limits import is_limit
from mcpguard.model.links import Relation
from mcpguard.model.server_view import ServerCall, judged_calls
from mcpguard.model.sheet import Entry, Way
from mcpguard.policy.effective import Statement
from mcpguard.policy.flow import Reach, reach
from mcpguard.policy.guards import identifies_caller, met

_KEYS = {Key.NONE: "none", Key.SERVICE: "API-scoped, all-APIs or all-access key", Key.PRODUCT: "key of the product"}
_REACHED = {Reach.ALWAYS: "always", Reach.SOMETIMES: "on some paths only", Reach.NEVER: "never"}


def ways_into(server: McpServer, estate: Estate) -> Iterator[Way]:
    """Every way in: through the gateway, and to each host behind it by itself."""
    if server.source is ServerSource.KUBERNETES_GATEWAY:
        gateway = serving_gateway(server, estate)
        token = entry("token", gateway.development, lambda off: "never" if off else "always", gateway.at)
        yield Way(f"through {gateway.title}", (token,))
    elif server.api:
        by_path: dict[str, list[ServerCall]] = {}
        for call in judged_calls(server, estate):
            by_path.setdefault(call.path.title, []).append(call)
        for title, calls in by_path.items():
            yield Way(title, tuple(_demands(calls, estate)), calls[0].path.doubt)
    around = "to {}, around the gateway" if server.api else "to {}"
    for host in hosts_behind(server, estate):
        yield Way(around.format(host.title), tuple(host_demands(host)))


def hosts_behind(server: McpServer, estate: Estate) -> tuple[Host, ...]:
    """The hosts that a server's calls reach, directly or through the APIs behind its tools."""
    keys = [server.host] if server.host else []
    seen = {server.key}
    waiting = [server.key]
    while waiting:
        for link in estate.links.leaving(waiting.pop(), Relation.LEADS_TO):
            if link.target not in seen:
                seen.add(link.target)
                waiting += (link.target, f"{link.target}#mcp")  # an API may be a server itself
                keys.append(link.target)
    found = (estate.get(Site, key) or estate.get(ContainerApp, key) for key in dict.fromkeys(keys))
    return tuple(host for host in found if host is not None)


def _demands(calls: Sequence[ServerCall], estate: Estate) -> Iterator[Entry]:
    path = calls[0].path
    api = estate.get(Api, path.api)
    yield Entry("key", _KEYS[path.key], api.at if api is not None else None)
    yield _control("caller identified", calls, identifies_caller)
    yield _control("rate limit", calls, is_limit)


def _control(name: str, calls: Sequence[ServerCall], wanted: Callable[[Statement], bool]) -> Entry:
    """Whether a control is met on a way in, over all operations that it leads to."""
    reached: dict[str, None] = {}
    at: Location | None = None
    shown: dict[str, None] = {}
    for call in calls:
        match reach(call.policy, wanted):
            case None:
                reached["nothing is forwarded"] = None
            case Known(value=value):
                reached[_REACHED[value]] = None
            case Unknown() as unknown:
                return Entry(name, "", unknown.at, "", unknown)
        for statement in met(call.policy, wanted):
            if isinstance(statement, Statement):
                at = at or statement.at
                shown[statement.name] = None
    text = next(iter(reached)) if len(reached) == 1 else f"differs by operation: {', '.join(reached)}"
    return Entry(name, text, at, ", ".join(shown))


def host_demands(host: Host) -> Iterator[Entry]:
    """What a host by itself asks of a caller."""
    yield entry("reachable from the internet", host.internet_facing, yes, host.at)
    if isinstance(host, Site) and host.is_function_app:
        yield entry("key", host.mcp_key_level, _key_level, host.at)
    match host.auth:
        case Known(value=PlatformAuth() as auth):
            yield from _sign_in(auth)
        case Known(at=at):
            yield Entry("sign-in", "none", at or host.at)
        case Unknown() as unknown:
            yield Entry("sign-in", "", unknown.at, "", unknown)


def _key_level(level: str) -> str:
    return {"system": "system key mcp_extension", "anonymous": "none", "function": "host key"}.get(level, level)


def _sign_in(auth: PlatformAuth) -> Iterator[Entry]:
    match auth.defined_elsewhere:
        case Known(value=file, at=at) if file:
            missing = Unknown(f"the file {file} that defines the sign-in", "review it by hand", at)
            yield Entry("sign-in", "", at, "", missing)
            return
        case _:
            pass
    match auth.enabled:
        case Known(value=False, at=at):
            yield Entry("sign-in", "off", at)
            return
        case Known():
            pass
        case Unknown() as unknown:
            yield Entry("sign-in", "", unknown.at, "", unknown)
            return
    match auth.require_authentication, auth.unauthenticated_action:
        case Known(value=required), Known(value=action, at=at):
            enforced = required and action.lower() != "allowanonymous"
            text = f"required, {action} without a token" if enforced else f"on, but not required ({action})"
            yield Entry("sign-in", text, at)
        case Unknown() as unknown, _:
            yield Entry("sign-in", "", unknown.at, "", unknown)
        case _, Unknown() as unknown:
            yield Entry("sign-in", "", unknown.at, "", unknown)
        case _:
            pass

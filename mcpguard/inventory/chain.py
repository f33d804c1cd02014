"""The hops of a server's chain that lie in Azure Resource Manager: gateway, APIs behind its tools, hosts."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Known, Unknown
from mcpguard.inventory.entries import entry, listed
from mcpguard.inventory.handover import own_resource
from mcpguard.inventory.ways import hosts_behind
from mcpguard.model.audiences import bare, host_audiences, may_be_ours, validated_audiences
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.hosting import Host
from mcpguard.model.kinds.mcp import McpServer, ServerSource, Url
from mcpguard.model.kubernetes_gateway import serving_gateway
from mcpguard.model.links import Relation
from mcpguard.model.server_view import judged_calls
from mcpguard.model.sheet import Agreement, Comparison, Entry, Hop, HopRole
from mcpguard.model.token_paths import is_approved
from mcpguard.normalize.link import urls_of
from mcpguard.policy.flow import statements
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS


def hops_of(server: McpServer, estate: Estate) -> Iterator[Hop]:
    """Gateway, backing APIs and hosts of a server, in this order."""
    if server.source is ServerSource.KUBERNETES_GATEWAY:
        gateway = serving_gateway(server, estate)
        yield Hop(HopRole.GATEWAY, gateway.key, gateway.title, "it serves the adapter", gateway.at)
    elif server.service:
        yield _gateway(server, estate)
    yield from _backing(server, estate)
    yield from _hosts(server, estate)


def _gateway(server: McpServer, estate: Estate) -> Hop:
    service, api = estate.get(Service, server.service), estate.get(Api, server.api)
    if service is None or api is None:
        missing = Unknown(f"the service of {server.title}", f"add the answer of: az rest --method get --url {server.service}")
        return Hop(HopRole.GATEWAY, server.service, "API Management service", "", server.at, missing=missing)
    entries = [entry("tier", service.sku, at=service.at), Entry("path", f"/{api.path.strip('/')}", api.at)]
    entries.append(_accepted(server, estate))
    entries.extend(_credentials(server, estate))
    return Hop(
        HopRole.GATEWAY,
        service.key,
        service.title,
        "it publishes the API",
        service.at,
        entries=tuple(entries),
        short=service.name,
    )


def _accepted(server: McpServer, estate: Estate) -> Entry:
    """The audiences that the gateway validates, over all ways in."""
    found: dict[str, None] = {}
    at = None
    unguarded = False
    for call in judged_calls(server, estate):
        match validated_audiences(call.policy):
            case None:
                unguarded = True
            case Known(value=audiences):
                at = at or audiences.at
                found.update(dict.fromkeys(sorted(audiences.accepted) or ["any"]))
            case Unknown() as unknown:
                return Entry("audiences", "", unknown.at, "", unknown)
    if unguarded:
        found["none validated" if not found else "none validated on some ways"] = None
    return Entry("audiences", ", ".join(found) or "none validated", at)


def _credentials(server: McpServer, estate: Estate) -> Iterator[Entry]:
    """What the gateway itself presents to the backend."""
    seen: set[str] = set()
    for call in judged_calls(server, estate):
        for statement in statements(call.policy.inbound):
            if statement.name not in CREDENTIAL_SETTERS or statement.name in seen:
                continue
            seen.add(statement.name)
            resource = statement.element.attribute("resource")
            client = statement.element.attribute("client-id")
            text = statement.name
            for word, value in (("for", resource), ("as", client)):
                if value is not None:
                    match call.policy.resolve(value):
                        case Known(value=plain):
                            text += f" {word} {plain}"
                        case Unknown():
                            text += f" {word} {value.text}"
            yield Entry("gateway's own credential", text, statement.at)


def _backing(server: McpServer, estate: Estate) -> Iterator[Hop]:
    for link in estate.links.leaving(server.key, Relation.LEADS_TO):
        api = estate.get(Api, link.target)
        if api is not None:
            entries = (entry("service URL", api.service_url, lambda url: url or "none", api.at),)
            yield Hop(HopRole.BEHIND, api.key, api.title, link.how, link.at, link.confidence, entries, short=api.name)
            yield from _unread_hosts(server, api, estate)
    if server.source is ServerSource.APIM_REST_TOOLS and not estate.tools(server):
        missing = Unknown(f"the tools of {server.title}", f"add the answer of: az rest --method get --url {server.api}/tools")
        yield Hop(HopRole.BEHIND, "", "APIs behind its tools", "", server.at, missing=missing)


def _unread_hosts(server: McpServer, api: Api, estate: Estate) -> Iterator[Hop]:
    """Hosts that an API behind tools names and that are not in the input."""
    if any(estate.links.leaving(key, Relation.LEADS_TO) for key in (api.key, f"{api.key}#mcp")):
        return
    for url in urls_of(api, estate):
        if url.host:
            yield _outside(server, api, url, estate)


def _hosts(server: McpServer, estate: Estate) -> Iterator[Hop]:
    links = {link.target: link for link in estate.links.leaving(server.key, Relation.LEADS_TO)}
    followed = {link.at for link in links.values()}
    found = hosts_behind(server, estate)
    for host in found:
        link = links.get(host.key)
        how = link.how if link is not None else "" if server.source is ServerSource.HOST else "the API behind it names it"
        confidence = link.confidence if link is not None else server.confidence
        yield Hop(HopRole.HOST, host.key, host.title, how, host.at, confidence, (_audiences(host),), short=host.name)
    match server.backends:
        case Known(value=urls):
            for url in urls:
                if url.host and url.at not in followed:
                    yield _outside(server, server, url, estate)
        case Unknown() as unknown:
            yield Hop(HopRole.HOST, "", "its backend", "", unknown.at, missing=unknown)


def _outside(server: McpServer, source: Entity, url: Url, estate: Estate) -> Hop:
    """What is known of a host that is not in the input."""
    how = f"the backend of {source.title} is {url.text}"
    if is_approved(url, estate):
        entries = (Entry("approval", "approved in the manifest", url.at),)
        return Hop(HopRole.HOST, "", f"foreign host {url.host}", how, url.at, entries=entries, short=url.host)
    if may_be_ours(url.host, server, estate):
        remedy = "add the host and its settings to the input"
        missing = Unknown(f"the host {url.host}, to which {source.title} leads", remedy, url.at)
        return Hop(HopRole.HOST, "", url.host, how, url.at, missing=missing)
    entries = (Entry("approval", "not approved in a manifest", url.at),)
    return Hop(HopRole.HOST, "", f"foreign host {url.host}", how, url.at, entries=entries, short=url.host)


def _audiences(host: Host) -> Entry:
    return entry("audiences", host_audiences(host), lambda found: listed(tuple(sorted(found))), host.at)


def compare_audiences(server: McpServer, estate: Estate) -> Comparison | None:
    """Whether what the gateway validates is what the host behind it accepts; None where only one of them is there."""
    hosts = hosts_behind(server, estate)
    if not server.api or not hosts:
        return None
    own = own_resource(server, estate)
    if own is not None:
        gateway = entry("the gateway gets a token as itself for", own)
        presented = {bare(gateway.text)}
    else:
        gateway = _accepted(server, estate)
        gateway = Entry("the gateway validates", gateway.text, gateway.at, "", gateway.missing)
        presented = _validated(server, estate)
    entries = [gateway]
    differs = unknown = False
    for host in hosts:
        found = host_audiences(host)
        accepts = _audiences(host)
        entries.append(Entry(f"{host.title} accepts", accepts.text, accepts.at, accepts.note, accepts.missing))
        match found:
            case Known(value=names):
                differs = differs or (bool(names) and not names & presented)
            case Unknown():
                unknown = True
    if gateway.missing is not None or unknown:
        return Comparison("audience", Agreement.UNKNOWN, "not every hop's audience is known", tuple(entries))
    if differs:
        said = (
            "the host does not accept the audience for which the gateway gets its token"
            if own is not None
            else "a token that the gateway validates is not for the host, which refuses it when it is forwarded"
        )
        return Comparison("audience", Agreement.DIFFER, said, tuple(entries))
    said = (
        "the host accepts the gateway's own token" if own is not None else "gateway and host take tokens for the same audience"
    )
    return Comparison("audience", Agreement.AGREE, said, tuple(entries))


def _validated(server: McpServer, estate: Estate) -> set[str]:
    found: set[str] = set()
    for call in judged_calls(server, estate):
        match validated_audiences(call.policy):
            case Known(value=audiences):
                found |= audiences.accepted
            case _:
                pass
    return found

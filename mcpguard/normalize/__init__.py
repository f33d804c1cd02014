"""Normalization: raw resources into typed, linked kinds, with the platform's defaults applied and their source named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mcpguard.core.location import Location
from mcpguard.evidence import Evidence, Gap, resource_key
from mcpguard.evidence.formats import TEMPLATES
from mcpguard.evidence.kinds import KIND_OF_TYPE
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.governance import Manifest
from mcpguard.model.kinds.inputs import InputFile, Omission
from mcpguard.normalize.fields import last_segment, lookup, parent_key
from mcpguard.normalize.gateway import APIM, gateway_entities
from mcpguard.normalize.gateway_platform import implied_services
from mcpguard.normalize.link import backend_links, host_tools, linked_servers
from mcpguard.normalize.oauth import oauth_proxies
from mcpguard.normalize.servers import gateway_servers

__all__ = ["build"]

_KINDS = frozenset(KIND_OF_TYPE.values())
_FOUNDRY = (
    *("microsoft.cognitiveservices/", "foundry/", "microsoft.machinelearningservices/workspaces/connections"),
    *("microsoft.resources/links", "microsoft.authorization/policydefinitions"),
)


def build(
    evidence: Evidence,
    as_of: datetime,
    *,
    assume_mcp: bool = False,
    manifest: tuple[Manifest | None, Location | None] = (None, None),
) -> Estate:
    """The estate that the evidence shows. ``as_of`` is the time that rules take for now.

    ``assume_mcp`` is the user's word that every HTTP API and every loose policy fronts an MCP server. The ``manifest``, with
    its place, names hosts of gateways that no resource shows.
    """
    raws = {raw.key: raw for raw in evidence.resources}
    types = _types(evidence)
    scopes_with_policy, compliance = _policies_listed(evidence)
    estate = Estate(
        _entities(evidence, types),
        complete=evidence.complete,
        gaps=evidence.gaps,
        artifacts=evidence.artifacts,
        as_of=as_of,
        digest=evidence.digest,
        product_apis=_product_apis(evidence),
        scopes_with_policy=scopes_with_policy,
        compliance=compliance,
    )
    estate.manifest, estate.manifest_at = manifest
    estate.add(list(gateway_servers(estate, raws, assume_mcp)))
    estate.links.add(backend_links(estate))
    estate.add(list(linked_servers(estate)))
    if "file/policy" in types:
        from mcpguard.normalize.loose import loose_servers

        estate.add(list(loose_servers(estate, assume_mcp)))
    estate.add(list(oauth_proxies(estate)))
    estate.add(list(host_tools(estate)))
    if any(type.startswith(_FOUNDRY) for type in types):
        from mcpguard.normalize.link_agents import agent_links

        estate.links.add(agent_links(estate))
    if any(type.startswith("microsoft.graph/") for type in types):
        from mcpguard.normalize.link_registrations import registration_links, ties

        estate.links.add(registration_links(estate))
        estate.ties.update(ties(estate))
    return estate


def _types(evidence: Evidence) -> frozenset[str]:
    """The types that were read, each once: what is there decides which readers are loaded."""
    return frozenset(raw.type for raw in evidence.resources)


def _entities(evidence: Evidence, types: frozenset[str]) -> Iterator[tuple[Entity, str]]:
    for raw in (*implied_services(evidence.resources), *evidence.resources):
        if raw.type.startswith(APIM):
            yield from gateway_entities(raw)
        elif raw.type == "file/policy":
            from mcpguard.normalize.loose import loose_policy

            yield loose_policy(raw), ""
        elif raw.type == "file/mcp-client":
            from mcpguard.normalize.clients import client_entries

            yield from client_entries(raw)
    if any(type.startswith(("microsoft.web/", "microsoft.app/")) for type in types):
        from mcpguard.normalize.hosting import HostIndex, hosts

        yield from hosts(HostIndex(evidence))
    if any(type.startswith("microsoft.graph/") for type in types):
        from mcpguard.normalize.entra import directory_entities

        for entity in directory_entities(evidence):
            yield entity, ""
    if any(type.startswith(("mcp-gateway/", "kubernetes/")) for type in types):
        from mcpguard.normalize.mcp_gateway import gateway_entities as kubernetes_gateways

        yield from kubernetes_gateways(evidence)
    if any(type.startswith(_FOUNDRY) for type in types):
        from mcpguard.normalize.foundry import foundry_entities

        yield from foundry_entities(evidence)
    if types & {"file/server.json", "microsoft.apicenter/services/workspaces/apis"}:
        from mcpguard.normalize.inventories import inventory_entries

        for entry in inventory_entries(evidence):
            yield entry, ""
    if any(raw.format in TEMPLATES for raw in evidence.resources):
        from mcpguard.normalize.misspelt import misspelt_members

        for raw in evidence.resources:
            for member in misspelt_members(raw) if raw.format in TEMPLATES else ():
                yield member, ""
    for artifact in evidence.artifacts:
        at = artifact.at or _whole(artifact.path)
        key = f"file:{artifact.path}"
        yield InputFile(id=key, key=key, name=artifact.path, at=at, format=artifact.kind, artifact=artifact), ""
    for number, gap in enumerate(evidence.gaps):
        yield _omission(number, gap, evidence), ""


def _omission(number: int, gap: Gap, evidence: Evidence) -> Entity:
    key = f"gap:{gap.reason.value}:{gap.scope}:{','.join(sorted(gap.kinds))}:{number}"
    first = evidence.artifacts[0].path if evidence.artifacts else ""
    at = gap.at or _whole(first)
    return Omission(
        id=key, key=key, name=gap.scope or "the estate", at=at, format="", gap=gap, matters=bool(gap.kinds & _KINDS)
    )


def _whole(path: str) -> Location:
    return Location(path)


def _product_apis(evidence: Evidence) -> dict[str, frozenset[str]]:
    """Keys of the APIs in each product, from ``products/{p}/apis``, ``apiLinks`` and ``apis/{a}/products``.

    A workspace links its APIs to its products with ``apiLinks`` alone (REST reference, Workspace Product API Link).
    """
    found: dict[str, set[str]] = {}
    for raw in evidence.resources:
        kind = raw.type.removeprefix(APIM).removeprefix("/workspaces")
        if kind == "/products/apis":
            product = parent_key(raw.key)
            found.setdefault(product, set()).add(f"{parent_key(product)}/apis/{last_segment(raw.key)}")
        elif kind == "/products/apilinks":
            api = lookup(raw.body, ("properties", "apiId"))
            if isinstance(api, str):
                product = parent_key(raw.key)
                found.setdefault(product, set()).add(f"{parent_key(product)}/apis/{last_segment(resource_key(api))}")
        elif kind == "/apis/products":
            api_key = parent_key(raw.key)
            found.setdefault(f"{parent_key(api_key)}/products/{last_segment(raw.key)}", set()).add(api_key)
    return {product: frozenset(apis) for product, apis in found.items()}


def _policies_listed(evidence: Evidence) -> tuple[frozenset[str], dict[str, str]]:
    """Keys of the scopes that a service's ``allPolicies`` names as having a policy document, and what it says of each."""
    found: set[str] = set()
    compliance: dict[str, str] = {}
    for raw in evidence.resources:
        if raw.type == f"{APIM}/allpolicies":
            reference = lookup(raw.body, ("properties", "referencePolicyId"))
            state = lookup(raw.body, ("properties", "complianceState"))
            if isinstance(reference, str):
                owner = parent_key(resource_key(reference))
                found.add(owner)
                if isinstance(state, str):
                    compliance[owner] = state
    return frozenset(found), compliance

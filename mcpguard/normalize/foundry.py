"""Foundry's control plane into kinds: accounts, projects, connections, links. Shapes: facts/foundry.md 1 and 2.

The data plane: :mod:`mcpguard.normalize.foundry_agents`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.evidence import EVERYTHING, Evidence, Json, RawResource, resource_key
from mcpguard.evidence.foundry_words import fold_auth_type, fold_category
from mcpguard.evidence.redaction import holds_mask, is_masked
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.foundry import (
    AgentNetwork,
    FoundryAccount,
    FoundryConnection,
    FoundryProject,
    GatewayLink,
    HeldSecret,
    account_key,
)
from mcpguard.model.kinds.mcp import Url
from mcpguard.model.urls import parse_url
from mcpguard.normalize.fields import (
    READ_AGAIN,
    absent_member,
    base_of,
    fact,
    last_segment,
    lookup,
    not_usable,
    optional_text,
    parent_key,
    tags,
    text,
    texts,
)

ACCOUNT = "microsoft.cognitiveservices/accounts"
WORKSPACE_CONNECTION = "microsoft.machinelearningservices/workspaces/connections"
LINK = "microsoft.resources/links"
POLICY = "microsoft.authorization/policydefinitions"
_LEVELS = {
    f"{ACCOUNT}/connections": "account",
    f"{ACCOUNT}/projects/connections": "project",
    WORKSPACE_CONNECTION: "workspace",
    "foundry/connections": "folder",
}
_REST = "azure-rest-api-specs, cognitiveservices"


def is_foundry_type(type: str) -> bool:
    """Whether resources of a raw type belong here."""
    return type.startswith((ACCOUNT, "foundry/")) or type in (WORKSPACE_CONNECTION, LINK, POLICY)


class FoundryIndex:
    """Raw resources of Foundry by type, and what was read completely."""

    def __init__(self, evidence: Evidence) -> None:
        self.by_type: dict[str, list[RawResource]] = {}
        for raw in evidence.resources:
            if is_foundry_type(raw.type):
                self.by_type.setdefault(raw.type, []).append(raw)
        self._complete = {(claim.scope, claim.type) for claim in evidence.complete}

    def of(self, *types: str) -> Iterator[RawResource]:
        """Everything of some types."""
        for type_ in types:
            yield from self.by_type.get(type_, ())

    def is_complete(self, key: str, type: str) -> bool:
        """Whether all children of one type were read, or everything below the parent."""
        return bool(self._complete & {(key, type), (key, EVERYTHING), ("", EVERYTHING)})


def foundry_entities(evidence: Evidence) -> Iterator[tuple[Entity, str]]:
    """Everything of Foundry, each with the key of its parent."""
    index = FoundryIndex(evidence)
    defender = {parent_key(raw.key): raw for raw in index.of(f"{ACCOUNT}/defenderforaisettings")}
    managed = {parent_key(raw.key): raw for raw in index.of(f"{ACCOUNT}/managednetworks")}
    for raw in index.of(ACCOUNT):
        if _is_foundry(raw):
            yield _account(raw, defender.get(raw.key), managed.get(raw.key), index), ""
    for raw in index.of(f"{ACCOUNT}/projects", "foundry/projects"):
        yield _project(raw, index), parent_key(raw.key)
    labels = _labels(index)
    for raw in index.of(*_LEVELS):
        yield _connection(raw, labels), parent_key(raw.key)
    for raw in index.of(LINK):
        yield _link(raw), ""
    if POLICY in index.by_type:
        from mcpguard.normalize.foundry_policies import tool_policies

        for policy in tool_policies(index.of(POLICY)):
            yield policy, ""
    if any(type_.startswith(("foundry/agents", "foundry/toolboxes")) for type_ in index.by_type):
        from mcpguard.normalize.foundry_agents import data_plane

        yield from data_plane(index)


# -- accounts and projects -------------------------------------------------------------------------------------------


def _is_foundry(raw: RawResource) -> bool:
    """Of this kind; where an answer leaves the kind out, because only such an account manages projects."""
    kind = text(raw, "kind").lower()
    return kind == "aiservices" or (not kind and lookup(raw.body, ("properties", "allowProjectManagement")) is not None)


def _default(raw: RawResource, value: bool | str, why: str) -> Fact[bool | str]:
    """The platform's default, when the properties were read at all."""
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        return absent_member(raw, "the properties", READ_AGAIN + raw.id)
    return Known(value, raw.origin.child("properties"), why)


def _flag(raw: RawResource, name: str, default: bool, why: str) -> Fact[bool]:
    missing = _default(raw, default, why)
    return fact(raw, ("properties", name), bool, missing if isinstance(missing, Unknown) else Known(default, missing.at, why))


def _word(raw: RawResource, steps: tuple[str, ...], default: str, why: str) -> Fact[str]:
    missing = _default(raw, default, why)
    return fact(raw, steps, str, missing if isinstance(missing, Unknown) else Known(default, missing.at, why))


def sub_domain(raw: RawResource) -> str:
    """What the host names of an account begin with."""
    return (text(raw, "properties", "customSubDomainName") or last_segment(raw.id)).lower()


def _account(
    raw: RawResource, defender: RawResource | None, managed: RawResource | None, index: FoundryIndex
) -> FoundryAccount:
    return FoundryAccount(
        **base_of(raw),  # type: ignore[arg-type]
        tags=tags(raw),
        sub_domain=sub_domain(raw),
        manages_projects=_flag(raw, "allowProjectManagement", False, f"{_REST}: allowProjectManagement is off unless set"),
        local_auth_disabled=_flag(raw, "disableLocalAuth", False, f"{_REST}: keys work unless disableLocalAuth is set"),
        public_network_access=_word(
            raw, ("properties", "publicNetworkAccess"), "Enabled", f"{_REST}: public access is on unless switched off"
        ),
        default_action=_word(
            raw,
            ("properties", "networkAcls", "defaultAction"),
            "Allow",
            f"{_REST}: without rules every address is let in",
        ),
        networks=_networks(raw),
        managed_isolation=_isolation(raw, managed),
        outbound_restricted=_flag(
            raw, "restrictOutboundNetworkAccess", False, f"{_REST}: outbound access is not restricted unless set"
        ),
        allowed_hosts=texts(raw, ("properties", "allowedFqdnList"), Known((), raw.origin, "the list is empty unless set")),
        identity=fact(raw, ("identity", "type"), str, Known("None", raw.origin, "an account has no identity unless set")),
        defender=_defender(raw, defender, index),
    )


def _networks(raw: RawResource) -> Fact[tuple[AgentNetwork, ...]]:
    steps = ("properties", "networkInjections")
    missing = _default(raw, "", "agents run in no network of their owner's unless one is injected")
    absent: Fact[list[Json]] = missing if isinstance(missing, Unknown) else Known([], missing.at, missing.default)
    found = fact(raw, steps, list, absent)
    match found:
        case Known(value=values, at=at, default=default):
            networks = []
            for number, value in enumerate(values):
                if not isinstance(value, dict):
                    return not_usable(raw, (*steps, number), value, "an object")
                here = (*steps, number)
                networks.append(
                    AgentNetwork(
                        text(raw, *here, "scenario").lower(),
                        text(raw, *here, "subnetArmId"),
                        fact(raw, (*here, "useMicrosoftManagedNetwork"), bool, Known(False, raw.origin.child(*here), _REST)),
                        raw.origin.child(*here),
                    )
                )
            return Known(tuple(networks), at, default)
        case Unknown():
            return found


def _isolation(raw: RawResource, managed: RawResource | None) -> Fact[str]:
    """``managedNetworks/default`` of the account (foundry-samples, 18-managed-virtual-network-preview), in either spelling."""
    if managed is None:
        remedy = f"{READ_AGAIN}{raw.id}/managedNetworks/default?api-version=2025-10-01-preview"
        return Unknown(f"what the managed network of {last_segment(raw.id)} lets out", remedy, raw.origin)
    missing = absent_member(managed, "isolationMode", READ_AGAIN + managed.id)
    holder = lookup(managed.body, ("properties", "managedNetwork"))
    name = "IsolationMode" if isinstance(holder, dict) and "IsolationMode" in holder else "isolationMode"
    return fact(managed, ("properties", "managedNetwork", name), str, missing)


def _defender(raw: RawResource, setting: RawResource | None, index: FoundryIndex) -> Fact[str | None]:
    if setting is not None:
        state = fact(setting, ("properties", "state"), str, absent_member(setting, "state", READ_AGAIN + setting.id))
        match state:
            case Known(value=value, at=at):
                return Known(value.lower(), at)
            case Unknown():
                return state
    if index.is_complete(raw.key, f"{ACCOUNT}/defenderforaisettings"):
        return Known(None, raw.origin)
    return Unknown(
        f"the Defender settings of {last_segment(raw.id)}", f"{READ_AGAIN}{raw.id}/defenderForAISettings", raw.origin
    )


def _project(raw: RawResource, index: FoundryIndex) -> FoundryProject:
    is_arm = raw.type == f"{ACCOUNT}/projects"
    none: Fact[str] = Known("None", raw.origin, "a project has no identity unless set")
    no_identity = none if is_arm else absent_member(raw, "the identity", "scan the project in Azure too")
    is_default: Fact[bool] = Known(False, raw.origin, f"{_REST}: isDefault is false unless set")
    return FoundryProject(
        **base_of(raw),  # type: ignore[arg-type]
        account=parent_key(raw.key) if is_arm else "",
        display_name=text(raw, "properties", "displayName") or text(raw, "displayName"),
        tags=tags(raw),
        identity=fact(raw, ("identity", "type"), str, no_identity),
        is_default=fact(raw, ("properties", "isDefault"), bool, is_default),
        applications=_applications(raw, index),
    )


def _applications(raw: RawResource, index: FoundryIndex) -> Members[str]:
    type_ = f"{ACCOUNT}/projects/applications"
    found = tuple(last_segment(child.id) for child in index.of(type_) if parent_key(child.key) == raw.key)
    if index.is_complete(raw.key, type_):
        return Members(found)
    return Members(
        found, Unknown(f"the applications of {last_segment(raw.id)}", f"{READ_AGAIN}{raw.id}/applications", raw.origin)
    )


# -- connections -----------------------------------------------------------------------------------------------------


def _labels(index: FoundryIndex) -> dict[tuple[str, str], dict[str, str]]:
    """Labels by the key of the account or project and the lower-case name of the connection that they speak of."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for raw in index.of(f"{ACCOUNT}/raitoollabels"):
        name = (text(raw, "properties", "toolConnectionName") or last_segment(raw.id)).lower()
        account = parent_key(raw.key)
        for scope, values in (
            (account, lookup(raw.body, ("properties", "accountScope", "labelValues"))),
            *(
                (f"{account}/projects/{last_segment(str(lookup(item, ('project',))).lower())}", lookup(item, ("labelValues",)))
                for item in _items(lookup(raw.body, ("properties", "projectScopes")))
            ),
        ):
            if isinstance(values, dict):
                found.setdefault((scope, name), {}).update(
                    (str(key), value) for key, value in values.items() if isinstance(value, str)
                )
    return found


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _connection(raw: RawResource, labels: dict[tuple[str, str], dict[str, str]]) -> FoundryConnection:
    home, name = parent_key(raw.key), last_segment(raw.key)
    metadata = lookup(raw.body, ("properties", "metadata"))
    own = labels.get((home, name), {})
    return FoundryConnection(
        **base_of(raw),  # type: ignore[arg-type]
        home=home,
        level=_LEVELS[raw.type],
        category=_folded(raw, "category"),
        auth_type=_folded(raw, "authType"),
        target=_target(raw),
        audience=optional_text(raw, ("properties", "audience")),
        shared_to_all=_flag(raw, "isSharedToAll", False, f"{_REST}: a connection is not shared unless set"),
        metadata={str(key): value for key, value in metadata.items() if isinstance(value, str)}
        if isinstance(metadata, dict)
        else {},
        credentials=tuple(held_secrets(raw, ("properties", "credentials"))),
        created=fact(
            raw,
            ("systemData", "createdAt"),
            str,
            absent_member(raw, "systemData.createdAt", f"{READ_AGAIN}{raw.id}"),
        ),
        authorization_url=optional_text(raw, ("properties", "authorizationUrl")),
        labels={**labels.get((account_key(home), name), {}), **own},
    )


def _folded(raw: RawResource, name: str) -> Fact[str]:
    missing = absent_member(raw, name, f"{READ_AGAIN}{raw.id}")
    found = fact(raw, ("properties", name), str, missing)
    match found:
        case Known(value=value, at=at):
            return Known(fold_auth_type(value) if name == "authType" else fold_category(value), at)
        case Unknown():
            return found


def _target(raw: RawResource) -> Fact[Url | None]:
    found = optional_text(raw, ("properties", "target"))
    match found:
        case Known(value=str() as address, at=at):
            return Known(parse_url(address, at or raw.origin), at)
        case Known(at=at):
            return Known(None, at)
        case Unknown():
            return found


def held_secrets(raw: RawResource, steps: tuple[str | int, ...]) -> Iterator[HeldSecret]:
    """The members of an object of headers, variables or credentials; also of ``keys`` in it, and of ``[{name, value}]``."""
    holder = lookup(raw.body, steps)
    if isinstance(holder, list):
        for number, item in enumerate(holder):
            name = lookup(item, ("name",))
            if isinstance(name, str) and isinstance(item, dict) and "value" in item:
                yield _held(raw, name, (*steps, number, "value"))
    for name, value in holder.items() if isinstance(holder, dict) else ():
        if isinstance(value, dict):
            for inner in value:
                yield _held(raw, str(inner), (*steps, str(name), str(inner)))
        else:
            yield _held(raw, str(name), (*steps, str(name)))


def _held(raw: RawResource, name: str, steps: tuple[str | int, ...]) -> HeldSecret:
    value = lookup(raw.body, steps)
    at = raw.origin.child(*steps)
    if isinstance(value, str):
        return HeldSecret(name, Known(value, at), is_masked(value) or holds_mask(value), at)
    known: Fact[str | None] = Known(None, at) if value is None else not_usable(raw, steps, value, "a text")
    return HeldSecret(name, known, False, at)


# -- links -----------------------------------------------------------------------------------------------------------


def _link(raw: RawResource) -> GatewayLink:
    source = text(raw, "properties", "sourceId").lower().partition("/providers/microsoft.resources/links/")[0]
    found = fact(raw, ("properties", "targetId"), str, absent_member(raw, "targetId", f"{READ_AGAIN}{raw.id}"))
    target: Fact[str]
    match found:
        case Known(value=value, at=at):
            target = Known(resource_key(value), at)
        case Unknown():
            target = found
    attached = raw.key.rpartition("/providers/microsoft.resources/links/")[0]
    return GatewayLink(**base_of(raw), source=attached or source, target=target)  # type: ignore[arg-type]

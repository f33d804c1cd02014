"""Container apps. Shapes and traps: facts/hosting.md section 5."""

from __future__ import annotations

from collections.abc import Sequence

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved, resource_key
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.host_parts import AccessRestrictions, AccessRule, EnvVariable
from mcpguard.model.kinds.hosting import ContainerApp, PlatformAuth
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.normalize.environments import managed_environment_opens
from mcpguard.normalize.fields import fact, last_segment, lookup, not_usable, tags, text, texts
from mcpguard.normalize.host_identities import read_identities
from mcpguard.normalize.host_index import READ_AGAIN, HostIndex
from mcpguard.normalize.platform_auth import read_auth

_INGRESS = ("properties", "configuration", "ingress")
_ADDRESSES = frozenset({"URL", "URLS", "URI", "URIS", "ENDPOINT", "ENDPOINTS", "HOST", "HOSTNAME"})
"""What the name of a variable ends in that tells a container where an MCP server is: then it is a client of one."""


def read_container_app(raw: RawResource, index: HostIndex) -> ContainerApp:
    """One container app, with its authentication and the environment that it runs in."""
    name = last_segment(raw.id)
    ingress = _INGRESS
    has_ingress = isinstance(lookup(raw.body, ingress), dict)
    no_ingress: Fact[bool] = Known(False, raw.origin.child(*ingress), "no ingress, so nothing can connect")
    internal: Fact[bool] = Known(False, raw.origin.child(*ingress), "ingress is internal unless external is set")
    external = fact(raw, (*ingress, "external"), bool, internal if has_ingress else no_ingress)
    auth_raw = index.auth_configs.get(raw.key)
    auth: Fact[PlatformAuth | None]
    if auth_raw is not None:
        auth = Known(read_auth(auth_raw, raw, Known("", auth_raw.origin), is_site=False), auth_raw.origin)
    elif index.is_complete(raw.key, "microsoft.app/containerapps/authconfigs"):
        auth = Known(None, raw.origin)
    else:
        auth = Unknown(f"the authentication settings of {name}", f"{READ_AGAIN}{raw.id}/authConfigs/current", raw.origin)
    markers, confidence = _container_markers(raw, name)
    restrictions = _restrictions(raw, index, external)
    cors = (*ingress, "corsPolicy")
    return ContainerApp(
        id=raw.id,
        key=raw.key,
        name=name,
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        host_names=_container_hosts(raw),
        tags=tags(raw),
        markers=markers,
        marker_confidence=confidence,
        internet_facing=restrictions.internet_facing,
        restrictions=restrictions,
        auth=auth,
        identities=read_identities(raw, index.identities),
        cors_origins=texts(raw, (*cors, "allowedOrigins"), Known((), raw.origin, "no corsPolicy, so no preflight is answered")),
        cors_credentials=fact(
            raw, (*cors, "allowCredentials"), bool, Known(False, raw.origin, "allowCredentials is false unless set")
        ),
        client_certificate_mode=transform(
            fact(
                raw,
                (*ingress, "clientCertificateMode"),
                str,
                Known("ignore", raw.origin, "certificates are ignored unless set"),
            ),
            str.lower,
        ),
        external=external,
        allow_insecure=fact(
            raw, (*ingress, "allowInsecure"), bool, Known(False, raw.origin, "allowInsecure is false unless set")
        ),
        env=_env(raw),
    )


def _container_hosts(raw: RawResource) -> tuple[str, ...]:
    fqdn = text(raw, "properties", "configuration", "ingress", "fqdn")
    domains = lookup(raw.body, ("properties", "configuration", "ingress", "customDomains"))
    names = [lookup(domain, ("name",)) for domain in domains] if isinstance(domains, list) else []
    return tuple(name.lower() for name in (fqdn, *names) if isinstance(name, str) and name)


def _restrictions(raw: RawResource, index: HostIndex, external: Fact[bool]) -> AccessRestrictions:
    """Who may open a connection: external ingress of an internal environment is open to its network only."""
    environment_id = text(raw, "properties", "managedEnvironmentId") or text(raw, "properties", "environmentId")
    environment = index.environments.get(resource_key(environment_id))
    rules = _rules(raw)
    return AccessRestrictions(
        public_access=_public_access(raw, external, environment_id, index),
        default_action=transform(rules, _default_action),
        rules=rules,
        private_endpoints=_private_endpoints(raw, environment, environment_id),
    )


def _public_access(raw: RawResource, external: Fact[bool], environment_id: str, index: HostIndex) -> Fact[bool]:
    if isinstance(external, Known) and not external.value:
        return external
    opens = managed_environment_opens(raw, environment_id, index)
    return external if isinstance(opens, Known) and opens.value else opens


def _default_action(rules: tuple[AccessRule, ...]) -> str:
    """Allow rules refuse every other address, deny rules admit it (Container Apps, ip-restrictions)."""
    return "deny" if any(rule.allows for rule in rules) else "allow"


def _rules(raw: RawResource) -> Fact[tuple[AccessRule, ...]]:
    steps = (*_INGRESS, "ipSecurityRestrictions")
    match fact(raw, steps, list, Known([], raw.origin, "no access restrictions")):
        case Known(value=items, at=at, default=default):
            place = at or raw.origin
            rules: list[AccessRule] = []
            for number, item in enumerate(items):
                action, address = lookup(item, ("action",)), lookup(item, ("ipAddressRange",))
                if not isinstance(action, str) or not isinstance(address, str | Unresolved):
                    return not_usable(raw, (*steps, number), item, "a rule with action and ipAddressRange")
                rules.append(
                    AccessRule(
                        name=str(lookup(item, ("name",)) or ""),
                        allows=action.lower() == "allow",
                        priority=number,
                        address=address.lower() if isinstance(address, str) else "[computed]",
                        is_service_tag=False,
                        subnet="",
                        headers={},
                        at=place.child(number),
                    )
                )
            return Known(tuple(rules), place, default)
        case Unknown() as unknown:
            return unknown


def _private_endpoints(raw: RawResource, environment: RawResource | None, environment_id: str) -> Fact[tuple[str, ...]]:
    connections = lookup(environment.body, ("properties", "privateEndpointConnections")) if environment is not None else None
    if environment is not None and isinstance(connections, list):
        return Known(tuple(str(lookup(one, ("id",)) or "") for one in connections), environment.origin)
    return Unknown(
        f"the private endpoints of the environment of {last_segment(raw.id)}",
        f"{READ_AGAIN}{environment_id or '<id of the managed environment>'}/privateEndpointConnections",
        raw.origin,
    )


def _env(raw: RawResource) -> Fact[tuple[EnvVariable, ...]]:
    """Environment variables of all containers; a value that is a secret is unknown, its name is not."""
    steps = ("properties", "template", "containers")
    match fact(raw, steps, list, Known([], raw.origin, "no containers")):
        case Known(value=containers, at=at):
            found: list[EnvVariable] = []
            for number, container in enumerate(containers):
                variables = lookup(container, ("env",))
                if isinstance(variables, Unresolved):
                    return not_usable(raw, (*steps, number, "env"), variables, "a list")
                place = (at or raw.origin).child(number, "env")
                found += [
                    _variable(item, str(lookup(container, ("name",)) or ""), place.child(position))
                    for position, item in enumerate(variables if isinstance(variables, list) else ())
                ]
            return Known(tuple(found), at)
        case Unknown() as unknown:
            return unknown


def _variable(item: Json, container: str, at: Location) -> EnvVariable:
    name, value, secret = (lookup(item, (member,)) for member in ("name", "value", "secretRef"))
    plain = isinstance(value, str) and not is_masked(value)
    withheld = Unknown(f"the value of the variable {name}, which is not shown", "mcpguard does not keep secret values", at)
    return EnvVariable(
        name=str(name or ""),
        value=Known(value, at.child("value")) if plain else withheld,
        secret=secret if isinstance(secret, str) else "",
        container=container,
        at=at,
    )


def _container_markers(raw: RawResource, name: str) -> tuple[tuple[str, ...], Confidence]:
    markers: list[str] = []
    containers = lookup(raw.body, ("properties", "template", "containers"))
    for container in containers if isinstance(containers, list) else []:
        image = _known(lookup(container, ("image",))).lower()
        *above, last = image.split("/")
        if "mcp" in _words(last) or "mcp" in above:  # not a project that has it in its name among others
            markers.append(f"its image {image} says mcp")
        variables = lookup(container, ("env",))
        listed = [_known(lookup(variable, ("name",))) for variable in variables] if isinstance(variables, list) else []
        own = [called for called in listed if called.upper().startswith("MCP_")]
        if own and not any(called.upper().rpartition("_")[2] in _ADDRESSES for called in own):
            markers.append(f"its container has the variable {own[0]}")
    if "mcp" in _words(name.lower()):
        markers.append(f"its name {name} says mcp")
    return tuple(markers), Confidence.HIGH if len(markers) > 1 else Confidence.MEDIUM


def _known(value: Json) -> str:
    """What is known of a text."""
    if isinstance(value, Unresolved):
        return "".join(part if isinstance(part, str) else "…" for part in value.parts)
    return value if isinstance(value, str) else ""


def _words(value: str) -> Sequence[str]:
    for separator in "/_.:@":
        value = value.replace(separator, "-")
    return value.split("-")

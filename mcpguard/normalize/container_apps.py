"""Container apps. Shapes and traps: facts/hosting.md section 5."""

from collections.abc import Sequence

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.evidence import RawResource, resource_key
from mcpguard.model.kinds.hosting import ContainerApp, PlatformAuth
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.normalize.fields import fact, last_segment, lookup, tags, text
from mcpguard.normalize.host_index import READ_AGAIN, HostIndex
from mcpguard.normalize.platform_auth import read_auth


def read_container_app(raw: RawResource, index: HostIndex) -> ContainerApp:
    """One container app, with its authentication and the environment that it runs in."""
    name = last_segment(raw.id)
    ingress = ("properties", "configuration", "ingress")
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
        internet_facing=_container_exposure(raw, index, external),
        auth=auth,
        external=external,
        allow_insecure=fact(
            raw, (*ingress, "allowInsecure"), bool, Known(False, raw.origin, "allowInsecure is false unless set")
        ),
    )


def _container_hosts(raw: RawResource) -> tuple[str, ...]:
    fqdn = text(raw, "properties", "configuration", "ingress", "fqdn")
    domains = lookup(raw.body, ("properties", "configuration", "ingress", "customDomains"))
    names = [lookup(domain, ("name",)) for domain in domains] if isinstance(domains, list) else []
    return tuple(name.lower() for name in (fqdn, *names) if isinstance(name, str) and name)


def _container_exposure(raw: RawResource, index: HostIndex, external: Fact[bool]) -> Fact[bool]:
    """Whether the internet reaches the app: external ingress of an internal environment is open to its network only."""
    rules = lookup(raw.body, ("properties", "configuration", "ingress", "ipSecurityRestrictions"))
    if isinstance(rules, list) and any(str(lookup(rule, ("action",))).lower() == "allow" for rule in rules):
        # Allow rules refuse every other address (Container Apps, ip-restrictions).
        return Known(False, raw.origin.child("properties", "configuration", "ingress", "ipSecurityRestrictions"))
    if isinstance(external, Known) and not external.value:
        return external
    environment_id = text(raw, "properties", "managedEnvironmentId") or text(raw, "properties", "environmentId")
    environment = index.environments.get(resource_key(environment_id))
    if environment is None:
        return Unknown(
            f"whether the environment of {last_segment(raw.id)} is internal",
            READ_AGAIN + (environment_id or "<id of the managed environment>"),
            raw.origin,
        )
    if text(environment, "properties", "publicNetworkAccess").lower() == "disabled":
        return Known(False, environment.origin.child("properties", "publicNetworkAccess"))
    if lookup(environment.body, ("properties", "vnetConfiguration", "internal")) is True:
        return Known(False, environment.origin.child("properties", "vnetConfiguration", "internal"))
    return external


def _container_markers(raw: RawResource, name: str) -> tuple[tuple[str, ...], Confidence]:
    markers: list[str] = []
    containers = lookup(raw.body, ("properties", "template", "containers"))
    for container in containers if isinstance(containers, list) else []:
        image = str(lookup(container, ("image",)) or "").lower()
        if "mcp" in _words(image):
            markers.append(f"its image {image} says mcp")
        variables = lookup(container, ("env",))
        for variable in variables if isinstance(variables, list) else []:
            if str(lookup(variable, ("name",)) or "").upper().startswith("MCP_"):
                markers.append(f"its container has the variable {lookup(variable, ('name',))}")
                break
    if "mcp" in _words(name.lower()):
        markers.append(f"its name {name} says mcp")
    return tuple(markers), Confidence.HIGH if len(markers) > 1 else Confidence.MEDIUM


def _words(value: str) -> Sequence[str]:
    for separator in "/_.:@":
        value = value.replace(separator, "-")
    return value.split("-")

"""Raw resources of hosts, by parent: what belongs to which site or container app."""

from __future__ import annotations

from mcpguard.evidence import EVERYTHING, Evidence, Json, RawResource, resource_key
from mcpguard.evidence.formats import TEMPLATES
from mcpguard.normalize.fields import last_segment, lookup, parent_key, text

READ_AGAIN = "add the answer of: az rest --method get --url "
DECLARED = TEMPLATES | {"terraform"}
"""Formats in which a site's inline ``siteConfig`` is what the author set, and absence means the platform's default."""
_REFERENCES = "/config/configreferences/"


class HostIndex:
    """Raw resources of hosts, by parent, as normalization needs them."""

    def __init__(self, evidence: Evidence) -> None:
        self.configs: dict[str, dict[str, RawResource]] = {}
        """By key of the site, then by lower-case name of the settings."""
        self.publishing: dict[str, dict[str, RawResource]] = {}
        """``basicPublishingCredentialsPolicies`` by key of the site, then ``scm`` or ``ftp``."""
        self.references: dict[str, list[RawResource]] = {}
        """Key Vault references of app settings, by key of the site."""
        self.endpoints: dict[str, list[RawResource]] = {}
        """Private endpoint connections that were read on their own, by key of the host."""
        self.functions: dict[str, list[RawResource]] = {}
        self.auth_configs: dict[str, RawResource] = {}
        self.sites: list[RawResource] = []
        self.container_apps: list[RawResource] = []
        self.session_pools: list[RawResource] = []
        self.environments: dict[str, RawResource] = {}
        self.app_service_environments: dict[str, RawResource] = {}
        self.identities: dict[str, RawResource] = {}
        """User-assigned identities by key."""
        self.declared_endpoints: dict[str, list[RawResource]] = {}
        """``Microsoft.Network/privateEndpoints`` by key of what they lead to."""
        self.host_files: list[RawResource] = []
        self.host_files_in: dict[str, list[RawResource]] = {}
        """By each folder on their path, lower case."""
        self.function_apps: list[str] = []
        """Keys of function apps and their slots."""
        self.folders: dict[str, list[str]] = {}
        """Folders of the services of azd projects, by the service's name."""
        self._complete = {(claim.scope, claim.type) for claim in evidence.complete}
        for raw in evidence.resources:
            if raw.type.startswith("microsoft.web/sites"):
                self._take_site(raw)
            else:
                self._take_other(raw)

    def _take_site(self, raw: RawResource) -> None:
        kind = raw.type.removeprefix("microsoft.web/sites").removeprefix("/slots")
        if kind == "":
            self.sites.append(raw)
            if "functionapp" in text(raw, "kind").lower():
                self.function_apps.append(raw.key)
        elif _REFERENCES in raw.key:
            if "/appsettings" in raw.key:
                self.references.setdefault(raw.key.partition(_REFERENCES)[0], []).append(raw)
        elif kind == "/config":
            self.configs.setdefault(parent_key(raw.key), {})[last_segment(raw.key)] = raw
        elif kind == "/functions":
            self.functions.setdefault(parent_key(raw.key), []).append(raw)
        elif kind == "/basicpublishingcredentialspolicies":
            self.publishing.setdefault(parent_key(raw.key), {})[last_segment(raw.key)] = raw
        elif kind == "/privateendpointconnections":
            self.endpoints.setdefault(parent_key(raw.key), []).append(raw)

    def _take_other(self, raw: RawResource) -> None:
        match raw.type:
            case "microsoft.app/containerapps":
                self.container_apps.append(raw)
            case "microsoft.web/hostingenvironments":
                self.app_service_environments[raw.key] = raw
            case "microsoft.app/managedenvironments":
                self.environments[raw.key] = raw
            case "microsoft.app/containerapps/authconfigs":
                self.auth_configs[parent_key(raw.key)] = raw
            case "microsoft.app/sessionpools":
                self.session_pools.append(raw)
            case "microsoft.managedidentity/userassignedidentities":
                self.identities[raw.key] = raw
            case "microsoft.network/privateendpoints":
                self._take_endpoint(raw)
            case "file/azd-service":
                self.folders.setdefault(str(raw.body.get("service")), []).append(str(raw.body.get("folder")))
            case "file/host.json":
                self.host_files.append(raw)
                for folder in dict.fromkeys(raw.origin.artifact.lower().split("/")[:-1]):
                    self.host_files_in.setdefault(folder, []).append(raw)
            case _:
                pass

    def _take_endpoint(self, raw: RawResource) -> None:
        connections = lookup(raw.body, ("properties", "privateLinkServiceConnections"))
        for connection in connections if isinstance(connections, list) else ():
            target: Json = lookup(connection, ("properties", "privateLinkServiceId"))
            if isinstance(target, str):
                self.declared_endpoints.setdefault(resource_key(target), []).append(raw)

    def is_complete(self, key: str, raw_type: str) -> bool:
        """Whether all children of one type were read, or everything below the host or what it stands below."""
        if ("", EVERYTHING) in self._complete or (key, raw_type) in self._complete:
            return True
        while key.count("/") > 1:
            if (key, EVERYTHING) in self._complete:
                return True
            key = key.rsplit("/", 2)[0]
        return False

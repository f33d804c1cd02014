"""Raw resources of hosts, by parent: what belongs to which site or container app."""

from mcpguard.evidence import EVERYTHING, Evidence, RawResource
from mcpguard.normalize.fields import last_segment, parent_key

READ_AGAIN = "add the answer of: az rest --method get --url "


class HostIndex:
    """Raw resources of hosts, by parent, as the functions here need them."""

    def __init__(self, evidence: Evidence) -> None:
        self.configs: dict[str, dict[str, RawResource]] = {}
        self.functions: dict[str, list[RawResource]] = {}
        self.auth_configs: dict[str, RawResource] = {}
        self.sites: list[RawResource] = []
        self.container_apps: list[RawResource] = []
        self.environments: dict[str, RawResource] = {}
        self.host_files: list[RawResource] = []
        self._complete = {(claim.scope, claim.type) for claim in evidence.complete}
        for raw in evidence.resources:
            match raw.type:
                case "microsoft.web/sites" | "microsoft.web/sites/slots":
                    self.sites.append(raw)
                case "microsoft.web/sites/config" | "microsoft.web/sites/slots/config":
                    self.configs.setdefault(parent_key(raw.key), {})[last_segment(raw.key)] = raw
                case "microsoft.web/sites/functions" | "microsoft.web/sites/slots/functions":
                    self.functions.setdefault(parent_key(raw.key), []).append(raw)
                case "microsoft.app/containerapps":
                    self.container_apps.append(raw)
                case "microsoft.app/managedenvironments":
                    self.environments[raw.key] = raw
                case "microsoft.app/containerapps/authconfigs":
                    self.auth_configs[parent_key(raw.key)] = raw
                case "file/host.json":
                    self.host_files.append(raw)
                case _:
                    pass

    def is_complete(self, key: str, raw_type: str) -> bool:
        """Whether all children of one type were read, or everything below the host."""
        return bool(self._complete & {(key, raw_type), (key, EVERYTHING), ("", EVERYTHING)})

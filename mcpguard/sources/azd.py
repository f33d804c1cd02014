"""``azure.yaml`` of the Azure Developer CLI: which folder is deployed to which host.

The host is the resource whose tag ``azd-service-name`` is the name of the service
(learn.microsoft.com/azure/developer/azure-developer-cli/azd-schema; hosts are found by that tag).
"""

from __future__ import annotations

import posixpath

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.reading import Reading

FORMAT = "azure.yaml"
SERVICE = "file/azd-service"
_HOSTS = frozenset({"function", "appservice", "containerapp"})
"""Hosts that are resources of their own with that tag."""
_MARK = LazyPattern(rb"(?m)^services\s*:(?s:.*?)^ +project\s*:")


def may_be_project(data: bytes) -> bool:
    """A quick test on the text of a YAML file."""
    return b"services" in data and bool(_MARK.search(data[:65536]))


def take_services(reading: Reading, value: Json) -> bool:
    """Take the services that have a folder; False when there are none."""
    services = value.get("services") if isinstance(value, dict) else None
    taken = False
    for name, service in services.items() if isinstance(services, dict) else ():
        project, host = (service.get("project"), service.get("host")) if isinstance(service, dict) else (None, None)
        if not isinstance(project, str) or not isinstance(host, str) or host not in _HOSTS:
            continue
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(reading.path), project))
        body: dict[str, Json] = {"service": str(name), "folder": "" if folder == "." else folder, "host": host}
        at = reading.at("services", name)
        reading.add(RawResource(f"file:{reading.path}#{name}", SERVICE, body, at, FORMAT))
        taken = True
    return taken

"""Folders made of given files, and what scanning them gives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.core.positions import Resolved, SourceText
from mcpguard.evidence import Artifact, Evidence, RawResource
from mcpguard.sources import read

RG = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mcp-prod"
SERVICE = f"{RG}/providers/Microsoft.ApiManagement/service/contoso-apim"
SITE = f"{RG}/providers/Microsoft.Web/sites/contoso-orders-func"


class Scan:
    """One scan of a folder, with short ways to look at it."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def artifact(self, path: str) -> Artifact:
        found = [artifact for artifact in self.evidence.artifacts if artifact.path == path]
        assert len(found) == 1, (path, [artifact.path for artifact in self.evidence.artifacts])
        return found[0]

    def resource(self, id: str) -> RawResource:
        found = [resource for resource in self.evidence.resources if resource.key == id.lower()]
        assert len(found) == 1, (id, self.ids)
        return found[0]

    @property
    def ids(self) -> list[str]:
        return [resource.id for resource in self.evidence.resources]

    def only(self) -> RawResource:
        assert len(self.evidence.resources) == 1, self.ids
        return self.evidence.resources[0]

    @property
    def complete(self) -> set[tuple[str, str]]:
        return {(claim.scope, claim.type) for claim in self.evidence.complete}

    def place(self, at: Location | None) -> Resolved:
        assert at is not None
        text = self.evidence.texts[at.artifact]
        return SourceText(text.data, text.format, text.moved, text.places).resolve(at)

    def start(self, at: Location | None) -> tuple[int, int]:
        span = self.place(at).span
        return span.line, span.column


Files = dict[str, Any]


def write_files(folder: Path, files: Files) -> None:
    """Text and bytes are written as they are, anything else as indented JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content, indent=2)
            path.write_bytes(text.encode())


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., Scan]:
    """Write files into a folder named ``estate`` and scan it."""

    def run(files: Files, **options: Any) -> Scan:
        folder = tmp_path / "estate"
        folder.mkdir(exist_ok=True)
        write_files(folder, files)
        return Scan(read([folder], **options))

    return run


def api(name: str, **properties: Any) -> dict[str, Any]:
    """An API as ARM answers it."""
    return {
        "id": f"{SERVICE}/apis/{name}",
        "type": "Microsoft.ApiManagement/service/apis",
        "name": name,
        "properties": {"displayName": name, "path": name, "protocols": ["https"], **properties},
    }


def service() -> dict[str, Any]:
    """A service as ARM answers it."""
    return {
        "id": SERVICE,
        "type": "Microsoft.ApiManagement/service",
        "name": "contoso-apim",
        "location": "West Europe",
        "sku": {"name": "StandardV2", "capacity": 1},
        "properties": {"gatewayUrl": "https://contoso-apim.azure-api.net", "publicNetworkAccess": "Enabled"},
    }


def policy(text: str, owner: str = f"{SERVICE}/apis/orders-mcp", format: str = "rawxml") -> dict[str, Any]:
    """A policy as ARM answers it."""
    return {
        "id": f"{owner}/policies/policy",
        "type": "Microsoft.ApiManagement/service/apis/policies",
        "name": "policy",
        "properties": {"format": format, "value": text},
    }

"""Collections from the fake, and what scanning them gives. The SDKs are the real ones."""

import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mcpguard.cli.pipeline import Settings as ScanSettings
from mcpguard.cli.pipeline import scan
from mcpguard.collect import Asked, Cloud
from mcpguard.evidence import Evidence, Gap
from mcpguard.model.report import Report
from mcpguard.sources import read
from tests.collect.fake import Body, Fake
from tests.rules.examples import NOW

HAS_SDK = find_spec("azure") is not None and find_spec("azure.identity") is not None
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-mcp"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso-apim"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/contoso-func"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/contoso-ai"
TOKEN = "a-token-that-must-go-nowhere-else-0123456789"
NEEDS_SDK = {
    "test_collect",
    "test_faults",
    "test_resume",
    "test_entra",
    "test_hosts",
    "test_foundry",
    "test_cli",
    "test_sign_in",
    "test_telemetry",
    "fake",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_SDK:
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("the live extra is not installed, and CI must have it: the collector would go untested")
    for item in items:
        if "tests/collect" in str(item.path) and item.path.stem in NEEDS_SDK:
            item.add_marker(pytest.mark.skip(reason="COLLECTOR UNTESTED: the live extra is not installed (sh .ci/venv dev)"))


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


def cloud_at(fake: Fake) -> Cloud:
    return Cloud(
        "fake",
        f"{fake.url}/arm",
        f"{fake.url}/graph",
        fake.url + "/foundry/{account}",
        f"{fake.url}/logs",
        "https://login.example",
        token_env="MCPGUARD_TEST_TOKEN",
    )


class Snapshot:
    """What a collection left, with short ways to look at it."""

    def __init__(self, folder: Path, collected: Any) -> None:
        self.folder = folder
        self.collected = collected
        self.manifest = collected.manifest

    @property
    def evidence(self) -> Evidence:
        return read([self.folder])

    @property
    def gaps(self) -> list[Gap]:
        return [saved.gap() for saved in self.manifest.gaps]

    def gap(self, part: str) -> Gap:
        found = [gap for gap in self.gaps if part in gap.detail]
        assert len(found) == 1, (part, [gap.detail for gap in self.gaps])
        return found[0]

    def ids(self, type_: str) -> list[str]:
        return [resource.id for resource in self.evidence.resources if resource.type == type_]

    def body(self, id: str) -> Body:
        found = [resource.body for resource in self.evidence.resources if resource.key == id.lower()]
        assert len(found) == 1, (id, sorted(resource.id for resource in self.evidence.resources))
        return found[0]

    def complete(self, scope: str, type_: str) -> bool:
        return (scope.lower(), type_) in {(claim.scope, claim.type) for claim in self.evidence.complete}

    @property
    def bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.folder.rglob("*")) if file.is_file())


@pytest.fixture
def collect(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Snapshot]:
    """Collect from the fake. Keyword arguments are what is asked; ``limits``, ``folder``, ``resume`` and ``tick`` are how."""
    monkeypatch.setenv("MCPGUARD_TEST_TOKEN", TOKEN)

    def run(
        folder: str = "estate", resume: bool = False, tick: Any = None, limits: dict[str, Any] | None = None, **asked: Any
    ) -> Snapshot:
        from mcpguard.collect.answers import Limits
        from mcpguard.collect.run import Settings
        from mcpguard.collect.run import collect as collect_into
        from mcpguard.collect.sign_in import sign_in
        from mcpguard.sources.screen import mask_resource

        cloud = cloud_at(fake)
        chosen = Limits(**{"backoff": 0.001, **(limits or {})})
        settings = Settings(Asked(**asked), cloud, limits=chosen, resume=resume)
        more = {"tick": tick} if tick else {}
        collected = collect_into(tmp_path / folder, settings, sign_in("default", "", cloud, print), mask_resource, **more)
        return Snapshot(tmp_path / folder, collected)

    return run


# -- an estate ---------------------------------------------------------------------------------------------------------


def named(parent: str, kind: str, name: str, **properties: Any) -> Body:
    """A child of an API Management service, as ARM answers it."""
    return {
        "id": f"{parent}/{kind}/{name}",
        "type": f"Microsoft.ApiManagement/service/{kind}",
        "name": name,
        "properties": properties,
    }


def service(**properties: Any) -> Body:
    return {
        "id": SERVICE,
        "type": "Microsoft.ApiManagement/service",
        "name": "contoso-apim",
        "location": "West Europe",
        "sku": {"name": "StandardV2", "capacity": 1},
        "properties": {"gatewayUrl": "https://contoso-apim.azure-api.net", **properties},
    }


def api(name: str, **properties: Any) -> Body:
    return named(SERVICE, "apis", name, displayName=name, path=name, protocols=["https"], **properties)


def policy(owner: str, text: str) -> Body:
    return {
        "id": f"{owner}/policies/policy",
        "type": "Microsoft.ApiManagement/service/apis/policies",
        "name": "policy",
        "properties": {"format": "rawxml", "value": text},
    }


def listed(owner: str) -> Body:
    """The entry of ``allPolicies`` for the policy of something."""
    name = owner.removeprefix(SERVICE).strip("/").replace("/", "-") or "service"
    return named(SERVICE, "allPolicies", name, referencePolicyId=f"{owner}/policies/policy", complianceState="Compliant")


def policies_of(fake: Fake) -> set[str]:
    """What was asked for a policy, below the service."""
    return {line.partition("contoso-apim/")[2].lower() for line in fake.lines("/policies/policy$")}


# -- the same estate as files ------------------------------------------------------------------------------------------


def export(fake: Fake, folder: Path) -> None:
    """What ``az rest`` gives for everything in the fake: a file for each list, and for each single resource."""
    folder.mkdir()
    lists: dict[str, list[Body]] = {}
    for key, body in fake.resources.items():
        lists.setdefault(key.rpartition("/")[0], []).append(body)
    for number, items in enumerate(lists.values()):
        (folder / f"arm-{number}.json").write_text(json.dumps({"value": items, "count": len(items)}), encoding="utf-8")
    for number, (path, items) in enumerate(fake.graph.items()):
        name = path.strip("/")
        owner, _, relation = name.rpartition("/")
        if owner.count("/") == 1 and owner.split("/")[0] in ("applications", "servicePrincipals"):
            kind, id_ = owner.split("/")
            name = f"{kind}('{id_}')/{relation}"
        context = f"https://graph.microsoft.com/v1.0/$metadata#{name}"
        (folder / f"graph-{number}.json").write_text(json.dumps({"@odata.context": context, "value": items}), encoding="utf-8")


def findings(report: Report) -> set[tuple[str, str, str, str, str]]:
    """What a report says of the estate, without the files that it stands in."""
    of_estate = (f for f in report.findings if not f.target.id.startswith("file:"))
    return {(f.rule, f.outcome.value, f.target.id.lower(), f.message, f.fingerprint) for f in of_estate}


def scanned(folder: Path, **settings: Any) -> Report:
    return scan([folder], ScanSettings(as_of=NOW, **settings))

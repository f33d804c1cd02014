"""One sample of each format with any of its values gone, null or of another type: it is read, the rest is judged, nothing raises."""

import copy
import datetime
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpguard.core.positions import SourceText
from mcpguard.engine import registry
from mcpguard.engine.run import run
from mcpguard.model.finding import Outcome
from mcpguard.normalize import build
from mcpguard.sources import read
from tests.sources.conftest import service
from tests.sources.test_graph import CONTEXT, OBJECT_ID, app, principal
from tests.sources.test_graph_forms import ASSIGNMENT, CREDENTIAL, GRANT, MANIFEST, PASCAL, ROAD, USER
from tests.sources.test_inventories import SERVER_JSON, deployed, registered
from tests.sources.test_mcp_gateway import adapter, tool
from tests.sources.test_query_results import answer, row

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
CONTAINER = {
    "image": "ghcr.io/microsoft/mcp-gateway:1",
    "env": [{"name": "ASPNETCORE_ENVIRONMENT", "value": "Production"}, {"name": "x", "valueFrom": {"configMapKeyRef": {}}}],
    "envFrom": [{"configMapRef": {"name": "app-config"}, "prefix": "A__"}],
}
CLUSTER = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "kind": "Deployment",
            "metadata": {"name": "g", "namespace": "n", "uid": "1", "labels": {"owner": "x"}},
            "spec": {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [CONTAINER]}}},
        },
        {"kind": "ConfigMap", "metadata": {"name": "app-config", "namespace": "n"}, "data": {"PublicOrigin": "https://x"}},
        {
            "kind": "Service",
            "metadata": {"name": "s", "namespace": "n", "annotations": {"a": "b"}},
            "spec": {"type": "LoadBalancer", "selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": 8000}]},
        },
        {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YWJjZGVm"}, "stringData": {"b": "secret"}},
    ],
}
SAMPLES: dict[str, dict[str, Any]] = {
    "graph": {
        "apps.json": {
            "@odata.context": CONTEXT + "applications",
            "value": [app(owners=[USER], federatedIdentityCredentials=[CREDENTIAL])],
        },
        "sp.json": [principal(appRoleAssignments=[ASSIGNMENT], oauth2PermissionGrants=[GRANT])],
        f"owners-{OBJECT_ID}.json": [USER],
    },
    "powershell": {"apps.json": [PASCAL]},
    "manifest": {"app.json": MANIFEST},
    "roadrecon": {"app.json": [ROAD]},
    "query": {"a.json": answer(row(), row()), "b.json": [{"TableName": "T", "x": "1"}, {"TableName": "T", "y": "2"}]},
    "gateway": {"adapters.json": [adapter("a")], "tools.json": [tool("delete_x")], "cluster.json": CLUSTER},
    "inventory": {"a.json": [registered(), deployed(["https://x.example/mcp"])], "server.json": SERVER_JSON},
}
ODD = (None, True, 7, -1.5, "", "x", [], {}, [None], {"x": None}, "https://[::1", "${X}", ["x", 7])
RULES = list(registry.load().values())


def damaged(value: Any, chance: random.Random) -> Any:
    """A copy with one value somewhere replaced or taken away."""
    out = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []
    stack = [out]
    while stack:
        current = stack.pop()
        keys = list(current) if isinstance(current, dict) else range(len(current))
        for key in keys:
            places.append((current, key))
            if isinstance(current[key], dict | list):
                stack.append(current[key])
    if not places:
        return out
    holder, key = chance.choice(places)
    if chance.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(chance.choice(ODD))
    return out


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_damaged_samples(tmp_path: Path, sample: str, chance: random.Random) -> None:
    folder = tmp_path / sample
    folder.mkdir(exist_ok=True)
    (folder / "service.json").write_text(json.dumps(service()))
    for name, value in SAMPLES[sample].items():
        broken = value
        for _ in range(chance.randint(0, 3)):
            broken = damaged(broken, chance)
        (folder / name).write_text(json.dumps(broken))
    evidence = read([folder])
    for artifact in evidence.artifacts:
        if artifact.at is not None and artifact.path in evidence.texts:
            text = evidence.texts[artifact.path]
            assert SourceText(text.data, text.format).resolve(artifact.at).span.line >= 1
    outcomes = run(RULES, build(evidence, NOW), {})
    assert [finding.detail for finding in outcomes if finding.outcome is Outcome.ERROR] == []

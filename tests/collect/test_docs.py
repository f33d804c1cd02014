"""What docs/collecting.md promises: roles and permissions that suffice for what the plan asks, and nothing more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcpguard.collect import Asked, cloud_of
from mcpguard.collect.explain import explain
from mcpguard.collect.queries import QUERIES

PAGE = (Path(__file__).parents[2] / "docs" / "collecting.md").read_text(encoding="utf-8")
EVERYTHING = Asked(conditional_access=True, all_operations=True, all_applications=True, telemetry=True)


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def role() -> Any:
    return json.loads(block("json"))


def granted(role: Any, action: str) -> bool:
    actions = [*role["Actions"], *role["DataActions"]]
    return any(re.fullmatch(re.escape(entry).replace(r"\*", ".*"), action, re.IGNORECASE) for entry in actions)


def test_the_custom_role_reads_and_nothing_else(role: Any) -> None:
    for action in (*role["Actions"], *role["DataActions"]):
        assert action.endswith("/read"), action
        assert "*" not in action.partition("/")[0]


def test_the_custom_role_suffices(role: Any) -> None:
    for call in explain(EVERYTHING, cloud_of("public")):
        action = call.needs.action
        if action and action != "*/read":
            assert granted(role, action.replace("*", "any")), action
    for query in QUERIES:
        for table in query.tables:
            assert granted(role, f"Microsoft.OperationalInsights/workspaces/query/{table}/read"), table


def test_every_type_that_is_read_is_in_the_custom_role(role: Any) -> None:
    for call in explain(Asked(graph=False), cloud_of("public")):
        provider, _, rest = call.url.partition("?")[0].rpartition("/providers/")[2].partition("/")
        if call.verb == "GET" and provider.startswith("Microsoft."):
            names = [name for name in rest.split("/") if not name.startswith("{")]
            assert granted(role, f"{provider}/{'/'.join(names)}/read"), call.url


def test_every_permission_of_graph_is_listed() -> None:
    permissions = {call.needs.role for call in explain(EVERYTHING, cloud_of("public")) if not call.needs.on}
    listed = set(re.findall(r"`([A-Z]\w+(?:\.\w+)+)`", PAGE))
    assert permissions == {name for name in listed if "Read" in name}


def test_every_query_is_listed() -> None:
    for query in QUERIES:
        assert f"`{query.name}`" in PAGE
        assert all(table in PAGE for table in query.tables)


def test_the_workflow_exchanges_tokens_and_stores_no_secret() -> None:
    flow = yaml.safe_load(block("yaml"))
    assert flow["permissions"]["id-token"] == "write"
    steps = flow["jobs"]["posture"]["steps"]
    assert any("azure/login" in step.get("uses", "") for step in steps)
    assert not re.search(r"secrets\.|client-secret|password", block("yaml"))
    assert any("mcpguard collect" in step.get("run", "") for step in steps)

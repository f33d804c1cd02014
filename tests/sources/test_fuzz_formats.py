"""Files of a known shape with parts of wrong types: reading ends with an artifact, and what is hidden stays hidden."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpguard.evidence import Json
from mcpguard.sources import read
from mcpguard.sources.yaml_text import read_yaml
from tests.sources import test_apiops_configuration, test_foundry
from tests.sources import test_azure_cli as cli
from tests.sources.terraform import test_directory, test_gateway, test_hosting
from tests.sources.terraform.plans import module, plan, state
from tests.sources.test_fuzz import SCALARS, check

FILES: dict[str, Json] = {
    "plan.json": test_gateway.planned(),
    "gateway.json": state(test_gateway.service(), test_gateway.api(), *test_gateway.REST),
    "hosting.json": plan(module(test_hosting.site(), test_hosting.mcp_api({"properties": test_hosting.MCP}))),
    "directory.json": state(test_directory.APPLICATION, *test_directory.OTHERS),
    "apis.json": [cli.printed_api()],
    "site.json": cli.printed_site(),
    "settings.json": cli.SETTINGS,
    "function.json": cli.FUNCTION,
    "versions.json": {"object": "list", "data": [test_foundry.VERSION], "has_more": True},
    "azure.yaml": read_yaml(test_foundry.AZURE_YAML).value,
    "manifest.yaml": read_yaml(test_foundry.MANIFEST).value,
    "configuration.yaml": read_yaml(test_apiops_configuration.OVERRIDES).value,
    "filter.yaml": read_yaml(test_apiops_configuration.FILTERS["configuration.extractor.yaml"]).value,
    "app.yaml": read_yaml(cli.CREATE).value,
}


def routes(value: Json) -> list[tuple[Any, ...]]:
    """Every place in a value."""
    out: list[tuple[Any, ...]] = []
    stack: list[tuple[tuple[Any, ...], Json]] = [((), value)]
    while stack:
        route, current = stack.pop()
        pairs = current.items() if isinstance(current, dict) else enumerate(current) if isinstance(current, list) else ()
        for key, item in pairs:
            out.append((*route, key))
            stack.append(((*route, key), item))
    return out


@pytest.mark.parametrize("name", sorted(FILES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.one_of(SCALARS, st.just([]), st.just({}), st.just([{}]), st.just([None])))
def test_parts_of_wrong_types(tmp_path: Path, name: str, chance: random.Random, value: Json) -> None:
    whole = copy.deepcopy(FILES[name])
    for _ in range(chance.randint(1, 3)):
        found = routes(whole)
        *steps, last = chance.choice(found)
        holder = whole
        for step in steps:
            holder = holder[step]
        if chance.random() < 0.8:
            holder[last] = copy.deepcopy(value)
        else:
            del holder[last]
        if not routes(whole):
            break
    folder = tmp_path / "estate"
    folder.mkdir(exist_ok=True)
    text = json.dumps(whole) if name.endswith(".json") else yaml.safe_dump(whole, allow_unicode=True)
    (folder / name).write_text(text)
    (folder / "good.json").write_text('{"mcpServers": {}}')
    check(read([folder]))

"""Whatever a file holds, reading it ends with an artifact that says what became of it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcpguard.core.errors import NothingReadError
from mcpguard.core.positions import SourceText
from mcpguard.evidence import Evidence
from mcpguard.sources import read

ESTATES = Path(__file__).parents[2] / "fixtures" / "estates"
WORDS = """
    id name type properties value nextLink count $schema contentVersion resources parameters apiVersion kind condition
    copy scope existing import servers mcpServers inputs url command args headers env version extensions logging
    extensionBundle @odata.context @odata.type @odata.nextLink appId AppId DisplayName identifierUris api signInAudience
    servicePrincipalType passwordCredentials secretText keyCredentials key credentials header query authorization
    parameter proxy password siteConfig appSettings connectionStrings connectionString template containers configuration
    secrets displayName secret format data total_records skip_token error code message replyUrlsWithType mcp settings
    serviceUrl type input
    """
TEXTS = [
    "",
    "x",
    "2.0",
    "[parameters('x')]",
    "[[x]",
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "https://graph.microsoft.com/v1.0/$metadata#applications('1')/owners",
    "#microsoft.graph.application",
    "Microsoft.ApiManagement/service",
    "Microsoft.ApiManagement/service/apis",
    "Microsoft.ApiManagement/service/apis/policies",
    "Microsoft.Web/sites/config",
    "Microsoft.Resources/deployments",
    "Microsoft.App/containerApps",
    "svc",
    "svc/x",
    "apis",
    "/subscriptions/1/resourceGroups/g/providers/Microsoft.ApiManagement/service/svc",
    "/subscriptions/1/resourceGroups/g/providers/Microsoft.ApiManagement/service/svc/namedValues/x",
    "/subscriptions/1/resourceGroups/g/providers/Microsoft.ApiManagement/service/svc/backends/x",
    "/subscriptions/1/resourceGroups/g/providers/Microsoft.Web/sites/x/config/appsettings",
    "/providers/",
    "/providers/x",
    "/",
    "<policies><set-header name='Authorization'><value>abcdef</value></set-header>",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.abc",
    "https://x?code=abcdefgh",
    "McpInventory",
    "mcpguard/v1",
]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.sampled_from(TEXTS))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=7)),
    max_leaves=40,
)


def check(evidence: Evidence) -> None:
    """Every place can be shown, every resource has an id, a type and a body."""
    texts = {path: SourceText(text.data, text.format, text.moved) for path, text in evidence.texts.items()}
    for at in [*(artifact.at for artifact in evidence.artifacts), *(gap.at for gap in evidence.gaps)]:
        if at is not None and at.artifact in texts:
            assert texts[at.artifact].resolve(at).span.line >= 1
    for resource in evidence.resources:
        assert resource.id and resource.type == resource.type.lower() and isinstance(resource.body, dict)
        assert texts[resource.origin.artifact].resolve(resource.origin).span.line >= 1


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, st.sampled_from(["x.json", "apis/x/apiInformation.json", "products/x/apis.json"]))
@example({"value": [{"id": "/providers/"}]}, "x.json")
@example({"resources": {"x": {"type": "Microsoft.Web/sites", "name": "x", "scope": "x"}}, "contentVersion": 1}, "x.json")
def test_any_json(tmp_path: Path, value: Any, name: str) -> None:
    file = tmp_path / "estate" / name
    for old in (tmp_path / "estate").rglob("*.json"):
        old.unlink()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))
    (tmp_path / "estate" / "good.json").write_text('{"mcpServers": {}}')
    check(read([tmp_path / "estate"]))


REAL = sorted(path for path in ESTATES.rglob("*") if path.is_file() and path.stat().st_size < 60_000)


@pytest.mark.skipif(not REAL, reason="no estates")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_damaged_real_files(tmp_path: Path, chance: random.Random) -> None:
    path = chance.choice(REAL)
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                del data[at:]
            case 1:
                del data[at : at + chance.randint(1, 30)]
            case 2:
                data[at] = chance.randrange(256)
            case _:
                data[at:at] = bytes(chance.choice(b'{}[]",:<>&@()\\/') for _ in range(3))
        data = data or bytearray(b" ")
    (tmp_path / path.name).write_bytes(bytes(data))
    try:
        check(read([tmp_path / path.name]))
    except NothingReadError as error:
        assert path.name in error.message

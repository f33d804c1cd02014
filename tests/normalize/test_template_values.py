"""What a template leaves open: unknown with its expression, also inside a policy, and never a missing named value."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcpguard.core.facts import Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, PolicyText
from mcpguard.normalize import build
from mcpguard.policy.effective import resolve_named_values
from mcpguard.sources import read

TYPE = "Microsoft.ApiManagement/service"
POLICY = "<policies><inbound><validate-azure-ad-token tenant-id='{tenant}' /><base /></inbound></policies>"


def estate(folder: Path, *resources: dict[str, Any], **more: Any) -> Estate:
    body = {"contentVersion": "1.0.0.0", "resources": [{"type": TYPE, "name": "apim", "properties": {}}, *resources], **more}
    (folder / "main.json").write_text(json.dumps(body))
    return build(read([folder]), datetime(2026, 1, 1, tzinfo=UTC))


def api(**properties: Any) -> dict[str, Any]:
    return {"type": f"{TYPE}/apis", "name": "apim/orders", "properties": {"type": "mcp", "path": "orders", **properties}}


def test_a_computed_member_is_unknown_and_says_how_it_is_computed(tmp_path: Path) -> None:
    found = estate(tmp_path, api(serviceUrl="[format('https://{0}/mcp', reference('x').host)]", backendId="[int('x')]"))
    (server,) = found.of(Api)
    assert isinstance(server.service_url, Unknown)
    assert "which the template computes as [format('https://{0}/mcp', reference('x').host)]" in server.service_url.missing
    assert isinstance(server.backend_id, Unknown)
    assert server.backend_id.missing.endswith("[int('x')] (a text that is no number)")


def test_an_open_value_in_a_policy_is_unknown(tmp_path: Path) -> None:
    policy = {
        "type": f"{TYPE}/apis/policies",
        "name": "apim/orders/policy",
        "properties": {"format": "rawxml", "value": "[replace(variables('p'), '{tenant}', tenant().tenantId)]"},
    }
    found = estate(tmp_path, api(), policy, variables={"p": POLICY})
    (text,) = found.of(PolicyText)
    (name,) = text.holes
    values, is_complete = found.named_values("/providers/microsoft.apimanagement/service/apim")
    assert is_complete
    resolved = resolve_named_values(f"{{{{{name}}}}}", values)
    assert isinstance(resolved, Unknown)
    assert "which the template computes as [tenant().tenantId]" in resolved.missing

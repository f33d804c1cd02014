"""The support matrix of MCP surfaces."""

import re

from mcpguard.model.kinds.mcp import ServerSource
from mcpguard.model.reference_data import preview_features, surfaces


def test_every_surface_of_the_gateway_is_there() -> None:
    native = {ServerSource.APIM_REST_TOOLS, ServerSource.APIM_PASSTHROUGH, ServerSource.APIM_INFERRED}
    assert {source.value for source in native} <= surfaces().keys()


def test_every_entry_has_a_source_and_a_day() -> None:
    sources = [(it.id, it.source, it.date) for it in surfaces().values()]
    sources += [(it.id, it.source, it.date) for it in preview_features().values()]
    assert [id for id, source, date in sources if not source or not re.fullmatch(r"20\d\d-\d\d-\d\d", date)] == []


def test_what_rules_ask_of_it() -> None:
    found = surfaces()
    assert found["apim-rest-tools"].unsupported_tiers == ("Consumption",) and found["apim-rest-tools"].workspaces is False
    assert found["container-app"].resource_metadata == "by-hand" and found["app-service"].resource_metadata == "platform"
    assert found["foundry-managed-oauth-tool"].mediated is False and found["foundry-mcp-tool"].mediated is True
    assert "enablemcpcustomhandlerpreview" in preview_features()

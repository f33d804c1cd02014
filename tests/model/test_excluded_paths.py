"""What an entry of excludedPaths takes in: what is known of the matching, and what is not."""

import pytest

from mcpguard.model.excluded_paths import Cover, cover

ENDPOINT = "/runtime/webhooks/mcp"


@pytest.mark.parametrize(
    ("entry", "path", "wanted"),
    [
        ("/*", ENDPOINT, Cover.YES),
        ("/runtime/*", ENDPOINT, Cover.YES),
        ("/Runtime/Webhooks/MCP", ENDPOINT, Cover.YES),
        ("/runtime/webhooks/mcp/", ENDPOINT, Cover.YES),
        ("/mcp", "/mcp", Cover.YES),
        ("/mcp/*", "/mcp", Cover.MAYBE),
        ("/runtime", ENDPOINT, Cover.MAYBE),
        ("/runtime*", ENDPOINT, Cover.MAYBE),
        ("/*/webhooks/*", ENDPOINT, Cover.MAYBE),
        ("/", ENDPOINT, Cover.MAYBE),
        ("/run", ENDPOINT, Cover.NO),
        ("/mcp-health", "/mcp", Cover.NO),
        ("/api/*", ENDPOINT, Cover.NO),
        ("/*.jpg", ENDPOINT, Cover.NO),
        ("/.well-known/*", "/.well-known/oauth-protected-resource", Cover.NO),
        ("", ENDPOINT, Cover.NO),
    ],
)
def test_cover(entry: str, path: str, wanted: Cover) -> None:
    assert cover(entry, path) is wanted

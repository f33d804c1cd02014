"""The manifest: strict, with places and suggestions; and the class of a tool, with the evidence that decided."""

import datetime

import pytest

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Json
from mcpguard.governance import ManifestError, parse_manifest
from mcpguard.governance.classify import classify
from mcpguard.model.estate import Declaration, Estate
from mcpguard.model.kinds.governance import DeclaredServer, DeclaredTool, ToolClass
from mcpguard.model.kinds.mcp import McpTool

AT = Location("mcp-inventory.yaml")
HEAD: dict[str, Json] = {"apiVersion": "mcpguard/v1", "kind": "McpInventory"}


def test_a_whole_manifest() -> None:
    manifest = parse_manifest(
        {
            **HEAD,
            "servers": [
                {
                    "id": "orders",
                    "apimApi": "orders-mcp",
                    "owner": {"name": "Orders"},
                    "reviewBy": datetime.date(2027, 5, 15),
                    "tools": [{"name": "drop", "class": "destructive", "approval": {"model": "external"}}],
                }
            ],
        },
        AT,
    )
    (server,) = manifest.servers
    assert server.review_by == datetime.date(2027, 5, 15)
    assert server.tools[0].class_ is ToolClass.DESTRUCTIVE
    assert server.tools[0].approval is not None and server.tools[0].approval.enforced


@pytest.mark.parametrize(
    ("body", "message", "hint", "route"),
    [
        ({**HEAD, "servers": [{"id": "a", "ownr": {}}]}, "unknown field `ownr`", "did you mean 'owner'?", ("servers", 0)),
        (
            {**HEAD, "servers": [{"id": "a", "tools": [{"name": "x", "class": "deadly"}]}]},
            "deadly",
            "",
            ("servers", 0, "tools", 0, "class"),
        ),
        ({"apiVersion": "mcpguard/v2", "kind": "McpInventory"}, "mcpguard/v2", "", ("apiVersion",)),
        ({**HEAD, "servers": "none"}, "expected `array`", "", ("servers",)),
        ({"kind": "McpInventory"}, "missing required field `apiVersion`", "", ()),
    ],
)
def test_what_is_wrong_is_named_with_its_place(body: Json, message: str, hint: str, route: tuple[str | int, ...]) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(body, AT)
    assert message.lower() in caught.value.message.lower()
    assert hint in caught.value.hint
    assert caught.value.at.route == route


def tool(name: str, method: Fact[str] | None = None) -> McpTool:
    return McpTool(
        id=name,
        key=name,
        name=name,
        at=AT,
        format="",
        server="s",
        description="deletes everything",
        method=method,
        operation="",
    )


def estate() -> Estate:
    return Estate([], as_of=datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC))


@pytest.mark.parametrize(
    ("name", "method", "wanted", "level"),
    [
        ("anything", "DELETE", ToolClass.DESTRUCTIVE, "structural"),
        ("anything", "POST", ToolClass.WRITE, "structural"),
        ("anything", "GET", ToolClass.READ_ONLY, "structural"),
        ("delete-order", "POST", ToolClass.DESTRUCTIVE, "heuristic"),
        ("delete-order", "GET", ToolClass.READ_ONLY, "structural"),
        ("delete_order", None, ToolClass.DESTRUCTIVE, "heuristic"),
        ("bulkRemoveUsers", None, ToolClass.DESTRUCTIVE, "heuristic"),
        ("orders.create", None, ToolClass.WRITE, "heuristic"),
        ("get_delete_history", None, ToolClass.READ_ONLY, "heuristic"),
        ("weather", None, None, "default"),
        ("weather", "*", None, "default"),
    ],
)
def test_classes(name: str, method: str | None, wanted: ToolClass | None, level: str) -> None:
    found = classify(tool(name, Known(method) if method else None), None, estate())
    assert (found.tool_class, found.level) == (wanted, level)


def test_a_declaration_decides_and_an_unknown_method_does_not() -> None:
    declared = DeclaredServer(id="s", tools=(DeclaredTool(name="Weather", class_=ToolClass.WRITE),))
    found = classify(tool("weather", Unknown("m", "r")), Declaration(declared, AT), estate())
    assert (found.tool_class, found.level) == (ToolClass.WRITE, "declared")
    assert classify(tool("weather", Unknown("m", "r")), None, estate()).tool_class is None

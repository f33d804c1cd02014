"""Servers in the HTML report: the drawing of a chain and the sheet under it."""

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.model.sheet import Agreement, Comparison, Entry, Hop, HopRole, Sheet, ToolRow, Way
from mcpguard.report.drawing import draw
from mcpguard.report.html import render
from tests.report import builders

HOSTILE = '<script>alert(1)</script>"\u202e'
MISSING = Unknown("the host h.example", "add it")


def sheet(callers: tuple[Hop, ...] = (), chain: tuple[Hop, ...] = ()) -> Sheet:
    at = Location("x.json")
    return Sheet(
        id="/x",
        key="/x#mcp",
        name="orders",
        title="MCP server orders",
        source="apim-passthrough",
        confidence=Confidence.HIGH,
        reasons=("its type is mcp",),
        at=at,
        addresses=(),
        owners=(Entry("owner", HOSTILE, at, HOSTILE),),
        governance=(),
        callers=callers,
        ways=(Way(HOSTILE, (Entry("key", "none"),), MISSING),),
        chain=chain,
        comparisons=(Comparison("audience", Agreement.DIFFER, HOSTILE, ()),),
        tools=(ToolRow(HOSTILE, "write", "declared", "it says so", "", False, at),),
        tools_missing=MISSING,
        evidence=(),
    )


def test_columns_without_a_hop_are_left_out() -> None:
    drawing = draw(sheet(chain=(Hop(HopRole.HOST, "h", "web app h", "its backend names it", short="h"),)))
    assert [head for _, head in drawing.heads] == ["server", "behind it"]
    assert [(box.title, box.role, box.style) for box in drawing.boxes] == [
        ("orders", "MCP server", "known"),
        ("h", "host", "known"),
    ]
    assert len(drawing.arrows) == 1
    assert drawing.description == "MCP server orders; then web app h"


def test_what_is_not_known_is_dashed_and_what_is_unsure_is_thin() -> None:
    unsure = Hop(HopRole.HOST, "h", "web app h", "two answer to it", confidence=Confidence.LOW)
    drawing = draw(sheet(chain=(unsure, Hop(HopRole.HOST, "", "its backend", "", missing=MISSING))))
    assert [box.style for box in drawing.boxes] == ["known", "unsure", "missing"]
    assert [arrow.style for arrow in drawing.arrows] == ["known", "missing"]
    assert drawing.boxes[2].role == "host, not known"


def test_many_callers_are_counted() -> None:
    callers = tuple(Hop(HopRole.CLIENT, str(number), f"client {number}", "") for number in range(12))
    drawing = draw(sheet(callers))
    assert [box.title for box in drawing.boxes][7:9] == ["client 7", "and 4 more"]


def test_a_long_name_is_cut_and_kept_as_a_tip() -> None:
    name = "a-function-app-with-a-very-long-name"
    box = draw(sheet(chain=(Hop(HopRole.HOST, "h", f"function app {name}", "", short=name),))).boxes[1]
    assert len(box.title) == 16 and "…" in box.title
    assert box.full == f"function app {name}"


def test_nothing_of_the_input_gets_into_the_markup() -> None:
    hop = Hop(HopRole.AGENT, "a", HOSTILE, HOSTILE, entries=(Entry(HOSTILE, HOSTILE, None, HOSTILE),), short=HOSTILE)
    text = render(msgspec.structs.replace(builders.sample(), sheets=(sheet((hop,)),)))
    assert "<script" not in text and "\u202e" not in text
    assert text.count("&lt;script&gt;") > 8
    assert 'marker-end="url(#server-1-tip)"' in text


def test_reports_without_servers_have_no_such_part() -> None:
    assert 'id="servers"' not in render(builders.sample())

"""The harness itself: an example that cannot fail is no test."""

import json
from pathlib import Path

import pytest

from tests.rules import examples
from tests.rules.examples import Block, Place, find_route, merge_patch, route_at, strip_markers


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_is_rfc_7396(target: object, patch: object, merged: object) -> None:
    assert merge_patch(target, patch) == merged


def test_pointer_selects_items_by_what_they_are_called() -> None:
    document = {"value": [{"name": "site/list"}, {"displayName": "An app"}, {"appId": "x"}, {}]}
    assert find_route(document, "value/list") == ("value", 0)
    assert find_route(document, "value/An app") == ("value", 1)
    assert find_route(document, "value/x") == ("value", 2)
    assert find_route(document, "value/3") == ("value", 3)
    assert find_route(document, "") == ()
    with pytest.raises(AssertionError, match="no item"):
        find_route(document, "value/y")


def test_markers_are_taken_out_and_only_the_rule_s_own_count() -> None:
    text = "<a> <!-- expect: MG101 -->\n  b: 1 # expect: MG102, MG101\n  'c' // expect: MG102\n// expect nothing"
    assert strip_markers(text, "MG101") == ("<a>\n  b: 1\n  'c'\n// expect nothing", [1, 2])


@pytest.mark.parametrize(
    ("line", "route"),
    [(1, ()), (2, ("a", "b")), (3, ("c",)), (4, ("c", 0)), (5, ("c", 1, "d"))],
)
def test_marked_line_of_a_patch_is_its_last_member(line: int, route: tuple[str | int, ...]) -> None:
    text = '{\n  "a": {"b": 1},\n  "c": [\n    1,\n    {"d": null}\n  ]\n}'
    assert route_at(text, json.loads(text), line) == route


def test_merge_finds_the_line_after_the_patch(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"value": [{"name": "n", "keep": 1, "gone": 2}]}')
    block = Block("merge", "a.json", "value/n", '{\n  "gone": null, // expect: MG101\n  "new": true // expect: MG101\n}')
    places = examples._merge(block, tmp_path, "MG101")
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert '"new": true' in lines[places[1].line - 1]
    assert places[0] == Place("a.json", 3), "what was deleted stands for the object that held it"


def test_policy_lines_count_within_the_text(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"properties": {"value": "<policies />"}}')
    block = Block("policy", "p.json", "properties/value", "<policies>\n  <inbound /> <!-- expect: MG101 -->\n</policies>\n")
    assert examples._replace_policy(block, tmp_path, "MG101") == [Place("p.json", 2, True)]
    assert json.loads((tmp_path / "p.json").read_text())["properties"]["value"].startswith("<policies>\n  <inbound />\n")


def test_a_misspelt_block_is_an_error() -> None:
    with pytest.raises(AssertionError, match="unknown words"):
        examples._block("merg=apim/apis.json", "{}")

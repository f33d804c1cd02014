"""From routes to lines and columns, in every text format."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpguard.core.jsontext import JsonError, decode, duplicate_keys
from mcpguard.core.location import Location, Piece, Role, Route, Span, TextRange
from mcpguard.core.positions import SourceText, decode_literal

JSON = b"""{
  "value": [
    {"a": 1, "b": "x\\r\\n<p>\\u00e9\\"q"},
    {"b": [1, 2, {"c": "d"}], "a": 1, "a": 11}
  ]
}"""


def span(data: bytes, route: Route, format_: str = "json") -> Span:
    resolved = SourceText(data, format_).resolve(Location("f", route))
    assert resolved is not None
    return resolved.span


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        (("value", 0, "a"), Span(3, 11, 3, 12)),
        (("value", 1, "b", 2, "c"), Span(4, 24, 4, 27)),
        (("value", 1, "a"), Span(4, 44, 4, 46)),  # the last of two equal keys, as decoding takes it
        (("value", 0, "missing"), Span(3, 5, 3, 39)),  # its object stands in, to the end of the line
        ((), Span(1, 1, 6, 2)),
    ],
)
def test_json_routes(route: Route, wanted: Span) -> None:
    assert span(JSON, route) == wanted


def test_a_range_within_a_json_string() -> None:
    resolved = SourceText(JSON, "json").resolve(Location("f", ("value", 0, "b"), TextRange(3, 6)))
    assert resolved.inner == Span(2, 1, 2, 4)
    assert resolved.excerpt == ('<p>é"q',)
    assert resolved.span == Span(3, 25, 3, 28)


def test_comments_lines_and_yaml() -> None:
    commented = b'{\n  // a comment with "quotes"\n  "a": [1, 2,],\n  "b": 3 /* x */\n}'
    assert decode(commented).relaxed
    assert span(commented, ("b",), "jsonc") == Span(4, 8, 4, 9)
    assert span(b'{"a":1}\n\n{"a":2}\n', (1, "a"), "jsonl") == Span(3, 6, 3, 7)
    assert span(b"a:\n  - b: 1\n  - b: two\n", ("a", 1, "b"), "yaml") == Span(3, 8, 3, 11)


def test_columns_count_characters_not_bytes() -> None:
    assert span('{"é": "ü", "k": 1}'.encode(), ("k",)) == Span(1, 17, 1, 18)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def routes(value: object, route: Route = ()) -> list[tuple[Route, object]]:
    out = [(route, value)]
    if isinstance(value, dict):
        for key, item in value.items():
            out += routes(item, (*route, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            out += routes(item, (*route, index))
    return out


@given(_VALUES, st.sampled_from([0, 2]))
def test_every_route_leads_to_its_value(value: object, indent: int) -> None:
    data = msgspec.json.encode(value)
    data = msgspec.json.format(data, indent=indent) if indent else data
    source = SourceText(data, "json")
    lines = source.text.split("\n")
    for route, wanted in routes(value):
        found = source.resolve(Location("f", route)).span
        cut = lines[found.line - 1 : found.end_line]
        cut[-1] = cut[-1][: found.end_column - 1]
        cut[0] = cut[0][found.column - 1 :]
        assert msgspec.json.decode("\n".join(cut)) == wanted


@given(st.text())
def test_literal_offsets(text: str) -> None:
    literal = msgspec.json.encode(text).decode()
    decoded, offsets = decode_literal(literal)
    assert decoded == text
    assert len(offsets) == len(text) + 1
    assert offsets == sorted(offsets)


def test_duplicate_keys_are_found_and_escaped_colons_are_not_taken_for_them() -> None:
    assert duplicate_keys(decode(JSON)) == [(("value", 1), "a")]
    assert duplicate_keys(decode(b'{"a": "b\\u003ac"}')) == []


@pytest.mark.parametrize(("data", "offset"), [(b'{"a": }', 6), (b"", 0), (b'{"a": 1', 7)])
def test_broken_json_names_the_byte(data: bytes, offset: int) -> None:
    with pytest.raises(JsonError) as caught:
        decode(data)
    assert abs(caught.value.offset - offset) <= 1


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(JsonError):
        decode(b"[" * 200_000)


MOVED: dict[Route, Route] = {("value", 0, "properties"): ("value", 0), ("value", 0, "properties", "type"): ("value", 0, "b")}


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        (("value", 0, "properties", "a"), Span(3, 11, 3, 12)),
        (("value", 0, "properties", "type"), Span(3, 19, 3, 38)),  # the longest beginning that is known counts
        (("value", 0, "properties", "missing"), Span(3, 5, 3, 39)),
        (("value", 0, "a"), Span(3, 11, 3, 12)),
    ],
)
def test_routes_of_a_body_in_another_shape(route: Route, wanted: Span) -> None:
    assert SourceText(JSON, "json", MOVED).resolve(Location("f", route)).span == wanted


def test_a_range_within_yaml_is_the_whole_text() -> None:
    data = b"a:\n  policy: |\n    <policies>\n      <base />\n"
    resolved = SourceText(data, "yaml").resolve(Location("f", ("a", "policy"), TextRange(3, 6)))
    assert (resolved.span.line, resolved.inner) == (2, None)


ASSEMBLED = Location(
    "main.json",
    ("resources", 0),
    pieces=(
        Piece(0, 10, "main.json", ("variables", "p"), TextRange(0, 10)),
        Piece(10, 16, "main.json", ("variables", "p"), TextRange(10, 13)),  # six characters in place of {x}
        Piece(16, 30, "main.json", ("variables", "p"), TextRange(13, 27)),
        Piece(30, 34, "values.json", ("parameters", "x"), TextRange(2, 6)),
        Piece(34, 40, "main.json", ("resources", 0)),
    ),
)


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (2, 5, Location("main.json", ("variables", "p"), TextRange(2, 5))),
        (12, 14, Location("main.json", ("variables", "p"), TextRange(10, 13))),
        (8, 20, Location("main.json", ("variables", "p"), TextRange(8, 17))),
        (16, 16, Location("main.json", ("variables", "p"), TextRange(13, 13))),
        (31, 33, Location("values.json", ("parameters", "x"), TextRange(3, 5))),
        (28, 33, Location("main.json", ("variables", "p"), TextRange(25, 27))),
        (35, 37, Location("main.json", ("resources", 0))),
        (39, 99, Location("main.json", ("resources", 0))),
    ],
)
def test_a_range_of_an_assembled_text_is_in_one_of_its_pieces(start: int, end: int, wanted: Location) -> None:
    assert ASSEMBLED.range(start, end) == wanted


@given(st.integers(0, 60), st.integers(0, 60))
def test_any_range_of_an_assembled_text_has_a_place(start: int, length: int) -> None:
    found = Location("f", (), None, Role.FLOW, "said", ASSEMBLED.pieces).range(start, start + length)
    assert (found.role, found.note, found.pieces) == (Role.FLOW, "said", ())
    assert found.within is None or 0 <= found.within.start <= found.within.end

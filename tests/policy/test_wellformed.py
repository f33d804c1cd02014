"""The quick look says yes only where the reader finds nothing wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpguard.policy.reader import read
from mcpguard.policy.wellformed import root_of

_PIECES = st.sampled_from(
    [
        "<a>",
        "</a>",
        "<b/>",
        '<c d="@(x("y") < 1)"/>',
        "@{ return 1; }",
        "text",
        "<!-- @( -->",
        '<c d="',
        '">',
        "&amp;",
        "&",
        "@(",
        "{{n}}",
    ]
)


@given(st.lists(_PIECES, max_size=8))
def test_yes_means_that_the_reader_finds_no_problem(pieces: list[str]) -> None:
    text = "<policies>" + "".join(pieces) + "</policies>"
    if root_of(text) is not None:
        assert read(text).problems == ()


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ('<policies><inbound><a b="@(c("d") && 1 < 2)"/></inbound></policies>', "policies"),
        ('<fragment>@{ return "</x>"; }</fragment>', "fragment"),
        ("<policies><a></policies>", None),
        ("<a/><b/>", None),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', None),
        ("", None),
    ],
)
def test_roots(text: str, root: str | None) -> None:
    assert root_of(text) == root

"""Markdown: what GitHub would make of it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from mcpguard.report.markdown import MAX_FINDINGS, code, escape, render
from tests.report import builders
from tests.report.strategies import hostile, relaxed

# The same blocks and inlines as GitHub's: tables, strikethrough and raw HTML on; comes with rich.
_GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_HARMFUL = {"html_inline", "html_block", "link_open", "image", "s_open", "heading_open", "hr", "code_block", "fence"}


def _kinds(text: str) -> list[str]:
    out: list[str] = []

    def walk(tokens: list[Any]) -> None:
        for token in tokens:
            out.append(token.type)
            walk(token.children or [])

    walk(_GITHUB.parse(text))
    return out


def _shown(text: str) -> str:
    return "".join(
        child.content
        for token in _GITHUB.parse(text)
        for child in (token.children or [])
        if child.type in ("text", "text_special", "code_inline")
    )


@relaxed
@given(hostile)
def test_input_adds_no_markup(text: str) -> None:
    kinds = _kinds(render(builders.hostile(text)))
    harmless = _kinds(render(builders.hostile("x")))
    for kind in _HARMFUL | {"table_open", "tr_open", "td_open", "list_item_open", "bullet_list_open", "ordered_list_open"}:
        assert kinds.count(kind) == harmless.count(kind), kind


@relaxed
@given(hostile)
def test_escaped_text_is_plain_text(text: str) -> None:
    assert not _HARMFUL & set(_kinds("a " + escape(text)))
    assert not {"em_open", "strong_open", "code_inline"} & set(_kinds("a " + escape(text)))


@relaxed
@given(hostile)
def test_code_spans_hold_their_text(text: str) -> None:
    kinds = _kinds(f"a {code(text)} b")
    assert kinds.count("code_inline") == 1
    assert not _HARMFUL & set(kinds)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@octocat", "@\u200boctocat"),
        ("see #12", "see #\u200b12"),
        ("GH-12", "GH-\u200b12"),
        ("https://a.example", "https:\u200b//a.example"),
        ("www.a.example", "www\u200b.a.example"),
        ("mailto:a@b.example", "mailto\u200b:a@\u200bb.example"),
    ],
)
def test_github_sees_no_reference(text: str, broken: str) -> None:
    assert _shown(escape(text)) == broken


def test_findings_are_capped_and_the_rest_is_counted() -> None:
    findings = tuple(
        builders.fail("MG505", builders.APPLICATION, f"m{number}", builders.in_xml("<retry"))
        for number in range(MAX_FINDINGS + 3)
    )
    output = render(msgspec.structs.replace(builders.sample(), findings=findings))
    assert output.count("- **high**") == MAX_FINDINGS
    assert "… and 3 more findings, none of them graver." in output


def test_three_lines_of_coverage() -> None:
    lines = render(builders.sample()).split("### Coverage\n\n")[1].strip().splitlines()
    assert len(lines) == 3

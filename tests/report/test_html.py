"""The HTML report as text: policy, escaping, structure."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
from hypothesis import given

from mcpguard.model.finding import RISKS
from mcpguard.report.html import render
from mcpguard.report.minimark import html as minimark
from tests.report import builders
from tests.report.strategies import hostile, relaxed


class _Page(HTMLParser):
    """Collects tags, ids, links and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.cells_without_scope = 0
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.attributes |= set(values)
        if "id" in values:
            self.ids.append(values["id"] or "")
        if "href" in values:
            self.links.append(values["href"] or "")
        if tag == "th" and "scope" not in values:
            self.cells_without_scope += 1
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


def test_policy_names_the_style_and_nothing_else() -> None:
    text = render(builders.sample())
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_structure() -> None:
    page = _Page(render(builders.sample()))
    assert not page.unbalanced
    assert not page.open
    assert page.cells_without_scope == 0
    assert len(set(page.ids)) == len(page.ids)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "svg", "base"} & set(page.tags)
    assert not {name for name in page.attributes if name.startswith("on") or name in ("style", "src")}
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_coverage_comes_first_and_the_matrix_is_whole() -> None:
    text = render(builders.sample())
    order = [
        text.index(f'<h2 id="{name}">') for name in ("coverage", "risks", "findings", "unknown", "accepted", "passed", "files")
    ]
    assert order == sorted(order)
    matrix = text[text.index('<table class="matrix">') :].split("</table>")[0]
    assert matrix.count('<th scope="row">') == len(RISKS)


def test_the_fix_stands_once_for_each_rule() -> None:
    report = builders.sample()
    text = render(msgspec.structs.replace(report, findings=(builders.FINDINGS[0],) * 3))
    assert text.count("Remove the <code>set-header</code>") == 1
    assert text.count('As in <a href="#finding-1">the first finding of MG303</a>.') == 2


@relaxed
@given(hostile)
def test_input_stays_text(text: str) -> None:
    hostile_page, plain_page = _Page(render(builders.hostile(text))), _Page(render(builders.hostile("x")))
    # A text of several lines is quoted in several rows.
    assert Counter(hostile_page.tags) - Counter(("span", "mark") * 500) == Counter(plain_page.tags) - Counter(
        ("span", "mark") * 500
    )
    assert hostile_page.ids == plain_page.ids
    assert hostile_page.links == plain_page.links
    assert hostile_page.attributes == plain_page.attributes
    assert not hostile_page.unbalanced


@relaxed
@given(hostile)
def test_nothing_hides_or_reorders(text: str) -> None:
    output = render(builders.hostile(text))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]", output)
    output.encode()


@relaxed
@given(hostile)
def test_a_rule_s_page_is_inert(text: str) -> None:
    page = _Page(minimark(text))
    assert set(page.tags) <= {"p", "ul", "ol", "li", "code", "pre", "strong", "em"}
    assert not page.attributes
    assert not page.unbalanced
    assert not page.open


def test_minimark() -> None:
    source = (
        "Do *this* **now**, see [docs](https://x.example):\n\n- one `<a>`\n  more\n- two\n\n  1. sub\n\n~~~\n<b>\n~~~\n### Last"
    )
    assert minimark(source) == (
        "<p>Do <em>this</em> <strong>now</strong>, see docs (<code>https://x.example</code>):</p>\n"
        "<ul><li>one <code>&lt;a&gt;</code> more</li><li>two\n<ol><li>sub</li></ol></li></ul>\n"
        "<pre><code>&lt;b&gt;</code></pre>\n"
        "<p><strong>Last</strong></p>"
    )

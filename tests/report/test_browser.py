"""The HTML report in a real Chromium: policy, network, scripts, contrast, overflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcpguard.cli.main import run
from mcpguard.report.html import render
from tests.report import builders
from tests.report.browser import CHROMIUM, Browser
from tests.report.strategies import SPECIMENS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

_CONTRAST = """
(() => {
  const parse = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return {r, g, b, a}; };
  const linear = value => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const light = c => 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.a > 0) return color;
    }
    return {r: 255, g: 255, b: 255};
  };
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    const element = walker.currentNode.parentElement;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className} ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return poor;
})()
"""
_SPILLED = """
[...document.querySelectorAll("svg.chain g")].filter(box => {
  const room = box.querySelector("rect").getBBox();
  return [...box.querySelectorAll("text")].some(text => text.getBBox().x + text.getBBox().width > room.x + room.width);
}).map(box => box.textContent.trim().slice(0, 60))
"""
"""Names that do not fit into their boxes."""
_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def _page(directory: Path, text: str) -> Path:
    page = directory / "report.html"
    page.write_text(text, "utf-8")
    return page


@pytest.mark.parametrize("dark", [False, True])
def test_sample_is_quiet_legible_and_within_the_page(browser: Browser, tmp_path: Path, dark: bool) -> None:
    page = _page(tmp_path, render(builders.sample()))
    for width in (320, 390, 768, 1200):
        browser.open(page, width=width, dark=dark)
        assert browser.requested() == [page.as_uri()]
        assert browser.complaints() == []
        assert browser.evaluate(_WIDE) <= 0
        assert browser.evaluate(_CONTRAST) == []


@pytest.mark.parametrize("dark", [False, True])
def test_chains_of_servers_are_legible_and_within_the_page(browser: Browser, tmp_path: Path, dark: bool) -> None:
    estate = Path(__file__).parents[2] / "fixtures" / "estates" / "tailspin"
    report = tmp_path / "report.html"
    assert run(["scan", str(estate), "--complete", "--report", str(report), "--fail-on", "never", "--quiet"]) == 0
    for width in (320, 768, 1200):
        browser.open(report, width=width, dark=dark)
        assert browser.requested() == [report.as_uri()]
        assert browser.complaints() == []
        assert browser.evaluate(_WIDE) <= 0
        assert browser.evaluate(_CONTRAST) == []
        assert browser.evaluate("document.querySelectorAll('svg.chain').length") == 11
        assert browser.evaluate(_SPILLED) == []


def test_the_style_is_applied(browser: Browser, tmp_path: Path) -> None:
    browser.open(_page(tmp_path, render(builders.sample())))
    assert browser.evaluate("getComputedStyle(document.querySelector('.finding')).borderLeftWidth") == "4px"


def test_a_changed_style_is_refused(browser: Browser, tmp_path: Path) -> None:
    """The policy is in force: this test would notice if it were not."""
    text = render(builders.sample()).replace("<style>", "<style>body { color: red }")
    browser.open(_page(tmp_path, text.replace("<body>", '<body onload="document.title=1"><img src="https://evil.example/x">')))
    complaints = "\n".join(browser.complaints())
    assert "Content Security Policy" in complaints
    assert browser.evaluate("getComputedStyle(document.querySelector('.finding')).borderLeftWidth") == "0px"
    assert str(browser.evaluate("document.title")).startswith("MCP posture report")


@pytest.mark.parametrize("text", SPECIMENS)
def test_hostile_input_is_inert(browser: Browser, tmp_path: Path, text: str) -> None:
    page = _page(tmp_path, render(builders.hostile(text)))
    browser.open(page, width=360)
    assert browser.requested() == [page.as_uri()]
    assert browser.complaints() == []
    assert str(browser.evaluate("document.title")).startswith("MCP posture report")
    assert browser.evaluate("document.querySelectorAll('script, img, iframe, object, [onerror], [onfocus]').length") == 0
    assert browser.evaluate(_WIDE) <= 0
    assert browser.evaluate("[...document.links].every(link => link.getAttribute('href').startsWith('#'))") is True


def test_printing_opens_what_is_folded(browser: Browser, tmp_path: Path) -> None:
    browser.open(_page(tmp_path, render(builders.sample())))
    browser.call("Emulation.setEmulatedMedia", media="print")
    height = browser.evaluate("document.querySelector('details .plain').getBoundingClientRect().height")
    browser.call("Emulation.setEmulatedMedia", media="")
    assert height > 0

"""The terminal report, beyond its golden output."""

import re
import subprocess
import sys

from hypothesis import given

from mcpguard.report.terminal import width_of
from mcpguard.report.text import render
from tests.report import builders
from tests.report.strategies import hostile, relaxed

_OWN = re.compile(r"\x1b\[[0-9;]+m")


@relaxed
@given(hostile)
def test_only_its_own_escape_sequences(text: str) -> None:
    output = render(builders.hostile(text), color=True, show_passes=True)
    for line in _OWN.sub("", output).split("\n"):
        assert all(character.isprintable() or character.isspace() for character in line)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)


@relaxed
@given(hostile)
def test_no_escape_sequence_without_color(text: str) -> None:
    assert "\x1b" not in render(builders.hostile(text), show_passes=True)


def test_lines_keep_to_the_width() -> None:
    for width in (60, 80, 120):
        for line in render(builders.sample(), width=width, show_passes=True).splitlines():
            assert width_of(line) <= width or " " not in line.strip()


def test_passes_and_accepted_findings_on_request() -> None:
    assert "PASS" not in render(builders.sample())
    shown = render(builders.sample(), show_passes=True)
    assert "PASS  MG101" in shown
    assert "ACCEPTED  MG113" in shown
    assert "manifest: The front door limits calls., by security@contoso.example, until 2027-01-31" in shown


def test_the_hint_stands_once() -> None:
    assert render(builders.sample()).count("mcpguard explain") == 1
    assert "mcpguard explain" not in render(builders.empty())


def test_nothing_found_is_never_called_secure() -> None:
    output = render(builders.empty())
    assert "No MCP surface found" in output
    assert "INCONCLUSIVE" in output
    assert "PASSED" not in output
    assert "There may be more: Function apps were read without their function.json files." in output


def test_importing_the_plain_formats_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from tests.report import builders\n"
        "from mcpguard.report import FORMATS, Options\n"
        "for name in ('text', 'json', 'sarif', 'markdown'):\n"
        "    FORMATS[name](builders.sample(), Options(color=True))\n"
        # msgspec itself loads inspect where typing_extensions is installed.
        "print(*sorted({'rich', 'jinja2', 'asyncio', 'dataclasses', 'json'} & set(sys.modules)))\n"
    )
    # The sample's own texts are made with the standard library's json, so that one is allowed here.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() in ([], ["json"])

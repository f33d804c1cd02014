"""The whole output of every format for the sample reports, under review as files."""

from typing import Any

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactText
from mcpguard.report import FORMATS, Options
from tests.report import builders
from tests.report.material import SECRET

_SUFFIX = {"text": "txt", "json": "json", "sarif": "sarif", "markdown": "md", "html": "html"}


def _golden(snapshot: SnapshotAssertion, suffix: str) -> Any:
    class Extension(SingleFileSnapshotExtension):
        _write_mode = WriteMode.TEXT
        file_extension = suffix

    return snapshot.use_extension(Extension)


@pytest.mark.parametrize("name", FORMATS)
def test_sample(name: str, snapshot: SnapshotAssertion) -> None:
    assert FORMATS[name](builders.sample(), Options()) == _golden(snapshot, _SUFFIX[name])


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_judge(name: str, snapshot: SnapshotAssertion) -> None:
    assert FORMATS[name](builders.empty(), Options()) == _golden(snapshot, _SUFFIX[name])


def test_text_in_color_with_passes(snapshot: SnapshotAssertion) -> None:
    options = Options(color=True, width=72, show_passes=True)
    assert FORMATS["text"](builders.sample(), options) == _golden(snapshot, "ansi")


@pytest.mark.parametrize("name", FORMATS)
def test_order_of_input_does_not_matter(name: str) -> None:
    report = builders.sample()
    turned = msgspec.structs.replace(
        report,
        findings=report.findings[::-1],
        surfaces=report.surfaces[::-1],
        rules=dict(reversed(report.rules.items())),
        coverage=msgspec.structs.replace(
            report.coverage,
            artifacts=report.coverage.artifacts[::-1],
            gaps=report.coverage.gaps[::-1],
            api_versions=report.coverage.api_versions[::-1],
        ),
    )
    options = Options(show_passes=True)
    assert FORMATS[name](turned, options) == FORMATS[name](report, options)


@pytest.mark.parametrize("name", FORMATS)
def test_the_secret_is_masked_everywhere(name: str) -> None:
    output = FORMATS[name](builders.sample(), Options(show_passes=True))
    assert SECRET not in output


@pytest.mark.parametrize("name", FORMATS)
def test_a_key_of_several_lines_is_masked_line_by_line(name: str) -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    lines = ("<certificate>", "  -----BEGIN PRIVATE KEY-----", f"  {body}", f"  x{body}", "  -----END PRIVATE KEY-----")
    text = "\r\n".join((*lines, "</certificate>"))
    key = text[text.index("-----BEGIN") : text.index("\r\n</")]
    for secrets in (frozenset(), frozenset({key, "x" + body, body[:9]})):
        at = Location("p.xml").range(0, len(text))
        report = msgspec.structs.replace(
            builders.sample(),
            findings=(builders.fail("MG122", builders.CATALOG, "a literal key", at),),
            texts={"p.xml": ArtifactText(text.encode(), "text", secrets)},
        )
        assert body[:9] not in FORMATS[name](report, Options())


def test_a_place_at_the_end_of_a_file_has_no_line_to_quote() -> None:
    report = msgspec.structs.replace(
        builders.sample(),
        findings=(builders.fail("MG122", builders.CATALOG, "nothing follows", Location("p.xml").range(2, 2)),),
        texts={"p.xml": ArtifactText(b"a\n", "text")},
    )
    for render in FORMATS.values():
        assert "p.xml" in render(report, Options())

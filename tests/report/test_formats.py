"""The table of formats, and what all of them share."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from mcpguard.core.errors import UsageError
from mcpguard.evidence import ArtifactStatus
from mcpguard.model.finding import Outcome, Severity
from mcpguard.report import FORMATS, Options, format_of
from mcpguard.report.order import SEVERITIES, by_resource, ordered
from mcpguard.report.prose import first_sentence, short_id, shortened, stamp
from mcpguard.report.summary import Status, files, missing, severity_counts, verdict
from tests.report import builders
from tests.report.material import ORDERS_ID


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out/report.HTML", "html"),
        ("a.htm", "html"),
        ("a.sarif", "sarif"),
        ("a.sarif.json", "sarif"),
        ("a.json", "json"),
        ("C:\\x.y\\a.md", "markdown"),
        ("a.markdown", "markdown"),
        ("a.txt", "text"),
    ],
)
def test_format_of(path: str, name: str) -> None:
    assert format_of(path) == name
    assert name in FORMATS


@pytest.mark.parametrize("path", ["report", "report.pdf", "x.json/report"])
def test_format_of_an_unknown_suffix(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        format_of(path)
    assert ".sarif" in caught.value.hint


@pytest.mark.parametrize("name", FORMATS)
def test_a_place_without_text_is_said_in_every_format(name: str) -> None:
    report = msgspec.structs.replace(builders.sample(), texts={})
    assert "not available" in FORMATS[name](report, Options())


def test_order() -> None:
    report = builders.sample()
    found = ordered(report, report.findings)
    assert [finding.rule for finding in found][:4] == ["MG303", "MG108", "MG120", "MG122"]
    ranks = [report.severity(finding).rank for finding in found]
    assert ranks == sorted(ranks, reverse=True)
    high = [finding.outcome for finding in found if report.severity(finding) is Severity.HIGH]
    assert high.index(Outcome.UNKNOWN) > max(i for i, outcome in enumerate(high) if outcome is Outcome.FAIL)
    assert ordered(report, reversed(report.findings)) == found
    assert [severity.value for severity in SEVERITIES] == ["critical", "high", "medium", "low", "info"]


def test_groups_keep_the_order_of_their_gravest() -> None:
    report = builders.sample()
    groups = by_resource(report, report.failures())
    assert [group.target.name for group in groups] == ["orders-mcp", "catalog", "orders-mcp", "tool-41", "contoso"]
    assert sum(len(group.findings) for group in groups) == len(report.failures())


def test_verdicts() -> None:
    report = builders.sample()
    assert verdict(report).status is Status.FAILED
    assert "5 findings at high or above; 3 below." in verdict(report).text
    critical = verdict(msgspec.structs.replace(report, fail_on=Severity.CRITICAL))
    assert critical.sentence == "1 finding at critical; 7 below."
    never = verdict(msgspec.structs.replace(report, fail_on=None))
    assert (never.status, never.sentence) == (Status.REPORTED, "8 findings; no severity fails the run.")
    passes = tuple(finding for finding in report.findings if finding.outcome is Outcome.PASS)
    clean = verdict(msgspec.structs.replace(report, findings=passes))
    assert (clean.status, clean.text) == (Status.PASSED, "No finding at high or above.")
    assert verdict(builders.empty()).status is Status.INCONCLUSIVE
    nothing = verdict(msgspec.structs.replace(report, findings=()))
    assert nothing.status is Status.INCONCLUSIVE


def test_summaries() -> None:
    report = builders.sample()
    assert severity_counts(report)[Severity.HIGH] == 4
    assert [artifact.path for artifact in files(report)[ArtifactStatus.FAILED]] == ["export/broken.json"]
    first, second = missing(report)
    assert (len(first.findings), first.missing) == (2, "the policies of product starter")
    assert len(second.findings) == 1


@pytest.mark.parametrize(
    ("markdown", "sentence"),
    [
        ("", ""),
        ("One. Two.", "One."),
        ("Use `a.b`, e.g. **this** one. Then", "Use a.b, e.g. this one."),
        ("See [the page](https://x.example/a.b) first", "See the page first"),
        ("```xml\n<a. b>\n```\n\nAfter the code. More", "After the code."),
        ("### Heading\nText\ngoes on. Next", "Text goes on."),
        ("- First item.\n- Second", "First item."),
        ("Do it:\n- First\n- Second", "Do it."),
        ("1. Remove `x`\n   here. And there\n2. Second", "Remove x here."),
    ],
)
def test_first_sentence(markdown: str, sentence: str) -> None:
    assert first_sentence(markdown) == sentence


def test_small_words() -> None:
    assert short_id(ORDERS_ID) == "…/Microsoft.ApiManagement/service/contoso/apis/orders-mcp"
    assert short_id("/applications/1") == "/applications/1"
    assert shortened("abcdefghij", 7) == "abc…hij"
    assert shortened("abc", 7) == "abc"
    east = datetime(2026, 11, 22, 11, 30, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    for moment in (east, east.astimezone(UTC), datetime(2026, 11, 22, 9, 30)):
        assert stamp(msgspec.structs.replace(builders.empty(), as_of=moment)) == "2026-11-22T09:30:00Z"

"""SARIF: the standard's schema, and what GitHub asks on top."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given

from mcpguard.core.location import Location
from mcpguard.model.finding import Issue, Outcome
from mcpguard.model.report import Report
from mcpguard.report import sarif
from tests.report import builders
from tests.report.strategies import hostile, relaxed

# The published schema has a stray bracket in the pattern for languages, which no validator can compile.
_TEXT = (Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text("utf-8").replace("]?$", "?$")
_VALIDATOR = jsonschema_rs.validator_for(json.loads(_TEXT), validate_formats=True)


def _run(report: Report, **options: str) -> dict[str, Any]:
    log = json.loads(sarif.render(report, **options))
    _VALIDATOR.validate(log)
    assert log["version"] == "2.1.0"
    assert log["$schema"]
    (run,) = log["runs"]
    return dict(run)


def _notes(run: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    notes = run["invocations"][0].get("toolExecutionNotifications", [])
    return [note for note in notes if note["descriptor"]["id"] == kind]


@pytest.mark.parametrize("report", [builders.sample(), builders.empty(), builders.hostile("[x](javascript:1) {0} 100% #")])
def test_github_accepts_it(report: Report) -> None:
    run = _run(report)
    driver = run["tool"]["driver"]
    assert driver["name"] == "mcpguard"
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    assert "informationUri" not in driver
    assert [rule["id"] for rule in driver["rules"]] == sorted(report.rules)
    for rule in driver["rules"]:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", rule["name"])
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        properties = rule["properties"]
        assert 0 < len(properties["tags"]) <= 10
        assert properties["tags"][0] == "security"
        assert properties["precision"] in ("very-high", "high", "medium", "low")
        assert properties["problem.severity"] in ("error", "warning", "recommendation")
        assert 0 < float(properties.get("security-severity", "0.1")) <= 10
        assert isinstance(properties.get("security-severity", ""), str)
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["automationDetails"]["id"] == "mcpguard/scan/"
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
        assert not uri.startswith("/")
        region = location["physicalLocation"]["region"]
        assert {"startLine", "startColumn", "endLine", "endColumn"} <= set(region)
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
        assert re.fullmatch(r".+:\d+", result["partialFingerprints"]["primaryLocationLineHash"])
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_only_open_failures_are_results() -> None:
    report = builders.sample()
    run = _run(report)
    assert len(run["results"]) == len(report.failures()) == 8
    assert len(_notes(run, "unknown-outcome")) == 3
    (error,) = _notes(run, "internal-error")
    assert error["level"] == "error"
    assert error["associatedRule"]["id"] == "MG710"
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(_notes(run, "unread-file")) == 2
    assert len(_notes(run, "coverage-gap")) == 2
    assert len(_notes(run, "hidden-surface")) == 1


def test_unknown_alone_is_a_successful_run() -> None:
    report = builders.sample()
    findings = tuple(finding for finding in report.findings if finding.outcome is not Outcome.ERROR)
    assert _run(msgspec.structs.replace(report, findings=findings))["invocations"][0]["executionSuccessful"] is True


def test_no_surface_is_said() -> None:
    assert "No MCP surface was found" in _notes(_run(builders.empty()), "no-surface")[0]["message"]["text"]


def test_places() -> None:
    results = {result["ruleId"]: result for result in _run(builders.sample())["results"]}
    embedded = results["MG303"]
    assert embedded["locations"][0]["physicalLocation"]["region"]["startLine"] == 25
    assert embedded["properties"]["policyLine"] == 4
    assert [step["location"]["message"]["text"] for step in embedded["codeFlows"][0]["threadFlows"][0]["locations"]] == [
        "the caller's token is read from the request",
        "it becomes the value of the header Authorization",
        "the request is forwarded with it",
    ]
    assert "See also: [the API that the policy belongs to](1)." in embedded["message"]["text"]
    assert embedded["relatedLocations"][0]["id"] == 1
    spaced = results["MG108"]["locations"][0]["physicalLocation"]
    assert spaced["artifactLocation"] == {"uri": "policies/catalog%20api.xml", "uriBaseId": "%SRCROOT%"}
    wide = results["MG120"]["locations"][0]["physicalLocation"]["region"]
    assert wide["endColumn"] - wide["startColumn"] == len('"@("https://" + context.Variables["照合"] + ".example.net")"')
    gone = results["MG128"]
    assert gone["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 1,
        "startColumn": 1,
        "endLine": 1,
        "endColumn": 1,
    }
    assert "not available" in gone["properties"]["unresolved"]


def test_context_region_holds_the_region_and_the_file_s_own_lines() -> None:
    lines = {path: text.data.decode().splitlines() for path, text in builders.TEXTS.items()}
    seen = 0
    for result in _run(builders.sample())["results"]:
        physical = result["locations"][0]["physicalLocation"]
        context, region = physical.get("contextRegion"), physical["region"]
        if context:
            seen += 1
            path = physical["artifactLocation"]["uri"].replace("%20", " ")
            assert context["startLine"] <= region["startLine"]
            assert region["endLine"] <= context["endLine"]
            assert context["snippet"]["text"].split("\n") == lines[path][context["startLine"] - 1 : context["endLine"]]
    assert seen


def test_precision_follows_the_least_sure_finding() -> None:
    rules = {rule["id"]: rule["properties"]["precision"] for rule in _run(builders.sample())["tool"]["driver"]["rules"]}
    assert (rules["MG303"], rules["MG120"], rules["MG124"], rules["MG101"]) == ("high", "medium", "low", "high")


def test_severities_and_tags() -> None:
    rules = {rule["id"]: rule for rule in _run(builders.sample())["tool"]["driver"]["rules"]}
    assert rules["MG303"]["properties"]["security-severity"] == "9.5"
    assert "security-severity" not in rules["MG128"]["properties"]
    levels = {id_: rule["defaultConfiguration"]["level"] for id_, rule in rules.items()}
    assert (levels["MG303"], levels["MG101"], levels["MG113"], levels["MG124"], levels["MG128"]) == (
        "error",
        "error",
        "warning",
        "note",
        "note",
    )
    assert rules["MG303"]["properties"]["tags"] == [
        "security",
        "token-passthrough",
        "owasp-mcp/MCP01",
        "owasp-agentic/ASI03",
        "owasp-api/API2",
        "external/cwe/cwe-441",
        "mitre-atlas/AML.T0012",
        "nist-800-53/AC-4",
        "control/X-1",
        "external/cwe/cwe-345",
    ]


@pytest.mark.parametrize(
    ("prefix", "uri"),
    [
        ("", "graph/a"),
        (".", "graph/a"),
        ("infra", "infra/graph/a"),
        ("./infra/", "infra/graph/a"),
        ("/a b/", "a%20b/graph/a"),
    ],
)
def test_prefix_leads_from_the_repository_to_the_scan_root(prefix: str, uri: str) -> None:
    finding = builders.fail("MG505", builders.APPLICATION, "m", Location("graph/a"))
    run = _run(msgspec.structs.replace(builders.sample(), findings=(finding,)), prefix=prefix)
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_category() -> None:
    assert _run(builders.empty(), category="prod/eu/")["automationDetails"]["id"] == "mcpguard/prod/eu/"


def test_links_of_the_input_are_not_links() -> None:
    run = _run(builders.hostile("[click](https://evil.example)"))
    for result in run["results"]:
        text = result["message"]["text"]
        targets = re.findall(r"(?<!\\)\[(?:[^\]\\]|\\.)*\]\(([^)]*)\)", text)
        assert all(target.isdigit() for target in targets), text


def test_one_rule_twice_in_one_text_has_two_fingerprints() -> None:
    finding = builders.fail("MG505", builders.APPLICATION, "m", Location(builders.GRAPH))
    run = _run(msgspec.structs.replace(builders.sample(), findings=(finding, finding)))
    first, second = (result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"])
    assert first.removesuffix(":1") == second.removesuffix(":2")


def test_limits() -> None:
    at = Location("gone")
    small = builders.fail("MG124", builders.TOOL, "low", at)
    grave = builders.fail("MG303", builders.TOOL, "critical", at)
    report = msgspec.structs.replace(builders.sample(), findings=(small,) * 25_000 + (grave,) * 5)
    run = json.loads(sarif.render(report))["runs"][0]
    assert len(run["results"]) == 25_000
    assert [result["ruleId"] for result in run["results"][:6]] == ["MG303"] * 5 + ["MG124"]
    texts = [note["message"]["text"] for note in _notes(run, "limit")]
    assert texts == [
        "5 results of 25005 left out: code scanning refuses more than 25000. The JSON output has them all.",
        "GitHub shows the 5000 gravest of 25005 results.",
    ]


def test_limits_of_one_result() -> None:
    at = Location("gone")
    issue = Issue("m", at, related=(at.related("r"),) * 150, flow=(at.step("s"),) * 1200)
    finding = msgspec.structs.replace(builders.FINDINGS[0], issue=issue)
    run = _run(msgspec.structs.replace(builders.sample(), findings=(finding,)))
    (result,) = run["results"]
    assert len(result["locations"]) + len(result["relatedLocations"]) == 100
    assert len(result["codeFlows"][0]["threadFlows"][0]["locations"]) == 1000
    texts = [note["message"]["text"] for note in _notes(run, "limit")]
    assert texts == [
        "51 related places left out; the JSON output has them all.",
        "200 flow steps left out; the JSON output has them all.",
    ]


@relaxed
@given(hostile)
def test_it_conforms_whatever_the_input_holds(text: str) -> None:
    _run(builders.hostile(text, name=text if text.strip("/") else "x"))


def test_the_published_pattern_is_mended_and_nothing_else_is_lost() -> None:
    assert not _VALIDATOR.is_valid({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x", "nam": 1}}}]})
    assert not _VALIDATOR.is_valid({"version": "2.0.0", "runs": []})

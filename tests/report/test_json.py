"""The documented JSON and its schema."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given

from mcpguard.model.finding import RISKS
from mcpguard.report.json import render
from tests.report import builders
from tests.report.strategies import hostile, relaxed

_SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "report.schema.json").read_text("utf-8"))
_VALIDATOR = jsonschema_rs.validator_for(_SCHEMA, validate_formats=True)


def _sample() -> dict[str, Any]:
    return dict(json.loads(render(builders.sample(), show_passes=True)))


def test_schema_is_itself_valid_and_described() -> None:
    jsonschema_rs.meta.validate(_SCHEMA)
    for name, definition in _SCHEMA["$defs"].items():
        assert definition.get("description") or name == "region", name
        if definition.get("type") == "object":
            assert definition["additionalProperties"] is False, name
    assert list(_SCHEMA["$defs"]["tally"]["properties"]["matrix"]["properties"]) == list(RISKS)
    assert _SCHEMA["$defs"]["risk"]["enum"] == list(RISKS)


def test_output_conforms() -> None:
    for report in (builders.sample(), builders.empty()):
        for show_passes in (False, True):
            _VALIDATOR.validate(json.loads(render(report, show_passes=show_passes)))


@relaxed
@given(hostile)
def test_output_conforms_whatever_the_input_holds(text: str) -> None:
    document = json.loads(render(builders.hostile(text), show_passes=True))
    # Confidence and source of a surface are plain strings; all else that is closed does not come from the input.
    _VALIDATOR.validate(document)
    assert document["inputs"] == [text.encode("utf-8", "replace").decode()]


@pytest.mark.parametrize(
    ("route", "value"),
    [
        (("schemaVersion",), "2"),
        (("asOf",), "yesterday"),
        (("failOn",), "urgent"),
        (("extra",), 1),
        (("findings", 0, "extra"), 1),
        (("findings", 0, "severity"), "grave"),
        (("findings", 0, "risk"), "other"),
        (("findings", 0, "outcome"), "maybe"),
        (("findings", 0, "location", "startLine"), 0),
        (("findings", 0, "location", "unresolved"), "both"),
        (("findings", 0, "unknown"), {"missing": "", "remedy": ""}),
        (("findings", 0, "evidence"), {"name": "value"}),
        (("tally", "matrix", "token-passthrough", "pass"), -1),
        (("coverage", "gaps", 0, "reason"), "because"),
    ],
)
def test_a_mutated_document_does_not_conform(route: tuple[str | int, ...], value: object) -> None:
    document = _sample()
    place: Any = document
    for step in route[:-1]:
        place = place[step]
    place[route[-1]] = value
    assert not _VALIDATOR.is_valid(document)


def test_every_field_is_required_or_optional_on_purpose() -> None:
    document = _sample()
    for route in (("tally",), ("findings", 0, "fingerprint"), ("coverage", "hiddenSurface"), ("tool", "version")):
        broken: Any = copy.deepcopy(document)
        place = broken
        for step in route[:-1]:
            place = place[step]
        del place[route[-1]]
        assert not _VALIDATOR.is_valid(broken), route


def test_what_is_listed() -> None:
    listed = json.loads(render(builders.sample()))["findings"]
    assert {finding["outcome"] for finding in listed} == {"fail", "unknown", "error"}
    assert len(listed) == 13
    assert len(_sample()["findings"]) == len(builders.FINDINGS)
    assert [f["suppression"]["source"] for f in listed if f["suppression"]] == ["manifest"]


def test_place_inside_an_embedded_policy() -> None:
    first = _sample()["findings"][0]
    assert first["ruleId"] == "MG303"
    assert first["location"]["policy"]["startLine"] == 4
    assert first["location"]["startLine"] == 25
    assert first["flow"][0]["note"] == "the caller's token is read from the request"
    assert first["evidence"][0] == {"name": "entry path", "value": "keyless"}


def test_a_place_without_text_says_so() -> None:
    finding = next(f for f in _sample()["findings"] if f["ruleId"] == "MG128")
    assert finding["location"] == {
        "path": "export/gone.json",
        "unresolved": "the file's text is not available, so no line can be shown",
    }


def test_counts() -> None:
    tally = _sample()["tally"]
    assert tally["outcomes"] == {"pass": 3, "fail": 9, "unknown": 3, "notApplicable": 1, "error": 1}
    assert tally["bySeverity"] == {"critical": 1, "high": 4, "medium": 1, "low": 1, "info": 1}
    assert list(tally["matrix"]) == list(RISKS)
    assert tally["matrix"]["ingress-auth"] == {"pass": 2, "fail": 3, "unknown": 3, "notApplicable": 0, "error": 0}

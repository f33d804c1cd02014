"""The same estate in every format gives the same findings, except what a format cannot hold, which is then UNKNOWN."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Outcome
from tests.formats.terraform import as_plan
from tests.formats.written import as_template, resources_in, write_apiops

FOLDER = Path(__file__).parents[2] / "fixtures" / "estates" / "contoso" / "apim-prod"
SERVICE = "contoso-apim-prod"
Found = dict[tuple[str, str], str]


def _template(folder: Path) -> None:
    (folder / "template.json").write_text(json.dumps(as_template(resources_in(FOLDER)), indent=2))


def _plan(folder: Path) -> None:
    (folder / "plan.json").write_text(json.dumps(as_plan(resources_in(FOLDER))))


def _apiops(generation: int) -> Callable[[Path], None]:
    return lambda folder: write_apiops(resources_in(FOLDER), folder / SERVICE, generation=generation)


def outcomes(folder: Path) -> Found:
    """The outcome of every rule on everything it judged; FAIL counts before UNKNOWN where a rule says both of one thing."""
    report = scan([folder], Settings(complete=True, selection=Selection(persona="auditor")))
    found: Found = {}
    for finding in report.findings:
        if finding.rule.startswith("MG9"):
            continue
        assert finding.outcome is not Outcome.ERROR, finding
        key = (finding.rule, finding.target.name)
        if found.get(key) != "fail":
            found[key] = finding.outcome.value
    return found


@pytest.fixture(scope="module")
def original() -> Found:
    found = outcomes(FOLDER)
    assert sum(outcome == "fail" for outcome in found.values()) > 15
    return found


SERVERS = ("docs-mcp", "orders-mcp", "stock-mcp", "support-mcp")
EXTRACT = {
    # An extract does not hold the service itself: its tier, network, platform and tags (facts/apim.md 4).
    **{("MG205", name): "pass -> unknown" for name in SERVERS},
    **{("MG130", name): "fail -> unknown" for name in SERVERS},
    ("MG131", SERVICE): "pass -> unknown",
    **{("MG707", name): "fail -> unknown" for name in SERVERS if name != "orders-mcp"},
    # Nor the newest form of tools; that they are missing is a gap.
    **{("MG701", name): "pass -> None" for name in ("create-order", "get-order", "list-orders")},
    ("MG701", "delete-order"): "fail -> None",
}
DIFFERENT: dict[str, Found] = {
    "template": {},
    "apiops-1": EXTRACT,
    "apiops-2": EXTRACT,
    # azurerm has no attribute for the platform's version.
    "terraform": {("MG131", SERVICE): "pass -> unknown"},
}
"""What each format cannot hold, and so says otherwise."""


@pytest.mark.parametrize(
    ("name", "write"),
    [("template", _template), ("apiops-1", _apiops(1)), ("apiops-2", _apiops(2)), ("terraform", _plan)],
)
def test_same_findings(name: str, write: Callable[[Path], None], original: Found, tmp_path: Path) -> None:
    write(tmp_path)
    found = outcomes(tmp_path)
    different = {
        key: f"{original.get(key)} -> {found.get(key)}" for key in original | found if original.get(key) != found.get(key)
    }
    assert different == DIFFERENT[name]


@pytest.mark.parametrize("generation", [1, 2])
def test_what_an_extract_lacks_is_a_gap(generation: int, tmp_path: Path) -> None:
    _apiops(generation)(tmp_path)
    gaps = scan([tmp_path], Settings(complete=True)).coverage.gaps
    assert [gap.scope.rpartition("/")[2] for gap in gaps if "mcp-tool" in gap.kinds] == ["orders-mcp"]

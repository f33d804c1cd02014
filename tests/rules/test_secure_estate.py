"""The secure estate is silent under all rules: what fires there is a false alarm or a fault of the estate."""

import pytest

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.engine import registry
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Outcome
from mcpguard.model.report import Report
from tests.rules.examples import NOW, SECURE

RULES = sorted(registry.load())
AUDITORS = {id for id, rule in registry.load().items() if rule.meta.persona == "auditor"}


@pytest.fixture(scope="module", params=["as it is", "complete", "auditor"])
def report(request: pytest.FixtureRequest) -> Report:
    persona = "auditor" if request.param == "auditor" else "regular"
    return scan([SECURE], Settings(selection=Selection(persona=persona), complete=request.param == "complete", as_of=NOW))


@pytest.mark.parametrize("rule", RULES)
def test_silent(report: Report, rule: str) -> None:
    loud = [f for f in report.findings if f.rule == rule and f.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not [f"{f.outcome.value}: {f.at.artifact}: {f.message}" for f in loud]


def test_something_was_judged(report: Report) -> None:
    """Silence means something only where rules had something to look at."""
    judged = {finding.rule for finding in report.findings if finding.outcome is Outcome.PASS}
    idle = {"MG902", "MG903", "MG906", "MG910"}  # these have targets only where something went wrong, or is a template
    if not any(finding.rule in AUDITORS for finding in report.findings):
        idle |= AUDITORS
    assert set(RULES) - judged <= idle

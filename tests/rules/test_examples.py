"""Every example of every rule does what it says, and nothing but what it says."""

import pytest
from syrupy.assertion import SnapshotAssertion

from mcpguard.engine import registry
from mcpguard.model.finding import Outcome
from tests.rules.conftest import RunOnce
from tests.rules.examples import Example, examples_of

EXAMPLES = [example for rule in registry.load().values() for example in examples_of(rule)]
FAILING = [example for example in EXAMPLES if example.kind == "fail"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example: Example, run_once: RunOnce) -> None:
    run = run_once(example)
    messages = "\n".join(f.message for outcome in (Outcome.FAIL, Outcome.UNKNOWN) for f in run.findings(outcome, example.rule))
    if example.kind == "fail":
        assert run.expected, "a fail example marks where the finding must stand"
        assert run.places(example.rule) == run.expected, messages
    elif example.kind == "pass":
        assert not run.expected, "a pass example expects nothing"
        assert not messages
    else:
        assert not run.expected, "an unknown example expects no finding"
        assert run.findings(Outcome.UNKNOWN, example.rule), "no UNKNOWN"
        assert not run.findings(Outcome.FAIL, example.rule), messages
    assert not [f for f in run.findings(Outcome.ERROR) if f.rule != "MG999"], "a rule crashed"


def test_overlap(run_once: RunOnce, snapshot: SnapshotAssertion) -> None:
    """Which other rules fire on each fail example: a finding that always comes twice is one rule too many."""
    matrix = {}
    for example in FAILING:
        fired = {finding.rule for finding in run_once(example).findings(Outcome.FAIL)} - {example.rule}
        matrix[example.name] = sorted(fired)
    assert matrix == snapshot

"""Examples are run once a session, whoever asks first."""

from collections.abc import Callable

import pytest

from tests.rules.examples import Example, Run, run_example

RunOnce = Callable[[Example], Run]


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> RunOnce:
    runs: dict[str, Run] = {}

    def run(example: Example) -> Run:
        if example.name not in runs:
            runs[example.name] = run_example(example, tmp_path_factory.mktemp("example"))
        return runs[example.name]

    return run

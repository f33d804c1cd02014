"""The command that installs an extra, as it can be typed."""

from pathlib import Path

import pytest

from mcpguard.core.extras import install_command


def test_installed_it_is_pip(tmp_path: Path) -> None:
    assert install_command("live", tmp_path / "site-packages" / "mcpguard") == "python -m pip install 'mcpguard[live]'"


def test_in_a_checkout_it_is_its_own_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "a checkout"
    (checkout / ".ci").mkdir(parents=True)
    (checkout / ".ci" / "venv").touch()
    monkeypatch.chdir(checkout)
    assert install_command("live", checkout / "mcpguard") == "sh .ci/venv live"
    monkeypatch.chdir(tmp_path)
    assert install_command("zst", checkout / "mcpguard") == f"sh '{checkout}/.ci/venv' zst"

"""How to get the packages of an extra: with pip where mcpguard is installed, with ``.ci/venv`` in a checkout."""

from __future__ import annotations

import shlex
from pathlib import Path

_VENV = Path(".ci") / "venv"


def install_command(extra: str, package: Path = Path(__file__).parents[1]) -> str:
    """The command that installs an extra.

    Args:
        extra: its name in ``pyproject.toml``: ``live``, ``telemetry``, ``zst``.
        package: the folder of the package, beside which a checkout has ``.ci/venv``.
    """
    checkout = package.parent
    if not (checkout / _VENV).is_file():
        return f"python -m pip install 'mcpguard[{extra}]'"
    here = checkout == Path.cwd()
    return f"sh {_VENV.as_posix() if here else shlex.quote(str(checkout / _VENV))} {extra}"

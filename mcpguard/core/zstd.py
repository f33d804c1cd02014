"""Zstandard: part of Python from 3.14 on, and before that the same module in a package of the extra ``zst``."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mcpguard.core.errors import UsageError
from mcpguard.core.extras import install_command

_MODULES = ("compression.zstd", "backports.zstd")


def zstd() -> ModuleType:
    """The module, with the interface of PEP 784.

    Raises:
        UsageError: this Python has none, and the package is not installed.
    """
    for name in _MODULES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise UsageError(
        "snapshots packed with zstd need a package that is not installed (backports.zstd is missing)",
        f"run: {install_command('zst')}",
    )

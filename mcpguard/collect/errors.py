"""What ends a collection before it has read anything. What ends a single call is a gap instead."""

from __future__ import annotations

from mcpguard.core.errors import NothingReadError, UsageError
from mcpguard.core.extras import install_command

_PACKAGES = {"live": ("azure.core", "azure.identity"), "telemetry": ("azure.core", "azure.identity", "azure.monitor.query")}


class MissingExtraError(UsageError):
    """The packages of an extra are not installed."""


class SignInError(NothingReadError):
    """No token could be had."""


class CollectError(NothingReadError):
    """Nothing could be read with the token."""


def need_extra(extra: str = "live") -> None:
    """Make sure that the packages for collecting are there.

    Args:
        extra: ``live``, or ``telemetry`` when the evidence queries are to be run.

    Raises:
        MissingExtraError: they are not.
    """
    from importlib.util import find_spec

    for package in _PACKAGES[extra]:
        try:
            found = find_spec(package)
        except ImportError:
            found = None
        if found is None:
            name = package.replace(".", "-")
            what = "collecting" if extra == "live" else "--with-telemetry"
            raise MissingExtraError(
                f"{what} needs packages that are not installed ({name} is missing)", f"run: {install_command(extra)}"
            )

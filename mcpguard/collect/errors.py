"""What ends a collection before it has read anything. What ends a single call is a gap instead."""

from mcpguard.core.errors import NothingReadError, UsageError

INSTALL = "python -m pip install 'mcpguard[live]'"
_PACKAGES = ("azure.core", "azure.identity")


class MissingExtraError(UsageError):
    """The packages of the ``live`` extra are not installed."""


class SignInError(NothingReadError):
    """No token could be had."""


class CollectError(NothingReadError):
    """Nothing could be read with the token."""


def need_extra() -> None:
    """Make sure that the packages for collecting are there.

    Raises:
        MissingExtraError: they are not.
    """
    from importlib.util import find_spec

    for package in _PACKAGES:
        try:
            found = find_spec(package)
        except ImportError:
            found = None
        if found is None:
            name = package.replace(".", "-")
            raise MissingExtraError(f"collecting needs packages that are not installed ({name} is missing)", f"run: {INSTALL}")

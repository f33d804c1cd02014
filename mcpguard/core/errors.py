"""The base of every error that mcpguard raises on purpose.

Each layer has one subclass. The command line catches ``McpguardError`` once and prints the message and the hint;
library code never prints and never exits.
"""

from __future__ import annotations


class McpguardError(Exception):
    """Something the user can act on: a message that names the thing, and a hint that says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(McpguardError):
    """The command, the configuration or the manifest cannot be used as it is (exit status 2)."""


class NothingReadError(McpguardError):
    """No input could be read at all (exit status 3)."""


class RuleError(McpguardError):
    """A rule folder is malformed: a developer's mistake, found when rules are loaded (exit status 2)."""

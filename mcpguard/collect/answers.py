"""What is asked of a service, how patiently, and what comes of it; without anything of Azure's packages."""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.evidence import Json

UNREACHABLE = 0
"""The status of a request that got no answer."""


class Service(Enum):
    """What answers."""

    ARM = "Azure Resource Manager"
    GRAPH = "Microsoft Graph"
    FOUNDRY = "Foundry"
    LOGS = "Log Analytics"


class Limits(msgspec.Struct, frozen=True):
    """How patient a collection is."""

    concurrency: int = 8
    """Requests at one time to one service; Graph, Foundry and Log Analytics get at most half of it."""
    retries: int = 6
    """Tries after the first, for one request."""
    budget: int = 2000
    """Tries after the first, for the whole collection."""
    backoff: float = 0.8
    """Seconds; doubled with each try when the answer names no time."""
    longest_wait: float = 120.0
    """Seconds; an answer that asks for more is given up."""
    timeout: float = 60.0
    """Seconds without a byte."""
    query_timeout: float = 180.0
    """Seconds for a query of Log Analytics, which answers when it is done."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one request."""

    status: int
    """0 when no answer came, 200 with ``body`` None when the body is no JSON."""
    body: dict[str, Json] | None = None
    code: str = ""
    """The service's code for a failure."""
    message: str = ""
    url: str = ""

    @property
    def good(self) -> bool:
        """Whether there is a body to use."""
        return self.status == 200 and self.body is not None

"""What is told of one MCP server in full: its inventory sheet. Renderers draw it, ``mcpguard.inventory`` fills it.

A sheet never guesses: what was not read is an entry with what is missing and how to get it, and a hop that is not known is a
hop that says so.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.mcp import Confidence


class Entry(msgspec.Struct, frozen=True):
    """One thing that is said: a name, a value, and where that stands."""

    name: str
    """``sign-in``, ``audiences``… in words, the same for every sheet."""
    text: str
    """As people read it; empty when it is not known."""
    at: Location | None = None
    note: str = ""
    """Where it comes from or what it rests on, as part of a sentence; empty when the place says enough."""
    missing: Unknown | None = None


class HopRole(Enum):
    """What a hop is in the chain, in the order in which a call passes."""

    CLIENT = "client"
    AGENT = "agent"
    GATEWAY = "gateway"
    BEHIND = "backing-api"
    HOST = "host"
    REGISTRATION = "registration"
    IDENTITY = "identity"
    DOWNSTREAM = "downstream"


class Hop(msgspec.Struct, frozen=True):
    """One station of the chain from clients to what the server calls in turn."""

    role: HopRole
    key: str
    """Key of the entity, or the client id of a client that is none; empty when the hop is not known."""
    title: str
    how: str
    """How the link to it was made, as a clause; empty for what needs none."""
    at: Location | None = None
    confidence: Confidence = Confidence.HIGH
    entries: tuple[Entry, ...] = ()
    missing: Unknown | None = None
    """Set when it is not known what stands here."""
    short: str = ""
    """Its name alone, for drawings; the title where that is empty."""


class Way(msgspec.Struct, frozen=True):
    """One way in and what a caller has to present on it."""

    title: str
    """``with a key of product starter``; ``to the host, around the gateway``."""
    entries: tuple[Entry, ...]
    doubt: Unknown | None = None
    """Set when it is not known whether this way exists."""


class Agreement(Enum):
    """Whether what two or more hops say of one thing fits together."""

    AGREE = "agree"
    DIFFER = "differ"
    UNKNOWN = "unknown"


class Comparison(msgspec.Struct, frozen=True):
    """What each hop says of one thing, and whether that fits."""

    subject: str
    """``audience``, ``scopes``, ``clients``."""
    verdict: Agreement
    said: str
    """The verdict as a sentence."""
    entries: tuple[Entry, ...]


class ToolRow(msgspec.Struct, frozen=True):
    """One tool."""

    name: str
    tool_class: str
    """``read-only``, ``write``, ``destructive``; empty when nothing but the protocol's default speaks."""
    level: str
    """Which kind of evidence decided: ``declared``, ``structural``, ``heuristic``, ``default``."""
    reason: str
    approval: str
    """Who approves a call; empty when nothing says so."""
    enforced: bool
    at: Location


class Sheet(msgspec.Struct, frozen=True):
    """Everything that is known of one MCP server."""

    id: str
    key: str
    name: str
    title: str
    source: str
    confidence: Confidence
    reasons: tuple[str, ...]
    at: Location
    addresses: tuple[Entry, ...]
    """The URLs that clients use."""
    owners: tuple[Entry, ...]
    """Who answers for it, the strongest place first; places that name nobody are left out."""
    governance: tuple[Entry, ...]
    """Environment, wave, review date, sponsor, exposure."""
    callers: tuple[Hop, ...]
    """Clients and agents that may call it."""
    ways: tuple[Way, ...]
    chain: tuple[Hop, ...]
    """Gateway, backing APIs, hosts, registrations, identities, downstream, in this order."""
    comparisons: tuple[Comparison, ...]
    tools: tuple[ToolRow, ...]
    tools_missing: Unknown | None
    evidence: tuple[Entry, ...]
    """What would show a call afterwards."""

    def hops(self, *roles: HopRole) -> tuple[Hop, ...]:
        """Hops of some roles, callers included."""
        return tuple(hop for hop in (*self.callers, *self.chain) if hop.role in roles)


class AgentRow(msgspec.Struct, frozen=True):
    """One agent, in the overview."""

    id: str
    name: str
    kind: str
    """``Foundry prompt agent``, ``agent identity``, ``declared agent``…"""
    owner: Entry
    review: Entry
    identity: Entry
    servers: tuple[Entry, ...]
    """MCP servers that it can call."""
    at: Location


class Inventory(msgspec.Struct, frozen=True):
    """The whole inventory of an estate."""

    sheets: tuple[Sheet, ...]
    agents: tuple[AgentRow, ...]

"""What data flow finds: labels on values, the places where they end up, and the way between."""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.policy.csharp import Source
from mcpguard.policy.endpoints import Endpoint


class Label(Enum):
    """What a value holds."""

    CALLER_TOKEN = "the caller's token"
    KEY = "the caller's key or cookie"
    TOKEN_RESPONSE = "an answer that carries tokens"
    GATEWAY_TOKEN = "a token of the gateway's own"
    REQUEST_BODY = "the request body"
    RESPONSE_BODY = "the response body"
    CALLER_CHOSEN = "a value that the caller chooses"
    CLAIMS = "claims of a validated token"


class SinkKind(Enum):
    """Where a value ends up."""

    BACKEND_HEADER = "a header of the request to the backend"
    BACKEND_QUERY = "the query of the request to the backend"
    BACKEND_BODY = "the body of the request to the backend"
    BACKEND_ADDRESS = "the address of the backend"
    CREDENTIAL_CHOICE = "the choice of a stored credential"
    OUTGOING_REQUEST = "a request of the policy's own"
    OUTGOING_ADDRESS = "the address of a request of the policy's own"
    SHARED_CACHE = "a cached value under one key for all callers"
    TELEMETRY = "telemetry"
    RESPONSE = "the response to the caller"


class Tainted(msgspec.Struct, frozen=True):
    """A label on a value, with the way it came."""

    label: Label
    source: Source
    steps: tuple[Location, ...] = ()


class Flow(msgspec.Struct, frozen=True):
    """A labelled value that reaches a sink."""

    tainted: Tainted
    sink: SinkKind
    name: str
    """Header or parameter name, or the name of the policy element."""
    at: Location
    target: str = ""
    """For requests of the policy's own: the address as written; named values are left in."""
    steps: tuple[Location, ...] = ()
    statement: Location | None = None
    """The start tag of the policy that holds the sink."""
    fixed_host: bool = False
    """For addresses: the value begins with a literal scheme and host, or with a named value for them."""
    endpoint: Endpoint = Endpoint.NONE
    """For requests of the policy's own: whether they go to an endpoint that tokens are shown to."""


class FlowReport(msgspec.Struct, frozen=True):
    """Every flow of one policy, and what could not be followed."""

    flows: tuple[Flow, ...]
    not_understood: tuple[Unknown, ...]

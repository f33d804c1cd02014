"""API Management: services, APIs, operations, tools, products, backends, diagnostics. Shapes: facts/apim.md section 1."""

from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.entity import Entity


class Service(Entity, frozen=True, kw_only=True):
    """An API Management service."""

    kind: ClassVar[str] = "service"
    label: ClassVar[str] = "API Management service"

    sku: Fact[str]
    """``sku.name`` as written; compare case-insensitively."""
    gateway_hosts: tuple[str, ...]
    """Host names that reach the gateway, lower case."""
    tags: Fact[dict[str, str]]
    public_network_access: Fact[str]
    identity: Fact[str]
    """``identity.type``, ``None`` when there is none."""


class Api(Entity, frozen=True, kw_only=True):
    """An API of any type and revision."""

    kind: ClassVar[str] = "api"
    label: ClassVar[str] = "API"

    service: str
    """Key of the service."""
    workspace: str
    """Name of the workspace, empty outside workspaces."""
    type: Fact[str]
    """``http`` when absent: a missing type means REST."""
    path: str
    display_name: str
    protocols: Fact[tuple[str, ...]]
    service_url: Fact[str | None]
    backend_id: Fact[str | None]
    """Name of the backend entity that a native MCP server points to."""
    subscription_required: Fact[bool]
    contact: Fact[str]
    """Name or mail address in ``properties.contact``; empty when there is none."""
    is_current: bool
    is_online: bool


class Operation(Entity, frozen=True, kw_only=True):
    """One operation of an API."""

    kind: ClassVar[str] = "operation"
    label: ClassVar[str] = "operation"

    api: str
    method: str
    """Upper case; ``*`` for any."""
    url_template: str


class Product(Entity, frozen=True, kw_only=True):
    """A product, which groups APIs and may ask for a subscription."""

    kind: ClassVar[str] = "product"
    label: ClassVar[str] = "product"

    service: str
    subscription_required: Fact[bool]
    approval_required: Fact[bool]
    state: Fact[str]


class Backend(Entity, frozen=True, kw_only=True):
    """A backend entity."""

    kind: ClassVar[str] = "backend"
    label: ClassVar[str] = "backend"

    service: str
    url: Fact[str | None]
    """None for pools, which have no url of their own."""
    sets_authorization: Fact[bool]
    """Whether the entity's own credentials put an Authorization header on the request."""
    pool: tuple[str, ...]
    """Keys of the backends in the pool."""


class Payload(msgspec.Struct, frozen=True):
    """One of the four places at which a diagnostic may log bodies."""

    side: str
    """``frontend`` or ``backend``."""
    message: str
    """``request`` or ``response``."""
    bytes: Fact[int]


class Diagnostic(Entity, frozen=True, kw_only=True):
    """A diagnostic of a service or of one API."""

    kind: ClassVar[str] = "diagnostic"
    label: ClassVar[str] = "diagnostic"

    scope: str
    """Key of the service or API that it belongs to."""
    payloads: tuple[Payload, ...]
    logger: Fact[str]

    def payload(self, side: str, message: str) -> Fact[int]:
        """Body bytes logged at one of the four places."""
        for payload in self.payloads:
            if (payload.side, payload.message) == (side, message):
                return payload.bytes
        return Unknown(f"{side}.{message}.body.bytes of {self.title}", "export the diagnostic with its properties")


class PolicyText(Entity, frozen=True, kw_only=True):
    """A policy document, a fragment or a loose policy file, not yet read."""

    kind: ClassVar[str] = "policy"
    label: ClassVar[str] = "policy"

    owner: str
    """Key of what it is attached to; empty for a loose file."""
    text: Fact[str]
    text_at: Location
    escaped: bool
    """``format: xml``: the text is XML-escaped rather than raw."""


class Fragment(PolicyText, frozen=True, kw_only=True):
    """A policy fragment."""

    kind: ClassVar[str] = "fragment"
    label: ClassVar[str] = "policy fragment"


class NamedValue(Entity, frozen=True, kw_only=True):
    """A named value; its ``display_name`` is what ``{{…}}`` refers to."""

    kind: ClassVar[str] = "named-value"
    label: ClassVar[str] = "named value"

    service: str
    display_name: str
    secret: Fact[bool]
    value: Fact[str]


def is_default(fact: Fact[object]) -> bool:
    """Whether a fact is the platform's default rather than a setting."""
    return isinstance(fact, Known) and fact.defaulted

"""API Management: services, APIs, operations, tools, products, backends, diagnostics. Shapes: facts/apim.md section 1."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.host_parts import ManagedIdentity
from mcpguard.model.template_keys import TemplateValue


class TlsSetting(msgspec.Struct, frozen=True):
    """An old protocol or weak cipher, and whether the gateway still speaks it."""

    name: str
    """As people call it: ``TLS 1.0``."""
    member: str
    """The key in ``customProperties``."""
    side: str
    """With whom: ``clients`` or ``backends``."""
    enabled: Fact[bool]


class Platform(msgspec.Struct, frozen=True):
    """What a service runs on in one of its locations."""

    location: str
    """As written: ``West Europe``; empty when the input does not say."""
    version: Fact[str]
    """``stv1``, ``stv2``, ``mtv1``…; ``undetermined`` where nothing runs."""


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
    virtual_network_type: Fact[str]
    """``None``, ``External`` (within a network, reachable from the internet) or ``Internal``."""
    platforms: tuple[Platform, ...]
    """The primary location first."""
    tls_settings: Fact[tuple[TlsSetting, ...]]
    """The old protocols, and the weak ciphers that are switched by name."""
    identity: Fact[str]
    """``identity.type``, ``None`` when there is none."""
    identities: Fact[tuple[ManagedIdentity, ...]]
    outbound_addresses: Fact[tuple[str, ...]]
    """Addresses from which backends on the internet see it call, in all locations; empty when it has none of its own, as in
    the Consumption tier (api-management-howto-ip-addresses)."""
    subnets: Fact[tuple[str, ...]]
    """Keys of the subnets that it is deployed or integrated in."""
    min_api_version: Fact[str]
    """Oldest version of the management API that is let in; empty when all are."""
    created: Fact[str]
    """``createdAtUtc``, as written."""


class Workspace(Entity, frozen=True, kw_only=True):
    """A workspace: a part of a service with APIs, products, fragments and named values of its own."""

    kind: ClassVar[str] = "workspace"
    label: ClassVar[str] = "workspace"

    service: str


class PolicyRestriction(Entity, frozen=True, kw_only=True):
    """A service's demand on policy documents. It is checked when a policy is saved and does not change what runs."""

    kind: ClassVar[str] = "policy-restriction"
    label: ClassVar[str] = "policy restriction"

    service: str
    scope: Fact[str]
    """What it speaks of, below the service, lower case: ``/apis/orders``; empty for the service."""
    requires_base: Fact[bool]


class Api(Entity, frozen=True, kw_only=True):
    """An API of any type and revision."""

    kind: ClassVar[str] = "api"
    label: ClassVar[str] = "API"

    service: str
    """Key of the service."""
    workspace: str
    """Key of the workspace, empty outside workspaces."""
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
    key_header: str = "Ocp-Apim-Subscription-Key"
    """The header in which callers send their subscription key; the platform's default where nothing else is set
    (azure-docs, api-management-subscriptions)."""
    key_query: str = "subscription-key"
    """The parameter of the query that holds it when the header is absent."""
    revision_of: str = ""
    """For a revision that has ``;rev=`` in its name: key of the API without it."""

    @property
    def home(self) -> str:
        """Key of the workspace or service whose products, fragments, named values and backends the API uses.

        What a workspace's policies refer to by name is the workspace's own (azure-docs, workspaces-overview).
        """
        return self.workspace or self.service


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


class Credential(msgspec.Struct, frozen=True):
    """What a backend entity adds to a request to show who asks."""

    place: str
    """``header``, ``query``, ``authorization`` or ``proxy``, as the members are called."""
    name: str
    """Of the header or parameter, as written; the scheme for ``authorization``, the user for ``proxy``."""
    value: Fact[str]
    """As written: a ``{{named value}}``, or the mask of a literal."""
    at: Location
    template: TemplateValue | None = None
    """Set when a template computes the value."""


class Backend(Entity, frozen=True, kw_only=True):
    """A backend entity."""

    kind: ClassVar[str] = "backend"
    label: ClassVar[str] = "backend"

    service: str
    url: Fact[str | None]
    """None for pools, which have no url of their own."""
    sets_authorization: Fact[bool]
    """Whether the entity's own credentials put an Authorization header on the request."""
    credentials: Fact[tuple[Credential, ...]]
    pool: tuple[str, ...]
    """Keys of the backends in the pool."""
    validates_chain: Fact[bool]
    """Whether the gateway checks that the backend's certificate comes from a trusted authority."""
    validates_name: Fact[bool]
    """Whether it checks that the certificate is for the backend's host name."""


class Subscription(Entity, frozen=True, kw_only=True):
    """A subscription: the owner of two keys."""

    kind: ClassVar[str] = "subscription"
    label: ClassVar[str] = "subscription"

    service: str
    display_name: str
    scope: Fact[str]
    """Below the service, lower case: ``/products/x``, ``/apis/x``, ``/apis`` for all APIs, empty for all access."""
    state: Fact[str]
    """Lower case; keys work only while it is ``active``."""
    allow_tracing: Fact[bool]


class ManagementSetting(Entity, frozen=True, kw_only=True):
    """A switch of the management plane or of the developer portal: ``tenant/access``, ``portalsettings/signup``…"""

    kind: ClassVar[str] = "management-setting"
    label: ClassVar[str] = "management setting"

    service: str
    setting: str
    """The last two parts of the id, lower case: ``tenant/access``."""
    enabled: Fact[bool]


class Payload(msgspec.Struct, frozen=True):
    """One of the four places at which a diagnostic may log bodies."""

    side: str
    """``frontend`` or ``backend``."""
    message: str
    """``request`` or ``response``."""
    bytes: Fact[int]


class LoggedHeader(msgspec.Struct, frozen=True):
    """A header that a diagnostic copies into telemetry."""

    side: str
    """``frontend`` or ``backend``."""
    message: str
    """``request`` or ``response``."""
    name: str
    masked: bool
    """Whether ``dataMasking`` hides it at this place."""
    at: Location


class Diagnostic(Entity, frozen=True, kw_only=True):
    """A diagnostic of a service or of one API."""

    kind: ClassVar[str] = "diagnostic"
    label: ClassVar[str] = "diagnostic"

    scope: str
    """Key of the service or API that it belongs to."""
    payloads: tuple[Payload, ...]
    logged_headers: tuple[LoggedHeader, ...]
    logger: Fact[str]

    def payload(self, side: str, message: str) -> Fact[int]:
        """Body bytes logged at one of the four places."""
        for payload in self.payloads:
            if (payload.side, payload.message) == (side, message):
                return payload.bytes
        return Unknown(f"{side}.{message}.body.bytes of {self.title}", "export the diagnostic with its properties")


_OWNERS = {
    "service": "global policy of",
    "apis": "policy of API",
    "operations": "policy of operation",
    "products": "policy of product",
}
_SCOPES = {
    "service": "global",
    "workspaces": "workspace",
    "products": "product",
    "apis": "API",
    "operations": "operation",
    "resolvers": "resolver",
}


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
    template: TemplateValue | None = None
    """Set when a template computes the whole text."""

    holes: dict[str, TemplateValue] = msgspec.field(default_factory=dict)
    """Names that stand in the text as ``{{name}}`` for what a template computes, and are no named values."""

    @property
    def scope(self) -> str:
        """``global``, ``workspace``, ``product``, ``API``, ``operation``, ``resolver``; empty for fragments and loose files."""
        return _SCOPES.get(self._attached_to()[0], "") if self.owner else ""

    def _attached_to(self) -> tuple[str, str]:
        """Kind and name of what the id says it is attached to."""
        *_, kind, name = ("", "", *self.id.rpartition("/policies/")[0].split("/"))
        return kind.lower(), name

    @property
    def title(self) -> str:
        """Whose policy it is; what is called ``policy`` says nothing by its name."""
        kind, name = self._attached_to()
        if kind not in _OWNERS:
            return f"{self.label} {self.name}"
        return f"{_OWNERS[kind]} {name}"


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
    """Whether its value is hidden from readers; always so in Key Vault."""
    value: Fact[str]
    template: TemplateValue | None = None
    """Set when a template computes the value."""
    key_vault: str = ""
    """Identifier of the Key Vault secret that holds the value; empty when none does."""


class SelfHostedGateway(Entity, frozen=True, kw_only=True):
    """A gateway that runs as a container of its owner's."""

    kind: ClassVar[str] = "self-hosted-gateway"
    label: ClassVar[str] = "self-hosted gateway"

    service: str


class GatewayApi(Entity, frozen=True, kw_only=True):
    """An API that a self-hosted gateway serves."""

    kind: ClassVar[str] = "gateway-api"
    label: ClassVar[str] = "API of a self-hosted gateway"

    api: str
    """Key of the API."""


class GatewayHostname(Entity, frozen=True, kw_only=True):
    """A host name of a self-hosted gateway, with the protocols that it speaks there."""

    kind: ClassVar[str] = "gateway-hostname"
    label: ClassVar[str] = "host name"

    hostname: str
    tls10: Fact[bool]
    tls11: Fact[bool]


def is_default(fact: Fact[object]) -> bool:
    """Whether a fact is the platform's default rather than a setting."""
    return isinstance(fact, Known) and fact.defaulted

"""Hosts: App Service and Functions sites, container apps, session pools. Shapes: facts/hosting.md; parts: :mod:`host_parts`."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.location import Location
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.host_parts import (
    AccessRestrictions,
    AppSetting,
    EnvVariable,
    ManagedIdentity,
    PublishingPolicies,
    SettingForm,
    StorageAccess,
)
from mcpguard.model.kinds.mcp import Confidence

_ENVIRONMENT_TAGS = ("environment", "env", "stage", "azd-env-type")


def _environment(tags: Fact[dict[str, str]]) -> Fact[str]:
    match tags:
        case Known(value=found, at=at):
            lowered = {name.lower(): value.lower() for name, value in found.items()}
            return Known(next((lowered[name] for name in _ENVIRONMENT_TAGS if name in lowered), ""), at)
        case Unknown() as unknown:
            return unknown


class Function(msgspec.Struct, frozen=True):
    """One function of a function app, with its bindings."""

    name: str
    bindings: tuple[dict[str, object], ...]
    at: Location
    is_disabled: bool = False

    @property
    def trigger(self) -> str:
        """Type of the trigger binding in lower case; empty when none is known."""
        for binding in self.bindings:
            kind = str(binding.get("type", "")).lower()
            if kind.endswith("trigger"):
                return kind
        return ""


class PlatformAuth(Entity, frozen=True, kw_only=True):
    """Easy Auth of one site, slot or container app (``authsettingsV2``, ``authConfigs``, or ``authsettings`` of version 1)."""

    kind: ClassVar[str] = "platform-auth"
    label: ClassVar[str] = "platform authentication"

    host: str
    """Key of the host."""
    version: str
    """``v2``, or ``v1`` when the old settings are on and the new ones are not."""
    enabled: Fact[bool]
    require_authentication: Fact[bool]
    """Sites with version 2 only; a container app, and version 1, have no such member and enforce by their action."""
    unauthenticated_action: Fact[str]
    microsoft_provider: Fact[bool]
    """Whether the Microsoft provider has a registration and is not switched off."""
    client_id: Fact[str]
    """``registration.clientId`` of the Microsoft provider, lower case; empty when there is none."""
    issuer: Fact[str]
    secret_setting: Fact[str]
    """Name of the app setting (site) or secret (container app) that holds the client secret; empty when none is named."""
    certificate: Fact[bool]
    """Whether the provider signs in with a certificate instead of a secret."""
    login_parameters: Fact[tuple[str, ...]]
    challenge_suppressed: Fact[bool]
    """``login.disableWWWAuthenticate``: 401 answers carry no ``WWW-Authenticate``."""
    allowed_audiences: Fact[tuple[str, ...]]
    """As listed; the client id is always accepted besides (facts/hosting.md section 2)."""
    allowed_applications: Fact[tuple[str, ...]]
    """Client ids that ``defaultAuthorizationPolicy`` admits, lower case; empty means that the check is not applied."""
    allowed_identities: Fact[tuple[str, ...]]
    """Object ids that ``defaultAuthorizationPolicy`` admits, lower case; empty means that the check is not applied."""
    allowed_groups: Fact[tuple[str, ...]]
    """Groups that ``defaultAuthorizationPolicy`` admits, lower case; empty means that the check is not applied."""
    claim_clients: Fact[tuple[str, ...]]
    """``jwtClaimChecks.allowedClientApplications``, lower case; empty means that the check is not applied."""
    claim_groups: Fact[tuple[str, ...]]
    """``jwtClaimChecks.allowedGroups``, lower case; empty means that the check is not applied."""
    excluded_paths: Fact[tuple[str, ...]]
    requires_https: Fact[bool]
    token_store: Fact[bool]
    token_store_sas_setting: Fact[str]
    """Name of the setting that holds the SAS address of the token store; empty when there is none."""
    token_refresh_hours: Fact[float]
    external_redirects: Fact[tuple[str, ...]]
    validates_nonce: Fact[bool]
    defined_elsewhere: Fact[str]
    """Path of the file that defines authentication instead of ARM; empty when ARM does."""


class Host(Entity, frozen=True, kw_only=True):
    """Anything that runs a server."""

    host_names: tuple[str, ...]
    """Lower case."""
    tags: Fact[dict[str, str]]
    markers: tuple[str, ...]
    """Why it is taken for the host of an MCP server; empty when nothing says so."""
    marker_confidence: Confidence
    internet_facing: Fact[bool]
    """Whether anybody on the internet can open a connection to it."""
    restrictions: AccessRestrictions
    auth: Fact[PlatformAuth | None]
    """None when the host is known to have no platform authentication."""
    identities: Fact[tuple[ManagedIdentity, ...]]
    cors_origins: Fact[tuple[str, ...]]
    cors_credentials: Fact[bool]
    client_certificate_mode: Fact[str]
    """Lower case: ``required``, ``optional``, ``optionalinteractiveuser`` of a site; ``require``, ``accept``, ``ignore`` of a
    container app. Of a site it means nothing while ``client_certificates`` is false."""

    @property
    def runs_own_code(self) -> bool:
        """Whether the MCP endpoint is code of the app's owners, which may check tokens itself."""
        return True

    @property
    def environment_tag(self) -> Fact[str]:
        """What a tag says of the environment, lower case; empty when no tag does."""
        return _environment(self.tags)


class Site(Host, frozen=True, kw_only=True):
    """A web app, function app or slot."""

    kind: ClassVar[str] = "site"
    label: ClassVar[str] = "site"

    is_function_app: bool
    slot_of: str
    """Key of the site that it is a slot of; empty for a site itself."""
    functions: Members[Function]
    app_settings: Fact[dict[str, AppSetting]]
    """By lower-case name."""
    key_vault_references: Fact[frozenset[str]]
    """Lower-case names of the settings that are Key Vault references, which Reader may list without their values."""
    sticky_settings: Fact[frozenset[str]]
    """Lower-case names of the settings that stay with their slot in a swap."""
    storage: Fact[StorageAccess]
    """How ``AzureWebJobsStorage`` is given."""
    mcp_key_level: Fact[str]
    """Key check of the MCP endpoint, lower case: ``system``, ``anonymous``, ``function``… A web app has ``none``."""
    raw_key_level: Fact[str]
    """The same as it is written, where it is written."""
    extension_bundle: Fact[str]
    """Id of the extension bundle that host.json names; empty when it names none."""
    client_state_encrypted: Fact[bool]
    """``extensions.mcp.encryptClientState``; of a web app the default, which means nothing there."""
    https_only: Fact[bool]
    client_certificates: Fact[bool]
    client_certificate_exclusions: Fact[tuple[str, ...]]
    tls: Fact[str]
    scm_tls: Fact[str]
    ftps_state: Fact[str]
    remote_debugging: Fact[bool]
    publishing: PublishingPolicies
    gateway_api: Fact[str]
    """Key of the API that ``apiManagementConfig.id`` links; empty when none is linked."""

    @property
    def runs_own_code(self) -> bool:
        """A tool trigger is served by the Functions host; anything else is code of the app's owners."""
        return not any(function.trigger.startswith("mcp") for function in self.functions.items)

    @property
    def title(self) -> str:
        """What people call it."""
        if self.slot_of:
            return f"{'function app' if self.is_function_app else 'web app'} slot {self.name}"
        return f"{'function app' if self.is_function_app else 'web app'} {self.name}"

    def setting(self, name: str) -> Fact[AppSetting | None]:
        """An app setting by its name, compared without case; None when it is known not to exist.

        Without the list of settings, the list of Key Vault references still tells of those that are one.
        """
        lowered = name.lower()
        match self.app_settings, self.key_vault_references:
            case Known(value=settings, at=at), _:
                return Known(settings.get(lowered), at)
            case Unknown() as unknown, Known(value=names, at=at) if lowered in names and at is not None:
                return Known(AppSetting(name, SettingForm.KEY_VAULT, unknown, at), at)
            case Unknown() as unknown, _:
                return unknown


class ContainerApp(Host, frozen=True, kw_only=True):
    """A container app."""

    kind: ClassVar[str] = "container-app"
    label: ClassVar[str] = "container app"

    external: Fact[bool]
    """Whether ingress accepts traffic from outside the environment; false when there is no ingress."""
    allow_insecure: Fact[bool]
    env: Fact[tuple[EnvVariable, ...]]


class SessionPool(Entity, frozen=True, kw_only=True):
    """A pool of dynamic sessions (``Microsoft.App/sessionPools``), which may offer its own MCP server (facts/hosting.md 5)."""

    kind: ClassVar[str] = "session-pool"
    label: ClassVar[str] = "session pool"

    tags: Fact[dict[str, str]]
    container_type: Fact[str]
    """Lower case: ``pythonlts``, ``shell``, ``customcontainer``…"""
    egress_enabled: Fact[bool]
    """Whether code in a session may connect to the outside."""
    mcp_enabled: Fact[bool]
    """Whether the pool answers as an MCP server."""
    api_key_disabled: Fact[bool]
    """Whether its MCP endpoint refuses the pool's key."""
    cooldown_seconds: Fact[int]
    identities: Fact[tuple[ManagedIdentity, ...]]

    @property
    def environment_tag(self) -> Fact[str]:
        """What a tag says of the environment, lower case; empty when no tag does."""
        return _environment(self.tags)

"""Parts of hosts: settings, identities, access restrictions, publishing. Shapes: facts/hosting.md sections 1, 3 and 5."""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location

_EVERYWHERE = frozenset({"any", "0.0.0.0/0", "::/0", "internet"})


class SettingForm(Enum):
    """What stands in an app setting."""

    PLAIN = "plain"
    """A text that mcpguard may show."""
    WITHHELD = "withheld"
    """A literal whose value mcpguard does not keep."""
    KEY_VAULT = "key-vault"
    """A reference to a secret in Key Vault; what it leads to is not read."""
    COMPUTED = "computed"
    """What only deployment knows."""


class AppSetting(msgspec.Struct, frozen=True):
    """One app setting: its name is known, its value only when it is plain."""

    name: str
    """As written."""
    form: SettingForm
    value: Fact[str]
    at: Location
    computed_from: str = ""
    """Key of the resource whose member a template puts there, and the member: ``/…/id-auth#clientId``; else empty."""


class EnvVariable(msgspec.Struct, frozen=True):
    """An environment variable of a container."""

    name: str
    value: Fact[str]
    """Unknown when it is withheld, computed, or a secret of the app."""
    secret: str
    """Name of the app's secret that it is taken from; empty when its value is written out."""
    container: str
    at: Location


class ManagedIdentity(msgspec.Struct, frozen=True):
    """A managed identity that a host runs as."""

    resource_id: str
    """Key of the user-assigned identity; empty for the system-assigned one."""
    principal_id: Fact[str]
    """Lower case."""
    client_id: Fact[str]
    """Lower case; of the system-assigned identity ARM does not show it."""
    at: Location


class StorageAccess(Enum):
    """How a function app gets at its own storage."""

    CONNECTION_STRING = "connection-string"
    KEY_VAULT = "key-vault"
    IDENTITY = "identity"
    NONE = "none"


class PublishingPolicies(msgspec.Struct, frozen=True):
    """Whether code may be published with user name and password."""

    scm: Fact[bool]
    ftp: Fact[bool]


class AccessRule(msgspec.Struct, frozen=True):
    """One access restriction."""

    name: str
    allows: bool
    priority: int
    """Lower counts first."""
    address: str
    """Address range, or service tag, lower case; empty for a subnet's rule."""
    is_service_tag: bool
    subnet: str
    """Key of the subnet; empty when the rule names addresses."""
    headers: dict[str, tuple[str, ...]]
    """What a request must carry besides, by lower-case name."""
    at: Location

    @property
    def is_for_everybody(self) -> bool:
        """Whether every caller matches it."""
        return not self.subnet and not self.headers and self.address in _EVERYWHERE


class AccessRestrictions(msgspec.Struct, frozen=True):
    """Which callers a host lets in (App Service: overview-access-restrictions; Container Apps: ip-restrictions)."""

    public_access: Fact[bool]
    """Whether the public endpoint answers at all."""
    default_action: Fact[str]
    """``allow``, ``deny`` or empty when it is not set: a host without rules then lets everybody in, one with rules nobody
    else."""
    rules: Fact[tuple[AccessRule, ...]]
    """In the order in which they count."""
    private_endpoints: Fact[tuple[str, ...]]
    """Ids of the approved private endpoint connections."""

    @property
    def lets_strangers_in(self) -> Fact[bool]:
        """What happens, on an open public endpoint, to a caller whom no narrower rule names."""
        match self.rules, self.default_action:
            case Known(value=rules), _ if any(rule.is_for_everybody for rule in rules):
                first = next(rule for rule in rules if rule.is_for_everybody)
                return Known(first.allows, first.at)
            case _, Known(value=action, at=at) if action:
                return Known(action != "deny", at)
            case Known(value=rules, at=at), Known():
                return Known(not rules, rules[0].at if rules else at)
            case Unknown() as unknown, _:
                return unknown
            case _, Unknown() as unknown:
                return unknown
            case _:
                return Unknown("the access restrictions", "read them again")

    @property
    def internet_facing(self) -> Fact[bool]:
        """Whether anybody on the internet can open a connection."""
        strangers = self.lets_strangers_in
        for closed in (self.public_access, strangers):
            if isinstance(closed, Known) and not closed.value:
                return closed
        return strangers if isinstance(self.public_access, Known) else self.public_access

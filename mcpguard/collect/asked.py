"""What the user asked for."""

from __future__ import annotations

import datetime
import re

import msgspec

from mcpguard.core.errors import UsageError
from mcpguard.evidence import Json

CREDENTIALS = ("default", "cli", "env", "managed-identity", "workload", "browser", "device-code")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
WINDOW = "7d"
"""The window of telemetry, unless another one is named."""
_LONGEST_WINDOW = datetime.timedelta(days=90)
_WINDOW = re.compile(r"([1-9]\d{0,3})([hd])")
_NAME = re.compile(r"[\w.()\-]{1,90}")


class Asked(msgspec.Struct, frozen=True, rename="camel"):
    """Scope and depth of one collection."""

    subscriptions: tuple[str, ...] = ()
    """Ids; empty for all that can be read."""
    management_group: str = ""
    resource_group: str = ""
    service: str = ""
    """Name or ARM id of one API Management service; nothing but it is read in Azure then."""
    graph: bool = True
    all_operations: bool = False
    all_applications: bool = False
    app_settings: bool = False
    conditional_access: bool = False
    telemetry: bool = False
    telemetry_window: str = ""
    """How far back evidence queries look: ``12h``, ``30d``; empty for :data:`WINDOW`."""

    @property
    def window(self) -> datetime.timedelta:
        """How far back evidence queries look; zero when the text says nothing that can be."""
        match = _WINDOW.fullmatch(self.telemetry_window or WINDOW)
        if match is None:
            return datetime.timedelta()
        hours = int(match[1]) * (24 if match[2] == "d" else 1)
        return datetime.timedelta(hours=hours)

    def check(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            UsageError: an id or a name that Azure does not give, or options that exclude each other.
        """
        for subscription in self.subscriptions:
            if not _GUID.fullmatch(subscription):
                raise UsageError(f"{subscription!r} is no subscription id", "az account list shows them")
        for name, value in (("management group", self.management_group), ("resource group", self.resource_group)):
            if value and not _NAME.fullmatch(value):
                raise UsageError(f"{value!r} is no name of a {name}", "letters, digits, and . _ - ( )")
        if self.management_group and self.subscriptions:
            raise UsageError("a management group and subscriptions exclude each other", "name one of them")
        if self.telemetry_window and not self.telemetry:
            raise UsageError("a window goes with telemetry", "add --with-telemetry, or leave --telemetry-window out")
        if not datetime.timedelta() < self.window <= _LONGEST_WINDOW:
            raise UsageError(
                f"{self.telemetry_window!r} is no window of telemetry", "such as 12h or 30d, up to 90d; 7d unless it is named"
            )
        if self.service and not _NAME.fullmatch(self.service) and not is_service_id(self.service):
            raise UsageError(f"{self.service!r} is no name or id of an API Management service", "az apim list shows them")

    def described(self) -> dict[str, Json]:
        """The scope, for the manifest of the snapshot."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def is_service_id(text: str) -> bool:
    """Whether a text is the ARM id of an API Management service."""
    parts = text.strip("/").split("/")
    fixed = [part.lower() for part in parts[::2]] == ["subscriptions", "resourcegroups", "providers", "service"]
    return (
        len(parts) == 8
        and fixed
        and parts[5].lower() == "microsoft.apimanagement"
        and bool(_GUID.fullmatch(parts[1]))
        and bool(_NAME.fullmatch(parts[3]))
        and bool(_NAME.fullmatch(parts[7]))
    )

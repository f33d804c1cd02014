"""Keys that a template takes from a resource while it deploys: ``listKeys(…).masterKey``.

The value stands in the configuration afterwards, and which key it is stands in the expression. Sources:
learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource, ``list*``; members of a Functions
host: learn.microsoft.com/rest/api/appservice/web-apps/list-host-keys; Terraform's data source: azurerm provider,
``azurerm_function_app_host_keys``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Unresolved

_MAX_PARTS = 1000
_TERRAFORM = LazyPattern(r"(?<![\w.])(?:data\.)?azurerm_function_app_host_keys\.[\w\-]{1,120}(?:\[[^\]]{1,120}\])?\.(\w{1,80})")


class HostKey(Enum):
    """A key of a Functions host, as far as an expression tells."""

    MASTER = "the master key"
    DEFAULT = "the default host key"
    OTHER = "another key"
    """A system key, a key of one function, a host key of its own name, or a key of another service."""


class TemplateValue(msgspec.Struct, frozen=True):
    """A value that a template computes and that only deployment knows."""

    unknown: Unknown
    keys: tuple[HostKey, ...] = ()
    """The keys in it; empty when it takes none."""


_NO_KEYS = frozenset({"api-version", "sp", "sv", "se", "method", "basepath", "relativepath", "relativepathparameters"})
"""Parts of a Logic App's callback URL without its signature (REST reference, Workflow Triggers: List Callback Url)."""


def template_keys(value: Unresolved) -> tuple[HostKey, ...]:
    """The keys that a value is, or is put together from; nothing when there are none."""
    return tuple(dict.fromkeys(_keys(value)))


def _keys(value: Unresolved) -> Iterator[HostKey]:
    waiting: list[object] = [value]
    for _ in range(_MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if isinstance(part, Unresolved):
            if part.function == "listcallbackurl" and part.route and str(part.route[-1]).lower() in _NO_KEYS:
                continue
            if part.function.startswith("list"):
                yield _of_route(part.route)
            else:
                waiting.extend((*part.arguments, *part.parts))
                yield from _of_terraform(part.expression)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)


def _of_route(route: Sequence[str | int]) -> HostKey:
    members = [str(member).lower() for member in route]
    if members[:1] == ["masterkey"] or members[:2] == ["systemkeys", "_master"]:
        return HostKey.MASTER
    return HostKey.DEFAULT if members == ["functionkeys", "default"] else HostKey.OTHER


def _of_terraform(references: str) -> Iterator[HostKey]:
    """The references of a Terraform expression, as its plan lists them."""
    for match in _TERRAFORM.finditer(references):
        match match[1]:
            case "primary_key":
                yield HostKey.MASTER
            case "default_function_key":
                yield HostKey.DEFAULT
            case _:
                yield HostKey.OTHER

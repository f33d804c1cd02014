"""What modules of a registry declare, as far as their names tell."""

from __future__ import annotations

import re

from mcpguard.evidence.kinds import KIND_OF_TYPE

_ANYTHING = frozenset({"*"})
_VERIFIED = re.compile(r"(?i)(?:^|/)(?:terraform-azurerm-)?avm-(res|utl)-([a-z0-9]+)(?:-[a-z0-9]+)*")
"""Azure Verified Modules: one kind of resource each, named after its provider and type
(azure.github.io/Azure-Verified-Modules/specs/tf/res, "Naming")."""
_HARMLESS = re.compile(r"(?i)^(?:registry\.terraform\.io/)?(?:Azure|claranet)/(?:naming|regions)/(?:azurerm)")
"""Modules that make names only."""
_PROVIDERS = {
    "apimanagement": "microsoft.apimanagement/",
    "app": "microsoft.app/",
    "cognitiveservices": "microsoft.cognitiveservices/",
    "web": "microsoft.web/",
}


def types_in_module(source: str) -> frozenset[str]:
    """The lower-case ARM types that a module from elsewhere may declare; ``*`` for anything, nothing for none of interest."""
    if _HARMLESS.match(source):
        return frozenset()
    match = _VERIFIED.search(source)
    if match is None:
        return _ANYTHING
    provider = _PROVIDERS.get(match[2].lower()) if match[1].lower() == "res" else None
    return frozenset(type_ for type_ in KIND_OF_TYPE if provider and type_.startswith(provider))

"""Reading the manifest: strict, with the place and a suggestion for what is wrong."""

from __future__ import annotations

import re

import msgspec

from mcpguard.core.errors import UsageError
from mcpguard.core.location import Location, Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json
from mcpguard.model.kinds.governance import (
    Approval,
    ApprovedClient,
    ApprovedServer,
    Contact,
    DeclaredAgent,
    DeclaredServer,
    DeclaredTool,
    Downstream,
    EvidenceSettings,
    Manifest,
    ManifestException,
    PayloadLogging,
)

_PATH = LazyPattern(r" - at `\$(.*)`$")
_STEP = LazyPattern(r"\.([A-Za-z_][\w\-]*)|\[(\d+)\]|\[\.\.\.\]")
_STRUCTS = (
    Manifest,
    DeclaredServer,
    DeclaredAgent,
    DeclaredTool,
    Approval,
    ApprovedClient,
    ApprovedServer,
    Contact,
    Downstream,
    EvidenceSettings,
    ManifestException,
    PayloadLogging,
)


class ManifestError(UsageError):
    """A manifest that does not meet its schema; ``at`` is the place of the trouble."""

    def __init__(self, message: str, hint: str, at: Location) -> None:
        super().__init__(message, hint)
        self.at = at


def parse_manifest(body: Json, at: Location) -> Manifest:
    """The manifest in a decoded document.

    Raises:
        ManifestError: an unknown key, a value of a wrong type or an unknown choice.
    """
    try:
        return msgspec.convert(body, Manifest, strict=True)
    except msgspec.ValidationError as error:
        text = str(error)
        match = _PATH.search(text)
        route = _route(match[1]) if match else ()
        message = _PATH.sub("", text)
        raise ManifestError(
            f"{at.artifact}: {_dotted(route)}: {message[0].lower()}{message[1:]}",
            _suggestion(message) or "docs/manifest.md describes every key",
            at.child(*route),
        ) from None


def _route(path: str) -> Route:
    return tuple(int(index) if index else name for name, index in _STEP.findall(path) if name or index)


def _dotted(route: Route) -> str:
    return ".".join(map(str, route)) or "the manifest"


def _suggestion(message: str) -> str:
    match = re.search(r"unknown field `([^`]+)`", message)
    if not match:
        return ""
    import difflib

    names = {field for struct in _STRUCTS for field in struct.__struct_encode_fields__}
    close = difflib.get_close_matches(match[1], sorted(names), n=1)
    return f"did you mean {close[0]!r}?" if close else ""

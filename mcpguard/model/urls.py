"""Addresses, taken apart without the standard parser's surprises: userinfo, ports and template holes are kept apart."""

from __future__ import annotations

import re

from mcpguard.core.location import Location
from mcpguard.model.kinds.mcp import Url

_URL = re.compile(r"^\s*([A-Za-z][A-Za-z0-9+.\-]*)://(?:[^/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:]*)(?::\d*)?([^?#]*)")


def parse_url(text: str, at: Location) -> Url:
    """Scheme and host in lower case; both empty when the text is no absolute URL."""
    match = _URL.match(text)
    if match is None:
        return Url(text, "", "", text, at)
    return Url(text, match[1].lower(), match[2].lower().rstrip("."), match[3], at)


def segments(path: str) -> list[str]:
    """Path segments in lower case."""
    return [segment.lower() for segment in path.split("/") if segment]

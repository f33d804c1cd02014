"""ARM ids in the collector: types, parents and names, without trusting their case."""

from __future__ import annotations

_PROVIDERS = "/providers/"


def type_of(id: str) -> str:
    """The lower-case type that an id ends in; empty when it names none."""
    lowered = id.lower().rstrip("/")
    at = lowered.rfind(_PROVIDERS)
    segments = lowered[at + len(_PROVIDERS) :].split("/") if at >= 0 else []
    if len(segments) < 3 or len(segments) % 2 == 0:
        return ""
    return "/".join((segments[0], *segments[1::2]))


def service_of(id: str) -> str:
    """The id of the API Management service that a resource belongs to."""
    parts = id.split("/")
    return "/".join(parts[:9])


def title(id: str) -> str:
    """A resource in words: its names below the resource group, such as ``contoso-apim/apis/orders``."""
    _, separator, rest = id.rstrip("/").rpartition(_PROVIDERS)
    if not separator:
        return id.strip("/")
    return "/".join(rest.split("/")[2:]) or rest

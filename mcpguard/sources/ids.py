"""ARM ids taken apart and put together. No function here raises; what is no ARM id gives an empty text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_PROVIDERS = "/providers/"


def type_of(id: str) -> str:
    """The lower-case type that an id ends in: ``microsoft.web/sites/config``; empty when the id names no type."""
    lowered = id.lower().rstrip("/")
    at = lowered.rfind(_PROVIDERS)
    if at < 0:
        return ""
    segments = lowered[at + len(_PROVIDERS) :].split("/")
    if len(segments) < 3 or len(segments) % 2 == 0:
        return ""
    return "/".join((segments[0], *segments[1::2]))


def parent_of(key: str) -> str:
    """The key of the parent: the id without its last type and name, and without a provider that then stands last."""
    parent = key.rsplit("/", 2)[0]
    head, separator, last = parent.rpartition(_PROVIDERS)
    return head if separator and "/" not in last else parent


def last_of(id: str) -> str:
    """The last part of an id."""
    return id.rstrip("/").rsplit("/", 1)[-1]


def make_id(type: str, names: Sequence[str]) -> str:
    """``/providers/<provider>/<type>/<name>/…``; empty when there is not one name for each part of the type."""
    provider, *kinds = type.split("/")
    if not kinds or len(kinds) != len(names) or not all(names):
        return ""
    return _PROVIDERS + provider + "".join(f"/{kind}/{name}" for kind, name in zip(kinds, names, strict=True))


def type_in(value: object) -> str:
    """The lower-case type that a member holds; empty when the value is no type."""
    return _as_type(value) if isinstance(value, str) else ""


@lru_cache(maxsize=1024)
def _as_type(text: str) -> str:
    """A type has a provider with a dot, and at least one part after it."""
    provider, slash, rest = text.partition("/")
    good = slash and rest and "." in provider and " " not in text and not provider.startswith(("[", "."))
    return text.lower() if good else ""

"""Which names and values are credentials. Expressions, ``{{named values}}``, Key Vault references and inputs are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence.redaction import (
    has_secret_shape,
    is_masked,
    is_placeholder,
    is_reference,
    is_secret_name,
    secret_ranges,
)

_SCHEME = LazyPattern(r"(?i)\s*(?:bearer|basic|apikey|token)\s+")
_SCHEME_ALONE = LazyPattern(r"(?i)\s*(?:bearer|basic|apikey|token)?\s*")
_PLAIN = LazyPattern(r"(?i)\s*(?:true|false|null|none|enabled|disabled|[\d.:,\-]{1,7}|[a-z][\w.+\-]*://[^\s@?]*)\s*")
_GUID = LazyPattern(r"(?i)\s*\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?\s*")
_KEY_NAME = LazyPattern(r"(?i)secret|passw|pwd|key")
_IN_URL = re.compile(
    r"(?i)[?&;](?:code|sig|subscription-key|api-key|api_key|apikey|x-functions-key|access_token|client_secret)="
    r"([^&\"'<>\s{}@]{4,})|://[^/\s:@\"']{1,200}:([^/\s@\"'{}]{3,200})@"
)
_KEYED = LazyPattern(r'"([^"\\]{1,80})"\s*:\s*"((?:[^"\\]|\\.){4,4096})"')
_SHAPE_SIGNS = ("eyJ", "Key=", "sig=", "code=", "Bearer ", "Basic ", "PRIVATE KEY")


def may_have_shape(text: str) -> bool:
    """A quick test before looking for shapes, which is slow on long texts."""
    return any(sign in text for sign in _SHAPE_SIGNS)


def ranges(text: str) -> Iterator[tuple[int, int]]:
    """Where a text that is kept holds a secret: keys, signatures and passwords in urls, anything of a secret's shape."""
    if "=" in text or "://" in text:
        for match in _IN_URL.finditer(text):
            group = 1 if match[1] is not None else 2
            if not (is_reference(match[group]) or is_masked(match[group])):
                yield match.span(group)
    if may_have_shape(text):
        yield from secret_ranges(text)


def strike(text: str, found: Iterable[tuple[int, int]], hide: Callable[[str], str]) -> tuple[str, list[str]]:
    """``text`` with ranges replaced by ``hide`` of what stood there, and what stood there; overlapping ranges become one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    out: list[str] = []
    secrets: list[str] = []
    position = 0
    for start, end in joined:
        secrets.append(text[start:end])
        out += (text[position:start], hide(text[start:end]))
        position = end
    return "".join(out) + text[position:], secrets


def is_literal(value: object) -> bool:
    """Whether a value is a text that stands for itself: no expression, named value, reference, input, placeholder or mask."""
    if not isinstance(value, str) or _SCHEME_ALONE.fullmatch(value):
        return False
    bare = _SCHEME.sub("", value, count=1)
    return not (is_reference(bare) or is_placeholder(bare) or is_masked(bare.strip()) or "{{" in bare or "${" in bare)


def without_scheme(value: str) -> str:
    """The credential in ``Bearer <credential>``; the value itself when it names no scheme."""
    return _SCHEME.sub("", value, count=1).strip()


def looks_secret(name: str, value: str) -> bool:
    """Whether a literal under a name is a credential, by its shape or by the name.

    Plain words, numbers, urls without a query and, unless the name speaks of a key or secret, GUIDs are none:
    ``token-issuer`` and ``token-audience`` are names of settings that rules have to see.
    """
    if may_have_shape(value) and has_secret_shape(value):
        return True
    if not is_secret_name(name) or _PLAIN.fullmatch(value):
        return False
    return not _GUID.fullmatch(value) or bool(_KEY_NAME.search(name))


def keyed_secrets(text: str) -> set[str]:
    """Values in broken JSON that look secret by the key before them or by their shape, as they are spelled there."""
    found = {match[2] for match in _KEYED.finditer(text) if is_literal(match[2]) and looks_secret(match[1], match[2])}
    return found | {text[start:end] for start, end in ranges(text)}

"""Masking rows of telemetry: credentials in headers, keys in urls, tokens, and bodies as a whole.

Claims, ids, names of tools and addresses stay: they are what rules about evidence look for.
"""

from __future__ import annotations

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource
from mcpguard.evidence.redaction import CREDENTIAL_HEADERS, is_masked, mask
from mcpguard.sources.door import Door, members
from mcpguard.sources.secrecy import is_literal, looks_secret, strike

_PREFIX = LazyPattern(r"(?i)^(?:backend[-_ ]?)?(?:request|response)[-_ ](?:headers?[-_ ])?")
_PAYLOADS = frozenset(
    {
        *("gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.input.messages", "gen_ai.output.messages"),
        "gen_ai.system_instructions",
    }
)
_PAIR = LazyPattern(r'"([^"\\]{1,120})"\s*:\s*"((?:[^"\\]|\\.)++)"')
_MASKED_LENGTH = 64
"""A body is masked at no more than this length: what is not quoted needs no positions."""


def mask_table(door: Door, resource: RawResource) -> None:
    """Mask the cells of one table, in place."""
    names = [str(column["name"]) for column in resource.body["columns"]]
    for row in resource.body["rows"]:
        for index, name in enumerate(names):
            _mask(door, row, index, name)


def _mask(door: Door, holder: Json, key: str | int, name: str) -> None:
    stack: list[tuple[Json, str | int, str]] = [(holder, key, name)]
    while stack:
        holder, key, name = stack.pop()
        value = holder[key]
        if isinstance(value, dict | list):
            # An item of a list has the list's name: headers may have several values.
            stack.extend((value, inner, inner if isinstance(inner, str) else name) for inner, _ in members(value))
        elif isinstance(value, str) and value:
            if _is_payload(name):
                holder[key] = mask(value[:_MASKED_LENGTH])
            elif _is_credential(name, value):
                door.hide(holder, key)
            else:
                _trim(door, holder, key, value)


def _trim(door: Door, holder: Json, key: str | int, text: str) -> None:
    """Text that is kept, and may be a JSON object itself: ``customDimensions`` of a CSV."""
    if text.lstrip()[:1] in ("{", "["):
        found = [m.span(2) for m in _PAIR.finditer(text) if _is_payload(m[1]) or _is_credential(m[1], m[2])]
        if found:
            holder[key], secrets = strike(text, found, mask)
            door.secrets.update(secrets)
    door.trim(holder, key)


def _is_payload(name: str) -> bool:
    lowered = name.lower()
    return lowered.endswith("body") or lowered in _PAYLOADS


def _is_credential(name: str, value: str) -> bool:
    if is_masked(value) or not is_literal(value):
        return False
    plain = _PREFIX.sub("", name)
    return plain.lower() in CREDENTIAL_HEADERS or looks_secret(plain, value)

"""JSON text out of structs, whatever strings the input held."""

from __future__ import annotations

import msgspec


def encode(value: object) -> str:
    """``value`` as indented JSON; half a surrogate pair, which JSON text cannot hold, becomes a question mark."""
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:
        data = msgspec.json.encode(_encodable(msgspec.to_builtins(value)))
    return msgspec.json.format(data, indent=2).decode() + "\n"


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value

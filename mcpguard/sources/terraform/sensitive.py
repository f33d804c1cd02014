"""What Terraform marks sensitive, and what is a secret without a mark: hidden in values, remembered for quotations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from mcpguard.evidence import Json, Unresolved
from mcpguard.evidence.redaction import is_masked, is_secret_name, mask
from mcpguard.sources.door import SECRET_MEMBERS, Door, members, object_at
from mcpguard.sources.reading import Reading
from mcpguard.sources.secrecy import is_literal, looks_secret

MAX_DEPTH = 60
"""Values nested deeper are not read."""
TOO_DEEP = "nested too deeply"
_SHORTEST = 4
_WORDS = frozenset({"true", "false", "null", "none", "enabled", "disabled"})
_SENSITIVE = "a value that Terraform marks sensitive"
_NAMED_VALUES = frozenset({"azurerm_api_management_named_value", "azurerm_api_management_workspace_named_value"})


def hidden(value: Json, depth: int = 0) -> Json:
    """A sensitive value with every text in it masked, and anything else in it not said."""
    if depth > MAX_DEPTH:
        return Unresolved(TOO_DEEP)
    if isinstance(value, str) and len(value) >= _SHORTEST:
        return value if is_masked(value) else mask(value)
    if isinstance(value, dict):
        return {key: hidden(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item, depth + 1) for item in value]
    return value if value in (None, "") else Unresolved(_SENSITIVE)


def shown(value: Json, depth: int = 0) -> Json:
    """A value for a place where a mask would be taken for a value: what is masked there is not said."""
    if depth > MAX_DEPTH:
        return Unresolved(TOO_DEEP)
    if isinstance(value, str):
        # A short run of stars is a wildcard; short secrets are not masked but left unsaid.
        return Unresolved(_SENSITIVE) if len(value) >= _SHORTEST and is_masked(value) else value
    if isinstance(value, dict):
        return {key: shown(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item, depth + 1) for item in value]
    return value


def find_overmarked(value: dict[str, Json]) -> Iterator[tuple[dict[str, Json], str]]:
    """Marks on values of named values that are no secrets, with the value.

    The provider marks every ``value`` (azurerm, ``api_management_named_value_resource.go``), also where ``secret`` is false
    and Azure shows it to every reader. Such values are judged like those that ARM answers: by their name and shape.
    """
    stack: list[Json] = [value]
    while stack:
        holder = stack.pop()
        stack.extend(item for _, item in members(holder) if isinstance(item, dict | list))
        if not isinstance(holder, dict) or str(holder.get("type")) not in _NAMED_VALUES:
            continue
        change = object_at(holder, "change")
        for values, marks in (
            (holder.get("values"), holder.get("sensitive_values")),
            (change.get("before"), change.get("before_sensitive")),
            (change.get("after"), change.get("after_sensitive")),
        ):
            if not isinstance(values, dict) or not isinstance(marks, dict) or marks.get("value") is not True:
                continue
            plain = values.get("value")
            names = (values.get("name"), values.get("display_name"))
            if not isinstance(plain, str) or values.get("secret") is not False:
                continue
            if not any(looks_secret(str(name), plain) for name in names):
                yield marks, plain


# -- secrets of the file ---------------------------------------------------------------------------------------------


def note_secrets(reading: Reading, value: dict[str, Json]) -> None:
    """Remember every secret that stands anywhere in the file, also in resources that are not read."""
    marks = (("values", "sensitive_values"), ("before", "before_sensitive"), ("after", "after_sensitive"))
    door = Door()
    variables = object_at(value, "configuration", "root_module", "variables")
    for name in object_at(value, "variables"):
        if object_at(variables, name).get("sensitive") is True:
            _remember(reading, object_at(value, "variables", name).get("value"))
    stack: list[Json] = [value]
    while stack:
        holder = stack.pop()
        if isinstance(holder, dict):
            for held, mark in marks:
                if mark in holder:
                    _remember_marked(reading, holder.get(held), holder[mark])
            if holder.get("sensitive") is True:  # an output, or a variable of the configuration
                _remember(reading, [holder.get("value"), holder.get("default")])
        for key, item in members(holder):
            if isinstance(item, dict | list):
                stack.append(item)
            elif isinstance(item, str) and len(item) >= _SHORTEST:
                if isinstance(key, str) and (_is_secret_member(key) or (_is_secret_name(key) and looks_secret(key, item))):
                    _remember(reading, item)
                else:
                    door.trim([item], 0)
    reading.secrets |= door.secrets


@lru_cache(maxsize=4096)
def _is_secret_member(name: str) -> bool:
    return name.replace("_", "").lower() in SECRET_MEMBERS


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    return is_secret_name(name)


def _remember_marked(reading: Reading, value: Json, marks: Json) -> None:
    stack = [(value, marks)]
    while stack:
        current, mark = stack.pop()
        if mark is True:
            _remember(reading, current)
        elif isinstance(mark, dict | list):
            held = dict(members(current))
            stack.extend((held[key], below) for key, below in members(mark) if key in held)


def _remember(reading: Reading, value: Json) -> None:
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, str):
            if len(current) >= _SHORTEST and current.lower() not in _WORDS and is_literal(current):
                reading.secrets.add(current)
        else:
            stack.extend(item for _, item in members(current))

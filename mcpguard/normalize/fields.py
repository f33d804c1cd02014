"""Reading members of raw resources into facts: present, absent, null, computed by a template, or of a wrong type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved
from mcpguard.evidence.formats import cannot_hold
from mcpguard.model.template_keys import TemplateValue, template_keys

T = TypeVar("T")

READ_AGAIN = "add the answer of: az rest --method get --url "
_ABSENT = object()
_WORDS = {str: "a text", bool: "true or false", int: "a number", dict: "an object", list: "a list"}


def lookup(body: Json, steps: Sequence[str | int]) -> Json:
    """The value at a route, None when a step is absent or null, and the Unresolved leaf when the route runs into one."""
    value = body
    for step in steps:
        if isinstance(value, Unresolved):
            return value
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def fact(raw: RawResource, steps: tuple[str | int, ...], kind: type[T], absent: Fact[T]) -> Fact[T]:
    """The member at ``steps`` as a fact of type ``kind``; ``absent`` stands in when it is absent or null.

    A member that the source format has no place for is unknown, whatever ``absent`` says.
    """
    value = lookup(raw.body, steps)
    if value is None:
        return _not_in_this_format(raw, steps) or absent
    at = raw.origin.child(*steps)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return Known(value, at)
    return not_usable(raw, steps, value, _WORDS.get(kind, kind.__name__))


def _not_in_this_format(raw: RawResource, steps: tuple[str | int, ...]) -> Unknown | None:
    if not cannot_hold(raw.format, steps):
        return None
    remedy = f"add the answer of Azure Resource Manager for it: az rest --method get --url {raw.id}"
    if raw.type.startswith("microsoft.graph/"):
        remedy = (
            f"add the answer of Graph for the same object: az rest --method get --url https://graph.microsoft.com/v1.0{raw.id}"
        )
    return Unknown(f"{'.'.join(map(str, steps))} of {raw.id}, which the format {raw.format} cannot hold", remedy, raw.origin)


def not_usable(raw: RawResource, steps: tuple[str | int, ...], value: Json, wanted: str) -> Unknown:
    """Why a member that is there tells nothing."""
    dotted = ".".join(map(str, steps))
    at = raw.origin.child(*steps)
    if isinstance(value, Unresolved):
        return Unknown(
            f"{dotted} of {raw.id}, which the template computes as {value.expression}"
            + (f" ({value.reason})" if value.reason else ""),
            "scan the deployed resource (az rest) or a template with plain values",
            at,
        )
    return Unknown(f"{dotted} of {raw.id}, which is not {wanted}", "repair the file; Azure does not answer like that", at)


def text(raw: RawResource, *steps: str | int) -> str:
    """A text for display and for links; empty when it is absent or not plain."""
    value = lookup(raw.body, steps)
    return value if isinstance(value, str) else ""


def texts(raw: RawResource, steps: tuple[str | int, ...], absent: Fact[tuple[str, ...]]) -> Fact[tuple[str, ...]]:
    """A list of texts; unknown as a whole when one of them is computed."""
    found = fact(raw, steps, list, _cast(absent))
    match found:
        case Known(value=list() as values, at=at, default=default):
            for index, value in enumerate(values):
                if not isinstance(value, str):
                    return not_usable(raw, (*steps, index), value, "a text")
            return Known(tuple(values), at, default)
        case Known():
            return absent
        case Unknown():
            return found


def _cast(absent: Fact[tuple[str, ...]]) -> Fact[list[Json]]:
    match absent:
        case Known(value=value, at=at, default=default):
            return Known(list(value), at, default)
        case Unknown():
            return absent


def tags(raw: RawResource) -> Fact[dict[str, str]]:
    """The resource's tags. ARM leaves the member out, or null, when there are none."""
    found = fact(raw, ("tags",), dict, Known({}, raw.origin, "ARM leaves tags out when there are none"))
    match found:
        case Known(value=value, at=at, default=default):
            return Known({str(k): v for k, v in value.items() if isinstance(v, str)}, at, default)
        case Unknown():
            return found


def base_of(raw: RawResource) -> dict[str, object]:
    """The members that every entity takes from its resource."""
    return {
        "id": raw.id,
        "key": raw.key,
        "name": last_segment(raw.id.rstrip("/")),
        "at": raw.origin,
        "format": raw.format,
        "api_version": raw.api_version,
    }


def optional_text(raw: RawResource, steps: tuple[str, ...]) -> Fact[str | None]:
    """A text that may be left out: None when it is absent, null or empty."""
    value = lookup(raw.body, steps)
    if value is None and (missing := _not_in_this_format(raw, steps)) is not None:
        return missing
    if value is None or isinstance(value, str):
        return Known(value or None, raw.origin.child(*steps))
    return not_usable(raw, steps, value, "a text")


def template_at(raw: RawResource, steps: tuple[str | int, ...]) -> TemplateValue | None:
    """What a template computes for a member; None when the member is plain."""
    value = lookup(raw.body, steps)
    return template_value(raw, steps, value) if isinstance(value, Unresolved) else None


def template_value(raw: RawResource, steps: tuple[str | int, ...], value: Unresolved) -> TemplateValue:
    """A value of a template, as rules see it."""
    return TemplateValue(not_usable(raw, steps, value, "a text"), template_keys(value))


def last_segment(key: str) -> str:
    """The last part of an id."""
    return key.rsplit("/", 1)[-1]


def parent_key(key: str) -> str:
    """The key of the parent resource: the id without its last type and name."""
    return key.rsplit("/", 2)[0]


def absent_member(raw: RawResource, what: str, remedy: str) -> Unknown:
    """The fact for a member that this format does not hold."""
    return Unknown(f"{what} of {raw.id}", remedy, raw.origin)


def location_of(raw: RawResource, path: str) -> Location:
    """Where a text of a resource stands: in a file of its own, or at its route in the resource."""
    return raw.texts.get(path) or raw.origin.child(*path.split("."))

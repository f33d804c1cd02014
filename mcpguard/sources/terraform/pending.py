"""Resources while they are put together, and what is done with each when it is whole: policies, secrets, conditions."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mcpguard.core.location import Location, Route
from mcpguard.evidence import Gap, GapReason, Json, RawResource, Unresolved, resource_key
from mcpguard.evidence.kinds import SETTINGS, kind_of
from mcpguard.evidence.redaction import mask_text
from mcpguard.sources.arm.holes import fill
from mcpguard.sources.arm.values import lean
from mcpguard.sources.door import Door, leaves
from mcpguard.sources.ids import parent_of
from mcpguard.sources.reading import Reading
from mcpguard.sources.terraform import FORMAT
from mcpguard.sources.terraform.instances import Document, Instance
from mcpguard.sources.terraform.shapes import Shaped

_VALUES = "give the values in a terraform.tfvars, or scan the plan: terraform show -json"


class Pending(msgspec.Struct):
    """A resource that later instances may still add to."""

    id: str
    type: str
    body: dict[str, Json]
    origin: Location
    reading: Reading
    api_version: str = ""
    text_at: Location | None = None
    """Where the characters of its policy stand, when they do not stand in the body."""
    holes: dict[str, Unresolved] = {}
    condition: Unresolved | None = None


def find_policy(document: Document, instance: Instance, pending: Pending, shaped: Shaped, source: Route) -> None:
    """Find the text of a policy, with names for what is open in it, and the place of its characters.

    ``source`` leads from the instance's values to those of the resource.
    """
    properties = pending.body.get("properties")
    if not isinstance(properties, dict) or "value" not in properties:
        return
    value = properties["value"]
    if isinstance(value, Unresolved):
        value, pending.holes = fill(value) or (value, {})
        properties["value"] = value
    if isinstance(value, str):
        steps = ("properties", "value")
        known = next((depth for depth in (2, 1) if steps[:depth] in shaped.moved), 0)
        route = (*source, *shaped.moved.get(steps[:known], ()), *steps[known:])
        pending.text_at = document.find_text(instance, route, value)


def hand_over(pending: Pending, others: Mapping[str, Pending], *, is_written: bool) -> None:
    """Take a resource. One that may not be there is judged as if it were, and lets nothing that it changes pass.

    Args:
        pending: the resource.
        others: all resources of the document, by key.
        is_written: whether its values are evaluated from what an author wrote, so that expressions may hold anything.
    """
    reading = pending.reading
    texts: dict[str, Location] = {}
    if pending.text_at is not None:
        properties = pending.body["properties"]
        properties["value"] = reading.take_policy(properties["value"], pending.text_at)
        texts = {"properties.value": pending.text_at}
    if is_written:
        for holder, key, value in leaves(pending.body):
            if isinstance(value, Unresolved):
                holder[key] = _kept(value, reading)
        pending.holes = {name: _kept(hole, reading) for name, hole in pending.holes.items()}
    door = Door()
    door.walk(pending.holes)
    reading.secrets |= door.secrets
    if pending.condition is not None:
        _note_condition(pending, pending.condition, others)
    body, origin, holes = pending.body, pending.origin, pending.holes
    reading.add(RawResource(pending.id, pending.type, body, origin, FORMAT, pending.api_version, texts=texts, holes=holes))


def _kept(value: Unresolved, reading: Reading) -> Unresolved:
    """An unresolved value as evidence keeps it, without the secrets that its expression spells out."""
    found = lean(value)
    if '"' not in found.expression:
        return found
    return msgspec.structs.replace(found, expression=mask_text(found.expression, reading.secrets))


def _note_condition(pending: Pending, condition: Unresolved, others: Mapping[str, Pending]) -> None:
    """A gap where settings may be absent, unless what they belong to is absent with them."""
    kind, parent = kind_of(pending.type), parent_of(resource_key(pending.id))
    above = others.get(parent)
    if kind in SETTINGS and not (above is not None and above.condition == condition):
        words = mask_text(condition.expression, pending.reading.secrets)[:120]
        detail = f"{pending.reading.path} declares {pending.id} under a condition that is not known: {words}"
        gap = Gap(parent, frozenset({kind}), GapReason.UNSUPPORTED, detail, _VALUES, pending.origin)
        pending.reading.gaps.append(gap)

"""Expiry and review dates: where one may live (facts/entra.md 3.1), and which of these places an export holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.model.kinds.entra import DatedNote
from mcpguard.normalize.entra.index import DirectoryIndex
from mcpguard.normalize.entra.members import remedy
from mcpguard.normalize.fields import absent_member, last_segment, lookup, text

_WORDS = r"review(?!ed)|expir|valid[ _-]?until|recertif(?!ied)|attest(?!ed)|sunset"
"""Words before a date to keep. What has been reviewed, or when it was last, is no such date."""
_DATE = re.compile(rf"(?i)\b(?<!last[ _-])(?:{_WORDS})[a-z _\-]*\s*[:=]?\s*(\d{{4}}-\d{{2}}-\d{{2}})")
_KEY = re.compile(rf"(?i)^(?!.*last).*(?:{_WORDS})")
_ISO = re.compile(r"^(\d{4}-\d{2}-\d{2})")
_ATTRIBUTES = "custom security attributes"
_PACKAGES = "access packages"
_REVIEWS = "access reviews"
_TEXTS = ("notes", "description")


def review_dates(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[DatedNote, ...]]:
    """Every date that was found; unknown when there is none and neither tags nor notes were read."""
    found = [*_in_tags(raw), *_in_texts(raw), *_in_attributes(raw), *_in_packages(raw, index), *_in_reviews(raw, index)]
    if not found and not isinstance(raw.body.get("tags"), list) and "notes" not in raw.body:
        return absent_member(raw, "tags and notes", remedy(raw))
    return Known(tuple(found), raw.origin)


def looked_in(raw: RawResource, index: DirectoryIndex) -> tuple[str, ...]:
    """The places that could be read."""
    return tuple(place for place, was_read in _places(raw, index) if was_read)


def not_looked_in(raw: RawResource, index: DirectoryIndex) -> tuple[str, ...]:
    """The places that the export does not hold."""
    return tuple(place for place, was_read in _places(raw, index) if not was_read)


def _places(raw: RawResource, index: DirectoryIndex) -> Iterator[tuple[str, bool]]:
    yield "tags", isinstance(raw.body.get("tags"), list)
    for name in _TEXTS:
        yield name, name in raw.body
    yield _ATTRIBUTES, "customSecurityAttributes" in raw.body  # null when it has none
    yield _PACKAGES, index.has_packages
    yield _REVIEWS, index.has_reviews


def _in_tags(raw: RawResource) -> Iterator[DatedNote]:
    tags = raw.body.get("tags")
    for number, tag in enumerate(tags if isinstance(tags, list) else ()):
        yield from _in_text(tag, "tags", raw, ("tags", number))


def _in_texts(raw: RawResource) -> Iterator[DatedNote]:
    for name in _TEXTS:
        yield from _in_text(raw.body.get(name), name, raw, (name,))


def _in_text(value: Json, place: str, raw: RawResource, steps: tuple[str | int, ...]) -> Iterator[DatedNote]:
    if isinstance(value, str):
        for match in _DATE.finditer(value):
            yield DatedNote(match[1], place, raw.origin.child(*steps))


def _in_attributes(raw: RawResource) -> Iterator[DatedNote]:
    attributes = raw.body.get("customSecurityAttributes")
    for group, values in attributes.items() if isinstance(attributes, dict) else ():
        for name, value in values.items() if isinstance(values, dict) else ():
            if _KEY.search(str(name)):
                at = raw.origin.child("customSecurityAttributes", str(group), str(name))
                yield from _dated(value, _ATTRIBUTES, at)


def _in_packages(raw: RawResource, index: DirectoryIndex) -> Iterator[DatedNote]:
    """The end of an access that lapses by itself: ``schedule.expiration.endDateTime`` of a delivered assignment."""
    for assignment in index.packages(last_segment(raw.key)):
        if text(assignment, "state").lower() not in ("expired", "deliveryfailed"):
            end = lookup(assignment.body, ("schedule", "expiration", "endDateTime"))
            yield from _dated(end, _PACKAGES, assignment.origin.child("schedule", "expiration", "endDateTime"))


def _in_reviews(raw: RawResource, index: DirectoryIndex) -> Iterator[DatedNote]:
    """The end of a review's recurrence; no date, but a review all the same, when it recurs without an end."""
    for review in index.reviews_naming(last_segment(raw.key), text(raw, "appId").lower()):
        steps = ("settings", "recurrence", "range")
        at = review.origin.child(*steps)
        if lookup(review.body, (*steps, "type")) == "noEnd":
            yield DatedNote("", _REVIEWS, at)
        else:
            yield from _dated(lookup(review.body, (*steps, "endDate")), _REVIEWS, at)


def _dated(value: Json, place: str, at: Location) -> Iterator[DatedNote]:
    match = _ISO.match(value) if isinstance(value, str) else None
    if match:
        yield DatedNote(match[1], place, at)

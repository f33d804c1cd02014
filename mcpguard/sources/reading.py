"""What one file gave: filled by the module that knows its shape, turned into an artifact at the end."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mcpguard.core.jsontext import JsonError
from mcpguard.core.location import Location, Route, TextRange
from mcpguard.core.positions import Places, line_starts, span_in
from mcpguard.evidence import Artifact, ArtifactStatus, ArtifactText, Complete, Gap, Json, RawResource
from mcpguard.evidence.redaction import mask_text, spellings
from mcpguard.sources import masking, policy_secrets
from mcpguard.sources.secrecy import keyed_secrets
from mcpguard.sources.spelling import raw_spellings

_MAX_NOTES = 3
_LONG_LINE = 8
"""A line of a secret over several lines is struck out of quotations from this length on."""


class Trouble(msgspec.Struct, frozen=True):
    """Something in a file that could not be read, and where."""

    detail: str
    at: Location | None = None


class Page(msgspec.Struct, frozen=True):
    """A list answer: one type of children of one parent, and whether it is the whole list."""

    scope: str
    type: str
    items: int
    total: int
    """What the answer says how many there are; -1 when it does not say."""
    continues: bool
    """Whether it ends with a link to the next page."""
    at: Location


class Reading(msgspec.Struct):
    """What one file gave."""

    path: str
    data: bytes
    text_format: str = "text"
    """How :class:`mcpguard.core.positions.SourceText` finds places in it."""
    kind: str = ""
    note: str = ""
    resources: list[RawResource] = []
    gaps: list[Gap] = []
    complete: list[Complete] = []
    pages: list[Page] = []
    troubles: list[Trouble] = []
    """Parts that could not be read."""
    notes: list[str] = []
    """What was odd although it was read."""
    secrets: set[str] = set()
    moved: dict[Route, Route] = {}
    """Where members stand in the file, for bodies that were put into another shape; see :class:`ArtifactText`."""
    places: Places | None = None
    """Finds routes in the file where its format is a language of its own."""
    templates: list[tuple[dict[str, Json], Route]] = []
    """Deployment templates that wait for the parameters in other files, with their place."""
    parameters: dict[str, Json] | None = None
    """The parameter file that it is."""
    loaded_at: list[Location] = []
    """Where other files load its text."""
    failed: Trouble | None = None
    reason: str = ""
    """Why nothing was taken from it."""
    quotable: bool = True
    """Whether its text is kept to quote from; telemetry is not."""

    def at(self, *route: str | int) -> Location:
        """A place in this file."""
        return Location(self.path, route)

    def add(self, resource: RawResource) -> None:
        """Take a resource. Secrets in its body are masked, in place; a policy text in it is looked through."""
        self.kind = self.kind or resource.format
        if masked := masking.mask_body(resource):
            self.secrets |= masked
        if masking.holds_policy(resource) and "properties.value" not in resource.texts:
            properties = resource.body["properties"]
            at = resource.origin.child("properties", "value")
            properties["value"] = self.take_policy(properties["value"], at)
        self.resources.append(resource)

    def take_policy(self, text: str, at: Location) -> str:
        """A policy text with its secrets masked; what could not be read of it is noted with its place."""
        scan = policy_secrets.scan(text)
        self.secrets.update(scan.secrets)
        self.troubles.extend(
            Trouble(mask_text(problem.message, scan.secrets), at.range(problem.start, problem.end)) for problem in scan.problems
        )
        return scan.masked

    def skip(self, reason: str) -> None:
        """Take nothing, and say why; the first reason counts."""
        self.reason = self.reason or reason

    def miss(self, detail: str, at: Location | None = None) -> None:
        """Note a part that was not read."""
        self.troubles.append(Trouble(detail, at))

    def fail(self, message: str, offset: int) -> None:
        """Give the file up at a byte offset; its text stays so that the place can be shown."""
        text = self.data.decode("utf-8", "replace")
        start = len(self.data[:offset].decode("utf-8", "ignore"))
        span = span_in(line_starts(text), text, start, start + 1)
        detail = f"line {span.line}, column {span.column}: {message}"
        self.failed = Trouble(detail, Location(self.path, (), TextRange(start, start + 1)))
        self.text_format = "text"
        self.secrets |= keyed_secrets(text)

    def fail_json(self, error: JsonError) -> None:
        """Give the file up because it is not JSON."""
        message = error.message
        if "trailing" in message:
            message += "; several JSON values in one file are read when each stands on a line of its own"
        self.fail(message, error.offset)

    @property
    def status(self) -> ArtifactStatus:
        """What became of the file."""
        if self.failed:
            return ArtifactStatus.FAILED
        if self.troubles:
            return ArtifactStatus.PARTIAL
        return ArtifactStatus.SKIPPED if self.reason and not self.resources else ArtifactStatus.READ

    def artifact(self, remarks: Iterable[str] = ()) -> Artifact:
        """The artifact; ``remarks`` come from comparing files with each other."""
        parts: list[str] = []
        at = None
        if self.failed:
            parts.append(self.failed.detail)
            at = self.failed.at
        elif self.troubles:
            first, more = self.troubles[0], len(self.troubles) - 1
            parts.append(f"{first.detail} (and {more} more)" if more else first.detail)
            at = first.at
        if self.reason and self.status is ArtifactStatus.SKIPPED:
            parts.append(self.reason)
        notes = [note for note in (self.note, *self.notes) if note]
        parts.extend(notes[:_MAX_NOTES])
        if len(notes) > _MAX_NOTES:
            parts.append(f"{len(notes) - _MAX_NOTES} more remarks")
        parts.extend(remarks)
        return Artifact(self.path, self.kind, self.status, "; ".join(parts), at, len(self.resources), tuple(self.loaded_at))

    def text(self) -> ArtifactText | None:
        """The text to quote from; None when nothing will be quoted."""
        if self.status is ArtifactStatus.SKIPPED or not self.quotable:
            return None
        spelled: set[str] = set()
        for secret in self.secrets:
            spelled |= spellings(secret)
        if self.text_format == "yaml":
            spelled |= _yaml_spellings(self.secrets)
        elif self.text_format in ("json", "jsonc", "jsonl"):
            spelled |= raw_spellings(self.data, self.secrets)
        return ArtifactText(self.data, self.text_format, frozenset(spelled), self.moved, self.places)


def _yaml_spellings(secrets: Iterable[str]) -> set[str]:
    """How YAML may spell secrets: with doubled quotes, and over several lines."""
    found = {secret.replace("'", "''") for secret in secrets if "'" in secret}
    for secret in secrets:
        lines = secret.split("\n")
        found |= {line.strip() for line in lines if len(lines) > 1 and len(line.strip()) >= _LONG_LINE}
    return found


def number_of(count: int, noun: str) -> str:
    """``1 resource``, ``2 resources``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

"""The types that sources and collectors produce and that normalization consumes."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from mcpguard.core.location import Location, Route
from mcpguard.core.positions import Places

Json = Any
"""A decoded JSON value in which leaves may be :class:`Unresolved`. Shapes are Azure's, so only normalization may trust them."""

EVERYTHING = "*"
"""In :class:`Complete`: every kind of descendant."""


class Unresolved(msgspec.Struct, frozen=True):
    """A value that a template computes and that is not known before deployment; it stands where the value would stand.

    ``[listKeys(resourceId('Microsoft.Web/sites/host', 'app', 'default'), '2024-04-01').masterKey]`` keeps the function
    ``listkeys``, its evaluated arguments and the route ``("masterKey",)``.
    """

    expression: str
    """The expression in which it arose, in brackets, as the template writes it."""
    function: str = ""
    """Lower-case name of the function whose result it is; empty when it is computed from several values."""
    arguments: tuple[Json, ...] = ()
    """The evaluated arguments of ``function``; some may be unresolved themselves."""
    route: tuple[str | int, ...] = ()
    """Which part of the function's result it is."""
    parts: tuple[str | Unresolved, ...] = ()
    """What a text is put together from when some of it is known: ``("https://", Unresolved(…), "/mcp")``."""
    reason: str = ""
    """Why it could not be evaluated, as a clause; empty when it simply depends on what only deployment knows."""


_NOTHING: dict[str, Any] = {}
"""Shared by all resources without texts or holes, of which a directory has hundreds of thousands; nobody changes them."""


class RawResource(msgspec.Struct, frozen=True, gc=False):
    """One resource in the shape in which ARM, Graph or a file holds it."""

    id: str
    """ARM resource id, Graph path (``/applications/<id>``) or a path made from a file's name. As written; compare keys."""
    type: str
    """Lower case: an ARM type, ``microsoft.graph/…`` for directory objects, ``file/…`` for what exists only as a file."""
    body: dict[str, Json]
    origin: Location
    """Where the resource's object stands; routes of findings are appended to it."""
    format: str
    """The source format, such as ``arm-json`` or ``apiops``; what a format cannot hold is unknown, not false."""
    api_version: str = ""
    """Empty when the input does not say which api-version answered."""
    texts: dict[str, Location] = msgspec.field(default_factory=lambda: _NOTHING)
    """Places of texts that live in files of their own, by their path in ``body``: an extract's ``policy.xml``."""
    holes: dict[str, Unresolved] = msgspec.field(default_factory=lambda: _NOTHING)
    """Names that stand in its policy text as ``{{name}}`` for what a template computes, with what they stand for."""
    key: str = ""
    """The id in the form in which ids are compared; always worked out from ``id``."""

    def __post_init__(self) -> None:
        """Work out the key once: it is asked for many times."""
        msgspec.structs.force_setattr(self, "key", resource_key(self.id))


class GapReason(Enum):
    """Why something could not be read."""

    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    UNSUPPORTED = "unsupported"
    UNPARSABLE = "unparsable"
    OLD_API_VERSION = "old-api-version"
    NOT_COLLECTED = "not-collected"
    INCOMPLETE_PAGE = "incomplete-page"


class Gap(msgspec.Struct, frozen=True):
    """Something that exists, or may exist, and was not read."""

    scope: str
    """Key of the resource below which something is missing; empty for the whole estate."""
    kinds: frozenset[str]
    """The kinds that are missing there, by their name in the model (``policy``, ``mcp-server``)."""
    reason: GapReason
    detail: str
    """One sentence that names the thing."""
    remedy: str
    """How to close the gap."""
    at: Location | None = None


class Complete(msgspec.Struct, frozen=True):
    """A claim by a source: every child of one type below one resource was read."""

    scope: str
    """Key of the parent."""
    type: str
    """Lower-case type of the children, or ``*`` for everything below the parent."""


class ArtifactStatus(Enum):
    """What became of a file."""

    READ = "read"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class Artifact(msgspec.Struct, frozen=True):
    """One file of the input and what became of it."""

    path: str
    kind: str
    """What it was taken for: ``arm-json``, ``apiops``, ``policy``…; empty when it was not recognized."""
    status: ArtifactStatus
    detail: str = ""
    """Why it was not read, or what was odd; empty when all was well."""
    at: Location | None = None
    """The place of the trouble, when there is one."""
    resources: int = 0
    loaded_at: tuple[Location, ...] = ()
    """Where other files load its text; what is found in it is found there too."""


class ArtifactText(msgspec.Struct, frozen=True):
    """The text of an artifact, kept so that findings can quote it."""

    data: bytes
    """UTF-8, whatever the file's encoding was."""
    format: str
    """``json``, ``jsonc``, ``jsonl``, ``yaml``, ``yaml-documents``, ``hcl`` or ``text``: see
    :class:`mcpguard.core.positions.SourceText`.
    """
    secrets: frozenset[str] = frozenset()
    """Literal secrets that stand in the text, in the spelling of the text. Every quotation masks them."""
    moved: dict[Route, Route] = {}
    """Where a body has another shape than the text: the route of a member in the body, and its route in the text. What
    stands below it moves along; the longest route counts."""
    places: Places | None = None
    """Finds routes in the text where its format is a language of its own."""


class Evidence(msgspec.Struct, frozen=True):
    """All that one run has read."""

    resources: tuple[RawResource, ...]
    gaps: tuple[Gap, ...]
    complete: frozenset[Complete]
    artifacts: tuple[Artifact, ...]
    texts: dict[str, ArtifactText]
    """By artifact path; only for artifacts that were read in full or in part."""
    inputs: tuple[str, ...]
    """The paths given, as given."""
    digest: str
    """BLAKE2b-256 over paths and contents of everything that was read."""

    def as_complete(self) -> Evidence:
        """The same, when its owner says that what is absent does not exist."""
        return msgspec.structs.replace(self, complete=self.complete | {Complete("", EVERYTHING)})


def resource_key(id: str) -> str:
    """The form in which ids are compared: ARM and Graph ids are case-insensitive, and a trailing slash means nothing."""
    key = id.lower().rstrip("/")
    return id if key == id else key  # one text instead of two

"""The files that a configuration may read: those of the scan, and no others.

Nothing here touches the disk. A path is followed within what was found below the scanned folders, so a path that
leaves them leads nowhere, whatever it spells. Whoever wants to allow more gives another :class:`Files`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

import msgspec

from mcpguard.sources.hcl.ast import Call, Source, Template
from mcpguard.sources.hcl.parsing import template
from mcpguard.sources.policies import FORMAT as POLICY
from mcpguard.sources.reading import Reading

_LONGEST = 120


class Refusal(msgspec.Struct, frozen=True):
    """Why there is no file."""

    reason: str
    is_absent: bool = False
    """Whether it lies within the scan and is not there."""


class Files:
    """The files of one scan, by their path in reports."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = {reading.path: reading for reading in readings}
        self._templates: dict[str, Template] = {}
        self.loaded: dict[str, list[str]] = {}
        """Which files were read by a configuration, each with the files that read them."""
        self._settled: set[str] = set()

    def resolve(self, folder: str, path: str) -> str | Refusal:
        """The path in reports of a path that is written in ``folder``."""
        shown = path[:_LONGEST]
        if path.startswith(("/", "~", "\\")) or path[1:3] in (":\\", ":/"):
            return Refusal(f"the path {shown} is absolute; only files of the scanned folder are read")
        if "\0" in path or len(path) > 1000:
            return Refusal("a path that no file can have")
        found = posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))
        if found == ".." or found.startswith("../"):
            return Refusal(f"the path {shown} leaves the scanned folder, and is not read")
        return "" if found == "." else found

    def open(self, folder: str, path: str) -> Reading | Refusal:
        """The file that a path written in ``folder`` leads to."""
        found = self.resolve(folder, path)
        if isinstance(found, Refusal):
            return found
        reading = self._readings.get(found)
        if reading is None:
            return Refusal(f"the file {found[:_LONGEST]} is not among those that were scanned", is_absent=True)
        if not reading.quotable or (reading.failed is not None and reading.kind == "snapshot"):
            return Refusal(f"the file {found[:_LONGEST]} is not one that a configuration is made of")
        return reading

    def below(self, folder: str, path: str) -> list[str] | Refusal:
        """The files below a folder, by their path from there."""
        found = self.resolve(folder, path)
        if isinstance(found, Refusal):
            return found
        prefix = f"{found}/" if found else ""
        return sorted(name[len(prefix) :] for name in self._readings if name.startswith(prefix))

    def note_loaded(self, reading: Reading, call: Call) -> None:
        """Remember that a configuration reads a file: what it says is then judged where it is deployed."""
        readers = self.loaded.setdefault(reading.path, [])
        if call.source.path not in readers:
            readers.append(call.source.path)

    def template(self, reading: Reading) -> Template:
        """A file as a template, parsed once."""
        found = self._templates.get(reading.path)
        if found is None:
            found = self._templates[reading.path] = template(Source(reading.path, reading.data))
        return found

    def settle(self) -> None:
        """Take files that configurations load out of what is judged by itself."""
        for path, readers in self.loaded.items():
            if path in self._settled:
                continue
            self._settled.add(path)
            reading = self._readings[path]
            if (
                reading.kind in ("", POLICY)
                and not reading.gaps
                and all(raw.type == "file/policy" for raw in reading.resources)
            ):
                reading.resources.clear()
                reading.troubles.clear()
                reading.failed = None
                reading.kind = reading.kind or "loaded"
                reading.reason = ""
                reading.notes.append(f"loaded by {', '.join(sorted(readers)[:3])}")

"""The Bicep files of a scan put together: which are deployed by themselves, with which parameters, and what comes of it.

A file that no other one names is deployed by itself; a module is judged as it is called. Parameter files in Bicep name their
template (``using``), those in JSON belong to the one beside them, as for templates.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence

from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Artifact
from mcpguard.sources.arm.files import MAX_FILES, assign, bindings_of, fragments, join, make_evaluator, use_parameters
from mcpguard.sources.arm.places import Place, level_of
from mcpguard.sources.arm.resources import Walk
from mcpguard.sources.arm.scopes import Binding, Scope
from mcpguard.sources.arm.template import Deployment, Unfollowed
from mcpguard.sources.bicep.library import Library
from mcpguard.sources.bicep.places import Places
from mcpguard.sources.bicep.template import File
from mcpguard.sources.door import Door
from mcpguard.sources.files import Source
from mcpguard.sources.reading import Reading
from mcpguard.sources.secrecy import ranges

FORMAT = "bicep"
_PARAMETERS = ".bicepparam"
_MAX_LOADING = 5
"""Places that load a file, as far as a finding in it names them."""
_TEXT = LazyPattern(r"'((?:[^'\\\r\n]|\\.)*+)'")
_VALUE = re.compile(r"\$\{[^}]*\}")


def take_bicep(readings: list[Reading], fetch: Callable[[str], Source | Artifact | None]) -> None:
    """Evaluate every Bicep file that is deployed by itself; what had to be fetched is added to the readings."""
    library = Library(readings, fetch)
    own = [reading for reading in readings if reading.kind == FORMAT]
    files = [library.file(reading.path) for reading in own if not reading.path.endswith(_PARAMETERS)]
    parameter_files = [library.file(reading.path) for reading in own if reading.path.endswith(_PARAMETERS)]
    roots = _roots(library, files)
    given: dict[str, list[Reading | File]] = {}
    declared = {file.path: {found.name.lower() for found in file.of("param")} for file in roots}
    for path, beside in assign(readings, declared, by_name=True).items():
        given.setdefault(path, []).extend(beside)
    for file in parameter_files:
        _assign(library, file, given, roots)
    for root in roots:
        _take(library, root, given.get(root.path, []))
    _conclude(library)
    readings.extend(library.fetched)
    called = {path for file in library.files for path in library.named(file.path)}
    for reading in readings:
        if reading.path in called:
            reading.templates = []


# -- which files are deployed -------------------------------------------------------------------------------------------


def _roots(library: Library, files: Sequence[File]) -> list[File]:
    """The files that no other one names; of files that only name each other, the first."""
    named = {path for file in files for path in library.named(file.path) if path != file.path}
    roots = [file for file in files if file.path not in named]
    reached: set[str] = set()
    for file in [*roots, *files]:
        if file.path in reached:
            continue
        if file not in roots:
            roots.append(file)
        reached.update(found.path for found in library.reached(file.path))
    return sorted(roots, key=lambda file: file.path)


def _assign(library: Library, file: File, given: dict[str, list[Reading | File]], roots: list[File]) -> None:
    """Give a parameter file to the template that it names."""
    reading = library.readings[file.path]
    using = next((declaration.text for declaration in file.of("using")), "")
    target = ""
    with contextlib.suppress(Unfollowed):
        target = library.resolve(file.path, using) if using else ""
    if not target:
        reading.skip(f"parameters of {using}, which was not read" if using else "parameters of no template")
        return
    if target.endswith(".bicep"):
        template = library.file(target)
        if template not in roots:
            roots.append(template)
        given.setdefault(target, []).append(file)
        reading.notes.append(f"parameters of {target}")


# -- evaluating ----------------------------------------------------------------------------------------------------------


def _take(library: Library, root: File, parameters: Sequence[Reading | File]) -> None:
    """Take what a file deploys, once with each parameter file."""
    owner = library.readings[root.path]
    result = Reading(root.path, owner.data)
    if len(parameters) <= 1:
        _evaluate(library, root, parameters[0] if parameters else None, result)
    else:
        results: list[tuple[Reading, Reading]] = []
        for file in parameters[:MAX_FILES]:
            single = Reading(root.path, owner.data)
            _evaluate(library, root, file, single)
            results.append((library.readings[file.path], single))
        for file in parameters[MAX_FILES:]:
            reading = library.readings[file.path]
            reading.skip(f"parameters of {root.path}, which was evaluated with {MAX_FILES} other files already")
        join(result, results)
        result.secrets = {secret for _, single in results for secret in single.secrets}
    _distribute(library, owner, result)


def _evaluate(library: Library, root: File, parameters: Reading | File | None, reading: Reading) -> None:
    """Take what a file deploys with the values of one parameter file."""
    door = Door()
    template = root.template
    files = library.reached(root.path)
    evaluator = make_evaluator(reading, door, sum(len(file.text) for file in files), root.path)
    evaluator.weights = library.weights
    place = Place(level=level_of(template["$schema"]))
    scope = Scope(template, root.at, place, {})
    library.equip(scope, root)
    if isinstance(parameters, File):
        scope.bindings = _bindings(library, parameters, place)
    elif parameters is not None:
        scope.bindings = bindings_of(parameters, scope)
    deployment = Deployment(evaluator, template, root.at, place, scope, scope.frame, linker=library)
    walk = Walk(reading, evaluator, FORMAT)
    walk.mask_parameters(deployment)
    walk.take(deployment)
    evaluator.has_stand_ins = any("uniqueString(" in file.text for file in files)
    walk.conclude()
    reading.secrets |= door.secrets
    data = [library.readings[file.path].data for file in files]
    reading.secrets |= fragments(reading.secrets, data, lambda: _texts(files), template)
    if isinstance(parameters, Reading):
        use_parameters(parameters, root.path, reading.secrets)


def _bindings(library: Library, file: File, place: Place) -> dict[str, Binding]:
    """The values of a parameter file in Bicep."""
    scope = Scope(file.template, file.at, place, {})
    library.equip(scope, file)
    found: dict[str, Binding] = {}
    for name, spec in file.template["parameters"].items():
        at = file.at.child("parameters", name, "defaultValue")
        found[name.lower()] = Binding(spec.get("defaultValue"), at, scope.frame)
    return found


def _texts(files: Sequence[File]) -> set[str]:
    """The stretches of texts that stand in the files."""
    found: set[str] = set()
    for file in files:
        for match in _TEXT.finditer(file.text):
            found.update(_VALUE.split(match[1]))
    return found


# -- what belongs to which file --------------------------------------------------------------------------------------------


def _distribute(library: Library, owner: Reading, result: Reading) -> None:
    """Give every file what stands in it."""

    def holder(at: Location | None) -> Reading:
        return library.readings.get(at.artifact, owner) if at is not None else owner

    for resource in result.resources:
        holder(resource.origin).resources.append(resource)
    for trouble in result.troubles:
        where = holder(trouble.at)
        if trouble not in where.troubles:
            where.troubles.append(trouble)
    owner.gaps += result.gaps
    owner.complete += result.complete
    owner.notes += result.notes
    owner.secrets |= result.secrets


def _conclude(library: Library) -> None:
    """Say of every file what could not be read of it, and let none be quoted with a secret of another one."""
    taken = [library.readings[file.path] for file in library.files]
    loaded = [library.readings[path] for path in library.loaded if path in library.readings]
    secrets = {secret for reading in taken for secret in reading.secrets}
    for file, reading in zip(library.files, taken, strict=True):
        reading.places = Places(file)
        secrets.update(file.text[start:end] for start, end in ranges(file.text))
        for trouble in file.troubles:
            reading.miss(trouble.detail, trouble.at)
    for reading in [*taken, *loaded]:
        reading.secrets |= secrets
    for path, places in library.loaded.items():
        reading = library.readings[path]
        reading.loaded_at += places[:_MAX_LOADING]
        reading.resources = [resource for resource in reading.resources if resource.type != "file/policy"]
        reading.reason = ""
        reading.kind = reading.kind or "loaded"
        reading.notes.append(f"loaded by {places[0].artifact}")

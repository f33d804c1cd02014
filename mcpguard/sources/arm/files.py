"""Templates and parameter files put together: which file gives its values to which template, and what comes of it.

A parameter file belongs to the template in its folder whose name its own begins with (``main.json`` and
``main.prod.parameters.json``), else to the only template beside it, and always to one that declares every parameter it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Complete, Gap, GapReason, Json, RawResource, Unresolved
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources.arm.evaluator import Evaluator
from mcpguard.sources.arm.places import Place, level_of
from mcpguard.sources.arm.resources import Walk
from mcpguard.sources.arm.scopes import Binding, Scope
from mcpguard.sources.arm.template import Deployment, vaulted
from mcpguard.sources.arm.values import Failure, assemble
from mcpguard.sources.door import Door
from mcpguard.sources.reading import Reading
from mcpguard.sources.secrecy import is_literal, looks_secret, ranges
from mcpguard.sources.template_shapes import PARAMETERS

MAX_FILES = 10
"""Parameter files that one template is evaluated with."""
_NAMED = 3
_FRAGMENT = 6
"""Characters from which a part of a secret is worth hiding."""
_MAX_COMPUTED = 500
_LONGEST_QUOTE = 200
_VARIABLE = LazyPattern(r"\$\{([A-Za-z_]\w*)(?:=([^}]*))?\}")
"""learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables"""


def take_templates(readings: Sequence[Reading]) -> None:
    """Evaluate the templates that were put by, each with the parameter files that belong to it."""
    declared = {reading.path: _declared(template) for reading in readings for template, route in reading.templates if not route}
    beside = assign(readings, declared)
    for reading in readings:
        for template, route in reading.templates:
            _take(reading, template, Location(reading.path, route), beside.get(reading.path, []) if not route else [])
        reading.templates = []
    for reading in readings:
        reading.parameters = None


# -- which belongs to which ------------------------------------------------------------------------------------------


def assign(readings: Sequence[Reading], declared: Mapping[str, set[str]], *, by_name: bool = False) -> dict[str, list[Reading]]:
    """Parameter files by the path of their template, given the parameters that each declares, in lower case.

    With ``by_name`` the file ``<template>.parameters.json`` may give more: the Azure Developer CLI leaves out what its
    template does not declare.
    """
    templates: dict[str, list[str]] = {}
    for path in declared:
        templates.setdefault(_folder(path), []).append(path)
    out: dict[str, list[Reading]] = {}
    for reading in sorted(readings, key=lambda reading: reading.path):
        if reading.parameters is None:
            continue
        given, own = _given(reading), _stem(reading.path)
        fitting = [
            (path, _stem(path))
            for path in templates.get(_folder(reading.path), [])
            if given <= declared[path] or (by_name and own == f"{_stem(path)}.parameters")
        ]
        named = [(path, stem) for path, stem in fitting if own.startswith(stem)]
        best = max(named, key=lambda pair: len(pair[1])) if named else fitting[0] if len(fitting) == 1 else None
        if best is not None:
            out.setdefault(best[0], []).append(reading)
    return out


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _stem(path: str) -> str:
    """The file name without its last suffix, in lower case."""
    return path.rpartition("/")[2].rpartition(".")[0].lower()


def _given(reading: Reading) -> set[str]:
    values = (reading.parameters or {}).get("parameters")
    return {name.lower() for name in values} if isinstance(values, dict) else set()


def _declared(template: Mapping[str, Json]) -> set[str]:
    declared = template.get("parameters")
    return {name.lower() for name in declared} if isinstance(declared, dict) else set()


# -- evaluating ------------------------------------------------------------------------------------------------------


def _take(reading: Reading, template: dict[str, Json], at: Location, files: Sequence[Reading]) -> None:
    if len(files) <= 1:
        _evaluate(reading, template, at, files[0] if files else None, reading)
        return
    results: list[tuple[Reading, Reading]] = []
    for file in files[:MAX_FILES]:
        result = Reading(reading.path, reading.data)
        _evaluate(result, template, at, file, reading)
        results.append((file, result))
    for file in files[MAX_FILES:]:
        file.skip(f"parameters of {reading.path}, which was evaluated with {MAX_FILES} other files already")
    join(reading, results)


def _evaluate(reading: Reading, template: dict[str, Json], at: Location, file: Reading | None, owner: Reading) -> None:
    """Take what a template declares with the values of one parameter file.

    ``owner`` is the reading of the template's file, in whose text the secrets stand; ``reading`` gets the rest.
    """
    door = Door()
    evaluator = make_evaluator(reading, door, len(owner.data), owner.path)
    place = Place(level=level_of(template.get("$schema")))
    scope = Scope(template, at, place, {})
    if file is not None:
        scope.bindings = bindings_of(file, scope)
    deployment = Deployment(evaluator, template, at, place, scope, scope.frame)
    walk = Walk(reading, evaluator)
    walk.mask_parameters(deployment)
    walk.take(deployment)
    walk.conclude()
    reading.secrets |= door.secrets
    reading.secrets |= fragments(reading.secrets, (reading.data,), evaluator.literals, template)
    owner.secrets |= reading.secrets
    if file is not None:
        use_parameters(file, owner.path, reading.secrets)


def make_evaluator(reading: Reading, door: Door, size: int, path: str) -> Evaluator:
    """An evaluator for the template at ``path``, of ``size`` bytes; ``reading`` takes what is wrong, ``door`` secrets."""

    def hide(value: Json) -> Json:
        holder = evaluator.own_copy([value])
        if isinstance(holder, list):
            door.hide_all(holder)
            return holder[0]
        return holder

    def look(text: str) -> None:
        door.secrets.update(text[start:end] for start, end in ranges(text))

    evaluator = Evaluator(size, reading.miss, hide, look, path.rpartition("/")[0])
    return evaluator


def use_parameters(file: Reading, path: str, secrets: set[str]) -> None:
    """Note of a parameter file that its values were given to the template at ``path``."""
    file.secrets |= secrets
    file.kind, file.reason = PARAMETERS, ""
    file.notes.append(f"parameters of {path}")


def fragments(
    secrets: Iterable[str], files: Sequence[bytes], literals: Callable[[], set[str]], template: dict[str, Json]
) -> set[str]:
    """The texts that those secrets were put together from that stand in none of ``files`` as they are.

    ``literals`` gives the texts in expressions; others stand in the template.
    """
    encoded = ((secret, secret.encode("utf-8", "replace")) for secret in secrets)
    computed = [secret for secret, written in encoded if not any(written in data for data in files)]
    if not computed:
        return set()
    texts = literals()
    stack: list[Json] = [template.get("variables"), template.get("parameters")]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            texts.add(value)
        elif isinstance(value, dict | list):
            stack.extend(value.values() if isinstance(value, dict) else value)
    longest = max(map(len, computed))
    texts = {text for text in texts if _FRAGMENT <= len(text) <= longest and is_literal(text)}
    return {text for text in texts for secret in computed[:_MAX_COMPUTED] if text in secret}


def bindings_of(file: Reading, scope: Scope) -> dict[str, Binding]:
    """The values of a parameter file, without its secrets."""
    values = (file.parameters or {}).get("parameters")
    out: dict[str, Binding] = {}
    for name, given in values.items() if isinstance(values, dict) else ():
        at = file.at("parameters", name)
        if not isinstance(given, dict) or "value" not in given:
            out[name.lower()] = Binding(vaulted(name), at)
            continue
        value = given["value"]
        if not scope.is_secure(name.lower()):
            door = Door()
            holder = {name: value}
            if isinstance(value, str) and is_literal(value) and looks_secret(name, value):
                door.hide(holder, name)
            else:
                door.walk(holder)
            file.secrets |= door.secrets
            value = holder[name]
        filled = _filled(value)
        if isinstance(filled, str) and filled != value:
            filled = _typed(filled, str(scope.spec(name.lower()).get("type")).lower())
        out[name.lower()] = Binding(filled, at.child("value"), is_filled=filled != value)
    return out


def _filled(value: Json) -> Json:
    """A value with ``${NAME=default}`` filled in as the Azure Developer CLI does; without a default it is unresolved."""
    match value:
        case str() if "${" in value:
            stretches: list[str | Unresolved] = []
            position = 0
            for match in _VARIABLE.finditer(value):
                variable = Unresolved(match[0], "env", (match[1],))
                stretches += (value[position : match.start()], variable if match[2] is None else match[2])
                position = match.end()
            try:
                found = assemble((*stretches, value[position:]))
            except Failure as failure:
                return Unresolved(value[:_LONGEST_QUOTE], reason=failure.reason)
            return found if isinstance(found, str) or found.expression else msgspec.structs.replace(found, expression=value)
        case list():
            return [_filled(item) for item in value]
        case dict():
            return {key: _filled(item) for key, item in value.items()}
        case _:
            return value


def _typed(value: str, type: str) -> Json:
    """A default as its parameter's type: in the file it is a text."""
    if type == "bool" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if type == "int" and value.isdecimal() and len(value) < 10:
        return int(value)
    return value


# -- several parameter files for one template --------------------------------------------------------------------------


def join(reading: Reading, results: Sequence[tuple[Reading, Reading]]) -> None:
    """Put together what one template or configuration gives with several files of values.

    Of a resource that has other values with another file, the first is judged.
    """
    taken: dict[str, RawResource] = {}
    claims: dict[Complete, int] = {}
    holders: dict[str, int] = {}
    for file, result in results:
        others: dict[str, list[RawResource]] = {}
        for key in {resource.key for resource in result.resources}:
            holders[key] = holders.get(key, 0) + 1
        for claim in set(result.complete):
            claims[claim] = claims.get(claim, 0) + 1
        for resource in result.resources:
            before = taken.setdefault(resource.key, resource)
            if before is resource:
                reading.resources.append(resource)
            elif before.body != resource.body:
                others.setdefault(_root(resource.key), []).append(resource)
        for root, resources in others.items():
            reading.gaps.append(_other_values(reading.path, file.path, root, resources))
        reading.gaps.extend(result.gaps)
        reading.troubles.extend(result.troubles)
        reading.notes.extend(result.notes)
    reading.gaps = list(dict.fromkeys(reading.gaps))
    reading.troubles = list(dict.fromkeys(reading.troubles))
    reading.notes = list(dict.fromkeys(reading.notes))
    reading.complete.extend(claim for claim, count in claims.items() if count == holders.get(claim.scope))


def _root(key: str) -> str:
    """The key of the resource that a resource belongs to in the end."""
    head, provider, tail = key.partition("/providers/")
    return head + provider + "/".join(tail.split("/")[:3])


def _other_values(path: str, file: str, root: str, resources: Iterable[RawResource]) -> Gap:
    found = list(resources)
    names = ", ".join(resource.id.rpartition("/")[2] for resource in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Gap(
        root,
        frozenset(kind_of(resource.type) for resource in found),
        GapReason.UNSUPPORTED,
        f"{file} gives {path} other values for {names}{more} than the parameter file before it, whose values were judged",
        f"scan {path} together with {file} alone",
        found[0].origin,
    )

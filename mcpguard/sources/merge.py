"""Files compared with each other: ids of templates and extracts moved onto the deployed service, one resource for each id,
pages of one list put together. The result does not depend on the order of the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from mcpguard.core.location import Location, Route
from mcpguard.evidence import Complete, Gap, GapReason, Json, RawResource
from mcpguard.evidence.kinds import kind_of
from mcpguard.evidence.redaction import is_masked
from mcpguard.sources.ids import last_of, parent_of
from mcpguard.sources.reading import Page, number_of

_PROVIDERS = "/providers/"
_MOVABLE = frozenset({"microsoft.apimanagement/service", "microsoft.web/sites", "microsoft.app/containerapps"})
_FORMATS = (
    *("arm-json", "graph", "entra-exporter", "graph-powershell", "app-manifest", "aad-graph"),
    *("apiops", "bicep", "arm-template"),
)
"""Of two copies with equally much in them, the one nearer to what is deployed counts; of a template and what it was compiled
from, the one that its author wrote."""
_MAX_CONTRADICTIONS = 3
_KEY = attrgetter("key")
_VOLATILE = frozenset(
    {
        *("id", "name", "type", "etag", "systemdata", "apiversion", "location", "provisioningstate", "changedtime"),
        *("createdtime", "lastmodifieddatetime", "lastupdatedat", "lastmodifiedtimeutc", "targetprovisioningstate"),
    }
)
"""Members that say nothing of a configuration, or are spelled in several ways, lower case."""
_LOSSY = frozenset({"azure-cli"})
"""Formats that leave things out without saying so; a copy in any other format counts more."""


class Merged(msgspec.Struct, frozen=True):
    """What all files together gave."""

    resources: list[RawResource]
    gaps: list[Gap]
    complete: frozenset[Complete]
    remarks: dict[str, list[str]]
    """By path: what comparing files showed."""


def merge(
    resources: Iterable[RawResource],
    gaps: Iterable[Gap],
    complete: Iterable[Complete],
    pages: Iterable[Page],
    damaged: Sequence[str] = (),
) -> Merged:
    """Put together what the files gave; ``damaged`` are paths of files that were not read, or not in full."""
    resources = sorted(resources, key=_KEY)
    gaps, claims = list(gaps), set(complete)
    ids = (*(resource.id for resource in resources), *(gap.scope for gap in gaps))
    if any(_floats(id_) for id_ in ids):
        move = _Moves(resources)
        resources = [move.resource(resource) for resource in resources]
        gaps = [move.gap(gap) for gap in gaps]
        claims = {move.complete(claim) for claim in claims}
    placed: dict[str, str] = {}
    if any(resource.type.startswith("microsoft.graph/") for resource in resources):
        from mcpguard.sources.directory_ids import place_children

        found = place_children(resources, claims, damaged)
        resources, claims, placed = found.resources, found.complete, found.remarks
    page_gaps, page_claims = _whole_lists(list(pages), resources)
    single, remarks = _one_each(resources)
    for path, remark in placed.items():
        remarks.setdefault(path, []).append(remark)
    gaps = sorted(_once([*gaps, *page_gaps]), key=_gap_order)
    return Merged(single, gaps, frozenset(claims | page_claims), remarks)


def _steps(route: Route) -> tuple[tuple[bool, str | int], ...]:
    return tuple((isinstance(step, str), step) for step in route)


def _order(resource: RawResource) -> tuple[str, str, tuple[tuple[bool, str | int], ...]]:
    return resource.key, resource.origin.artifact, _steps(resource.origin.route)


def _place(at: Location | None) -> tuple[str, tuple[tuple[bool, str | int], ...]]:
    return (at.artifact, _steps(at.route)) if at else ("", ())


def _gap_order(gap: Gap) -> tuple[object, ...]:
    return (*_place(gap.at), gap.scope, gap.reason.value, gap.detail, tuple(sorted(gap.kinds)))


def _once(gaps: Iterable[Gap]) -> list[Gap]:
    return list({_gap_order(gap): gap for gap in gaps}.values())


# -- ids without a subscription --------------------------------------------------------------------------------------


class _Moves:
    """From ``/providers/<type>/<name>``, or the same in a group, to the one deployed resource of that type and name."""

    def __init__(self, resources: Sequence[RawResource]) -> None:
        roots: dict[str, dict[str, str]] = {}
        below: dict[str, dict[str, str]] = {}
        for resource in resources:
            prefix, root, is_root = _root(resource.id)
            if root and not _floats(resource.id):
                (roots if is_root else below).setdefault(root, {}).setdefault(prefix.lower(), prefix)
        self.targets = below | roots
        """From ``/providers/microsoft.x/kind/name`` to the prefixes that it is deployed under, with a spelling of each."""

    def moved(self, id: str) -> str:
        """The id of the deployed resource; the id itself when it is one, or when there are none or several."""
        if not _floats(id):
            return id
        own, root, _ = _root(id)
        found = [spelled for prefix, spelled in self.targets.get(root, {}).items() if prefix.endswith(own.lower())]
        return found[0] + id[len(own) :] if len(found) == 1 else id

    def resource(self, resource: RawResource) -> RawResource:
        moved = self.moved(resource.id)
        return resource if moved == resource.id else msgspec.structs.replace(resource, id=moved)

    def gap(self, gap: Gap) -> Gap:
        moved = self.moved(gap.scope)
        return gap if moved == gap.scope else msgspec.structs.replace(gap, scope=moved.lower())

    def complete(self, claim: Complete) -> Complete:
        moved = self.moved(claim.scope)
        return claim if moved == claim.scope else Complete(moved.lower(), claim.type)


def _floats(id: str) -> bool:
    """Whether an id leaves open in which subscription it is."""
    return id.startswith((_PROVIDERS, "/resourceGroups/", "/resourcegroups/"))


def _root(id: str) -> tuple[str, str, bool]:
    """What stands before the provider, the key of the movable resource itself, and whether the id is just that."""
    lowered = id.lower().rstrip("/")
    at = lowered.find(_PROVIDERS)
    if at < 0:
        return "", "", False
    parts = lowered[at + len(_PROVIDERS) :].split("/", 3)
    if len(parts) < 3 or f"{parts[0]}/{parts[1]}" not in _MOVABLE:
        return "", "", False
    return id[:at], _PROVIDERS + "/".join(parts[:3]), len(parts) == 3


# -- lists over several pages ----------------------------------------------------------------------------------------


def _whole_lists(pages: list[Page], resources: Sequence[RawResource]) -> tuple[list[Gap], set[Complete]]:
    """Lists of which every page is there are complete; the others are gaps.

    An answer that says how many there are is believed over its link, so pages saved one by one make a whole.
    """
    lists: dict[tuple[str, str], list[Page]] = {}
    for page in pages:
        lists.setdefault((page.scope, page.type), []).append(page)
    wanted = {key for key, found in lists.items() if any(page.continues or page.total > page.items for page in found)}
    have: dict[tuple[str, str], set[str]] = {}
    for resource in resources if wanted else ():
        pair = (parent_of(resource.key), resource.type)
        if pair in wanted:
            have.setdefault(pair, set()).add(resource.key)
    gaps: list[Gap] = []
    complete: set[Complete] = set()
    for (scope, type_), found in lists.items():
        total = max(page.total for page in found)
        count = len(have.get((scope, type_), ()))
        short = [page for page in found if page.continues or page.total > page.items]
        if not short or 0 <= total <= count:
            complete.add(Complete(scope, type_))
        else:
            gaps.append(_short(min(short, key=lambda page: _place(page.at)), count, total))
    return gaps, complete


def _short(page: Page, count: int, total: int) -> Gap:
    of = f" of {total}" if total > count else ""
    detail = f"{page.at.artifact} does not hold all of the list: {count}{of} of type {page.type} below {last_of(page.scope)}"
    remedy = "read the next pages too (follow nextLink) and scan all pages together"
    kinds = frozenset({kind_of(page.type)})
    return Gap(page.scope, kinds, GapReason.INCOMPLETE_PAGE, detail, remedy, page.at)


# -- the same resource several times ---------------------------------------------------------------------------------


def _one_each(resources: Sequence[RawResource]) -> tuple[list[RawResource], dict[str, list[str]]]:
    """One resource for each key, in the order of keys: the fullest copy, with what only other copies have filled in."""
    out: list[RawResource] = []
    also: dict[tuple[str, str], int] = {}
    otherwise: dict[tuple[str, str], list[str]] = {}
    for _, group in groupby(sorted(resources, key=_KEY), key=_KEY):
        copies = list(group)
        if len(copies) == 1:
            out.append(copies[0])
            continue
        best, *others = sorted(copies, key=_rank)
        body, texts, holes = best.body, best.texts, best.holes
        for other in others:
            pair = (other.origin.artifact, best.origin.artifact)
            also[pair] = also.get(pair, 0) + 1
            if member := first_contradiction(body, other.body):
                otherwise.setdefault(pair, []).append(f"{member} of {last_of(best.id)}")
            texts, holes = _new_texts(body, other) | texts, other.holes | holes
            body = _filled(body, other.body)
        version = best.api_version or next((other.api_version for other in others if other.api_version), "")
        out.append(msgspec.structs.replace(best, body=body, texts=texts, holes=holes, api_version=version))
    remarks: dict[str, list[str]] = {}
    for (path, kept), count in sorted(also.items()):
        what = number_of(count, "resource")
        where = "twice in this file" if path == kept else f"also in {kept}, where there is more of {_them(count)}"
        remarks.setdefault(path, []).append(f"{what} {where}")
        if found := otherwise.get((path, kept)):
            named = ", ".join(found[:_MAX_CONTRADICTIONS]) + (" …" if len(found) > _MAX_CONTRADICTIONS else "")
            there = "the first copy" if path == kept else kept
            remarks[path].append(f"it contradicts {there}, which counts: {named}")
    return out, remarks


def first_contradiction(body: dict[str, Json], other: dict[str, Json]) -> str:
    """The first member, in order of name, of which two copies say different things; empty when they agree.

    What every read writes anew, what a template computes and what was masked says nothing. Case is not compared, because
    ARM itself spells one value in several ways.
    """
    todo: list[tuple[str, Json, Json]] = [("", body, other)]
    found: list[str] = []
    while todo:
        path, one, two = todo.pop()
        if isinstance(one, dict) and isinstance(two, dict):
            for name in one.keys() & two.keys():
                if name.lower() not in _VOLATILE and not name.startswith("@odata."):
                    todo.append((f"{path}.{name}" if path else name, one[name], two[name]))
        elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two) and not (_settled(one) and _settled(two)):
            todo.extend((f"{path}.{index}", *pair) for index, pair in enumerate(zip(one, two, strict=True)))
        elif _settled(one) and _settled(two) and _plain(one) != _plain(two):
            found.append(path)
    return min(found, default="")


def _settled(value: Json) -> bool:
    if isinstance(value, list):
        return all(item is not None and not isinstance(item, dict | list) and _settled(item) for item in value)
    return isinstance(value, bool | int | float) or (isinstance(value, str) and not is_masked(value))


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return sorted(str(_plain(item)) for item in value)
    return value.casefold().rstrip("/") if isinstance(value, str) else value


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _rank(resource: RawResource) -> tuple[object, ...]:
    known = _FORMATS.index(resource.format) if resource.format in _FORMATS else len(_FORMATS)
    return (resource.format in _LOSSY, -_leaves(resource.body), known, _order(resource))


def _leaves(body: Json) -> int:
    count = 0
    stack = [body]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif value is not None:
            count += 1
    return count


def _filled(body: dict[str, Json], other: dict[str, Json]) -> dict[str, Json]:
    """``body`` with the members that only ``other`` has; objects are filled in turn, lists are taken as they are."""
    out = dict(body)
    todo = [(out, other)]
    while todo:
        target, source = todo.pop()
        for name, value in source.items():
            if name not in target:
                target[name] = value
            elif isinstance(value, dict) and isinstance(target[name], dict):
                target[name] = dict(target[name])
                todo.append((target[name], value))
    return out


def _new_texts(body: dict[str, Json], other: RawResource) -> dict[str, Location]:
    """Places of texts that ``body`` gets from the other copy."""
    return {path: at for path, at in other.texts.items() if _absent(body, path.split("."))}


def _absent(body: Json, steps: Sequence[str]) -> bool:
    for step in steps:
        if not isinstance(body, dict) or step not in body:
            return True
        body = body[step]
    return False

"""What is read of Entra: the registrations and principals that the estate refers to, agents, and the tenant's policies.

Facts: facts/entra.md 1 to 5. Relations are read with ``$batch``, whole: an expanded one stops after twenty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlencode

from mcpguard.collect import troubles
from mcpguard.collect.answers import Answer, Service
from mcpguard.collect.asked import Asked
from mcpguard.collect.client import Client
from mcpguard.collect.directory import (
    AGENT_LISTINGS,
    APPLICATION,
    APPLICATIONS,
    CONDITIONAL_ACCESS,
    LISTINGS,
    PRINCIPAL,
    PRINCIPALS,
    TENANT,
    Listing,
    Relation,
)
from mcpguard.collect.references import find_references
from mcpguard.collect.work import Done, Task
from mcpguard.core.location import Location
from mcpguard.evidence import Complete, Gap, Json, RawResource, resource_key
from mcpguard.evidence.kinds import kind_of
from mcpguard.evidence.redaction import mask
from mcpguard.evidence.snapshot_writer import Batch, SnapshotWriter

FORMAT = "graph"
_VERSION = "v1.0"
_AT_ONCE = 15
"""Values that Graph takes in one ``in``."""
_BATCH = 20
"""Requests that Graph takes in one ``$batch``."""
_PAGE = 100
_FORBIDDEN = 403
_LONGEST_LIST = 10_000
_LONGEST_RELATION = 1_000
_PREFIX = "entra/"
_REFERENCES = "@references"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Directory:
    """Reads Microsoft Graph, one list page with its relations at a time."""

    kinds = frozenset({kind_of(APPLICATION), kind_of(PRINCIPAL)})
    """The kinds that are missing without it."""

    def __init__(self, client: Client, writer: SnapshotWriter, asked: Asked) -> None:
        self._client = client
        self._writer = writer
        self._asked = asked
        self._refused: set[str] = set()
        """Members that were refused once, and are not asked for again: the permission is the same for all objects."""

    def first_tasks(self) -> list[Task]:
        """Where reading begins."""
        tasks = [Task(_PREFIX + listing.name) for listing in (*TENANT, *AGENT_LISTINGS)]
        if self._asked.conditional_access:
            tasks.append(Task(_PREFIX + CONDITIONAL_ACCESS.name))
        if self._asked.all_applications:
            return [*tasks, Task(_PREFIX + APPLICATIONS.name), Task(_PREFIX + PRINCIPALS.name)]
        return [*tasks, Task(_REFERENCES)]

    def knows(self, task: Task) -> bool:
        """Whether a piece of work is one of these."""
        return task.read == _REFERENCES or task.read.startswith(_PREFIX)

    def handle(self, task: Task) -> Done:
        """Do one piece: a page of a list with the relations of its items, or the search for what is referred to."""
        if task.read == _REFERENCES:
            return Done(Batch(), list(self._lookups()))
        listing = LISTINGS[task.read.removeprefix(_PREFIX)]
        url = task.link or self._url(listing, task.scope)
        answer = self._client.read(Service.GRAPH, url, slowly=listing.slowly)
        if not answer.good:
            return Done(Batch(gaps=[_gap(listing, answer, partial=task.page > 1)]))
        body = answer.body or {}
        if listing.one:
            return Done(Batch([_resource(listing.path, listing.type, body)]))
        items = [item for item in _listed(body) if isinstance(item.get("id"), str)]
        batch = Batch()
        for item in items:
            if listing.annotation:
                item.setdefault("@odata.type", listing.annotation)
        self._relate(listing, items, batch)
        batch.resources += (_resource(f"{listing.id or listing.path}/{item['id']}", listing.type, item) for item in items)
        done = Done(batch)
        self._follow(task, listing, body, done)
        if listing is APPLICATIONS and task.scope.startswith(_BY_URI):
            found = sorted({item["appId"] for item in items if isinstance(item.get("appId"), str)})
            done.then += (Task(_PREFIX + PRINCIPALS.name, f"appId in ({_quoted(chunk)})") for chunk in _chunks(found))
        return done

    # -- lists ---------------------------------------------------------------------------------------------------

    def _url(self, listing: Listing, condition: str) -> str:
        query = dict(listing.query)
        if not listing.one and not listing.slowly and listing.relations:
            query["$top"] = str(_PAGE)
        if condition:
            query["$filter"] = condition
        asked = f"?{urlencode(query, quote_via=quote, safe='$,')}" if query else ""
        return f"{self._client.base(Service.GRAPH)}/{_VERSION}{listing.path}{asked}"

    def _lookups(self) -> Iterator[Task]:
        found = find_references(self._writer)
        for chunk in _chunks(sorted(found.guids)):
            yield Task(_PREFIX + APPLICATIONS.name, f"appId in ({_quoted(chunk)})")
            yield Task(_PREFIX + PRINCIPALS.name, f"appId in ({_quoted(chunk)})")
            yield Task(_PREFIX + PRINCIPALS.name, f"id in ({_quoted(chunk)})")
        for uri in sorted(found.uris):
            yield Task(_PREFIX + APPLICATIONS.name, f"{_BY_URI}{_literal(uri)})")

    def _follow(self, task: Task, listing: Listing, body: dict[str, Json], done: Done) -> None:
        link = body.get("@odata.nextLink")
        if not isinstance(link, str) or not link:
            return
        if not self._client.same_service(Service.GRAPH, link):
            trouble = "the link to the next page leads to another host, and was not followed"
        elif link in (task.link, task.mark) or task.page >= _LONGEST_LIST:
            trouble = "its pages never end"
        else:
            mark = link if task.page & (task.page - 1) == 0 else task.mark
            done.then.append(Task(task.read, task.scope, link, task.page + 1, mark))
            return
        done.batch.gaps.append(_gap(listing, Answer(0, message=trouble), partial=True))

    # -- relations -----------------------------------------------------------------------------------------------

    def _relate(self, listing: Listing, items: list[dict[str, Json]], batch: Batch) -> None:
        """Read what belongs to the items, and put it beside or into them."""
        relations = [relation for relation in listing.relations if relation.path not in self._refused]
        wanted = [(item, relation) for item in items for relation in relations]
        failed: dict[str, tuple[Relation, Answer]] = {}
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            answers = self._batch([_path_of(listing, item, relation) for item, relation in part])
            for (item, relation), answer in zip(part, answers, strict=True):
                if relation.member:
                    _take_member(item, relation, answer, failed)
                    continue
                values, trouble = self._whole(answer)
                if trouble is not None:
                    failed.setdefault(relation.path, (relation, trouble))
                self._place(listing, item, relation, values, batch, whole=trouble is None)
        batch.gaps += (_relation_gap(listing, relation, answer) for relation, answer in failed.values())
        self._refused.update(
            relation.path for relation, answer in failed.values() if relation.member and answer.status == _FORBIDDEN
        )

    def _place(
        self,
        listing: Listing,
        item: dict[str, Json],
        relation: Relation,
        values: list[dict[str, Json]],
        batch: Batch,
        *,
        whole: bool,
    ) -> None:
        owner = f"{listing.id or listing.path}/{item['id']}"
        if relation.inline:
            # Half a list of owners would say that there are no others; then it is better unknown.
            if whole:
                item[relation.inline] = values
            return
        home = relation.id or f"{owner}/{relation.path}"
        batch.resources += (_resource(f"{home}/{value['id']}", relation.type, value) for value in values if value.get("id"))
        if whole:
            below = relation.type.rpartition("/")[2]
            batch.claims.append(Complete(resource_key(owner), f"{listing.type}/{below}"))

    def _batch(self, paths: list[str]) -> list[Answer]:
        """The answers to several reads, in their order, with one request."""
        url = f"{self._client.base(Service.GRAPH)}/{_VERSION}/$batch"
        requests = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        answer = self._client.read(Service.GRAPH, url, question={"requests": requests})
        if not answer.good:
            return [answer] * len(paths)
        answers: list[Answer] = [Answer(0, code="NoAnswer", message="the batch holds no answer")] * len(paths)
        for response in _objects((answer.body or {}).get("responses")):
            place = str(response.get("id"))
            if place.isascii() and place.isdigit() and int(place) < len(paths):
                answers[int(place)] = _inner(response)
        for number, inner in enumerate(answers):
            if inner.status == 429 or inner.status >= 500:
                # By itself a request gets the patience that the batch as a whole cannot have.
                answers[number] = self._client.read(
                    Service.GRAPH, f"{self._client.base(Service.GRAPH)}/{_VERSION}{paths[number]}"
                )
        return answers

    def _whole(self, answer: Answer) -> tuple[list[dict[str, Json]], Answer | None]:
        """The items of all pages of a relation, and what went wrong."""
        values: list[dict[str, Json]] = []
        for _ in range(_LONGEST_RELATION):
            if not answer.good:
                return values, answer
            body = answer.body or {}
            values += _listed(body)
            link = body.get("@odata.nextLink")
            if not isinstance(link, str) or not link:
                return values, None
            if not self._client.same_service(Service.GRAPH, link):
                return values, Answer(0, message="the link to the next page leads to another host, and was not followed")
            answer = self._client.read(Service.GRAPH, link)
        return values, Answer(0, message="its pages never end")


_BY_URI = "identifierUris/any(uri:uri eq "


def _path_of(listing: Listing, item: dict[str, Json], relation: Relation) -> str:
    if relation.path.startswith("/"):
        return relation.path.replace("{id}", str(item["id"]).replace("'", "''"))
    slash = "" if relation.path.startswith("?") else "/"
    return f"{listing.id or listing.path}/{quote(str(item['id']), safe='')}{slash}{relation.path}"


def _take_member(item: dict[str, Json], relation: Relation, answer: Answer, failed: dict[str, tuple[Relation, Answer]]) -> None:
    """Put a member into the object that it belongs to.

    Null says that there is none, or that it may not be read (learn.microsoft.com/entra/fundamentals, users' custom security
    attributes; not verified for principals), so it is the same as not asked for.
    """
    if not answer.good:
        failed.setdefault(relation.path, (relation, answer))
        return
    value = (answer.body or {}).get(relation.inline)
    if isinstance(value, dict):
        item[relation.inline] = _dates_alone(value)


def _dates_alone(value: Json) -> Json:
    """Custom security attributes with their names, and of their texts only dates: Entra shows them to few."""
    if isinstance(value, dict):
        return {name: below if name.startswith("@") else _dates_alone(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_dates_alone(below) for below in value]
    if not isinstance(value, str):
        return value
    date = _DATE.match(value)
    return date[0] if date else mask(value)


def _resource(id: str, type: str, body: dict[str, Json]) -> RawResource:
    return RawResource(id, type, body, Location(""), FORMAT)


def _inner(response: dict[str, Json]) -> Answer:
    status, body = response.get("status"), response.get("body")
    if not isinstance(status, int):
        return Answer(0, code="NoAnswer", message="the batch holds no answer")
    if status == 200:
        return Answer(200, body if isinstance(body, dict) else None)
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else ""
    return Answer(status, code=str(code or "")[:80])


def _gap(listing: Listing, answer: Answer, *, partial: bool = False) -> Gap:
    what = f"the {listing.name.replace('-', ' ')} of the directory"
    return troubles.gap(what, "", frozenset({_kind(listing)}), answer, listing.needs, partial=partial)


def _kind(listing: Listing) -> str:
    """The kind that is missing. Without agents nothing is missing of the principals that were asked for."""
    return f"microsoft.graph/{listing.name}" if listing.annotation else kind_of(listing.type)


def _relation_gap(listing: Listing, relation: Relation, answer: Answer) -> Gap:
    name = relation.inline or relation.type.rpartition("/")[2]
    what = f"the {name} of some {listing.name.replace('-', ' ')}"
    return troubles.gap(what, "", frozenset({f"{listing.type}/{name}"}), answer, relation.needs)


def _listed(body: dict[str, Json]) -> list[dict[str, Json]]:
    return _objects(body.get("value"))


def _objects(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _chunks(values: list[str]) -> Iterator[list[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _quoted(values: Iterable[str]) -> str:
    return ",".join(map(_literal, values))


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

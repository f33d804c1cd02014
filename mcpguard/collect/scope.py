"""Finding what is in scope: Azure Resource Graph with its pages, or lists of Azure Resource Manager where it is forbidden."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from mcpguard.collect import troubles
from mcpguard.collect.answers import Service
from mcpguard.collect.asked import Asked, is_service_id
from mcpguard.collect.plan import BY_TYPE, SOUGHT
from mcpguard.collect.reads import Needs
from mcpguard.collect.work import Done, Task
from mcpguard.evidence import Gap, GapReason, Json
from mcpguard.evidence.snapshot_writer import Batch

if TYPE_CHECKING:
    from mcpguard.collect.client import Client

SUBSCRIPTIONS = "@subscriptions"
QUERY = "@query"
LISTS = "@lists"
NEEDS = Needs("Reader", "the subscription or management group", "Microsoft.Resources/subscriptions/read")
SUBSCRIPTIONS_VERSION = "2022-12-01"
MANAGEMENT_VERSION = "2020-05-01"
GRAPH_VERSION = "2024-04-01"
_PAGE = 1000
_AT_ONCE = 100
"""Subscriptions in one query."""
_EVERYTHING = frozenset(sought.type.lower() for sought in SOUGHT)
_KIND = frozenset({"microsoft.apimanagement/service"})


def first_tasks(asked: Asked) -> list[Task]:
    """Where a collection begins."""
    if is_service_id(asked.service):
        return [Task("service", "/" + asked.service.strip("/"))]
    if asked.management_group:
        return [Task(QUERY)]
    if asked.subscriptions:
        return [*_of_subscriptions(asked.subscriptions, asked)]
    return [Task(SUBSCRIPTIONS)]


class Scout:
    """Turns the scope that was asked for into resources to read."""

    def __init__(self, client: Client, asked: Asked) -> None:
        self._client = client
        self._asked = asked

    def handle(self, task: Task) -> Done:
        """Do one piece."""
        match task.read:
            case "@subscriptions":
                return self._subscriptions(task)
            case "@query":
                return self._query(task)
            case _:
                return self._lists(task)

    def _subscriptions(self, task: Task) -> Done:
        url = task.link or f"{self._client.base(Service.ARM)}/subscriptions?api-version={SUBSCRIPTIONS_VERSION}"
        answer = self._client.read(Service.ARM, url)
        if not answer.good:
            return _nothing(troubles.gap("the list of subscriptions", "", every_kind(), answer, NEEDS))
        body = answer.body or {}
        rows = [
            row for row in _objects(body.get("value")) if str(row.get("state", "Enabled")) in ("Enabled", "Warned", "PastDue")
        ]
        ids = tuple(row["subscriptionId"] for row in rows if isinstance(row.get("subscriptionId"), str))
        done = Done(Batch(), _of_subscriptions(ids, self._asked))
        if not ids and not task.link:
            remedy = f"ask for the role {NEEDS.role} on {NEEDS.on}, or name the tenant with --tenant"
            detail = "the sign-in sees no subscription"
            done.batch.gaps.append(Gap("", every_kind(), GapReason.FORBIDDEN, detail, remedy))
        link = body.get("nextLink")
        if isinstance(link, str) and link and task.page < _PAGE and self._client.same_service(Service.ARM, link):
            done.then.append(Task(SUBSCRIPTIONS, link=link, page=task.page + 1))
        return done

    def _query(self, task: Task) -> Done:
        """One page of rows of Resource Graph; ``link`` is the token of the page."""
        url = f"{self._client.base(Service.ARM)}/providers/Microsoft.ResourceGraph/resources?api-version={GRAPH_VERSION}"
        options: dict[str, Json] = {"resultFormat": "objectArray", "$top": _PAGE}
        question: dict[str, Json] = {"query": query_of(self._asked), "options": options}
        if task.link:
            options["$skipToken"] = task.link
        if self._asked.management_group:
            question["managementGroups"] = [self._asked.management_group]
        else:
            question["subscriptions"] = task.scope.split(",")
        answer = self._client.read(Service.ARM, url, question=question)
        if not answer.good:
            if task.page > 1:
                return _nothing(troubles.gap("the rows of Resource Graph", "", every_kind(), answer, NEEDS, partial=True))
            return Done(Batch(), [Task(LISTS, task.scope)])
        body = answer.body or {}
        done = Done(Batch())
        for row in _objects(body.get("data")):
            sought = BY_TYPE.get(str(row.get("type")).lower())
            if sought is not None and isinstance(row.get("id"), str):
                done.then.append(Task(sought.name, row["id"]))
        token = body.get("$skipToken")
        if isinstance(token, str) and token and token != task.link and task.page < _PAGE:
            done.then.append(Task(QUERY, task.scope, token, task.page + 1))
        return done

    def _lists(self, task: Task) -> Done:
        """Lists of each type below each subscription. ``scope``: the subscriptions, or empty for a management group."""
        subscriptions = task.scope.split(",") if task.scope else []
        done = Done(Batch())
        if not subscriptions:
            group = quote(self._asked.management_group, safe="")
            url = (
                f"{self._client.base(Service.ARM)}/providers/Microsoft.Management/managementGroups/{group}/subscriptions"
                f"?api-version={MANAGEMENT_VERSION}"
            )
            answer = self._client.read(Service.ARM, url)
            if not answer.good:
                what = f"the subscriptions of the management group {self._asked.management_group}"
                return _nothing(troubles.gap(what, "", every_kind(), answer, NEEDS))
            found = (row.get("name") for row in _objects((answer.body or {}).get("value")))
            subscriptions = [name for name in found if isinstance(name, str)]
        group = f"/resourceGroups/{self._asked.resource_group}" if self._asked.resource_group else ""
        for subscription in subscriptions:
            done.then += (
                Task(f"{sought.name}-list", f"/subscriptions/{subscription}{group}")
                for sought in SOUGHT
                if sought.type.lower() in types_of(self._asked)
            )
        return done


def types_of(asked: Asked) -> frozenset[str]:
    """The types that are looked for."""
    return _KIND if asked.service else _EVERYTHING


def query_of(asked: Asked) -> str:
    """The question to Resource Graph. Names in it were checked when they were given."""
    types = ", ".join(f"'{type_}'" for type_ in sorted(types_of(asked)))
    lines = ["resources", f"where type in~ ({types})"]
    if asked.resource_group:
        lines.append(f"where resourceGroup =~ '{asked.resource_group}'")
    if asked.service:
        lines.append(f"where name =~ '{asked.service}'")
    return " | ".join((*lines, "project id, type", "order by id asc"))


def _of_subscriptions(ids: tuple[str, ...], asked: Asked) -> list[Task]:
    chunks = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
    tasks = [Task(QUERY, ",".join(chunk)) for chunk in chunks]
    if not asked.service and not asked.resource_group:
        tasks += (Task("policy-definitions", f"/subscriptions/{id_}") for id_ in ids)
    return tasks


def _nothing(gap: Gap) -> Done:
    return Done(Batch(gaps=[gap]))


def every_kind() -> frozenset[str]:
    """All kinds that are read in Azure."""
    return frozenset[str]().union(*(sought.one().kinds() for sought in SOUGHT))


def _objects(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

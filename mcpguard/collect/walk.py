"""One read of Azure Resource Manager or Foundry: the request, its pages, its versions, what it gives and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode

from mcpguard.collect import troubles
from mcpguard.collect.answers import Answer, Service
from mcpguard.collect.asked import Asked
from mcpguard.collect.client import Client
from mcpguard.collect.foundry import DATA, FEATURES
from mcpguard.collect.gateway import LISTED, SHOWS_MCP
from mcpguard.collect.ids import title, type_of
from mcpguard.collect.plan import LISTED_POLICY, PLAN
from mcpguard.collect.reads import Item, Read, Shape
from mcpguard.collect.work import Crew, Done, Task
from mcpguard.core.location import Location
from mcpguard.evidence import Complete, Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.snapshot_writer import Batch

FORMAT = "arm-json"
_LONGEST_LIST = 100_000
"""Pages; no list of Azure is as long."""
_MOST_EMPTY = 5
_ALL_POLICIES = "service/all-policies"
_APIS = ("service/apis", "service/workspaces/apis")


class Walker:
    """Reads what the plan says, one request at a time."""

    def __init__(self, client: Client, asked: Asked, crew: Crew) -> None:
        self._client = client
        self._asked = asked
        self._crew = crew

    def handle(self, task: Task) -> Done:
        """Do one piece: one request, or a few when a version is not known to the service."""
        read = PLAN[task.read]
        answer, version = self._answer(task, read)
        if not answer.good:
            return self._failed(task, read, answer)
        body = answer.body or {}
        if read.shape is Shape.LIST:
            return self._page(task, read, body, version)
        item = Item(_id_of(body, task), body, frozenset(task.flags), self._asked)
        return self._taken(task, read, [item], version)

    # -- asking --------------------------------------------------------------------------------------------------

    def _answer(self, task: Task, read: Read) -> tuple[Answer, str]:
        """The answer, and the api-version that gave it: the newest that the service knows."""
        if task.link:
            return self._ask(read, task.link, task), task.version
        # An older version that answered for one resource is not the first to ask another resource with: it may hide things.
        root = f"version:{read.type}:{'/'.join(task.scope.split('/')[:9]).lower()}"
        known = self._crew.memory.get(root, "")
        versions = (known, *(version for version in read.versions if version != known)) if known else read.versions
        answer, version = Answer(0, code="NoVersion"), ""
        for version in versions:
            answer = self._ask(read, self._url(task, read, version), task)
            if not troubles.is_of_the_version(answer):
                break
        if answer.good:
            if version != read.versions[0]:
                self._crew.remember(root, version)
            if read.type:
                self._crew.remember(f"answered:{read.type}:{version}", "")
        return answer, version

    def _ask(self, read: Read, url: str, task: Task) -> Answer:
        if read.needs is not DATA:
            return self._client.read(Service.ARM, url, question={} if read.shape is Shape.POSTED else None)
        account, _ = _project(task.scope)
        return self._client.read(Service.FOUNDRY, url, account=account, headers={"Foundry-Features": FEATURES})

    def _url(self, task: Task, read: Read, version: str, after: str = "") -> str:
        scope = quote(task.scope, safe="/:;=()!$&'*+,@~%")
        if read.needs is DATA:
            account, project = _project(task.scope)
            base = f"{self._client.base(Service.FOUNDRY, account)}/api/projects/{project}"
            _, below = _data_plane(task.scope)
            scope = f"{base}/{below}" if below else base
        else:
            scope = self._client.base(Service.ARM) + scope
        path = f"{scope}/{read.path}" if read.path else scope
        query = {"api-version": version, **dict(parse_qsl(read.query)), **({"after": after} if after else {})}
        return f"{path}?{urlencode(query)}"

    # -- taking --------------------------------------------------------------------------------------------------

    def _page(self, task: Task, read: Read, body: dict[str, Json], version: str) -> Done:
        """Take a page of a list: its items, then its next page."""
        listed = body.get("value", body.get("data"))
        if not isinstance(listed, list):
            return self._failed(task, read, Answer(200, code="BrokenBody"))
        items = [
            Item(_id_of(value, task), value, frozenset(task.flags), self._asked) for value in listed if isinstance(value, dict)
        ]
        if task.read == _ALL_POLICIES and not items and task.page == 1:
            return self._failed(task, read, Answer(200))  # every service has a global policy, so this is no list to trust
        done = self._taken(task, read, items, version)
        if len(items) != len(listed):
            done.batch.gaps.append(self._gap(task, read, Answer(200, code="BrokenBody"), partial=True))
        following, trouble = self._next_page(task, read, body, version, empty=not listed)
        if trouble is not None:
            done.batch.gaps.append(trouble)
        elif following is not None:
            done.then.append(following)
        elif len(items) == len(listed) and read.written and "/" in task.read:
            done.batch.claims.append(Complete(resource_key(task.scope), read.type))
        if task.page == 1:
            done.batch.gaps += self._hidden(task, read, version)
            if task.read == _ALL_POLICIES:
                done.then += self._below_service(task, frozenset({LISTED}))
        return done

    def _taken(self, task: Task, read: Read, items: list[Item], version: str) -> Done:
        """Resources for items, and the reads below them."""
        done = Done(Batch())
        for item in items:
            if not read.keep(item):
                continue
            if read.written:
                type_ = read.type or type_of(item.id)
                done.batch.resources.append(RawResource(item.id, type_, item.body, Location(""), FORMAT, version))
            done.then += self._below(task.read, read, item)
        return done

    def _below(self, name: str, read: Read, item: Item) -> Iterator[Task]:
        # What was found in a list is read below like what was found by itself.
        name = name.removesuffix("-list") if "/" not in name else name
        if name == "service":
            yield Task(_ALL_POLICIES, item.id)
            return
        for child in read.below:
            if child.when(item):
                scope = _scope_below(name, child, item)
                yield Task(f"{name}/{child.name}", scope, flags=tuple(sorted(item.flags)))

    def _below_service(self, task: Task, flags: frozenset[str]) -> Iterator[Task]:
        """Everything in a service, once it is known whether its ``allPolicies`` is served."""
        item = Item(task.scope, {}, flags, self._asked)
        for child in PLAN["service"].below:
            if child.name != "all-policies" and child.when(item):
                yield Task(f"service/{child.name}", task.scope, flags=tuple(sorted(flags)))

    # -- pages ---------------------------------------------------------------------------------------------------

    def _next_page(
        self, task: Task, read: Read, body: dict[str, Json], version: str, *, empty: bool
    ) -> tuple[Task | None, Gap | None]:
        link = body.get("nextLink") or self._cursor(task, read, body, version)
        if not isinstance(link, str) or not link:
            return None, None
        service, account = (Service.FOUNDRY, _project(task.scope)[0]) if read.needs is DATA else (Service.ARM, "")
        emptied = task.empty + 1 if empty else 0
        if not self._client.same_service(service, link, account):
            trouble = Answer(
                0, code="ForeignLink", message="the link to the next page leads to another host, and was not followed"
            )
        elif link in (task.link, task.mark) or task.page >= _LONGEST_LIST or emptied > _MOST_EMPTY:
            trouble = Answer(0, code="EndlessList", message="its pages never end")
        else:
            # Brent's way to notice a circle: keep a link of long ago, and take a newer one at each power of two.
            mark = link if task.page & (task.page - 1) == 0 else task.mark
            return Task(task.read, task.scope, link, task.page + 1, mark, emptied, version, task.flags), None
        return None, self._gap(task, read, trouble, partial=True)

    def _cursor(self, task: Task, read: Read, body: dict[str, Json], version: str) -> str:
        """The next page of a list of the data plane, which names its last item instead of a link."""
        last = body.get("last_id")
        if read.needs is not DATA or body.get("has_more") is False or not isinstance(last, str) or not last:
            return ""
        return self._url(task, read, version, after=last)

    def _hidden(self, task: Task, read: Read, version: str) -> list[Gap]:
        """A gap when the list of APIs comes from an api-version that may leave out MCP servers (facts/apim.md 0.1)."""
        if task.read not in _APIS or version >= SHOWS_MCP:
            return []
        detail = (
            f"the APIs of {title(task.scope)} were listed with api-version {version}, which may leave out MCP servers; "
            f"they show from {SHOWS_MCP} on"
        )
        remedy = "ask the cloud's operator when newer versions come; until then, name the servers in the manifest"
        return [Gap(resource_key(task.scope), read.kinds() | {"mcp-server"}, GapReason.OLD_API_VERSION, detail, remedy)]

    # -- failures ------------------------------------------------------------------------------------------------

    def _failed(self, task: Task, read: Read, answer: Answer) -> Done:
        done = Done(Batch())
        if task.read == _ALL_POLICIES and task.page == 1:
            # Without the list every scope is asked for its policy, so nothing is missing.
            done.then += self._below_service(task, frozenset())
            return done
        missing = answer.status == 404 and not troubles.is_of_the_version(answer)
        is_none = read.shape is Shape.ONE and missing and read.type.endswith("/policies")
        if is_none or troubles.is_absent(answer):
            done.batch.claims.append(Complete(resource_key(task.scope), read.type))
        elif not (missing and not read.path):  # one that was found and is gone was deleted meanwhile
            done.batch.gaps.append(self._gap(task, read, answer, partial=task.page > 1))
        return done

    def _gap(self, task: Task, read: Read, answer: Answer, *, partial: bool = False) -> Gap:
        what = f"{read.path.rpartition('providers/')[2]} of {title(task.scope)}" if read.path else title(task.scope)
        scope = task.scope.removesuffix("/policies/policy") if task.read == LISTED_POLICY else task.scope
        return troubles.gap(what, scope, read.kinds(), answer, read.needs, partial=partial)


def _scope_below(name: str, child: Read, item: Item) -> str:
    """The id below which a child is read."""
    if f"{name}/{child.name}" == LISTED_POLICY:
        return item.text("properties", "referencePolicyId")
    if name.endswith("/revisions"):
        service, _, _ = item.id.rpartition("/revisions/")
        reference = item.text("apiId")
        return f"{service.rpartition('/apis/')[0]}/apis/{reference.rpartition('/')[2]}"
    return item.id


def _id_of(body: dict[str, Json], task: Task) -> str:
    """The id of an answer; what has none gets one from where it was read."""
    found = body.get("id")
    if isinstance(found, str) and found.lower().startswith(("/subscriptions/", "/providers/")):
        return found
    read = PLAN[task.read]
    if read.needs is DATA:
        name = body.get("version") if read.name == "versions" else body.get("name", found)
        project, below = _data_plane(task.scope)
        return f"{project}/data/{f'{below}/' if below else ''}{read.path}/{quote(str(name), safe='')}"
    if name := body.get("apiId"):
        return f"{task.scope}/{read.path}/{str(name).rpartition('/')[2]}"
    given = body.get("name")
    below = f"/{given}" if read.shape is Shape.LIST and isinstance(given, str) else ""
    return f"{task.scope}/{read.path}".rstrip("/") + below


def _project(scope: str) -> tuple[str, str]:
    """The names of the Foundry account and project in an id, fit for a host and a path."""
    parts = _data_plane(scope)[0].split("/")
    names = [
        "".join(character for character in name if character.isalnum() or character in "-_.") for name in (parts[-3], parts[-1])
    ]
    return names[0], names[1]


def _data_plane(scope: str) -> tuple[str, str]:
    """The id of the Foundry project, and the path below it on the data plane; a group may be called ``data`` too."""
    parts = scope.split("/")
    provider = [part.lower() for part in parts].index("microsoft.cognitiveservices")
    return "/".join(parts[: provider + 5]), "/".join(parts[provider + 6 :])

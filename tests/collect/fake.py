"""A fake of Azure Resource Manager, Microsoft Graph and Foundry's data plane on loopback, serving an estate from memory.

It answers like the services do: lists with pages and links, 404 for what is not there, versions that it does not know, batches. What
goes wrong is set up by a test: a pattern of ``VERB path`` and the faults to answer, in order.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

Body = dict[str, Any]
ALL_SECRET_LISTINGS = re.compile(
    r"(?i)listkeys|listsecret|listvalue|list_value|getconnectionwithcredentials|config/publishingcredentials|connectionstrings|"
    r"admin/token|/list$|regenerate|gettoken|getsso"
)
SINGLE = {
    "microsoft.apimanagement/service/tenant",
    "microsoft.apimanagement/service/portalsettings",
    "microsoft.web/sites/config",
}
KEPT_IN_SELECT = ("@odata.type", "id")


class Fault(msgspec.Struct):
    """Something that goes wrong with one request."""

    status: int = 0
    """What to answer; 0 drops the connection."""
    body: Any = None
    """Bytes go out as they are; None gives an error of the service's shape."""
    code: str = "Fault"
    headers: dict[str, str] = {}
    times: int = 1_000_000
    wait: float = 0.0


class Seen(msgspec.Struct):
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any = None

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


def key_of(id: str) -> str:
    return id.lower().rstrip("/")


class Fake:
    """The services. ``url`` is where all of them listen; each has a path of its own."""

    def __init__(self, page: int = 100, latency: float = 0.0) -> None:
        self.page = page
        self.latency = latency
        self.resources: dict[str, Body] = {}
        self.graph: dict[str, list[Body]] = {}
        self.data: dict[str, list[Body]] = {}
        self.tables: dict[str, set[str]] = {}
        """By customer id of a workspace: the tables that it has."""
        self.results: list[tuple[re.Pattern[str], Body]] = []
        """What a query is answered whose text matches."""
        self.faults: list[tuple[re.Pattern[str], Fault]] = []
        self.versions: dict[str, Callable[[str], bool]] = {}
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # -- setting up ----------------------------------------------------------------------------------------------

    def add(self, *bodies: Body) -> None:
        """Resources of Azure, by their ids."""
        for body in bodies:
            self.resources[key_of(body["id"])] = body

    def fail(self, pattern: str, **fault: Any) -> None:
        """Let requests fail whose ``VERB path`` matches."""
        self.faults.append((re.compile(pattern, re.IGNORECASE), Fault(**fault)))

    def load(self, folder: Path) -> None:
        """Take what ``az rest`` and Graph answered, from the files of an estate."""
        for file in sorted(folder.rglob("*.json")):
            try:
                body = json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                continue
            items = body if isinstance(body, list) else body.get("value", [body]) if isinstance(body, dict) else []
            context = body.get("@odata.context", "") if isinstance(body, dict) else ""
            for item in items:
                if isinstance(item, dict) and str(item.get("id", "")).startswith("/subscriptions/"):
                    self.add(item)
                elif isinstance(item, dict):
                    self._take_directory(context, item)

    def _take_directory(self, context: str, item: Body) -> None:
        path = re.sub(r"\('([^']*)'\)", r"/\1", context.partition("$metadata#")[2])
        path = path.partition("(")[0].removesuffix("/$entity")
        if not path and "appId" in item:
            path = "servicePrincipals" if "servicePrincipalType" in item else "applications"
        if path:
            self.graph.setdefault(f"/{path}", []).append(item)

    # -- answering -----------------------------------------------------------------------------------------------

    def answer(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        for pattern, fault in self.faults:
            if fault.times > 0 and pattern.search(seen.line):
                fault.times -= 1
                time.sleep(fault.wait)
                body = (
                    fault.body if fault.body is not None else {"error": {"code": fault.code, "message": f"{fault.code} said"}}
                )
                return fault.status, body, fault.headers
        if seen.path.startswith("/arm/"):
            return self._arm(seen, seen.path[4:])
        if seen.path == "/graph/v1.0/$batch":
            return 200, {"responses": [self._in_batch(seen, request) for request in seen.body["requests"]]}, {}
        if seen.path.startswith("/graph/v1.0/"):
            return self._graph(seen, seen.path[len("/graph/v1.0") :])
        if seen.path.startswith("/logs/"):
            return self._logs(seen)
        if seen.path.startswith("/foundry/"):
            return self._cursor(seen, self.data.get(seen.path, []))
        return 404, {"error": {"code": "NotFound", "message": seen.path}}, {}

    def _in_batch(self, outer: Seen, request: Body) -> Body:
        parts = urlsplit(request["url"])
        assert request["method"] == "GET"
        inner = Seen("GET", f"/graph/v1.0{unquote(parts.path)}", parse_qs(parts.query), outer.headers)
        self.seen.append(inner)
        status, body, headers = self.answer(inner)
        return {"id": request["id"], "status": status, "headers": headers, "body": body}

    def _arm(self, seen: Seen, path: str) -> tuple[int, Any, dict[str, str]]:
        version = seen.query.get("api-version", [""])[0]
        for part, allowed in self.versions.items():
            if part in path.lower() and not allowed(version):
                return 400, {"error": {"code": "InvalidApiVersionParameter", "message": f"no {version}"}}, {}
        key = key_of(path)
        if key == "/subscriptions":
            ids = sorted({body["id"].split("/")[2] for body in self.resources.values()})
            return self._list(seen, [{"subscriptionId": id_, "state": "Enabled"} for id_ in ids])
        if seen.method == "POST" and key == "/providers/microsoft.resourcegraph/resources":
            return self._resource_graph(seen)
        if seen.method == "POST" and key.endswith("/config/appsettings/list"):
            key = key.removesuffix("/list")
        if key in self.resources:
            return 200, self.resources[key], {}
        children = [body for id_, body in self.resources.items() if self._is_child(id_, key)]
        if children or self._is_collection(key):
            return self._list(seen, children)
        return 404, {"error": {"code": "ResourceNotFound", "message": key}}, {}

    @staticmethod
    def _is_child(id: str, collection: str) -> bool:
        head, _, last = id.rpartition("/")
        if "/" in last:
            return False
        if head == collection:
            return True
        # A list below a subscription shows what lies in all of its groups.
        top = re.fullmatch(r"(/subscriptions/[^/]+)(/providers/[^/]+/[^/]+)", collection)
        return bool(top and re.fullmatch(re.escape(top[1]) + r"/resourcegroups/[^/]+" + re.escape(top[2]), head))

    def _is_collection(self, key: str) -> bool:
        """Whether a list below something that exists was asked for: an even number of segments below the provider."""
        if re.search(r"/(policies/policy|tenant/\w+|portalsettings/\w+|config/(?!configreferences)\w+)$", key):
            return False
        if key.endswith("/config/configreferences/appsettings"):
            return True
        parent = re.sub(r"(/providers/[^/]+)?/[^/]+$", "", key)
        return parent in self.resources or bool(re.fullmatch(r"/subscriptions/[^/]+(/resourcegroups/[^/]+)?", parent))

    def _resource_graph(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        query = seen.body["query"]
        types = re.findall(r"'([^']+)'", query.partition("in~ (")[2].partition(")")[0])
        group = re.search(r"resourceGroup =~ '([^']+)'", query)
        name = re.search(r"name =~ '([^']+)'", query)
        rows = []
        for key, body in sorted(self.resources.items()):
            match = re.fullmatch(r"/subscriptions/([^/]+)/resourcegroups/([^/]+)/providers/([^/]+/[^/]+)/([^/]+)", key)
            if (
                match
                and match[3] in types
                and match[1] in seen.body.get("subscriptions", [match[1]])
                and (not group or group[1].lower() == match[2])
                and (not name or name[1].lower() == match[4])
            ):
                rows.append({"id": body["id"], "type": match[3]})
        start = int(seen.body["options"].get("$skipToken", 0))
        body = {"totalRecords": len(rows), "count": min(self.page, len(rows) - start), "data": rows[start : start + self.page]}
        if start + self.page < len(rows):
            body["$skipToken"] = str(start + self.page)
        return 200, body, {}

    def _graph(self, seen: Seen, path: str) -> tuple[int, Any, dict[str, str]]:
        items = list(self.graph.get(path, []))
        owner, _, relation = path.rpartition("/")
        if not items and owner in self.graph and "$select" in seen.query:
            found = [item for item in self.graph[owner] if item.get("id") == relation]
            if found:
                return 200, _selected(found[0], seen), {}
        if relation in ("owners", "sponsors"):
            owner = re.sub(r"/microsoft\.graph\.\w+$", "", owner)
            kind, _, id_ = owner.rpartition("/")
            found = [
                item for name, group in self.graph.items() if name.startswith(kind) for item in group if item.get("id") == id_
            ]
            items = found[0].get(relation, []) if found else []
        elif relation == "oauth2PermissionGrants" and owner:
            items = [
                grant
                for grant in self.graph.get("/oauth2PermissionGrants", [])
                if grant["clientId"] == owner.rpartition("/")[2]
            ]
        elif path.startswith("/policies/") and len(items) == 1 and "value" not in items[0]:
            return 200, items[0], {}
        items = [_selected(item, seen) for item in items if _matches(item, seen.query.get("$filter", [""])[0])]
        return self._list(seen, items, "@odata.nextLink")

    def _logs(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        """A query: refused for a table that the workspace lacks, in the words of the service; else what a test has set up."""
        match = re.fullmatch(r"/logs/v1/workspaces/([0-9a-f-]{36})/query", seen.path)
        if match is None or match[1] not in self.tables or seen.method != "POST":
            return 404, {"error": {"code": "PathNotFoundError", "message": "The requested path does not exist"}}, {}
        text = seen.body["query"]
        for table in re.findall(r"(?m)(?:^|= )([A-Z]\w+)$", text):
            if table not in self.tables[match[1]]:
                said = f"'where' operator: Failed to resolve table or column expression named '{table}'"
                inner = {"code": "SemanticError", "message": "A semantic error occurred."}
                inner["innererror"] = {"code": "SEM0100", "message": said}  # type: ignore[assignment]
                error = {"message": "The request had some invalid properties", "code": "BadArgumentError", "innererror": inner}
                return 400, {"error": error}, {}
        for pattern, answer in self.results:
            if pattern.search(text):
                return 200, answer, {}
        return 200, {"tables": [{"name": "PrimaryResult", "columns": [{"name": "server", "type": "string"}], "rows": []}]}, {}

    def _list(
        self, seen: Seen, items: list[Body], link: str = "nextLink", member: str = "value"
    ) -> tuple[int, Any, dict[str, str]]:
        start = int(seen.query.get("$skip", ["0"])[0])
        size = min(self.page, int(seen.query.get("$top", [str(self.page)])[0]))
        body: Body = {member: items[start : start + size]}
        if start + size < len(items):
            query = "&".join(f"{name}={value[0]}" for name, value in seen.query.items() if name != "$skip")
            body[link] = f"{self.url}{seen.path}?{query}&$skip={start + size}".replace(" ", "%20")
        return 200, body, {}

    def _cursor(self, seen: Seen, items: list[Body]) -> tuple[int, Any, dict[str, str]]:
        """A page of the data plane: it begins after the item that is named."""
        after = seen.query.get("after", [""])[0]
        start = next((number + 1 for number, item in enumerate(items) if item.get("id") == after), 0)
        size = min(self.page, int(seen.query.get("limit", ["20"])[0]))
        page = items[start : start + size]
        more = start + size < len(items)
        return 200, {"object": "list", "data": page, "last_id": page[-1].get("id") if page else None, "has_more": more}, {}

    # -- looking back --------------------------------------------------------------------------------------------

    def lines(self, pattern: str = "") -> list[str]:
        return [seen.line for seen in self.seen if re.search(pattern, seen.line, re.IGNORECASE)]

    def enter(self) -> None:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)

    def leave(self) -> None:
        with self._lock:
            self._now -= 1


def _matches(item: Body, condition: str) -> bool:
    if not condition:
        return True
    if match := re.fullmatch(r"(\w+) in \((.*)\)", condition):
        return str(item.get(match[1])).lower() in re.findall(r"'([^']*)'", match[2].lower())
    if match := re.fullmatch(r"(\w+) eq '(.*)'", condition):
        return bool(item.get(match[1]) == match[2])
    if match := re.fullmatch(r"identifierUris/any\(uri:uri eq '(.*)'\)", condition):
        return match[1] in item.get("identifierUris", [])
    raise AssertionError(f"a filter that the fake does not know: {condition}")


def _selected(item: Body, seen: Seen) -> Body:
    fields = seen.query.get("$select", [""])[0].split(",")
    own = {name: value for name, value in item.items() if name not in ("owners", "sponsors")}
    if "customSecurityAttributes" not in fields:
        own.pop("customSecurityAttributes", None)
    if fields == [""]:
        return own
    return {name: value for name, value in own.items() if name in fields or name in KEPT_IN_SELECT}


def _handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *arguments: object) -> None:
            pass

        def _serve(self) -> None:
            fake.enter()
            try:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                seen = Seen(self.command, unquote(parts.path), parse_qs(parts.query), dict(self.headers), body)
                fake.seen.append(seen)
                if fake.latency:
                    time.sleep(fake.latency)
                status, answer, headers = fake.answer(seen)
            finally:
                fake.leave()
            if not status:
                self.close_connection = True
                self.connection.close()
                return
            data = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            if "Content-Length" in headers:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    return Handler

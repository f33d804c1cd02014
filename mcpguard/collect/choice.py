"""Which policies of operations are read: those of MCP servers and of operations behind tools, or all when asked for.

They are the bulk of a service (facts/apim.md 5.3), so they are chosen when all APIs, tools and policies of APIs are known. What
is known is read back from the spool, a slice at a time: memory holds the MCP servers, not the estate.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.collect.asked import Asked
from mcpguard.collect.gateway import is_mcp, speaks_of_mcp
from mcpguard.collect.ids import service_of
from mcpguard.collect.plan import OPERATION_POLICY, WORKSPACE_OPERATION_POLICY
from mcpguard.collect.reads import Item
from mcpguard.collect.work import Done, Task
from mcpguard.evidence import Json, resource_key
from mcpguard.evidence.snapshot_writer import Batch, SnapshotWriter

CHOICE = "@operation-policies"
_SLICE = 200
_SERVICE = "microsoft.apimanagement/service"
_OPERATIONS = (f"{_SERVICE}/apis/operations", f"{_SERVICE}/workspaces/apis/operations")
_LISTED = f"{_SERVICE}/allpolicies"


class Choice:
    """Chooses operations, a slice of the spool at a time."""

    def __init__(self, writer: SnapshotWriter, asked: Asked) -> None:
        self._writer = writer
        self._asked = asked
        self._known: _Known | None = None

    def handle(self, task: Task) -> Done:
        """Choose among the next operations; ``scope`` is their type, ``link`` how far into its spool they stand."""
        if self._known is None:
            self._known = _Known(self._writer, self._asked)
        lines, end = self._writer.slice(task.scope, int(task.link or 0), _SLICE)
        done = Done(Batch())
        for line in lines:
            operation = line.id
            if task.scope == _LISTED:
                reference = _text(line.body, "properties", "referencePolicyId")
                operation = reference.removesuffix("/policies/policy")
                if "/operations/" not in resource_key(reference) or "/workspaces/" in resource_key(reference):
                    continue
            elif resource_key(service_of(operation)) in self._known.listed and "/workspaces/" not in resource_key(operation):
                continue  # allPolicies says which operations of the service have one
            if self._known.wanted(operation):
                below = WORKSPACE_OPERATION_POLICY if "/workspaces/" in resource_key(operation) else OPERATION_POLICY
                done.then.append(Task(below, operation))
        if len(lines) == _SLICE:
            done.then.append(Task(CHOICE, task.scope, str(end)))
        return done


def first_tasks() -> list[Task]:
    """Where choosing begins."""
    return [Task(CHOICE, type_) for type_ in (_LISTED, *_OPERATIONS)]


class _Known:
    """The APIs that are MCP servers or may front one, and the operations behind tools."""

    def __init__(self, writer: SnapshotWriter, asked: Asked) -> None:
        self._asked = asked
        self.listed = {resource_key(service_of(line.id)) for line in writer.lines(_LISTED)}
        self._apis: set[str] = set()
        self._operations: set[str] = set()
        for below in ("", "/workspaces"):
            apis = f"{_SERVICE}{below}/apis"
            for line in writer.lines(apis):
                if is_mcp(Item(line.id, line.body, frozenset(), asked)):
                    self._apis.add(resource_key(line.id))
                self._operations.update(_behind_tools(line.id, line.body))
            for line in writer.lines(f"{apis}/policies"):
                if "mcp" in writer.text(line).lower():
                    self._apis.add(resource_key(line.id).removesuffix("/policies/policy"))
            for line in writer.lines(f"{apis}/operations"):
                if speaks_of_mcp(_text(line.body, "properties", "urlTemplate")):
                    self._apis.add(_api_of(line.id))
            for line in writer.lines(f"{apis}/tools"):
                self._operations.add(_resolved(line.id, _text(line.body, "properties", "operationId")))

    def wanted(self, operation: str) -> bool:
        """Whether the policy of an operation is read."""
        key = resource_key(operation)
        return self._asked.all_operations or key in self._operations or _api_of(operation) in self._apis


def _behind_tools(api: str, body: dict[str, Json]) -> Iterator[str]:
    """The operations of tools that stand in the API itself (facts/apim.md 1.3, the older form)."""
    properties = body.get("properties")
    tools = properties.get("mcpTools") if isinstance(properties, dict) else None
    for tool in tools if isinstance(tools, list) else ():
        yield _resolved(api, _text(tool, "operationId"))


def _resolved(id: str, operation: str) -> str:
    """The key of an operation, which may be named by a whole id or below the service."""
    return resource_key(operation if operation.lower().startswith("/subscriptions/") else service_of(id) + operation)


def _api_of(operation: str) -> str:
    return resource_key(operation).rpartition("/operations/")[0]


def _text(value: Json, *steps: str) -> str:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""

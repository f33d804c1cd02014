"""What a tool may do: read-only, write or destructive, and which evidence decided.

Order of evidence, strongest first (facts/tools-and-evidence.md 2.3): the owner's declaration; the HTTP method of the
operation that the tool calls; the verbs in its name; nothing, in which case the protocol's default (destructive)
is reported as a default and never taken for evidence. A description never lowers a class: it may be poisoned.
"""

from __future__ import annotations

from mcpguard.core.facts import Known
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.estate import Classification, Declaration, Estate
from mcpguard.model.kinds.gateway import Operation
from mcpguard.model.kinds.governance import ToolClass
from mcpguard.model.kinds.mcp import McpTool

_METHODS = {
    "GET": ToolClass.READ_ONLY,
    "HEAD": ToolClass.READ_ONLY,
    "OPTIONS": ToolClass.READ_ONLY,
    "POST": ToolClass.WRITE,
    "PUT": ToolClass.WRITE,
    "PATCH": ToolClass.WRITE,
    "DELETE": ToolClass.DESTRUCTIVE,
}
_DESTRUCTIVE = frozenset(
    [
        *("delete", "remove", "destroy", "drop", "purge", "truncate", "revoke", "disable", "terminate", "kill", "reset"),
        *("overwrite", "wipe", "uninstall", "rotate", "deallocate"),
    ]
)
_HIGH_IMPACT = frozenset(["cancel", "grant", "transfer", "pay", "approve", "execute", "run"])
_WRITE = frozenset(
    [
        *("create", "add", "update", "set", "put", "patch", "write", "insert", "upsert", "send", "post", "submit", "assign"),
        *("enable", "start", "stop", "restart", "invoke", "deploy", "publish", "upload", "import", "move", "rename", "merge"),
    ]
)
_READ = frozenset(
    [
        *("get", "list", "read", "search", "find", "query", "describe", "show", "fetch", "lookup", "count", "check"),
        *("status", "preview", "export"),
    ]
)
_WORD = LazyPattern(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def classify(tool: McpTool, declaration: Declaration | None, estate: Estate) -> Classification:
    """The class of one tool."""
    declared = declaration.tool(tool.name) if declaration else None
    if declared is not None and declared.class_ is not None:
        return Classification(declared.class_, "declared", f"the manifest declares it {declared.class_.value}")
    by_name = _by_name(tool.name)
    match tool.method:
        case Known(value=method) if method in _METHODS:
            found = _METHODS[method]
            if by_name is not None and by_name[0].rank > found.rank and method != "GET":
                return Classification(by_name[0], "heuristic", f"its name says {by_name[1]!r}")
            operation = estate.get(Operation, tool.operation)
            where = f"{method} {operation.url_template}" if operation else method
            return Classification(found, "structural", f"it calls {where}")
        case _:
            pass
    if by_name is not None:
        return Classification(by_name[0], "heuristic", f"its name says {by_name[1]!r}")
    return Classification(None, "default", "neither the manifest nor its operation nor its name tells what it does")


def _by_name(name: str) -> tuple[ToolClass, str] | None:
    """The highest class that a verb in the name suggests: ``bulk_delete_users`` deletes.

    A name that begins with a verb of reading reads, whatever nouns follow: ``get_delete_history`` deletes nothing.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    for word in words:
        if word in _READ:
            return ToolClass.READ_ONLY, word
        if word in _DESTRUCTIVE | _HIGH_IMPACT | _WRITE:
            break
    for vocabulary, tool_class in (
        (_DESTRUCTIVE | _HIGH_IMPACT, ToolClass.DESTRUCTIVE),
        (_WRITE, ToolClass.WRITE),
    ):
        for word in words:
            if word in vocabulary:
                return tool_class, word
    return None

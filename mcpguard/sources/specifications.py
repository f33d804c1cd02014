"""API specifications in an extract: they, and nothing else there, name the operations of an API.

OpenAPI as JSON or YAML is read for names, methods and url templates; API Management writes an operation's name as its
``operationId``. Other languages are left alone.
"""

import re
from collections.abc import Iterator

import msgspec

from mcpguard.core.location import Route
from mcpguard.evidence import Json

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_NO_NAME = re.compile(r"[^A-Za-z0-9]+")


class Operation(msgspec.Struct, frozen=True):
    """One operation of a specification."""

    name: str
    method: str
    url_template: str
    title: str
    description: str
    route: Route


def is_openapi(value: Json) -> bool:
    """Whether a document is OpenAPI, of version 2 or 3."""
    return isinstance(value, dict) and ("openapi" in value or "swagger" in value)


def operations(value: dict[str, Json]) -> Iterator[Operation]:
    """Every operation, in the order of the document."""
    paths = value.get("paths")
    for template, item in paths.items() if isinstance(paths, dict) else ():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if method.lower() not in _METHODS or not isinstance(operation, dict):
                continue
            given = operation.get("operationId")
            fallback = _NO_NAME.sub("-", f"{method}-{template}").strip("-").lower()
            yield Operation(
                name=given if isinstance(given, str) and given else fallback,
                method=method.upper(),
                url_template=template,
                title=_text(operation, "summary"),
                description=_text(operation, "description"),
                route=("paths", template, method),
            )


def _text(value: dict[str, Json], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""

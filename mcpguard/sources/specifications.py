"""API specifications, in extracts, templates and plans: where one is, it names the operations of an API.

OpenAPI as JSON or YAML is read for names, methods and url templates; API Management writes an operation's name as its
``operationId``. Other languages are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from mcpguard.core.location import Route
from mcpguard.evidence import Json

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_READ_FORMATS = frozenset({"openapi", "openapi+json", "swagger-json"})
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


def specified(content: Json, format: Json) -> dict[str, Json] | None:
    """The specification that an API is made from, given as text with one of API Management's import formats; None when it
    is a link, in another language, unknown, or broken (ARM reference, ``ContentFormat``).
    """
    if not isinstance(format, str) or format.lower() not in _READ_FORMATS or not isinstance(content, str):
        return None
    from mcpguard.core.jsontext import JsonError, decode
    from mcpguard.sources.yaml_text import YamlError, read_yaml

    try:
        value = decode(content.encode("utf-8", "replace")).value
    except JsonError:
        try:
            value = read_yaml(content).value
        except YamlError:
            return None
    return value if isinstance(value, dict) and is_openapi(value) else None


def operation_body(operation: Operation) -> dict[str, Json]:
    """What Resource Manager answers for an operation that was imported."""
    return {
        "name": operation.name,
        "properties": {
            "displayName": operation.title or operation.name,
            "method": operation.method,
            "urlTemplate": operation.url_template,
            "description": operation.description,
        },
    }


def _text(value: dict[str, Json], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""

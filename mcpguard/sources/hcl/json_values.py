"""``*.tfvars.json``: values of variables as JSON, which Terraform takes as they are.

The Azure Developer CLI puts values of its environment into ``main.tfvars.json`` first
(learn.microsoft.com/azure/developer/azure-developer-cli/use-terraform-for-azd).
"""

from __future__ import annotations

from mcpguard.core.jsontext import JsonError, decode
from mcpguard.evidence import Json
from mcpguard.sources.hcl.ast import Call, ListMaker, Literal, Node, ObjectMaker, Source, Text
from mcpguard.sources.hcl.blocks import Attribute, File
from mcpguard.sources.hcl.special_functions import AZD
from mcpguard.sources.reading import Reading

_MAX_DEPTH = 40


def read_values(reading: Reading) -> File | None:
    """The variables of a file; None when it is no JSON object."""
    try:
        found: Json = decode(reading.data).value
    except JsonError:
        return None
    if not isinstance(found, dict):
        return None
    source = Source(reading.path, reading.data)
    file = File(source, reading)
    for name, value in found.items():
        file.attributes[name] = Attribute.of(source, name, _node(source, value, 0))
    return file


def _node(source: Source, value: Json, depth: int) -> Node:
    if depth > _MAX_DEPTH:
        return Call(source, 0, 0, AZD, ())
    match value:
        case str() if "${" in value:
            start = max(0, source.data.find(value.encode("utf-8", "replace")))
            return Call(source, start, start + len(value.encode("utf-8", "replace")), AZD, ())
        case str():
            return Text(source, 0, 0, value)
        case list():
            return ListMaker(source, 0, 0, tuple(_node(source, item, depth + 1) for item in value))
        case dict():
            items = ((Text(source, 0, 0, str(key)), _node(source, item, depth + 1)) for key, item in value.items())
            return ObjectMaker(source, 0, 0, tuple(items))
        case _:
            return Literal(source, 0, 0, value)

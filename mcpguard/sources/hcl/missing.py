"""What a configuration declares and that is not read: modules from elsewhere, and blocks of which the number is not known."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.evidence.kinds import KIND_OF_TYPE
from mcpguard.sources.hcl.blocks import Block, Folder
from mcpguard.sources.hcl.files import Refusal
from mcpguard.sources.hcl.instances import Lost, Program
from mcpguard.sources.hcl.known_modules import known_module, types_left_out
from mcpguard.sources.hcl.modules import types_in_module
from mcpguard.sources.ids import type_in
from mcpguard.sources.terraform.instances import Missing
from mcpguard.sources.terraform.resources import is_read, types_of

REMEDY = "give the values in a terraform.tfvars, or scan the plan as well: terraform show -json"
_MODULE_REMEDY = "scan the plan as well (terraform show -json), or the folder of the module together with this one"


def all_missing(program: Program) -> Iterator[Missing]:
    """What is not followed, each block once however many instances its module has."""
    seen: set[tuple[str, int]] = set()
    for lost in program.lost:
        key = lost.block.source.path, lost.block.start
        found = _missing(program, lost) if key not in seen else None
        seen.add(key)
        if found is not None:
            yield found


def _missing(program: Program, lost: Lost) -> Missing | None:
    """What a block that is not followed may declare; None when that is nothing of interest."""
    block = lost.block
    at = program.at(block)
    detail = f"{at.artifact} declares {lost.detail}"
    if block.type != "module":
        types = _types_of(block) if block.type == "resource" and is_read(block.labels[0]) else frozenset()
        return Missing(types, detail, REMEDY, at) if types else None
    if lost.folder is not None and lost.folder.is_known:
        return Missing(types_left_out(block), detail, _MODULE_REMEDY, at)
    if lost.folder is not None:
        types = _types_below(program, lost.folder)
        return Missing(types, detail, REMEDY, at) if types else None
    types = types_in_module(_source_of(block))
    return Missing(types, detail, _MODULE_REMEDY, at) if types else None


def _types_of(block: Block) -> frozenset[str]:
    """The ARM types of what a block declares; that of azapi stands in the block."""
    if not block.labels[0].startswith("azapi_"):
        return types_of(block.labels[0])
    given = block.attributes.get("type")
    written = given.expression.text.strip('"').partition("@")[0].lower() if given else ""
    if not type_in(written):
        return types_of(block.labels[0])
    return frozenset({written}) if written in KIND_OF_TYPE else frozenset()


def _source_of(block: Block) -> str:
    source = block.attributes.get("source")
    return source.expression.text.strip('"') if source else ""


def _types_below(program: Program, top: Folder) -> frozenset[str]:
    """The types of what a module declares, with the modules that it calls."""
    found: set[str] = set()
    todo, seen = [top], set[str]()
    while todo:
        folder = todo.pop()
        if folder.path in seen:
            continue
        seen.add(folder.path)
        for (managed, type_, _), block in folder.resources.items():
            if managed and is_read(type_):
                found |= _types_of(block)
        for block in folder.modules.values():
            path = program.files.resolve(folder.path, _source_of(block))
            inner = None if isinstance(path, Refusal) else program.folders.get(path)
            if inner is not None and _source_of(block).startswith("."):
                todo.append(inner)
            elif (known := known_module(_source_of(block))) is not None:
                todo.append(known)
            else:
                found |= types_in_module(_source_of(block))
    return frozenset(found)

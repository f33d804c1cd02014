"""Expressions evaluated on their own, as the value of a local."""

from typing import Any

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.hcl.blocks import Folder, read_file
from mcpguard.sources.hcl.evaluator import Purse
from mcpguard.sources.hcl.files import Files
from mcpguard.sources.hcl.instances import Program
from mcpguard.sources.hcl.values import Exhausted, plain
from mcpguard.sources.reading import Reading


def program(files: dict[str, str], root: str = "") -> Program:
    """A program of the ``.tf`` files among some."""
    readings = [Reading(path, text.encode()) for path, text in files.items()]
    folders: dict[str, Folder] = {}
    for reading in readings:
        if reading.path.endswith(".tf"):
            path = reading.path.rpartition("/")[0]
            folders.setdefault(path, Folder(path)).add(read_file(reading))
    return Program(Files(readings), folders, root, {}, Purse(sum(len(reading.data) for reading in readings)))


def evaluate(expression: str, files: dict[str, str] | None = None, more: str = "") -> Json:
    """The value of an expression in a root module with ``more`` in it."""
    found = program({"main.tf": f"locals {{\n  it = {expression}\n}}\n{more}", **(files or {})})
    [given] = [given for name, given in found.main.folder.locals.items() if name == "it"]
    try:
        return plain(found.evaluator.value(given.expression, found.main.frame))
    except Exhausted:
        return Unresolved("", reason="too much work")


def is_open(value: Any, *words: str) -> bool:
    """Whether a value is unresolved, and its expression holds some words."""
    return isinstance(value, Unresolved) and all(word in value.expression for word in words)

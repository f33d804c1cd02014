"""Files as blocks and attributes, and folders as what they declare. Nothing is evaluated here.

A broken file is read in parts: each block that begins at the start of a line is parsed by itself, so that what
follows a mistake still comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from mcpguard.core.hcltext import parse
from mcpguard.core.location import Location, TextRange
from mcpguard.sources.hcl.ast import Broken, Node, Source
from mcpguard.sources.hcl.parsing import expression
from mcpguard.sources.reading import Reading

if TYPE_CHECKING:
    from tree_sitter import Node as Tree

_BEGINS = re.compile(rb'(?m)^(?:[A-Za-z_][\w\-]*(?:[ \t]+(?:"[^"\n]*"|[\w\-]+))*[ \t]*\{|[A-Za-z_][\w\-]*[ \t]*=[^=])')
_HEADER = re.compile(rb'[A-Za-z_][\w\-]*(?:\s*"[^"\n{}]*"|\s+[A-Za-z_][\w\-]*)*')
_HEREDOC = re.compile(rb"<<-?([A-Za-z_][\w\-]*)[ \t]*\r?$", re.MULTILINE)
_MAX_TROUBLES = 20
_LONGEST = 60


class Attribute:
    """``name = expression``; the expression is read when it is asked for."""

    __slots__ = ("_expression", "_tree", "name", "source", "start")

    def __init__(self, source: Source, name: str, start: int) -> None:
        self.source, self.name, self.start = source, name, start
        self._tree: tuple[Tree, int] | None = None
        self._expression: Node | None = None

    @staticmethod
    def parsed(source: Source, name: str, tree: Tree, shift: int) -> Attribute:
        """One of the parser's tree."""
        found = Attribute(source, name, tree.start_byte + shift)
        found._tree = tree, shift
        return found

    @staticmethod
    def of(source: Source, name: str, expression: Node) -> Attribute:
        """One with an expression that is known already."""
        found = Attribute(source, name, expression.start)
        found._expression = expression
        return found

    @property
    def expression(self) -> Node:
        """What it is set to."""
        if self._expression is None and self._tree is not None:
            tree, shift = self._tree
            self._expression = expression(self.source, tree.named_children[-1], shift)
        return self._expression or Broken(self.source, self.start, self.start, "nothing")


class Block:
    """``type "label" { … }``; what is in it is looked at when it is asked for."""

    __slots__ = ("_attributes", "_blocks", "_tree", "labels", "source", "start", "type")

    def __init__(self, source: Source, tree: Tree, shift: int) -> None:
        self.source, self.start = source, tree.start_byte + shift
        self._tree = tree, shift
        # From the text: a node of the tree costs as much as ten of these.
        header = _HEADER.match(source.data, self.start)
        words = [word.strip('"') for word in header[0].decode("utf-8", "replace").split()] if header else [""]
        self.type, self.labels = words[0], tuple(words[1:])
        self._attributes: dict[str, Attribute] | None = None
        self._blocks: list[Block] = []

    @property
    def attributes(self) -> dict[str, Attribute]:
        """By name; of one that is set twice, which Terraform refuses, the last."""
        if self._attributes is None:
            tree, shift = self._tree
            self._attributes = {}
            for child in tree.named_children:
                if child.type == "body":
                    self._blocks = list(_members(self.source, child, shift, self._attributes))
        return self._attributes

    @property
    def blocks(self) -> list[Block]:
        """The blocks in it, in their order."""
        _ = self.attributes  # which looks
        return self._blocks

    def override(self, other: Block) -> None:
        """Put another block's attributes in place of those of the same name, and its blocks in place of those of the same type
        (developer.hashicorp.com/terraform/language/files/override).
        """
        self.attributes.update(other.attributes)
        types = {block.type if block.type != "dynamic" else block.labels[:1] for block in other.blocks}
        kept = [block for block in self.blocks if (block.type if block.type != "dynamic" else block.labels[:1]) not in types]
        self._blocks = [*kept, *other.blocks]

    def first(self, type: str) -> Block | None:
        """The first block of a type in it."""
        return next((block for block in self.blocks if block.type == type), None)


def _word(tree: Tree) -> str:
    return (tree.text or b"").decode("utf-8", "replace").strip('"')


def _members(source: Source, body: Tree, shift: int, attributes: dict[str, Attribute]) -> Iterator[Block]:
    for child in body.named_children:
        if child.type == "block":
            yield Block(source, child, shift)
        elif child.type == "attribute" and len(child.named_children) > 1:
            name = _word(child.named_children[0])
            attributes[name] = Attribute.parsed(source, name, child, shift)


class File(msgspec.Struct):
    """A file, parsed."""

    source: Source
    reading: Reading
    blocks: list[Block] = []
    attributes: dict[str, Attribute] = {}
    """What is set outside of blocks: the variables of a ``.tfvars`` file."""


def read_file(reading: Reading) -> File:
    """Parse a file; what cannot be parsed is noted with its line."""
    source = Source(reading.path, reading.data)
    file = File(source, reading)
    root = parse(reading.data).root_node
    if not root.has_error:
        _take(file, root, 0)
        return file
    starts = _starts(reading.data)
    troubles = 0
    for start, end in zip([0, *starts], [*starts, len(reading.data)], strict=True):
        part = parse(reading.data[start:end]).root_node
        _take(file, part, start)
        if part.has_error:
            troubles += 1
            if troubles <= _MAX_TROUBLES:
                _note(file, part, start, end)
    if not troubles and starts:
        _note(file, root, 0, len(reading.data))
    return file


def _take(file: File, root: Tree, shift: int) -> None:
    for body in root.named_children:
        if body.type == "body":
            file.blocks.extend(_members(file.source, body, shift, file.attributes))


def _starts(data: bytes) -> list[int]:
    """Where blocks begin at the start of a line, but for lines of a heredoc."""
    hidden: list[tuple[int, int]] = []
    position = left = 0
    while (match := _HEREDOC.search(data, position)) and left < _MAX_TROUBLES:
        close = re.compile(rb"(?m)^[ \t]*" + re.escape(match[1]) + rb"[ \t]*\r?$").search(data, match.end())
        if close is None:
            position, left = match.end(), left + 1
            continue
        hidden.append((match.end(), close.start()))
        position = close.end()
    out: list[int] = []
    index = 0
    for match in _BEGINS.finditer(data):
        while index < len(hidden) and hidden[index][1] <= match.start():
            index += 1
        if match.start() and not (index < len(hidden) and hidden[index][0] <= match.start()):
            out.append(match.start())
    return out


def _note(file: File, root: Tree, start: int, end: int) -> None:
    """Say where the first mistake is."""
    found = next(_errors(root), root)
    owner = next((block for block in file.blocks if start <= block.start < end), None)
    place = start + found.start_byte
    if not file.source.data[place:end].strip():
        place = owner.start if owner is not None else start  # something does not end before the next block begins
    first, last = file.source.characters(place), file.source.characters(place + 1)
    what = f" in {' '.join((owner.type, *owner.labels))[:_LONGEST]}" if owner is not None and owner.type else ""
    at = Location(file.source.path, (), TextRange(first, last))
    line = file.source.data.count(b"\n", 0, place) + 1
    file.reading.miss(f"line {line}: a syntax error{what}; what stands there was not read", at)


def _errors(root: Tree) -> Iterator[Tree]:
    todo = [root]
    while todo:
        node = todo.pop()
        if node.type == "ERROR" or node.is_missing:
            yield node
        elif node.has_error:
            todo.extend(reversed(node.children))


class Folder(msgspec.Struct):
    """What the ``.tf`` files of one folder declare: a module."""

    path: str
    files: list[File] = []
    values: list[File] = []
    """Its ``.tfvars`` files, in the order in which Terraform loads them."""
    variables: dict[str, Block] = {}
    locals: dict[str, Attribute] = {}
    outputs: dict[str, Block] = {}
    resources: dict[tuple[bool, str, str], Block] = {}
    """By whether they are managed, type and name."""
    modules: dict[str, Block] = {}
    readings: dict[str, Reading] = {}
    is_known: bool = False
    """Whether it stands for a module of a registry; then what it declares stands in the call."""

    def override(self, file: File) -> None:
        """Take an override file, once all others are taken."""
        self.files.append(file)
        self.readings[file.source.path] = file.reading
        for block in file.blocks:
            labels = block.labels
            before: Block | None = None
            match block.type:
                case "variable" if labels:
                    before = self.variables.get(labels[0])
                case "locals":
                    self.locals.update(block.attributes)
                case "output" if labels:
                    before = self.outputs.get(labels[0])
                case "resource" | "data" if len(labels) > 1:
                    before = self.resources.get((block.type == "resource", labels[0], labels[1]))
                case "module" if labels:
                    before = self.modules.get(labels[0])
                case _:
                    pass
            if before is not None:
                before.override(block)

    def add(self, file: File) -> None:
        """Take what a file declares."""
        self.files.append(file)
        self.readings[file.source.path] = file.reading
        for block in file.blocks:
            labels = block.labels
            match block.type:
                case "variable" if labels:
                    self.variables.setdefault(labels[0], block)
                case "locals":
                    self.locals.update({name: found for name, found in block.attributes.items() if name not in self.locals})
                case "output" if labels:
                    self.outputs.setdefault(labels[0], block)
                case "resource" | "data" if len(labels) > 1:
                    self.resources.setdefault((block.type == "resource", labels[0], labels[1]), block)
                case "module" if labels:
                    self.modules.setdefault(labels[0], block)

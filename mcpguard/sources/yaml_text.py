"""YAML into plain values, guarded: the C parser of PyYAML recurses, so deep nesting would end the process."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from mcpguard.core.errors import McpguardError
from mcpguard.core.location import Route
from mcpguard.evidence import Json

_MAX_DEPTH = 64


class YamlError(McpguardError):
    """Text that is not YAML, or YAML beyond what is read; ``offset`` counts characters."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Tree(msgspec.Struct, frozen=True):
    """A document, read."""

    value: Json
    """As JSON would hold it: keys are texts, dates stay as they were written."""
    repeated: tuple[tuple[Route, str], ...]
    """Mappings in which a key occurs twice; the last one was used."""


def read_yaml(text: str) -> Tree:
    """Read one YAML document.

    Raises:
        YamlError: not YAML, nested too deeply, with anchors, or with tags that are no JSON.
    """
    return _read(text, single=True)[0]


def read_yaml_documents(text: str) -> list[Tree]:
    """Read a stream of YAML documents; empty ones count.

    Raises:
        YamlError: as for one document.
    """
    return _read(text, single=False)


def _read(text: str, *, single: bool) -> list[Tree]:
    import yaml  # slow to load, and only some inputs are YAML

    try:
        _guard(text)
        loader = _loader()(text)
        try:
            if single:
                return [_tree(loader, loader.get_single_node())]
            trees: list[Tree] = []
            while loader.check_node():
                trees.append(_tree(loader, loader.get_node()))
            return trees
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "not YAML", mark.index if mark else 0) from None
    except yaml.reader.ReaderError as error:
        raise YamlError("a character that YAML does not allow", int(error.position)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise YamlError(f"not YAML: {type(error).__name__}", 0) from None


def _tree(loader: Any, node: Any) -> Tree:
    value = None if node is None else loader.construct_document(node)
    return Tree(_plain(value), tuple(_repeated(node)))


@cache
def _loader() -> Any:
    """The safe loader without dates: they stay texts, as they would in JSON."""
    import yaml

    class _Loader(yaml.CSafeLoader):
        pass

    _Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    return _Loader


def _guard(text: str) -> None:
    """Look at the events, which need no recursion, before anything that does."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        offset = event.start_mark.index if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise YamlError(f"nested more than {_MAX_DEPTH} deep", offset)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise YamlError("anchors and aliases are not read", offset)


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise YamlError(f"a value of a kind that JSON does not have ({type(value).__name__})", 0)


def _repeated(root: Any) -> list[tuple[Route, str]]:
    import yaml

    out: list[tuple[Route, str]] = []
    stack: list[tuple[Route, Any]] = [((), root)]
    while stack:
        route, node = stack.pop()
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, item in node.value:
                name = str(key.value)
                if name in seen:
                    out.append((route, name))
                seen.add(name)
                stack.append(((*route, name), item))
        elif isinstance(node, yaml.SequenceNode):
            stack.extend(((*route, index), item) for index, item in enumerate(node.value))
    return sorted(out, key=lambda found: (len(found[0]), found[1]))

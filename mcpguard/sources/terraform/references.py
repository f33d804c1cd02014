"""Which resource an attribute refers to, followed through variables and outputs of modules."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from mcpguard.evidence import Json
from mcpguard.sources.terraform.document import Instance
from mcpguard.sources.terraform.expressions import Configuration, references_in

_REFERENCE = re.compile(
    r'(?P<data>data\.)?(?P<type>[a-z][\w]*)\.(?P<name>[\w-]+)(?P<index>\[(?:"(?:[^"\\]|\\.)*"|[\w.]+)\])?(?:\.(?P<rest>.+))?$'
)
_INDEX = re.compile(r'(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])$')
_NO_TYPES = frozenset({"var", "local", "module", "each", "count", "self", "path", "terraform"})
_MAX_HOPS = 20


class Referent(msgspec.Struct, frozen=True):
    """What a reference leads to."""

    instance: Instance
    attribute: str
    """``id``, ``client_id``; empty when it is the resource as a whole."""


class References:
    """From an attribute to the resource that it refers to."""

    def __init__(self, configuration: Configuration, instances: Sequence[Instance]) -> None:
        self._configuration = configuration
        self._by_block: dict[tuple[tuple[str, ...], bool, str, str], list[Instance]] = {}
        for instance in instances:
            key = instance.module, instance.managed, instance.type, instance.name
            self._by_block.setdefault(key, []).append(instance)

    def follow(self, instance: Instance, attribute: str) -> Referent | None:
        """The one resource that a top-level attribute refers to, through variables and outputs; None when not one."""
        return self.resolve(instance, self.block(instance).get(attribute))

    def block(self, instance: Instance) -> dict[str, Json]:
        """The expressions of the block that an instance comes from."""
        return self._configuration.block(instance.module, instance.type, instance.name, managed=instance.managed)

    def resolve(self, instance: Instance, expression: Json) -> Referent | None:
        """The one resource that an expression in the block of ``instance`` refers to."""
        ends = list(dict.fromkeys(self._ends(instance.module, expression)))
        if len(ends) != 1:
            return None
        module, reference = ends[0]
        match = _REFERENCE.match(reference)
        if match is None:
            return None
        key = module, not match["data"], match["type"], match["name"]
        found = self._choose(instance, self._by_block.get(key, []), match["index"] or "")
        return Referent(found, match["rest"] or "") if found else None

    def _ends(self, module: tuple[str, ...], expression: Json) -> Iterator[tuple[tuple[str, ...], str]]:
        """References to resources that an expression ends in; ``each.value`` and locals end nowhere."""
        todo = [(module, expression, 0)]
        while todo:
            where, current, hops = todo.pop()
            for reference in references_in(current) if hops < _MAX_HOPS else ():
                head, _, rest = reference.partition(".")
                name = re.split(r"[.\[]", rest, maxsplit=1)[0]
                if head == "var":
                    todo.append((where[:-1], self._configuration.argument(where, name), hops + 1))
                elif head == "module":
                    inner = (*where, name)
                    todo.append((inner, self._configuration.output(inner, reference.rpartition(".")[2]), hops + 1))
                elif head not in _NO_TYPES:
                    yield where, reference

    def _choose(self, instance: Instance, found: Sequence[Instance], index: str) -> Instance | None:
        """One of several instances of a block: the one of the same module instance, with the index that is named."""
        near = [other for other in found if instance.parent_address.startswith(other.parent_address)] or list(found)
        if len(near) > 1 and index:
            near = [other for other in near if other.address.endswith(index)]
        if len(near) > 1:
            own = _INDEX.search(instance.address)
            near = [other for other in near if own and other.address.endswith(own[1])]
        return near[0] if len(near) == 1 else None

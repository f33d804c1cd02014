"""Which resource an attribute refers to, followed through variables and outputs of modules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mcpguard.evidence import Json
from mcpguard.sources.terraform.expressions import Configuration, references_in
from mcpguard.sources.terraform.instances import Instance, References, Referent

_REFERENCE = re.compile(
    r'(?P<data>data\.)?(?P<type>[a-z][\w]*)\.(?P<name>[\w-]+)(?P<index>\[(?:"(?:[^"\\]|\\.)*"|[\w.]+)\])?(?:\.(?P<rest>.+))?$'
)
_INDEX = re.compile(r'(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])$')
_NO_TYPES = frozenset({"var", "local", "module", "each", "count", "self", "path", "terraform"})
_MAX_HOPS = 20
_OWN = frozenset({"", "id", "name"})
"""Attributes that tell a resource itself."""


class PlannedReferences(References):
    """References by what the configuration in a plan tells of its expressions; followed through variables and outputs."""

    def __init__(self, configuration: Configuration, instances: Sequence[Instance]) -> None:
        self._configuration = configuration
        self._by_block: dict[tuple[tuple[str, ...], bool, str, str], list[Instance]] = {}
        for instance in instances:
            key = instance.module, instance.managed, instance.type, instance.name
            self._by_block.setdefault(key, []).append(instance)

    def block(self, instance: Instance) -> dict[str, Json]:
        """The expressions of the block; empty when the plan does not hold them."""
        return self._configuration.block(instance.module, instance.type, instance.name, managed=instance.managed)

    def resolve(self, instance: Instance, expression: Json, value: Json, hops: int = 0) -> Referent | None:
        """The one resource that an expression refers to; the value tells nothing more."""
        ends = list(dict.fromkeys(self._ends(instance.module, expression)))
        if len(ends) != 1:
            return None
        module, reference = ends[0]
        match = _REFERENCE.match(reference)
        if match is None:
            return None
        key = module, not match["data"], match["type"], match["name"]
        found = self._choose(instance, self._by_block.get(key, []), match["index"] or "")
        if found is None or hops > _MAX_HOPS:
            return None
        rest = match["rest"] or ""
        further = self.block(found).get(rest) if rest not in _OWN else None
        # ``azurerm_api_management_api.x.api_management_name`` leads on to the service.
        on = self.resolve(found, further, None, hops + 1) if references_in(further) else None
        return on or Referent(found, rest)

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

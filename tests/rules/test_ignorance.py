"""Not knowing something never turns a PASS into a FAIL or a FAIL into a PASS: it only ever makes an UNKNOWN."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mcpguard import sources
from mcpguard.core.facts import Known, Members, Unknown
from mcpguard.engine import registry
from mcpguard.engine.registry import Rule
from mcpguard.engine.run import run
from mcpguard.evidence import Evidence
from mcpguard.governance import attach, parse_manifest
from mcpguard.model.estate import Estate
from mcpguard.model.finding import Outcome
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import Application, DirectoryObject, ServicePrincipal, on_demand
from mcpguard.normalize import build
from tests.rules.examples import NOW, SECURE

RULES = list(registry.load().values())
FLIP = {Outcome.PASS, Outcome.FAIL}
Outcomes = dict[tuple[str, str], Outcome]


@pytest.mark.parametrize("name", ["secure", "contoso"])
def test_one_fact_less_never_flips_an_outcome(name: str) -> None:
    evidence = sources.read([SECURE.parent / name], max_file_size=2**20, manifest=None)
    estate = _estate(evidence)
    before = _outcomes(estate)
    assert FLIP & set(before.values())
    flipped = []
    for entity in [entity for found in estate._by_kind.values() for entity in found.values()]:
        for field, less in _with_one_fact_less(entity):
            after = _outcomes(_with(estate, entity, less))
            flipped += [
                f"{rule} on {target}: {outcome.value} without {field} of {entity.title}"
                for (rule, target), outcome in after.items()
                if outcome is Outcome.ERROR or {outcome, before.get((rule, target), outcome)} == FLIP
            ]
    assert flipped == []


def _estate(evidence: Evidence) -> Estate:
    estate = build(evidence, NOW)
    manifest = next(raw for raw in evidence.resources if raw.type == "file/manifest")
    attach(estate, parse_manifest(manifest.body, manifest.origin), manifest.origin)
    return estate


@pytest.mark.parametrize("name", ["secure", "contoso"])
def test_one_member_of_a_directory_object_less_never_flips_an_outcome(name: str) -> None:
    """Their members are read on demand. Only rules that judge such objects are run: there are many members."""
    estate = _estate(sources.read([SECURE.parent / name], max_file_size=2**20, manifest=None))
    rules = [rule for rule in RULES if {"application", "service-principal"} & set(rule.meta.targets)]
    before = _outcomes(estate, rules)
    assert FLIP & set(before.values())
    flipped = []
    for entity in (*estate.of(Application), *estate.of(ServicePrincipal)):
        for member in on_demand(type(entity)):
            after = _outcomes(_with(estate, entity, _without(entity, member)), rules)
            flipped += [
                f"{rule} on {target}: {outcome.value} without {member} of {entity.title}"
                for (rule, target), outcome in after.items()
                if outcome is Outcome.ERROR or {outcome, before.get((rule, target), outcome)} == FLIP
            ]
    assert flipped == []


def _without(entity: DirectoryObject, member: str) -> DirectoryObject:
    """The object with one of its members not read; what is no fact stays."""

    def read(name: str) -> Any:
        found = entity.read(name)
        unknown = Unknown(f"the {member}", "look", entity.at)
        if name != member:
            return found
        return Members((), unknown) if isinstance(found, Members) else unknown if isinstance(found, Known) else found

    return msgspec.structs.replace(entity, read=read)


def _outcomes(estate: Estate, rules: list[Rule] = RULES) -> Outcomes:
    return {(finding.rule, finding.target.id): finding.outcome for finding in run(rules, estate, {})}


def _with_one_fact_less(entity: Any) -> Iterator[tuple[str, Any]]:
    for field in entity.__struct_fields__:
        value = getattr(entity, field)
        if isinstance(value, Known):
            yield field, msgspec.structs.replace(entity, **{field: Unknown(f"the {field}", "look", value.at)})
            if isinstance(value.value, Entity):
                for inner, less in _with_one_fact_less(value.value):
                    fact = msgspec.structs.replace(value, value=less)
                    yield f"{field}.{inner}", msgspec.structs.replace(entity, **{field: fact})


def _with(estate: Estate, old: Entity, new: Entity) -> Estate:
    """A shallow copy of the estate in which one thing stands for another; what was worked out from it is left as it is."""
    copy = object.__new__(Estate)
    copy.__dict__.update(estate.__dict__)
    copy._documents, copy._entry_paths = {}, None
    copy._by_kind = {kind: {**found} for kind, found in estate._by_kind.items()}
    copy._by_kind[type(old)][old.key] = new
    copy._children = {key: [new if child is old else child for child in children] for key, children in estate._children.items()}
    copy._policies = {key: new if policy is old else policy for key, policy in estate._policies.items()}  # type: ignore[misc]
    return copy

"""The effective policy as JSON: a tree of statements, holes and alternatives, each with its place."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.report import Report
from mcpguard.model.restrictions import Demand
from mcpguard.policy.effective import CONTAINERS, EffectivePolicy, Either, Hole, Node, Statement
from mcpguard.report.encoding import encode
from mcpguard.report.policy_lines import Lines
from mcpguard.report.policy_nodes import Show, defaults, named_values, sections, source_text


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Place(_Struct, frozen=True):
    path: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET
    policy_line: int | UnsetType = UNSET
    policy_column: int | UnsetType = UNSET


class _Missing(_Struct, frozen=True):
    missing: str
    remedy: str


class _Attribute(_Struct, frozen=True):
    name: str
    value: str


class _Default(_Struct, frozen=True):
    name: str
    value: str
    source: str


class _NamedValue(_Struct, frozen=True):
    name: str
    value: str | None
    unknown: _Missing | None


class _Statement(_Struct, frozen=True, tag_field="kind", tag="statement"):
    name: str
    scope: str
    owner: str
    is_default: bool
    """Whether the platform has it where nobody wrote a global policy; ``place`` is then the service's."""
    place: _Place
    attributes: tuple[_Attribute, ...]
    source: str
    """As it is written: the whole element, or the start tag of one that holds policies."""
    defaults: tuple[_Default, ...]
    named_values: tuple[_NamedValue, ...]
    children: tuple[_Node, ...]


class _Hole(_Struct, frozen=True, tag_field="kind", tag="hole"):
    missing: str
    remedy: str
    place: _Place | None


class _Alternatives(_Struct, frozen=True, tag_field="kind", tag="alternatives"):
    missing: str
    remedy: str
    place: _Place | None
    branches: tuple[tuple[_Node, ...], ...]


_Node = _Statement | _Hole | _Alternatives


class _Way(_Struct, frozen=True):
    key: str
    product: str
    title: str
    doubt: _Missing | None


class _Demand(_Struct, frozen=True):
    restriction: str
    scope: str
    owner: str
    without_base: tuple[str, ...]
    state: str | None


class _Policy(_Struct, frozen=True):
    ways: tuple[_Way, ...]
    restrictions: tuple[_Demand, ...]
    sections: dict[str, tuple[_Node, ...]]


class _Api(_Struct, frozen=True):
    name: str
    display_name: str
    id: str
    service: str


class _Operation(_Struct, frozen=True):
    name: str
    title: str


class _Document(_Struct, frozen=True):
    api: _Api
    operation: _Operation | None
    policies: tuple[_Policy, ...]


def render(show: Show, report: Report) -> str:
    """The effective policies of one API or operation as JSON."""
    places = Lines(report)
    return encode(
        _Document(
            _Api(show.api, show.display_name, show.api_id, show.service),
            _Operation(show.operation, show.operation_title) if show.operation else None,
            tuple(
                _Policy(
                    tuple(_Way(way.key, way.product, way.title, _missing(way.doubt)) for way in shown.ways),
                    tuple(_demand(demand) for demand in shown.demands),
                    {name: _nodes(nodes, shown.policy, places) for name, nodes in sections(shown.policy)},
                )
                for shown in show.policies
            ),
        )
    )


def _demand(demand: Demand) -> _Demand:
    sections = tuple(section.value for section in demand.without_base)
    policy = demand.policy
    return _Demand(demand.restriction.name, policy.scope.value, policy.owner, sections, demand.state or None)


def _nodes(nodes: Sequence[Node], policy: EffectivePolicy, places: Lines) -> tuple[_Node, ...]:
    out: list[_Node] = []
    for node in nodes:
        match node:
            case Statement(children=children):
                out.append(_statement(node, policy, places, _nodes(children, policy, places)))
            case Hole(unknown=unknown):
                out.append(_Hole(unknown.missing, unknown.remedy, _place(unknown.at, places)))
            case Either(unknown=unknown, branches=branches):
                inside = tuple(_nodes(branch, policy, places) for branch in branches)
                out.append(_Alternatives(unknown.missing, unknown.remedy, _place(unknown.at, places), inside))
    return tuple(out)


def _statement(statement: Statement, policy: EffectivePolicy, places: Lines, children: tuple[_Node, ...]) -> _Statement:
    text = source_text(statement.origin)
    element = statement.element
    unset, source = defaults(statement)
    return _Statement(
        statement.name,
        statement.origin.scope.value,
        statement.origin.owner,
        statement.origin.is_default,
        _known_place(statement.at, places),
        tuple(_Attribute(a.name, text[a.value.start : a.value.end]) for a in element.attributes),
        text[element.start : element.head_end if element.name in CONTAINERS else element.end],
        tuple(_Default(rule.name, rule.default, source) for rule in unset),
        tuple(_named(name, fact) for name, fact in named_values(statement, policy)),
        children,
    )


def _named(name: str, fact: Known[str] | Unknown) -> _NamedValue:
    match fact:
        case Known(value=value):
            return _NamedValue(name, value, None)
        case Unknown() as unknown:
            return _NamedValue(name, None, _missing(unknown))


def _missing(unknown: Unknown | None) -> _Missing | None:
    return None if unknown is None else _Missing(unknown.missing, unknown.remedy)


def _place(location: Location | None, places: Lines) -> _Place | None:
    return None if location is None else _known_place(location, places)


def _known_place(location: Location, places: Lines) -> _Place:
    spot = places.spot(location)
    if spot is None:
        return _Place(location.artifact)
    return _Place(
        location.artifact,
        spot.line,
        spot.column,
        spot.policy_line or UNSET,
        spot.policy_column or UNSET,
    )

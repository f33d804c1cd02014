"""Symbolic values: what an expression may yield, where each possibility comes from, and what then is known to hold.

A value is a tuple of alternatives. An alternative is a text with holes for what only a request decides, the origins of what
fills the holes, and the comparisons that must have come out true for it to be the value. So ``registered == wanted``
yields ``true`` with that comparison, ``false`` without it, and a branch on it knows which one it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, TypeAlias

import msgspec

from mcpguard.core.location import Location
from mcpguard.policy.tree import NAMED_VALUE

HOLE: Final = "\0"
"""Stands in a template for text that is not known before a request comes."""
_MAX_ALTERNATIVES = 16
_MAX_STEPS = 12
_MAX_FACTS = 200
_MAX_TEMPLATE = 20_000
_MAX_PAIRS = 400
_MAX_MEMBERS = 64
_KEPT_START = 200
_BARE_SCHEME = frozenset({"http://", "https://", "//", ""})


class Part(IntEnum):
    """How much of an origin a value holds."""

    WHOLE = 0
    UNCLEAR = 1
    """A piece, or the result of something that is not followed."""
    LOSSY = 2
    """Something that many different texts have in common, such as the host of an address."""


class Origin(msgspec.Struct, frozen=True):
    """Where a part of a value comes from."""

    kind: str
    """``query``, ``form`` (request body), ``header``, ``cookie``, ``stored`` (cache), ``answer`` (of a request of the policy's
    own), ``sealed`` (what a key of the gateway opened), ``response``, ``claims``, ``gateway-token``, ``named-value``,
    ``literal``, ``random``, ``context``, ``unknown``."""
    name: str = ""
    """Parameter, header, cookie or named value; for a stored value the template of its key, for an answer its address."""
    path: str = ""
    """Member of a stored or answered object, dotted."""
    by: frozenset[Origin] = frozenset()
    """What the key or address of a stored value or answer is made of."""
    part: Part = Part.WHOLE
    hashed: bool = False
    """Only a SHA-256 digest of it is held."""


class Comparison(msgspec.Struct, frozen=True):
    """Something that is known to hold on a path."""

    kind: str
    """``equal``; ``like`` (a prefix, a pattern, a part); ``present``; ``unclear`` (a decision that is not followed);
    ``caller`` (the caller was identified)."""
    left: frozenset[frozenset[Origin]] = frozenset()
    """The possible contents of one side."""
    right: frozenset[frozenset[Origin]] = frozenset()


Facts: TypeAlias = frozenset[Comparison]
NO_FACTS: Final[Facts] = frozenset()


class Alternative(msgspec.Struct, frozen=True):
    """One possibility of what a value is."""

    template: str
    origins: frozenset[Origin] = frozenset()
    head: frozenset[Origin] = frozenset()
    """What it begins with, as far as that is not literal text with a host in it."""
    facts: Facts = NO_FACTS
    members: tuple[tuple[str, Value], ...] = ()
    """For objects that the policy builds."""
    shape: str = ""
    """``string``, ``list``, ``difference``, ``sha256``, ``hash``, ``cipher``, ``null``; empty when it does not matter."""
    sides: tuple[frozenset[frozenset[Origin]], ...] = ()
    """For a difference: the two sides that are equal when it is zero."""
    steps: tuple[Location, ...] = ()

    @property
    def text(self) -> str | None:
        """The text when all of it is known; null counts as empty."""
        return None if HOLE in self.template else self.template


Value: TypeAlias = tuple[Alternative, ...]

_EMPTY = frozenset({frozenset({Origin("literal", "")})})
NULL: Final[Value] = (Alternative("", shape="null"),)


def constant(text: str) -> Value:
    """A text whose named values stay origins of their own."""
    names = NAMED_VALUE.findall(text) if "{{" in text else []
    if not names:
        return (Alternative(text, shape="string"),)
    origins = frozenset(Origin("named-value", name) for name in names)
    template = NAMED_VALUE.sub(HOLE, text)
    return (Alternative(template, origins, _head(template, (frozenset({Origin("named-value", names[0])}),)), shape="string"),)


def atom(origin: Origin, shape: str = "", steps: tuple[Location, ...] = ()) -> Value:
    """The whole of what comes from one origin."""
    return (Alternative(HOLE, frozenset({origin}), frozenset({origin}), shape=shape, steps=steps),)


def derived(values: Iterable[Value], part: Part = Part.UNCLEAR, *, hashed: bool = False) -> Value:
    """One alternative that holds something of all the values."""
    alternatives = [alternative for value in values for alternative in value]
    origins = frozenset(at_most(origin, part, hashed=hashed) for found in alternatives for origin in found.origins)
    return (Alternative(HOLE, origins, origins, steps=_steps(alternatives)),)


def at_most(origin: Origin, part: Part, *, hashed: bool = False) -> Origin:
    """The origin with no more of it left than ``part`` says."""
    if part <= origin.part and (origin.hashed or not hashed):
        return origin
    return msgspec.structs.replace(origin, part=max(part, origin.part), hashed=origin.hashed or hashed)


def union(values: Iterable[Value]) -> Value:
    """Any of the values; when there are too many alternatives, those with holes become one."""
    found = tuple(dict.fromkeys(alternative for value in values for alternative in value))
    if len(found) <= _MAX_ALTERNATIVES:
        return found
    known = [alternative for alternative in found if alternative.text is not None][: _MAX_ALTERNATIVES - 1]
    rest = [alternative for alternative in found if alternative not in known]
    return (*known, _merged(rest))


def looked_up(kind: str, key: Alternative) -> Origin:
    """What is found under a key. What the key was itself looked up by counts as a part of it."""
    by = frozenset(msgspec.structs.replace(each, by=frozenset()) for origin in key.origins for each in (origin, *origin.by))
    return Origin(kind, key.template, by=by)


def bare(value: Value) -> Value:
    """The value as a member of an object: what is deeper than its own members is not told apart."""
    return tuple(
        msgspec.structs.replace(found, members=tuple((name, _flat(held)) for name, held in found.members[:_MAX_MEMBERS]))
        if found.members
        else found
        for found in value
    )


def _flat(value: Value) -> Value:
    return tuple(msgspec.structs.replace(found, members=()) if found.members else found for found in value)


def _merged(alternatives: list[Alternative]) -> Alternative:
    origins = frozenset(origin for found in alternatives for origin in found.origins)
    head = frozenset(origin for found in alternatives for origin in found.head)
    return Alternative(HOLE, origins, head, common_facts(alternatives), steps=_steps(alternatives))


def common_facts(alternatives: Iterable[Alternative]) -> Facts:
    """What holds whichever of the alternatives it is."""
    facts: Facts | None = None
    for alternative in alternatives:
        facts = alternative.facts if facts is None else in_either(facts, alternative.facts)
    return facts or NO_FACTS


def in_either(left: Facts, right: Facts) -> Facts:
    """What holds on either of two ways: what both have; of ``x == a`` on one, ``x == b`` on the other, that x is one of both.

    Being empty is not merged: that a value equals what was kept *or is not there* is no comparison.
    """
    if left == right:
        return left
    both_ = left & right
    one, other = ([fact for fact in facts - both_ if fact.kind == "equal"] for facts in (left, right))
    if len(one) * len(other) > _MAX_PAIRS:
        return both_
    merged = (_one_of(first, second) for first in one for second in other)
    return both_ | frozenset(fact for fact in merged if fact is not None)


def _one_of(one: Comparison, other: Comparison) -> Comparison | None:
    for first, last in ((one.left, one.right), (one.right, one.left)):
        for second, rest in ((other.left, other.right), (other.right, other.left)):
            if first == second and _EMPTY not in (last, rest):
                return Comparison("equal", first, last | rest)
    return None


def more_facts(facts: Facts, more: Facts) -> Facts:
    """All of them; from some number on, that not all are known is a fact too."""
    if more <= facts:
        return facts
    if len(facts) > _MAX_FACTS:
        return facts | {Comparison("unclear", frozenset({frozenset({Origin("unknown", "too many conditions")})}))}
    return facts | more


def with_facts(value: Value, facts: Facts) -> Value:
    """The value as it is where ``facts`` hold."""
    if not facts:
        return value
    return tuple(msgspec.structs.replace(found, facts=more_facts(found.facts, facts)) for found in value)


def concat(values: Iterable[Value]) -> Value:
    """The values one after the other."""
    result: Value = (Alternative("", shape="string"),)
    for value in values:
        right = value
        if len(result) * len(value) > _MAX_ALTERNATIVES:
            result = (_merged(list(result)),) if len(result) > 1 else result
            right = (_merged(list(value)),) if len(result) * len(value) > _MAX_ALTERNATIVES else value
        result = tuple(_joined(left, each) for left in result for each in right)
    return result


def _joined(left: Alternative, right: Alternative) -> Alternative:
    template = left.template + right.template
    if len(template) > _MAX_TEMPLATE:
        template = template[:_KEPT_START] + HOLE
    steps = _steps((left, right))
    head = left.head
    if not head and HOLE not in left.template:
        head = right.head if left.template.lower() in _BARE_SCHEME else frozenset()
    return Alternative(
        template, left.origins | right.origins, head, more_facts(left.facts, right.facts), shape="string", steps=steps
    )


def _head(template: str, dynamic: tuple[frozenset[Origin], ...]) -> frozenset[Origin]:
    before = template.partition(HOLE)[0]
    return dynamic[0] if before.lower() in _BARE_SCHEME else frozenset()


def _steps(alternatives: Iterable[Alternative]) -> tuple[Location, ...]:
    found = tuple(dict.fromkeys(step for alternative in alternatives for step in alternative.steps))
    return found[-_MAX_STEPS:]


def noted(value: Value, at: Location) -> Value:
    """The value with one more step on the way of everything that does not come from the policy text alone."""
    return tuple(
        msgspec.structs.replace(found, steps=(*found.steps, at)[-_MAX_STEPS:]) if found.origins else found for found in value
    )


# -- what may be true ------------------------------------------------------------------------------------------------


def side(value: Value) -> frozenset[frozenset[Origin]]:
    """One side of a comparison: what each alternative holds."""
    return frozenset(frozenset({Origin("literal", found.text)}) if found.text is not None else found.origins for found in value)


def boolean(when_true: Facts | None, when_false: Facts | None) -> Value:
    """A truth value with what holds in either case; None for a case that cannot be."""
    out: list[Alternative] = []
    if when_true is not None:
        out.append(Alternative("true", facts=when_true))
    if when_false is not None:
        out.append(Alternative("false", facts=when_false))
    return tuple(out)


def branches(value: Value) -> tuple[Facts | None, Facts | None]:
    """What holds where a condition is true, and where it is false; None where it cannot be."""
    when_true: list[Alternative] = []
    when_false: list[Alternative] = []
    for found in value:
        text = found.text.lower() if found.text is not None else None
        if text is None:
            unclear = Comparison("unclear", frozenset({found.origins}))
            decided = msgspec.structs.replace(found, facts=found.facts | {unclear})
            when_true.append(decided)
            when_false.append(decided)
        else:
            (when_true if text == "true" else when_false).append(found)
    return (
        common_facts(when_true) if when_true else None,
        common_facts(when_false) if when_false else None,
    )


def negated(value: Value) -> Value:
    """Not the value; what is known of each alternative stays with it."""
    if all(found.text is not None for found in value):
        return tuple(Alternative("false" if found.template == "true" else "true", facts=found.facts) for found in value)
    when_true, when_false = branches(value)
    return boolean(when_false, when_true)


def both(left: Value, right: Value) -> Value:
    """``left && right``."""
    (left_true, left_false), (right_true, right_false) = branches(left), branches(right)
    when_true = left_true | right_true if left_true is not None and right_true is not None else None
    ways = [left_false] if left_false is not None else []
    if left_true is not None and right_false is not None:
        ways.append(left_true | right_false)
    return boolean(when_true, _common(ways))


def either(left: Value, right: Value) -> Value:
    """``left || right``."""
    return negated(both(negated(left), negated(right)))


def _common(ways: list[Facts]) -> Facts | None:
    out: Facts | None = None
    for facts in ways:
        out = facts if out is None else in_either(out, facts)
    return out


def equality(left: Value, right: Value) -> Value:
    """Whether two values are equal, and what holds in either case."""
    for one, other in ((left, right), (right, left)):
        if all(found.shape == "difference" for found in one) and all(found.text == "0" for found in other) and one:
            facts = [found.facts | {Comparison("equal", *found.sides)} for found in one if len(found.sides) == len(("l", "r"))]
            return boolean(_common(facts), common_facts(one))
    if all(found.text is not None for found in left):
        left, right = right, left
    if all(found.text is not None for found in right):
        return _equals_constant(left, right)
    holds = Comparison("equal", side(left), side(right))
    known = common_facts(left) | common_facts(right)
    return boolean(known | {holds}, known)


def _equals_constant(left: Value, right: Value) -> Value:
    """Texts are compared at once; whatever else the left side may be, one comparison is about all of it."""
    when_true: list[Facts] = []
    when_false: list[Facts] = []
    for found in left:
        for wanted in right if found.text is not None else ():
            (when_true if _same(found.template, wanted.template) else when_false).append(found.facts | wanted.facts)
    open_ = tuple(found for found in left if found.text is None)
    if open_:
        known, own = common_facts(open_) | common_facts(right), side(open_)
        when_true.append(known | {Comparison("equal", own, side(right))})
        is_empty = all(not wanted.text for wanted in right)
        when_false.append(known | {Comparison("present", own)} if is_empty else known)
    return boolean(_common(when_true), _common(when_false))


def _same(left: str, right: str) -> bool:
    """Whether two texts are equal; truth values are written in either case."""
    return left == right or (left.lower() == right.lower() and left.lower() in ("true", "false"))


def likeness(values: Iterable[Value]) -> Value:
    """Whether a pattern, a prefix or a part of a value fits: not an equality."""
    taken = list(values)
    right = side(taken[1]) if len(taken) > 1 else frozenset()
    known = frozenset().union(*(common_facts(value) for value in taken))
    return boolean(known | {Comparison("like", side(taken[0]) if taken else frozenset(), right)}, known)


def parameters(side_: Iterable[frozenset[Origin]]) -> Iterator[frozenset[Origin]]:
    """The contents of a side that are not the empty text."""
    for content in side_:
        if content != frozenset({Origin("literal", "")}):
            yield content

"""Which networks a policy lets in: ip-filter, and checks of the caller's address that somebody wrote by hand.

``action="allow"`` admits the listed addresses only; ``forbid`` admits all others, which narrows nothing
(ip-filter reference). "All there are" means all of IPv4.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.policy.csharp import analyse
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.flow import Reach, Run
from mcpguard.policy.guards import plain, refusals, unread_part

_LAST = 2**32 - 1


class _Filtered(msgspec.Struct, frozen=True):
    """The filters on one path so far."""

    done: bool = False
    doubt: Unknown | None = None


def filters_addresses(policy: EffectivePolicy) -> Fact[Reach] | None:
    """On which of the forwarding paths an ip-filter stands that lets in some addresses only; None when nothing is forwarded.

    Unknown when something unread decides, or a check by hand may do the same.
    """

    def on_statement(statement: Statement, state: _Filtered) -> _Filtered:
        if state.done or statement.name != "ip-filter":
            return state
        match unread_part(statement) or narrows(policy, statement):
            case Known(value=True):
                return _Filtered(done=True)
            case Known():
                return state
            case Unknown() as unknown:
                return on_hole(unknown, state)

    def on_hole(unknown: Unknown, state: _Filtered) -> _Filtered:
        return state if state.done or state.doubt is not None else _Filtered(doubt=unknown)

    states = Run(on_statement, on_hole).before_forward(policy, _Filtered()).forwarded
    if not states:
        return None
    if all(state.done for state in states):
        return Known(Reach.ALWAYS)
    doubt = next((state.doubt for state in states if state.doubt is not None), None) or _checked_by_hand(policy)
    return doubt or Known(Reach.SOMETIMES if any(state.done for state in states) else Reach.NEVER)


def narrows(policy: EffectivePolicy, statement: Statement) -> Fact[bool]:
    """Whether an ip-filter admits some addresses only: not one that forbids a few, nor one that allows all there are."""
    action = statement.element.attribute("action")
    if action is None:
        return Known(False)
    match plain(policy, statement, action):
        case Unknown() as unknown:
            return unknown
        case Known(value=word) if word.lower() != "allow":
            return Known(False)
        case Known():
            pass
    ranges: list[tuple[int, int]] = []
    for found in _ranges(policy, statement):
        if isinstance(found, Unknown):
            return found
        ranges.append(found)
    return Known(bool(ranges) and not _covers_all(ranges))


def _ranges(policy: EffectivePolicy, statement: Statement) -> Iterator[tuple[int, int] | Unknown]:
    """First and last address of every entry, as numbers; what is no address matches nobody and so narrows."""
    for entry in statement.element.elements:
        values = (
            (entry.content, entry.content)
            if entry.name == "address"
            else (entry.attribute("from"), entry.attribute("to"))
            if entry.name == "address-range"
            else ()
        )
        ends: list[int] = []
        for value in values:
            if value is None:
                continue
            match plain(policy, statement, value):
                case Unknown() as unknown:
                    yield unknown
                    return
                case Known(value=text):
                    ends.append(_address(text, last=bool(ends)))
        if len(ends) == 2:
            yield ends[0], ends[1]


def _address(text: str, *, last: bool) -> int:
    """An address as a number; of a block in slash notation its first or last one. -1 when it is none."""
    text, _, length = text.partition("/")
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return -1
    number = sum(int(part) << (24 - 8 * place) for place, part in enumerate(parts))
    if not (length.isascii() and length.isdigit() and len(length) <= 2 and int(length) <= 32):
        return number
    size = 1 << (32 - int(length))
    first = number - number % size
    return first + size - 1 if last else first


def address_range(text: str) -> tuple[int, int] | None:
    """First and last IPv4 address of an address or a block in slash notation, as numbers; None when it is neither."""
    first = _address(text.strip(), last=False)
    return (first, _address(text.strip(), last=True)) if first >= 0 else None


def covers_all(texts: list[str]) -> bool:
    """Whether addresses and blocks together are all there are; words for everybody count."""
    if any(text.lower() in ("any", "::/0") for text in texts):
        return True
    return _covers_all([span for span in map(address_range, texts) if span is not None])


def _covers_all(ranges: list[tuple[int, int]]) -> bool:
    reached = -1
    for first, last in sorted(ranges):
        if first < 0 or first > reached + 1:
            continue
        reached = max(reached, last)
    return reached >= _LAST


def _checked_by_hand(policy: EffectivePolicy) -> Unknown | None:
    """Set when a branch that answers 401 or 403 looks at the caller's address or at the front door's id."""
    for branch in refusals(policy.inbound):
        value = branch.element.attribute("condition")
        for expression in value.expressions if value is not None else ():
            found = analyse(expression.code, expression.block)
            if any(source.kind == "ip-address" or source.name in _FRONT for source in found.reads):
                missing = "which networks the hand-written check of the caller's address lets in"
                return Unknown(missing, "read the branch; an ip-filter with action allow would settle it", branch.at)
    return None


_FRONT = frozenset({"x-forwarded-for", "x-azure-clientip", "x-azure-socketip", "x-azure-fdid", "x-real-ip"})
"""Headers in which a front door or proxy says who it is, or where a call comes from."""

"""What an expression that is tried out finds around it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mcpguard.policy.csharp import Source, analyse, literals
from mcpguard.policy.trials.values import NULL, UNKNOWN, Value, known, unknown


class Surroundings(msgspec.Struct, frozen=True):
    """What ``context`` holds, as far as it matters. Entries are pairs of name and value, so that it can be remembered by."""

    variables: tuple[tuple[str, Value], ...]
    headers: tuple[tuple[str, Value], ...]
    """Of the request, by lower-case name."""
    body: Value = UNKNOWN
    """Of the request."""
    unset: frozenset[str] = frozenset()
    """Variables of which it is not documented whether they are null or absent."""

    def variable(self, access: str, given: Sequence[Value]) -> Value:
        """``context.Variables``: ``[name]``, ``GetValueOrDefault(name, default)`` or ``ContainsKey(name)``, by ``access``."""
        entries = dict(self.variables)
        key = given[0].data if given and given[0].is_known else None
        if not isinstance(key, str):
            return unknown(*entries.values())
        if key in self.unset:
            settled = access == "GetValueOrDefault" and given[1:2] in ([], [NULL])
            return Value(settled, None, on_trial=True)
        found = entries.get(key, UNKNOWN)
        if access == "ContainsKey":
            # what a cache lookup put there may be absent: the samples in azure-docs ask for it so
            return known(True, found) if found.is_known or found.on_trial else UNKNOWN
        return found

    def header(self, given: Sequence[Value]) -> Value:
        """A header of the request; whether it is there is never known."""
        entries = dict(self.headers)
        key = given[0].data if given and given[0].is_known else None
        return entries.get(key.lower(), UNKNOWN) if isinstance(key, str) else unknown(*entries.values())


def narrowed(around: Surroundings, code: str, block: bool) -> Surroundings:
    """The part of the surroundings that an expression can look at: what it comes to is the same wherever that part is."""
    names = literals(code, block)
    found = analyse(code, block)
    body = around.body if "Body" in code else UNKNOWN
    if not found.understood or Source("variable") in found.reads:
        return msgspec.structs.replace(around, body=body)
    variables = tuple(entry for entry in around.variables if entry[0] in names)
    return Surroundings(variables, around.headers, body, around.unset.intersection(names))


def unfollowed(code: str, block: bool, around: Surroundings) -> Value:
    """A value of which only the sources are known."""
    found = analyse(code, block)
    if not found.understood:  # what it does not even name it cannot rest on
        named = [value for name, value in around.variables if name in code]
        is_named = any(value.on_trial for value in named) or any(name in code for name in around.unset)
        return Value(False, None, is_named or ("Body" in code and around.body.on_trial))
    on_trial = False
    variables, headers = dict(around.variables), dict(around.headers)
    for source in found.reads:
        match source.kind:
            case "request-body":
                on_trial = on_trial or around.body.on_trial
            case "variable":
                on_trial = on_trial or variables.get(source.name, UNKNOWN).on_trial or source.name in around.unset
            case "request-header":
                on_trial = on_trial or headers.get(source.name, UNKNOWN).on_trial
            case _:
                pass
    carried = [source.name for source in found.carries if source.kind == "request-header"]
    callers = any(headers.get(name, UNKNOWN).is_callers for name in carried)
    return Value(False, None, on_trial, callers)

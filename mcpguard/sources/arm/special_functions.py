"""Functions that leave arguments unevaluated, or see what is around them: conditions, lambdas, parameters, loops.

Semantics: learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-logical, -lambda and -deployment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.ast import Call, Literal, Node
from mcpguard.sources.arm.functions_logic import truth
from mcpguard.sources.arm.scopes import Frame
from mcpguard.sources.arm.values import Failure, Lambda, kind_of

if TYPE_CHECKING:
    from mcpguard.sources.arm.evaluator import Evaluator  # which calls these


class _Closure(Lambda):
    def __init__(self, evaluator: Evaluator, names: list[str], body: Node, frame: Frame) -> None:
        self.evaluator, self.names, self.body, self.frame = evaluator, names, body, frame

    def __call__(self, *values: Json) -> Json:
        locals_ = {**self.frame.locals, **dict(zip(self.names, values, strict=False))}
        return self.evaluator.value(self.body, msgspec.structs.replace(self.frame, locals=locals_))


def _lambda(evaluator: Evaluator, call: Call, frame: Frame) -> Any:
    names = [argument.value for argument in call.arguments[:-1] if isinstance(argument, Literal)]
    if not call.arguments or len(names) != len(call.arguments) - 1:
        raise Failure("a lambda without names and a body")
    return _Closure(evaluator, [f"lambda {name}".lower() for name in names], call.arguments[-1], frame)


def _name_of(evaluator: Evaluator, call: Call, frame: Frame) -> str:
    if len(call.arguments) == 1 and type(call.arguments[0]) is Literal and type(call.arguments[0].value) is str:
        return call.arguments[0].value
    found = evaluator.arguments(call, frame)
    if len(found) != 1:
        raise Failure(f"{call.name} takes one argument")
    if isinstance(found[0], str):
        return found[0]
    raise Failure(f"a name was expected, not {kind_of(found[0])}")


def _lambda_variable(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    name = f"lambda {_name_of(evaluator, call, frame)}".lower()
    if name not in frame.locals:
        raise Failure("a variable of a lambda outside it")
    return frame.locals[name]


def _parameters(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    name = _name_of(evaluator, call, frame)
    if not frame.is_function:
        return evaluator.parameter(name, frame.scope)
    if name.lower() not in frame.locals:
        raise Failure(f"there is no parameter {name[:80]}")
    return frame.locals[name.lower()]


def _variables(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    return evaluator.variable(_name_of(evaluator, call, frame), frame.scope)


def _if(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    if len(call.arguments) != 3:
        raise Failure("if takes three arguments")
    condition = evaluator.value(call.arguments[0], frame)
    if isinstance(condition, Unresolved):
        branches = tuple(evaluator.value(branch, frame) for branch in call.arguments[1:])
        if branches[0] == branches[1]:
            return branches[0]
        return Unresolved(call.source, "if", (condition, *branches))
    return evaluator.value(call.arguments[1 if truth(condition) else 2], frame)


def _all_or_any(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    """``and`` and ``or``: what decides ends the evaluation, also when it follows something unresolved."""
    decides = call.name == "or"
    seen: list[Json] = []
    for argument in call.arguments:
        found = evaluator.value(argument, frame)
        if isinstance(found, Unresolved):
            seen.append(found)
        elif truth(found) is decides:
            return decides
    return Unresolved(call.source, call.name, tuple(seen)) if seen else not decides


def _coalesce(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    for index, argument in enumerate(call.arguments):
        found = evaluator.value(argument, frame)
        if isinstance(found, Unresolved):
            return found if index + 1 == len(call.arguments) else Unresolved(call.source, "coalesce", (found,))
        if found is not None:
            return found
    return None


def _copy_index(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    values = evaluator.arguments(call, frame)
    name = values.pop(0).lower() if values and isinstance(values[0], str) else ""
    offset = values[0] if values else 0
    if name not in frame.copies:
        raise Failure("copyIndex outside its loop")
    if not isinstance(offset, int) or isinstance(offset, bool):
        raise Failure("copyIndex with such an offset")
    return frame.copies[name] + offset


SPECIAL: dict[str, Callable[[Evaluator, Call, Frame], Json]] = {
    "and": _all_or_any,
    "coalesce": _coalesce,
    "copyindex": _copy_index,
    "if": _if,
    "lambda": _lambda,
    "lambdavariables": _lambda_variable,
    "or": _all_or_any,
    "parameters": _parameters,
    "variables": _variables,
}

"""From a route into a resource to the stretch of a Bicep file that says it, worked out for what is reported.

Variables of the file, conditional values and merged objects are followed to where a member is written.
"""

from __future__ import annotations

import re

import msgspec

from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.sources.bicep import registry
from mcpguard.sources.bicep.symbols import Symbol
from mcpguard.sources.bicep.syntax import (
    ArrayLiteral,
    Constant,
    Declaration,
    Expression,
    Invocation,
    Item,
    Loop,
    Member,
    Name,
    ObjectLiteral,
    Operation,
    Property,
    Spread,
)
from mcpguard.sources.bicep.template import File
from mcpguard.sources.bicep.texts import body_of_multiline, unescape

_MERGES = frozenset({"union", "shallowmerge", "any"})
_MAX_FOLLOWED = 20
_ESCAPE = LazyPattern(r"\\(?:u\{[0-9A-Fa-f]{1,6}\}|.)")


class _Found(msgspec.Struct, frozen=True):
    """How far a route could be followed, and what stands there."""

    steps: int
    start: int
    end: int
    whole: bool
    """Whether it could be followed to its end."""


class Places:
    """The places of one file; see :class:`mcpguard.core.positions.Places`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._variables = {found.name: found for found in file.of("var")}

    def extent(self, route: Route) -> tuple[int, int, bool]:
        """Where the value at a route stands, and whether all of the route was found."""
        if not route:
            return 0, len(self._file.text), True
        section, *rest = route
        found: _Found | None = None
        if section == "resources" and rest and (symbol := self._file.symbols.all.get(str(rest[0]))) is not None:
            found = self._resource(symbol, rest[1:])
        elif rest:
            found = self._declared(str(section), str(rest[0]), rest[1:])
        if found is None:
            return 0, self._line_end(0), False
        return found.start, found.end, found.whole

    def decode(self, literal: str) -> tuple[str, list[int]]:
        """A text as it is written, decoded, and for each of its characters, and its end, the offset in what is written."""
        if literal.startswith(("'''", "$")):
            first, last, _ = body_of_multiline(literal)
            return literal[first:last], list(range(first, last + 1))
        if not literal.startswith("'"):
            return literal, list(range(len(literal) + 1))
        out: list[str] = []
        offsets: list[int] = []
        position, stop = 1, len(literal) - 1
        for match in _ESCAPE.finditer(literal, 1, stop):
            decoded = unescape(match[0])
            out += (literal[position : match.start()], decoded)
            offsets += range(position, match.start())
            offsets += [match.start()] * len(decoded)
            position = match.end()
        out.append(literal[position:stop])
        offsets += range(position, stop + 1)
        return "".join(out), offsets

    # -- declarations ----------------------------------------------------------------------------------------------------

    def _resource(self, symbol: Symbol, steps: list[str | int]) -> _Found:
        declaration, body = symbol.declaration, symbol.body
        head = _Found(0, declaration.at, declaration.text_at[1], not steps)
        match steps:
            case []:
                return head
            case ["condition", *_] if declaration.condition is not None:
                return self._at(declaration.condition)
            case ["condition", *_] if symbol.outer is not None:
                return self._resource(symbol.outer, steps)
            case ["copy", *_] if declaration.loop is not None:
                return self._at(declaration.loop.collection)
            case ["type" | "apiVersion", *_]:
                return _Found(1, *declaration.text_at, whole=True)
            case ["resourceGroup" | "subscriptionId", *_]:
                steps = ["scope"]
            case ["properties", "templateLink", *_]:
                return _Found(1, *declaration.text_at, whole=True)
            case ["properties", "parameters", str() as name, "value", *below] if declaration.keyword == "module":
                steps = ["params", name, *below]
            case ["properties", "parameters", *below] if declaration.keyword == "module":
                steps = ["params", *below]
            case ["properties", registry.STAND_IN, *below] if declaration.keyword == "module":
                return self._argument(symbol, below)
            case _:
                pass
        found = self._below(body, steps)
        return found if found.steps else msgspec.structs.replace(head, whole=False)

    def _argument(self, symbol: Symbol, route: list[str | int]) -> _Found:
        """The parameter of a module of a registry that gives what stands at a route of what the module declares."""
        best = _Found(0, symbol.declaration.at, symbol.declaration.text_at[1], whole=False)
        for argument in registry.arguments_of(symbol.type, tuple(route)):
            found = self._below(symbol.body, ["params", *argument])
            # ``params`` alone is no better than the module itself.
            if found.steps > max(best.steps, 1):
                best = found
            if best.whole:
                break
        return best

    def _declared(self, section: str, name: str, steps: list[str | int]) -> _Found | None:
        if section == "variables" and name.startswith("$loaded:"):
            call = self._file.lowering.loads.get(name)
            return self._at(call) if call is not None else None
        if section == "variables" and name.startswith("$loop:"):
            symbol = self._file.symbols.all.get(name.removeprefix("$loop:"))
            loop = symbol.declaration.loop if symbol is not None else None
            return self._below(loop.collection, steps) if loop is not None else None
        keyword = {"variables": "var", "parameters": "param", "outputs": "output"}.get(section)
        lowered = name.lower()
        for declaration in self._file.declarations:
            if declaration.keyword == keyword and declaration.name.lower() == lowered:
                return self._of(declaration, steps)
        return None

    def _of(self, declaration: Declaration, steps: list[str | int]) -> _Found:
        if declaration.keyword != "var" and steps[:1] in (["defaultValue"], ["value"]):
            steps = steps[1:]
        if declaration.value is None:
            return _Found(0, declaration.at, declaration.end, not steps)
        return self._below(declaration.value, steps)

    # -- values ----------------------------------------------------------------------------------------------------------

    def _at(self, expression: Expression) -> _Found:
        return _Found(1, expression.start, expression.end, whole=True)

    def _below(self, expression: Expression, steps: list[str | int], followed: int = 0) -> _Found:
        """What stands at ``steps`` below an expression; the nearest thing above it when nothing does."""
        done = 0
        while True:
            if done == len(steps):
                return _Found(done, expression.start, expression.end, whole=True)
            inner = self._step(expression, steps[done])
            if inner is not None:
                expression, done = inner, done + 1
                continue
            best = _Found(done, *self._head(expression), whole=False)
            if followed < _MAX_FOLLOWED:
                for other in self._others(expression):
                    found = self._below(other, steps[done:], followed + 1)
                    if done + found.steps > best.steps:
                        best = _Found(done + found.steps, found.start, found.end, found.whole)
                    if best.whole:
                        break
            return best

    def _step(self, expression: Expression, step: str | int) -> Expression | None:
        match expression:
            case ObjectLiteral():
                member = expression.find(str(step)) or _alike(expression, str(step))
                return member.value if member is not None else None
            case ArrayLiteral(items=items) if isinstance(step, int) and step < len(items):
                if any(isinstance(item, Spread) for item in items[: step + 1]):
                    return None
                item = items[step]
                return None if isinstance(item, Spread) else item
            case Loop(body=body) if isinstance(step, int):
                return body
            case _:
                return None

    def _others(self, expression: Expression) -> list[Expression]:
        """The expressions of which one gives the members of an expression, the likeliest first."""
        match expression:
            case Name(name=name) if name in self._variables:
                value = self._variables[name].value
                return [value] if value is not None else []
            case Member(base=base, name=name):
                return self._member(base, name)
            case Item(base=base, index=Constant(value=str() | int() as key)):
                return self._member(base, key)
            case Operation(operator="?:", operands=(_, chosen, other)):
                return [chosen, other]
            case Operation(operator="??", operands=operands):
                return list(operands)
            case Invocation(name=name, arguments=arguments) if name.lower() in _MERGES:
                return list(arguments[::-1])
            case ObjectLiteral(members=members):
                return [member.value for member in members[::-1] if isinstance(member, Spread)]
            case ArrayLiteral(items=items):
                return [item.value for item in items if isinstance(item, Spread)]
            case _:
                return []

    def _member(self, base: Expression, key: str | int) -> list[Expression]:
        """The expression that gives a member of another one; empty when it is not written in this file."""
        candidates = [base]
        for _ in range(_MAX_FOLLOWED):
            if not candidates:
                break
            current = candidates.pop(0)
            found = self._step(current, key)
            if found is not None:
                return [found]
            candidates += self._others(current)
        return []

    def _head(self, expression: Expression) -> tuple[int, int]:
        """What stands for a whole object or array: its bracket and the rest of that line."""
        return expression.start, min(expression.end, self._line_end(expression.start))

    def _line_end(self, start: int) -> int:
        match = _LINE_END.search(self._file.text, start)
        return match.start() if match else len(self._file.text)


_LINE_END = re.compile(r"[\r\n]|\Z")


def _alike(literal: ObjectLiteral, name: str) -> Property | None:
    """The member whose name differs in case only."""
    lowered = name.lower()
    for member in literal.members:
        if isinstance(member, Property) and isinstance(member.key, str) and member.key.lower() == lowered:
            return member
    return None

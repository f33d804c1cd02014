"""Expressions of Bicep as what they are in a template: JSON values with trees of :mod:`mcpguard.sources.arm.ast` in them.

Operators become functions as the compiler writes them. What belongs to a resource or module is found by its symbolic name when
it is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.ast import NODES, Access, Call, Literal, Node, Structure
from mcpguard.sources.bicep.symbols import FUNCTION, Symbol, Symbols
from mcpguard.sources.bicep.syntax import (
    ArrayLiteral,
    Constant,
    Expression,
    Function,
    Interpolated,
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

Locals: TypeAlias = Mapping[str, Node]
"""What loops and lambdas name, with the tree that gives it."""
_NONE: Locals = {}
_FUNCTIONS = {
    "*": "mul", "/": "div", "%": "mod", "+": "add", "-": "sub", ">": "greater", ">=": "greaterorequals", "<": "less",
    "<=": "lessorequals", "==": "equals", "&&": "and", "||": "or", "??": "coalesce", "?:": "if", "!": "not",
}  # fmt: skip
_NAMESPACES = frozenset({"az", "sys"})
_KNOWN_BY_NAME = frozenset({"id", "name", "type", "apiVersion"})
_LOADS = frozenset({"loadtextcontent", "loadfileasbase64", "loadjsoncontent", "loadyamlcontent"})


class _Step(msgspec.Struct, frozen=True):
    """One step of ``base.a[b].?c``."""

    key: str | Expression
    expression: Member | Item
    is_safe: bool = False
    is_from_end: bool = False


class Lowering:
    """Turns the expressions of one file."""

    def __init__(self, symbols: Symbols, at: Location, text: str) -> None:
        self.symbols = symbols
        self.at = at
        self.text = text
        self.loads: dict[str, Invocation] = {}
        """What the file loads, by the name of the variable that stands for it."""
        self._is_function = False

    # -- values ----------------------------------------------------------------------------------------------------------

    def lower(self, expression: Expression, names: Locals = _NONE) -> Json:
        """An expression of a declaration as a value of a template; unresolved when it is nested too deeply."""
        try:
            return self.value(expression, names)
        except RecursionError:
            return self._unknown(expression, "it is nested too deeply")

    def value(self, expression: Expression, names: Locals = _NONE) -> Json:
        """An expression as a value of a template: what is constant in it as JSON."""
        match expression:
            case Constant(value=str() as text):
                return plain(text)
            case Constant():
                return expression.value
            case ObjectLiteral():
                return self._object(expression, names)
            case ArrayLiteral():
                return self._array(expression, names)
            case _:
                return self.node(expression, names)

    def node(self, expression: Expression, names: Locals = _NONE) -> Node:
        """An expression as a tree."""
        match expression:
            case Constant():
                return Literal(expression.value)
            case Name() | Member() | Item():
                return self._chain(expression, names)
            case Interpolated():
                return self._interpolated(expression, names)
            case Invocation():
                return self._invocation(expression, names)
            case Operation():
                return self._operation(expression, names)
            case ObjectLiteral() | ArrayLiteral():
                found = self.value(expression, names)
                return found if type(found) in NODES else Structure(found)
            case Function():
                return self._function(expression, names)
            case Loop():
                return self._loop(expression, names)

    def _call(self, name: str, arguments: tuple[Node, ...], at: Expression | Spread) -> Call:
        return Call(name, arguments, self.text, at.start, at.end)

    def _access(self, base: Node, key: Node, at: Expression) -> Node:
        return Access(base, key, self.text, at.start, at.end)

    def _unknown(self, at: Expression, reason: str) -> Literal:
        return Literal(Unresolved(f"[{self.text[at.start : at.end]}]", reason=reason))

    # -- objects and arrays ----------------------------------------------------------------------------------------------

    def _object(self, literal: ObjectLiteral, names: Locals) -> Json:
        if all(isinstance(member, Property) and isinstance(member.key, str) for member in literal.members):
            return {plain(member.key): self.value(member.value, names) for member in literal.members}  # type: ignore[union-attr, arg-type]
        parts: list[Node] = []
        pairs: list[Node] = []
        for member in literal.members:
            if isinstance(member, Spread):
                if pairs:
                    parts.append(self._call("createobject", tuple(pairs), literal))
                    pairs = []
                parts.append(self.node(member.value, names))
            else:
                key = Literal(member.key) if isinstance(member.key, str) else self.node(member.key, names)
                pairs += (key, self.node(member.value, names))
        if pairs:
            parts.append(self._call("createobject", tuple(pairs), literal))
        if len(parts) == 1 and not any(isinstance(member, Spread) for member in literal.members):
            return parts[0]
        return self._call("shallowmerge", (self._call("createarray", tuple(parts), literal),), literal)

    def _array(self, literal: ArrayLiteral, names: Locals) -> Json:
        if not any(isinstance(item, Spread) for item in literal.items):
            return [self.value(item, names) for item in literal.items]  # type: ignore[arg-type]
        parts = [
            self.node(item.value, names)
            if isinstance(item, Spread)
            else self._call("createarray", (self.node(item, names),), item)
            for item in literal.items
        ]
        return self._call("flatten", (self._call("createarray", tuple(parts), literal),), literal)

    # -- texts, operators, functions -------------------------------------------------------------------------------------

    def _interpolated(self, expression: Interpolated, names: Locals) -> Node:
        values = [self.node(value, names) for value in expression.values]
        if not expression.offsets:
            form = "".join(
                text.replace("{", "{{").replace("}", "}}") + (f"{{{index}}}" if index < len(values) else "")
                for index, text in enumerate(expression.texts)
            )
            return self._call("format", (Literal(form), *values), expression)
        stretches: list[Node] = []
        for index, (text, start) in enumerate(zip(expression.texts, expression.offsets, strict=True)):
            if text:
                stretches.append(Literal(text, Location(self.at.artifact), start))
            if index < len(values):
                stretches.append(self._call("format", (Literal("{0}"), values[index]), expression))
        return self._call("concat", tuple(stretches), expression)

    def _operation(self, expression: Operation, names: Locals) -> Node:
        operands = tuple(self.node(operand, names) for operand in expression.operands)
        operator = expression.operator
        if operator == "-" and len(operands) == 1:
            return self._call("sub", (Literal(0), *operands), expression)
        if operator in ("=~", "!~"):
            operands = tuple(self._call("tolower", (operand,), expression) for operand in operands)
        if operator in ("!=", "!~"):
            return self._call("not", (self._call("equals", operands, expression),), expression)
        return self._call("equals" if operator == "=~" else _FUNCTIONS[operator], operands, expression)

    def _function(self, expression: Function, names: Locals) -> Node:
        inner = {name: self._call("lambdavariables", (Literal(name),), expression) for name in expression.names}
        body = self.node(expression.body, {**names, **inner})
        return self._call("lambda", (*map(Literal, expression.names), body), expression)

    def _loop(self, expression: Loop, names: Locals) -> Node:
        collection = self.node(expression.collection, names)
        function = Function(tuple(filter(None, (expression.item, expression.index))), expression.body, *_span(expression))
        if expression.condition is not None:
            test = Function((expression.item,), expression.condition, *_span(expression))
            collection = self._call("filter", (collection, self._function(test, names)), expression)
        return self._call("map", (collection, self._function(function, names)), expression)

    def user_function(self, function: Function) -> dict[str, Json]:
        """A declared function in the shape that templates have for it."""
        names = {name: self._call("parameters", (Literal(name),), function) for name in function.names}
        self._is_function = True
        body = self.lower(function.body, names)
        self._is_function = False
        return {"parameters": [{"name": name} for name in function.names], "output": {"value": body}}

    def _invocation(self, expression: Invocation, names: Locals) -> Node:
        base, name = expression.base, expression.name
        lowered = name.lower()
        if isinstance(base, Name) and base.name not in names:
            if base.name in self.symbols.namespaces:
                arguments = tuple(self.node(argument, names) for argument in expression.arguments)
                return self._call(f"{FUNCTION}{base.name}.{name}".lower(), arguments, expression)
            if base.name in _NAMESPACES and self.symbols.find(base.name) is None:
                base = None
        arguments = tuple(self.node(argument, names) for argument in expression.arguments)
        if base is not None:
            return self._method(expression, base, arguments, names)
        if name in self.symbols.functions:
            return self._call(f"{FUNCTION}{name}".lower(), arguments, expression)
        if lowered == "nameof" and len(expression.arguments) == 1:
            return Literal(_last_name(expression.arguments[0]))
        if lowered == "any" and len(arguments) == 1:
            return arguments[0]
        if lowered in _LOADS:
            loaded = f"$loaded:{expression.start}"
            self.loads[loaded] = expression
            return self._call("variables", (Literal(loaded),), expression)
        if lowered == "readenvironmentvariable" and arguments:
            return arguments[1] if len(arguments) > 1 else self._call("env", arguments, expression)
        return self._call(lowered, arguments, expression)

    def _method(self, expression: Invocation, base: Expression, arguments: tuple[Node, ...], names: Locals) -> Node:
        """``resource.listKeys()`` and its kin."""
        found = self._find(base, names)
        if found is None or found[1]:
            return self._unknown(expression, f"there is no function {expression.name[:80]}")
        symbol, _, index = found
        name = expression.name.lower()
        identity = self.identity(symbol, index, names, expression)
        if name.startswith("list") and not arguments:
            arguments = (Literal(symbol.version),)
        return self._call(name, (identity, *arguments), expression)

    # -- names and what lies below them ----------------------------------------------------------------------------------

    def _chain(self, expression: Expression, names: Locals) -> Node:
        found = self._find(expression, names)
        if found is not None:
            symbol, steps, index = found
            return self._of_symbol(symbol, steps, index, names, expression)
        root, steps = _steps(expression)
        node: Node
        if isinstance(root, Name) and root.name not in names and root.name in self.symbols.namespaces and steps:
            first, *steps = steps
            node = self._call("variables", (Literal(f"{root.name}.{first.key}"),), first.expression)
        elif isinstance(root, Name):
            node = self._named(root, names)
        else:
            node = self.node(root, names)
        return self._below(node, steps, names)

    def _named(self, root: Name, names: Locals) -> Node:
        if root.name in names:
            return names[root.name]
        kind = self.symbols.kinds.get(root.name)
        if kind is None:
            return self._unknown(root, f"there is no {root.name[:80]}")
        return self._call("parameters" if kind == "param" else "variables", (Literal(root.name),), root)

    def _below(self, node: Node, steps: list[_Step], names: Locals) -> Node:
        """What lies below a value; from the first ``.?`` on nothing there is no error."""
        safe: list[Node] = []
        for step in steps:
            key = Literal(step.key) if isinstance(step.key, str) else self.node(step.key, names)
            if step.is_from_end:
                base = self._call("tryget", (node, *safe), step.expression) if safe else node
                name = "tryindexfromend" if step.is_safe or safe else "indexfromend"
                node, safe = self._call(name, (base, key), step.expression), []
            elif step.is_safe or safe:
                safe.append(key)
            else:
                node = self._access(node, key, step.expression)
        return self._call("tryget", (node, *safe), steps[-1].expression) if safe else node

    # -- resources and modules -------------------------------------------------------------------------------------------

    def _find(self, expression: Expression, names: Locals) -> tuple[Symbol, list[_Step], Expression | None] | None:
        """The resource or module that an expression begins with, what is asked of it, and which turn of its loop is meant."""
        root, steps = _steps(expression)
        if not isinstance(root, Name) or root.name in names or self._is_function:
            return None
        symbol = self.symbols.find(root.name)
        if symbol is None:
            return None
        index: Expression | None = None
        while steps:
            step = steps[0]
            if isinstance(step.expression, Member) and step.expression.is_nested:
                inner = self.symbols.below(symbol, str(step.key))
                if inner is None:
                    return None
                symbol = inner
            elif symbol.is_loop and index is None and not isinstance(step.key, str):
                index = step.key
            else:
                break
            steps = steps[1:]
        return symbol, steps, index

    def _symbolic(self, symbol: Symbol, index: Expression | None, names: Locals, at: Expression) -> Node:
        """The symbolic name, with the turn of its loop."""
        if index is None:
            return Literal(symbol.key)
        return self._call("format", (Literal(f"{symbol.key}[{{0}}]"), self.node(index, names)), at)

    def identity(self, symbol: Symbol, index: Expression | None, names: Locals, at: Expression) -> Node:
        """The id of a resource."""
        info = self._call("resourceinfo", (self._symbolic(symbol, index, names, at),), at)
        return self._access(info, Literal("id"), at)

    def _of_symbol(self, symbol: Symbol, steps: list[_Step], index: Expression | None, names: Locals, at: Expression) -> Node:
        if symbol.declaration.keyword == "module":
            return self._of_module(symbol, steps, index, names, at)
        asked = steps[0].key if steps and isinstance(steps[0].key, str) else ""
        if asked in _KNOWN_BY_NAME and not symbol.is_foreign:
            node: Node = Literal(symbol.type if asked == "type" else symbol.version)
            if asked == "id":
                node = self.identity(symbol, index, names, at)
            elif asked == "name":
                node = self.name_of(symbol, index, names)
            return self._below(node, steps[1:], names)
        if symbol.is_foreign:
            return self._below(self._call("reference", (Literal(symbol.key),), at), steps, names)
        identity = self.identity(symbol, index, names, at)
        version = Literal(symbol.version)
        if asked == "properties" and not steps[0].is_safe:
            return self._below(self._call("reference", (identity, version), steps[0].expression), steps[1:], names)
        return self._below(self._call("reference", (identity, version, Literal("full")), at), steps, names)

    def _of_module(self, symbol: Symbol, steps: list[_Step], index: Expression | None, names: Locals, at: Expression) -> Node:
        asked = steps[0].key if steps and isinstance(steps[0].key, str) else ""
        if asked == "name":
            return self._below(self.name_of(symbol, index, names), steps[1:], names)
        node = self._call("reference", (self._symbolic(symbol, index, names, at),), at)
        if asked == "outputs" and len(steps) > 1:
            # Between an output and what lies below it stands its value.
            value = _Step("value", steps[1].expression, steps[0].is_safe or steps[1].is_safe)
            return self._below(node, [steps[0], steps[1], value, *steps[2:]], names)
        return self._below(node, steps, names)

    def resource(self, expression: Expression) -> tuple[Symbol, Expression | None] | None:
        """The resource that an expression is, and which turn of its loop; None for anything else."""
        found = self._find(expression, _NONE)
        return (found[0], found[2]) if found is not None and not found[1] else None

    def name_of(self, symbol: Symbol, index: Expression | None, names: Locals) -> Node:
        """The name of a resource as it is declared, without those of its parents."""
        named = symbol.body.find("name")
        if named is None:
            return Literal(symbol.key.rpartition("::")[2])
        found = self.node(named.value, self.turn_of(symbol))
        return found if index is None else substitute(found, symbol.key, self.node(index, names))

    def turn_of(self, symbol: Symbol) -> dict[str, Node]:
        """What the loop around a resource or module names, and those around what it stands in."""
        found = self.turn_of(symbol.outer) if symbol.outer is not None else {}
        loop = symbol.declaration.loop
        if loop is not None:
            turn = self._call("copyindex", (Literal(symbol.key),), loop.collection)
            found[loop.item] = self._access(self.collection(symbol), turn, loop.collection)
            if loop.index:
                found[loop.index] = turn
        return found

    def collection(self, symbol: Symbol) -> Node:
        """What the loop around a resource or module goes through; a variable, so that it is worked out once."""
        return self._call("variables", (Literal(f"$loop:{symbol.key}"),), symbol.declaration.loop or symbol.body)


def plain(text: str) -> str:
    """A text as a template writes it, in which brackets around a text would make an expression of it."""
    return f"[{text}" if text[:1] == "[" and text[-1:] == "]" else text


def substitute(value: Json, loop: str, turn: Node) -> Json:
    """A value in which ``turn`` stands for the turn of a loop."""
    match value:
        case Call(name="copyindex", arguments=(Literal(value=str() as name),)) if name == loop:
            return turn
        case Call():
            return msgspec.structs.replace(value, arguments=tuple(substitute(item, loop, turn) for item in value.arguments))
        case Access():
            return msgspec.structs.replace(
                value, base=substitute(value.base, loop, turn), key=substitute(value.key, loop, turn)
            )
        case Structure():
            return Structure(substitute(value.value, loop, turn))
        case dict():
            return {key: substitute(item, loop, turn) for key, item in value.items()}
        case list():
            return [substitute(item, loop, turn) for item in value]
        case _:
            return value


def _steps(expression: Expression) -> tuple[Expression, list[_Step]]:
    """What a chain begins with, and its steps."""
    found: list[_Step] = []
    while True:
        match expression:
            case Member():
                found.append(_Step(expression.name, expression, expression.is_safe))
                expression = expression.base
            case Item(index=Constant(value=str() as key), is_from_end=False):
                found.append(_Step(key, expression, expression.is_safe))
                expression = expression.base
            case Item():
                found.append(_Step(expression.index, expression, expression.is_safe, expression.is_from_end))
                expression = expression.base
            case _:
                return expression, found[::-1]


def _last_name(expression: Expression) -> str | None:
    """What ``nameof`` gives: the last name of a chain."""
    match expression:
        case Name(name=name) | Member(name=name) | Item(index=Constant(value=str() as name)):
            return name
        case _:
            return None


def _span(expression: Expression) -> tuple[int, int]:
    return expression.start, expression.end

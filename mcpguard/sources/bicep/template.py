"""A Bicep file as a template: what the compiler would write, with symbolic names, and with trees where it writes expressions.

Modules become nested deployments with a link to their file. Shapes:
learn.microsoft.com/azure/azure-resource-manager/templates/syntax (languageVersion 2.0).
"""

from __future__ import annotations

import msgspec

from mcpguard.core.location import Location, TextRange
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.ast import Access, Call, Literal, Node
from mcpguard.sources.arm.template import DEPLOYMENT
from mcpguard.sources.bicep.lowering import Lowering, plain, substitute
from mcpguard.sources.bicep.statements import read
from mcpguard.sources.bicep.symbols import FUNCTION, Symbol, Symbols
from mcpguard.sources.bicep.syntax import (
    Constant,
    Declaration,
    Expression,
    Function,
    Invocation,
    ObjectLiteral,
    Property,
    Spread,
)

_SCHEMAS = {
    "resourceGroup": "deploymentTemplate.json",
    "subscription": "subscriptionDeploymentTemplate.json",
    "managementGroup": "managementGroupDeploymentTemplate.json",
    "tenant": "tenantDeploymentTemplate.json",
}
_OF_BICEP = frozenset({"name", "parent", "scope", "dependsOn"})
"""Members of a resource that templates write in another way, or not at all."""
_GROUP = "microsoft.resources/resourcegroups"
_MAX_PARENTS = 12
"""Resources above another one; a longer chain is a circle."""
_TYPES = {"string": "string", "int": "int", "bool": "bool", "array": "array", "object": "object"}


class Trouble(msgspec.Struct, frozen=True):
    """Something that could not be read, and where."""

    detail: str
    at: Location


class File:
    """One file of Bicep, read once."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.at = Location(path)
        statements = read(text)
        self.declarations = statements.declarations
        self.symbols = Symbols(statements.declarations)
        self.troubles = [
            Trouble(f"a part that is no Bicep: {part.message}", self.range(part.start, part.end)) for part in statements.broken
        ]
        for declaration in statements.declarations:
            if declaration.keyword == "import":
                self._import(declaration)
        for repeated in self.symbols.repeated:
            where = self.range(repeated.at, repeated.at + len(repeated.name))
            self.troubles.append(Trouble(f"{repeated.name[:80]} is declared twice; the first one was read", where))
        self.lowering = Lowering(self.symbols, self.at, text)
        self._template: dict[str, Json] | None = None

    def range(self, start: int, end: int) -> Location:
        """The place of a stretch of the file."""
        return Location(self.path, (), TextRange(start, end))

    def _import(self, declaration: Declaration) -> None:
        for theirs, ours in declaration.names:
            if theirs == "*":
                self.symbols.namespaces.add(ours)
            else:
                # A variable or a function: which of them, the other file says.
                self.symbols.kinds.setdefault(ours, "var")
                self.symbols.functions.add(ours)

    def of(self, *keywords: str) -> list[Declaration]:
        """The declarations of some kinds."""
        return [declaration for declaration in self.declarations if declaration.keyword in keywords]

    @property
    def links(self) -> list[tuple[str, Location]]:
        """What modules and imports name, with the places of the names."""
        found = [(d.text, self.range(*d.text_at)) for d in self.of("import") if d.text]
        modules = (symbol for symbol in self.symbols.all.values() if symbol.declaration.keyword == "module")
        return found + [(symbol.type, self.range(*symbol.declaration.text_at)) for symbol in modules]

    @property
    def template(self) -> dict[str, Json]:
        """The template that the file is."""
        if self._template is None:
            self._template = self._build()
        return self._template

    def _build(self) -> dict[str, Json]:
        lowering = self.lowering
        level = "resourceGroup"
        template: dict[str, Json] = {"parameters": {}, "variables": {}, "outputs": {}, "resources": {}}
        functions: dict[str, Json] = {}
        for declaration in self.declarations:
            name, value = declaration.name, declaration.value
            match declaration.keyword:
                case "param":
                    template["parameters"][name] = self._parameter(declaration)
                case "var" if value is not None:
                    template["variables"][name] = lowering.lower(value)
                case "output" if value is not None:
                    template["outputs"][name] = {"type": declaration.text, "value": lowering.lower(value)}
                case "func" if isinstance(value, Function):
                    functions[name] = lowering.user_function(value)
                case "targetScope" if isinstance(value, Constant):
                    level = str(value.value)
                case _:
                    pass
        for key, symbol in self.symbols.all.items():
            if symbol.declaration.loop is not None:
                template["variables"][f"$loop:{key}"] = lowering.lower(symbol.declaration.loop.collection)
            template["resources"][key] = (
                self._module(symbol) if symbol.declaration.keyword == "module" else self._resource(symbol)
            )
        template["functions"] = [{"namespace": FUNCTION[:-1], "members": functions}] if functions else []
        template["$schema"] = _SCHEMAS.get(level, _SCHEMAS["resourceGroup"])
        return template

    def _parameter(self, declaration: Declaration) -> dict[str, Json]:
        written = declaration.text.strip()
        type_ = _TYPES.get(written.rstrip("?"), "object" if written.startswith("{") else "string" if "'" in written else "")
        if declaration.is_secure:
            type_ = "secureObject" if type_ == "object" else "securestring"
        found: dict[str, Json] = {"type": type_}
        if written.endswith("?"):
            found["nullable"] = True
        if declaration.value is not None:
            found["defaultValue"] = self.lowering.lower(declaration.value)
        return found

    # -- resources -------------------------------------------------------------------------------------------------------

    def _resource(self, symbol: Symbol) -> dict[str, Json]:
        turn = self.lowering.turn_of(symbol)
        item: dict[str, Json] = {"type": symbol.type, "apiVersion": symbol.version}
        if symbol.is_foreign:
            item |= {"type": symbol.declaration.text, "extension": "microsoftGraph"}
        if symbol.declaration.is_existing:
            item["existing"] = True
        for member in symbol.body.members:
            if isinstance(member, Spread):
                where = self.range(member.start, member.end)
                self.troubles.append(Trouble(f"members of {symbol.key[:80]} that another value brings were not read", where))
            elif isinstance(member.key, str) and member.key not in _OF_BICEP:
                item[member.key] = self.lowering.lower(member.value, turn)
        item |= self._placement(symbol, turn)
        name = self._name(symbol)
        if name is not None:
            item["name"] = name
        self._around(symbol, item)
        return item

    def _around(self, symbol: Symbol, item: dict[str, Json]) -> None:
        """The loop and the conditions of a resource, with those of what it stands in."""
        conditions: list[Json] = []
        current: Symbol | None = symbol
        while current is not None:
            declaration = current.declaration
            if declaration.condition is not None:
                conditions.append(self.lowering.lower(declaration.condition, self.lowering.turn_of(current)))
            if declaration.loop is not None and "copy" not in item:
                count = self._call("length", (self.lowering.collection(current),), declaration.loop.collection)
                item["copy"] = {"name": current.key, "count": count}
            current = current.outer
        if len(conditions) == 1:
            item["condition"] = conditions[0]
        elif conditions:
            nodes = tuple(self._as_node(condition) for condition in conditions[::-1])
            item["condition"] = self._call("and", nodes, symbol.declaration.condition or symbol.body)

    def _name(self, symbol: Symbol) -> Json:
        """The name with those of the parents, as far as the type wants them."""
        named = symbol.body.find("name")
        if named is None:
            return None
        own = self.lowering.lower(named.value, self.lowering.turn_of(symbol))
        parent = self._parent(symbol)
        if parent is None:
            return own
        above, index = parent
        names = self._name(above)
        if index is not None:
            names = substitute(names, above.key, self.lowering.node(index, self.lowering.turn_of(symbol)))
        if isinstance(names, str) and isinstance(own, str):
            return f"{names}/{own}"
        return self._call("format", (Literal("{0}/{1}"), self._as_node(names), self._as_node(own)), named.value)

    def _parent(self, symbol: Symbol) -> tuple[Symbol, Expression | None] | None:
        """The resource that a resource stands in or names as its parent, and which turn of its loop."""
        if symbol.outer is not None:
            return symbol.outer, None
        written = symbol.body.find("parent")
        if written is None:
            return None
        found = self.lowering.resource(written.value)
        if found is None or found[0] is symbol:
            return None
        above: Symbol | None = found[0]
        for _ in range(_MAX_PARENTS):
            if above is None:
                return found
            named = above.body.find("parent")
            next_ = self.lowering.resource(named.value) if named is not None else None
            above = above.outer or (next_[0] if next_ else None)
        return None

    def _placement(self, symbol: Symbol, turn: dict[str, Node]) -> dict[str, Json]:
        """Where a resource or module is deployed, when it says so: of a child, where its parent is."""
        written = symbol.body.find("scope")
        if written is None:
            parent = self._parent(symbol)
            return self._placement(parent[0], self.lowering.turn_of(parent[0])) if parent else {}
        expression, is_module = written.value, symbol.declaration.keyword == "module"
        found = self.lowering.resource(expression)
        if found is not None:
            target, index = found
            if target.type.lower() == _GROUP:
                return {**self._placement(target, turn), "resourceGroup": self.lowering.name_of(target, index, turn)}
            return {"scope": self.lowering.identity(target, index, turn, expression)}
        if isinstance(expression, Invocation):
            arguments = [self.lowering.lower(argument, turn) for argument in expression.arguments]
            match expression.name, len(arguments):
                case "resourceGroup", 1:
                    return {"resourceGroup": arguments[0]}
                case "resourceGroup", 2:
                    return {"subscriptionId": arguments[0], "resourceGroup": arguments[1]}
                case "subscription", 1:
                    return {"subscriptionId": arguments[0]}
                case "subscription", 0 if is_module:
                    base = self._call("subscription", (), expression)
                    return {
                        "subscriptionId": Access(base, Literal("subscriptionId"), self.text, expression.start, expression.end)
                    }
                case "managementGroup", 1:
                    form = Literal("Microsoft.Management/managementGroups/{0}")
                    return {"scope": self._call("format", (form, self._as_node(arguments[0])), expression)}
                case "tenant", _:
                    return {"scope": "/"}
                case (("resourceGroup" | "subscription" | "managementGroup"), 0):
                    return {}
                case _:
                    pass
        unknown = Literal(Unresolved(f"[{self.text[expression.start : expression.end]}]"))
        return {"resourceGroup": unknown} if is_module or symbol.declaration.is_existing else {"scope": unknown}

    def _module(self, symbol: Symbol) -> dict[str, Json]:
        turn = self.lowering.turn_of(symbol)
        given = symbol.body.find("params")
        parameters: dict[str, Json] = {}
        if given is not None and isinstance(given.value, ObjectLiteral):
            for member in given.value.members:
                if isinstance(member, Property) and isinstance(member.key, str):
                    parameters[member.key] = self._argument(member.value, turn)
                else:
                    where = self.range(member.start, member.end)
                    self.troubles.append(
                        Trouble(f"parameters of {symbol.key[:80]} that another value brings were not read", where)
                    )
        name = self._name(symbol)
        item: dict[str, Json] = {
            "type": DEPLOYMENT,
            "apiVersion": "2025-04-01",
            "name": plain(symbol.key) if name is None else name,
            "properties": {
                "expressionEvaluationOptions": {"scope": "inner"},
                "mode": "Incremental",
                "templateLink": {"relativePath": symbol.type},
                "parameters": parameters,
            },
        }
        item |= self._placement(symbol, turn)
        self._around(symbol, item)
        return item

    def _argument(self, value: Expression, turn: dict[str, Node]) -> dict[str, Json]:
        if isinstance(value, Invocation) and value.name == "getSecret":
            return {"reference": {}}
        return {"value": self.lowering.lower(value, turn)}

    def _call(self, name: str, arguments: tuple[Node, ...], at: Expression) -> Call:
        return Call(name, arguments, self.text, at.start, at.end)

    def _as_node(self, value: Json) -> Node:
        return Literal(value) if value is None or isinstance(value, str | int | bool) else value

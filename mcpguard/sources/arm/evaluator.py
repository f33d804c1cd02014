"""Evaluation: a tree and what is around it give a value, with :class:`Unresolved` for what only deployment knows.

It ends: work is counted against a budget in proportion to the input, values have a largest size, and depth is limited.
Nothing here raises; what Resource Manager would refuse becomes an unresolved value with its reason.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm import deployment_functions
from mcpguard.sources.arm.ast import NODES, Access, Call, Literal, Node, Structure, source_of
from mcpguard.sources.arm.expressions import BadExpression, is_computed, is_expression, parse, unescape
from mcpguard.sources.arm.functions import find_function
from mcpguard.sources.arm.functions_collections import find_key
from mcpguard.sources.arm.places import settled_id
from mcpguard.sources.arm.scopes import Binding, Frame, Scope
from mcpguard.sources.arm.special_functions import SPECIAL
from mcpguard.sources.arm.values import MAX_NODES, OPAQUE, Failure, Lambda, Weights, kind_of, lean

_STEPS = 500_000
_LIGHT = 500
"""Characters of a text up to which it does not count as work."""
_TOO_MUCH = "evaluating the template takes more work than its size allows; the rest is left unevaluated"
_MAX_DEPTH = 120
MAX_COPIES = 800
"""Instances of one loop, as many as a deployment may have resources (azure-subscription-service-limits)."""


class Exhausted(Exception):
    """The budget of a file is used up."""


_HASHES = frozenset({"uniquestring", "guid"})


class Evaluator:
    """Evaluates the expressions of one file and of the parameter files that go with it."""

    def __init__(
        self,
        size: int,
        note: Callable[[str, Location | None], None],
        hide: Callable[[Json], Json],
        look: Callable[[str], None],
        here: str = "",
    ) -> None:
        """``size`` of the file in bytes; ``note`` takes what is wrong with it; ``hide`` masks a literal secret; ``look`` is
        shown every expression before it is read; ``here`` is the folder of the template: what is deployed from another
        one goes elsewhere, so that equal hashes of what only deployment knows are not equal names.
        """
        self.here = here
        self.budget = _STEPS + size
        self.note = note
        self.hide = hide
        self._look = look
        self.has_stand_ins = False
        """Whether a name was asked of a hash that only deployment knows."""
        self._trees: dict[str, Node | BadExpression] = {}
        self.weights = Weights()
        self.depth = 0
        """How deeply what is being evaluated is nested; whoever catches what :meth:`value` raises puts it back."""
        self._shares = False
        """Whether what was evaluated holds an array or object of a variable or parameter, or something unresolved."""
        self._noted: set[str] = set()

    # -- JSON ----------------------------------------------------------------------------------------------------------

    def json(self, raw: Json, frame: Frame, at: Location | None = None) -> Json:
        """A JSON value of a template with everything in it evaluated, property loops too. The result is a copy."""
        kind = type(raw)
        if kind is str:
            return self.text(raw, frame, at) if raw[:1] == "[" else raw
        if kind is not dict and kind is not list:
            return self.computed(raw, frame, at, source_of(raw)) if kind in NODES else raw
        self.depth += 1
        try:
            if self.depth > _MAX_DEPTH:
                self.note_once("values nested too deeply to be evaluated", at)
                return Unresolved("", reason="it is nested too deeply")
            self.charge(len(raw))
            if kind is list:
                return [self.json(item, frame, at) for item in raw]
            return self._object(raw, frame, at)
        except Exhausted:
            self.note_once(_TOO_MUCH, at)
            return Unresolved("", reason="evaluating it takes too much work")
        finally:
            self.depth -= 1

    def own(self, raw: Json, frame: Frame, at: Location | None = None) -> Json:
        """A JSON value evaluated, as a copy that may be changed; what is unresolved keeps no more than rules may ask for."""
        self._shares = False
        value = self.json(raw, frame, at)
        return self.own_copy(value, at) if self._shares else value

    def _object(self, raw: dict[str, Json], frame: Frame, at: Location | None) -> Json:
        out: dict[str, Json] = {}
        for key, value in raw.items():
            if key == "copy" and is_property_loop(value):
                for loop in value:
                    out[str(loop.get("name"))] = self.loop(loop, frame, at)
            elif key[:1] == "[":
                name = self.text(key, frame, at)
                out[name if isinstance(name, str) else key] = self.json(value, frame, at)
            else:
                out[key] = self.json(value, frame, at)
        return out

    def loop(self, loop: dict[str, Json], frame: Frame, at: Location | None = None) -> Json:
        """The array that a loop over properties, variables or outputs gives."""
        count = self.count(loop, frame)
        if isinstance(count, Unresolved):
            return Unresolved(f"copy of {source_of(loop.get('count'))[:80]} items", reason=count.reason)
        name = str(loop.get("name")).lower()
        found: list[Json] = []
        for index in range(count):
            self.budget -= 5
            if self.budget < 0:
                return Unresolved(f"copy of {count} items", reason="evaluating it takes too much work")
            found.append(self.json(loop.get("input"), msgspec.structs.replace(frame, copies={**frame.copies, name: index}), at))
        return found

    def count(self, loop: dict[str, Json], frame: Frame) -> int | Unresolved:
        """How often a loop runs."""
        count = self.json(loop.get("count"), frame)
        if isinstance(count, Unresolved):
            return count
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_COPIES:
            return Unresolved(f"{count}"[:40], reason=f"{MAX_COPIES} copies are allowed")
        return count

    def text(self, text: str, frame: Frame, at: Location | None = None) -> Json:
        """A text of a template: what its expression gives, or itself."""
        if not is_expression(text):
            return unescape(text)
        node = self._trees.get(text)
        if node is None or type(node) is BadExpression:
            node = self.tree(text, at)
            if node is None:
                return Unresolved(text, reason="it cannot be read")
        return self.computed(node, frame, at, text)  # type: ignore[arg-type]

    def computed(self, node: Node, frame: Frame, at: Location | None, text: str) -> Json:
        """What a tree gives; ``text`` is how it is written."""
        depth = self.depth
        try:
            value = self.value(node, frame)
        except Failure as failure:
            self.depth = depth
            return Unresolved(text, reason=failure.reason)
        except (Exhausted, RecursionError):
            self.depth = depth
            self.note_once(_TOO_MUCH, at)
            return Unresolved(text, reason="evaluating it takes too much work")
        if type(value) is str:
            return value
        if isinstance(value, dict | list | Unresolved):
            self._shares = True
        if isinstance(value, Unresolved) and value.parts:
            # An id that names this subscription and this group needs neither.
            settled = settled_id(value)
            return value if settled is None else settled
        return Unresolved(text) if isinstance(value, Lambda) else value

    def tree(self, text: str, at: Location | None = None) -> Node | None:
        """The tree of an expression, read once; None when it is none, which is noted."""
        found = self._trees.get(text)
        if found is None:
            self._look(text)
            self.has_stand_ins = self.has_stand_ins or "uniquestring(" in text.lower()
            try:
                found = parse(text)
            except BadExpression as error:
                found = error
            self._trees[text] = found
        if isinstance(found, BadExpression):
            self.note_once(
                f"an expression that cannot be read: {found.message}", at and at.range(found.offset, found.offset + 1)
            )
            return None
        return found

    def literals(self) -> set[str]:
        """The texts that stand in the expressions read so far."""
        found: set[str] = set()
        stack: list[object] = list(self._trees.values())
        while stack:
            match stack.pop():
                case Literal(value=str() as text):
                    found.add(text)
                case Call(arguments=arguments):
                    stack.extend(arguments)
                case Access(base=base, key=key):
                    stack += (base, key)
                case _:
                    pass
        return found

    def note_once(self, detail: str, at: Location | None) -> None:
        """Note what is wrong, each thing once."""
        if detail not in self._noted:
            self._noted.add(detail)
            self.note(detail, at)

    # -- expressions -----------------------------------------------------------------------------------------------------

    def charge(self, work: int) -> None:
        """Count work.

        Raises:
            Exhausted: there was too much of it.
        """
        self.budget -= work
        if self.budget < 0:
            raise Exhausted

    def value(self, node: Node, frame: Frame) -> Json:
        """The value of a tree.

        Raises:
            Exhausted: it takes too much work.
            Failure: it is nested too deeply.
        """
        kind = type(node)
        if kind is Literal or kind is Structure:
            return node.value if kind is Literal else self.json(node.value, frame)  # type: ignore[union-attr]
        self.budget -= 1
        if self.budget < 0:
            raise Exhausted
        if self.depth > _MAX_DEPTH:
            raise Failure("it is nested too deeply")
        # Whoever catches what is raised below puts the depth back.
        self.depth += 1
        found = self._access(node, frame) if kind is Access else self._call(node, frame)  # type: ignore[arg-type]
        self.depth -= 1
        return found

    def arguments(self, call: Call, frame: Frame) -> list[Json]:
        """The values of a call's arguments."""
        return [self.value(argument, frame) for argument in call.arguments]

    def _call(self, call: Call, frame: Frame) -> Json:
        name = call.name
        values: list[Json] = []
        depth = self.depth
        try:
            special = SPECIAL.get(name)
            if special is not None:
                return special(self, call, frame)
            values = self.arguments(call, frame)
            function = find_function(name)
            if function is not None:
                if not function.least <= len(values) <= function.most:
                    raise Failure(f"{name} does not take {len(values)} arguments")
                is_heavy = False
                for value in values:
                    kind = type(value)
                    if kind is Unresolved and not function.open:
                        return Unresolved(call.source, name, tuple(values))
                    is_heavy = is_heavy or kind is not str or len(value) > _LIGHT
                if is_heavy:
                    self.weigh(values)
                if name in _HASHES and any(type(value) is not str for value in values):
                    values.append(self.here)
                found = function.apply(values)
                if type(found) is Unresolved:
                    return found if found.expression else msgspec.structs.replace(found, expression=call.source)
                if found is OPAQUE:
                    return Unresolved(call.source, name, tuple(values))
                if type(found) is list or type(found) is dict:
                    self.charge(len(found))
                elif type(found) is str:
                    self.charge(len(found) >> 6)
                return found
            if name in frame.scope.functions:
                return self._user_defined(frame.scope.functions[name], values, frame.scope.owners.get(name, frame.scope))
            found = deployment_functions.evaluate(name, values, frame.scope)
            return Unresolved(call.source, name, tuple(values)) if found is OPAQUE else found
        except Failure as failure:
            self.depth = depth
            return Unresolved(call.source, name if values else "", tuple(values), reason=failure.reason)

    def weigh(self, values: list[Json]) -> None:
        """Charge for the size of arguments.

        Raises:
            Failure: they are too large.
            Exhausted: it was too much work altogether.
        """
        total = 0
        for value in values:
            if type(value) is dict or type(value) is list:
                total += self.weights.of(value)
            elif type(value) is str:
                self.charge(len(value) >> 8)
            elif type(value) is Unresolved:
                self.charge(10 + len(value.parts))
        if total > MAX_NODES:
            raise Failure("the value is too large")
        if total:
            self.charge(total >> 2)

    def own_copy(self, value: Json, at: Location | None = None) -> Json:
        """A copy of a value that shares nothing, so that it can be changed; unresolved when there is too much of it."""
        if isinstance(value, dict | list):
            weight = self.weights.of(value)
            self.budget -= weight
            if weight > MAX_NODES or self.budget < 0:
                self.note_once(_TOO_MUCH, at)
                return Unresolved("", reason="the value is too large")
        return _copy(value)

    def _access(self, access: Access, frame: Frame) -> Json:
        base = self.value(access.base, frame)
        key = self.value(access.key, frame)
        if isinstance(base, Unresolved):
            if not base.function or isinstance(key, Unresolved) or not isinstance(key, str | int):
                return Unresolved(access.source, "access", (base, key))
            return msgspec.structs.replace(base, expression=access.source, route=(*base.route, key), parts=())
        if isinstance(key, Unresolved):
            return Unresolved(access.source, "access", (base, key))
        if isinstance(base, dict) and isinstance(key, str):
            name = find_key(base, key)
            if name is not None:
                return base[name]
            return Unresolved(access.source, reason=f"there is no member {key[:80]}")
        if isinstance(base, list) and isinstance(key, int) and not isinstance(key, bool):
            if 0 <= key < len(base):
                return base[key]
            return Unresolved(access.source, reason=f"there is no item {key} among {len(base)}")
        return Unresolved(access.source, reason=f"{kind_of(base)} has no member {str(key)[:80]}")

    def _user_defined(self, function: dict[str, Json], values: list[Json], scope: Scope) -> Json:
        parameters = function.get("parameters")
        names = (
            [str(item.get("name")).lower() for item in parameters if isinstance(item, dict)]
            if isinstance(parameters, list)
            else []
        )
        if len(names) != len(values):
            raise Failure(f"a function of {len(names)} parameters with {len(values)} arguments")
        output = function.get("output")
        body = output.get("value") if isinstance(output, dict) else None
        return self.json(body, Frame(scope, locals=dict(zip(names, values, strict=True)), is_function=True))

    # -- parameters and variables ----------------------------------------------------------------------------------------

    def parameter(self, name: str, scope: Scope) -> Json:
        """The value of a parameter: what is given to it, its default, or unresolved.

        Raises:
            Failure: there is no such parameter, or it depends on itself.
        """
        key = "parameter", name
        return scope.values[key] if key in scope.values else self._once("parameter", name.lower(), scope, self._parameter)

    def variable(self, name: str, scope: Scope) -> Json:
        """The value of a variable.

        Raises:
            Failure: there is no such variable, or it depends on itself.
        """
        key = "variable", name
        return scope.values[key] if key in scope.values else self._once("variable", name.lower(), scope, self._variable)

    def _once(self, kind: str, name: str, scope: Scope, work: Callable[[str, Scope], Json]) -> Json:
        key = kind, name
        if key in scope.values:
            return scope.values[key]
        if key in scope.pending:
            self.note_once(f"the {kind} {name[:80]} depends on itself", scope.at.child(f"{kind}s", name))
            raise Failure(f"the {kind} {name[:80]} depends on itself")
        scope.pending.add(key)
        try:
            found = scope.values[key] = work(name, scope)
        finally:
            scope.pending.discard(key)
        return found

    def _variable(self, name: str, scope: Scope) -> Json:
        if name in scope.variables:
            written, raw = scope.variables[name]
            return self.json(raw, scope.frame, scope.place_of_variable(written))
        if name in scope.variable_copies:
            index, loop = scope.variable_copies[name]
            return self.loop(loop, scope.frame, scope.at.child("variables", "copy", index, "input"))
        if name in scope.imported:
            other, theirs = scope.imported[name]
            return self.variable(theirs, other)
        raise Failure(f"there is no variable {name[:80]}")

    def _parameter(self, name: str, scope: Scope) -> Json:
        if name not in scope.parameters:
            raise Failure(f"there is no parameter {name[:80]}")
        written = scope.parameters[name][0]
        open_ = Unresolved(f"[parameters('{written}')]", "parameters", (written,))
        spec = scope.spec(name)
        default = Binding(spec.get("defaultValue"), scope.at.child("parameters", written, "defaultValue"), scope.frame)
        binding = scope.bindings.get(name, default)
        found = self._given(binding)
        if found is None and binding is not default:
            # Null means what leaving the parameter out means.
            binding = default
            found = self._given(binding)
        if found is None:
            return None if "defaultValue" in spec or spec.get("nullable") is True or name in scope.bindings else open_
        if isinstance(found, Unresolved):
            return found if found.expression else open_
        if not scope.is_secure(name):
            return found
        raw = binding.value
        is_made = binding.frame is not None and is_computed(raw)
        if is_made and any(word in source_of(raw).lower() for word in ("guid(", "uniquestring(")):
            return open_
        return self.hide(found)

    def _given(self, binding: Binding) -> Json:
        found = self.json(binding.value, binding.frame, binding.at) if binding.frame is not None else binding.value
        if not binding.is_wrapped or isinstance(found, Unresolved):
            return found
        return found["value"] if isinstance(found, dict) and "value" in found else Unresolved("")


def is_property_loop(value: Json) -> bool:
    """Whether a member named ``copy`` makes arrays of its siblings."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "input" in item for item in value)


def _copy(value: Json) -> Json:
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) is list:
        return [_copy(item) for item in value]
    return lean(value) if type(value) is Unresolved else value

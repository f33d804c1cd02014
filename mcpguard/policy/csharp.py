"""What a policy expression reads, and what its value carries. C# is parsed by tree-sitter and never run.

The analysis is an abstract evaluation: every expression has a set of *sources* that its value carries. A comparison
carries nothing, string building carries its parts, ``AsJwt()`` turns a token into claims (a claim is not the token).
Results are memoised by code. Code that does not parse is *not understood*, and says so.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from mcpguard.policy.csharp_syntax import flatten, index_name, is_operation, last_operand, literal, parse, text_of
from mcpguard.policy.tree import NAMED_VALUE

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_DEPTH = 180
_MAX_CODE = 200_000
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||", "is"})
PREDICATES = frozenset(
    [
        "Equals",
        "Contains",
        "ContainsKey",
        "StartsWith",
        "EndsWith",
        "IndexOf",
        "LastIndexOf",
        "IsNullOrEmpty",
        "IsNullOrWhiteSpace",
        "IsMatch",
        "Any",
        "All",
        "Count",
        "Length",
        "CompareTo",
        "Compare",
        "TryParse",
        "SequenceEqual",
        "GetHashCode",
        "StatusCode",
        "StatusReason",
    ]
)
_BODY = ("Request", "Body")
TOKEN_PARSERS = frozenset({"AsJwt", "TryParseJwt"})
_REQUEST_PARTS = {
    "Url": "request-url",
    "OriginalUrl": "request-url",
    "MatchedParameters": "request-url",
    "IpAddress": "ip-address",
    "Certificate": "client-certificate",
    "Method": "request-method",
}


_KEYS = (["Key"], ["PrimaryKey"], ["SecondaryKey"])
"""Members of ``context.Subscription`` that hold a key."""


class Source(msgspec.Struct, frozen=True):
    """Something an expression reads."""

    kind: str
    """``request-header``, ``response-header``, ``request-body``, ``response-body``, ``variable``, ``claims``, ``request-url``,
    ``request-method``, ``ip-address``, ``client-certificate``, ``user``, ``subscription``, ``context``."""
    name: str = ""
    """Lower case for headers and parameters of the query, as written for variables; the member for keys of a subscription.
    Empty when there is none or it is computed."""
    preserved: bool = False
    """For bodies: read with ``preserveContent: true``, so that the body can be read again."""
    path: str = ""
    """For bodies: the members taken from it by literal names, as in ``params.name``; empty for the whole."""


class Analysis(msgspec.Struct, frozen=True):
    """What is known of one expression."""

    understood: bool
    reads: frozenset[Source] = frozenset()
    carries: frozenset[Source] = frozenset()
    traced: frozenset[Source] = frozenset()
    """What ``context.Trace(…)`` within the expression writes to the trace."""
    constant: bool | None = None
    """The value when the code is the literal ``true`` or ``false``."""


NOTHING: frozenset[Source] = frozenset()
_NOT_UNDERSTOOD = Analysis(understood=False)


@lru_cache(maxsize=4096)
def analyse(code: str, block: bool) -> Analysis:
    """Analyse the code of ``@(code)`` or, with ``block``, of ``@{code}``."""
    bare = code.strip()
    if bare in ("true", "false"):
        return Analysis(understood=True, constant=bare == "true")
    if len(code) > _MAX_CODE:
        return _NOT_UNDERSTOOD
    root = parse_with_named_values(code, block)
    if root.has_error:
        return _NOT_UNDERSTOOD
    evaluation = _Evaluation()
    try:
        result = evaluation.statements(root, 0)
    except _TooDeep:
        return _NOT_UNDERSTOOD
    return Analysis(True, frozenset(evaluation.reads) | result, result, frozenset(evaluation.traced))


@lru_cache(maxsize=1024)
def leading_text(code: str, block: bool) -> str:
    """The literal with which the value of an expression begins: ``https://x/`` of ``"https://x/" + y``; empty when none."""
    root = parse(code, block)
    if root.has_error or block:
        return ""
    node: Node | None = root
    for _ in range(_MAX_DEPTH):
        if node is None or node.type == "identifier":
            return ""
        if node.type in ("string_literal", "verbatim_string_literal"):
            return literal(node) or ""
        if node.type == "string_content":
            return text_of(node)
        if node.type == "binary_expression":
            node = node.child_by_field_name("left")
        elif node.type == "interpolated_string_expression":
            node = next((child for child in node.named_children if child.type != "interpolation_start"), None)
        elif node.type in ("compilation_unit", "global_statement", "return_statement", "parenthesized_expression"):
            node = node.named_children[0] if node.named_children else None
        else:
            return ""
    return ""


@lru_cache(maxsize=1024)
def literals(code: str, block: bool) -> tuple[str, ...]:
    """The string literals of an expression, in order, each once; none when it does not parse."""
    root = parse_with_named_values(code, block)
    found: dict[str, None] = {}
    stack = [] if root.has_error else [root]
    while stack:
        node = stack.pop()
        text = literal(node)
        if text is not None and node.type != "argument":
            found[text] = None
        stack.extend(reversed(node.named_children))
    return tuple(found)


NAMED_VALUE_IN_CODE = "__named_value_"
"""How the identifiers begin that stand in for named values."""


def parse_with_named_values(code: str, block: bool) -> Node:
    """The tree of an expression; where it takes the named values out of the text to parse, identifiers stand for them."""
    root = parse(code, block)
    if root.has_error and "{{" in code:
        root = parse(NAMED_VALUE.sub(_as_identifier, code), block)
    return root


def _as_identifier(match: re.Match[str]) -> str:
    return NAMED_VALUE_IN_CODE + re.sub(r"\W", "_", match[0][2:-2].strip())


class _TooDeep(Exception):
    pass


class _Evaluation:
    """One walk over one expression."""

    def __init__(self) -> None:
        self.reads: set[Source] = set()
        self.traced: set[Source] = set()
        self.locals: dict[str, frozenset[Source]] = {}
        self.aliases: dict[str, list[tuple[str, Node | None]]] = {}
        """Names that stand for a part of ``context``: ``var r = context.Response``."""

    def statements(self, node: Node, depth: int) -> frozenset[Source]:
        """Run declarations and assignments in order; the union of what the return statements carry."""
        if depth > _MAX_DEPTH:
            raise _TooDeep
        result = NOTHING
        for child in node.named_children:
            result |= self._statement(child, depth)
        return result

    def _statement(self, node: Node, depth: int) -> frozenset[Source]:
        kind = node.type
        if kind == "return_statement":
            return self._each(node, depth)
        if kind == "variable_declarator":
            self._declare(node, depth)
        elif kind == "foreach_statement":
            return self._foreach(node, depth)
        elif kind.endswith(("_statement", "_declaration", "_clause", "_section", "_unit")) or kind == "block":
            return self.statements(node, depth + 1)
        else:
            self.value(node, depth + 1)
        return NOTHING

    def _declare(self, node: Node, depth: int) -> None:
        name = node.child_by_field_name("name")
        values = [child for child in node.named_children if name is None or child.id != name.id]
        if name is not None and values:
            self._alias(text_of(name), values[-1])
            self._assign(text_of(name), self.value(values[-1], depth + 1))

    def _alias(self, name: str, value: Node) -> None:
        chain = flatten(value)
        steps = [*self.aliases.get(chain.root, ()), *chain.steps]
        plain = all(arguments is None for _, arguments in chain.steps)
        if chain.base is None and plain and chain.root in ("context", *self.aliases) and len(steps) <= len(_BODY):
            self.aliases[name] = steps

    def _foreach(self, node: Node, depth: int) -> frozenset[Source]:
        if depth > _MAX_DEPTH:
            raise _TooDeep
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None:
            self._assign(text_of(left), self.value(right, depth + 1))
        head = [part.id for part in (left, right) if part is not None]
        return _union(self._statement(child, depth + 1) for child in node.named_children if child.id not in head)

    def _assign(self, name: str, sources: frozenset[Source]) -> None:
        self.locals[name] = self.locals.get(name, NOTHING) | sources

    def value(self, node: Node, depth: int) -> frozenset[Source]:
        """The sources that the value of an expression carries."""
        if depth > _MAX_DEPTH:
            raise _TooDeep
        match node.type:
            case "identifier":
                return self.locals.get(text_of(node), NOTHING)
            case "string_literal" | "integer_literal" | "boolean_literal" | "null_literal" | "character_literal":
                return NOTHING
            case "binary_expression" | "is_expression" | "is_pattern_expression" | "prefix_unary_expression":
                parts = self._each(node, depth)
                operator = node.child_by_field_name("operator")
                compares = operator is None or text_of(operator) in _COMPARISONS or node.type != "binary_expression"
                return NOTHING if compares else parts
            case "conditional_expression":
                # Each part once: to look at the branches twice would double the work at every level.
                condition = node.child_by_field_name("condition")
                first = condition.id if condition is not None else None
                values = [(child.id, self.value(child, depth + 1)) for child in node.named_children]
                return _union(value for number, value in values if number != first)
            case "assignment_expression":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                sources = self.value(right, depth + 1) if right is not None else NOTHING
                if left is not None and left.type == "identifier":
                    self._assign(text_of(left), sources)
                return sources
            case (
                "member_access_expression"
                | "invocation_expression"
                | "element_access_expression"
                | "conditional_access_expression"
            ):
                return self._chain(node, depth)
            case "lambda_expression":
                body = node.child_by_field_name("body")
                if body is not None and body.type == "block":
                    return self.statements(body, depth + 1)
                return self.value(body, depth + 1) if body is not None else NOTHING
            case "type_argument_list" | "predefined_type" | "type_parameter_list":
                return NOTHING
            case _:
                return self._each(node, depth)

    def _each(self, node: Node, depth: int) -> frozenset[Source]:
        return _union(self.value(child, depth + 1) for child in node.named_children)

    def _chain(self, node: Node, depth: int) -> frozenset[Source]:
        chain = flatten(node)
        sources = beside = NOTHING
        steps = chain.steps
        if chain.base is not None and steps and is_operation(chain.base):
            # the grammar binds ``?.`` looser than C# does: the steps belong to the last operand alone
            whole_value, sources = self.value(chain.base, depth + 1), self.value(last_operand(chain.base), depth + 1)
            if not sources <= whole_value:
                return whole_value  # a comparison, which carries neither
            beside = whole_value - sources
        elif chain.base is not None:
            sources = self.value(chain.base, depth + 1)
        elif chain.root == "context" or chain.root in self.aliases:
            whole = [*self.aliases.get(chain.root, ()), *steps]
            sources, steps = self._context(whole, depth)
            if len(whole) == len(_BODY) and whole[1][0] == _BODY[1] and whole[0][0] in ("Request", "Response"):
                return sources  # the handle, which may be compared with null: nothing is read yet
        elif chain.root in self.locals:
            sources = self.locals[chain.root]
        for name, arguments in steps:
            given = self._each(arguments, depth + 1) if arguments is not None else NOTHING
            if name in PREDICATES:
                sources = NOTHING
            elif name in TOKEN_PARSERS:
                sources = frozenset(Source("claims", source.name) for source in sources | given)
            elif name == "[]" and arguments is not None and (member := index_name(arguments)):
                sources = frozenset(_narrowed(source, member) for source in sources)
            else:
                sources |= given
        self.reads |= sources
        return sources | beside

    def _context(
        self, steps: list[tuple[str, Node | None]], depth: int
    ) -> tuple[frozenset[Source], list[tuple[str, Node | None]]]:
        """The source that ``context.…`` names, and the steps after it."""
        names = [name for name, _ in steps]
        if names[:1] == ["Trace"] and steps[0][1] is not None:
            self.traced |= self._each(steps[0][1], depth + 1)
            return NOTHING, steps[1:]
        if names[:2] in (["Request", "Headers"], ["Response", "Headers"]):
            return self._lookup(f"{names[0].lower()}-header", steps, 2, depth)
        if names[:1] == ["Variables"]:
            return self._lookup("variable", steps, 1, depth)
        if names[:2] in (["Request", "Body"], ["Response", "Body"]):
            arguments = steps[2][1] if len(steps) > 2 else None
            preserved = arguments is not None and re.search(r"preserveContent\s*:\s*true|\(\s*true\s*\)", text_of(arguments))
            source = Source(f"{names[0].lower()}-body", "", bool(preserved))
            if len(steps) > len(_BODY):
                self.reads.add(source)
            return frozenset({source}), steps[3:]
        if names[:1] == ["Request"] and len(names) > 1 and names[1] in _REQUEST_PARTS:
            kind = _REQUEST_PARTS[names[1]]
        elif names[:1] in (["User"], ["Subscription"]):
            kind = names[0].lower()
        else:
            kind = "context"
        query = kind == "request-url" and "Query" in names[2:4]
        name = _parameter(steps) if query else names[1] if kind == "subscription" and names[1:2] in _KEYS else ""
        source = Source(kind, name, path="query" if query else "")
        self.reads.add(source)
        return frozenset({source}), steps[2 if kind not in ("user", "subscription") else 1 :]

    def _lookup(
        self, kind: str, steps: list[tuple[str, Node | None]], skip: int, depth: int
    ) -> tuple[frozenset[Source], list[tuple[str, Node | None]]]:
        """A read of one entry of a dictionary: ``[k]``, ``GetValueOrDefault(k, d)``, ``TryGetValue(k, out v)``."""
        rest = steps[skip:]
        if not rest:
            source = Source(kind)
            self.reads.add(source)
            return frozenset({source}), []
        name, arguments = rest[0]
        values = [child for child in arguments.named_children if child.type == "argument"] if arguments is not None else []
        key = literal(values[0]) if values else None
        entry = Source(kind, "" if key is None else key.lower() if kind != "variable" else key)
        if name in ("[]", "GetValueOrDefault"):
            self.reads.add(entry)
            fallback = _union(self.value(value, depth + 1) for value in values[1:])
            return frozenset({entry}) | fallback, rest[1:]
        if name == "TryGetValue" and len(values) > 1:
            self.reads.add(entry)
            target = re.sub(r"^out\s+(?:[\w.<>\[\]]+\s+)?", "", text_of(values[1])).strip()
            self._assign(target, frozenset({entry}))
            return NOTHING, rest[1:]
        if name == "ContainsKey":
            return NOTHING, rest[1:]
        whole = Source(kind)
        self.reads.add(whole)
        return frozenset({whole}), rest


def _parameter(steps: list[tuple[str, Node | None]]) -> str:
    """The literal name of a parameter of the query: ``Url.Query["name"]``."""
    taken = next((steps[at + 1][1] for at in range(len(steps) - 1) if steps[at][0] == "Query"), None)
    values = [child for child in taken.named_children if child.type == "argument"] if taken is not None else []
    return ((literal(values[0]) if values else None) or "").lower()


def _narrowed(source: Source, member: str) -> Source:
    """A body of which one member is taken; other sources have no parts that matter."""
    if source.kind not in ("request-body", "response-body"):
        return source
    return msgspec.structs.replace(source, path=f"{source.path}.{member}".lstrip("."))


def _union(parts: object) -> frozenset[Source]:
    out: frozenset[Source] = NOTHING
    for part in parts:  # type: ignore[attr-defined]
        out |= part
    return out

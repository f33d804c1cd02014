"""What a policy expression reads, and what its value carries. C# is parsed by tree-sitter and never run.

The analysis is an abstract evaluation: every expression has a set of *sources* that its value carries. A comparison
carries nothing, string building carries its parts, ``AsJwt()`` turns a token into claims (a claim is not the token).
Results are memoised by code. Code that does not parse is *not understood*, and says so.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import msgspec

from mcpguard.policy.tree import NAMED_VALUE

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_MAX_DEPTH = 180
_MAX_CODE = 200_000
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||", "is"})
_PREDICATES = frozenset(
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
    ]
)
_TOKEN_PARSERS = frozenset({"AsJwt", "TryParseJwt"})
_REQUEST_PARTS = {
    "Url": "request-url",
    "OriginalUrl": "request-url",
    "MatchedParameters": "request-url",
    "IpAddress": "ip-address",
    "Certificate": "client-certificate",
    "Method": "request-method",
}


class Source(msgspec.Struct, frozen=True):
    """Something an expression reads."""

    kind: str
    """``request-header``, ``response-header``, ``request-body``, ``response-body``, ``variable``, ``claims``, ``request-url``,
    ``request-method``, ``ip-address``, ``client-certificate``, ``user``, ``subscription``, ``context``."""
    name: str = ""
    """Lower case for headers, as written for variables; empty when there is none or it is computed."""
    preserved: bool = False
    """For bodies: read with ``preserveContent: true``, so that the body can be read again."""


class Analysis(msgspec.Struct, frozen=True):
    """What is known of one expression."""

    understood: bool
    reads: frozenset[Source] = frozenset()
    carries: frozenset[Source] = frozenset()
    constant: bool | None = None
    """The value when the code is the literal ``true`` or ``false``."""

    def carries_header(self, name: str) -> bool:
        """Whether the value holds the request header, or a part of it."""
        return Source("request-header", name.lower()) in self.carries

    def reads_header(self, name: str) -> bool:
        """Whether the request header is read at all."""
        return Source("request-header", name.lower()) in self.reads


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
    root = _parse(code, block)
    if root.has_error and "{{" in code:
        root = _parse(NAMED_VALUE.sub(_as_identifier, code), block)
    if root.has_error:
        return _NOT_UNDERSTOOD
    evaluation = _Evaluation()
    try:
        result = evaluation.statements(root, 0)
    except _TooDeep:
        return _NOT_UNDERSTOOD
    return Analysis(understood=True, reads=frozenset(evaluation.reads), carries=result)


@cache
def _parser() -> Parser:
    import tree_sitter  # only when an expression has to be looked at

    return tree_sitter.Parser(tree_sitter.Language(_grammar()))


def _grammar() -> object:
    """The C# grammar, from the extension module itself: its package pulls in a good part of the standard library."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec("tree_sitter_c_sharp")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("tree_sitter_c_sharp._binding", list(places)) if places else None
    if spec is None or spec.loader is None:
        import tree_sitter_c_sharp

        return tree_sitter_c_sharp.language()
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.language()


def _parse(code: str, block: bool) -> Node:
    text = code if block else f"return ({code}\n);"
    return _parser().parse(text.encode()).root_node


def _as_identifier(match: re.Match[str]) -> str:
    return "__" + re.sub(r"\W", "_", match[0][2:-2].strip()) + "__"


class _TooDeep(Exception):
    pass


class _Chain(msgspec.Struct):
    """``context.Request.Headers.GetValueOrDefault("x")`` taken apart: where it starts, and its steps."""

    root: str
    steps: list[tuple[str, Node | None]]
    """Member names with their arguments; the name of an index is ``[]``."""
    base: Node | None
    """The expression it starts from when that is not a plain name."""


class _Evaluation:
    """One walk over one expression."""

    def __init__(self) -> None:
        self.reads: set[Source] = set()
        self.locals: dict[str, frozenset[Source]] = {}

    def statements(self, node: Node, depth: int) -> frozenset[Source]:
        """Run declarations and assignments in order; the union of what the return statements carry."""
        if depth > _MAX_DEPTH:
            raise _TooDeep
        result = NOTHING
        for child in node.named_children:
            kind = child.type
            if kind == "return_statement":
                for value in child.named_children:
                    result |= self.value(value, depth + 1)
            elif kind == "variable_declarator":
                self._declare(child, depth)
            elif kind == "foreach_statement":
                self._foreach(child, depth)
                result |= self.statements(child, depth + 1)
            elif kind.endswith(("_statement", "_declaration", "_clause", "_section", "_unit")) or kind == "block":
                result |= self.statements(child, depth + 1)
            else:
                self.value(child, depth + 1)
        return result

    def _declare(self, node: Node, depth: int) -> None:
        name = node.child_by_field_name("name")
        values = [child for child in node.named_children if name is None or child.id != name.id]
        if name is not None and values:
            self._assign(_text(name), self.value(values[-1], depth + 1))

    def _foreach(self, node: Node, depth: int) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None:
            self._assign(_text(left), self.value(right, depth + 1))

    def _assign(self, name: str, sources: frozenset[Source]) -> None:
        self.locals[name] = self.locals.get(name, NOTHING) | sources

    def value(self, node: Node, depth: int) -> frozenset[Source]:
        """The sources that the value of an expression carries."""
        if depth > _MAX_DEPTH:
            raise _TooDeep
        match node.type:
            case "identifier":
                return self.locals.get(_text(node), NOTHING)
            case "string_literal" | "integer_literal" | "boolean_literal" | "null_literal" | "character_literal":
                return NOTHING
            case "binary_expression" | "is_expression" | "is_pattern_expression" | "prefix_unary_expression":
                parts = self._each(node, depth)
                operator = node.child_by_field_name("operator")
                compares = operator is None or _text(operator) in _COMPARISONS or node.type != "binary_expression"
                return NOTHING if compares else parts
            case "conditional_expression":
                branches = [node.child_by_field_name(field) for field in ("consequence", "alternative")]
                self._each(node, depth)
                return _union(self.value(branch, depth + 1) for branch in branches if branch is not None)
            case "assignment_expression":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                sources = self.value(right, depth + 1) if right is not None else NOTHING
                if left is not None and left.type == "identifier":
                    self._assign(_text(left), sources)
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
        chain = _flatten(node)
        sources = NOTHING
        steps = chain.steps
        if chain.base is not None:
            sources = self.value(chain.base, depth + 1)
        elif chain.root == "context":
            sources, steps = self._context(steps, depth)
        elif chain.root in self.locals:
            sources = self.locals[chain.root]
        for name, arguments in steps:
            given = self._each(arguments, depth + 1) if arguments is not None else NOTHING
            if name in _PREDICATES:
                sources = NOTHING
            elif name in _TOKEN_PARSERS:
                sources = frozenset(Source("claims", source.name) for source in sources | given)
            else:
                sources |= given
        self.reads |= sources
        return sources

    def _context(
        self, steps: list[tuple[str, Node | None]], depth: int
    ) -> tuple[frozenset[Source], list[tuple[str, Node | None]]]:
        """The source that ``context.…`` names, and the steps after it."""
        names = [name for name, _ in steps]
        if names[:2] in (["Request", "Headers"], ["Response", "Headers"]):
            return self._lookup(f"{names[0].lower()}-header", steps, 2, depth)
        if names[:1] == ["Variables"]:
            return self._lookup("variable", steps, 1, depth)
        if names[:2] in (["Request", "Body"], ["Response", "Body"]):
            arguments = steps[2][1] if len(steps) > 2 else None
            preserved = arguments is not None and re.search(r"preserveContent\s*:\s*true|\(\s*true\s*\)", _text(arguments))
            source = Source(f"{names[0].lower()}-body", "", bool(preserved))
            self.reads.add(source)
            return frozenset({source}), steps[3:]
        if names[:1] == ["Request"] and len(names) > 1 and names[1] in _REQUEST_PARTS:
            kind = _REQUEST_PARTS[names[1]]
        elif names[:1] in (["User"], ["Subscription"]):
            kind = names[0].lower()
        else:
            kind = "context"
        source = Source(kind)
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
        key = _literal(values[0]) if values else None
        entry = Source(kind, "" if key is None else key.lower() if kind != "variable" else key)
        if name in ("[]", "GetValueOrDefault"):
            self.reads.add(entry)
            fallback = _union(self.value(value, depth + 1) for value in values[1:])
            return frozenset({entry}) | fallback, rest[1:]
        if name == "TryGetValue" and len(values) > 1:
            self.reads.add(entry)
            target = re.sub(r"^out\s+(?:[\w.<>\[\]]+\s+)?", "", _text(values[1])).strip()
            self._assign(target, frozenset({entry}))
            return NOTHING, rest[1:]
        if name == "ContainsKey":
            return NOTHING, rest[1:]
        whole = Source(kind)
        self.reads.add(whole)
        return frozenset({whole}), rest


def _flatten(node: Node) -> _Chain:
    """Take a chain of member accesses, calls, indexes and ``?.`` apart, without recursion over its length."""
    steps: list[tuple[str, Node | None]] = []
    pending: list[Node] = []
    current: Node | None = node
    arguments: Node | None = None
    while current is not None:
        match current.type:
            case "invocation_expression":
                arguments = current.child_by_field_name("arguments")
                current = current.child_by_field_name("function")
            case "member_access_expression":
                name = current.child_by_field_name("name")
                steps.append((_member_name(name), arguments))
                arguments = None
                current = current.child_by_field_name("expression")
            case "element_access_expression":
                steps.append(("[]", current.child_by_field_name("subscript")))
                arguments = None
                current = current.child_by_field_name("expression")
            case "conditional_access_expression":
                # What follows ``?`` comes last in the text, so it is unwound first; then on with the condition.
                children = current.named_children
                pending.append(children[0])
                current = children[-1]
            case "member_binding_expression":
                steps.append(
                    (
                        _member_name(current.child_by_field_name("name") or current.named_children[0]),
                        arguments,
                    )
                )
                arguments = None
                current = pending.pop() if pending else None
            case "element_binding_expression":
                steps.append(("[]", current))
                arguments = None
                current = pending.pop() if pending else None
            case "parenthesized_expression" | "cast_expression" if current.named_children and not arguments:
                current = current.child_by_field_name("value") or current.named_children[-1]
            case "identifier" | "generic_name":
                if arguments is not None:
                    steps.append((_member_name(current), arguments))
                    return _Chain("", steps[::-1], None)
                return _Chain(_text(current), steps[::-1], None)
            case _:
                if not steps and current.id == node.id:
                    return _Chain("", [], None)
                return _Chain("", steps[::-1], current)
    return _Chain("", steps[::-1], None)


def _member_name(node: Node | None) -> str:
    if node is None:
        return ""
    if node.type == "generic_name" and node.named_children:
        return _text(node.named_children[0])
    return _text(node)


def _literal(node: Node) -> str | None:
    """The value of an argument that is a string literal, decoded; None when it is computed."""
    inner = node.named_children[-1] if node.type == "argument" and node.named_children else node
    text = _text(inner)
    if inner.type == "string_literal":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if inner.type == "verbatim_string_literal":
        return text[2:-1].replace('""', '"')
    return None


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _union(parts: object) -> frozenset[Source]:
    out: frozenset[Source] = NOTHING
    for part in parts:  # type: ignore[attr-defined]
        out |= part
    return out

"""The effective policy: what APIM runs for one way in, folded from the documents of every scope.

Facts (policy documents, facts/apim.md 2.1): scopes from broad to narrow are global, workspace, product, API, operation;
in each section ``<base/>`` stands for the result of the broader scopes, and a section without it cuts them off for that
section only; a scope without a document inherits everything; fragments are pasted where they are included and may not
hold sections, ``<base/>`` or other fragments. What could not be read stays a hole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeAlias

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.policy.tree import NAMED_VALUE, Document, Element, Text, Value

DEFAULT_GLOBAL_POLICY = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>"
"""What runs where a service has no global policy of its own: the request is forwarded. That is documented (azure-docs,
forward-request-policy: set at the global scope by default); that it has no attributes is not (facts/apim.md 0.8).
"""
MAX_NODES = 20_000
"""More statements than that are a hole: repeated ``<base/>`` multiplies, and no real policy comes near."""


class Section(Enum):
    """The four sections of a policy document."""

    INBOUND = "inbound"
    BACKEND = "backend"
    OUTBOUND = "outbound"
    ON_ERROR = "on-error"


class Scope(Enum):
    """Where a policy document is attached, broad to narrow."""

    GLOBAL = "global"
    WORKSPACE = "workspace"
    PRODUCT = "product"
    API = "API"
    OPERATION = "operation"
    FRAGMENT = "fragment"


class ScopedPolicy(msgspec.Struct, frozen=True):
    """The policy document of one scope, as far as it is known."""

    scope: Scope
    owner: str
    """Name of the API, product or operation; empty for the global scope."""
    document: Fact[Document | None]
    """None when the scope is known to have no document."""
    at: Location
    """Where the text stands; ranges within it are added."""
    is_default: bool = False
    """Whether it is the document that the platform has where nobody wrote one; ``at`` is then the service."""


class Statement(msgspec.Struct, frozen=True):
    """One policy element in the effective policy."""

    element: Element
    origin: ScopedPolicy
    children: tuple[Node, ...]
    """The child policies, for elements that hold some; attributes and values stay on ``element``."""

    @property
    def name(self) -> str:
        """The element's name."""
        return self.element.name

    @property
    def at(self) -> Location:
        """The start tag; the service for what the platform has by default."""
        if self.origin.is_default:
            return self.origin.at
        return self.origin.at.range(self.element.start, self.element.head_end)

    def value_at(self, value: Value) -> Location:
        """The place of one of the element's values."""
        if self.origin.is_default:
            return self.origin.at
        return self.origin.at.range(value.start, value.end)


class Hole(msgspec.Struct, frozen=True):
    """A part that could not be read or resolved: anything may stand here."""

    unknown: Unknown


class Either(msgspec.Struct, frozen=True):
    """One of several possibilities holds, and it is not known which."""

    unknown: Unknown
    branches: tuple[tuple[Node, ...], ...]


Node: TypeAlias = Statement | Hole | Either

CONTAINERS = frozenset({"choose", "when", "otherwise", "retry", "wait", "limit-concurrency"})
"""Elements whose children are policies in their own right."""


class EffectivePolicy(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """The folded sections for one way in. Told from others by identity: what was found out about it is kept by it."""

    inbound: tuple[Node, ...]
    backend: tuple[Node, ...]
    outbound: tuple[Node, ...]
    on_error: tuple[Node, ...]
    named_values: Mapping[str, Fact[str]]
    complete_names: bool
    """Whether all named values of the service were read, so that an absent one does not exist."""

    def resolve(self, value: Value) -> Fact[str]:
        """The text of a value with its named values put in.

        Unknown when a named value is secret, missing or not exported; expressions are left as they are.
        """
        return resolve_named_values(value.text, self.named_values)


def resolve_named_values(text: str, named_values: Mapping[str, Fact[str]]) -> Fact[str]:
    """``text`` with every ``{{name}}`` replaced, once: a replacement is not looked at again."""
    if "{{" not in text:
        return Known(text)
    for match in NAMED_VALUE.finditer(text):
        fact = named_values.get(match[1].lower())
        match fact:
            case None:
                return Unknown(
                    f"the value of the named value {{{{{match[1]}}}}}",
                    "add the service's named values to the input: az rest --method get --url …/namedValues",
                )
            case Unknown():
                return fact
            case Known():
                pass
    return Known(NAMED_VALUE.sub(lambda match: _known_text(named_values[match[1].lower()]), text))


def _known_text(fact: Fact[str]) -> str:
    match fact:
        case Known(value=value):
            return value
        case Unknown():
            return ""


class Names(msgspec.Struct, frozen=True):
    """What the names in policy documents refer to, in a service or in one of its workspaces."""

    fragments: Mapping[str, ScopedPolicy]
    """By lower-case name. A fragment that is not among them is a hole."""
    fragments_missing: Unknown | None
    """Why, when the fragments are not known to have been read completely."""
    named_values: Mapping[str, Fact[str]]
    """By lower-case display name."""
    complete_names: bool
    """Whether all named values were read."""


def fold(chain: Sequence[ScopedPolicy], names: Names, global_names: Names | None = None) -> EffectivePolicy:
    """Fold the documents of a chain of scopes, broadest first.

    ``global_names`` are those of the service when the chain runs through a workspace: the global policy's names mean
    the service's fragments and values, those of narrower policies the workspace's (azure-docs, workspaces-overview).
    """
    folder = _Folder(names, global_names or names)
    sections = {section: folder.section(chain, section) for section in Section}
    return EffectivePolicy(
        sections[Section.INBOUND],
        sections[Section.BACKEND],
        sections[Section.OUTBOUND],
        sections[Section.ON_ERROR],
        names.named_values if global_names is None else _merged_values(names.named_values, global_names.named_values),
        names.complete_names and (global_names is None or global_names.complete_names),
    )


def _merged_values(inner: Mapping[str, Fact[str]], outer: Mapping[str, Fact[str]]) -> Mapping[str, Fact[str]]:
    """The values of a workspace and of its service; unknown where one name means two things."""
    merged = {**outer, **inner}
    for name in inner.keys() & outer.keys():
        if inner[name] != outer[name]:
            merged[name] = Unknown(
                f"which value {{{{{name}}}}} has: the workspace and the service both have one of that name",
                "give one of the two another name",
            )
    return merged


class _Folder:
    def __init__(self, names: Names, global_names: Names) -> None:
        self.names = names
        self.global_names = global_names
        self.nodes = 0
        self.base_weight: int | None = None
        """Nodes in what ``<base/>`` stands for; counted when one is met."""

    def section(self, chain: Sequence[ScopedPolicy], section: Section) -> tuple[Node, ...]:
        base: tuple[Node, ...] = ()
        for scoped in chain:
            self.base_weight = None
            match scoped.document:
                case Unknown() as unknown:
                    base = (Hole(unknown), Either(unknown, (base, ())))
                case Known(value=document):
                    base = self._document(document, scoped, section, base) if document is not None else base
        return base

    def _document(self, document: Document, scoped: ScopedPolicy, section: Section, base: tuple[Node, ...]) -> tuple[Node, ...]:
        root = document.root("policies")
        if root is None:
            unknown = _unreadable(scoped, "has no <policies> element", scoped.at)
            return (Hole(unknown), Either(unknown, (base, ())))
        parts = [element for element in root.elements if element.name == section.value]
        if not parts:
            # What a wholly missing section inherits is not documented (facts/apim.md, open question 7).
            unknown = Unknown(
                f"what a policy without an <{section.value}> section inherits ({_scope_name(scoped)} has none)",
                f"add <{section.value}><base /></{section.value}> to it, or leave <base /> out on purpose",
                scoped.at.range(root.start, root.head_end),
            )
            return (Either(unknown, (base, ())),) if base else ()
        nodes: list[Node] = []
        for part in parts:
            nodes.extend(self._children(part, scoped, base, 0))
        for problem in document.problems:
            if any(part.start <= problem.start < max(part.end, part.start + 1) for part in parts):
                at = scoped.at.range(problem.start, problem.end)
                nodes.append(Hole(_unreadable(scoped, f"could not be read in full ({problem.message})", at)))
                break
        return tuple(nodes)

    def _children(self, element: Element, scoped: ScopedPolicy, base: tuple[Node, ...], depth: int) -> list[Node]:
        out: list[Node] = []
        for child in element.children:
            if isinstance(child, Text):
                if child.value.text.strip() and element.name not in ("set-body",):
                    out.append(self._text_hole(child, scoped))
                continue
            if not isinstance(child, Element):
                continue
            self.nodes += 1
            if self.nodes > MAX_NODES:
                return [
                    *out,
                    Hole(_unreadable(scoped, f"expands to more than {MAX_NODES} statements", scoped.at)),
                ]
            if child.name == "base":
                if self.base_weight is None:
                    self.base_weight = _weight(base)
                self.nodes += self.base_weight
                out.extend(base)
            elif child.name == "include-fragment":
                out.extend(self._fragment(child, scoped, depth))
            else:
                inner = tuple(self._children(child, scoped, base, depth)) if child.name in CONTAINERS else ()
                out.append(Statement(child, scoped, inner))
        return out

    def _fragment(self, include: Element, scoped: ScopedPolicy, depth: int) -> list[Node]:
        at = scoped.at.range(include.start, include.head_end)
        wanted = include.attribute("fragment-id")
        name = wanted.text.strip() if wanted else ""
        names = self.global_names if scoped.scope is Scope.GLOBAL else self.names
        fragment = names.fragments.get(name.lower())
        if fragment is None:
            if names.fragments_missing is not None:
                return [Hole(Unknown(f"the policy fragment {name}", names.fragments_missing.remedy, at))]
            return [
                Hole(
                    Unknown(
                        f"the policy fragment {name}, which does not exist in the service",
                        "create it or remove the include-fragment",
                        at,
                    )
                )
            ]
        if depth >= 1:
            return [
                Hole(
                    Unknown(
                        f"fragment {name} inside a fragment, which APIM does not allow",
                        "include it directly",
                        at,
                    )
                )
            ]
        match fragment.document:
            case Known(value=Document() as document) if document.root("fragment") is not None:
                root = document.root("fragment")
                assert root is not None  # noqa: S101 - the guard has just seen it
                nodes: list[Node] = [*self._children(root, fragment, (), depth + 1)]
                if document.problems:
                    first = document.problems[0]
                    where = fragment.at.range(first.start, first.end)
                    nodes.append(Hole(_unreadable(fragment, f"could not be read in full ({first.message})", where)))
                return nodes
            case Known():
                return [Hole(_unreadable(fragment, "has no <fragment> element", fragment.at))]
            case Unknown() as unknown:
                return [Hole(unknown)]

    def _text_hole(self, text: Text, scoped: ScopedPolicy) -> Hole:
        at = scoped.at.range(text.value.start, text.value.end)
        shown = " ".join(text.value.text.split())[:60]
        return Hole(
            Unknown(
                f"what {shown!r} stands for in {_scope_name(scoped)}",
                "export the policy as the service holds it, with placeholders and element-valued named values put in",
                at,
            )
        )


def _weight(nodes: tuple[Node, ...]) -> int:
    """How many nodes a sequence holds at all depths; repeated ``<base/>`` counts each time."""
    count = 0
    stack = [nodes]
    while stack and count <= MAX_NODES:
        for node in stack.pop():
            count += 1
            if isinstance(node, Statement):
                stack.append(node.children)
            elif isinstance(node, Either):
                stack.extend(node.branches)
    return count


def _scope_name(scoped: ScopedPolicy) -> str:
    return f"the {scoped.scope.value} policy" + (f" of {scoped.owner}" if scoped.owner else "")


def _unreadable(scoped: ScopedPolicy, why: str, at: Location) -> Unknown:
    return Unknown(f"a part of {_scope_name(scoped)}, which {why}", "repair the policy text", at)

"""The estate: every normalized thing, indexed and linked. Rules see the world through it and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import EVERYTHING, Artifact, Complete, Gap
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import Api, Fragment, NamedValue, Operation, PolicyText, Product, Service, Workspace
from mcpguard.model.kinds.governance import DeclaredServer, DeclaredTool, Manifest, ToolClass
from mcpguard.model.kinds.mcp import McpServer, McpTool
from mcpguard.model.links import Links
from mcpguard.model.template_keys import TemplateValue
from mcpguard.policy.effective import DEFAULT_GLOBAL_POLICY, Names, Scope, ScopedPolicy
from mcpguard.policy.reader import read
from mcpguard.policy.tree import Document

if TYPE_CHECKING:
    from mcpguard.model.entry_paths import EntryPaths

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


class Classification(msgspec.Struct, frozen=True):
    """What a tool may do, and which evidence decided it (docs/manifest.md, "Tool classes")."""

    tool_class: ToolClass | None
    """None when nothing but the protocol's default speaks: unannotated means destructive."""
    level: str
    """``declared``, ``structural``, ``heuristic`` or ``default``."""
    reason: str
    """The step that decided, as a clause: ``it calls DELETE /orders/{id}``."""


class Declaration(msgspec.Struct, frozen=True):
    """The manifest's words about one server."""

    server: DeclaredServer
    at: Location

    def tool(self, name: str) -> DeclaredTool | None:
        """The declared tool of that name; tool names are compared without case."""
        return next((tool for tool in self.server.tools if tool.name.lower() == name.lower()), None)


class Tie(msgspec.Struct, frozen=True):
    """Why a registration belongs to an MCP surface."""

    server: str
    """Key of the MCP server; empty when the manifest names the registration itself."""
    role: str
    """``server`` for a registration that stands for the server, ``client`` for one that calls it, ``identity`` for what its
    host runs as, ``agent``."""
    reason: str


class Estate:
    """All kinds, by kind and by id, with the links between them."""

    def __init__(
        self,
        entities: Iterable[tuple[Entity, str]],
        *,
        complete: frozenset[Complete] = frozenset(),
        gaps: tuple[Gap, ...] = (),
        artifacts: tuple[Artifact, ...] = (),
        as_of: datetime,
        digest: str = "",
        product_apis: Mapping[str, frozenset[str]] | None = None,
        scopes_with_policy: frozenset[str] = frozenset(),
        compliance: Mapping[str, str] | None = None,
    ) -> None:
        """Index ``entities``, which come with the key of their parent, empty for those without.

        ``product_apis`` holds the keys of the APIs in each product, ``scopes_with_policy`` the scopes that the service's
        ``allPolicies`` list names, ``compliance`` what it says of some of them: ``Compliant``, ``NonCompliant``, ``Pending``.
        """
        self._by_kind: dict[type[Entity], dict[str, Entity]] = {}
        self._children: dict[tuple[str, type[Entity]], list[Entity]] = {}
        self._remembered: dict[object, object] = {}
        self._in_order: dict[tuple[str, type[Entity]], tuple[Entity, ...]] = {}
        self._complete = {(claim.scope, claim.type) for claim in complete}
        self._documents: dict[str, Fact[Document | None]] = {}
        self._policies: dict[str, PolicyText] = {}
        self.gaps = gaps
        self.artifacts = artifacts
        self.loaded_at = {artifact.path: artifact.loaded_at for artifact in artifacts if artifact.loaded_at}
        """Where files are loaded whose text belongs to resources that others declare."""
        self.as_of = as_of
        self.digest = digest
        self.product_apis: Mapping[str, frozenset[str]] = product_apis or {}
        self._scopes_with_policy = scopes_with_policy
        self.compliance: Mapping[str, str] = compliance or {}
        self._entry_paths: EntryPaths | None = None
        self.manifest: Manifest | None = None
        self.manifest_at: Location | None = None
        self.declarations: dict[str, Declaration] = {}
        self.ties: dict[str, tuple[Tie, ...]] = {}
        self.links = Links()
        self.classifications: dict[str, Classification] = {}
        self.add(entities)

    def add(self, entities: Iterable[tuple[Entity, str]]) -> None:
        """Index more entities; one with a key that is already there takes its place. Only normalization calls this."""
        by_kind, children = self._by_kind, self._children
        self._in_order.clear()
        self._remembered.clear()
        for entity, parent in entities:
            kind = type(entity)
            same_kind = by_kind.get(kind)
            if same_kind is None:
                same_kind = by_kind[kind] = {}
            before = same_kind.get(entity.key)
            same_kind[entity.key] = entity
            if parent:
                siblings = children.setdefault((parent, kind), [])
                if before is not None and before in siblings:
                    siblings.remove(before)
                siblings.append(entity)
            if kind is PolicyText and isinstance(entity, PolicyText) and entity.owner:
                self._policies[entity.owner] = entity

    def of(self, kind: type[E]) -> tuple[E, ...]:
        """Everything of one kind, in the order of keys."""
        at = ("", kind)
        found = self._in_order.get(at)
        if found is None:
            by_key = self._by_kind.get(kind, {})
            found = self._in_order[at] = tuple(by_key[key] for key in sorted(by_key))
        return found  # type: ignore[return-value]

    def get(self, kind: type[E], key: str) -> E | None:
        """One thing by its key."""
        return self._by_kind.get(kind, {}).get(key)  # type: ignore[return-value]

    def named(self, kind_name: str) -> tuple[Entity, ...]:
        """Everything of the kind that reports call ``kind_name``; for the engine, which knows kinds by name."""
        return tuple(entity for kind in self._by_kind if kind.kind == kind_name for entity in self.of(kind))

    def under(self, parent: str, kind: type[E]) -> tuple[E, ...]:
        """The children of one kind that were read, in the order of keys."""
        at = (parent, kind)
        found = self._in_order.get(at)
        if found is None:
            children = self._children.get(at)
            if children is None:
                return ()
            found = self._in_order[at] = tuple(sorted(children, key=lambda entity: entity.key))
        return found  # type: ignore[return-value]

    def members(self, parent: Entity, kind: type[E], raw_type: str, what: str, listing: str) -> Members[E]:
        """The children of one kind, with what is missing when they are not known to have been read completely.

        ``raw_type`` is the type whose completeness counts, ``what`` the children in words, ``listing`` the last part of
        the URL that lists them.
        """
        items = self.under(parent.key, kind)
        if self.is_complete(parent.key, raw_type):
            return Members(items)
        remedy = (
            f"add the answer of: az rest --method get --url {parent.id}/{listing} (or pass --complete when the input "
            "holds everything that exists)"
        )
        return Members(items, Unknown(f"the complete list of {what} of {parent.title}", remedy, parent.at))

    def is_complete(self, scope: str, raw_type: str) -> bool:
        """Whether a source claims to have read every child of one type below ``scope``, or everything above it."""
        if ("", EVERYTHING) in self._complete or (scope, raw_type) in self._complete:
            return True
        while scope.count("/") > 1:
            if (scope, EVERYTHING) in self._complete:
                return True
            scope = scope.rsplit("/", 2)[0]
        return False

    @property
    def entry_paths(self) -> EntryPaths:
        """The ways into every API, with their effective policies; worked out on first use."""
        if self._entry_paths is None:
            from mcpguard.model.entry_paths import EntryPaths  # the two know each other

            self._entry_paths = EntryPaths(self)
        return self._entry_paths

    def remember(self, key: object, compute: Callable[[], T]) -> T:
        """What ``compute`` gives, worked out once for this estate: several rules ask the same of the same policy."""
        if key not in self._remembered:
            self._remembered[key] = compute()
        return self._remembered[key]  # type: ignore[return-value]

    def is_whole(self, key: str) -> bool:
        """Whether a source claims to have read everything at a resource, or at one above it. A file is whole in itself."""
        return key.startswith("file:") or self.is_complete(key, EVERYTHING)

    # -- governance ----------------------------------------------------------------------------------------------

    def declaration(self, server: McpServer) -> Declaration | None:
        """What the manifest says of a server; None when it does not name it, or when there is no manifest."""
        return self.declarations.get(server.key)

    def tools(self, server: McpServer) -> tuple[McpTool, ...]:
        """The tools of a server that were read."""
        return self.under(server.key, McpTool)

    def classification(self, tool: McpTool) -> Classification:
        """The tool's class and the evidence for it."""
        return self.classifications.get(tool.key, Classification(None, "default", "nothing says what it does"))

    # -- policies ------------------------------------------------------------------------------------------------

    def document(self, policy: PolicyText) -> Fact[Document | None]:
        """A policy's text, read once."""
        found = self._documents.get(policy.key)
        if found is None:
            match policy.text:
                case Known(value=text):
                    found = Known(read(text), policy.text_at)
                case Unknown() as unknown:
                    found = unknown
            self._documents[policy.key] = found
        return found

    def documents_read(self) -> list[Document]:
        """The policy documents that somebody has asked for so far."""
        return [found.value for found in self._documents.values() if isinstance(found, Known) and found.value is not None]

    def policy_at(self, key: str, scope: Scope, at: Location) -> ScopedPolicy:
        """The policy document attached to one scope: read, known to be absent, or unknown.

        ``key`` is that of the scope, which need not have been read itself: an extract has a global policy and no service.
        ``at`` is the place to name when neither has been.
        """
        owner = self.get(_OWNERS[scope], key)
        name = "" if scope is Scope.GLOBAL else owner.name if owner is not None else key.rpartition("/")[2]
        policy = self._policies.get(key)
        if policy is not None:
            return ScopedPolicy(scope, name, self.document(policy), policy.text_at)
        at = owner.at if owner is not None else at
        if self.is_complete(key, child_type(key, "policies")) or self._listed_without(key):
            if scope is Scope.GLOBAL:
                return ScopedPolicy(scope, name, Known(read(DEFAULT_GLOBAL_POLICY)), at, is_default=True)
            return ScopedPolicy(scope, name, Known(None), at)
        title = owner.title if owner is not None else f"{scope.value} {name}" if name else "the service"
        where = f"the global policy of {title}" if scope is Scope.GLOBAL else f"the policy of {title}"
        url = owner.id if owner is not None else key
        remedy = (
            f"add the answer of: az rest --method get --url {url}/policies/policy?format=rawxml; where it answers 404, "
            "the service's allPolicies list proves that there is none (or pass --complete)"
        )
        return ScopedPolicy(scope, name, Unknown(where, remedy, at), at)

    def _listed_without(self, owner: str) -> bool:
        """Whether the service's ``allPolicies`` was read completely and does not name this scope."""
        service = service_key(owner)
        return (
            service,
            "microsoft.apimanagement/service/allpolicies",
        ) in self._complete and owner not in self._scopes_with_policy

    def fragments(self, home: str) -> tuple[Mapping[str, ScopedPolicy], Unknown | None]:
        """Fragments by lower-case name, and what is missing when the list is not known to be complete.

        ``home`` is the key of the service, or of the workspace whose policies include them.
        """
        return self.remember(("fragments", home), lambda: self._fragments(home))

    def _fragments(self, home: str) -> tuple[Mapping[str, ScopedPolicy], Unknown | None]:
        found = {
            fragment.name.lower(): ScopedPolicy(Scope.FRAGMENT, fragment.name, self.document(fragment), fragment.text_at)
            for fragment in self.under(home, Fragment)
        }
        if self.is_complete(home, child_type(home, "policyfragments")):
            return found, None
        return found, Unknown(
            "the list of policy fragments",
            f"add the answer of: az rest --method get --url {home}/policyFragments (or pass --complete)",
        )

    def names(self, home: str) -> Names:
        """What the names in policies of a service or workspace refer to."""
        return Names(*self.fragments(home), *self.named_values(home))

    def template_values(self, home: str) -> Mapping[str, TemplateValue]:
        """What stands in the policies of a service or workspace as ``{{name}}`` for something that a template computes."""
        return self.remember(("template values", home), lambda: self._template_values(home))

    def _template_values(self, home: str) -> Mapping[str, TemplateValue]:
        found: dict[str, TemplateValue] = {}
        for policy in (*self.of(PolicyText), *self.of(Fragment)):
            if policy.holes and home_key(policy.key) == home:
                found.update(policy.holes)
        return found

    def named_values(self, home: str) -> tuple[Mapping[str, Fact[str]], bool]:
        """The named values of a service or workspace by lower-case display name, and whether the list is complete."""
        return self.remember(("named values", home), lambda: self._named_values(home))

    def _named_values(self, home: str) -> tuple[Mapping[str, Fact[str]], bool]:
        found = {value.display_name.lower(): value.value for value in self.under(home, NamedValue)}
        found.update((name, value.unknown) for name, value in self.template_values(home).items())
        return found, self.is_complete(home, child_type(home, "namedvalues"))


_OWNERS: dict[Scope, type[Entity]] = {
    Scope.GLOBAL: Service,
    Scope.WORKSPACE: Workspace,
    Scope.PRODUCT: Product,
    Scope.API: Api,
    Scope.OPERATION: Operation,
}


def child_type(key: str, collection: str) -> str:
    """The ARM type of the children of a resource in one collection, from the resource's key."""
    provider = key.rsplit("/providers/", 1)[-1].split("/")
    return "/".join([provider[0], *provider[1::2], collection])


def home_key(key: str) -> str:
    """The key of the workspace that a resource belongs to, else of its service; see :attr:`Api.home`."""
    service = service_key(key)
    rest = key[len(service) :].split("/")
    return f"{service}/workspaces/{rest[2]}" if rest[1:2] == ["workspaces"] and len(rest) > 2 else service


def service_key(key: str) -> str:
    """The key of the API Management service that a resource belongs to, from the resource's key."""
    head, separator, tail = key.partition("/providers/microsoft.apimanagement/service/")
    return head + separator + tail.split("/", 1)[0]

"""What is read of API Management: services with everything below, and AI gateways. Facts: facts/apim.md 1, 5.1, 5.3, 5.4."""

from __future__ import annotations

from mcpguard.collect.reads import Item, Needs, Read, Shape
from mcpguard.evidence import Json

SHOWS_MCP = "2025-09-01-preview"
"""The first api-version that is documented to show MCP servers; an older answer may leave them out (facts/apim.md 0.1)."""
_VERSIONS = (SHOWS_MCP, "2025-03-01-preview", "2024-05-01")
_AIGATEWAY_VERSIONS = ("2026-09-01-preview",)
_LINKS_VERSIONS = ("2016-09-01",)
LISTED = "policies-listed"
"""Flag: the service's ``allPolicies`` names the scopes that have a policy, so that no scope is asked in vain."""
_SERVICE = "microsoft.apimanagement/service"
_READER = Needs("API Management Service Reader Role", "the API Management service", "Microsoft.ApiManagement/service/*/read")
_WORKSPACE = Needs(
    "API Management Workspace Reader", "the workspace, besides the service", "Microsoft.ApiManagement/service/workspaces/*/read"
)
_AIGATEWAY = Needs("Reader", "the AI gateway", "Microsoft.ApiManagement/aigateways/*/read")
_MARKS = frozenset({"sse", "message", "messages"})


def is_asked_for(item: Item) -> bool:
    """Whether a service is the one that was asked for, or all were."""
    asked = item.asked.service.strip("/").lower()
    return not asked or asked in (item.id.strip("/").lower(), item.id.rpartition("/")[2].lower())


def is_mcp(item: Item) -> bool:
    """Whether an API is an MCP server or, by its names, may front one; errs on the side of reading more."""
    words = (item.text("properties", name) for name in ("path", "serviceUrl", "displayName", "backendId"))
    return _is_native(item) or speaks_of_mcp(item.id.rpartition("/")[2], *words)


def speaks_of_mcp(*words: str) -> bool:
    """Whether one of some names or paths is one that MCP servers have."""
    for word in words:
        lowered = word.lower()
        if "mcp" in lowered or not _MARKS.isdisjoint(lowered.strip("/").split("/")):
            return True
    return False


def _always(item: Item) -> bool:
    return True


def _not_listed(item: Item) -> bool:
    return LISTED not in item.flags


def _is_revision_elsewhere(item: Item) -> bool:
    """Whether a revision is one that the list of APIs may have left out."""
    return ";rev=" in item.text("apiId")


def _lacks_text(item: Item) -> bool:
    return not item.text("properties", "value")


def _children(type_: str, needs: Needs) -> tuple[Read, ...]:
    """What a service and a workspace both hold."""

    def read(name: str, path: str, *below: Read, **more: Json) -> Read:
        own = f"{type_}/{more.pop('kind', path).lower()}"
        return Read(name, own, path, needs, _VERSIONS, below=below, **more)

    def policy(under: str) -> Read:
        # The list of policies is of the service; whether it names those in workspaces is not documented.
        when = _always if "/workspaces" in type_ else _not_listed
        return Read("policy", f"{under}/policies", "policies/policy", needs, _VERSIONS, Shape.ONE, "format=rawxml", when=when)

    apis = f"{type_}/apis"
    in_api = (
        Read("operations", f"{apis}/operations", "operations", needs, _VERSIONS, below=(operation_policy(apis, needs),)),
        policy(apis),
        Read("diagnostics", f"{apis}/diagnostics", "diagnostics", needs, _VERSIONS),
        Read("tools", f"{apis}/tools", "tools", needs, _VERSIONS, when=_is_native),
        Read("tags", f"{apis}/tags", "tags", needs, _VERSIONS, when=is_mcp),
    )
    revision = Read("revision", apis, "", needs, _VERSIONS, Shape.ONE, below=in_api)
    revisions = Read(
        "revisions",
        f"{apis}/revisions",
        "revisions",
        needs,
        _VERSIONS,
        below=(revision,),
        when=_is_current_mcp,
        keep=_is_revision_elsewhere,
        written=False,
    )
    return (
        policy(type_),
        read("named-values", "namedValues"),
        read("fragments", "policyFragments", _fragment(type_, needs)),
        read("backends", "backends"),
        read("loggers", "loggers"),
        read("diagnostics", "diagnostics"),
        read("subscriptions", "subscriptions"),
        read("tags", "tags"),
        read(
            "products",
            "products",
            policy(f"{type_}/products"),
            _product_links(type_, needs),
        ),
        read("apis", "apis", *in_api, revisions),
    )


def operation_policy(apis: str, needs: Needs) -> Read:
    """The policy of an operation: never read with the list, but for those that are chosen when all APIs are known."""
    kind = f"{apis}/operations/policies"
    return Read("policy", kind, "policies/policy", needs, _VERSIONS, Shape.ONE, "format=rawxml", when=lambda item: False)


def _fragment(type_: str, needs: Needs) -> Read:
    """The fragment by itself, for versions whose list leaves the text out."""
    kind = f"{type_}/policyfragments"
    return Read("text", kind, "", needs, _VERSIONS, Shape.ONE, "format=rawxml", when=_lacks_text)


def _product_links(type_: str, needs: Needs) -> Read:
    """A workspace links its APIs to its products with ``apiLinks`` alone (REST reference, Workspace Product API Link)."""
    path = "apiLinks" if type_.endswith("/workspaces") else "apis"
    return Read("apis", f"{type_}/products/{path.lower()}", path, needs, _VERSIONS)


def _is_native(item: Item) -> bool:
    kind = item.text("properties", "type") or item.text("properties", "apiType")
    return kind.lower() == "mcp"


def _is_current_mcp(item: Item) -> bool:
    return is_mcp(item) and ";rev=" not in item.id


def _reads_listed_policy(item: Item) -> bool:
    """Whether a policy that ``allPolicies`` names is read at once; those of operations are chosen later."""
    reference = item.text("properties", "referencePolicyId").lower()
    return bool(reference) and "/operations/" not in reference and "/workspaces/" not in reference


def _in_service(name: str, path: str, *below: Read, **more: Json) -> Read:
    kind = f"{_SERVICE}/{more.pop('kind', path).lower()}"
    return Read(name, kind, path, _READER, _VERSIONS, below=below, **more)


LISTED_POLICY = Read("policy", "", "", _READER, _VERSIONS, Shape.ONE, "format=rawxml", when=_reads_listed_policy)
"""A policy that ``allPolicies`` names; its type follows from its id."""
_AUTHORIZATIONS = Read(
    "authorizations",
    f"{_SERVICE}/authorizationproviders/authorizations",
    "authorizations",
    _READER,
    _VERSIONS,
    below=(
        Read(
            "access-policies",
            f"{_SERVICE}/authorizationproviders/authorizations/accesspolicies",
            "accessPolicies",
            _READER,
            _VERSIONS,
        ),
    ),
)
_WORKSPACES = _in_service("workspaces", "workspaces", *_children(f"{_SERVICE}/workspaces", _WORKSPACE))
IN_SERVICE = (
    *_children(_SERVICE, _READER),
    _in_service("gateways", "gateways", Read("apis", f"{_SERVICE}/gateways/apis", "apis", _READER, _VERSIONS)),
    _in_service("authorization-servers", "authorizationServers"),
    _in_service("authorization-providers", "authorizationProviders", _AUTHORIZATIONS),
    _in_service("policy-restrictions", "policyRestrictions"),
    _in_service("identity-providers", "identityProviders"),
    _in_service("tenant-access", "tenant/access", shape=Shape.ONE, kind="tenant"),
    _in_service("sign-up", "portalsettings/signup", shape=Shape.ONE, kind="portalsettings"),
    _in_service("sign-in", "portalsettings/signin", shape=Shape.ONE, kind="portalsettings"),
    _WORKSPACES,
    Read("links", "microsoft.resources/links", "providers/Microsoft.Resources/links", _READER, _LINKS_VERSIONS),
)
ALL_POLICIES = _in_service("all-policies", "allPolicies", LISTED_POLICY)
"""Read first: whether it is served decides how the policies are read. A scope that it does not name has none."""
AIGATEWAY = (
    Read(
        "workspaces",
        "microsoft.apimanagement/aigateways/workspaces",
        "workspaces",
        _AIGATEWAY,
        _AIGATEWAY_VERSIONS,
        below=(
            Read(
                "tool-servers",
                "microsoft.apimanagement/aigateways/workspaces/toolservers",
                "toolServers",
                _AIGATEWAY,
                _AIGATEWAY_VERSIONS,
            ),
        ),
    ),
)
SERVICE_VERSIONS = _VERSIONS
AIGATEWAY_VERSIONS = _AIGATEWAY_VERSIONS
SERVICE_NEEDS = _READER
AIGATEWAY_NEEDS = _AIGATEWAY

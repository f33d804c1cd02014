"""Where the gateway's configuration keeps the credentials of an MCP server: policies, backend entities, addresses.

Values are as the door left them: references as written, literals masked. Only places whose name says that a credential
stands there count, and texts in which the door masked one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

from mcpguard.core.facts import Known, Members, NotApplicable, Unknown, value_or_none
from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence.redaction import (
    UPSTREAM_MASK,
    holds_mask,
    is_credential_name,
    is_masked,
    is_placeholder,
    is_reference,
    is_secret_name,
)
from mcpguard.model.estate import Estate, child_type
from mcpguard.model.in_effect import backends_in_effect, unread_products
from mcpguard.model.kinds.gateway import Api, Backend, Credential, NamedValue, PolicyText
from mcpguard.model.kinds.hosting import Site
from mcpguard.model.kinds.mcp import McpServer, ServerSource, Url
from mcpguard.model.policy_reach import scopes_of
from mcpguard.model.server_view import ServerCall, backing_calls, calls_in_effect
from mcpguard.model.template_keys import TemplateValue
from mcpguard.model.token_paths import host_at
from mcpguard.policy.csharp import analyse
from mcpguard.policy.effective import CONTAINERS, Scope, ScopedPolicy, Statement
from mcpguard.policy.equalities import equalities
from mcpguard.policy.expressions import placed
from mcpguard.policy.tree import NAMED_VALUE, Element, Value

_KEYED_NAME = LazyPattern(
    r"(?i)(?:[?&;](?:code|sig|subscription-key|api[-_]?key|x-functions-key|access_token)=|client_secret=|password=|"
    r"\b(?:bearer|basic)\s)\s{0,5}\{\{\s*([A-Za-z0-9_.\-]+)\s*\}\}"
)
_KEY_PARAMETER = LazyPattern(r"(?i)[?&;]code=")
_FUNCTIONS = (".azurewebsites.net", ".azurewebsites.us", ".chinacloudsites.cn")
"""Domains of App Service, on which function apps answer."""
_LONGEST_HARMLESS = 20


class CredentialSort(Enum):
    """What a credential is there for."""

    SENT = "sent"
    """The gateway shows it to a backend or to somebody else whom it calls."""
    COMPARED = "compared"
    """The gateway compares it with what a caller shows, or checks tokens with it."""
    UNSURE = "unsure"
    """A literal of a backend entity under a name that says nothing."""


class CredentialUse(msgspec.Struct, frozen=True):
    """One place that holds a credential."""

    what: str
    """The thing in words: ``the header x-functions-key``."""
    holder: str
    """What holds it in words: ``the API policy of orders-mcp``, ``backend orders-host``."""
    sort: CredentialSort
    text: str
    """As written, with named values left in and literals masked."""
    names: tuple[str, ...]
    """The named values that stand for it or for a part of it."""
    at: Location
    is_computed: bool = False
    """Whether C# computes it."""
    is_callers: bool = False
    """Whether it is a header of the caller's, handed on."""
    is_host_key: bool = False
    """Whether only a Functions host takes a credential in this place."""
    template: TemplateValue | None = None
    """Set when a template computes it, or a part of it."""
    doubt: Unknown | None = None
    """Set when something unread decides whether it is in effect."""

    @property
    def is_literal(self) -> bool:
        """Whether a literal stood here that the door masked."""
        bare = self.text.strip()
        return holds_mask(bare) or (bare != UPSTREAM_MASK and is_masked(bare))

    @property
    def is_withheld(self) -> bool:
        """Whether the tool that wrote the input masked it, which it does to literals and, in some versions, to code."""
        return UPSTREAM_MASK in self.text


def credential_uses(server: McpServer, estate: Estate) -> Members[CredentialUse]:
    """The credentials in everything that runs for a server, OAuth operations and the APIs behind its tools included.

    Raises:
        NotApplicable: the server has no policies, because it is not in API Management.
    """
    return estate.remember(("credentials", server.key), lambda: _uses(server, estate))


def _uses(server: McpServer, estate: Estate) -> Members[CredentialUse]:
    found: dict[tuple[Location, str], CredentialUse] = {}
    missing: Unknown | None = None
    is_loose = server.source is ServerSource.LOOSE_POLICY
    for seen in (*_in_policies(server, estate), *_outside_policies(server, estate)):
        if isinstance(seen, Unknown):
            missing = missing or seen
            continue
        use = msgspec.structs.replace(seen, holder=server.title) if is_loose else seen
        before = found.get((use.at, use.what))
        if before is None or (before.doubt is not None and use.doubt is None):
            found[use.at, use.what] = use
    return Members(tuple(found.values()), missing or unread_products(server, estate))


def named_value(server: McpServer, name: str, at: Location, estate: Estate) -> NamedValue | Unknown | None:
    """The named value that ``{{name}}`` at a place stands for on a server's gateway; None when it is known not to exist.

    For a server in a workspace it is the workspace's, or else, in the global policy, the service's.
    """
    api = estate.get(Api, server.api) if server.api else None
    homes = dict.fromkeys((api.home if api is not None else server.service, server.service))
    for home in homes:
        found = _by_name(home, estate).get(name.lower())
        if found is not None:
            return found
    unread = [home for home in homes if not estate.is_complete(home, child_type(home, "namedvalues"))]
    if not unread:
        return None
    listing = f"az rest --method get --url {unread[0] or '<service id>'}/namedValues"
    return Unknown(f"the named value {{{{{name}}}}} and whether it is secret", f"add the answer of: {listing}", at)


def _by_name(home: str, estate: Estate) -> dict[str, NamedValue]:
    """The named values of a service or workspace by lower-case display name; none for a policy file by itself."""
    if not home:
        return {}
    by_name = ("named values by name", home)
    return estate.remember(by_name, lambda: {found.display_name.lower(): found for found in estate.under(home, NamedValue)})


def stands_for_itself(value: NamedValue) -> bool:
    """Whether a named value holds a literal, as far as its value is known: no expression, reference or placeholder."""
    text = value_or_none(value.value)
    return text is None or (bool(text.strip()) and not (is_reference(text) or is_placeholder(text)))


def computed_policies(server: McpServer, estate: Estate) -> Iterator[PolicyText]:
    """The policies on the way of a server's calls whose whole text a deployment template computes."""
    if server.service:
        for owner in dict.fromkeys((server.service, *scopes_of(server, estate))):
            yield from (policy for policy in estate.under(owner, PolicyText) if policy.template is not None)


# -- policies ------------------------------------------------------------------------------------------------------


def _in_policies(server: McpServer, estate: Estate) -> Iterator[CredentialUse | Unknown]:
    seen: set[tuple[Location, int, bool]] = set()
    on_functions = _is_on_functions(server, estate)
    api = estate.get(Api, server.api) if server.api else None
    homes = (api.service, api.home) if api is not None else ()
    holes = {name: value for home in homes for name, value in estate.template_values(home).items()}
    for call in _calls(server, estate):
        if isinstance(call, Unknown):
            yield call
            continue
        for node in placed(call.policy):
            if isinstance(node, Unknown):
                yield node
                continue
            key = (node.statement.origin.at, node.statement.element.start, node.doubt is None)
            if key in seen:
                continue
            seen.add(key)
            for found in _of_statement(node.statement, on_functions=on_functions):
                use = _templated(found, holes)
                yield msgspec.structs.replace(use, doubt=node.doubt) if node.doubt is not None else use


def _templated(use: CredentialUse, holes: Mapping[str, TemplateValue]) -> CredentialUse:
    """A use whose names include some that stand for what a template computes."""
    computed = [holes[name] for name in use.names if name in holes]
    if not computed:
        return use
    whole = TemplateValue(computed[0].unknown, tuple(key for value in computed for key in value.keys))
    return msgspec.structs.replace(use, names=tuple(name for name in use.names if name not in holes), template=whole)


def _is_on_functions(server: McpServer, estate: Estate) -> bool:
    """Whether a backend of the server may be a function app."""
    match server.backends:
        case Known(value=urls):
            return any(_may_be_functions(url.text, url.at, estate) for url in urls)
        case Unknown():
            return False


def _may_be_functions(address: str, at: Location, estate: Estate) -> bool:
    host = address.partition("//")[2].partition("/")[0].partition("?")[0].partition(":")[0].lower()
    site = host_at(Url(address, "", host, "", at), estate)
    return site.is_function_app if isinstance(site, Site) else host.endswith(_FUNCTIONS)


def _calls(server: McpServer, estate: Estate) -> Iterator[ServerCall | Unknown]:
    yield from calls_in_effect(server, estate)
    if server.source is ServerSource.APIM_REST_TOOLS:
        yield from backing_calls(server, estate)


def _of_statement(statement: Statement, *, on_functions: bool) -> Iterator[CredentialUse]:
    """The credentials that one policy holds, without those of policies that it encloses."""
    if statement.name == "when":
        yield from _comparison(statement)
    if statement.name in CONTAINERS:
        return
    taken: set[int] = set()
    for element in statement.element.walk():
        for what, value, sort in _places(element):
            taken.add(value.start)
            lowered = what.lower()
            is_key = lowered.endswith(" x-functions-key") or (on_functions and lowered.endswith("parameter code"))
            if value.text.strip():
                yield _use(statement, what, value, sort, is_host_key=is_key and sort is CredentialSort.SENT)
        others = [(f"{attribute.name} of {element.name}", attribute.value) for attribute in element.attributes]
        for what, value in (*others, (f"the text of {element.name}", element.content)):
            if value.start not in taken and (holds_mask(value.text) or _KEYED_NAME.search(value.text)):
                is_key = any(domain in value.text.lower() for domain in _FUNCTIONS) and bool(_KEY_PARAMETER.search(value.text))
                use = _use(statement, what, value, CredentialSort.SENT, is_host_key=is_key)
                yield msgspec.structs.replace(use, names=_keyed_names(value.text))


def _places(element: Element) -> Iterator[tuple[str, Value, CredentialSort]]:
    """The attributes and texts of an element that hold nothing but a credential."""
    subject = element.attribute("name")
    name = subject.text.strip() if subject is not None else ""
    match element.name:
        case "set-header" | "set-query-parameter" | "check-header" if is_credential_name(name) and name.lower() != "cookie":
            kind = "query parameter" if element.name == "set-query-parameter" else "header"
            sort = CredentialSort.COMPARED if element.name == "check-header" else CredentialSort.SENT
            for child in element.elements:
                if child.name == "value":
                    yield f"the {kind} {name}", child.content, sort
        case "set-variable" if is_credential_name(name) and (value := element.attribute("value")) is not None:
            yield f"the variable {name}", value, CredentialSort.SENT
        case "authentication-basic" | "proxy" if (value := element.attribute("password")) is not None:
            yield f"the password of {element.name}", value, CredentialSort.SENT
        case "authentication-certificate":
            for part in ("password", "body"):
                if (value := element.attribute(part)) is not None:
                    yield f"the {part} of {element.name}", value, CredentialSort.SENT
        case "decryption-keys" | "issuer-signing-keys":
            for key in element.elements:
                # A literal signing key weakens the validation itself: MG109.
                if key.name == "key" and (element.name == "decryption-keys" or key.content.named_values):
                    yield f"a key of {element.name}", key.content, CredentialSort.COMPARED
        case _:
            pass


def _comparison(branch: Statement) -> Iterator[CredentialUse]:
    """A branch that compares a credential of the caller's with a named value or a literal."""
    value = branch.element.attribute("condition")
    if value is None or value.expression is None or not (value.named_values or holds_mask(value.text)):
        return
    code, block = value.expression.code, value.expression.block
    for found in equalities(code, block):
        carried = analyse(found.subject, False).carries
        headers = {source.name for source in carried if source.kind == "request-header" and is_credential_name(source.name)}
        if not headers:
            continue
        # As a whole, or behind a scheme. Other named values in the condition may be tenants, users, audiences.
        names = tuple(NAMED_VALUE.findall(found.literal.removeprefix("Bearer ").removeprefix("Basic ")))
        if names or holds_mask(f'"{found.literal}"'):
            what = f"what the header {min(headers)} is compared with"
            at = branch.value_at(value)
            yield CredentialUse(what, _holder(branch.origin), CredentialSort.COMPARED, f'"{found.literal}"', names, at)


def _use(statement: Statement, what: str, value: Value, sort: CredentialSort, *, is_host_key: bool) -> CredentialUse:
    names = value.named_values
    if value.expressions:
        # In code a named value may as well be the name of a variable or a claim.
        names = tuple(name for name in names if is_secret_name(name) or name in _keyed_names(value.text))
    if statement.name == "set-variable":
        names = ()  # what becomes of it shows where it is used
    carried = [source for expression in value.expressions for source in analyse(expression.code, expression.block).carries]
    return CredentialUse(
        what=what,
        holder=_holder(statement.origin),
        sort=sort,
        text=value.text,
        names=names,
        at=statement.value_at(value),
        is_computed=bool(value.expressions),
        is_callers=any(source.kind == "request-header" for source in carried),
        is_host_key=is_host_key,
    )


def _keyed_names(text: str) -> tuple[str, ...]:
    """The named values that stand where an address, a form or a scheme has its credential."""
    return tuple(match[1] for match in _KEYED_NAME.finditer(text))


def _holder(origin: ScopedPolicy) -> str:
    kind = origin.scope.value
    if origin.scope is Scope.FRAGMENT:
        return f"the fragment {origin.owner}"
    return f"the {kind} policy of {origin.owner}" if origin.owner else f"the {kind} policy"


# -- backend entities and addresses -----------------------------------------------------------------------------------


def _outside_policies(server: McpServer, estate: Estate) -> Iterator[CredentialUse | Unknown]:
    try:
        backends = backends_in_effect(server, estate)
    except NotApplicable:
        return  # a policy file by itself points to no entity
    for backend in backends.items:
        yield from _of_backend(backend, estate)
    if backends.missing is not None:
        yield backends.missing
    match server.backends:
        case Known(value=urls):
            for url in urls:
                if holds_mask(url.text) or _KEYED_NAME.search(url.text):
                    is_key = bool(_KEY_PARAMETER.search(url.text)) and _may_be_functions(url.text, url.at, estate)
                    names = _keyed_names(url.text)
                    what = "the address of the backend"
                    yield CredentialUse(what, server.title, CredentialSort.SENT, url.text, names, url.at, is_host_key=is_key)
        case Unknown() as unknown:
            yield unknown


def _of_backend(backend: Backend, estate: Estate) -> Iterator[CredentialUse | Unknown]:
    match backend.credentials:
        case Unknown() as unknown:
            yield unknown
        case Known(value=credentials):
            address = backend.url.value or "" if isinstance(backend.url, Known) else ""
            on_functions = _may_be_functions(address, backend.at, estate)
            for credential in credentials:
                yield from _of_credential(credential, backend, on_functions=on_functions)


def _of_credential(credential: Credential, backend: Backend, *, on_functions: bool) -> Iterator[CredentialUse]:
    match credential.place:
        case "authorization":
            what = f"the {credential.name} authorization"
        case "proxy":
            what = "the password of the proxy"
        case place:
            what = f"the {'query parameter' if place == 'query' else place} {credential.name}"
    is_named = credential.place in ("authorization", "proxy") or is_credential_name(credential.name)
    text = credential.value.value if isinstance(credential.value, Known) else ""
    if not is_named and credential.template is None and len(text) < _LONGEST_HARMLESS:
        return
    key = credential.name.lower()
    yield CredentialUse(
        what=what,
        holder=backend.title,
        sort=CredentialSort.SENT if is_named else CredentialSort.UNSURE,
        text=text,
        names=tuple(NAMED_VALUE.findall(text)),
        at=credential.at,
        is_host_key=key == "x-functions-key" or (key == "code" and on_functions),
        template=credential.template,
    )

"""OAuth proxies: operations and loose policies that are steps of an OAuth flow by name and by what they speak of.

A name alone is not enough: ``/token`` may be a pass-through to the identity provider, ``/register`` a form for new users.
The names are those of the public samples (Azure-Samples, remote-mcp-apim-functions-python) and of RFC 6749 and RFC 7591.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.estate import Estate, service_key
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import Api, Operation, PolicyText, Service
from mcpguard.model.kinds.mcp import Confidence, McpServer
from mcpguard.model.kinds.oauth import OAuthProxy, OAuthRole, OAuthStep
from mcpguard.policy.tree import Document

_WORDS = re.compile(r"[a-z]+")
_MCP_NAME = re.compile(r"(?<![A-Za-z])[Mm]cp[A-Z_]")
_NAMES = {
    "callback": OAuthRole.CALLBACK,
    "authorize": OAuthRole.AUTHORIZE,
    "authorise": OAuthRole.AUTHORIZE,
    "consent": OAuthRole.CONSENT,
    "register": OAuthRole.REGISTER,
    "registration": OAuthRole.REGISTER,
    "token": OAuthRole.TOKEN,
}
"""Words of a path or file name, the most telling first: ``token-callback`` is a callback."""
_OTHER = frozenset({"options", "revoke", "introspect", "metadata", "validate"})
_SIGNS = {
    OAuthRole.AUTHORIZE: ("redirect_uri", "client_id", "code_challenge"),
    OAuthRole.CONSENT: ("redirect_uri", "client_id", "consent"),
    OAuthRole.CALLBACK: ('"code"',),
    OAuthRole.TOKEN: ("access_token", "code_verifier", "grant_type", "authorization_code"),
    OAuthRole.REGISTER: ("redirect_uris", "redirect_uri", "client_name"),
}
_BROWSER = frozenset({OAuthRole.AUTHORIZE, OAuthRole.CALLBACK})


def oauth_proxies(estate: Estate) -> Iterator[tuple[Entity, str]]:
    """A proxy for every service, and for every folder of loose policies, that holds steps of a flow."""
    yield from _in_services(estate)
    yield from _in_folders(estate)


def _in_services(estate: Estate) -> Iterator[tuple[Entity, str]]:
    apis: dict[str, list[tuple[OAuthStep, PolicyText]]] = {}
    for policy in estate.of(PolicyText):
        operation = estate.get(Operation, policy.owner)
        if operation is None or operation.method == "OPTIONS":
            continue
        role = _role(operation.url_template.lower().rstrip("/").rpartition("/")[2])
        if role is not None:
            apis.setdefault(operation.api, []).append((OAuthStep(role, operation=operation.key), policy))
    services: dict[str, list[OAuthStep]] = {}
    for key, found in apis.items():
        api = estate.get(Api, key)
        if api is not None and api.is_current and _is_proxy(found, estate):
            services.setdefault(service_key(key), []).extend(step for step, _ in found)
    for key, steps in services.items():
        service = estate.get(Service, key)
        first = estate.get(Operation, steps[0].operation)
        at = service.at if service is not None else first.at if first is not None else None
        if at is None:
            continue
        yield (
            OAuthProxy(
                id=service.id if service is not None else key,
                key=f"{key}#oauth",
                name=service.name if service is not None else key.rpartition("/")[2],
                at=at,
                format=service.format if service is not None else "",
                service=key,
                steps=tuple(steps),
                serves_mcp=bool(estate.under(key, McpServer)),
                confidence=Confidence.HIGH,
            ),
            key,
        )


def _in_folders(estate: Estate) -> Iterator[tuple[Entity, str]]:
    folders: dict[str, list[tuple[OAuthStep, PolicyText]]] = {}
    loose = [policy for policy in estate.of(PolicyText) if not policy.owner]
    for policy in loose:
        folder, name = _named(policy)
        role = _role(name)
        if role is not None:
            folders.setdefault(folder, []).append((OAuthStep(role, policy=policy.key), policy))
    for folder, found in folders.items():
        if not _is_proxy(found, estate):
            continue
        home = folder.rpartition("/")[0] or folder
        near = [policy for policy in loose if policy.name.startswith(f"{home}/" if home else "")]
        yield (
            OAuthProxy(
                id=folder or ".",
                key=f"file:{folder}#oauth",
                name=folder or "the scanned folder",
                at=found[0][1].at,
                format=found[0][1].format,
                service="",
                steps=tuple(step for step, _ in found),
                serves_mcp=any(estate.get(McpServer, f"{policy.key}#mcp") is not None for policy in near)
                or any(_names_mcp(policy, estate) for _, policy in found),
                confidence=Confidence.MEDIUM,
            ),
            "",
        )


def _is_proxy(found: list[tuple[OAuthStep, PolicyText]], estate: Estate) -> bool:
    """Whether the steps of one API or folder are a flow: one that a browser goes to, or two, speak of what they are for."""
    roles = {step.role for step, policy in found if _speaks(policy, step.role, estate)}
    return bool(roles & _BROWSER) or len(roles) > 1


def _named(policy: PolicyText) -> tuple[str, str]:
    """The folder that a step belongs to, and its name: ``authorize/policy.xml`` is named by its folder."""
    folder, _, file = policy.name.rpartition("/")
    stem = file.lower().partition(".")[0]
    if stem == "policy" and folder:
        home, _, name = folder.rpartition("/")
        return home, name.lower()
    return folder, stem


def _role(name: str) -> OAuthRole | None:
    words = frozenset(_WORDS.findall(name))
    if words & _OTHER:
        return None
    return next((role for word, role in _NAMES.items() if word in words), None)


def _speaks(policy: PolicyText, role: OAuthRole, estate: Estate) -> bool:
    """Whether a policy's attributes and texts hold a word of its role; comments do not count. Unread texts may."""
    match estate.document(policy):
        case Known(value=Document() as document):
            return any(sign in text for text in _texts(document) for sign in _SIGNS[role])
        case Known():
            return False
        case Unknown():
            return True


def _names_mcp(policy: PolicyText, estate: Estate) -> bool:
    """Whether a step has names such as ``mcpClientState``, in which mcp is no word of its own."""
    match estate.document(policy):
        case Known(value=Document() as document):
            return any(_MCP_NAME.search(text) for text in _texts(document))
        case _:
            return False


def _texts(document: Document) -> Iterator[str]:
    for root in document.roots:
        for element in root.walk():
            yield from (attribute.value.text for attribute in element.attributes)
            yield element.content.text

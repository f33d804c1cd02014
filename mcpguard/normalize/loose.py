"""Loose policies: files that no extract, template or API holds, taken for MCP policies when something in them says so.

A repository full of ordinary policies is read and left alone (docs/architecture.md, "MCP surfaces").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpguard.core.facts import Known
from mcpguard.evidence import RawResource
from mcpguard.evidence.formats import TEMPLATES
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import Api, PolicyText
from mcpguard.model.kinds.mcp import Confidence, McpServer, ServerSource
from mcpguard.normalize.fields import location_of, text
from mcpguard.normalize.servers import ASSUMED
from mcpguard.policy.tree import Document

_WORDS = re.compile(r"[A-Za-z]+")
_SIGNS = ("tools/call", "mcp-session-id", "oauth-protected-resource")
_LONG = ("model-context-protocol", "modelcontextprotocol", "model_context_protocol")


def loose_policy(raw: RawResource) -> PolicyText:
    """The policy text in a file of its own."""
    at = location_of(raw, "properties.value")
    return PolicyText(
        id=raw.id,
        key=raw.key,
        name=raw.origin.artifact,
        at=raw.origin,
        format=raw.format,
        owner="",
        text=Known(text(raw, "properties", "value"), at),
        text_at=at,
        escaped=False,
    )


def loose_servers(estate: Estate, assume_mcp: bool) -> Iterator[tuple[Entity, str]]:
    """A server for every loose policy that shows a marker, or with ``assume_mcp`` for every one.

    Where templates of a gateway were read, a policy that none of them loads is not known to be deployed.
    """
    has_templates = any(found.format in TEMPLATES for kind in (Api, PolicyText) for found in estate.of(kind))
    for policy in estate.of(PolicyText):
        if policy.owner:
            continue
        said, whence = _text_marker(policy, estate), _path_marker(policy)
        assumed = ASSUMED if assume_mcp and _is_policy(policy, estate) else ""
        if said or whence or assumed:
            yield (
                McpServer(
                    id=policy.id,
                    key=f"{policy.key}#mcp",
                    name=policy.name,
                    at=policy.at,
                    format=policy.format,
                    source=ServerSource.LOOSE_POLICY,
                    confidence=_confidence(assumed=bool(assumed), said=bool(said) and not has_templates),
                    is_unreferenced=has_templates,
                    reasons=tuple(filter(None, (said, whence, assumed))),
                    backends=Known((), policy.at),
                ),
                "",
            )


def _confidence(*, assumed: bool, said: bool) -> Confidence:
    return Confidence.HIGH if assumed else Confidence.MEDIUM if said else Confidence.LOW


def _is_policy(policy: PolicyText, estate: Estate) -> bool:
    """Whether the text is a policy rather than a fragment of one."""
    match estate.document(policy):
        case Known(value=Document() as document):
            return document.root("policies") is not None
        case _:
            return False


def _path_marker(policy: PolicyText) -> str:
    if "mcp" in _words(policy.name) or any(name in policy.name.lower() for name in _LONG):
        return f"the path {policy.name} says mcp"
    return ""


def _text_marker(policy: PolicyText, estate: Estate) -> str:
    match policy.text:
        case Known(value=text_) if "mcp" in text_.lower() or any(sign in text_.lower() for sign in _SIGNS):
            pass
        case _:
            return ""
    match estate.document(policy):
        case Known(value=Document() as document) if document.root("policies") is not None:
            for root in document.roots:
                for element in root.walk():
                    for value in (*(attribute.value.text for attribute in element.attributes), element.content.text):
                        lowered = value.lower()
                        if "mcp" in _words(value) or any(sign in lowered for sign in _SIGNS):
                            return f"its <{element.name}> speaks of MCP"
        case _:
            pass
    return ""


def _words(value: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(value)}

"""The door through which bodies pass: it masks values in place and remembers what it hid."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.evidence.redaction import mask
from mcpguard.sources.secrecy import is_literal, ranges, strike, without_scheme

SECRET_MEMBERS = frozenset(
    [
        "password",
        "adminpassword",
        "administratorloginpassword",
        "resourceownerpassword",
        "certificatepassword",
        "publishingpassword",
        "secret",
        "secretvalue",
        "securevalue",
        "clientsecret",
        "appsecret",
        "facebookappsecret",
        "googleclientsecret",
        "twitterconsumersecret",
        "githubclientsecret",
        "microsoftaccountclientsecret",
        "microsoftaccountoauthclientsecret",
        "connectionstring",
        "primarykey",
        "secondarykey",
        "primaryconnectionstring",
        "secondaryconnectionstring",
        "accesskey",
        "accountkey",
        "apikey",
        "sastoken",
        "sasurl",
        "token",
        "instrumentationkey",
        "encodedcertificate",
        "pfxblob",
        "storageaccountkey",
        "workspacekey",
        "sharedkey",
    ]
)
"""Members that hold a secret wherever they stand, lower case."""
_WITHHELD = 8
_SHORTEST_WITH_KEY = 12
_QUOTED = re.compile(r'"([^"]{4,})"')


class Door:
    """Masks values in place and remembers them."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    def hide(self, holder: Json, key: str | int, *, certain: bool = True) -> None:
        """Mask a literal.

        A value that is only withheld, not known to be secret, is masked too, but when it is short it is not struck out
        of every quotation: ``1`` and ``python`` are no secrets.
        """
        value = holder[key]
        if isinstance(value, str) and is_literal(value):
            holder[key] = mask(value)
            if certain or len(value) >= _WITHHELD:
                self.secrets |= {value, without_scheme(value)}
        elif isinstance(value, Unresolved) and value.parts:
            holder[key] = self._hide_parts(value)
        elif isinstance(value, Unresolved) and '"' in value.expression:
            holder[key] = self._hide_quoted(value)
        else:
            self.trim(holder, key)

    def _hide_parts(self, value: Unresolved) -> Unresolved:
        """Mask what is known of a text that a template computes."""
        expression = value.expression
        parts: list[str | Unresolved] = []
        for part in value.parts:
            if not isinstance(part, str) or not is_literal(part):
                parts.append(part)
                continue
            if len(part) >= _WITHHELD:
                self.secrets |= {part, without_scheme(part)}
            expression = expression.replace(part, mask(part))
            parts.append(mask(part))
        return msgspec.structs.replace(value, expression=expression, parts=tuple(parts))

    def _hide_quoted(self, value: Unresolved) -> Unresolved:
        """Mask the texts in an expression of Terraform: one of them may become the value."""
        pieces = _QUOTED.split(value.expression)
        for at in range(1, len(pieces), 2):
            if is_literal(pieces[at]):
                if len(pieces[at]) >= _WITHHELD:
                    self.secrets.add(pieces[at])
                pieces[at] = mask(pieces[at])
            pieces[at] = f'"{pieces[at]}"'
        return msgspec.structs.replace(value, expression="".join(pieces))

    def trim(self, holder: Json, key: str | int) -> None:
        """Mask what is secret within a text that is kept: keys in urls, and anything of a secret's shape."""
        value = holder[key]
        if isinstance(value, Unresolved):
            parts = tuple(self.trimmed(part) if isinstance(part, str) else part for part in value.parts)
            holder[key] = msgspec.structs.replace(value, expression=self.trimmed(value.expression), parts=parts)
        elif isinstance(value, str):
            holder[key] = self.trimmed(value)

    def trimmed(self, text: str) -> str:
        """A text with what is secret within it masked."""
        if len(text) < _SHORTEST_WITH_KEY:
            return text
        trimmed, secrets = strike(text, ranges(text), mask)
        self.secrets.update(secrets)
        return trimmed

    def hide_all(self, holder: Json, keep: frozenset[str] = frozenset()) -> None:
        """Mask every literal in an object or list and below, but for members of the given names (lower case)."""
        for current, key, _ in leaves(holder):
            if not (isinstance(key, str) and key.lower() in keep):
                self.hide(current, key)

    def walk(self, holder: Json) -> None:
        """Mask members that have the name of a secret, and keys within texts, anywhere below."""
        for current, key, value in leaves(holder):
            if isinstance(value, str | Unresolved):
                if isinstance(key, str) and key.lower() in SECRET_MEMBERS:
                    self.hide(current, key)
                elif isinstance(value, Unresolved) or len(value) >= _SHORTEST_WITH_KEY:
                    self.trim(current, key)


def members(value: Json) -> Iterator[tuple[str | int, Json]]:
    """Keys or indices with their values; safe to change the holder meanwhile. Nothing for a scalar."""
    if isinstance(value, dict):
        return iter(list(value.items()))
    return iter(list(enumerate(value))) if isinstance(value, list) else iter(())


def leaves(holder: Json) -> Iterator[tuple[Json, str | int, Json]]:
    """What is no object and no list, anywhere below, with what holds it and under which key; safe to change meanwhile."""
    stack = [holder]
    while stack:
        current = stack.pop()
        for key, value in members(current):
            if isinstance(value, dict | list):
                stack.append(value)
            else:
                yield current, key, value


def object_at(value: Json, *steps: str) -> dict[str, Json]:
    """The object at ``steps``; an empty one when there is none."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def objects_at(value: Json, *steps: str) -> Iterator[dict[str, Json]]:
    """The objects in the list at ``steps``."""
    found = object_at(value, *steps[:-1]).get(steps[-1])
    return (item for item in found if isinstance(item, dict)) if isinstance(found, list) else iter(())

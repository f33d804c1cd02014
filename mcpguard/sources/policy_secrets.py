"""Secrets in policy texts, found through the reader's tree so that offsets are exact.

The mask is made of stars: unlike a tagged one it is plain text in XML as well as in C#, so a masked policy reads like the
original, and every offset holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence.redaction import CREDENTIAL_HEADERS, CREDENTIAL_PARAMETERS, is_credential_name, is_secret_name
from mcpguard.policy.csharp import analyse
from mcpguard.policy.equalities import equalities
from mcpguard.policy.reader import read
from mcpguard.policy.tree import Element, Expression, Problem, Text, Value
from mcpguard.policy.wellformed import root_of
from mcpguard.sources.secrecy import is_literal, looks_secret, ranges, strike

_FORM_SECRET = LazyPattern(r"\b(?:client_secret|password|refresh_token)=([A-Za-z0-9~._\-%+/=]{6,})")
_ATTRIBUTES = {
    "authentication-basic": ("password",),
    "authentication-certificate": ("password", "body"),
    "proxy": ("password",),
}
_LISTED = CREDENTIAL_HEADERS | CREDENTIAL_PARAMETERS
_SHORTEST_KEY = 8
_SIGNS = (
    *("<authentication-basic", "<authentication-certificate", "<proxy", "-keys"),
    *("client_secret=", "password=", "refresh_token="),
)
_LITERAL = re.compile(
    # a literal, a comment or CDATA where a header or parameter gets its value; a literal that a variable gets
    r"<(?:value\b[^>]*>\s*(?!@[({]|\{\{|<[^!]|\s)|set-variable\b[^>]*\svalue\s*=\s*[\"'](?!\s*(?:@[({]|\{\{)))"
)


def _may_hold(text: str) -> bool:
    """Whether a policy could hold a secret. Never misses what the tree would find; may say yes for nothing."""
    return any(sign in text for sign in _SIGNS) or _may_compare(text) or bool(_LITERAL.search(text))


def _may_compare(code: str) -> bool:
    """Whether code could compare a credential that the caller shows with a literal."""
    if "Headers" not in code or not any(sign in code for sign in ("==", "!=", "Equals", "Compare")):
        return False
    lowered = code.lower()
    return any(word in lowered for word in ("authorization", "key", "token", "secret", "password"))


class Scan(msgspec.Struct, frozen=True):
    """A policy text, looked through."""

    masked: str
    """The text with secrets replaced by stars, of the same length."""
    secrets: tuple[str, ...]
    """The secrets, as they were spelled in the text."""
    problems: tuple[Problem, ...]
    """What the reader could not read; messages hold nothing of the text."""
    roots: tuple[str, ...]
    """Names of the top-level elements."""


@lru_cache(maxsize=256)
def scan(text: str) -> Scan:
    """Look through a policy text and mask what is secret in it. Never raises; equal texts are looked through once.

    A well-formed text without any literal that could be a secret is not worth a tree: most policies are like that.
    """
    found = list(ranges(text))
    if not found and not _may_hold(text):
        name = root_of(text)
        if name is not None:
            return Scan(text, (), (), (name,))
    document = read(text)
    if any(name in text for name in ("client_secret=", "password=", "refresh_token=")):
        found.extend(match.span(1) for match in _FORM_SECRET.finditer(text))
    for root in document.roots:
        for element in root.walk():
            found.extend(_secret_values(text, element))
    if _may_compare(text):
        for expression in document.expressions():
            if _may_compare(expression.code):
                found.extend(_compared(text, expression))
    masked, secrets = strike(text, found, lambda secret: "*" * len(secret))
    problems = tuple(Problem(problem.start, problem.end, _without_text(problem.message)) for problem in document.problems)
    return Scan(masked, tuple(secrets), problems, tuple(root.name for root in document.roots))


def _secret_values(text: str, element: Element) -> Iterator[tuple[int, int]]:
    name = element.name
    if name in ("set-header", "set-query-parameter", "check-header"):
        subject = element.attribute("name")
        if subject is not None and is_credential_name(subject.text):
            listed = subject.text.strip().lower() in _LISTED
            for value in element.elements:
                if value.name == "value" and (listed or _may_be_key(value.content.text)):
                    yield from _literals(text, value)
    elif name in _ATTRIBUTES:
        for attribute in _ATTRIBUTES[name]:
            found = element.attribute(attribute)
            if found is not None:
                yield from _literal(text, found)
    elif name in ("issuer-signing-keys", "decryption-keys"):
        for key in element.elements:
            if key.name == "key":
                yield from _literals(text, key)
    elif name == "set-variable":
        subject, value_ = element.attribute("name"), element.attribute("value")
        if subject is None or value_ is None or not is_secret_name(subject.text):
            return
        if _may_be_key(value_.text) and looks_secret(subject.text, value_.text.strip()):
            yield from _literal(text, value_)


def _compared(text: str, expression: Expression) -> Iterator[tuple[int, int]]:
    """Literals with which code compares a header that carries a credential, wherever they stand in it."""
    for found in equalities(expression.code, expression.block):
        bare = found.literal.removeprefix("Bearer ").removeprefix("Basic ")
        if not _may_be_key(bare) or not is_literal(bare):
            continue
        carried = analyse(found.subject, False).carries
        if any(source.kind == "request-header" and is_credential_name(source.name) for source in carried):
            start = text.find(bare, expression.start, expression.end)
            while start >= 0:
                yield start, start + len(bare)
                start = text.find(bare, start + len(bare), expression.end)


def _may_be_key(value: str) -> bool:
    """Whether a literal under a name that only sounds like a credential is long enough to be one, and no prose."""
    return len(value.strip()) >= _SHORTEST_KEY and " " not in value.strip()


def _literals(text: str, element: Element) -> Iterator[tuple[int, int]]:
    for child in element.children:
        if isinstance(child, Text):
            yield from _literal(text, child.value)


def _literal(text: str, value: Value) -> Iterator[tuple[int, int]]:
    """The range of a value without the white space around it, when it is a literal."""
    raw = text[value.start : value.end]
    if value.expressions or not is_literal(raw):
        return
    start = value.start + len(raw) - len(raw.lstrip())
    yield start, start + len(raw.strip())


def _without_text(message: str) -> str:
    """A reader's message without the piece of text that it quotes."""
    head, quoted, _ = message.partition(": '")
    if not quoted:
        head, quoted, _ = message.partition(': "')
    return head

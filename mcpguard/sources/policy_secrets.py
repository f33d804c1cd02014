"""Secrets in policy texts, found through the reader's tree so that offsets are exact.

The mask is made of stars: unlike a tagged one it is plain text in XML as well as in C#, so a masked policy reads like the
original, and every offset holds.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence.redaction import is_secret_name
from mcpguard.policy.reader import read
from mcpguard.policy.tree import Element, Problem, Text, Value
from mcpguard.policy.wellformed import root_of
from mcpguard.sources.secrecy import CREDENTIAL_HEADERS, CREDENTIAL_PARAMETERS, is_literal, looks_secret, ranges, strike

_FORM_SECRET = LazyPattern(r"\b(?:client_secret|password|refresh_token)=([A-Za-z0-9~._\-%+/=]{6,})")
_ATTRIBUTES = {
    "authentication-basic": ("password",),
    "authentication-certificate": ("password", "body"),
    "proxy": ("password",),
}
_SHORTEST_VARIABLE = 8
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
    return any(sign in text for sign in _SIGNS) or bool(_LITERAL.search(text))


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
    masked, secrets = strike(text, found, lambda secret: "*" * len(secret))
    problems = tuple(Problem(problem.start, problem.end, _without_text(problem.message)) for problem in document.problems)
    return Scan(masked, tuple(secrets), problems, tuple(root.name for root in document.roots))


def _secret_values(text: str, element: Element) -> Iterator[tuple[int, int]]:
    name = element.name
    if name in ("set-header", "set-query-parameter"):
        subject = element.attribute("name")
        known = CREDENTIAL_HEADERS if name == "set-header" else CREDENTIAL_PARAMETERS
        if subject is not None and subject.text.strip().lower() in known:
            for value in element.elements:
                if value.name == "value":
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
        if subject is not None and value_ is not None and is_secret_name(subject.text):
            literal = value_.text.strip()
            if len(literal) >= _SHORTEST_VARIABLE and " " not in literal and looks_secret(subject.text, literal):
                yield from _literal(text, value_)


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

"""Secrets stop at the door: values are masked when evidence is built, and every quotation is masked again.

A mask has the length of what it hides, so positions hold, and it is tagged, so that "a literal secret stood here" can
still be said. Expressions and ``{{named values}}`` are not secrets and are kept (a redaction that ignores this breaks
configuration: apiops-cli issue 237).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from mcpguard.core.patterns import LazyPattern

MASK_TAG = "<masked>"
UPSTREAM_MASK = "*** REDACTED ***"
"""What apiops-cli writes for a secret in an extract; up to 0.4.0-alpha.2 for an expression too (Azure/apiops-cli issue 237)."""
_SHAPES = re.compile(
    r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"  # JSON Web Tokens
    r"|(?<=AccountKey=)[A-Za-z0-9+/=]{16,}"
    r"|(?<=SharedAccessKey=)[A-Za-z0-9+/=]{16,}"
    r"|(?<=InstrumentationKey=)[0-9a-fA-F-]{32,36}"
    r"|(?<=[?&]sig=)[A-Za-z0-9%+/=]{16,}"
    r"|(?<=[?&]code=)[A-Za-z0-9_\-=/+%]{20,}"
    r"|(?<=Bearer )[A-Za-z0-9_\-.=]{24,}"
    r"|(?<=Basic )[A-Za-z0-9+/=]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*"
)
_SIGNS = (
    ("eyJ", 0),
    ("-----BEGIN ", 0),
    *((sign, len(sign)) for sign in ("AccountKey=", "SharedAccessKey=", "InstrumentationKey=", "sig=", "code=")),
    *((sign, len(sign)) for sign in ("Bearer ", "Basic ")),
)
"""What every shape begins with or follows, and whether the shape begins after it."""
_WORD_RUN = re.compile(r"[A-Za-z0-9_\-]*+")
_SECRET_NAME = LazyPattern(
    r"(?i)(password|passwd|pwd|secret|apikey|api[_-]key|access[_-]?key|accountkey|connection[_-]?string|token|credential|"
    r"private[_-]?key|client[_-]?secret|functions?[_-]?key|subscription-key|(?:host|master|default|admin|backend|service)[_-]?key$|sas(?:url|token)?$|^authorization$|^cookie$|^key$)"
)
CREDENTIAL_HEADERS = frozenset(
    [
        "authorization",
        "proxy-authorization",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "api-key",
        "x-api-key",
        "apikey",
        "cookie",
        "x-ms-apikey",
        "x-auth-token",
    ]
)
"""Headers whose literal value is a credential, lower case."""
CREDENTIAL_PARAMETERS = frozenset(
    ["code", "sig", "subscription-key", "api-key", "api_key", "apikey", "x-functions-key", "access_token"]
)
"""Query parameters whose literal value is a credential, lower case."""
_MASKED_PART = LazyPattern(
    r"(?i)(?:(?:code|sig|key|access_token|client_secret|password|refresh_token)=|\b(?:bearer|basic|apikey|token)\s|"
    r"://[^/\s:@]{1,200}:)(?:<masked>|\*{4,}(?!\s*REDACTED))|\"\*{8,}\""
)
_PLACEHOLDER = LazyPattern(
    r"(?i)\s*(?:<[a-z][^<>]{0,80}>|&lt;[a-z][^<>&]{0,80}&gt;|#\{[^{}]{1,80}\}#|\{#\[[^\[\]]{1,80}\]#\}"
    r"|\$\([\w.\-]{1,80}\)|__[a-z][a-z_]{0,80}__|\[[a-z][a-z _\-]{0,80}\]"
    r"|(?=.{0,120}(?:key|secret|token|passw|credential|here|value|[ _\-]me\b))"
    r"(?:your|insert|replace|enter)(?:[ _\-][a-z]{1,20}){1,8})\s*"
)
_CREDENTIAL_NAME = LazyPattern(r"(?i)(?:authorization|key|token|secret|password)$")
_OTHER_KEYS = (
    "partition",
    "idempotency",
    "cache",
    "surrogate",
    "sort",
    "csrf",
    "xsrf",
    "dedup",
    "routing",
    "session",
    "continuation",
)
_REFERENCE = LazyPattern(r"^\s*(?:@[({]|\{\{|\$\{|@Microsoft\.KeyVault\(|%)")


def mask(secret: str) -> str:
    """A tagged text of the same length."""
    if len(secret) <= len(MASK_TAG):
        return "*" * len(secret)
    return MASK_TAG + "*" * (len(secret) - len(MASK_TAG))


def is_masked(text: str) -> bool:
    """Whether a value was masked at the door, here or upstream."""
    return text.startswith(MASK_TAG) or (bool(text) and not text.strip("*")) or text == UPSTREAM_MASK


def holds_mask(text: str) -> bool:
    """Whether a credential was masked at the door as a part of a text: behind a scheme, in an address or a form."""
    return "*" in text and bool(_MASKED_PART.search(text))


def is_credential_name(name: str) -> bool:
    """Whether a header or parameter is called like one for credentials: ``Authorization``, ``x-api-key``, ``code``."""
    lowered = name.strip().lower()
    if lowered in CREDENTIAL_HEADERS or lowered in CREDENTIAL_PARAMETERS:
        return True
    return bool(_CREDENTIAL_NAME.search(lowered)) and not any(word in lowered for word in _OTHER_KEYS)


def is_placeholder(text: str) -> bool:
    """Whether a value only marks the place of one that is put in later: ``<your-key>``, ``#{key}#``, ``YOUR_API_KEY``."""
    return bool(_PLACEHOLDER.fullmatch(text))


def is_secret_name(name: str) -> bool:
    """Whether a value under that name is to be treated as a credential."""
    return bool(_SECRET_NAME.search(name))


def is_reference(text: str) -> bool:
    """Whether a value only points to a secret: an expression, a named value, a Key Vault reference, an input."""
    return bool(_REFERENCE.match(text))


def has_secret_shape(text: str) -> bool:
    """Whether the text itself looks like a credential, whatever it is called."""
    return next(secret_ranges(text), None) is not None


def secret_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Where in ``text`` something looks like a credential, in order and without overlaps; linear in the text."""
    found: list[tuple[int, int]] = []
    for sign, skip in _SIGNS:
        at = text.find(sign)
        while at >= 0:
            following = at + len(sign)
            match = None
            if sign == "eyJ":
                # A token's first part ends in a dot. Whatever begins within the same run of characters ends there too.
                following = _WORD_RUN.match(text, at).end()  # type: ignore[union-attr]
            if sign != "eyJ" or text[following : following + 1] == ".":
                match = _SHAPES.match(text, at + skip)
            if match:
                found.append(match.span())
                # The next sign may begin with the last characters of this match.
                following = max(following, match.end() - len(sign) + 1)
            at = text.find(sign, following)
    end = 0
    for start, stop in sorted(found):
        if stop > end:
            yield max(start, end), stop
            end = stop


def mask_shapes(text: str) -> str:
    """``text`` with everything that looks like a credential masked."""
    out: list[str] = []
    position = 0
    for start, end in secret_ranges(text):
        out += (text[position:start], mask(text[start:end]))
        position = end
    return "".join(out) + text[position:]


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """``text`` with known secrets, and whatever looks like one, masked. Longest first: one may be a part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, mask(secret))
    return mask_shapes(text)


def spellings(secret: str) -> set[str]:
    """The spellings in which a secret may stand in a JSON file, besides its own."""
    encoded = msgspec.json.encode(secret).decode()[1:-1]
    return {spelling for spelling in (secret, encoded) if len(spelling) >= 4}

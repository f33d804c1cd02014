"""Secrets stop at the door: values are masked when evidence is built, and every quotation is masked again.

A mask has the length of what it hides, so positions hold, and it is tagged, so that "a literal secret stood here" can
still be said. Expressions and ``{{named values}}`` are not secrets and are kept (a redaction that ignores this breaks
configuration: apiops-cli issue 237).
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from mcpguard.core.patterns import LazyPattern

MASK_TAG = "<masked>"
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
    r"private[_-]?key|client[_-]?secret|functions?-key|subscription-key|sas(?:url|token)?$|^authorization$|^cookie$|^key$)"
)
_REFERENCE = LazyPattern(r"^\s*(?:@[({]|\{\{|\$\{|@Microsoft\.KeyVault\(|%)")


def mask(secret: str) -> str:
    """A tagged text of the same length."""
    if len(secret) <= len(MASK_TAG):
        return "*" * len(secret)
    return MASK_TAG + "*" * (len(secret) - len(MASK_TAG))


def is_masked(text: str) -> bool:
    """Whether a value was masked at the door, here or upstream (APIOps writes ``*** REDACTED ***``)."""
    return text.startswith(MASK_TAG) or (bool(text) and not text.strip("*")) or text == "*** REDACTED ***"


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

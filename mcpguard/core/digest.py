"""BLAKE2b digests of 256 bits, without the weight of OpenSSL.

Importing :mod:`hashlib` loads OpenSSL, which takes as long as a twentieth of a whole scan; the standard library's own
``random`` avoids it in the same way. BLAKE2 is as strong as SHA-3 and the fastest that the interpreter has built in.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def new_digest(data: bytes = b"") -> Any:
    """A hash object with ``update`` and ``hexdigest``."""
    return _constructor()(data, digest_size=32)


@cache
def _constructor() -> Any:
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b

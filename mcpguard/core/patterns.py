"""Regular expressions that are compiled when they are first used.

Compiling costs the better part of a tenth of a millisecond each, and a run uses only some: what is needed for broken or
unusual input should not slow down the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, AnyStr, Generic


class LazyPattern(Generic[AnyStr]):
    """The methods of :class:`re.Pattern` that this project uses."""

    __slots__ = ("_compiled", "_source")

    def __init__(self, source: AnyStr) -> None:
        self._source: AnyStr = source
        self._compiled: re.Pattern[AnyStr] | None = None

    @property
    def compiled(self) -> re.Pattern[AnyStr]:
        """The pattern itself, for loops."""
        if self._compiled is None:
            self._compiled = re.compile(self._source)
        return self._compiled

    def match(self, text: AnyStr, *bounds: int) -> re.Match[AnyStr] | None:
        """As :meth:`re.Pattern.match`."""
        return self.compiled.match(text, *bounds)

    def fullmatch(self, text: AnyStr, *bounds: int) -> re.Match[AnyStr] | None:
        """As :meth:`re.Pattern.fullmatch`."""
        return self.compiled.fullmatch(text, *bounds)

    def search(self, text: AnyStr, *bounds: int) -> re.Match[AnyStr] | None:
        """As :meth:`re.Pattern.search`."""
        return self.compiled.search(text, *bounds)

    def finditer(self, text: AnyStr, *bounds: int) -> Iterator[re.Match[AnyStr]]:
        """As :meth:`re.Pattern.finditer`."""
        return self.compiled.finditer(text, *bounds)

    def findall(self, text: AnyStr, *bounds: int) -> list[Any]:
        """As :meth:`re.Pattern.findall`."""
        return self.compiled.findall(text, *bounds)

    def sub(self, replacement: AnyStr | Callable[[re.Match[AnyStr]], AnyStr], text: AnyStr, count: int = 0) -> AnyStr:
        """As :meth:`re.Pattern.sub`."""
        return self.compiled.sub(replacement, text, count)

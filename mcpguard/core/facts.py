"""Ignorance as a value: a fact is known, or it is unknown and says what is missing and how to get it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from mcpguard.core.location import Location

T = TypeVar("T")
U = TypeVar("U")


class Known(msgspec.Struct, Generic[T], frozen=True):
    """A value that was read, or that the platform is known to assume."""

    value: T
    at: Location | None = None
    default: str = ""
    """Empty when the value was read; otherwise the source of the platform default that stands in for an absent setting."""

    @property
    def defaulted(self) -> bool:
        """Whether the value is the platform's default rather than something somebody set."""
        return bool(self.default)


class Unknown(msgspec.Struct, frozen=True):
    """A value that could not be read. Both texts are shown to the user, so both are whole sentences or noun phrases."""

    missing: str
    """What is missing, naming the thing: ``the policies of API orders-mcp``."""
    remedy: str
    """How to get it: a command, a permission, a file to add."""
    at: Location | None = None


Fact: TypeAlias = Known[T] | Unknown


class Undetermined(Exception):
    """Raised by :func:`known`; the engine turns it into the outcome UNKNOWN."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.missing)
        self.unknown = unknown


class NotApplicable(Exception):
    """Raised by a rule that has nothing to judge in a target; the engine turns it into NOT_APPLICABLE."""


def known(fact: Fact[T]) -> T:
    """The value of ``fact``.

    Raises:
        Undetermined: the fact is unknown.
    """
    match fact:
        case Known(value=value):
            return value
        case Unknown():
            raise Undetermined(fact)


def value_or_none(fact: Fact[T]) -> T | None:
    """The value, or None when it is unknown. Only for display and for weak evidence, never to decide a PASS."""
    match fact:
        case Known(value=value):
            return value
        case Unknown():
            return None


def transform(fact: Fact[T], function: Callable[[T], U]) -> Fact[U]:
    """``function`` applied to a known value; place and default are kept."""
    match fact:
        case Known(value=value, at=at, default=default):
            return Known(function(value), at, default)
        case Unknown():
            return fact


class Members(msgspec.Struct, Generic[T], frozen=True):
    """The children of one thing: those that were read, and what is missing if the reading was not complete.

    A rule looks through ``items`` for what is wrong and, if it finds nothing, yields ``missing`` when that is set: so a
    partial list can fail, but never pass.
    """

    items: tuple[T, ...]
    missing: Unknown | None = None

    def complete(self) -> tuple[T, ...]:
        """All items.

        Raises:
            Undetermined: the list is not known to be complete.
        """
        if self.missing is not None:
            raise Undetermined(self.missing)
        return self.items

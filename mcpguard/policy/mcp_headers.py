"""Decisions that rest on the headers Mcp-Name and Mcp-Method.

Revision 2026-07-28 asks clients to repeat method and tool name in them and servers to refuse a request whose body says
otherwise; older servers do not look at them (facts/tools-and-evidence.md 1.1). Whoever decides by them has to compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.expressions import expressions_of
from mcpguard.policy.flow import Run, statements

NAMES: Final = frozenset({"mcp-name", "mcp-method"})
_REVISION = "2026-07-28"
_DECIDING = frozenset(
    [
        *("return-response", "mock-response", "validate-jwt", "validate-azure-ad-token", "validate-client-certificate"),
        *("check-header", "ip-filter", "rate-limit", "rate-limit-by-key", "quota", "quota-by-key", "llm-token-limit"),
        *("set-backend-service", "authentication-managed-identity", "authentication-basic", "authentication-certificate"),
        "get-authorization-context",
    ]
)
"""Policies of which it matters whether they run."""


class TrustedHeader(msgspec.Struct, frozen=True):
    """A decision that believes the caller's header."""

    at: Statement
    """The ``when`` or ``check-header``."""
    header: str
    """As people write it."""
    is_pinned: bool
    """Whether the policy admits only revisions of the protocol that oblige the server to compare."""


class _Path(msgspec.Struct, frozen=True):
    """One path, as far as one decision goes."""

    is_met: bool = False
    is_written: bool = False
    """Whether a policy wrote the header itself."""
    is_compared: bool = False
    is_pinned: bool = False
    hole: Unknown | None = None


def trusted_mcp_headers(policy: EffectivePolicy, *, is_alone: bool = False) -> Iterator[TrustedHeader | Unknown]:
    """Every decision on a path that forwards the request without a comparison with its body.

    With ``is_alone`` the policy is one file without the scopes above it, so a backend section that only inherits forwards.
    """
    found = _Decisions(policy)
    yield from found.unclear
    for decision, header in found.at.values():
        paths = [path for path in _paths(policy, decision, header, found.comparing, is_alone=is_alone) if path.is_met]
        open_paths = [path for path in paths if not path.is_compared]
        if open_paths:
            worst = min(open_paths, key=lambda path: (path.hole is not None, path.is_pinned))
            shown = "-".join(part.capitalize() for part in header.split("-"))
            yield worst.hole or TrustedHeader(decision, shown, worst.is_pinned)


def _paths(
    policy: EffectivePolicy, decision: Statement, header: str, comparing: Collection[int], *, is_alone: bool
) -> frozenset[_Path]:
    def on_statement(statement: Statement, path: _Path) -> _Path:
        if statement is decision and not path.is_written:
            return msgspec.structs.replace(path, is_met=True)
        if id(statement) in comparing:
            return msgspec.structs.replace(path, is_compared=True)
        name = _header_name(statement)
        if statement.name == "set-header" and name == header and _exists_action(statement) in ("override", "delete"):
            return msgspec.structs.replace(path, is_written=True)
        if statement.name == "check-header" and name == "mcp-protocol-version" and _admits_only_new(statement):
            return msgspec.structs.replace(path, is_pinned=True)
        return path

    def on_hole(unknown: Unknown, path: _Path) -> _Path:
        return path if path.hole is not None else msgspec.structs.replace(path, hole=unknown)

    return Run(on_statement, on_hole, on_statement).before_forward(policy, _Path(), is_alone=is_alone).forwarded


class _Decisions:
    """Which statements look at the headers, and which compare them with the body."""

    def __init__(self, policy: EffectivePolicy) -> None:
        self.at: dict[int, tuple[Statement, str]] = {}
        self.comparing: set[int] = set()
        self.unclear: list[Unknown] = []
        self._variables: dict[str, frozenset[str]] = {}
        for statement in statements(policy.inbound):
            name = _header_name(statement)
            if statement.name == "set-variable" and name:
                variable = statement.element.attribute("name")
                if variable is not None:
                    key = variable.text.strip()
                    self._variables[key] = self._variables.get(key, frozenset()) | self._read(statement)
            elif statement.name == "check-header" and name in NAMES and statement.element.find("value") is not None:
                self.at[id(statement)] = (statement, name)
            elif statement.name == "choose":
                self._choose(statement)

    def _choose(self, choose: Statement) -> None:
        inner = [statement.name for statement in statements(choose.children)]
        for when in choose.children:
            if not isinstance(when, Statement) or when.name != "when":
                continue
            read = self._read(when)
            headers = sorted(read & NAMES)
            if headers and "body" in read and "return-response" in inner:
                self.comparing.add(id(when))
            elif headers and "body" not in read and not _DECIDING.isdisjoint(inner):
                self.at[id(when)] = (when, headers[0])

    def _read(self, statement: Statement) -> frozenset[str]:
        """The headers that a statement's expressions look at, and ``body`` for the body, by way of variables too."""
        out: set[str] = set()
        for use in expressions_of(statement):
            if not use.found.understood and any(name in use.code.lower() for name in NAMES):
                self.unclear.append(
                    Unknown(
                        f"what an expression of {statement.name} makes of the MCP headers, which could not be parsed",
                        "check it with mcpguard policy check",
                        statement.value_at(use.value),
                    )
                )
            for source in use.found.reads:
                if source.kind == "request-header" and source.name in NAMES:
                    out.add(source.name)
                elif source.kind == "request-body":
                    out.add("body")
                elif source.kind == "variable":
                    out |= self._variables.get(source.name, frozenset())
        return frozenset(out)


def _header_name(statement: Statement) -> str:
    name = statement.element.attribute("name")
    return name.text.strip().lower() if name is not None else ""


def _exists_action(statement: Statement) -> str:
    action = statement.element.attribute("exists-action")
    return action.text.strip().lower() if action is not None else "override"


def _admits_only_new(statement: Statement) -> bool:
    values = [child.content.text.strip() for child in statement.element.elements if child.name == "value"]
    return bool(values) and all(value >= _REVISION and value[:2] == "20" for value in values)

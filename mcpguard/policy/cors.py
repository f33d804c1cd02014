"""Which ``cors`` answers: only the first one that a call meets counts (azure-docs, cors-policy)."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Unknown
from mcpguard.policy.effective import EffectivePolicy, Section, Statement
from mcpguard.policy.expressions import placed


def first_cors(policy: EffectivePolicy) -> Iterator[Statement | Unknown]:
    """Every ``cors`` that may come first: those in branches, and the first outside; what is unread before it may be one."""
    doubt: Unknown | None = None
    for node in placed(policy, Section.INBOUND):
        if isinstance(node, Unknown):
            doubt = doubt or node
        elif node.statement.name == "cors":
            yield doubt or node.doubt or node.statement
            if doubt is None and node.doubt is None and not node.conditions:
                return
    if doubt is not None:
        yield doubt

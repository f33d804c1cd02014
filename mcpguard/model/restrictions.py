"""What a service demands of policy documents with ``policyRestrictions``, and whether they do it.

Facts (facts/apim.md 1.12 and 2.1): a restriction asks for ``<base />`` in the policy at a scope. API Management checks it
when a policy is saved, and says in ``allPolicies`` which of the stored ones comply. At run time it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Known, value_or_none
from mcpguard.model.estate import Estate, service_key
from mcpguard.model.kinds.gateway import PolicyRestriction
from mcpguard.policy.effective import Scope, ScopedPolicy, Section
from mcpguard.policy.tree import Document


class Demand(msgspec.Struct, frozen=True):
    """One restriction on one policy document."""

    restriction: PolicyRestriction
    policy: ScopedPolicy
    without_base: tuple[Section, ...]
    """The sections of the document that leave ``<base />`` out; empty when it was not read."""
    state: str
    """``Compliant``, ``NonCompliant`` or ``Pending``; empty when the service's list was not read."""


def demands(key: str, policy: ScopedPolicy, estate: Estate) -> Iterator[Demand]:
    """The restrictions that ask for ``<base />`` in the policy of the scope with a key, or in all below a broader one."""
    if policy.scope is Scope.GLOBAL:
        return
    service = service_key(key)
    below = key[len(service) :]
    for restriction in estate.under(service, PolicyRestriction):
        scope = value_or_none(restriction.scope)
        if scope is None or value_or_none(restriction.requires_base) is not True:
            continue
        if below == scope or below.startswith(f"{scope}/"):
            yield Demand(restriction, policy, _without_base(policy), estate.compliance.get(key, ""))


def _without_base(policy: ScopedPolicy) -> tuple[Section, ...]:
    match policy.document:
        case Known(value=Document() as document):
            root = document.root("policies")
            elements = root.elements if root is not None else ()
            return tuple(
                section
                for section in Section
                if not any(inner.name == "base" for part in elements if part.name == section.value for inner in part.walk())
            )
        case _:
            return ()

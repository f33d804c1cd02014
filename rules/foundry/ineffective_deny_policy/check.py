"""MG616: a policy that is meant to refuse connections and does not."""

from mcpguard.sdk import (
    Estate,
    Issue,
    NotApplicable,
    Options,
    ToolPolicy,
    Unknown,
    Verdicts,
    foreign_aliases,
    known,
    refused_auth_types,
    secrets_left_out,
)

_CUSTOM_KEYS = "customkeys"


def check(policy: ToolPolicy, estate: Estate, options: Options) -> Verdicts:
    """Conditions that cannot hold, and secrets that are left out."""
    effect = known(policy.effect)
    if effect != "deny":
        raise NotApplicable(f"{policy.title} refuses nothing (effect {effect})")
    tree = known(policy.rule)
    for found in foreign_aliases(tree):
        yield Issue(
            f"{policy.title} tests the alias {found.alias} for the type {found.type}, which has no such alias, so that "
            f"branch refuses nothing; use the alias of {found.type}",
            at=found.at.child("field"),
            evidence=(("alias", found.alias), ("type", found.type)),
            key=found.alias,
        )
    tests = list(refused_auth_types(tree))
    match secrets_left_out(tests):
        case Unknown() as unknown:
            yield unknown
        case frozenset() as left if _CUSTOM_KEYS in left:
            yield Issue(
                f"{policy.title} refuses connections by some kinds of secret, but not by CustomKeys, which MCP servers "
                f"use; refuse {', '.join(sorted(left))} too",
                at=tests[0].at,
                key="authType",
            )
        case _:
            pass

"""MG312: a middle tier that cannot prove who it is."""

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    is_valid_at,
    wanted_by_middle_tier,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    wanted = wanted_by_middle_tier(target, estate)
    if not wanted:
        raise NotApplicable(f"{target.title} asks for no delegated permission of another API")
    if target.federated.items:
        return
    unread: list[Unknown] = [] if target.federated.missing is None else [target.federated.missing]
    expired = 0
    for fact in (target.passwords, target.certificates):
        match fact:
            case Known(value=credentials):
                if any(is_valid_at(credential, estate.as_of) for credential in credentials):
                    return
                expired += len(credentials)
            case Unknown() as unknown:
                unread.append(unknown)
    if unread:
        yield from unread
        return
    held = "no credential but expired ones" if expired else "no secret, certificate or federated credential"
    yield Issue(
        f"{target.title} asks for {wanted[0].title} on behalf of its users and has {held}, so it cannot exchange their tokens; "
        "add a federated credential",
        wanted[0].at,
        key="credential",
    )

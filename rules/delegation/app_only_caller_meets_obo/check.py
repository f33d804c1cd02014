"""MG313: callers whose tokens cannot be exchanged."""

from mcpguard.sdk import (
    Application,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    callers_without_user,
    known,
    wanted_by_middle_tier,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    wanted = wanted_by_middle_tier(target, estate)
    if not wanted:
        raise NotApplicable(f"{target.title} asks for no delegated permission of another API")
    if any(one.is_role for one in known(target.requested)):
        return  # what it may do as itself serves callers without a user
    unread: list[Unknown] = []
    for fact in callers_without_user(target, estate):
        match fact:
            case Known(value=caller, at=at):
                yield Issue(
                    f"{target.title} can go downstream only for users ({wanted[0].title}), but {caller}, which has no user; "
                    "give that caller tools that need none, or do not admit it",
                    wanted[0].at,
                    related=(at.related("admitted here"),) if at else (),
                    key="caller",
                )
                return
            case Unknown() as unknown:
                unread.append(unknown)
    yield from unread

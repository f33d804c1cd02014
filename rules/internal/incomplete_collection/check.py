"""MG903: a gap in the input that its source knows of."""

from mcpguard.sdk import Estate, Issue, NotApplicable, Omission, Options, Verdicts


def check(target: Omission, estate: Estate, options: Options) -> Verdicts:
    gap = target.gap
    if not target.matters:
        raise NotApplicable(f"no rule reads what is missing: {', '.join(sorted(gap.kinds))}")
    yield Issue(
        f"{gap.detail.rstrip('.')}, so rules that need it say UNKNOWN; {gap.remedy}",
        gap.at or target.at,
        evidence=(("reason", gap.reason.value), ("missing", ", ".join(sorted(gap.kinds)))),
    )

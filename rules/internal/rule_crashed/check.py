"""MG902: a rule that raised an exception of its own."""

from mcpguard.sdk import Crash, Estate, Issue, Options, Verdicts


def check(target: Crash, estate: Estate, options: Options) -> Verdicts:
    yield Issue(
        f"rule {target.name} crashed on {target.target}, so nothing is known of it: {target.error}; report the bug, "
        f"or leave the rule out with --ignore {target.name.partition(' ')[0]}",
        target.at,
    )

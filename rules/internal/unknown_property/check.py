"""MG910: a member that its resource type does not have."""

from mcpguard.sdk import Estate, Issue, MisspeltMember, Options, Verdicts


def check(target: MisspeltMember, estate: Estate, options: Options) -> Verdicts:
    written = target.name.rpartition(".")[2]
    yield Issue(
        f"{target.owner_name} ({target.owner_type}) has the member {target.name}, which is not a property of this type; "
        f"did you mean {target.meant}?",
        target.at,
        evidence=(("written", written), ("meant", target.meant)),
    )

"""MG901: a file that was not read to its end."""

from mcpguard.sdk import Estate, InputFile, Issue, NotApplicable, Options, Verdicts


def check(target: InputFile, estate: Estate, options: Options) -> Verdicts:
    status = target.artifact.status.value
    if status == "skipped":
        raise NotApplicable(f"{target.name} is no file that mcpguard judges")
    if status in ("failed", "partial"):
        how = "could not be read" if status == "failed" else "was read only in part"
        why = target.artifact.detail or "no reason was given"
        yield Issue(f"{target.name} {how}: {why}; repair it or export it again", target.at)

"""MG403: sign-in that leaves the MCP endpoint out."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Cover,
    Estate,
    Issue,
    Known,
    Location,
    NotApplicable,
    Options,
    Site,
    Unknown,
    Verdicts,
    cover,
    endpoint_paths,
    known,
    least,
    sign_in,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    if not known(found.auth.require_authentication) or known(found.auth.unauthenticated_action).lower() == "allowanonymous":
        raise NotApplicable(f"the sign-in of {target.title} is not enforced anywhere, which is for MG402")
    excluded = found.auth.excluded_paths
    entries = known(excluded)
    level = target.mcp_key_level if isinstance(target, Site) else Known("none")
    is_keyed = isinstance(level, Known) and level.value not in ("anonymous", "none")
    facing = target.internet_facing
    if is_keyed or (isinstance(facing, Known) and not facing.value):
        return
    paths, certain = endpoint_paths(target, estate)
    at = excluded.at or found.auth.at
    for number, entry in enumerate(entries):
        covers = [cover(entry, path) for path in paths]
        if Cover.YES in covers:
            known(level)
            known(facing)
            note = "" if certain else " (that its MCP endpoint lies there is usual, not known)"
            yield Issue(
                f"{target.title} lets callers reach its MCP endpoint {paths[covers.index(Cover.YES)]} without a token: "
                f"excludedPaths holds {entry}; take it out{note}",
                at.child(number),
                evidence=(("excluded path", entry),),
                confidence=least(found.server.confidence, Confidence.HIGH if certain else Confidence.MEDIUM),
                key=entry,
            )
        else:
            yield from _doubts(target, entry, covers, certain=certain, at=at.child(number))


def _doubts(target: Site | ContainerApp, entry: str, covers: list[Cover], *, certain: bool, at: Location) -> Verdicts:
    """What an entry of unclear reach may mean."""
    if Cover.MAYBE in covers:
        missing = f"whether the excluded path {entry} takes in the MCP endpoint of {target.title}, which is not documented"
        yield Unknown(missing, "call the endpoint without a token, or name what is excluded in full or with /* at its end", at)
    elif not certain and "*" in entry and not entry.lower().startswith(("/.well-known/", "/.auth/")):
        missing = f"whether the MCP endpoint of {target.title} lies below the excluded path {entry}"
        yield Unknown(missing, "add the gateway's backend that calls it, or review the app's routes", at)

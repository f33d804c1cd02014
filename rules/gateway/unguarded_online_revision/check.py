"""MG123: an old or coming revision that is still open, without what guards the current one."""

from collections.abc import Callable

from mcpguard.sdk import (
    Api,
    EffectivePolicy,
    Estate,
    Issue,
    Key,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Reach,
    Statement,
    Unknown,
    Verdicts,
    child_type,
    identifies_caller,
    reach,
)

_LIMITS = frozenset({"rate-limit", "rate-limit-by-key", "quota", "quota-by-key"})
_CONTROLS: tuple[tuple[str, Callable[[Statement], bool]], ...] = (
    ("token validation", identifies_caller),
    ("a rate limit or quota", lambda statement: statement.name in _LIMITS),
    ("an address filter", lambda statement: statement.name == "ip-filter"),
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every other revision that is online, control by control, for calls with an API-scoped key."""
    api = estate.get(Api, server.api) if server.api else None
    if api is None or api.revision_of:
        raise NotApplicable(f"{server.title} is no current API of API Management")
    revisions = [other for other in estate.under(api.home, Api) if other.revision_of == api.key]
    guarding = _policy(api, estate)
    for revision in revisions:
        if revision.is_current or not revision.is_online:
            continue
        for what, control in _CONTROLS:
            match reach(guarding, control), reach(_policy(revision, estate), control):
                case Known(value=Reach.ALWAYS), Known(value=Reach.ALWAYS):
                    pass
                case Known(value=Reach.ALWAYS), Known():
                    yield Issue(
                        f"{revision.title} is online beside the current revision of {server.title} and lacks {what}, which "
                        "the current one has; take it offline or give it the same policy",
                        at=revision.at,
                        related=(api.at.related("the current revision"),),
                        evidence=(("revision", revision.name), ("control", what)),
                        confidence=server.confidence,
                        key=f"{revision.name.lower()} {what}",
                    )
                case (Unknown() as unknown, _) | (Known(value=Reach.ALWAYS), Unknown() as unknown):
                    yield unknown
                case _:
                    pass
    if not estate.is_complete(api.home, child_type(api.home, "apis")):
        remedy = f"add the answer of: az rest --method get --url {api.home}/apis (or pass --complete)"
        yield Unknown(f"the other revisions of {api.title}", remedy, api.at)


def _policy(api: Api, estate: Estate) -> EffectivePolicy:
    path = next(path for path in estate.entry_paths.of(api) if path.key is Key.SERVICE)
    return estate.entry_paths.effective_policy(path)

"""MG309: a host that takes tokens which were issued for somebody else."""

from mcpguard.sdk import (
    ContainerApp,
    Estate,
    Fact,
    Issue,
    Known,
    Location,
    Options,
    SignIn,
    Site,
    Unknown,
    Verdict,
    Verdicts,
    audience_owner,
    audiences_in_front,
    bare,
    is_guid,
    known,
    own_audiences,
    sign_in,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    audiences = found.auth.allowed_audiences
    own = own_audiences(found, estate)
    mine = {found.client_id, *(own.value if isinstance(own, Known) else ()), *target.host_names}
    at = audiences.at or found.auth.at
    listed = known(audiences)
    for number, audience in enumerate(listed):
        name = bare(audience)
        if name in mine or name.removeprefix("https://").partition("/")[0] in target.host_names:
            continue
        if name in audiences_in_front(target, estate):
            continue  # tokens for the server as its gateway shows it
        verdict = _verdict(found, audience, own, estate, at.child(number))
        if verdict is not None:
            yield verdict


def _verdict(found: SignIn, audience: str, own: Fact[frozenset[str]], estate: Estate, at: Location) -> Verdict | None:
    """Whether an audience that is not known to be the host's own is somebody else's."""
    name = bare(audience)
    owner = audience_owner(audience, estate)
    if owner or is_guid(name):
        whose = owner or "another application than its registration"
        return Issue(
            f"{found.host.title} accepts tokens for {audience}, the audience of {whose}; take it out of allowedAudiences",
            at,
            evidence=(("audience", audience),),
            confidence=found.server.confidence,
            key=name,
        )
    if isinstance(own, Unknown):
        return own
    if estate.is_complete("", "microsoft.graph/applications"):
        return None  # no registration of the tenant has that name, so nobody gets a token for it
    return Unknown(
        f"whose audience {audience} is, which {found.host.title} accepts and its registration does not have",
        "add all registrations: az rest --method get --url https://graph.microsoft.com/v1.0/applications",
        at,
    )

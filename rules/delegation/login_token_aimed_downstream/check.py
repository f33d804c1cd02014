"""MG310: the login token is one for somebody else's API, and code can read it."""

from mcpguard.sdk import (
    SIGN_IN_SCOPES,
    ContainerApp,
    Estate,
    Issue,
    Known,
    Options,
    SignIn,
    Site,
    Unknown,
    Verdicts,
    audience_owner,
    bare,
    known,
    own_audiences,
    scope_names,
    sign_in,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    store = found.auth.token_store
    if isinstance(store, Known) and not store.value:
        return
    parameters = found.auth.login_parameters
    at = parameters.at or found.auth.at
    listed = known(parameters)
    for number, parameter in enumerate(listed):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "resource":
            asked: tuple[str, ...] = (value.strip(),)
        elif name.strip().lower() == "scope":
            asked = scope_names(value)
        else:
            continue
        for scope in asked:
            verdict = _receiver(scope, found, estate, is_resource=name.strip().lower() == "resource")
            if isinstance(verdict, Unknown):
                yield verdict
            elif verdict:
                known(store)
                yield Issue(
                    f"{target.title} asks at login for a token for {verdict} ({scope}) and keeps it in its token store, where "
                    "code can send it on; ask for sign-in scopes alone and exchange the caller's token on behalf of the user",
                    at.child(number),
                    related=(store.at.related("the token store is on"),) if store.at is not None else (),
                    evidence=(("asked for", scope),),
                    confidence=found.server.confidence,
                    key=scope,
                )


def _receiver(scope: str, found: SignIn, estate: Estate, *, is_resource: bool) -> str | Unknown:
    """For whom a token with a scope is; empty when it is for the server itself, or only says who signed in."""
    short = scope.lower().rpartition("/")[2]
    if not is_resource and "://" not in scope:
        resource, slash, _ = scope.rpartition("/")
        if not slash:
            return "" if short in SIGN_IN_SCOPES else "Microsoft Graph"
    else:
        resource = scope if is_resource else scope.rpartition("/")[0]
    owner = audience_owner(scope, estate) or audience_owner(resource, estate)
    own = own_audiences(found, estate)
    if bare(resource) == found.client_id or (isinstance(own, Known) and bare(resource) in own.value):
        return ""
    if owner:
        return "" if owner == "Microsoft Graph" and short in SIGN_IN_SCOPES else owner
    return own if isinstance(own, Unknown) else resource

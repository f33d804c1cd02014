"""MG406: scopes in the host's metadata that its registration does not issue, or that say nothing."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Application,
    AppSetting,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    SignIn,
    Site,
    Unknown,
    Verdicts,
    audience_owner,
    known,
    own_registration,
    scope_names,
    sign_in,
)

_SETTING = "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES"
_SIGN_IN = frozenset({"openid", "profile", "email"})
_BROAD = frozenset({"user_impersonation", "access_as_user", ".default"})


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    setting = known(target.setting(_SETTING))
    listed = scope_names(known(setting.value)) if setting is not None else ()
    if setting is None or not listed:
        raise NotApplicable(f"{target.title} publishes no metadata of its own, which is for MG405")
    asked = [scope for scope in listed if scope.lower() not in _SIGN_IN | {"offline_access"}]
    if len(asked) < len(listed) and "offline_access" in map(str.lower, listed):
        yield _issue(found, setting, "offline_access", "lists offline_access, which is no scope of the server; take it out")
    broad = [scope for scope in asked if scope.lower().rpartition("/")[2] in _BROAD]
    if len(broad) > 1:
        said = f"lists several scopes that each open everything ({', '.join(broad)}); list the least that a client needs"
        yield _issue(found, setting, "broad scopes", said)
    registration = own_registration(found.auth, estate)
    for scope in asked:
        if "/" not in scope:
            said = f"lists {scope}, which names no resource; write its full name, <identifier URI>/{scope}"
            yield _issue(found, setting, scope, said)
        elif isinstance(registration, Known):
            yield from _unresolved(scope, registration.value, found, setting, estate)
        else:
            yield registration


def _unresolved(
    scope: str, application: Application, found: SignIn, setting: AppSetting, estate: Estate
) -> Iterator[Issue | Unknown]:
    resource, _, name = scope.rpartition("/")
    uris = application.identifier_uris
    if resource.lower() != application.app_id:
        match uris:
            case Unknown():
                yield uris
                return
            case Known(value=values) if resource.lower().rstrip("/") not in {uri.lower().rstrip("/") for uri in values}:
                owner = audience_owner(resource, estate)
                whose = f"that is of {owner}" if owner else "so Entra refuses every client (AADSTS500011)"
                has = f"identifierUris of {application.title} has {', '.join(values) or 'none'}"
                yield _issue(
                    found, setting, scope, f"promises {scope}, but {has}, {whose}; promise a scope of its own registration"
                )
                return
            case _:
                pass
    offered = application.scopes
    match offered:
        case Unknown():
            yield offered
        case Known(value=scopes) if name.lower() != ".default":
            enabled = {one.value.lower() for one in scopes if one.is_enabled}
            if name.lower() not in enabled:
                is_off = name.lower() in {one.value.lower() for one in scopes}
                said = f"promises {scope}, which {application.title} has {'switched off' if is_off else 'not defined'}"
                yield _issue(found, setting, scope, f"{said}; promise one of its enabled scopes")
        case _:
            pass


def _issue(found: SignIn, setting: AppSetting, key: str, said: str) -> Issue:
    return Issue(
        f"The metadata of {found.host.title} ({_SETTING}) {said}",
        setting.at,
        evidence=(("scope", key),),
        confidence=found.server.confidence,
        key=key,
    )

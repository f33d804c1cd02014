"""MG415: a 401 that does not say where to sign in."""

from mcpguard.sdk import (
    ContainerApp,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Site,
    Unknown,
    Verdicts,
    known,
    sign_in,
)

_SETTING = "WEBSITE_AUTH_DISABLE_WWWAUTHENTICATE"
_ON = frozenset({"true", "1"})


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    if known(found.auth.unauthenticated_action).lower() != "return401":
        raise NotApplicable(f"{target.title} answers callers without a token with no 401")
    suppressed = found.auth.challenge_suppressed
    if isinstance(suppressed, Known) and suppressed.value:
        yield Issue(_message(target.title, "login.disableWWWAuthenticate is true"), suppressed.at or found.auth.at)
        return
    if isinstance(target, Site):
        match target.setting(_SETTING):
            case Known(value=setting) if setting is not None and known(setting.value).strip().lower() in _ON:
                yield Issue(_message(target.title, f"the app setting {_SETTING} is on"), setting.at)
                return
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    known(suppressed)


def _message(title: str, seen: str) -> str:
    return (
        f"{title} leaves WWW-Authenticate out of its 401 answers, so clients do not learn where to sign in: {seen}; turn it off"
    )

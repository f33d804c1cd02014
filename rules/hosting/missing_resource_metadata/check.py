"""MG405: a host whose sign-in publishes no protected resource metadata."""

from mcpguard.sdk import (
    Cover,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    SettingForm,
    Site,
    Unknown,
    Verdicts,
    admits_programs_alone,
    cover,
    known,
    metadata_in_front,
    sign_in,
)

_SETTING = "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES"
_PATH = "/.well-known/oauth-protected-resource"


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    front = list(metadata_in_front(target, estate))
    if True in front:
        return
    facing = target.internet_facing
    if front and isinstance(facing, Known) and not facing.value:
        raise NotApplicable(f"{target.title} is called by its gateway alone, whose metadata is for MG124")
    setting = known(target.setting(_SETTING))
    is_empty = setting is not None and setting.form is SettingForm.PLAIN and not known(setting.value).strip()
    if setting is not None and not is_empty:
        return
    if admits_programs_alone(found, estate):
        raise NotApplicable(f"only managed identities and agents may call {target.title}; they look for no metadata")
    yield from (unread for unread in front if isinstance(unread, Unknown))
    excluded = known(found.auth.excluded_paths)
    if any(path.strip().lower().startswith("/.well-known") or cover(path, _PATH) is not Cover.NO for path in excluded):
        yield Unknown(
            f"whether code of {target.title} serves {_PATH}, which its sign-in leaves open",
            f"ask it: curl https://{target.host_names[0] if target.host_names else '<host>'}{_PATH}",
            found.auth.at,
        )
        return
    if any(isinstance(unread, Unknown) for unread in front):
        return
    seen = "is empty" if is_empty else "is not set"
    yield Issue(
        f"{target.title} publishes no protected resource metadata: the app setting {_SETTING} {seen}; set it to the full "
        "name of the scope that clients are to ask for",
        setting.at if setting is not None else target.app_settings.at or target.at,
        related=(found.auth.at.related("sign-in is on here"),),
        confidence=found.server.confidence,
    )

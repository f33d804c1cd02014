"""MG412: sign-in that rests on a client secret."""

from mcpguard.sdk import (
    AppSetting,
    Estate,
    Fact,
    Issue,
    Known,
    Options,
    SettingForm,
    Site,
    Verdicts,
    known,
    sign_in,
)

_SECRETLESS = "override_use_mi_fic_assertion_clientid"
_FORMS = {
    SettingForm.PLAIN: ", a literal",
    SettingForm.WITHHELD: ", a literal",
    SettingForm.KEY_VAULT: ", a Key Vault reference",
    SettingForm.COMPUTED: "",
}


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    named = known(found.auth.secret_setting)
    if isinstance(found.auth.certificate, Known) and found.auth.certificate.value:
        return
    if not named:
        known(found.auth.certificate)
        return
    if named.lower() == _SECRETLESS:
        return
    setting = target.setting(named)
    yield Issue(
        f"{target.title} signs in with a client secret in the app setting {named}{_form(setting)}; trust a managed identity "
        "instead (clientSecretSettingName OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID)",
        found.auth.secret_setting.at or found.auth.at,
        related=(setting.value.at.related("the setting"),) if isinstance(setting, Known) and setting.value else (),
        evidence=(("setting", named),),
        confidence=found.server.confidence,
    )


def _form(setting: Fact[AppSetting | None]) -> str:
    """What is known of the setting, as the end of a clause."""
    if not isinstance(setting, Known):
        return ""
    return _FORMS[setting.value.form] if setting.value is not None else ", which does not exist, so nobody can log in"

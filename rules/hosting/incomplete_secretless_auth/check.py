"""MG413: sign-in by a managed identity that was set up by half."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Application,
    AppSetting,
    Estate,
    Issue,
    Known,
    ManagedIdentity,
    NotApplicable,
    Options,
    SignIn,
    Site,
    Unknown,
    Verdicts,
    known,
    others_attached,
    own_registration,
    sign_in,
)

_SETTING = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
_OLD = "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET"


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    if known(found.auth.secret_setting).lower() != _SETTING.lower():
        raise NotApplicable(f"the sign-in of {target.title} does not rest on a managed identity")
    old = target.setting(_OLD)
    if isinstance(old, Known) and old.value is not None:
        yield _issue(found, old.value, "old secret", f"still has the old secret in {_OLD}; delete that setting")
    setting = known(target.setting(_SETTING))
    if setting is None:
        said = f"names {_SETTING} as its credential, but has no such app setting, so nobody can log in; set it"
        yield Issue(f"{target.title} {said}", found.auth.secret_setting.at or found.auth.at, key="missing")
        return
    if estate.under(target.key, Site):
        match target.sticky_settings:
            case Known(value=names) if _SETTING.lower() not in names:
                said = f"has a slot, but {_SETTING} is no slot setting, so a swap carries it along; make it one"
                yield _issue(found, setting, "not a slot setting", said)
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    identity = _identity(found, setting, known(target.identities))
    if isinstance(identity, ManagedIdentity):
        yield from _trusted(found, setting, identity, estate)
    else:
        yield identity


def _identity(found: SignIn, setting: AppSetting, attached: tuple[ManagedIdentity, ...]) -> ManagedIdentity | Issue | Unknown:
    """The attached identity whose client id the setting holds, or what is wrong or missing."""
    users = [identity for identity in attached if identity.resource_id]
    match setting.value:
        case Unknown() as unknown:
            return _computed(found, setting, users) or unknown
        case Known(value=value):
            return _written(found, setting, value.strip().lower(), attached)


def _computed(found: SignIn, setting: AppSetting, users: list[ManagedIdentity]) -> ManagedIdentity | Issue | None:
    """The attached identity of which a template takes a member; None when it takes something else."""
    key, _, member = setting.computed_from.rpartition("#")
    named = next((identity for identity in users if identity.resource_id == key), None)
    if named is not None and member.lower() == "principalid":
        return _issue(found, setting, "value", _wrong("the object id of the identity"))
    return named if member.lower() == "clientid" else None


def _written(
    found: SignIn, setting: AppSetting, written: str, attached: tuple[ManagedIdentity, ...]
) -> ManagedIdentity | Issue | Unknown:
    """The attached identity with the client id that stands in the setting."""
    if written == found.client_id:
        return _issue(found, setting, "value", _wrong("the client id of the registration"))
    unread: Unknown | None = None
    for identity in (identity for identity in attached if identity.resource_id):
        if isinstance(identity.client_id, Known) and identity.client_id.value == written:
            return identity
        unread = unread or (identity.client_id if isinstance(identity.client_id, Unknown) else None)
    if any(isinstance(identity.principal_id, Known) and identity.principal_id.value == written for identity in attached):
        return _issue(found, setting, "value", _wrong("the object id of the identity"))
    return unread or _issue(found, setting, "value", _wrong("the client id of no identity that is attached to the app"))


def _wrong(seen: str) -> str:
    return f"cannot log anybody in: {_SETTING} holds {seen}; set it to the client id of an attached user-assigned identity"


def _trusted(found: SignIn, setting: AppSetting, identity: ManagedIdentity, estate: Estate) -> Iterator[Issue | Unknown]:
    """Whether the registration trusts the identity, and whether others have it too."""
    others, count = others_attached(identity.resource_id, found.host, estate, 3)
    if others:
        who = ", ".join(others) + (f" and {count - len(others)} more" if count > len(others) else "")
        said = f"signs in with a managed identity that {who} has too; give the sign-in an identity of its own"
        yield _issue(found, setting, "shared identity", said)
    registration = own_registration(found.auth, estate)
    match registration, identity.principal_id:
        case Known(value=Application() as application), Known(value=principal):
            subjects = [known(trusted.subject).lower() for trusted in application.federated.items]
            if principal in subjects:
                return
            if application.federated.missing is not None:
                yield application.federated.missing
            else:
                said = f"signs in with the identity {principal}, which {application.title} does not trust; add the credential"
                yield _issue(found, setting, "untrusted identity", said)
        case Unknown() as unknown, _:
            yield unknown
        case _, Unknown() as unknown:
            yield unknown
        case _:
            pass


def _issue(found: SignIn, setting: AppSetting, key: str, said: str) -> Issue:
    return Issue(f"{found.host.title} {said}", setting.at, confidence=found.server.confidence, key=key)

"""App settings of sites: names, values where they are no secret, and slot settings. Facts: facts/hosting.md 1.5 and 3."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved, resource_key
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.host_parts import AppSetting, PublishingPolicies, SettingForm, StorageAccess
from mcpguard.normalize.fields import fact, last_segment, lookup, not_usable, texts
from mcpguard.normalize.host_index import DECLARED, READ_AGAIN, HostIndex

_REFERENCE = "@microsoft.keyvault("
_IDENTITY_SUFFIXES = ("__accountname", "__blobserviceuri", "__credential", "__clientid")
_STORAGE = "azurewebjobsstorage"


def app_settings(raw: RawResource, index: HostIndex) -> Fact[dict[str, AppSetting]]:
    """Settings by lower-case name, from ``config/appsettings``, which replaces all others, or inline in a template."""
    listed = index.configs.get(raw.key, {}).get("appsettings")
    if listed is not None:
        values = lookup(listed.body, ("properties",))
        if isinstance(values, dict):
            at = listed.origin.child("properties")
            return Known({str(n).lower(): _setting(str(n), v, at.child(str(n))) for n, v in values.items()}, listed.origin)
        if isinstance(values, Unresolved):
            return not_usable(listed, ("properties",), values, "an object")
    steps = ("properties", "siteConfig", "appSettings")
    inline = lookup(raw.body, steps)
    if isinstance(inline, list):
        return _inline(raw, steps, inline)
    if isinstance(inline, Unresolved):
        return not_usable(raw, steps, inline, "a list")
    if raw.format in DECLARED and index.is_complete(raw.key, f"{raw.type}/config"):
        return Known({}, raw.origin, "the template sets no app settings")
    return Unknown(
        f"the app settings of {last_segment(raw.id)}",
        "add their names and non-secret values: az webapp config appsettings list needs "
        "Microsoft.Web/sites/config/list/action, which Reader does not have",
        raw.origin,
    )


def _inline(raw: RawResource, steps: tuple[str, ...], items: list[Json]) -> Fact[dict[str, AppSetting]]:
    at = raw.origin.child(*steps)
    found: dict[str, AppSetting] = {}
    for number, item in enumerate(items):
        name = lookup(item, ("name",))
        if not isinstance(name, str):
            return not_usable(raw, (*steps, number), item if isinstance(item, Unresolved) else name, "a setting with a name")
        found[name.lower()] = _setting(name, lookup(item, ("value",)), at.child(number, "value"))
    return Known(found, at)


def _setting(name: str, value: Json, at: Location) -> AppSetting:
    if isinstance(value, Unresolved):
        return _computed(name, value, at)
    if isinstance(value, str) and not is_masked(value):
        form = SettingForm.KEY_VAULT if value.strip().lower().startswith(_REFERENCE) else SettingForm.PLAIN
        return AppSetting(name, form, Known(value, at), at)
    withheld = Unknown(f"the value of the app setting {name}, which is withheld", "mcpguard does not keep secret values", at)
    return AppSetting(name, SettingForm.WITHHELD, withheld, at)


def _computed(name: str, value: Unresolved, at: Location) -> AppSetting:
    start = value.parts[0] if value.parts and isinstance(value.parts[0], str) else ""
    form = SettingForm.KEY_VAULT if start.strip().lower().startswith(_REFERENCE) else SettingForm.COMPUTED
    unknown = Unknown(
        f"the value of the app setting {name}, which the template computes as {value.expression}",
        "scan the deployed app's settings, or a template with plain values",
        at,
    )
    return AppSetting(name, form, unknown, at, _source(value))


def _source(value: Unresolved) -> str:
    """``[reference(id).clientId]`` takes a member of a resource: its key and the member."""
    target = value.arguments[0] if value.function == "reference" and value.arguments else None
    if not isinstance(target, str) or not value.route:
        return ""
    return f"{resource_key(target)}#{value.route[-1]}"


def key_vault_references(raw: RawResource, index: HostIndex) -> Fact[frozenset[str]]:
    """Names of the settings that Key Vault references stand in (``config/configreferences/appsettings``)."""
    answers = index.references.get(raw.key, [])
    names: set[str] = set()
    for answer in answers:
        statuses = lookup(answer.body, ("properties", "keyToReferenceStatuses"))
        if isinstance(statuses, dict):
            names.update(str(name).lower() for name in statuses)
        elif last_segment(answer.key) != "appsettings":
            names.add(last_segment(answer.key))
    if answers:
        return Known(frozenset(names), answers[0].origin)
    if index.is_complete(raw.key, f"{raw.type}/config/configreferences"):
        return Known(frozenset(), raw.origin)
    return Unknown(
        f"the Key Vault references of {last_segment(raw.id)}",
        f"{READ_AGAIN}{raw.id}/config/configreferences/appsettings (Reader may read it)",
        raw.origin,
    )


def sticky_settings(raw: RawResource, site: str, index: HostIndex) -> Fact[frozenset[str]]:
    """Names of slot settings. The list belongs to the site; its slots share it."""
    for key in (site, raw.key):
        listed = index.configs.get(key, {}).get("slotconfignames")
        if listed is not None:
            names = texts(listed, ("properties", "appSettingNames"), Known((), listed.origin, "none is a slot setting"))
            match names:
                case Known(value=values, at=at, default=default):
                    return Known(frozenset(name.lower() for name in values), at, default)
                case Unknown() as unknown:
                    return unknown
    type_ = raw.type.removesuffix("/slots")
    if raw.format in DECLARED and index.is_complete(site, f"{type_}/config"):
        return Known(frozenset(), raw.origin, "the template names no slot settings")
    return Unknown(
        f"the slot settings of {last_segment(site)}",
        f"{READ_AGAIN}{site}/config/slotConfigNames (Reader may read it)",
        raw.origin,
    )


def storage_access(raw: RawResource, settings: Fact[dict[str, AppSetting]]) -> Fact[StorageAccess]:
    """How ``AzureWebJobsStorage`` is given: a connection string, a Key Vault reference, or settings of an identity."""
    match settings:
        case Known(value=found):
            return _storage_in(raw, found)
        case Unknown() as unknown:
            return unknown


def _storage_in(raw: RawResource, found: dict[str, AppSetting]) -> Fact[StorageAccess]:
    own = found.get(_STORAGE)
    if own is None:
        parts = [found[_STORAGE + suffix] for suffix in _IDENTITY_SUFFIXES if _STORAGE + suffix in found]
        if parts:
            return Known(StorageAccess.IDENTITY, parts[0].at)
        return Known(StorageAccess.NONE, raw.origin)
    match own.form:
        case SettingForm.KEY_VAULT:
            return Known(StorageAccess.KEY_VAULT, own.at)
        case SettingForm.WITHHELD | SettingForm.PLAIN:
            return Known(StorageAccess.CONNECTION_STRING, own.at)
        case SettingForm.COMPUTED:
            return _computed_storage(own)


def _computed_storage(own: AppSetting) -> Fact[StorageAccess]:
    """A template puts a connection string together from a key that it lists."""
    match own.value:
        case Unknown(missing=missing) as unknown if "listkeys" not in missing.lower():
            return unknown
        case _:
            return Known(StorageAccess.CONNECTION_STRING, own.at)


def publishing_policies(raw: RawResource, index: HostIndex) -> PublishingPolicies:
    """Whether code may be published with basic credentials, for ``scm`` and ``ftp``."""
    return PublishingPolicies(_publishing(raw, "scm", index), _publishing(raw, "ftp", index))


def _publishing(raw: RawResource, name: str, index: HostIndex) -> Fact[bool]:
    policy = index.publishing.get(raw.key, {}).get(name)
    missing = Unknown(
        f"whether {last_segment(raw.id)} may be published with basic credentials ({name})",
        f"{READ_AGAIN}{raw.id}/basicPublishingCredentialsPolicies/{name}",
        raw.origin,
    )
    if policy is not None:
        return fact(policy, ("properties", "allow"), bool, missing)
    if raw.format in DECLARED and index.is_complete(raw.key, f"{raw.type}/basicpublishingcredentialspolicies"):
        return Known(
            True, raw.origin, "basic credentials are allowed unless the policy says otherwise (configure-basic-auth-disable)"
        )
    return missing

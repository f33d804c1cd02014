"""Where API Management keeps credentials: backend entities and named values. Shapes: facts/apim.md 1.9 and 1.10.

Literals were masked at the door; what tells them from references is left.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.evidence import RawResource, Unresolved
from mcpguard.evidence.redaction import UPSTREAM_MASK, is_masked
from mcpguard.model.estate import service_key
from mcpguard.model.kinds.gateway import Backend, Credential, NamedValue
from mcpguard.normalize.fields import (
    READ_AGAIN,
    absent_member,
    base_of,
    fact,
    last_segment,
    lookup,
    not_usable,
    optional_text,
    parent_key,
    template_at,
    text,
)

_TLS_DEFAULT = "certificates of backends are checked unless switched off (facts/apim.md 1.10)"
_PLAIN_DEFAULT = "a named value is plain unless set"
_REDACTED_DEFAULT = "apiops-cli redacts secret named values only"
_VAULT_DEFAULT = "a named value in Key Vault is secret"


def backend(raw: RawResource) -> Backend:
    """A backend entity."""
    pool = lookup(raw.body, ("properties", "pool", "services"))
    home = parent_key(raw.key)
    members = [lookup(member, ("id",)) for member in pool] if isinstance(pool, list) else []
    return Backend(
        **base_of(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        url=optional_text(raw, ("properties", "url")),
        sets_authorization=_sets_authorization(raw),
        credentials=_credentials(raw),
        pool=tuple(f"{home}/backends/{last_segment(member).lower()}" for member in members if isinstance(member, str)),
        validates_chain=_tls_check(raw, "validateCertificateChain"),
        validates_name=_tls_check(raw, "validateCertificateName"),
    )


def _sets_authorization(raw: RawResource) -> Fact[bool]:
    credentials = lookup(raw.body, ("properties", "credentials"))
    if isinstance(credentials, Unresolved):
        return not_usable(raw, ("properties", "credentials"), credentials, "an object")
    headers = lookup(credentials, ("header",))
    named = {str(name).lower() for name in headers} if isinstance(headers, dict) else set()
    authorization = lookup(credentials, ("authorization", "scheme"))
    managed = lookup(credentials, ("managedIdentity",))
    return Known(
        "authorization" in named or bool(authorization) or isinstance(managed, dict),
        raw.origin.child("properties", "credentials"),
    )


def _tls_check(raw: RawResource, member: str) -> Fact[bool]:
    return fact(raw, ("properties", "tls", member), bool, Known(True, raw.origin, _TLS_DEFAULT))


def _credentials(raw: RawResource) -> Fact[tuple[Credential, ...]]:
    """Headers, parameters, authorization and proxy password; unknown as a whole when a template computes the object."""
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        return absent_member(raw, "properties.credentials", READ_AGAIN + raw.id)
    for steps in (
        ("properties", "credentials"),
        ("properties", "credentials", "header"),
        ("properties", "credentials", "query"),
        ("properties", "credentials", "authorization"),
        ("properties", "proxy"),
    ):
        value = lookup(raw.body, steps)
        if value is not None and not isinstance(value, dict):
            return not_usable(raw, steps, value, "an object")
    return Known(tuple(_listed(raw)), raw.origin.child("properties", "credentials"))


def _listed(raw: RawResource) -> Iterator[Credential]:
    for place in ("header", "query"):
        named = lookup(raw.body, ("properties", "credentials", place))
        for name, values in named.items() if isinstance(named, dict) else ():
            steps: tuple[str | int, ...] = ("properties", "credentials", place, name)
            if isinstance(values, list):
                for index in range(len(values)):
                    yield _credential(raw, place, str(name), (*steps, index))
            else:
                yield _credential(raw, place, str(name), steps)
    for where, member, name, holder in (
        ("authorization", "parameter", "scheme", ("properties", "credentials", "authorization")),
        ("proxy", "password", "username", ("properties", "proxy")),
    ):
        if lookup(raw.body, (*holder, member)) is not None:
            yield _credential(raw, where, text(raw, *holder, name), (*holder, member))


def _credential(raw: RawResource, place: str, name: str, steps: tuple[str | int, ...]) -> Credential:
    value = fact(raw, steps, str, Known("", raw.origin.child(*steps)))
    return Credential(place, name, value, raw.origin.child(*steps), template_at(raw, steps))


def named_value(raw: RawResource) -> NamedValue:
    """A named value; one that is masked or not exported is unknown."""
    name = text(raw, "properties", "displayName") or last_segment(raw.id)
    steps = ("properties", "value")
    value = lookup(raw.body, steps)
    found: Fact[str]
    if isinstance(value, str) and not is_masked(value):
        found = Known(value, raw.origin.child(*steps))
    else:
        found = Unknown(
            f"the value of the named value {{{{{name}}}}}, which is secret or was not exported",
            "mcpguard never reads secrets; if it is not one, store it as a plain named value",
            raw.origin,
        )
    return NamedValue(
        **base_of(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        display_name=name,
        secret=_is_secret(raw),
        value=found,
        template=template_at(raw, steps),
        key_vault=text(raw, "properties", "keyVault", "secretIdentifier"),
    )


def _is_secret(raw: RawResource) -> Fact[bool]:
    """What is not said is a default only where the rest of the named value was read."""
    absent: Fact[bool]
    if lookup(raw.body, ("properties", "keyVault")) is not None:
        absent = Known(True, raw.origin.child("properties", "keyVault"), _VAULT_DEFAULT)
    elif lookup(raw.body, ("properties", "value")) == UPSTREAM_MASK:
        absent = Known(True, raw.origin.child("properties", "value"), _REDACTED_DEFAULT)
    elif lookup(raw.body, ("properties", "value")) is not None:
        absent = Known(False, raw.origin, _PLAIN_DEFAULT)
    else:
        absent = absent_member(raw, "properties.secret", READ_AGAIN + raw.id)
    return fact(raw, ("properties", "secret"), bool, absent)

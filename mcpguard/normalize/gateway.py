"""API Management resources into kinds. Shapes and defaults: facts/apim.md section 1."""

from collections.abc import Callable, Iterator

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.evidence import RawResource, Unresolved
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.estate import service_key
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import (
    Api,
    Backend,
    Diagnostic,
    Fragment,
    LoggedHeader,
    ManagementSetting,
    NamedValue,
    Operation,
    Payload,
    PolicyRestriction,
    PolicyText,
    Product,
    Service,
    Subscription,
    Workspace,
)
from mcpguard.normalize.fields import (
    absent_member,
    fact,
    last_segment,
    location_of,
    lookup,
    not_usable,
    parent_key,
    tags,
    text,
    texts,
)
from mcpguard.normalize.urls import parse_url

APIM = "microsoft.apimanagement/service"
_READ_AGAIN = "add the answer of: az rest --method get --url "
_TLS_DEFAULT = "certificates of backends are checked unless switched off (facts/apim.md 1.10)"
_MIN_VERSION_DEFAULT = "every version of the management API is let in unless minApiVersion is set (facts/apim.md 1.1)"
_REST_TYPE = "an API without a type is a REST API (facts/apim.md 1.2)"
_KEY_DEFAULT = "new APIs and products ask for a subscription key (azure-docs, api-management-subscriptions)"
_BODY_DEFAULT = "no body is logged unless bytes are set (azure-docs, api-management-howto-app-insights)"
_PLACES = (("frontend", "request"), ("frontend", "response"), ("backend", "request"), ("backend", "response"))


def gateway_entities(raw: RawResource) -> Iterator[tuple[Entity, str]]:
    """The entity that a resource of API Management becomes, with the key of its parent."""
    kind = raw.type[len(APIM) :]
    if kind.startswith("/workspaces/"):
        kind = kind.removeprefix("/workspaces")
    if kind == "/apis/operations":
        operation = _operation(raw)
        yield operation, operation.api
    elif kind == "":
        yield _service(raw), ""
    elif kind in _MAKERS:
        yield _MAKERS[kind](raw), parent_key(raw.key)
    elif kind.endswith("/policies"):
        yield _policy(raw), parent_key(raw.key)


def _base(raw: RawResource) -> dict[str, object]:
    return {
        "id": raw.id,
        "key": raw.key,
        "name": last_segment(raw.id.rstrip("/")),
        "at": raw.origin,
        "format": raw.format,
        "api_version": raw.api_version,
    }


def _service(raw: RawResource) -> Service:
    hosts = []
    gateway_url = text(raw, "properties", "gatewayUrl")
    if gateway_url:
        hosts.append(parse_url(gateway_url, raw.origin).host)
    configurations = lookup(raw.body, ("properties", "hostnameConfigurations"))
    for configuration in configurations if isinstance(configurations, list) else []:
        host = lookup(configuration, ("hostName",))
        if lookup(configuration, ("type",)) == "Proxy" and isinstance(host, str):
            hosts.append(host.lower())
    sku = fact(raw, ("sku", "name"), str, absent_member(raw, "sku.name", _READ_AGAIN + raw.id))
    network_default = Known("Enabled", raw.origin, "publicNetworkAccess is Enabled by default (facts/apim.md 1.1)")
    return Service(
        **_base(raw),  # type: ignore[arg-type]
        sku=sku,
        gateway_hosts=tuple(dict.fromkeys(host for host in hosts if host)),
        tags=tags(raw),
        public_network_access=fact(raw, ("properties", "publicNetworkAccess"), str, network_default),
        identity=fact(raw, ("identity", "type"), str, Known("None", raw.origin, "no identity block")),
        min_api_version=fact(raw, ("properties", "apiVersionConstraint", "minApiVersion"), str, _min_version_default(raw)),
    )


def _min_version_default(raw: RawResource) -> Fact[str]:
    if not isinstance(lookup(raw.body, ("properties",)), dict):
        return absent_member(raw, "properties.apiVersionConstraint", _READ_AGAIN + raw.id)
    return Known("", raw.origin.child("properties"), _MIN_VERSION_DEFAULT)


def _api(raw: RawResource) -> Api:
    properties = ("properties",)
    no_properties = not isinstance(lookup(raw.body, properties), dict)
    missing = absent_member(raw, "properties", _READ_AGAIN + raw.id)
    type_default: Fact[str] = missing if no_properties else Known("http", raw.origin, _REST_TYPE)
    api_type = fact(raw, (*properties, "type"), str, fact(raw, (*properties, "apiType"), str, type_default))
    protocols_missing = absent_member(raw, "properties.protocols", _READ_AGAIN + raw.id)
    key_default: Fact[bool] = missing if no_properties else Known(True, raw.origin, _KEY_DEFAULT)
    contact = text(raw, *properties, "contact", "name") or text(raw, *properties, "contact", "email")
    home, service = parent_key(raw.key), service_key(raw.key)
    return Api(
        **_base(raw),  # type: ignore[arg-type]
        service=service,
        workspace=home if home != service else "",
        type=transform(api_type, str.lower),
        path=text(raw, *properties, "path"),
        display_name=text(raw, *properties, "displayName"),
        protocols=texts(raw, (*properties, "protocols"), protocols_missing),
        service_url=_optional_text(raw, (*properties, "serviceUrl")),
        backend_id=_optional_text(raw, (*properties, "backendId")),
        subscription_required=fact(raw, (*properties, "subscriptionRequired"), bool, key_default),
        contact=Known(contact, raw.origin.child(*properties, "contact")),
        is_current=lookup(raw.body, (*properties, "isCurrent")) is not False,
        is_online=lookup(raw.body, (*properties, "isOnline")) is not False,
        revision_of=raw.key.partition(";rev=")[0] if ";rev=" in raw.key else "",
    )


def _optional_text(raw: RawResource, steps: tuple[str, ...]) -> Fact[str | None]:
    value = lookup(raw.body, steps)
    if value is None or isinstance(value, str):
        return Known(value or None, raw.origin.child(*steps))
    return not_usable(raw, steps, value, "a text")


def _operation(raw: RawResource) -> Operation:
    properties = raw.body.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    method, template = properties.get("method"), properties.get("urlTemplate")
    api, _, _ = raw.key.rpartition("/operations/")
    return Operation(
        id=raw.id,
        key=raw.key,
        name=raw.id.rpartition("/")[2],
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        api=api,
        method=method.upper() if isinstance(method, str) else "",
        url_template=template if isinstance(template, str) else "",
    )


def _workspace(raw: RawResource) -> Workspace:
    return Workspace(**_base(raw), service=service_key(raw.key))  # type: ignore[arg-type]


def _policy_restriction(raw: RawResource) -> PolicyRestriction:
    scope = fact(raw, ("properties", "scope"), str, absent_member(raw, "properties.scope", _READ_AGAIN + raw.id))
    # The contract's values are the texts "true" and "false", the latter by default (facts/apim.md 1.12).
    wanted = fact(raw, ("properties", "requireBase"), str, Known("false", raw.origin, "requireBase is false unless set"))
    return PolicyRestriction(
        **_base(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        scope=transform(scope, lambda found: _below_service(found).removesuffix("/policies/policy")),
        requires_base=transform(wanted, lambda text: text.lower() == "true"),
    )


def _product(raw: RawResource) -> Product:
    no_approval = Known(False, raw.origin, "approvalRequired is false unless set")
    unpublished = Known("notPublished", raw.origin, "a product is not published unless set")
    return Product(
        **_base(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        subscription_required=fact(raw, ("properties", "subscriptionRequired"), bool, Known(True, raw.origin, _KEY_DEFAULT)),
        approval_required=fact(raw, ("properties", "approvalRequired"), bool, no_approval),
        state=fact(raw, ("properties", "state"), str, unpublished),
    )


def _backend(raw: RawResource) -> Backend:
    credentials = lookup(raw.body, ("properties", "credentials"))
    headers = lookup(credentials, ("header",))
    sets: Fact[bool]
    if isinstance(credentials, Unresolved):
        sets = not_usable(raw, ("properties", "credentials"), credentials, "an object")
    else:
        named = {str(name).lower() for name in headers} if isinstance(headers, dict) else set()
        authorization = lookup(credentials, ("authorization", "scheme"))
        managed = lookup(credentials, ("managedIdentity",))
        sets = Known(
            "authorization" in named or bool(authorization) or isinstance(managed, dict),
            raw.origin.child("properties", "credentials"),
        )
    pool = lookup(raw.body, ("properties", "pool", "services"))
    home = parent_key(raw.key)
    members = [lookup(member, ("id",)) for member in pool] if isinstance(pool, list) else []
    return Backend(
        **_base(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        url=_optional_text(raw, ("properties", "url")),
        sets_authorization=sets,
        pool=tuple(f"{home}/backends/{last_segment(member).lower()}" for member in members if isinstance(member, str)),
        validates_chain=_tls_check(raw, "validateCertificateChain"),
        validates_name=_tls_check(raw, "validateCertificateName"),
    )


def _tls_check(raw: RawResource, member: str) -> Fact[bool]:
    return fact(raw, ("properties", "tls", member), bool, Known(True, raw.origin, _TLS_DEFAULT))


def _subscription(raw: RawResource) -> Subscription:
    scope = fact(raw, ("properties", "scope"), str, absent_member(raw, "properties.scope", _READ_AGAIN + raw.id))
    state = fact(raw, ("properties", "state"), str, absent_member(raw, "properties.state", _READ_AGAIN + raw.id))
    no_tracing = Known(False, raw.origin, "allowTracing is false unless set (facts/apim.md 1.12)")
    return Subscription(
        **_base(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        display_name=text(raw, "properties", "displayName") or last_segment(raw.id),
        scope=transform(scope, _below_service),
        state=transform(state, str.lower),
        allow_tracing=fact(raw, ("properties", "allowTracing"), bool, no_tracing),
    )


def _below_service(scope: str) -> str:
    """A full ARM id, possibly of the service as it is called elsewhere, or a short scope as in extracts."""
    lowered = scope.lower().rstrip("/")
    _, found, tail = lowered.partition("/providers/" + APIM + "/")
    below = tail.partition("/")[2] if found else lowered.strip("/")
    return f"/{below}" if below else ""


def _management_setting(raw: RawResource) -> ManagementSetting:
    return ManagementSetting(
        **_base(raw),  # type: ignore[arg-type]
        service=parent_key(raw.key),
        setting="/".join(raw.key.rsplit("/", 2)[1:]),
        enabled=fact(raw, ("properties", "enabled"), bool, absent_member(raw, "properties.enabled", _READ_AGAIN + raw.id)),
    )


def _named_value(raw: RawResource) -> NamedValue:
    name = text(raw, "properties", "displayName") or last_segment(raw.id)
    value = lookup(raw.body, ("properties", "value"))
    steps = ("properties", "value")
    secret = fact(raw, ("properties", "secret"), bool, Known(False, raw.origin, "a named value is plain unless set"))
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
        **_base(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        display_name=name,
        secret=secret,
        value=found,
    )


def _policy(raw: RawResource) -> PolicyText:
    return PolicyText(
        **_base(raw),  # type: ignore[arg-type]
        owner=parent_key(raw.key),
        text=_policy_text(raw),
        text_at=location_of(raw, "properties.value"),
        escaped=text(raw, "properties", "format") == "xml",
    )


def _fragment(raw: RawResource) -> Fragment:
    return Fragment(
        **_base(raw),  # type: ignore[arg-type]
        owner=parent_key(raw.key),
        text=_policy_text(raw),
        text_at=location_of(raw, "properties.value"),
        escaped=text(raw, "properties", "format") == "xml",
    )


def _policy_text(raw: RawResource) -> Fact[str]:
    if text(raw, "properties", "format").endswith("-link"):
        return Unknown(
            f"the text of {raw.id}, which is a link",
            "scan the policy file that the link points to, or the deployed policy",
            raw.origin.child("properties", "value"),
        )
    missing = absent_member(raw, "properties.value", f"{_READ_AGAIN}{raw.id}?format=rawxml")
    return fact(raw, ("properties", "value"), str, missing)


def _diagnostic(raw: RawResource) -> Diagnostic:
    payloads = []
    for side, message in _PLACES:
        default: Fact[int] = Known(0, raw.origin, _BODY_DEFAULT)
        steps = ("properties", side, message, "body", "bytes")
        payloads.append(Payload(side, message, fact(raw, steps, int, default)))
    return Diagnostic(
        **_base(raw),  # type: ignore[arg-type]
        scope=parent_key(raw.key),
        payloads=tuple(payloads),
        logged_headers=tuple(_logged_headers(raw)),
        logger=fact(raw, ("properties", "loggerId"), str, absent_member(raw, "properties.loggerId", _READ_AGAIN + raw.id)),
    )


def _logged_headers(raw: RawResource) -> Iterator[LoggedHeader]:
    """Headers listed at the four places, with whether that place masks them; names are compared without case."""
    for side, message in _PLACES:
        place = ("properties", side, message)
        names = lookup(raw.body, (*place, "headers"))
        masks = lookup(raw.body, (*place, "dataMasking", "headers"))
        masked = {str(lookup(mask, ("value",))).lower() for mask in masks} if isinstance(masks, list) else set()
        for index, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str):
                at = raw.origin.child(*place, "headers", index)
                yield LoggedHeader(side, message, name, name.lower() in masked, at)


_MAKERS: dict[str, Callable[[RawResource], Entity]] = {
    "/workspaces": _workspace,
    "/policyrestrictions": _policy_restriction,
    "/apis": _api,
    "/products": _product,
    "/backends": _backend,
    "/subscriptions": _subscription,
    "/tenant": _management_setting,
    "/portalsettings": _management_setting,
    "/namedvalues": _named_value,
    "/policyfragments": _fragment,
    "/diagnostics": _diagnostic,
    "/apis/diagnostics": _diagnostic,
}

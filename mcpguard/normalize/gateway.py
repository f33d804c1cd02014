"""API Management resources into kinds. Shapes and defaults: facts/apim.md section 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.evidence import RawResource
from mcpguard.model.estate import service_key
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import (
    Api,
    Diagnostic,
    Fragment,
    LoggedHeader,
    ManagementSetting,
    Operation,
    Payload,
    PolicyRestriction,
    PolicyText,
    Product,
    Subscription,
    Workspace,
)
from mcpguard.model.template_keys import TemplateValue
from mcpguard.normalize.fields import (
    READ_AGAIN,
    absent_member,
    base_of,
    fact,
    last_segment,
    location_of,
    lookup,
    optional_text,
    parent_key,
    template_at,
    template_value,
    text,
    texts,
)
from mcpguard.normalize.gateway_credentials import backend, named_value
from mcpguard.normalize.gateway_platform import gateway_api, gateway_hostname, self_hosted_gateway, service

APIM = "microsoft.apimanagement/service"
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
        yield service(raw), ""
    elif kind in _MAKERS:
        yield _MAKERS[kind](raw), parent_key(raw.key)
    elif kind.endswith("/policies"):
        yield _policy(raw), parent_key(raw.key)


def _api(raw: RawResource) -> Api:
    properties = ("properties",)
    no_properties = not isinstance(lookup(raw.body, properties), dict)
    missing = absent_member(raw, "properties", READ_AGAIN + raw.id)
    type_default: Fact[str] = missing if no_properties else Known("http", raw.origin, _REST_TYPE)
    api_type = fact(raw, (*properties, "type"), str, fact(raw, (*properties, "apiType"), str, type_default))
    protocols_missing = absent_member(raw, "properties.protocols", READ_AGAIN + raw.id)
    key_default: Fact[bool] = missing if no_properties else Known(True, raw.origin, _KEY_DEFAULT)
    contact = text(raw, *properties, "contact", "name") or text(raw, *properties, "contact", "email")
    home, owner = parent_key(raw.key), service_key(raw.key)
    return Api(
        **base_of(raw),  # type: ignore[arg-type]
        service=owner,
        workspace=home if home != owner else "",
        type=transform(api_type, str.lower),
        path=text(raw, *properties, "path"),
        display_name=text(raw, *properties, "displayName"),
        protocols=texts(raw, (*properties, "protocols"), protocols_missing),
        service_url=optional_text(raw, (*properties, "serviceUrl")),
        backend_id=optional_text(raw, (*properties, "backendId")),
        subscription_required=fact(raw, (*properties, "subscriptionRequired"), bool, key_default),
        contact=Known(contact, raw.origin.child(*properties, "contact")),
        is_current=lookup(raw.body, (*properties, "isCurrent")) is not False,
        is_online=lookup(raw.body, (*properties, "isOnline")) is not False,
        key_header=_name(raw, (*properties, "subscriptionKeyParameterNames", "header"), "Ocp-Apim-Subscription-Key"),
        key_query=_name(raw, (*properties, "subscriptionKeyParameterNames", "query"), "subscription-key"),
        revision_of=raw.key.partition(";rev=")[0] if ";rev=" in raw.key else "",
    )


def _name(raw: RawResource, steps: tuple[str, ...], default: str) -> str:
    value = lookup(raw.body, steps)
    return value if isinstance(value, str) and value else default


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
    return Workspace(**base_of(raw), service=service_key(raw.key))  # type: ignore[arg-type]


def _policy_restriction(raw: RawResource) -> PolicyRestriction:
    scope = fact(raw, ("properties", "scope"), str, absent_member(raw, "properties.scope", READ_AGAIN + raw.id))
    # The contract's values are the texts "true" and "false", the latter by default (facts/apim.md 1.12).
    wanted = fact(raw, ("properties", "requireBase"), str, Known("false", raw.origin, "requireBase is false unless set"))
    return PolicyRestriction(
        **base_of(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        scope=transform(scope, lambda found: _below_service(found).removesuffix("/policies/policy")),
        requires_base=transform(wanted, lambda text: text.lower() == "true"),
    )


def _product(raw: RawResource) -> Product:
    no_approval = Known(False, raw.origin, "approvalRequired is false unless set")
    unpublished = Known("notPublished", raw.origin, "a product is not published unless set")
    return Product(
        **base_of(raw),  # type: ignore[arg-type]
        service=service_key(raw.key),
        subscription_required=fact(raw, ("properties", "subscriptionRequired"), bool, Known(True, raw.origin, _KEY_DEFAULT)),
        approval_required=fact(raw, ("properties", "approvalRequired"), bool, no_approval),
        state=fact(raw, ("properties", "state"), str, unpublished),
    )


def _subscription(raw: RawResource) -> Subscription:
    scope = fact(raw, ("properties", "scope"), str, absent_member(raw, "properties.scope", READ_AGAIN + raw.id))
    state = fact(raw, ("properties", "state"), str, absent_member(raw, "properties.state", READ_AGAIN + raw.id))
    no_tracing = Known(False, raw.origin, "allowTracing is false unless set (facts/apim.md 1.12)")
    return Subscription(
        **base_of(raw),  # type: ignore[arg-type]
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
        **base_of(raw),  # type: ignore[arg-type]
        service=parent_key(raw.key),
        setting="/".join(raw.key.rsplit("/", 2)[1:]),
        enabled=fact(raw, ("properties", "enabled"), bool, absent_member(raw, "properties.enabled", READ_AGAIN + raw.id)),
    )


def _policy(raw: RawResource) -> PolicyText:
    return PolicyText(
        **base_of(raw),  # type: ignore[arg-type]
        owner=parent_key(raw.key),
        text=_policy_text(raw),
        text_at=location_of(raw, "properties.value"),
        escaped=text(raw, "properties", "format") == "xml",
        template=template_at(raw, ("properties", "value")),
        holes=_holes(raw),
    )


def _fragment(raw: RawResource) -> Fragment:
    return Fragment(
        **base_of(raw),  # type: ignore[arg-type]
        owner=parent_key(raw.key),
        text=_policy_text(raw),
        text_at=location_of(raw, "properties.value"),
        escaped=text(raw, "properties", "format") == "xml",
        template=template_at(raw, ("properties", "value")),
        holes=_holes(raw),
    )


def _holes(raw: RawResource) -> dict[str, TemplateValue]:
    return {name: template_value(raw, ("properties", "value"), part) for name, part in raw.holes.items()}


def _policy_text(raw: RawResource) -> Fact[str]:
    if text(raw, "properties", "format").endswith("-link"):
        return Unknown(
            f"the text of {raw.id}, which is a link",
            "scan the policy file that the link points to, or the deployed policy",
            raw.origin.child("properties", "value"),
        )
    missing = absent_member(raw, "properties.value", f"{READ_AGAIN}{raw.id}?format=rawxml")
    return fact(raw, ("properties", "value"), str, missing)


def _diagnostic(raw: RawResource) -> Diagnostic:
    payloads = []
    for side, message in _PLACES:
        default: Fact[int] = Known(0, raw.origin, _BODY_DEFAULT)
        steps = ("properties", side, message, "body", "bytes")
        payloads.append(Payload(side, message, fact(raw, steps, int, default)))
    return Diagnostic(
        **base_of(raw),  # type: ignore[arg-type]
        scope=parent_key(raw.key),
        payloads=tuple(payloads),
        logged_headers=tuple(_logged_headers(raw)),
        logger=fact(raw, ("properties", "loggerId"), str, absent_member(raw, "properties.loggerId", READ_AGAIN + raw.id)),
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
    "/backends": backend,
    "/gateways": self_hosted_gateway,
    "/gateways/apis": gateway_api,
    "/gateways/hostnameconfigurations": gateway_hostname,
    "/subscriptions": _subscription,
    "/tenant": _management_setting,
    "/portalsettings": _management_setting,
    "/namedvalues": named_value,
    "/policyfragments": _fragment,
    "/diagnostics": _diagnostic,
    "/apis/diagnostics": _diagnostic,
}

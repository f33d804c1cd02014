"""Members of templates that their resource type does not have, where another one that it has is spelled almost alike.

API Management leaves unknown members out, so what was meant is not in effect. Only objects whose members are known are looked
at, and a member with no likely spelling is left alone: it may be newer than this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcpguard.core.location import Route
from mcpguard.evidence import RawResource
from mcpguard.model.kinds.inputs import MisspeltMember

_Shape = dict[str, Any]
"""Members by name; an object below one has a shape of its own, the items of an array the one in a list."""
_LIKENESS = 0.82
_SHORTEST = 5


def _names(text: str) -> _Shape:
    return dict.fromkeys(text.split())


_MESSAGE = {**_names("headers body dataMasking"), "body": _names("bytes"), "dataMasking": _names("headers queryParams")}
_SIDE = {"request": _MESSAGE, "response": _MESSAGE}
_DIAGNOSTIC = {
    **_names(
        "alwaysLog loggerId sampling logClientIp httpCorrelationProtocol verbosity operationNameFormat metrics "
        "enableHttpCorrelationHeaders largeLanguageModel"
    ),
    "sampling": _names("samplingType percentage"),
    "frontend": _SIDE,
    "backend": _SIDE,
}
_API = {
    **_names(
        "type apiType path displayName description serviceUrl backendId protocols subscriptionRequired apiRevision "
        "apiRevisionDescription apiVersion apiVersionDescription apiVersionSet apiVersionSetId isCurrent isOnline sourceApiId "
        "termsOfServiceUrl contact license authenticationSettings format value wsdlSelector translateRequiredQueryParameters "
        "provisioningState a2aProperties jsonRpcProperties agent isAgent"
    ),
    "subscriptionKeyParameterNames": _names("header query"),
    "mcpProperties": _names("transportType endpoints isFederationRouter"),
    "mcpTools": [_names("name operationId description")],
}
_POLICY = _names("format value")
_SHAPES: dict[str, _Shape] = {
    "apis": _API,
    "apis/diagnostics": _DIAGNOSTIC,
    "apis/operations": _names("displayName method urlTemplate templateParameters description request responses policies"),
    "apis/operations/policies": _POLICY,
    "apis/policies": _POLICY,
    "apis/tools": _names("displayName description operationId"),
    "diagnostics": _DIAGNOSTIC,
    "namedvalues": {
        **_names("displayName value secret tags keyVault"),
        "keyVault": _names("secretIdentifier identityClientId"),
    },
    "policies": _POLICY,
    "products/policies": _POLICY,
}
"""The ``properties`` of types below a service (facts/apim.md 1.2, 1.3, 1.4, 1.5, 1.9, 1.11)."""
_SERVICE = "microsoft.apimanagement/service/"


def misspelt_members(raw: RawResource) -> Iterator[MisspeltMember]:
    """The misspelt members of a resource that a template declares."""
    kind = raw.type.removeprefix(_SERVICE).removeprefix("workspaces/")
    shape = _SHAPES.get(kind)
    if shape is None or not raw.type.startswith(_SERVICE):
        return
    todo: list[tuple[Any, Any, Route]] = [(raw.body.get("properties"), shape, ("properties",))]
    while todo:
        value, known, route = todo.pop()
        if isinstance(known, list) and isinstance(value, list):
            todo += [(item, known[0], (*route, index)) for index, item in enumerate(value)]
        elif isinstance(known, dict) and isinstance(value, dict):
            lowered = {name.lower(): name for name in known}
            for name, item in value.items():
                if name.lower() in lowered:
                    todo.append((item, known[lowered[name.lower()]], (*route, name)))
                elif (meant := _meant(name, lowered)) is not None:
                    yield _member(raw, (*route, name), lowered[meant])


def _meant(name: str, known: dict[str, str]) -> str | None:
    """The one name that a name is likely a slip of; None when there is none."""
    if len(name) < _SHORTEST:
        return None
    from difflib import get_close_matches  # names that are not known are rare

    found = get_close_matches(name.lower(), known, n=1, cutoff=_LIKENESS)
    return found[0] if found else None


def _member(raw: RawResource, route: Route, meant: str) -> MisspeltMember:
    dotted = ".".join(map(str, route))
    return MisspeltMember(
        id=raw.id,
        key=f"{raw.key}#{dotted}",
        name=dotted,
        at=raw.origin.child(*route),
        format=raw.format,
        owner_type=raw.type,
        owner_name=raw.id.rpartition("/")[2],
        meant=meant,
    )

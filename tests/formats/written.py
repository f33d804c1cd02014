"""One API Management service, written in the formats in which people hold it.

The input is what ``az rest`` answered (``fixtures/estates/contoso/apim-prod``); each function writes the same resources as
another tool does. Shapes: facts/apim.md 1 and 4; the export of ``az group export``; the layout of APIOps and of
apiops-cli; ``terraform show -json`` of a plan with azurerm, and azapi for what azurerm does not know.
"""

import json
import re
from pathlib import Path
from typing import Any

Json = dict[str, Any]
APIM = "Microsoft.ApiManagement/service"
_API_VERSION = "2025-09-01-preview"
_LINKS = ("products/apis",)


def resources_in(folder: Path) -> list[Json]:
    """Every resource in the answers of a folder, except lists that only a live service has."""
    found: list[Json] = []
    for path in sorted(folder.rglob("*.json")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        found += answer.get("value", [answer])
    return [item for item in found if item["type"].startswith(APIM) and not item["type"].endswith("allPolicies")]


def names_of(resource: Json) -> list[str]:
    """The names in a resource's id, the service's first."""
    tail = re.split(r"(?i)/providers/Microsoft.ApiManagement/", resource["id"])[-1]
    return tail.split("/")[1::2]


def kind_of(resource: Json) -> str:
    """The type below the service: ``apis/operations``; empty for the service."""
    return str(resource["type"])[len(APIM) + 1 :]


# -- az group export ---------------------------------------------------------------------------------------------------


def as_template(resources: list[Json]) -> Json:
    """A template as ``az group export`` writes it: names are concatenations with a parameter for the service."""
    service = names_of(next(item for item in resources if not kind_of(item)))[0]
    parameter = f"service_{service.replace('-', '_')}_name"
    declared = []
    for item in resources:
        names = names_of(item)
        name = f"[concat(parameters('{parameter}'), '/{'/'.join(names[1:])}')]" if names[1:] else f"[parameters('{parameter}')]"
        body = {"type": item["type"], "apiVersion": _API_VERSION, "name": name}
        body |= {key: item[key] for key in ("location", "sku", "identity", "tags") if item.get(key) is not None}
        properties = _without_nulls(item["properties"])
        if kind_of(item).endswith("policies"):
            properties["format"] = properties.get("format", "rawxml")
        text = json.dumps(properties)
        # References to other resources of the service become resourceId expressions.
        text = re.sub(
            r'"(/subscriptions/[^"]*/service/[^"/]+)/([a-zA-Z]+)/([^"/]+)(?:/([a-zA-Z]+)/([^"/]+))?"',
            lambda match: json.dumps(_resource_id(match, parameter)),
            text,
        )
        body["properties"] = json.loads(text)
        if names[1:]:
            body["dependsOn"] = [f"[resourceId('{APIM}', parameters('{parameter}'))]"]
        declared.append(body)
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {parameter: {"defaultValue": service, "type": "String"}},
        "variables": {},
        "resources": declared,
    }


def _resource_id(match: "re.Match[str]", parameter: str) -> str:
    kinds = "/".join(filter(None, (match[2], match[4])))
    names = ", ".join(f"'{name}'" for name in (match[3], match[5]) if name)
    return f"[resourceId('{APIM}/{kinds}', parameters('{parameter}'), {names})]"


def _without_nulls(properties: Json) -> Json:
    return {key: value for key, value in properties.items() if value is not None}


# -- APIOps ------------------------------------------------------------------------------------------------------------

_V1 = {
    "namedValues": ("named values", "namedValueInformation.json"),
    "policyFragments": ("policy fragments", "policyFragmentInformation.json"),
    "apis": ("apis", "apiInformation.json"),
    "apis/diagnostics": ("diagnostics", "diagnosticInformation.json"),
    "backends": ("backends", "backendInformation.json"),
    "diagnostics": ("diagnostics", "diagnosticInformation.json"),
    "loggers": ("loggers", "loggerInformation.json"),
    "products": ("products", "productInformation.json"),
    "products/apis": ("apis", "productApiInformation.json"),
    "subscriptions": ("subscriptions", "subscriptionInformation.json"),
}
_V2 = _V1 | {
    "namedValues": ("namedValues", "namedValueInformation.json"),
    "policyFragments": ("policyFragments", "policyFragmentInformation.json"),
    "apis/operations": ("operations", "operationInformation.json"),
}


def write_apiops(resources: list[Json], folder: Path, *, generation: int) -> None:
    """An extract of the first or the second APIOps: information files without id and name, policies as raw XML beside them."""
    layout = _V1 if generation == 1 else _V2
    for item in resources:
        kind, names = kind_of(item), names_of(item)[1:]
        if kind.endswith("policies"):
            parts = [layout_folder(layout, kind.split("/")[: index + 1], names) for index in range(len(names) - 1)]
            _write(folder.joinpath(*(piece for part in parts for piece in part)) / "policy.xml", item["properties"]["value"])
        elif generation == 2 and kind == "products/apis":
            listing = folder / "products" / names[0] / "apis.json"
            before = json.loads(listing.read_text()) if listing.exists() else []
            _write(listing, [*before, {"name": names[1]}])
        elif kind in layout:
            steps = kind.split("/")
            parts = [layout_folder(layout, steps[: index + 1], names) for index in range(len(names))]
            place = folder.joinpath(*(piece for part in parts for piece in part))
            properties = {} if kind == "products/apis" else _for_apiops(item["properties"], kind)
            if kind == "policyFragments":
                _write(place / "policy.xml", properties.pop("value"))
                properties.pop("format", None)
            _write(place / layout[kind][1], {"properties": properties} if properties else {})
    if generation == 1:
        _write_specifications(resources, folder)


def layout_folder(layout: dict[str, tuple[str, str]], steps: list[str], names: list[str]) -> tuple[str, str]:
    """The two folders of one step: ``apis/orders``, ``operations/get``."""
    known = layout.get("/".join(steps), (steps[-1], ""))
    return known[0], names[len(steps) - 1]


def _for_apiops(properties: Json, kind: str) -> Json:
    found = _without_nulls(properties)
    if "loggerId" in found:
        found["loggerId"] = "/loggers/" + found["loggerId"].rpartition("/")[2]
    if kind == "subscriptions":
        found["scope"] = re.sub(r".*/service/[^/]+", "", found["scope"]) or "/"
    return found


def _write_specifications(resources: list[Json], folder: Path) -> None:
    """The first APIOps holds operations in the specification only."""
    for api in (item for item in resources if kind_of(item) == "apis"):
        name = names_of(api)[1]
        paths: Json = {}
        for item in resources:
            if kind_of(item) == "apis/operations" and names_of(item)[1] == name:
                properties = item["properties"]
                method = properties["method"].lower()
                parameters = [
                    {"name": known, "in": "path", "required": True, "schema": {"type": "string"}}
                    for known in re.findall(r"{([^}]+)}", properties["urlTemplate"])
                ]
                operation = {"operationId": names_of(item)[2], "summary": properties["displayName"], "parameters": parameters}
                paths.setdefault(properties["urlTemplate"], {})[method] = operation | {
                    "responses": {"200": {"description": ""}}
                }
        if paths:
            document = {
                "openapi": "3.0.1",
                "info": {"title": api["properties"]["displayName"], "version": "1.0"},
                "paths": paths,
            }
            _write(folder / "apis" / name / "specification.json", document)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")

"""Kubernetes objects around a microsoft/mcp-gateway: its deployment, its config maps and its services.

As ``kubectl get … -o yaml`` or ``-o json`` prints them, and as the repository's deployment template writes them. Shapes:
microsoft/mcp-gateway deployment/k8s/cloud-deployment-template.yml. Values of a ``Secret`` are only struck out of quotations.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource
from mcpguard.sources.door import objects_at
from mcpguard.sources.reading import Reading
from mcpguard.sources.yaml_text import YamlError, read_yaml_documents

FORMAT = "kubernetes"
_KIND = LazyPattern(rb"(?m)^kind\s*:\s*[\"']?(?:Deployment|ConfigMap|Service|List)\b")
_MARKS = (b"mcpgateway", b"mcp-gateway", b"AzureAd__", b"PublicOrigin")
_IMAGE = LazyPattern(r"(?i)(?:^|/)(?:microsoft-)?mcp-?gateway(?:-service)?(?::[^/]*|@[^/]*)?$")
_SETTINGS = ("azuread__", "authentication__", "publicorigin")
_PLURAL = {"Deployment": "deployments", "ConfigMap": "configmaps", "Service": "services"}
_SHORTEST_SECRET = 4


def is_gateway_text(data: bytes) -> bool:
    """Whether YAML may hold objects of an MCP gateway."""
    return bool(_KIND.search(data)) and any(mark in data for mark in _MARKS)


def is_object(value: dict[str, Json]) -> bool:
    """Whether a JSON object is one of Kubernetes, or a list of such."""
    if not isinstance(value.get("apiVersion"), str) or not isinstance(value.get("kind"), str):
        return False
    return isinstance(value.get("metadata"), dict) or isinstance(value.get("items"), list)


def take_yaml(reading: Reading) -> None:
    """Take a YAML stream of objects."""
    reading.kind = FORMAT
    text = reading.data.decode("utf-8", "replace")
    try:
        trees = read_yaml_documents(text)
    except YamlError as error:
        reading.fail(error.message, len(text[: error.offset].encode()))
        return
    reading.text_format = "yaml-documents"
    take_objects(reading, [(tree.value, (index,)) for index, tree in enumerate(trees)])


def take_objects(reading: Reading, values: list[tuple[Json, Route]]) -> None:
    """Take what belongs to a gateway; other objects are left alone."""
    found = [(item, route) for value, route in values for item, route in _items(value, route)]
    for item, _ in found:
        _strike_secret(reading, item)
    around = any(_is_gateway(item) or _is_settings(item) for item, _ in found)
    first = len(reading.resources)
    for item, route in found:
        kind = item.get("kind")
        if _is_gateway(item) or _is_settings(item) or (kind == "Service" and (around or "mcpgateway" in str(item.get("spec")))):
            _take(reading, item, route)
    if len(reading.resources) == first:
        reading.skip("Kubernetes objects, none of which is an MCP gateway")


def _items(value: Json, route: Route) -> Iterator[tuple[dict[str, Json], Route]]:
    if not isinstance(value, dict):
        return
    items = value.get("items")
    if isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield item, (*route, "items", index)
    else:
        yield value, route


def _take(reading: Reading, value: dict[str, Json], route: Route) -> None:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    kind = _PLURAL[value["kind"]]
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        reading.miss(f"a Kubernetes {value['kind']} without a name", reading.at(*route))
        return
    namespace = metadata.get("namespace")
    # What the cluster holds has a uid. Manifests may describe several clusters: each file stands for itself.
    cluster = "" if "uid" in metadata else f"{reading.path}:"
    id_ = f"kubernetes:{cluster}{namespace if isinstance(namespace, str) else 'default'}/{kind}/{name}"
    reading.add(RawResource(id_, f"kubernetes/{kind}", value, reading.at(*route), FORMAT))


def _is_gateway(value: dict[str, Json]) -> bool:
    if value.get("kind") != "Deployment":
        return False
    containers = objects_at(value, "spec", "template", "spec", "containers")
    return any(is_gateway_image(container.get("image")) for container in containers)


def is_gateway_image(image: Json) -> bool:
    """Whether a container image is the gateway's, published or built from the repository; told by its name.

    An image on the machine of a developer is none: nobody else can pull it.
    """
    return isinstance(image, str) and bool(_IMAGE.search(image)) and not image.lower().startswith(("localhost:", "127.0.0.1:"))


def _is_settings(value: dict[str, Json]) -> bool:
    data = value.get("data")
    return (
        value.get("kind") == "ConfigMap"
        and isinstance(data, dict)
        and any(isinstance(key, str) and key.lower().startswith(_SETTINGS) for key in data)
    )


def _strike_secret(reading: Reading, value: dict[str, Json]) -> None:
    if value.get("kind") != "Secret":
        return
    for member in ("stringData", "data"):
        held = value.get(member)
        for text in held.values() if isinstance(held, dict) else ():
            if isinstance(text, str) and len(text) >= _SHORTEST_SECRET:
                reading.secrets.add(text)
                reading.secrets |= {line.strip() for line in text.split("\n") if len(line.strip()) >= _SHORTEST_SECRET}
                if member == "data" and (plain := _decoded(text)):
                    reading.secrets.add(plain)


def _decoded(text: str) -> str:
    import base64  # only few files hold a secret of a cluster
    import binascii

    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""

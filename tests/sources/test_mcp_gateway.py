"""microsoft/mcp-gateway: answers of its interface, its objects in the cluster, and what is made of them."""

import base64
import datetime
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus
from mcpguard.governance import attach, parse_manifest
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.mcp import McpGateway, McpServer, McpTool
from mcpguard.normalize import build
from mcpguard.sources.kubernetes import is_gateway_image
from tests.sources.conftest import Scan, service
from tests.sources.test_graph import APP_ID, app

Scanner = Callable[..., Scan]
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


def adapter(name: str, **more: Any) -> dict[str, Any]:
    out = {
        "id": name,
        "name": name,
        "imageName": f"{name}-image",
        "imageVersion": "1.0.0",
        "environmentVariables": {},
        "replicaCount": 1,
        "description": "",
        "useWorkloadIdentity": False,
        "requiredRoles": [],
        "createdBy": "f34575c3",
        "createdAt": "2026-09-01T08:00:00Z",
        "lastUpdatedAt": "2026-09-01T08:00:00Z",
    }
    return out | more


def tool(name: str, **more: Any) -> dict[str, Any]:
    definition = {"name": name, "description": f"Does {name}", "inputSchema": {"type": "object"}}
    return adapter(name, toolDefinition={"tool": definition, "port": 8000, "path": "/score"}, **more)


DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: mcpgateway
  namespace: adapter
  labels:
    contoso.example/owner: platform
spec:
  template:
    spec:
      containers:
        - name: proxy
          image: envoyproxy/envoy:v1
        - name: mcpgateway-container
          image: ghcr.io/microsoft/mcp-gateway:latest
          env:
            - name: ASPNETCORE_ENVIRONMENT
              value: "Production"
            - name: GatewaySettings__Secret
              valueFrom:
                secretKeyRef:
                  name: gateway-secret
                  key: gatewaySecret
          envFrom:
            - configMapRef:
                name: app-config
"""
SETTINGS = f"""apiVersion: v1
kind: ConfigMap
metadata:
  name: app-config
  namespace: adapter
data:
  AzureAd__ClientId: "{APP_ID}"
  PublicOrigin: "https://mcp.contoso.example/"
"""
STREAM = f"# objects\n{DEPLOYMENT}---\n{SETTINGS}---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: adapter\n"


def estate_of(found: Scan) -> Estate:
    return build(found.evidence, NOW)


def gateway_of(found: Scan) -> McpGateway:
    (only,) = estate_of(found).of(McpGateway)
    return only


def test_stream_of_objects(scan: Scanner) -> None:
    found = scan({"gateway.yaml": STREAM})
    assert {resource.id: resource.origin.route for resource in found.evidence.resources} == {
        "kubernetes:gateway.yaml:adapter/deployments/mcpgateway": (0,),
        "kubernetes:gateway.yaml:adapter/configmaps/app-config": (1,),
    }
    assert found.artifact("gateway.yaml").kind == "kubernetes"
    gateway = gateway_of(found)
    assert gateway.development == Known(False, gateway.development.at, gateway.development.default)  # type: ignore[union-attr]
    assert gateway.client_id == Known(APP_ID, Location("gateway.yaml", (1, "data", "AzureAd__ClientId")))
    assert isinstance(gateway.public_origin, Known) and gateway.public_origin.value is not None
    assert (gateway.public_origin.value.scheme, gateway.public_origin.value.host) == ("https", "mcp.contoso.example")
    place = found.place(gateway.public_origin.at)
    assert place.excerpt[0].strip() == 'PublicOrigin: "https://mcp.contoso.example/"'


def test_list_of_kubectl_in_json(scan: Scanner) -> None:
    containers = [{"name": "g", "image": "acr.azurecr.io/microsoft-mcpgateway-service:1", "env": []}]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "g", "namespace": "x"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    found = scan({"all.json": {"apiVersion": "v1", "kind": "List", "items": [deployment, {"kind": "Pod"}, None]}})
    assert found.only().origin == Location("all.json", ("items", 0))
    gateway = gateway_of(found)
    assert (gateway.client_id, gateway.public_origin) == (
        Known("", gateway.client_id.at),
        Known(None, gateway.public_origin.at),
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("ASPNETCORE_ENVIRONMENT", "development"),
        ("DOTNET_ENVIRONMENT", "Development"),
        ("Authentication__BypassEntra", "True"),
        ("authentication__bypassentra", "true"),
    ],
)
def test_development_scheme(scan: Scanner, setting: str, value: str) -> None:
    text = DEPLOYMENT.replace("ASPNETCORE_ENVIRONMENT", setting).replace('"Production"', f'"{value}"')
    development = gateway_of(scan({"gateway.yaml": text})).development
    assert isinstance(development, Known) and development.value
    assert development.at == Location("gateway.yaml", (0, "spec", "template", "spec", "containers", 1, "env", 0, "value"))


def test_literals_win_over_config_maps(scan: Scanner) -> None:
    settings = SETTINGS + '  ASPNETCORE_ENVIRONMENT: "Development"\n'
    development = gateway_of(scan({"a.yaml": f"{DEPLOYMENT}---\n{settings}"})).development
    assert isinstance(development, Known) and not development.value


def test_manifests_of_two_clusters_are_two_gateways(scan: Scanner) -> None:
    found = scan({"k8s/cloud.yaml": STREAM, "k8s/lab.yaml": STREAM.replace('"Production"', '"Development"')})
    gateways = estate_of(found).of(McpGateway)
    assert [isinstance(it.development, Known) and it.development.value for it in gateways] == [False, True]


def test_what_the_cluster_holds_is_one_wherever_it_was_saved(scan: Scanner) -> None:
    live = STREAM.replace("metadata:\n", "metadata:\n  uid: 0d9c\n")
    assert len(scan({"a.yaml": live, "b/c.yaml": live}).evidence.resources) == 2


def test_a_config_map_in_another_file(scan: Scanner) -> None:
    gateway = gateway_of(scan({"a.yaml": DEPLOYMENT, "b.yaml": SETTINGS}))
    assert gateway.client_id == Known(APP_ID, Location("b.yaml", (0, "data", "AzureAd__ClientId")))
    unsure = gateway_of(scan({"c.yaml": SETTINGS}))
    assert isinstance(unsure.client_id, Unknown)


def test_settings_that_were_not_read_are_unknown(scan: Scanner) -> None:
    gateway = gateway_of(scan({"gateway.yaml": DEPLOYMENT}))
    for fact in (gateway.development, gateway.client_id, gateway.public_origin):
        assert isinstance(fact, Unknown)
        assert "app-config" in fact.missing and "kubectl get configmap --namespace adapter" in fact.remedy


def test_settings_that_a_template_leaves_open_are_unknown(scan: Scanner) -> None:
    text = STREAM.replace(APP_ID, "${CLIENT_ID}")
    client_id = gateway_of(scan({"gateway.yaml": text})).client_id
    assert isinstance(client_id, Unknown) and "${CLIENT_ID}" in client_id.missing


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/microsoft/mcp-gateway:latest", True),
        ("ghcr.io/microsoft/mcp-gateway@sha256:abc", True),
        ("acr.azurecr.io/team/microsoft-mcpgateway-service:latest", True),
        ("localhost:5000/microsoft-mcpgateway-service:latest", False),
        ("mcpgateway", True),
        ("ghcr.io/microsoft/tool-gateway:latest", False),
        ("localhost:5000/microsoft-mcpgateway-tools:latest", False),
        ("nginx", False),
        (None, False),
    ],
)
def test_images(image: str | None, expected: bool) -> None:
    assert is_gateway_image(image) is expected


def test_adapters_and_tools(scan: Scanner) -> None:
    found = scan(
        {
            "adapters.json": [adapter("orders"), adapter("parts")],
            "tools.json": [tool("delete_order", requiredRoles=["mcp.engineer"])],
            "gateway.yaml": STREAM,
            "app.json": app(),
        }
    )
    estate = estate_of(found)
    servers = {server.name: server.url.text for server in estate.of(McpServer) if server.url}
    assert servers == {
        "orders": "https://mcp.contoso.example/adapters/orders/mcp",
        "parts": "https://mcp.contoso.example/adapters/parts/mcp",
        "tool gateway of mcpgateway": "https://mcp.contoso.example/mcp",
    }
    (only,) = estate.of(McpTool)
    assert (only.name, only.required_roles, only.at) == ("delete_order", ("mcp.engineer",), Location("tools.json", (0,)))
    assert len(estate.ties[f"/applications/{app()['id']}"]) == 3
    attach(estate, None, None)
    assert estate.classification(only).tool_class is not None


def test_what_the_gateway_says_of_itself(scan: Scanner) -> None:
    config = {"isDevelopment": True, "publicOrigin": "http://mcp.contoso.example", "agentsEnabled": False, "azureAd": None}
    gateway = gateway_of(scan({"config.json": config, "gateway.yaml": STREAM}))
    assert gateway.development == Known(True, Location("config.json", ("isDevelopment",)))
    assert gateway.name == "mcpgateway"


def test_several_gateways_leave_adapters_alone(scan: Scanner) -> None:
    other = DEPLOYMENT.replace("namespace: adapter", "namespace: other")
    found = scan({"a.yaml": DEPLOYMENT, "b.yaml": other, "adapters.json": [adapter("orders")]})
    assert [server.gateway for server in estate_of(found).of(McpServer)] == [""]


def test_the_manifest_names_a_server_by_its_address(scan: Scanner) -> None:
    found = scan({"adapters.json": [adapter("orders")], "gateway.yaml": STREAM})
    estate = estate_of(found)
    url = "https://mcp.contoso.example/adapters/orders/mcp"
    body = {"apiVersion": "mcpguard/v1", "kind": "McpInventory", "servers": [{"id": "orders", "url": url}]}
    attach(estate, parse_manifest(body, Location("m.yaml")), Location("m.yaml"))
    declared = [server.name for server in estate.of(McpServer) if estate.declaration(server)]
    assert declared == ["orders"]


SECRET = "kT7Qw2Zr9Xb4Lm6Np1Vc8Hd3Jf5Gs0Ay"
PLACES: dict[str, Callable[[str], Any]] = {
    "adapter": lambda s: [adapter("a", environmentVariables={"API_KEY": s})],
    "tool": lambda s: [tool("a", environmentVariables={"UPSTREAM": f"https://x.example/?code={s}"})],
    "variable": lambda s: DEPLOYMENT.replace("ASPNETCORE_ENVIRONMENT", "DB_PASSWORD").replace("Production", s),
    "argument": lambda s: DEPLOYMENT + f"          args: [--api-key, {s}]\n",
    "config map": lambda s: f'{SETTINGS}  ApplicationInsights__ConnectionString: "{s}"\n',
    "secret": lambda s: f"{DEPLOYMENT}---\napiVersion: v1\nkind: Secret\nstringData:\n  gatewaySecret: {s}\n",
}


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_gets_out(scan: Scanner, place: str) -> None:
    found = scan({"file": PLACES[place](SECRET)})
    assert SECRET not in repr(found.evidence.resources)
    assert any(SECRET in secret for secret in found.evidence.texts["file"].secrets)


def test_encoded_secrets_are_struck_out_both_ways(scan: Scanner) -> None:
    encoded = base64.b64encode(SECRET.encode()).decode()
    found = scan({"file": f"{DEPLOYMENT}---\napiVersion: v1\nkind: Secret\ndata:\n  a: {encoded}\n"})
    assert found.evidence.texts["file"].secrets == {SECRET, encoded}


@pytest.mark.parametrize(
    ("name", "content", "status", "detail"),
    [
        (
            "pods.json",
            {"apiVersion": "v1", "kind": "List", "items": []},
            ArtifactStatus.SKIPPED,
            "none of which is an MCP gateway",
        ),
        ("x.yaml", "kind: Service\nmetadata: mcp-gateway\n", ArtifactStatus.SKIPPED, "none of which is an MCP gateway"),
        ("x.yaml", f"{DEPLOYMENT}---\nkind: [\n", ArtifactStatus.FAILED, "line "),
        ("x.yaml", DEPLOYMENT.replace("  name: mcpgateway\n", ""), ArtifactStatus.PARTIAL, "without a name"),
        ("x.yaml", f"kind: List\nitems: {'[' * 70}{']' * 70}\nx: mcpgateway\n", ArtifactStatus.FAILED, "nested"),
    ],
)
def test_bad_objects(scan: Scanner, name: str, content: Any, status: ArtifactStatus, detail: str) -> None:
    artifact = scan({"service.json": service(), name: content}).artifact(name)
    assert artifact.status is status
    assert detail in artifact.detail


@pytest.mark.parametrize(
    "spec",
    ["null", "{template: {spec: {containers: [{image: mcp-gateway, env: 7, envFrom: [null, {secretRef: {name: x}}]}]}}}"],
)
def test_members_of_wrong_types(scan: Scanner, spec: str) -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mcpgateway}\nspec: " + spec + "\n"
    found = scan({"service.json": service(), "x.yaml": text})
    gateways = estate_of(found).of(McpGateway)
    assert all(isinstance(gateway.development, Unknown) for gateway in gateways)

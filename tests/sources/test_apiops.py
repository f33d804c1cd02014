"""APIOps extracts of both generations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason
from mcpguard.sources import read
from mcpguard.sources.apiops_layout import Part, find_members
from tests.sources.conftest import SERVICE, Scan, api, service, write_files

Scanner = Callable[..., Scan]
APIM = "/providers/Microsoft.ApiManagement/service/contoso-apim"
POLICY = "<policies>\n  <inbound>\n    <base />\n  </inbound>\n</policies>\n"
SPECIFICATION = """openapi: 3.0.1
info: {title: Orders, version: '1'}
servers:
  - url: https://contoso-apim.azure-api.net/orders
paths:
  /orders/{id}:
    parameters: []
    get:
      summary: Get order
      operationId: get-order
    delete:
      operationId: delete-order
      description: Deletes an order.
  /orders:
    post: {}
"""


def info(**properties: Any) -> dict[str, Any]:
    return {"properties": properties}


def extract(root: str = "contoso-apim/") -> dict[str, Any]:
    """The first generation: folder names with spaces, an information file in every folder."""
    return {
        f"{root}policy.xml": POLICY,
        f"{root}apis/orders/apiInformation.json": info(displayName="Orders", path="orders", apiRevision="1"),
        f"{root}apis/orders/policy.xml": POLICY,
        f"{root}apis/orders/specification.yaml": SPECIFICATION,
        f"{root}apis/orders/operations/get-order/policy.xml": POLICY,
        f"{root}apis/orders/diagnostics/applicationinsights/diagnosticInformation.json": info(alwaysLog="allErrors"),
        f"{root}apis/orders;rev=2/apiInformation.json": info(displayName="Orders", path="orders", type="websocket"),
        f"{root}apis/orders-mcp/apiInformation.json": info(type="mcp", path="orders-mcp", mcpTools=[{"name": "get-order"}]),
        f"{root}backends/orders/backendInformation.json": info(url="https://orders.example", protocol="http"),
        f"{root}loggers/ai/loggerInformation.json": info(loggerType="applicationInsights"),
        f"{root}named values/audience/namedValueInformation.json": info(displayName="audience", value="api://orders"),
        f"{root}policy fragments/audit/policyFragmentInformation.json": info(description="Who called"),
        f"{root}policy fragments/audit/policy.xml": "<fragment>\n  <trace source='x' />\n</fragment>",
        f"{root}products/retail/productInformation.json": info(displayName="Retail", state="published"),
        f"{root}products/retail/policy.xml": POLICY,
        f"{root}products/retail/apis/orders/productApiInformation.json": {},
        f"{root}products/retail/groups/developers/productGroupInformation.json": {},
        f"{root}tags/mcp/tagInformation.json": info(displayName="mcp"),
        f"{root}tags/mcp/apis/orders-mcp/tagApiInformation.json": {},
        f"{root}version sets/vs/versionSetInformation.json": info(displayName="vs"),
        f"{root}gateways/edge/gatewayInformation.json": info(),
        f"{root}gateways/edge/apis/orders/gatewayApiInformation.json": {},
        f"{root}subscriptions/desk/subscriptionInformation.json": info(scope="/apis"),
    }


def test_first_generation(scan: Scanner) -> None:
    found = scan(extract())
    types = {resource.id.removeprefix(APIM): resource.type for resource in found.evidence.resources}
    assert types == {
        below: "microsoft.apimanagement/service" + kind
        for below, kind in {
            "/policies/policy": "/policies",
            "/apis/orders": "/apis",
            "/apis/orders/policies/policy": "/apis/policies",
            "/apis/orders/operations/get-order": "/apis/operations",
            "/apis/orders/operations/delete-order": "/apis/operations",
            "/apis/orders/operations/post-orders": "/apis/operations",
            "/apis/orders/operations/get-order/policies/policy": "/apis/operations/policies",
            "/apis/orders/diagnostics/applicationinsights": "/apis/diagnostics",
            "/apis/orders;rev=2": "/apis",
            "/apis/orders-mcp": "/apis",
            "/apiVersionSets/vs": "/apiversionsets",
            "/backends/orders": "/backends",
            "/gateways/edge": "/gateways",
            "/gateways/edge/apis/orders": "/gateways/apis",
            "/loggers/ai": "/loggers",
            "/namedValues/audience": "/namedvalues",
            "/policyFragments/audit": "/policyfragments",
            "/products/retail": "/products",
            "/products/retail/policies/policy": "/products/policies",
            "/products/retail/apis/orders": "/products/apis",
            "/products/retail/groups/developers": "/products/groups",
            "/subscriptions/desk": "/subscriptions",
            "/tags/mcp": "/tags",
            "/tags/mcp/apis/orders-mcp": "/tags/apis",
        }.items()
    }
    assert found.complete == {
        (APIM.lower() + below, "*")
        for below in ("", "/apis/orders", "/apis/orders;rev=2", "/apis/orders-mcp", "/products/retail")
    }
    assert found.evidence.gaps == ()
    assert {artifact.status for artifact in found.evidence.artifacts} == {ArtifactStatus.READ}
    assert {artifact.kind for artifact in found.evidence.artifacts} == {"apiops"}


def test_bodies_and_places(scan: Scanner) -> None:
    found = scan(extract())
    orders = found.resource(f"{APIM}/apis/orders")
    assert orders.body == {
        "properties": {"displayName": "Orders", "path": "orders", "apiRevision": "1"},
        "name": "orders",
    }
    assert (orders.origin, orders.format) == (Location("contoso-apim/apis/orders/apiInformation.json"), "apiops")
    assert found.start(orders.origin.child("properties", "path")) == (4, 13)

    whole = found.resource(f"{APIM}/policies/policy")
    at = Location("contoso-apim/policy.xml")
    assert whole.body == {"properties": {"format": "rawxml", "value": POLICY}}
    assert (whole.origin, whole.texts) == (at, {"properties.value": at})
    assert found.start(at.range(POLICY.index("<base"), POLICY.index("<base") + 8)) == (3, 5)

    fragment = found.resource(f"{APIM}/policyFragments/audit")
    assert fragment.body["properties"] == {
        "description": "Who called",
        "format": "rawxml",
        "value": "<fragment>\n  <trace source='x' />\n</fragment>",
    }
    assert fragment.origin.artifact.endswith("policyFragmentInformation.json")
    assert fragment.texts["properties.value"].artifact.endswith("audit/policy.xml")

    deleted = found.resource(f"{APIM}/apis/orders/operations/delete-order")
    assert deleted.body["properties"] == {
        "displayName": "delete-order",
        "method": "DELETE",
        "urlTemplate": "/orders/{id}",
        "description": "Deletes an order.",
    }
    assert found.start(deleted.origin) == (12, 7)


def test_second_generation(scan: Scanner) -> None:
    found = scan(
        {
            "artifacts/namedValues/audience/namedValueInformation.json": info(displayName="audience", value="api://orders"),
            "artifacts/policyFragments/audit/policy.xml": "<fragment />",
            "artifacts/versionSets/vs/versionSetInformation.json": info(),
            "artifacts/products/retail/productInformation.json": info(),
            "artifacts/products/retail/apis.json": [{"name": "orders"}, {"name": "stock"}],
            "artifacts/products/retail/groups.json": [{"name": "developers"}],
            "artifacts/apis/orders/apiInformation.json": info(path="orders"),
            "artifacts/apis/orders/operations/get-order/operationInformation.json": info(method="GET", urlTemplate="/{id}"),
            "artifacts/apis/orders/wiki.md": "# Orders",
            "artifacts/workspaces/team/workspaceInformation.json": info(displayName="Team"),
            "artifacts/workspaces/team/apis/plan/apiInformation.json": info(type="graphql"),
            "artifacts/workspaces/team/apis/plan/policy.xml": POLICY,
            "artifacts/workspaces/team/policy.xml": POLICY,
        }
    )
    root = "/providers/Microsoft.ApiManagement/service/artifacts"
    assert sorted(id_.removeprefix(root) for id_ in found.ids) == [
        "/apiVersionSets/vs",
        "/apis/orders",
        "/apis/orders/operations/get-order",
        "/namedValues/audience",
        "/policyFragments/audit",
        "/products/retail",
        "/products/retail/apis/orders",
        "/products/retail/apis/stock",
        "/products/retail/groups/developers",
        "/workspaces/team",
        "/workspaces/team/apis/plan",
        "/workspaces/team/apis/plan/policies/policy",
        "/workspaces/team/policies/policy",
    ]
    stock = found.resource(f"{root}/products/retail/apis/stock")
    assert stock.origin == Location("artifacts/products/retail/apis.json", (1,))
    assert found.artifact("artifacts/apis/orders/wiki.md").status is ArtifactStatus.SKIPPED


def test_the_scan_root_can_be_the_extract(tmp_path: Path) -> None:
    write_files(tmp_path / "contoso-apim", extract(root=""))
    found = Scan(read([tmp_path / "contoso-apim"]))
    assert found.resource(f"{APIM}/apis/orders").origin == Location("apis/orders/apiInformation.json")


def test_a_single_file_of_an_extract_knows_its_place_from_the_path_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, extract())
    monkeypatch.chdir(tmp_path)
    found = Scan(read([Path("contoso-apim/apis/orders/apiInformation.json")]))
    assert found.ids == [f"{APIM}/apis/orders"]


def test_several_roots(scan: Scanner) -> None:
    found = scan(extract("dev/contoso-apim/") | extract("prod/contoso-apim/") | extract("x/y/other/"))
    assert {id_.split("/")[4] for id_ in found.ids} == {"dev~contoso-apim", "prod~contoso-apim", "other"}


def test_extract_of_a_deployed_service_moves_onto_it(scan: Scanner) -> None:
    found = scan({**extract("CONTOSO-APIM/"), "service.json": service()})
    assert f"{SERVICE.rpartition('/')[0]}/CONTOSO-APIM/apis/orders" in found.ids
    assert found.resource(f"{SERVICE}/apis/orders/policies/policy").format == "apiops"
    assert (SERVICE.lower(), "*") in found.complete


def test_policies_elsewhere_are_loose(scan: Scanner) -> None:
    found = scan({**extract(), "snippets/policy.xml": POLICY, "apis/lonely/policy.xml": POLICY})
    loose = [resource.id for resource in found.evidence.resources if resource.type == "file/policy"]
    assert loose == ["file:apis/lonely/policy.xml", "file:snippets/policy.xml"]


def test_whole_answers_under_the_name_of_an_information_file(scan: Scanner) -> None:
    found = scan({"apis/orders/apiInformation.json": api("orders")})
    assert found.only().id == f"{SERVICE}/apis/orders"
    assert found.only().format == "arm-json"


@pytest.mark.parametrize(
    ("path", "content", "scope", "kind"),
    [
        ("apis/orders/apiInformation.json", '{"properties": {', "/apis/orders", "api"),
        ("apis/orders/apiInformation.json", "[]", "/apis/orders", "api"),
        ("apis/orders/apiInformation.json", "null", "/apis/orders", "api"),
        ("apis/orders/apiInformation.json", b"\x00\x01\x02", "/apis/orders", "api"),
        ("apis/orders/policy.xml", b"\xff\xfe\x00", "/apis/orders", "policy"),
        ("apis/orders/specification.yaml", "openapi: [", "/apis/orders", "operation"),
        ("policy fragments/audit/policy.xml", b"caf\xe9", "/policyfragments/audit", "fragment"),
        ("policy.xml", b"", "", "policy"),
        ("backends/orders/backendInformation.json", '{"a" 1}', "/backends/orders", "backend"),
        ("products/retail/apis.json", "{}", "/products/retail", "product-api"),
    ],
)
def test_files_that_cannot_be_read_leave_gaps(scan: Scanner, path: str, content: Any, scope: str, kind: str) -> None:
    found = scan({**extract(), f"contoso-apim/{path}": content})
    artifact = found.artifact(f"contoso-apim/{path}")
    assert artifact.status in (ArtifactStatus.FAILED, ArtifactStatus.SKIPPED)
    gaps = [gap for gap in found.evidence.gaps if gap.at is not None and gap.at.artifact == artifact.path]
    assert [(gap.scope, gap.kinds, gap.reason) for gap in gaps] == [
        (APIM.lower() + scope, frozenset((kind,)), GapReason.UNPARSABLE)
    ]
    if artifact.at:
        assert found.start(artifact.at)


def test_information_without_properties(scan: Scanner) -> None:
    found = scan({**extract(), "contoso-apim/apis/orders/apiInformation.json": {"x": 1}})
    assert found.artifact("contoso-apim/apis/orders/apiInformation.json").status is ArtifactStatus.PARTIAL
    assert found.resource(f"{APIM}/apis/orders").body == {"x": 1, "name": "orders"}
    assert [(gap.scope, gap.kinds) for gap in found.evidence.gaps] == [(f"{APIM}/apis/orders".lower(), frozenset(("api",)))]


def test_names_that_are_missing_in_a_list(scan: Scanner) -> None:
    found = scan({**extract(), "contoso-apim/products/retail/apis.json": [{"name": "stock"}, {"x": 1}, "plan"]})
    artifact = found.artifact("contoso-apim/products/retail/apis.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, 2)
    assert artifact.detail == "an item without a name"
    assert artifact.at == Location("contoso-apim/products/retail/apis.json", (1,))
    assert [gap.kinds for gap in found.evidence.gaps] == [frozenset(("product-api",))]


def test_problems_of_policies_name_the_policy_file(scan: Scanner) -> None:
    found = scan({**extract(), "contoso-apim/policy fragments/audit/policy.xml": "<fragment>\n <a>\n</fragment>"})
    artifact = found.artifact("contoso-apim/policy fragments/audit/policy.xml")
    assert (artifact.status, artifact.detail) == (ArtifactStatus.PARTIAL, "<a> is closed by </fragment>")
    assert found.start(artifact.at) == (2, 2)
    information = found.artifact("contoso-apim/policy fragments/audit/policyFragmentInformation.json")
    assert information.status is ArtifactStatus.READ


def test_what_extracts_do_not_hold(scan: Scanner) -> None:
    found = scan(
        {
            "svc/apis/tools-mcp/apiInformation.json": info(type="mcp", path="a"),
            "svc/apis/remote-mcp/apiInformation.json": info(type="mcp", path="b", backendId="remote"),
            "svc/apis/plain/apiInformation.json": info(path="c"),
            "svc/apis/soap/apiInformation.json": info(path="d", type="soap"),
            "svc/apis/soap/specification.wsdl": "<definitions />",
        }
    )
    root = "/providers/microsoft.apimanagement/service/svc/apis"
    assert sorted((gap.scope, sorted(gap.kinds), gap.reason) for gap in found.evidence.gaps) == [
        (f"{root}/plain", ["operation"], GapReason.NOT_COLLECTED),
        (f"{root}/soap", ["operation"], GapReason.UNSUPPORTED),
        (f"{root}/tools-mcp", ["mcp-tool"], GapReason.UNSUPPORTED),
    ]


@pytest.mark.parametrize(
    ("path", "root", "kinds", "names"),
    [
        ("apis/a/apiInformation.json", "", ("apis",), ("a",)),
        ("x/apis/b/apis/a/apiInformation.json", "x/apis/b", ("apis",), ("a",)),
        ("products/p/apis/a/apiInformation.json", "products/p", ("apis",), ("a",)),
        ("products/p/apis/a/productApiInformation.json", "", ("products", "apis"), ("p", "a")),
        ("r/Named Values/n/namedValueInformation.json", "r", ("namedValues",), ("n",)),
        ("r/version sets/v/apiVersionSetInformation.json", "r", ("apiVersionSets",), ("v",)),
        ("r/apis/a/tags/t/apiTagInformation.json", "r", ("apis", "tags"), ("a", "t")),
        ("r/workspaces/w/apis/a/operations/o/operationInformation.json", "r/workspaces/w", None, None),
    ],
)
def test_layout(path: str, root: str, kinds: Any, names: Any) -> None:
    member = find_members([path]).get(path)
    if kinds is None:
        kinds, names, root = ("workspaces", "apis", "operations"), ("w", "a", "o"), "r"
    assert member is not None
    assert (member.root, member.kinds, member.names, member.part) == (root, kinds, names, Part.INFORMATION)


@pytest.mark.parametrize("path", ["apiInformation.json", "a/apiInformation.json", "apis/a/backendInformation.json"])
def test_information_files_in_the_wrong_place(path: str) -> None:
    assert find_members([path]) == {}

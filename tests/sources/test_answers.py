"""Answers of Azure Resource Manager in all the shapes in which people save them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason
from tests.sources.conftest import RG, SERVICE, SITE, Scan, api, policy, service

Scanner = Callable[..., Scan]
KEY = SERVICE.lower()
APIS = "microsoft.apimanagement/service/apis"


def test_single_resource(scan: Scanner) -> None:
    found = scan({"api.json": api("orders", type="mcp")})
    resource = found.only()
    assert resource.id == f"{SERVICE}/apis/orders"
    assert resource.type == APIS
    assert resource.body["properties"]["type"] == "mcp"
    assert (resource.origin, resource.format, resource.api_version) == (Location("api.json"), "arm-json", "")
    artifact = found.artifact("api.json")
    assert (artifact.kind, artifact.status, artifact.resources) == ("arm-json", ArtifactStatus.READ, 1)
    assert found.complete == set()


def test_list_answer_is_complete(scan: Scanner) -> None:
    found = scan({"apis.json": {"value": [api("a"), api("b")], "count": 2}})
    assert [resource.origin.route for resource in found.evidence.resources] == [("value", 0), ("value", 1)]
    assert found.complete == {(KEY, APIS)}
    assert found.start(found.resource(f"{SERVICE}/apis/b").origin.child("name"))[0] == 18


def test_next_link_is_a_gap_and_names_the_api_version(scan: Scanner) -> None:
    link = f"https://management.azure.com{SERVICE}/apis?api-version=2025-09-01-preview&$skip=1"
    found = scan({"apis.json": {"value": [api("a")], "nextLink": link}})
    assert found.only().api_version == "2025-09-01-preview"
    assert found.complete == set()
    (gap,) = found.evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == (KEY, frozenset(("api",)), GapReason.INCOMPLETE_PAGE)
    assert gap.detail == f"apis.json does not hold all of the list: 1 of type {APIS} below contoso-apim"
    assert gap.at == Location("apis.json", ("nextLink",))
    assert "nextLink" in gap.remedy


def test_empty_next_link_is_the_end(scan: Scanner) -> None:
    assert scan({"apis.json": {"value": [api("a")], "nextLink": ""}}).complete == {(KEY, APIS)}


def test_pages_saved_one_by_one_make_a_whole(scan: Scanner) -> None:
    first = {"value": [api("a"), api("b")], "count": 3, "nextLink": "https://x?$skip=2"}
    second = {"value": [api("c")], "count": 3}
    alone = scan({"page1.json": first})
    assert alone.evidence.gaps[0].detail.startswith("page1.json does not hold all of the list: 2 of 3 of type")
    both = scan({"page2.json": second})
    assert (both.complete, both.evidence.gaps) == ({(KEY, APIS)}, ())


def test_a_later_page_alone_is_not_the_whole(scan: Scanner) -> None:
    found = scan({"page2.json": {"value": [api("c")], "count": 3}})
    assert found.complete == set()
    assert [gap.reason for gap in found.evidence.gaps] == [GapReason.INCOMPLETE_PAGE]


def test_mixed_parents_claim_nothing(scan: Scanner) -> None:
    found = scan({"all.json": {"value": [api("a"), policy("<policies/>")]}})
    assert found.complete == set()
    continued = scan({"all.json": {"value": [api("a"), policy("<policies/>")], "nextLink": "https://x"}})
    (gap,) = continued.evidence.gaps
    assert (gap.scope, gap.kinds) == ("", frozenset(("api", "policy")))


def test_parent_of_top_level_and_extension_resources(scan: Scanner) -> None:
    setting = {"id": f"{SERVICE}/providers/microsoft.insights/diagnosticSettings/law", "properties": {}}
    found = scan({"services.json": {"value": [service()]}, "settings.json": {"value": [setting]}})
    assert found.complete == {
        (RG.lower(), "microsoft.apimanagement/service"),
        (KEY, "microsoft.insights/diagnosticsettings"),
    }


def test_array_lines_and_lists_of_pages(scan: Scanner) -> None:
    lines = "\n".join(map(json.dumps, [api("c"), {"value": [api("d")]}, api("e")])) + "\n\n"
    found = scan({"array.json": [api("a"), [api("b")]], "lines.ndjson": lines, "pages.json": [{"value": [api("f")]}]})
    routes = {resource.body["name"]: resource.origin.route for resource in found.evidence.resources}
    assert routes == {
        "a": (0,),
        "b": (1, 0),
        "c": (0,),
        "d": (1, "value", 0),
        "e": (2,),
        "f": (0, "value", 0),
    }
    assert found.evidence.texts["lines.ndjson"].format == "jsonl"
    assert found.start(found.resource(f"{SERVICE}/apis/e").origin) == (3, 1)


def test_type_from_the_id(scan: Scanner) -> None:
    web = {"id": f"{SITE}/config/web", "name": "web", "properties": {"minTlsVersion": "1.2"}}
    auth = {"id": f"{SITE}/config/authsettingsV2", "type": "Microsoft.Web/sites/config", "properties": {}}
    slot = {"id": f"{SITE}/slots/staging/config/web", "type": "Microsoft.Web/sites/slots/config/web", "properties": {}}
    odd = {"id": f"{SITE}/config/slotConfigNames/", "type": "Microsoft.Web/sites/config/slotConfigNames", "properties": {}}
    found = scan({"config.json": [web, auth, slot, odd]})
    assert {resource.id: resource.type for resource in found.evidence.resources} == {
        f"{SITE}/config/web": "microsoft.web/sites/config",
        f"{SITE}/config/authsettingsV2": "microsoft.web/sites/config",
        f"{SITE}/slots/staging/config/web": "microsoft.web/sites/slots/config",
        f"{SITE}/config/slotConfigNames/": "microsoft.web/sites/config",
    }


def test_type_and_name_without_id(scan: Scanner) -> None:
    bare: dict[str, Any] = {
        "type": "Microsoft.ApiManagement/service/apis",
        "name": "contoso-apim/orders",
        "apiVersion": "2024-05-01",
        "properties": {"path": "orders"},
    }
    resource = scan({"api.json": bare}).only()
    assert resource.id == "/providers/Microsoft.ApiManagement/service/contoso-apim/apis/orders"
    assert resource.api_version == "2024-05-01"


def test_resource_graph_rows(scan: Scanner) -> None:
    rows = {"count": 1, "data": [service()], "skip_token": "abc", "total_records": 7}
    found = scan({"rows.json": rows})
    assert found.only().key == KEY
    assert found.complete == set()
    (gap,) = found.evidence.gaps
    assert (gap.kinds, gap.reason, gap.at) == (frozenset(("service",)), GapReason.INCOMPLETE_PAGE, Location("rows.json"))


def test_policies_and_all_policies(scan: Scanner) -> None:
    whole = policy("<policies><inbound/></policies>", SERVICE)
    whole["type"] = "Microsoft.ApiManagement/service/policies"
    listed = {
        "id": f"{SERVICE}/allPolicies/orders-mcp",
        "type": "Microsoft.ApiManagement/service/allPolicies",
        "properties": {"referencePolicyId": f"{SERVICE}/apis/orders-mcp/policies/policy", "complianceState": "Compliant"},
    }
    found = scan({"policies.json": {"value": [whole], "count": 1}, "all.json": {"value": [listed]}})
    assert [resource.type for resource in found.evidence.resources] == [
        "microsoft.apimanagement/service/allpolicies",
        "microsoft.apimanagement/service/policies",
    ]
    assert found.complete == {
        (KEY, "microsoft.apimanagement/service/policies"),
        (KEY, "microsoft.apimanagement/service/allpolicies"),
    }


def test_product_links_need_no_properties(scan: Scanner) -> None:
    link = {"id": f"{SERVICE}/products/retail/apis/orders", "type": "Microsoft.ApiManagement/service/products/apis"}
    found = scan({"link.json": link})
    assert (found.evidence.gaps, found.artifact("link.json").status) == ((), ArtifactStatus.READ)


def test_a_link_to_a_policy_is_not_read_as_one(scan: Scanner) -> None:
    url = "https://storage.example/policy.xml"
    found = scan({"policy.json": policy(url, format="rawxml-link")})
    assert found.only().body["properties"]["value"] == url
    assert found.artifact("policy.json").status is ArtifactStatus.READ


def test_mime_types_and_packages_are_no_resources(scan: Scanner) -> None:
    package = {"name": "app", "version": "1.0.0", "type": "module", "dependencies": {}}
    part = {"type": "application/json", "name": "x"}
    found = scan({"api.json": api("a"), "package.json": package, "part.json": part})
    assert found.artifact("package.json").status is ArtifactStatus.SKIPPED
    assert found.artifact("part.json").status is ArtifactStatus.SKIPPED


def test_ten_thousand_resources(scan: Scanner) -> None:
    found = scan({"apis.json": {"value": [api(f"a{number}") for number in range(10_000)], "count": 10_000}})
    assert len(found.evidence.resources) == 10_000
    assert found.complete == {(KEY, APIS)}


@pytest.mark.parametrize(
    ("id", "type"),
    [
        ("/config/slotConfigNames", "Microsoft.Web/sites/config"),
        ("/config/slotConfigNames", "Microsoft.Web/sites"),
        ("", "Microsoft.Web/sites"),
        ("/config/slotConfigNames", "Microsoft.Web/sites/config/slotConfigNames"),
    ],
)
def test_slot_setting_names_are_never_taken_for_the_site(id: str, type: str, scan: Scanner) -> None:
    site = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Web/sites/s"
    names = {"appSettingNames": ["A"], "connectionStringNames": None, "azureStorageConfigNames": None}
    resource = scan({"x.json": {"id": site + id, "name": "s", "type": type, "location": "x", "properties": names}}).only()
    assert (resource.key, resource.type) == (f"{site.lower()}/config/slotconfignames", "microsoft.web/sites/config")

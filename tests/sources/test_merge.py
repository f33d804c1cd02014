"""Files compared with each other, and that their order never matters."""

import datetime
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpguard.core.location import Location
from mcpguard.evidence import Complete, Gap, GapReason, RawResource, Unresolved
from mcpguard.normalize import build
from mcpguard.sources import intake, read
from mcpguard.sources.merge import first_contradiction, merge
from tests.sources.arm.test_templates import declared, template
from tests.sources.conftest import RG, SERVICE, SITE, Scan, api, policy, service, write_files
from tests.sources.test_apiops import extract

Scanner = Callable[..., Scan]
ESTATES = Path(__file__).parents[2] / "fixtures" / "estates"


def test_template_moves_onto_the_one_deployed_service(scan: Scanner) -> None:
    main = template(
        declared("Microsoft.ApiManagement/service", "Contoso-APIM"),
        declared(
            "Microsoft.ApiManagement/service/apis",
            "Contoso-APIM/orders",
            declared("operations", "[parameters('o')]", scope="[parameters('o')]"),
        ),
        declared("Microsoft.Web/sites", "contoso-orders-func"),
        declared("Microsoft.Web/sites", "elsewhere"),
    )
    site = {"id": SITE, "type": "Microsoft.Web/sites", "name": "contoso-orders-func", "properties": {"httpsOnly": True}}
    found = scan({"main.json": main, "service.json": service(), "site.json": site})
    assert found.ids == [
        "/providers/Microsoft.Web/sites/elsewhere",
        SERVICE,
        f"{RG}/providers/Microsoft.ApiManagement/service/Contoso-APIM/apis/orders",
        SITE,
    ]
    assert [gap.scope for gap in found.evidence.gaps] == [f"{SERVICE}/apis/orders".lower()]
    assert found.complete == {(SITE.lower(), "*"), ("/providers/microsoft.web/sites/elsewhere", "*")}


def test_children_alone_tell_where_a_service_is(scan: Scanner) -> None:
    main = template(declared("Microsoft.ApiManagement/service/apis", "contoso-apim/orders"))
    found = scan({"main.json": main, "policy.json": policy("<policies/>")})
    assert found.ids == [f"{SERVICE}/apis/orders", f"{SERVICE}/apis/orders-mcp/policies/policy"]


def test_two_services_of_one_name_leave_a_template_alone(scan: Scanner) -> None:
    other = {**service(), "id": SERVICE.replace("rg-mcp-prod", "rg-other")}
    main = template(declared("Microsoft.ApiManagement/service", "contoso-apim"))
    found = scan({"main.json": main, "services.json": [service(), other]})
    assert found.ids[0] == "/providers/Microsoft.ApiManagement/service/contoso-apim"


def test_the_fullest_copy_wins_and_is_filled(scan: Scanner) -> None:
    short = {**api("orders"), "properties": {"path": "orders", "extra": {"only": "here"}}, "etag": "x"}
    found = scan({"a.json": short, "b.json": api("orders", type="mcp", subscriptionRequired=True)})
    resource = found.only()
    assert resource.origin == Location("b.json")
    assert resource.body == {
        **api("orders", type="mcp", subscriptionRequired=True),
        "etag": "x",
        "properties": {**api("orders", type="mcp", subscriptionRequired=True)["properties"], "extra": {"only": "here"}},
    }
    assert found.artifact("a.json").detail == "1 resource also in b.json, where there is more of it"
    assert found.artifact("b.json").detail == ""


@pytest.mark.parametrize(
    ("one", "two", "member"),
    [
        ({"a": 1}, {"a": 2}, "properties.a"),
        ({"a": {"b": True, "c": "x"}, "z": 1}, {"a": {"b": False, "c": "y"}, "z": 2}, "properties.a.b"),
        ({"a": ["x", "y"]}, {"a": ["x"]}, "properties.a"),
        ({"a": "Http"}, {"a": "http/"}, ""),
        ({"a": ["x", "Y"]}, {"a": ["y", "x"]}, ""),
        ({"a": None}, {"a": 1}, ""),
        ({"a": "<masked>***"}, {"a": "other"}, ""),
        ({"a": Unresolved("[x]")}, {"a": 1}, ""),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "properties.a.0.b"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 1}]}, ""),
        ({"a": 1}, {"b": 2}, ""),
        ({"provisioningState": "Succeeded", "etag": "1"}, {"provisioningState": "Updating", "etag": "2"}, ""),
    ],
)
def test_contradictions(one: dict[str, Any], two: dict[str, Any], member: str) -> None:
    assert first_contradiction({"id": "/A", "properties": one}, {"id": "/a", "properties": two}) == member


def test_contradictions_are_reported(scan: Scanner) -> None:
    short = api("orders", subscriptionRequired=False)
    found = scan({"a.json": short, "b.json": api("orders", type="mcp", subscriptionRequired=True)})
    assert found.only().body["properties"]["subscriptionRequired"] is True
    assert found.artifact("a.json").detail == (
        "1 resource also in b.json, where there is more of it; "
        "it contradicts b.json, which counts: properties.subscriptionRequired of orders"
    )


def test_copies_are_found_whatever_the_case_of_their_ids(scan: Scanner) -> None:
    upper = api("orders", extra=1)
    upper["id"] = upper["id"].upper() + "/"
    assert scan({"a.json": api("orders"), "b.json": upper}).only().origin.artifact == "b.json"


def test_ten_thousand_files_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10_000):
        (tmp_path / f"{number}.json").write_text(json.dumps(api(f"a{number % 5000}")))
    opened: dict[str, int] = {}
    load = intake.load

    def counted(entry: Any, limit: int) -> Any:
        opened[entry.path] = opened.get(entry.path, 0) + 1
        return load(entry, limit)

    monkeypatch.setattr(intake, "load", counted)
    evidence = read([tmp_path])
    assert (len(evidence.artifacts), len(evidence.resources)) == (10_000, 5000)
    assert set(opened.values()) == {1}


def test_equal_copies_of_a_template_and_an_answer(scan: Scanner) -> None:
    written = {"type": "Microsoft.ApiManagement/service/apis", "name": "contoso-apim/orders", "apiVersion": "2024-05-01"}
    deployed = {"id": f"{SERVICE}/apis/orders", "type": "Microsoft.ApiManagement/service/apis", "name": "orders"}
    main = template({**written, "properties": {"path": "x"}})
    found = scan({"a.json": main, "b.json": {**deployed, "properties": {"path": "y"}}})
    resource = found.only()
    assert (resource.format, resource.body["properties"], resource.api_version) == ("arm-json", {"path": "y"}, "2024-05-01")


def test_a_text_that_only_the_other_copy_has_keeps_its_place() -> None:
    at, other = Location("a.json"), Location("policy.xml")
    fragment = "/x/policyfragments/f"
    bare = RawResource(fragment, "t", {"a": 1, "b": 2, "properties": {"c": 3, "d": 4}}, at, "arm-json")
    body = {"properties": {"value": "<fragment/>"}}
    full = RawResource(fragment, "t", body, other, "apiops", texts={"properties.value": other})
    (merged,) = merge([bare, full], [], [], []).resources
    assert (merged.origin, merged.texts) == (at, {"properties.value": other})
    assert merged.body["properties"] == {"c": 3, "d": 4, "value": "<fragment/>"}
    assert bare.body["properties"] == {"c": 3, "d": 4}


def test_twice_in_one_file(scan: Scanner) -> None:
    found = scan({"a.json": [api("orders"), api("orders")]})
    assert found.only().origin.route == (0,)
    assert found.artifact("a.json").detail == "1 resource twice in this file"


def test_equal_gaps_are_one() -> None:
    gap = Gap("/x", frozenset({"api"}), GapReason.FORBIDDEN, "d", "r")
    merged = merge([], [gap, gap], [Complete("/x", "t"), Complete("/x", "t")], [])
    assert (merged.gaps, len(merged.complete)) == ([gap], 1)


ESTATE: dict[str, Any] = {
    **extract("contoso-apim/"),
    "service.json": service(),
    "apis.json": {"value": [api("orders", type="mcp"), api("stock")], "count": 2},
    "more.json": [api("orders", extra=1), api("stock", extra=2, type="http")],
    "page.json": {"value": [api("late")], "nextLink": "https://x?api-version=2024-05-01"},
    "main.json": template(declared("Microsoft.ApiManagement/service/apis", "contoso-apim/orders")),
    "lines.ndjson": "\n".join(json.dumps(api(f"a{number}")) for number in range(12)),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_order_of_files_never_matters(tmp_path: Path, shuffler: random.Random) -> None:
    write_files(tmp_path, ESTATE)
    given = [tmp_path / name for name in ESTATE]
    expected = read(given)
    shuffled = list(given)
    shuffler.shuffle(shuffled)
    evidence = read(shuffled)
    assert evidence.resources == expected.resources
    assert evidence.gaps == expected.gaps
    assert evidence.complete == expected.complete
    assert evidence.artifacts == expected.artifacts
    assert evidence.digest == expected.digest


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda name, file, step, extra: RawResource(
                f"/x/{name}", "t", {"properties": extra}, Location(file, (step,)), "arm-json"
            ),
            st.sampled_from(["a", "A", "b"]),
            st.sampled_from(["1.json", "2.json"]),
            st.one_of(st.integers(0, 3), st.sampled_from(["r", "s"])),
            st.dictionaries(st.sampled_from("pqr"), st.one_of(st.none(), st.booleans(), st.just({"z": 1})), max_size=3),
        ),
        max_size=8,
        unique_by=lambda resource: (resource.origin.artifact, resource.origin.route),
    ),
    st.randoms(use_true_random=False),
)
def test_order_of_resources_never_matters(resources: list[RawResource], shuffler: random.Random) -> None:
    expected = merge(resources, [], [], [])
    shuffled = list(resources)
    shuffler.shuffle(shuffled)
    assert merge(shuffled, [], [], []) == expected


@pytest.mark.parametrize("estate", sorted(path.name for path in ESTATES.iterdir()) if ESTATES.is_dir() else [])
def test_whole_estates_are_read_without_trouble(estate: str) -> None:
    evidence = read([ESTATES / estate])
    odd = [
        (artifact.path, artifact.detail) for artifact in evidence.artifacts if artifact.status.value in ("failed", "partial")
    ]
    assert odd == []
    assert len({resource.key for resource in evidence.resources}) == len(evidence.resources) > 0


@pytest.mark.parametrize("reference", ["/apis/orders", f"{SERVICE}/apis/Orders", f"{SERVICE.upper()}/apis/orders/", "orders"])
def test_relative_references_find_their_target(scan: Scanner, reference: str) -> None:
    def child(kind: str, name: str, **properties: Any) -> dict[str, Any]:
        id_ = f"{SERVICE}/{kind}/{name}"
        return {"id": id_, "type": f"Microsoft.ApiManagement/service/{kind}", "name": name, "properties": properties}

    link = {
        "id": f"{SERVICE}/products/starter/apiLinks/1",
        "type": "Microsoft.ApiManagement/service/products/apiLinks",
        "name": "1",
        "properties": {"apiId": reference},
    }
    found = scan({"a.json": [service(), api("orders"), child("products", "starter", displayName="Starter"), link]})
    estate = build(found.evidence, datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC))
    assert estate.product_apis == {f"{SERVICE}/products/starter".lower(): frozenset({f"{SERVICE}/apis/orders".lower()})}

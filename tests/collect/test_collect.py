"""A collection that goes well: what is asked, what is kept, and that a scan of it says what a scan of the export says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpguard.collect import Asked
from mcpguard.collect.explain import explain
from mcpguard.model.finding import Outcome
from tests.collect.conftest import (
    GROUP,
    SERVICE,
    SITE,
    TOKEN,
    Snapshot,
    api,
    cloud_at,
    export,
    findings,
    listed,
    named,
    policies_of,
    policy,
    scanned,
    service,
)
from tests.collect.fake import ALL_SECRET_LISTINGS, Body, Fake

ESTATES = Path(__file__).parents[2] / "fixtures" / "estates"
Collect = Callable[..., Snapshot]


def with_all_settings(fake: Fake) -> None:
    """Settings that every service and site has in Azure, where the estate's export left them out."""
    for body in list(fake.resources.values()):
        if body["type"].lower() == "microsoft.apimanagement/service":
            for setting in ("tenant/access", "portalsettings/signup", "portalsettings/signin"):
                id_ = f"{body['id']}/{setting}"
                type_ = f"{body['type']}/{setting.partition('/')[0]}"
                if id_.lower() not in fake.resources:
                    fake.add({"id": id_, "type": type_, "name": setting.rpartition("/")[2], "properties": {"enabled": False}})
        elif body["type"].lower() == "microsoft.web/sites":
            for setting in ("slotConfigNames", "appsettings"):
                id_ = f"{body['id']}/config/{setting}"
                if id_.lower() not in fake.resources:
                    fake.add({"id": id_, "type": "Microsoft.Web/sites/config", "name": setting, "properties": {}})


@pytest.mark.parametrize("estate", ["secure", "contoso"])
@pytest.mark.parametrize("page", [2, 100])
def test_a_scan_of_the_snapshot_says_what_a_scan_of_the_export_says(
    estate: str, page: int, fake: Fake, collect: Collect, tmp_path: Path
) -> None:
    fake.page = page
    fake.load(ESTATES / estate)
    with_all_settings(fake)
    snapshot = collect(all_applications=True, all_operations=True, app_settings=True)
    assert snapshot.gaps == []
    export(fake, tmp_path / "export")
    live, exported = scanned(snapshot.folder, complete=True), scanned(tmp_path / "export", complete=True)
    assert findings(live) == findings(exported)
    assert len(live.failures()) > (10 if estate == "contoso" else 0)
    # Without anybody's word that all is there, the live one knows at least as much: it has asked for everything.
    sure = {finding for finding in findings(scanned(tmp_path / "export")) if finding[1] == "fail"}
    assert sure <= findings(scanned(snapshot.folder))


def test_only_reads_are_made_and_none_of_secrets(fake: Fake, collect: Collect) -> None:
    fake.load(ESTATES / "secure")
    collect(all_operations=True, conditional_access=True)
    assert fake.seen
    posts = {seen.path for seen in fake.seen if seen.method != "GET"}
    assert posts == {"/arm/providers/Microsoft.ResourceGraph/resources", "/graph/v1.0/$batch"}
    assert not [seen.line for seen in fake.seen if ALL_SECRET_LISTINGS.search(seen.path)]
    assert {seen.headers.get("Authorization") for seen in fake.seen} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("forbidden_graph", [False, True])
def test_explain_names_every_request_that_is_made(fake: Fake, collect: Collect, forbidden_graph: bool) -> None:
    fake.load(ESTATES / "secure")
    fake.load(ESTATES / "contoso")
    if forbidden_graph:
        fake.fail("resourcegraph", status=403, code="AuthorizationFailed")
    every: dict[str, bool] = {"app_settings": True, "conditional_access": True, "all_operations": True, "telemetry": True}
    fake.tables["2d7eeea9-3bca-4c16-9340-9202039daa56"] = set()
    collect(**every)
    asked = Asked(**every)
    patterns = set()
    for call in explain(asked, cloud_at(fake)):
        path = call.url.removeprefix(fake.url).partition("?")[0].partition(" (in")[0]
        shape = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", path))
        patterns.add(f"{call.verb} {shape}")
    patterns.add(r"POST /graph/v1\.0/\$batch")
    assert fake.lines("POST /logs/")
    unnamed = {seen.line for seen in fake.seen if not any(re.fullmatch(p, seen.line, re.IGNORECASE) for p in patterns)}
    assert unnamed == set()


def test_every_page_is_read_and_the_list_is_then_complete(fake: Fake, collect: Collect) -> None:
    fake.page = 7
    fake.add(service(), *(api(f"api-{number:03}") for number in range(40)))
    snapshot = collect(graph=False)
    assert len(snapshot.ids("microsoft.apimanagement/service/apis")) == 40
    assert snapshot.complete(SERVICE, "microsoft.apimanagement/service/apis")
    assert len(fake.lines(r"/apis$")) == 6


def test_ids_in_any_case_and_members_that_nobody_knows_are_kept_as_they_are(fake: Fake, collect: Collect) -> None:
    odd = service(futureMember={"deep": [1, None, "ü"]})
    odd["id"] = SERVICE.replace("resourceGroups", "RESOURCEGROUPS").replace(
        "Microsoft.ApiManagement", "microsoft.apimanagement"
    )
    odd["newEnvelope"] = True
    upper = api(
        "Orders-MCP", type="mcp", mcpProperties={"transportType": "streamable", "endpoints": {"mcp": {"uriTemplate": "/mcp"}}}
    )
    upper["id"] = upper["id"].upper()
    fake.add(odd, upper)
    snapshot = collect(graph=False)
    assert snapshot.body(SERVICE) == odd
    assert snapshot.body(upper["id"]) == upper
    assert [surface.name for surface in scanned(snapshot.folder).surfaces] == ["ORDERS-MCP"]


def test_a_site_without_siteconfig_takes_its_configuration_from_config_web(fake: Fake, collect: Collect) -> None:
    fake.add(
        {
            "id": SITE,
            "type": "Microsoft.Web/sites",
            "name": "contoso-func",
            "kind": "functionapp,linux",
            "properties": {"siteConfig": None},
        },
        {
            "id": f"{SITE}/config/web",
            "type": "Microsoft.Web/sites/config",
            "name": "web",
            "properties": {"minTlsVersion": "1.2"},
        },
    )
    snapshot = collect(graph=False)
    assert snapshot.body(SITE)["properties"]["siteConfig"] is None
    assert snapshot.body(f"{SITE}/config/web")["properties"] == {"minTlsVersion": "1.2"}


# -- policies ----------------------------------------------------------------------------------------------------------

POLICY = "<policies>\r\n\t<inbound>\r\n\t\t<base />\r\n\t</inbound>\r\n</policies>"


def estate_with_operations() -> list[Body]:
    orders, server = f"{SERVICE}/apis/orders", f"{SERVICE}/apis/orders-mcp"
    return [
        service(),
        api("orders", type="http"),
        api("orders-mcp", type="mcp"),
        api("plain"),
        *(
            {**named(f"{SERVICE}/apis/{owner}", "operations", name, method="GET", urlTemplate=f"/{name}")}
            for owner, name in [("orders", "list"), ("orders", "delete"), ("orders-mcp", "metadata"), ("plain", "ping")]
        ),
        {**named(server, "tools", "list", displayName="list", operationId=f"{orders}/operations/list")},
        *(
            policy(f"{SERVICE}/{owner}", POLICY)
            for owner in ("apis/orders", "apis/orders/operations/list", "apis/plain/operations/ping")
        ),
        policy(SERVICE, POLICY),
    ]


def test_policies_of_operations_are_read_for_servers_and_behind_tools_only(fake: Fake, collect: Collect) -> None:
    fake.add(*estate_with_operations())
    fake.fail("/allPolicies$", status=404)
    collect(graph=False)
    assert policies_of(fake) == {
        "policies/policy",
        "apis/orders/policies/policy",
        "apis/orders-mcp/policies/policy",
        "apis/plain/policies/policy",
        "apis/orders/operations/list/policies/policy",
        "apis/orders-mcp/operations/metadata/policies/policy",
    }


def test_all_operations_means_all(fake: Fake, collect: Collect) -> None:
    fake.add(*estate_with_operations())
    fake.fail("/allPolicies$", status=404)
    collect(graph=False, all_operations=True)
    assert "apis/plain/operations/ping/policies/policy" in policies_of(fake)
    assert "apis/orders/operations/delete/policies/policy" in policies_of(fake)


def test_with_the_list_of_policies_no_scope_is_asked_in_vain(fake: Fake, collect: Collect) -> None:
    fake.add(*estate_with_operations())
    owners = ("apis/orders", "apis/orders/operations/list", "apis/plain/operations/ping")
    fake.add(listed(SERVICE), *(listed(f"{SERVICE}/{owner}") for owner in owners))
    snapshot = collect(graph=False)
    assert policies_of(fake) == {
        "policies/policy",
        "apis/orders/policies/policy",
        "apis/orders/operations/list/policies/policy",
    }
    assert snapshot.complete(SERVICE, "microsoft.apimanagement/service/allpolicies")
    types = {resource.type for resource in snapshot.evidence.resources if resource.id.endswith("/policies/policy")}
    assert types == {
        "microsoft.apimanagement/service/policies",
        "microsoft.apimanagement/service/apis/policies",
        "microsoft.apimanagement/service/apis/operations/policies",
    }


def test_an_api_whose_policy_speaks_of_mcp_counts_as_a_server(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("plain"), named(f"{SERVICE}/apis/plain", "operations", "call", method="POST", urlTemplate="/call"))
    fake.add(
        policy(
            f"{SERVICE}/apis/plain", POLICY.replace("<base />", '<set-header name="Mcp-Session-Id" exists-action="delete" />')
        )
    )
    collect(graph=False)
    assert "apis/plain/operations/call/policies/policy" in policies_of(fake)


def test_policies_are_files_with_their_own_lines(fake: Fake, collect: Collect) -> None:
    fake.add(*estate_with_operations())
    snapshot = collect(graph=False)
    path = snapshot.folder / "policies" / "contoso-apim" / "apis" / "orders" / "policy.xml"
    assert path.read_bytes().decode() == POLICY
    resource = next(r for r in snapshot.evidence.resources if r.key == f"{SERVICE}/apis/orders/policies/policy".lower())
    assert resource.body["properties"] == {"format": "rawxml", "value": POLICY}
    assert resource.texts["properties.value"].artifact == "policies/contoso-apim/apis/orders/policy.xml"


def test_a_scope_without_a_policy_is_known_to_have_none(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("plain"))
    snapshot = collect(graph=False)
    assert snapshot.complete(f"{SERVICE}/apis/plain", "microsoft.apimanagement/service/apis/policies")


def test_revisions_that_the_list_leaves_out_are_read_for_servers(fake: Fake, collect: Collect) -> None:
    old = api("orders-mcp;rev=2", type="mcp", isCurrent=False, isOnline=True)
    fake.add(service(), api("orders-mcp", type="mcp", isCurrent=True), old)
    server = f"{SERVICE}/apis/orders-mcp"
    fake.add({"id": f"{server}/revisions/2", "apiId": "/apis/orders-mcp;rev=2", "apiRevision": "2", "isOnline": True})
    snapshot = collect(graph=False)
    assert old["id"] in snapshot.ids("microsoft.apimanagement/service/apis")
    assert not snapshot.ids("microsoft.apimanagement/service/apis/revisions")


# -- api-versions ------------------------------------------------------------------------------------------------------


def test_the_newest_version_is_asked_first_and_the_one_that_answered_is_written_down(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("orders"))
    snapshot = collect(graph=False)
    assert snapshot.manifest.api_versions["microsoft.apimanagement/service/apis"] == ("2025-09-01-preview",)
    assert {resource.api_version for resource in snapshot.evidence.resources} >= {"2025-09-01-preview"}


def test_an_answer_of_a_version_that_hides_servers_is_a_gap(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("orders"))
    fake.versions["microsoft.apimanagement"] = lambda version: version == "2024-05-01"
    snapshot = collect(graph=False)
    assert snapshot.ids("microsoft.apimanagement/service/apis")
    gap = snapshot.gap("2024-05-01")
    assert gap.reason.value == "old-api-version" and "mcp-server" in gap.kinds
    assert snapshot.manifest.api_versions["microsoft.apimanagement/service/apis"] == ("2024-05-01",)


def test_a_version_that_one_service_lacks_is_not_taken_from_the_next(fake: Fake, collect: Collect) -> None:
    other = service()
    other["id"] = SERVICE.replace("contoso-apim", "zeta-apim")
    fake.add(service(), other)
    fake.versions["service/contoso-apim"] = lambda version: version == "2024-05-01"
    collect(graph=False)
    asked = {seen.query["api-version"][0] for seen in fake.seen if "zeta-apim/apis" in seen.path}
    assert asked == {"2025-09-01-preview"}


# -- scope -------------------------------------------------------------------------------------------------------------


def test_resource_graph_is_paged(fake: Fake, collect: Collect) -> None:
    fake.page = 2
    for number in range(5):
        body = service()
        body["id"] = f"{SERVICE}-{number}"
        fake.add(body)
    assert len(collect(graph=False).ids("microsoft.apimanagement/service")) == 5
    assert len(fake.lines("resourcegraph")) == 3


@pytest.mark.parametrize("status", [403, 404, 500])
def test_without_resource_graph_lists_are_read(fake: Fake, collect: Collect, status: int) -> None:
    fake.add(service(), api("orders"))
    fake.fail("resourcegraph", status=status, code="AuthorizationFailed")
    snapshot = collect(graph=False, limits={"retries": 1})
    assert snapshot.ids("microsoft.apimanagement/service/apis") == [f"{SERVICE}/apis/orders"]
    assert fake.lines("GET /arm/subscriptions/[^/]+/providers/Microsoft.ApiManagement/service$")
    assert [gap.detail for gap in snapshot.gaps] == [
        "Entra was left out (--no-graph)",
        *sorted(gap.detail for gap in snapshot.gaps if "404" in gap.detail),
    ]


def test_one_service_by_its_id_asks_for_nothing_else(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("orders"), {"id": SITE, "type": "Microsoft.Web/sites", "name": "contoso-func", "properties": {}})
    snapshot = collect(service=SERVICE, graph=False)
    assert snapshot.ids("microsoft.apimanagement/service/apis")
    assert all(line.lower().startswith(f"get /arm{SERVICE}".lower()) for line in fake.lines())


def test_one_service_by_name_where_resource_graph_is_forbidden(fake: Fake, collect: Collect) -> None:
    other = service()
    other["id"] = SERVICE.replace("contoso-apim", "zeta-apim")
    fake.add(service(), other)
    fake.fail("resourcegraph", status=403)
    assert collect(service="Contoso-APIM", graph=False).ids("microsoft.apimanagement/service") == [SERVICE]
    assert not fake.lines("zeta-apim")


def test_one_service_by_name_and_group(fake: Fake, collect: Collect) -> None:
    other = service()
    other["id"] = SERVICE.replace("rg-mcp", "rg-other")
    fake.add(service(), other)
    snapshot = collect(service="contoso-apim", resource_group="rg-mcp", graph=False)
    assert snapshot.ids("microsoft.apimanagement/service") == [SERVICE]
    query = next(seen.body["query"] for seen in fake.seen if "ResourceGraph" in seen.path)
    assert "resourceGroup =~ 'rg-mcp'" in query and "name =~ 'contoso-apim'" in query


def test_a_management_group_is_asked_for_in_one_query(fake: Fake, collect: Collect) -> None:
    fake.add(service())
    collect(management_group="mg-platform", graph=False)
    assert [seen.body["managementGroups"] for seen in fake.seen if "ResourceGraph" in seen.path] == [["mg-platform"]]
    assert not fake.lines("GET /arm/subscriptions$")


def test_cognitive_services_that_are_no_foundry_are_left_alone(fake: Fake, collect: Collect) -> None:
    speech = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/speech"
    fake.add(
        service(), {"id": speech, "type": "Microsoft.CognitiveServices/accounts", "kind": "SpeechServices", "properties": {}}
    )
    snapshot = collect(graph=False)
    assert speech not in snapshot.ids("microsoft.cognitiveservices/accounts")
    assert not fake.lines("speech/connections")


# -- secrets -----------------------------------------------------------------------------------------------------------

SECRETS = (
    "Sup3r-S3cret-Header-Value",
    "c29tZS1iYXNpYy1wYXNzd29yZA==",
    "8f3kd92jf0s8dfj2l3kj4h5k6j7h8g9f",
    "sig-V4lueOfASharedAccess99",
)


def test_secrets_that_a_read_returns_anyway_are_masked_before_they_are_written(fake: Fake, collect: Collect) -> None:
    header, password, key, sas = SECRETS
    fake.add(
        service(),
        named(
            SERVICE, "backends", "b", url=f"https://b.example/mcp?sig={sas}", credentials={"header": {"x-api-key": [header]}}
        ),
        named(SERVICE, "loggers", "l", loggerType="applicationInsights", credentials={"instrumentationKey": key}),
        policy(SERVICE, f'<policies><inbound><authentication-basic username="u" password="{password}" /></inbound></policies>'),
    )
    snapshot = collect(graph=False)
    for secret in SECRETS:
        assert secret.encode() not in snapshot.bytes
    assert TOKEN.encode() not in snapshot.bytes
    masked = snapshot.body(f"{SERVICE}/backends/b")["properties"]["credentials"]["header"]["x-api-key"][0]
    assert masked.startswith("<masked>") and len(masked) == len(header)
    text = snapshot.body(f"{SERVICE}/policies/policy")["properties"]["value"]
    assert 'password="' + "*" * len(password) in text


def test_what_is_asked_for_is_in_the_manifest(fake: Fake, collect: Collect) -> None:
    fake.add(service())
    manifest = collect(graph=False).manifest
    assert manifest.finished and manifest.scope["graph"] is False
    assert manifest.requests == len(fake.seen)
    assert any("--no-graph" in gap.detail for gap in manifest.gaps)


def test_nothing_found_is_an_error_that_names_the_role(fake: Fake, collect: Collect, tmp_path: Path) -> None:
    from mcpguard.collect import CollectError

    with pytest.raises(CollectError) as caught:
        collect(graph=False)
    assert "sees no subscription" in caught.value.message and "Reader" in caught.value.hint
    assert not (tmp_path / "estate").exists()


def test_two_collections_of_the_same_estate_are_equal_but_for_the_manifest(fake: Fake, collect: Collect) -> None:
    fake.load(ESTATES / "secure")
    first, second = collect("one"), collect("two", limits={"concurrency": 1})

    def files(snapshot: Snapshot) -> dict[str, bytes]:
        names = (file for file in snapshot.folder.rglob("*") if file.is_file() and file.name != "manifest.json")
        return {file.relative_to(snapshot.folder).as_posix(): file.read_bytes() for file in names}

    assert files(first) == files(second)
    assert first.manifest.digest == second.manifest.digest


def test_outcomes_know_about_gaps(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("orders-mcp", type="mcp", serviceUrl="https://orders.example/mcp"))
    fake.fail("orders-mcp/policies/policy", status=403, code="AuthorizationFailed")
    report = scanned(collect(graph=False).folder)
    validation = [f.outcome for f in report.findings if f.rule == "MG101" and f.target.name == "orders-mcp"]
    assert validation == [Outcome.UNKNOWN]

"""Entra: who is looked up, what belongs to them, and what is missing when it may not be read."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpguard.evidence import GapReason
from tests.collect.conftest import SERVICE, SITE, Snapshot, api, named, policy, service
from tests.collect.fake import Body, Fake

Collect = Callable[..., Snapshot]
APPLICATIONS = "microsoft.graph/applications"
PRINCIPALS = "microsoft.graph/serviceprincipals"
ESTATES = Path(__file__).parents[2] / "fixtures" / "estates"


def guid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def application(number: int, **more: object) -> Body:
    owners = [
        {
            "@odata.type": "#microsoft.graph.user",
            "id": guid(900),
            "displayName": "Owner",
            "userPrincipalName": "o@contoso.example",
        }
    ]
    body = {
        "id": guid(1000 + number),
        "appId": guid(number),
        "displayName": f"App {number}",
        "identifierUris": [],
        "owners": owners,
    }
    return body | more


def principal(number: int, **more: object) -> Body:
    body = {
        "id": guid(2000 + number),
        "appId": guid(number),
        "displayName": f"SP {number}",
        "servicePrincipalType": "Application",
    }
    return {**body, "owners": [], **more}


@pytest.fixture
def tenant(fake: Fake) -> Fake:
    fake.add(service())
    fake.graph["/applications"] = [application(number) for number in range(1, 60)]
    fake.graph["/servicePrincipals"] = [principal(number) for number in range(1, 60)]
    return fake


def looked_up(snapshot: Snapshot) -> set[str]:
    return {resource.body["appId"] for resource in snapshot.evidence.resources if resource.type == APPLICATIONS}


def test_only_those_that_the_estate_refers_to_are_read(tenant: Fake, collect: Collect) -> None:
    audience = f"<policies><inbound><validate-azure-ad-token><audience>{guid(1)}</audience></validate-azure-ad-token></inbound></policies>"
    tenant.add(
        policy(SERVICE, audience),
        named(SERVICE, "namedValues", "client", displayName="client", value=f"api://{guid(2)}", secret=False),
        {
            "id": SITE,
            "type": "Microsoft.Web/sites",
            "name": "contoso-func",
            "properties": {},
            "identity": {"principalId": guid(2003)},
        },
        {
            "id": f"{SITE}/config/authsettingsV2",
            "type": "Microsoft.Web/sites/config",
            "name": "authsettingsV2",
            "properties": {
                "identityProviders": {
                    "azureActiveDirectory": {
                        "registration": {"clientId": guid(4)},
                        "validation": {"defaultAuthorizationPolicy": {"allowedApplications": [guid(5).upper()]}},
                    }
                }
            },
        },
    )
    snapshot = collect()
    assert looked_up(snapshot) == {guid(number) for number in (1, 2, 4, 5)}
    principals = {r.body["appId"] for r in snapshot.evidence.resources if r.type == PRINCIPALS}
    assert principals == {guid(number) for number in (1, 2, 3, 4, 5)}


def test_audiences_that_are_addresses_are_looked_up_as_identifier_uris(tenant: Fake, collect: Collect) -> None:
    tenant.graph["/applications"].append(application(70, identifierUris=["https://mcp.contoso.example"]))
    tenant.graph["/servicePrincipals"].append(principal(70))
    text = "<policies><inbound><validate-jwt><audiences><audience>https://mcp.contoso.example</audience></audiences></validate-jwt></inbound></policies>"
    tenant.add(api("orders"), policy(f"{SERVICE}/apis/orders", text))
    snapshot = collect()
    assert looked_up(snapshot) == {guid(70)}
    assert snapshot.ids(PRINCIPALS) == [f"/servicePrincipals/{guid(2070)}"]


def test_quotes_in_an_audience_end_no_filter(tenant: Fake, collect: Collect) -> None:
    for number, value in enumerate(("https://x.example/') or (true", "https://x.example/'x", "https://good.example/a b")):
        tenant.add(named(SERVICE, "namedValues", f"odd{number}", displayName=f"odd{number}", value=value, secret=False))
    collect()
    assert not [seen for seen in tenant.seen if "$filter" in seen.query and "/graph/" in seen.path]


def test_all_applications_are_read_in_pages_with_their_fields_named(tenant: Fake, collect: Collect) -> None:
    tenant.page = 25
    snapshot = collect(all_applications=True)
    assert len(looked_up(snapshot)) == 59
    first = next(seen for seen in tenant.seen if seen.path == "/graph/v1.0/applications")
    assert first.query["$top"] == ["100"] and "identifierUris" in first.query["$select"][0].split(",")


def test_relations_come_whole_in_batches(tenant: Fake, collect: Collect) -> None:
    tenant.page = 2
    many = [{"@odata.type": "#microsoft.graph.user", "id": guid(3000 + number)} for number in range(7)]
    tenant.graph["/applications"] = [application(number, owners=many) for number in range(1, 8)]
    tenant.graph["/servicePrincipals"] = []
    path = f"/applications/{guid(1001)}/federatedIdentityCredentials"
    tenant.graph[path] = [{"id": guid(77), "name": "id", "issuer": "https://issuer.example", "subject": "s", "audiences": []}]
    snapshot = collect(all_applications=True)
    assert [len(body["owners"]) for body in (snapshot.body(f"/applications/{guid(1000 + n)}") for n in range(1, 8))] == [7] * 7
    assert snapshot.ids(f"{APPLICATIONS}/federatedidentitycredentials") == [f"{path}/{guid(77)}"]
    assert snapshot.complete(f"/applications/{guid(1002)}", f"{APPLICATIONS}/federatedidentitycredentials")
    batches = [seen for seen in tenant.seen if seen.path.endswith("$batch")]
    assert all(len(seen.body["requests"]) <= 20 for seen in batches)
    assert {request["method"] for seen in batches for request in seen.body["requests"]} == {"GET"}


def test_owners_of_which_a_page_is_missing_are_left_out_rather_than_cut_off(tenant: Fake, collect: Collect) -> None:
    tenant.page = 2
    many = [{"id": guid(3000 + number)} for number in range(7)]
    tenant.graph["/applications"] = [application(1, owners=many)]
    tenant.graph["/servicePrincipals"] = []
    original = tenant.answer

    def answer(seen):  # type: ignore[no-untyped-def]
        if "owners" in seen.path and seen.query.get("$skip") == ["4"]:
            return 403, {"error": {"code": "Authorization_RequestDenied"}}, {}
        return original(seen)

    tenant.answer = answer  # type: ignore[method-assign]
    snapshot = collect(all_applications=True)
    assert "owners" not in snapshot.body(f"/applications/{guid(1001)}")
    assert "Application.Read.All" in snapshot.gap("owners").remedy


def test_one_relation_that_is_throttled_in_a_batch_is_asked_for_alone(tenant: Fake, collect: Collect) -> None:
    tenant.graph["/applications"] = [application(1)]
    tenant.graph["/servicePrincipals"] = []
    tenant.fail(f"GET /graph/v1.0/applications/{guid(1001)}/owners", status=429, times=1)
    snapshot = collect(all_applications=True)
    assert snapshot.body(f"/applications/{guid(1001)}")["owners"]
    assert not [gap for gap in snapshot.gaps if "owners" in gap.detail]


@pytest.mark.parametrize(
    ("path", "permission", "what"),
    [
        ("applications$", "Application.Read.All", "applications of the directory"),
        ("servicePrincipals$", "Application.Read.All", "service principals of the directory"),
        ("agentIdentity$", "AgentIdentity.Read.All", "agent identities"),
        ("agentIdentityBlueprint$", "AgentIdentityBlueprint.Read.All", "identity blueprints"),
        ("agentIdentityBlueprintPrincipal$", "AgentIdentityBlueprintPrincipal.Read.All", "blueprint principals"),
        ("oauth2PermissionGrants", "Directory.Read.All", "oauth2permissiongrants"),
        ("roleAssignments", "RoleManagement.Read.Directory", "the roleassignments"),
        ("authorizationPolicy", "Policy.Read.All", "authorization policy"),
    ],
)
def test_a_permission_that_is_missing_is_named(tenant: Fake, collect: Collect, path: str, permission: str, what: str) -> None:
    tenant.fail(f"GET /graph/v1.0/.*{path}", status=403, code="Authorization_RequestDenied")
    gap = collect(all_applications=True).gap(what)
    assert gap.reason is GapReason.FORBIDDEN
    assert permission in gap.remedy


def test_agents_are_told_by_their_type_and_bring_their_sponsors(fake: Fake, collect: Collect) -> None:
    fake.load(ESTATES / "secure")
    for name in ("/servicePrincipals/microsoft.graph.agentIdentity", "/applications/microsoft.graph.agentIdentityBlueprint"):
        for item in fake.graph[name]:
            item.pop("@odata.type", None)
    snapshot = collect()
    agent = next(r for r in snapshot.evidence.resources if r.body.get("@odata.type") == "#microsoft.graph.agentIdentity")
    assert agent.type == PRINCIPALS and agent.id.startswith("/servicePrincipals/")
    assert agent.body["sponsors"] and "owners" in agent.body


def test_conditional_access_is_read_when_asked_and_slowly(tenant: Fake, collect: Collect) -> None:
    tenant.page = 2
    tenant.graph["/identity/conditionalAccess/policies"] = [
        {"id": guid(number), "displayName": f"CA{number}"} for number in range(6)
    ]
    collect("without")
    assert not tenant.lines("conditionalAccess")
    started = time.monotonic()
    snapshot = collect("with", conditional_access=True)
    assert len(snapshot.ids("microsoft.graph/identity/conditionalaccess/policies")) == 6
    assert time.monotonic() - started >= 2


def test_a_foreign_link_of_graph_is_not_followed(tenant: Fake, collect: Collect) -> None:
    tenant.fail(
        "GET /graph/v1.0/applications$",
        status=200,
        body={"value": [application(1)], "@odata.nextLink": "https://evil.example/x"},
    )
    gap = collect(all_applications=True).gap("applications of the directory")
    assert gap.reason is GapReason.INCOMPLETE_PAGE and "another host" in gap.detail


def test_secrets_of_registrations_are_masked(tenant: Fake, collect: Collect) -> None:
    secret = "ThisShouldNeverBeAnswered~But.If-It-Is"
    tenant.graph["/applications"] = [application(1, passwordCredentials=[{"keyId": guid(5), "secretText": secret}])]
    snapshot = collect(all_applications=True)
    assert secret.encode() not in snapshot.bytes


def test_without_graph_nothing_of_it_is_asked_and_that_is_a_gap(tenant: Fake, collect: Collect) -> None:
    snapshot = collect(graph=False)
    assert not tenant.lines("/graph/")
    assert snapshot.gap("--no-graph").kinds == {"application", "service-principal"}


ATTRIBUTES = {
    "Governance": {
        "@odata.type": "#Microsoft.DirectoryServices.CustomSecurityAttributeValue",
        "reviewBy": "2027-05-15, says Baker",
        "project": "Baker, the secret one",
        "sites": ["Berlin"],
        "critical": True,
    }
}


def test_custom_security_attributes_come_with_their_names_and_dates(tenant: Fake, collect: Collect) -> None:
    tenant.graph["/servicePrincipals"][0]["customSecurityAttributes"] = ATTRIBUTES
    snapshot = collect(all_applications=True)
    found = snapshot.body(f"/serviceprincipals/{guid(2001)}")["customSecurityAttributes"]["Governance"]
    assert (found["reviewBy"], found["critical"]) == ("2027-05-15", True)
    assert found["@odata.type"].startswith("#Microsoft")
    assert found["project"].startswith("<masked>") and b"Baker" not in snapshot.bytes and b"Berlin" not in snapshot.bytes
    assert "customSecurityAttributes" not in snapshot.body(f"/serviceprincipals/{guid(2002)}")
    assert not [gap for gap in snapshot.gaps if "principals" in gap.detail]


def test_agents_have_custom_security_attributes_too(tenant: Fake, collect: Collect) -> None:
    agent = {"@odata.type": "#microsoft.graph.agentIdentity", **principal(77), "customSecurityAttributes": ATTRIBUTES}
    tenant.graph["/servicePrincipals/microsoft.graph.agentIdentity"] = [agent]
    tenant.graph["/servicePrincipals"].append(agent)
    body = collect().body(f"/serviceprincipals/{guid(2077)}")
    assert body["customSecurityAttributes"]["Governance"]["reviewBy"] == "2027-05-15"


def test_without_the_permission_the_rest_of_the_principal_is_kept(tenant: Fake, collect: Collect) -> None:
    tenant.graph["/servicePrincipals"][0]["owners"] = application(1)["owners"]
    tenant.fail(r"GET /graph/v1.0/servicePrincipals/[0-9a-f-]{36}$", status=403, code="Authorization_RequestDenied")
    snapshot = collect(all_applications=True)
    gap = snapshot.gap("customSecurityAttributes of some service principals")
    assert gap.reason is GapReason.FORBIDDEN
    assert "the permission CustomSecAttributeAssignment.Read.All of Microsoft Graph" in gap.remedy
    assert [g.detail for g in snapshot.gaps if "principals" in g.detail] == [gap.detail]
    body = snapshot.body(f"/serviceprincipals/{guid(2001)}")
    assert body["displayName"] == "SP 1" and body["owners"] and "customSecurityAttributes" not in body
    assert len(snapshot.ids(PRINCIPALS)) == 59


def test_what_was_refused_is_not_asked_for_on_every_page(tenant: Fake, collect: Collect) -> None:
    tenant.page = 10
    tenant.fail(r"GET /graph/v1.0/servicePrincipals/[0-9a-f-]{36}$", status=403)
    snapshot = collect(all_applications=True, limits={"concurrency": 1})
    assert len(tenant.lines(r"GET /graph/v1.0/servicePrincipals/[0-9a-f-]{36}$")) == 10
    assert len(snapshot.ids(PRINCIPALS)) == 59 and snapshot.gap("customSecurityAttributes of some")

"""A collection that goes wrong: each failure is a gap of its own kind that says what to do, and nothing else is lost."""

import itertools
import time
from collections.abc import Callable

import pytest

from mcpguard.collect import CollectError, SignInError
from mcpguard.evidence import GapReason
from mcpguard.evidence.kinds import kind_of
from tests.collect.conftest import SERVICE, SITE, Snapshot, api, named, scanned, service
from tests.collect.fake import Fake

Collect = Callable[..., Snapshot]
APIS = "microsoft.apimanagement/service/apis"


def estate(fake: Fake, apis: int = 3) -> None:
    fake.add(service(), *(api(f"api-{number}") for number in range(apis)))


def test_401_says_to_sign_in_again(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/backends$", status=401, code="ExpiredAuthenticationToken")
    gap = collect(graph=False).gap("backends")
    assert gap.reason is GapReason.FORBIDDEN
    assert "401 ExpiredAuthenticationToken" in gap.detail and "az login" in gap.remedy and "--tenant" in gap.remedy


def test_403_names_the_role_and_the_action(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/namedValues$", status=403, code="AuthorizationFailed")
    snapshot = collect(graph=False)
    gap = snapshot.gap("namedValues of contoso-apim")
    assert gap.reason is GapReason.FORBIDDEN and gap.kinds == {"named-value"} and gap.scope == SERVICE.lower()
    assert "API Management Service Reader Role" in gap.remedy and "Microsoft.ApiManagement/service/*/read" in gap.remedy
    assert not snapshot.complete(SERVICE, "microsoft.apimanagement/service/namedvalues")
    assert len(snapshot.ids(APIS)) == 3


def test_403_on_a_parent_covers_the_kinds_of_all_that_is_below(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/apis$", status=403, code="AuthorizationFailed")
    gap = collect(graph=False).gap("apis of contoso-apim")
    assert {"api", "operation", "policy", "mcp-tool", "diagnostic"} <= gap.kinds


def test_404_on_a_list_is_told_from_403(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/gateways$", status=404, code="ResourceNotFound")
    gap = collect(graph=False).gap("gateways")
    assert gap.reason is GapReason.UNSUPPORTED and "404" in gap.detail


def test_what_the_tier_does_not_have_does_not_exist(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/gateways$", status=400, code="MethodNotAllowedInPricingTier")
    snapshot = collect(graph=False)
    assert not [gap for gap in snapshot.gaps if "gateways" in gap.detail]
    assert snapshot.complete(SERVICE, "microsoft.apimanagement/service/gateways")


def test_429_waits_as_long_as_it_is_told(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/backends$", status=429, headers={"Retry-After": "1"}, times=1)
    started = time.monotonic()
    snapshot = collect(graph=False)
    assert time.monotonic() - started >= 1
    assert not [gap for gap in snapshot.gaps if "backends" in gap.detail]
    assert len(fake.lines("/backends$")) == 2


def test_while_one_request_is_told_to_wait_the_others_of_the_service_wait_too(fake: Fake, collect: Collect) -> None:
    estate(fake, apis=20)
    fake.fail("/apis$", status=429, headers={"Retry-After": "1"}, times=1)
    moments: list[float] = []
    original = fake.answer
    fake.answer = lambda seen: (moments.append(time.monotonic()), original(seen))[1]  # type: ignore[func-returns-value,method-assign]
    collect(graph=False)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert max(gaps) > 0.8


@pytest.mark.parametrize(
    ("status", "reason"), [(429, GapReason.THROTTLED), (503, GapReason.NOT_COLLECTED), (500, GapReason.NOT_COLLECTED)]
)
def test_a_failure_that_stays_is_a_gap_after_so_many_tries(
    fake: Fake, collect: Collect, status: int, reason: GapReason
) -> None:
    estate(fake)
    fake.fail("/backends$", status=status)
    gap = collect(graph=False, limits={"retries": 2}).gap("backends")
    assert gap.reason is reason and str(status) in gap.detail
    assert len(fake.lines("/backends$")) == 3


def test_a_wait_that_is_too_long_is_not_waited_for(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/backends$", status=429, headers={"Retry-After": "3600"})
    started = time.monotonic()
    assert collect(graph=False).gap("backends").reason is GapReason.THROTTLED
    assert time.monotonic() - started < 10


def test_retries_have_a_budget_for_the_whole_run(fake: Fake, collect: Collect) -> None:
    estate(fake, apis=30)
    fake.fail("/apis/api-\\d+/diagnostics$", status=503)
    snapshot = collect(graph=False, limits={"budget": 5, "retries": 3})
    assert len(fake.lines("/diagnostics$")) == 1 + 30 + 5  # those of the service, and of each API, and the retries
    assert len([gap for gap in snapshot.gaps if "diagnostics of" in gap.detail]) == 30


def test_503_then_well_again(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/apis$", status=503, times=2)
    assert len(collect(graph=False).ids(APIS)) == 3


def test_a_dropped_connection_is_tried_again(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/apis$", status=0, times=1)
    assert len(collect(graph=False).ids(APIS)) == 3


def test_a_connection_that_is_always_dropped_is_a_gap(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/apis$", status=0)
    assert collect(graph=False).gap("apis of").reason is GapReason.NOT_COLLECTED


def test_a_body_that_ends_early_is_tried_again_then_a_gap(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/backends$", status=200, body=b'{"value": [', headers={"Content-Length": "4000"}, times=1)
    fake.fail("/loggers$", status=200, body=b'{"value": [', headers={"Content-Length": "4000"})
    snapshot = collect(graph=False)
    assert snapshot.gap("loggers").reason is GapReason.NOT_COLLECTED
    assert not [gap for gap in snapshot.gaps if "backends" in gap.detail]


@pytest.mark.parametrize(
    "body", [b'{"value": [{"id": "/subscr', b"<html>login</html>", b"[]", b"", b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_no_json_is_tried_again_then_a_gap(fake: Fake, collect: Collect, body: bytes) -> None:
    estate(fake)
    fake.fail("/backends$", status=200, body=body)
    snapshot = collect(graph=False)
    assert snapshot.gap("backends").reason is GapReason.UNPARSABLE
    assert len(fake.lines("/backends$")) == 3
    assert len(snapshot.ids(APIS)) == 3


def test_items_that_are_no_objects_are_noted(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/backends$", status=200, body={"value": [named(SERVICE, "backends", "b", url="https://b.example"), 7, None]})
    snapshot = collect(graph=False)
    assert snapshot.gap("backends").reason is GapReason.INCOMPLETE_PAGE
    assert snapshot.ids("microsoft.apimanagement/service/backends")
    assert not snapshot.complete(SERVICE, "microsoft.apimanagement/service/backends")


def test_reads_by_post_are_tried_again_like_others(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("resourcegraph", status=0, times=1)
    fake.fail(r"\$batch", status=503, times=1)
    fake.graph["/applications"] = [{"id": "1", "appId": "2", "owners": [{"id": "3"}]}]
    snapshot = collect(all_applications=True)
    assert not fake.lines("providers/Microsoft.Web/sites$")
    assert snapshot.body("/applications/1")["owners"] == [{"id": "3"}]


def test_a_provider_that_a_subscription_never_used_holds_nothing(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("resourcegraph", status=403)
    fake.fail("/providers/Microsoft.App/", status=409, code="MissingSubscriptionRegistration")
    assert not [gap for gap in collect(graph=False).gaps if "Microsoft.App" in gap.detail]


def test_a_type_of_which_no_version_is_known_is_said_as_that(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("resourcegraph", status=403)
    fake.versions["/aigateways"] = lambda version: False
    gap = collect(graph=False).gap("aigateways")
    assert gap.reason is GapReason.UNSUPPORTED and "none of the api-versions" in gap.detail


def test_a_subscription_that_is_not_visible_is_told_from_one_without_gateways(fake: Fake, collect: Collect) -> None:
    fake.fail("resourcegraph", status=403)
    fake.fail("GET /arm/subscriptions/", status=404, code="SubscriptionNotFound")
    with pytest.raises(CollectError) as caught:
        collect(graph=False, subscriptions=("11111111-2222-3333-4444-555555555555",))
    assert "SubscriptionNotFound" in caught.value.message and "--tenant" in caught.value.hint


# -- pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/arm/next?api-version=1",
        "http://127.0.0.1:1/arm/next",
        "//evil.example/arm/next",
        "http://127.0.0.1.evil.example/arm",
        "http://user@127.0.0.1@evil.example/",
        "file:///etc/passwd",
        "http://[",
        "/arm/relative",
    ],
)
def test_a_link_to_another_host_is_not_followed(fake: Fake, collect: Collect, link: str) -> None:
    estate(fake)
    fake.fail("/backends$", status=200, body={"value": [named(SERVICE, "backends", "b")], "nextLink": link})
    snapshot = collect(graph=False)
    gap = snapshot.gap("backends")
    assert gap.reason is GapReason.INCOMPLETE_PAGE and "another host" in gap.detail
    assert len(fake.lines("/backends")) == 1
    assert snapshot.ids("microsoft.apimanagement/service/backends")


def test_a_link_below_another_path_of_the_same_host_is_not_followed(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail("/backends$", status=200, body={"value": [], "nextLink": f"{fake.url}/elsewhere"})
    assert collect(graph=False).gap("backends").reason is GapReason.INCOMPLETE_PAGE
    assert not fake.lines("elsewhere")


@pytest.mark.parametrize("length", [1, 2, 5])
def test_pages_that_run_in_a_circle_end(fake: Fake, collect: Collect, length: int) -> None:
    estate(fake)
    links = [f"{fake.url}/arm{SERVICE}/backends/page-{number}?api-version=x" for number in range(length)]
    for number in range(length):
        body = {"value": [named(SERVICE, "backends", f"b{number}")], "nextLink": links[(number + 1) % length]}
        fake.fail(f"/backends/page-{number}$", status=200, body=body)
    fake.fail("/backends$", status=200, body={"value": [named(SERVICE, "backends", "first")], "nextLink": links[0]})
    snapshot = collect(graph=False)
    assert "never end" in snapshot.gap("backends").detail
    assert len(snapshot.ids("microsoft.apimanagement/service/backends")) == length + 1
    assert len(fake.lines("/backends/page")) < 4 * length + 4


def test_empty_pages_without_end_end(fake: Fake, collect: Collect) -> None:
    estate(fake)
    counter = iter(range(10_000))
    original = fake.answer

    def answer(seen):  # type: ignore[no-untyped-def]
        if "/backends" in seen.path:
            return 200, {"value": [], "nextLink": f"{fake.url}/arm{SERVICE}/backends?page={next(counter)}"}, {}
        return original(seen)

    fake.answer = answer  # type: ignore[method-assign]
    assert "never end" in collect(graph=False).gap("backends").detail
    assert next(counter) < 20


def test_what_was_read_before_a_page_failed_is_kept(fake: Fake, collect: Collect) -> None:
    fake.page = 2
    estate(fake, apis=7)
    original = fake.answer
    fake.answer = lambda seen: (  # type: ignore[method-assign]
        (403, {"error": {"code": "AuthorizationFailed"}}, {}) if seen.query.get("$skip") == ["4"] else original(seen)
    )
    snapshot = collect(graph=False)
    assert len(snapshot.ids(APIS)) == 4
    gap = snapshot.gap("apis of contoso-apim")
    assert gap.reason is GapReason.INCOMPLETE_PAGE and "first pages" in gap.detail and "Reader Role" in gap.remedy
    assert not snapshot.complete(SERVICE, APIS)


# -- all of it ---------------------------------------------------------------------------------------------------------


def test_nothing_allowed_is_an_error_that_says_which_role_to_ask_for(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.fail(".", status=403, code="AuthorizationFailed")
    with pytest.raises(CollectError) as caught:
        collect(graph=False)
    assert "403 AuthorizationFailed" in caught.value.message
    assert "role Reader on the subscription" in caught.value.hint


def test_a_forbidden_service_is_said_with_its_role(fake: Fake, collect: Collect) -> None:
    estate(fake)
    fake.add({"id": SITE, "type": "Microsoft.Web/sites", "name": "contoso-func", "properties": {}})
    fake.fail("service/contoso-apim$", status=403, code="AuthorizationFailed")
    gap = collect(graph=False).gap("contoso-apim")
    assert gap.scope == SERVICE.lower() and {"service", "api", "policy"} <= gap.kinds


def test_hostile_ids_lead_nowhere(fake: Fake, collect: Collect) -> None:
    estate(fake)
    evil = (
        f"{SERVICE}/apis/../../../../../../../subscriptions",
        f"{SERVICE}/apis/x?api-version=1#",
        f"{SERVICE}/apis/y%2f..%2f..",
        f"{SERVICE}/apis/z\r\nHost: evil.example",
        "//evil.example/apis/w",
    )
    body = {"value": [{"id": id_, "type": APIS, "name": "evil", "properties": {"type": "mcp"}} for id_ in evil]}
    fake.fail("/apis$", status=200, body=body)
    snapshot = collect(graph=False)
    allowed = ("GET /arm/subscriptions", "POST /arm/providers/Microsoft.ResourceGraph")
    assert [line for line in fake.lines() if not line.startswith(allowed)] == []
    assert not fake.lines(r"\.\.")
    assert all(file.resolve().is_relative_to(snapshot.folder) for file in snapshot.folder.rglob("*"))


def test_gaps_make_outcomes_unknown_never_passes(fake: Fake, collect: Collect) -> None:
    fake.add(service(), api("orders-mcp", type="mcp", serviceUrl="https://orders.example/mcp"))
    fake.fail("/apis/orders-mcp/", status=403, code="AuthorizationFailed")
    fake.fail("/policies/policy$", status=403, code="AuthorizationFailed")
    report = scanned(collect(graph=False).folder)
    judged = {(f.rule, f.outcome.value) for f in report.findings if f.target.name == "orders-mcp"}
    assert {outcome for rule, outcome in judged if rule in ("MG101", "MG111", "MG202")} == {"unknown"}, judged


def test_no_token_is_said_before_anything_is_asked(fake: Fake, collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    original = collect
    monkeypatch.delenv("MCPGUARD_TEST_TOKEN")
    with pytest.raises(SignInError, match="MCPGUARD_TEST_TOKEN"):
        original()
    assert not fake.seen


def test_every_kind_that_a_gap_may_name_is_one_of_the_model_or_a_type() -> None:
    from mcpguard.collect.plan import PLAN

    for name in PLAN.names():
        for kind in PLAN[name].kinds():
            assert kind and (kind == kind_of(kind) or "/" not in kind)

"""Facts about gateways: certificate checks of backends, subscriptions, management settings, transports, revisions."""

from pathlib import Path

import pytest

from mcpguard.core.facts import Known, Unknown, value_or_none
from mcpguard.model.in_effect import backends_in_effect, statements_in_effect
from mcpguard.model.kinds.gateway import Api, Backend, ManagementSetting, PolicyText, Service, Subscription
from tests.normalize.test_estate import SERVICE, SERVICE_RESOURCE, api, child, estate, policy, server


def test_certificates_are_checked_unless_switched_off(tmp_path: Path) -> None:
    off = {"validateCertificateChain": False, "validateCertificateName": "no"}
    found = estate(tmp_path, [child("backends/a", "backends", url="x"), child("backends/b", "backends", tls=off)])
    a, b = found.of(Backend)
    assert isinstance(a.validates_chain, Known) and a.validates_chain.value and a.validates_chain.defaulted
    assert value_or_none(b.validates_chain) is False
    assert isinstance(b.validates_name, Unknown)


@pytest.mark.parametrize(
    ("scope", "wanted"),
    [
        (f"{SERVICE}/", ""),
        (f"{SERVICE}/apis", "/apis"),
        (f"{SERVICE}/products/P", "/products/p"),
        ("/apis", "/apis"),
        ("/products/p", "/products/p"),
        ("/", ""),
    ],
)
def test_subscription_scopes(tmp_path: Path, scope: str, wanted: str) -> None:
    found = estate(tmp_path, [child("subscriptions/s", "subscriptions", scope=scope, state="Active")])
    (subscription,) = found.of(Subscription)
    assert value_or_none(subscription.scope) == wanted
    assert value_or_none(subscription.state) == "active"
    assert value_or_none(subscription.allow_tracing) is False


def test_management_settings_and_minimum_version(tmp_path: Path) -> None:
    switches = [
        child("tenant/access", "tenant", enabled=True),
        child("portalsettings/signup", "portalsettings", enabled=False),
    ]
    found = estate(tmp_path, [SERVICE_RESOURCE], switches)
    enabled = {item.setting: value_or_none(item.enabled) for item in found.of(ManagementSetting)}
    assert enabled == {"tenant/access": True, "portalsettings/signup": False}
    assert value_or_none(found.of(Service)[0].min_api_version) == ""


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ({"transportType": "SSE"}, "sse"),
        ({"transportType": "streamable", "endpoints": [{"name": "message"}]}, "streamable"),
        ({"endpoints": [{"name": "sse"}, {"name": "message"}]}, "sse"),
        ({"endpoints": {"mcp": {"uriTemplate": "/mcp"}}}, "streamable"),
        ({"endpoints": {"sse": {"uriTemplate": "/sse"}}}, "sse"),
        (None, "streamable"),
    ],
)
def test_transport_of_native_servers(tmp_path: Path, properties: dict[str, object] | None, wanted: str) -> None:
    found = estate(tmp_path, [api("x", type="mcp", path="x", mcpProperties=properties)])
    assert value_or_none(server(found, "x").transport) == wanted


def test_transport_of_servers_proxied_by_hand(tmp_path: Path) -> None:
    stream = child("apis/x/operations/s", "apis/operations", method="GET", urlTemplate="/sse")
    post = child("apis/x/operations/m", "apis/operations", method="POST", urlTemplate="/messages")
    old = server(estate(tmp_path, [api("x", path="x/mcp")], [stream, post]), "x")
    assert value_or_none(old.transport) == "sse"


def test_a_revision_knows_what_it_is_a_revision_of(tmp_path: Path) -> None:
    found = estate(tmp_path, [api("x", type="mcp", path="x"), api("x;rev=2", type="mcp", path="x", isCurrent=False)])
    assert {item.name: item.revision_of.rpartition("/")[2] for item in found.of(Api)} == {"x": "", "x;rev=2": "x"}


def test_backends_behind_tools_and_in_pools(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [api("x", type="mcp", path="x"), api("rest", path="rest")],
        [child("apis/rest/operations/get", "apis/operations", method="GET", urlTemplate="/")],
        [child("apis/x/tools/t", "apis/tools", displayName="t", operationId=f"{SERVICE}/apis/rest/operations/get")],
        [policy("apis/rest", '<set-backend-service backend-id="pool" />'), policy("", ""), policy("apis/x", "<base />")],
        [policy("apis/rest/operations/get", "<base />")],
        [
            child("backends/pool", "backends", pool={"services": [{"id": f"{SERVICE}/backends/one"}]}),
            child("backends/one", "backends", url="https://one.example"),
        ],
    )
    backends = backends_in_effect(server(found, "x"), found)
    assert [backend.name for backend in backends.items] == ["pool", "one"]
    assert backends.missing is not None, "products, among others, were not read"


def test_statements_of_all_ways_in_are_merged(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [api("x", type="mcp", path="x", subscriptionRequired=False)],
        [policy("apis/x", "<base /><trace />"), policy("", "<quota />")],
    )
    running = statements_in_effect(server(found, "x"), found)
    (trace,) = [step for step in running.items if step.statement.name == "trace"]
    assert len(trace.titles) == 2 and trace.doubt is None
    assert running.missing is not None and "products" in running.missing.missing


def test_policies_are_called_by_what_they_belong_to(tmp_path: Path) -> None:
    found = estate(tmp_path, [policy("apis/x", ""), policy("", "")])
    assert {item.title for item in found.of(PolicyText)} == {"policy of API x", "global policy of s"}

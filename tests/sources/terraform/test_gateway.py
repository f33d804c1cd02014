"""API Management in plans and states."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.evidence import ArtifactStatus, GapReason, Unresolved
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.gateway import Api, Backend, Diagnostic, NamedValue, PolicyText, Product, Service, Subscription
from mcpguard.normalize import build
from tests.sources.conftest import Scan
from tests.sources.terraform.plans import SERVICE, block, change, module, plan, ref, resource, state
from tests.sources.test_azure_cli import AS_OF

Scanner = Callable[..., Scan]
POLICY = "<policies>\n  <inbound>\n    <base />\n  </inbound>\n</policies>"
KEY = "Zy9xWv8uTs7rQp6oNm5l"
NAMES = {"api_management_name": "contoso-apim", "resource_group_name": "rg-mcp"}


def service(**more: Any) -> dict[str, Any]:
    return resource(
        "azurerm_api_management",
        "main",
        {
            "id": SERVICE,
            "name": "contoso-apim",
            "location": "westeurope",
            "sku_name": "StandardV2_1",
            "publisher_email": "apis@contoso.example",
            "public_network_access_enabled": False,
            "min_api_version": "2021-08-01",
            "gateway_url": "https://contoso-apim.azure-api.net",
            "identity": [{"type": "SystemAssigned", "identity_ids": None, "principal_id": "p", "tenant_id": "t"}],
            "tags": {"owner": "apis"},
            "security": [{"frontend_tls10_enabled": True, "backend_ssl30_enabled": False}],
            "protocols": [],
            "hostname_configuration": [
                {"proxy": [{"host_name": "mcp.contoso.example", "default_ssl_binding": True}], "portal": []}
            ],
            "tenant_access": [{"enabled": True, "primary_key": KEY}],
            "sign_up": [],
            **more,
        },
    )


def api(**more: Any) -> dict[str, Any]:
    return resource(
        "azurerm_api_management_api",
        "orders",
        {
            **NAMES,
            "id": f"{SERVICE}/apis/orders;rev=1",
            "name": "orders",
            "display_name": "Orders",
            "path": "orders",
            "protocols": ["https"],
            "service_url": f"https://orders.example?code={KEY}",
            "subscription_required": False,
            "api_type": "http",
            "revision": "1",
            "is_current": True,
            "is_online": True,
            "contact": [],
            "import": [],
            **more,
        },
    )


REST = [
    resource("azurerm_api_management_policy", "all", {"api_management_id": SERVICE, "id": SERVICE, "xml_content": POLICY}),
    resource(
        "azurerm_api_management_api_policy",
        "orders",
        {**NAMES, "api_name": "orders", "id": f"{SERVICE}/apis/orders", "xml_content": POLICY, "xml_link": None},
    ),
    resource(
        "azurerm_api_management_api_operation",
        "get",
        {**NAMES, "api_name": "orders", "operation_id": "get-order", "method": "GET", "url_template": "/{id}"},
    ),
    resource(
        "azurerm_api_management_api_operation_policy",
        "get",
        {**NAMES, "api_name": "orders", "operation_id": "get-order", "xml_content": POLICY},
    ),
    resource(
        "azurerm_api_management_product",
        "retail",
        {**NAMES, "product_id": "retail", "subscription_required": True, "approval_required": True, "published": True},
    ),
    resource("azurerm_api_management_product_api", "retail", {**NAMES, "product_id": "retail", "api_name": "orders"}),
    resource("azurerm_api_management_product_policy", "retail", {**NAMES, "product_id": "retail", "xml_content": POLICY}),
    resource(
        "azurerm_api_management_named_value",
        "key",
        {**NAMES, "name": "key", "display_name": "orders-key", "secret": True, "value": KEY},
        sensitive={"value": True},
    ),
    resource(
        "azurerm_api_management_backend",
        "orders",
        {
            **NAMES,
            "name": "orders",
            "url": "https://orders.example",
            "protocol": "http",
            "credentials": [{"header": {"x-functions-key": f"{KEY}1"}, "query": {}, "authorization": [], "certificate": []}],
            "tls": [{"validate_certificate_chain": False, "validate_certificate_name": None}],
        },
    ),
    resource(
        "azurerm_api_management_logger",
        "ai",
        {**NAMES, "name": "ai", "application_insights": [{"instrumentation_key": f"{KEY}2"}], "eventhub": []},
    ),
    resource(
        "azurerm_api_management_api_diagnostic",
        "orders",
        {
            **NAMES,
            "api_name": "orders",
            "identifier": "applicationinsights",
            "api_management_logger_id": f"{SERVICE}/loggers/ai",
            "always_log_errors": True,
            "frontend_request": [
                {
                    "body_bytes": 32,
                    "headers_to_log": ["Authorization"],
                    "data_masking": [{"headers": [{"mode": "Mask", "value": "Authorization"}], "query_params": []}],
                }
            ],
            "frontend_response": [],
        },
    ),
    resource(
        "azurerm_api_management_subscription",
        "desk",
        {
            **NAMES,
            "subscription_id": "desk",
            "display_name": "Desk",
            "api_id": f"{SERVICE}/apis/orders;rev=1",
            "state": "active",
            "primary_key": f"{KEY}3",
        },
    ),
    resource(
        "azurerm_api_management_policy_fragment",
        "audit",
        {"api_management_id": SERVICE, "name": "audit", "format": "rawxml", "value": "<fragment />"},
    ),
    resource(
        "azurerm_api_management_gateway",
        "edge",
        {"api_management_id": SERVICE, "name": "edge", "id": f"{SERVICE}/gateways/edge", "location_data": [{"name": "shop"}]},
    ),
    resource(
        "azurerm_api_management_gateway_api",
        "edge",
        {"gateway_id": f"{SERVICE}/gateways/edge", "api_id": f"{SERVICE}/apis/orders;rev=1"},
    ),
]


def test_a_state_in_arm_shape(scan: Scanner) -> None:
    found = scan({"state.json": state(service(), api(), *REST)})
    assert found.artifact("state.json").status is ArtifactStatus.READ
    assert found.artifact("state.json").kind == "terraform"
    assert {resource.format for resource in found.evidence.resources} == {"terraform"}
    assert sorted(id_.removeprefix(SERVICE) for id_ in found.ids) == [
        "",
        "/apis/orders",
        "/apis/orders/diagnostics/applicationinsights",
        "/apis/orders/operations/get-order",
        "/apis/orders/operations/get-order/policies/policy",
        "/apis/orders/policies/policy",
        "/backends/orders",
        "/gateways/edge",
        "/gateways/edge/apis/orders",
        "/loggers/ai",
        "/namedValues/key",
        "/policies/policy",
        "/policyFragments/audit",
        "/products/retail",
        "/products/retail/apis/orders",
        "/products/retail/policies/policy",
        "/subscriptions/desk",
        "/tenant/access",
    ]
    for raw in found.evidence.resources:
        below = raw.id.removeprefix(SERVICE).split("/")[1::2]
        assert raw.type == "/".join(("microsoft.apimanagement/service", *below)).lower()
    assert found.resource(SERVICE).body["properties"] == {
        "publisherEmail": "apis@contoso.example",
        "publicNetworkAccess": "Disabled",
        "apiVersionConstraint": {"minApiVersion": "2021-08-01"},
        "gatewayUrl": "https://contoso-apim.azure-api.net",
        "customProperties": {
            "Microsoft.WindowsAzure.ApiManagement.Gateway.Security.Protocols.Tls10": "True",
            "Microsoft.WindowsAzure.ApiManagement.Gateway.Security.Backend.Protocols.Ssl30": "False",
        },
        "hostnameConfigurations": [{"type": "Proxy", "hostName": "mcp.contoso.example", "defaultSslBinding": True}],
    }
    assert found.resource(SERVICE).body["sku"] == {"name": "StandardV2", "capacity": 1}


def test_a_state_makes_an_estate(scan: Scanner) -> None:
    estate = build(scan({"state.json": state(service(), api(), *REST)}).evidence, AS_OF)
    [gateway] = estate.of(Service)
    assert gateway.gateway_hosts == ("contoso-apim.azure-api.net", "mcp.contoso.example")
    [orders] = estate.of(Api)
    assert (orders.service, orders.path, orders.revision_of) == (SERVICE.lower(), "orders", "")
    assert isinstance(orders.subscription_required, Known) and orders.subscription_required.value is False
    assert {policy.owner.removeprefix(SERVICE.lower()) for policy in estate.of(PolicyText)} == {
        "",
        "/apis/orders",
        "/apis/orders/operations/get-order",
        "/products/retail",
    }
    [product] = estate.of(Product)
    assert isinstance(product.state, Known) and product.state.value == "published"
    [backend] = estate.of(Backend)
    assert isinstance(backend.validates_chain, Known) and backend.validates_chain.value is False
    assert isinstance(backend.validates_name, Known) and backend.validates_name.value is True
    [diagnostic] = estate.of(Diagnostic)
    assert [header.masked for header in diagnostic.logged_headers] == [True]
    [subscription] = estate.of(Subscription)
    assert isinstance(subscription.scope, Known) and subscription.scope.value == "/apis/orders"
    [value] = estate.of(NamedValue)
    assert isinstance(value.value, Unknown)


def test_places_lead_to_the_attributes(scan: Scanner) -> None:
    found = scan({"state.json": state(service(), api(), *REST)})
    policy = found.resource(f"{SERVICE}/apis/orders/policies/policy").origin.child("properties", "value")
    place = found.place(policy.range(POLICY.index("<base"), POLICY.index("<base") + 8))
    assert place.inner is not None and place.inner.line == 3
    text = found.evidence.texts["state.json"].data.decode().splitlines()
    for id_, steps, wanted in (
        (f"{SERVICE}/apis/orders", ("properties", "subscriptionRequired"), '"subscription_required": false'),
        (f"{SERVICE}/backends/orders", ("properties", "tls", "validateCertificateChain"), '"validate_certificate_chain"'),
        (
            f"{SERVICE}/apis/orders/diagnostics/applicationinsights",
            ("properties", "frontend", "request", "body", "bytes"),
            '"body_bytes": 32',
        ),
    ):
        line, _ = found.start(found.resource(id_).origin.child(*steps))
        assert wanted in text[line - 1]


def test_no_secret_leaves(scan: Scanner) -> None:
    other = resource("random_password", "x", {"result": f"{KEY}4", "length": 20}, sensitive={"result": True})
    secret = resource("azurerm_key_vault_secret", "x", {"name": "s", "value": f"{KEY}5"}, sensitive={"value": True})
    found = scan({"state.json": state(service(), api(), *REST, other, secret)})
    assert KEY not in repr(found.evidence.resources)
    kept = found.evidence.texts["state.json"].secrets
    assert {KEY, *(f"{KEY}{number}" for number in (1, 2, 3, 4, 5))} <= kept
    assert is_masked(found.resource(f"{SERVICE}/namedValues/key").body["properties"]["value"])


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("audience", "api://orders", True),
        ("orders-api-key", KEY, False),
        ("shared", f"{KEY}7", False),
    ],
)
def test_values_that_are_no_secrets_are_read_although_the_provider_marks_them(
    scan: Scanner, name: str, value: str, shown: bool
) -> None:
    plain = resource(
        "azurerm_api_management_named_value",
        "v",
        {**NAMES, "name": name, "display_name": name, "secret": False, "value": value},
        sensitive={"value": True},
    )
    other = resource("random_password", "x", {"result": f"{KEY}7"}, sensitive={"result": True})
    found = scan({"state.json": state(service(), plain, other)})
    kept = found.resource(f"{SERVICE}/namedValues/{name}").body["properties"]["value"]
    assert (kept == value) is shown and is_masked(kept) is not shown
    assert (value in found.evidence.texts["state.json"].secrets) is not shown


def test_sensitive_variables_and_outputs_do_not_leave(scan: Scanner) -> None:
    made = planned()
    made["variables"] = {"key": {"value": KEY}, "other": {"value": "plain-text"}}
    made["configuration"]["root_module"]["variables"] = {"key": {"sensitive": True, "default": f"{KEY}8"}, "other": {}}
    made["planned_values"]["outputs"] = {"o": {"sensitive": True, "value": {"a": [f"{KEY}9"]}}}
    kept = scan({"plan.json": made}).evidence.texts["plan.json"].secrets
    assert {KEY, f"{KEY}8", f"{KEY}9"} <= kept and "plain-text" not in kept


# -- plans -----------------------------------------------------------------------------------------------------------


def planned() -> dict[str, Any]:
    """A plan that creates everything: no id is known, and the gateway is in a module."""
    gateway = resource(
        "azurerm_api_management",
        "main",
        {"name": "contoso-apim", "location": "westeurope", "sku_name": "StandardV2_1", "public_network_access_enabled": True},
        module="module.gateway",
    )
    logger = resource(
        "azurerm_api_management_logger", "ai", {**NAMES, "name": "ai", "application_insights": [{}]}, module="module.gateway"
    )
    orders = resource(
        "azurerm_api_management_api",
        "orders",
        {
            "name": "orders",
            "path": "orders",
            "protocols": ["https"],
            "subscription_required": True,
            "revision": "1",
            "import": [],
        },
    )
    policy = resource("azurerm_api_management_api_policy", "orders", {"api_name": "orders"})
    diagnostic = resource(
        "azurerm_api_management_api_diagnostic", "orders", {"api_name": "orders", "identifier": "applicationinsights"}
    )
    value = resource("azurerm_api_management_named_value", "audience", {"name": "audience", "display_name": "audience"})
    service_ref = ref("module.gateway.name", "module.gateway")
    return plan(
        module(orders, policy, diagnostic, value, children=[module(gateway, logger, address="module.gateway")]),
        [
            change(gateway, {"id": True, "gateway_url": True, "identity": [], "tags": {}}),
            change(logger, {"id": True, "application_insights": [{"instrumentation_key": True}]}),
            change(orders, {"id": True, "api_management_name": True, "service_url": True, "is_current": True}),
            change(policy, {"id": True, "api_management_name": True, "xml_content": True}),
            change(diagnostic, {"id": True, "api_management_name": True, "api_management_logger_id": True}),
            change(value, {"id": True, "api_management_name": True, "value": True}),
            change(resource("azurerm_api_management_api", "gone", {"name": "gone"}), {}, actions=["delete"]),
        ],
        {
            "resources": [
                block(
                    "azurerm_api_management_api",
                    "orders",
                    {
                        "name": {"constant_value": "orders"},
                        "api_management_name": service_ref,
                        "service_url": ref("azurerm_linux_function_app.orders.default_hostname"),
                    },
                ),
                block(
                    "azurerm_api_management_api_policy",
                    "orders",
                    {
                        "api_management_name": service_ref,
                        "xml_content": ref("path.module", "azuread_application.api.client_id"),
                    },
                ),
                block(
                    "azurerm_api_management_api_diagnostic",
                    "orders",
                    {
                        "api_management_name": service_ref,
                        "api_management_logger_id": ref("module.gateway.logger", "module.gateway"),
                    },
                ),
                block(
                    "azurerm_api_management_named_value",
                    "audience",
                    {"api_management_name": service_ref, "value": ref("var.audience")},
                ),
            ],
            "module_calls": {
                "gateway": {
                    "source": "./gateway",
                    "expressions": {},
                    "module": {
                        "outputs": {
                            "name": {"expression": ref("azurerm_api_management.main.name")},
                            "logger": {"expression": ref("azurerm_api_management_logger.ai.id")},
                        },
                        "resources": [
                            block("azurerm_api_management", "main", {"name": {"references": ["var.name"]}}),
                            block("azurerm_api_management_logger", "ai", {}),
                        ],
                    },
                }
            },
        },
    )


STAND_IN = "/providers/Microsoft.ApiManagement/service/contoso-apim"


def test_a_plan_links_what_has_no_id_yet(scan: Scanner) -> None:
    found = scan({"plan.json": planned()})
    assert sorted(id_.removeprefix(STAND_IN) for id_ in found.ids) == [
        "",
        "/apis/orders",
        "/apis/orders/diagnostics/applicationinsights",
        "/apis/orders/policies/policy",
        "/loggers/ai",
        "/namedValues/audience",
    ]
    diagnostic = found.resource(f"{STAND_IN}/apis/orders/diagnostics/applicationinsights")
    assert diagnostic.body["properties"]["loggerId"] == f"{STAND_IN}/loggers/ai"
    orders = found.resource(f"{STAND_IN}/apis/orders").body["properties"]
    assert orders["serviceUrl"] == Unresolved("azurerm_linux_function_app.orders.default_hostname")
    assert orders["isCurrent"] == Unresolved("known after apply")
    value = found.resource(f"{STAND_IN}/namedValues/audience").body["properties"]["value"]
    assert value == Unresolved("var.audience")
    policy = found.resource(f"{STAND_IN}/apis/orders/policies/policy").body["properties"]["value"]
    assert policy == Unresolved("path.module, azuread_application.api.client_id")
    assert found.evidence.gaps == ()


def test_what_a_plan_does_not_know_is_unknown(scan: Scanner) -> None:
    estate = build(scan({"plan.json": planned()}).evidence, AS_OF)
    [policy] = estate.of(PolicyText)
    assert isinstance(policy.text, Unknown) and "azuread_application.api.client_id" in policy.text.missing
    [orders] = estate.of(Api)
    assert isinstance(orders.service_url, Unknown)
    assert orders.service == STAND_IN.lower()


def test_a_plan_of_a_deployed_service_moves_onto_it(scan: Scanner) -> None:
    found = scan({"plan.json": planned(), "state.json": state(service())})
    assert f"{SERVICE}/apis/orders" in found.ids


def test_claims_of_a_configuration(scan: Scanner) -> None:
    found = scan({"plan.json": planned()})
    claims = found.complete
    assert (STAND_IN.lower(), "microsoft.apimanagement/service/policies") in claims
    assert (STAND_IN.lower(), "microsoft.apimanagement/service/namedvalues") in claims
    assert (f"{STAND_IN}/apis/orders".lower(), "microsoft.apimanagement/service/apis/operations") in claims


def test_an_api_of_a_service_that_is_declared_elsewhere_says_nothing_of_the_service(scan: Scanner) -> None:
    known = resource("azurerm_api_management", "main", {"id": SERVICE, "name": "contoso-apim"}, mode="data")
    found = scan({"state.json": state(known, api())})
    assert found.ids == [f"{SERVICE}/apis/orders"]
    assert all(scope == f"{SERVICE}/apis/orders".lower() for scope, _ in found.complete)


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("openapi+json", '{"openapi": "3.0.1", "paths": {"/x": {"get": {"operationId": "get-x"}}}}'),
        ("openapi", "openapi: 3.0.1\npaths:\n  /x:\n    get: {operationId: get-x}\n"),
    ],
)
def test_operations_of_a_specification_in_the_file(scan: Scanner, format: str, content: str) -> None:
    found = scan({"state.json": state(service(), api(**{"import": [{"content_format": format, "content_value": content}]}))})
    assert found.resource(f"{SERVICE}/apis/orders/operations/get-x").body["properties"]["method"] == "GET"
    assert found.evidence.gaps == ()


def test_operations_of_a_specification_elsewhere(scan: Scanner) -> None:
    link = {"content_format": "openapi-link", "content_value": "https://x.example/openapi.json"}
    found = scan({"state.json": state(service(), api(**{"import": [link]}))})
    [gap] = found.evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == (f"{SERVICE}/apis/orders".lower(), {"operation"}, GapReason.NOT_COLLECTED)
    assert (gap.scope, "microsoft.apimanagement/service/apis/operations") not in found.complete


def test_a_sensitive_policy_is_not_taken_for_a_text(scan: Scanner) -> None:
    policy = resource(
        "azurerm_api_management_api_policy",
        "o",
        {**NAMES, "api_name": "orders", "xml_content": POLICY},
        sensitive={"xml_content": True},
    )
    found = scan({"state.json": state(service(), api(), policy)})
    value = found.resource(f"{SERVICE}/apis/orders/policies/policy").body["properties"]["value"]
    assert value == Unresolved("a value that Terraform marks sensitive")


def test_host_names_with_a_block_of_their_own(scan: Scanner) -> None:
    domain = resource(
        "azurerm_api_management_custom_domain",
        "x",
        {"api_management_id": SERVICE, "gateway": [{"host_name": "gw.contoso.example"}], "developer_portal": []},
    )
    found = scan({"state.json": state(service(), domain)})
    assert found.resource(SERVICE).body["properties"]["hostnameConfigurations"] == [
        {"type": "Proxy", "hostName": "gw.contoso.example"}
    ]


def test_a_template_inside_is_a_gap_and_ends_all_claims(scan: Scanner) -> None:
    template = resource("azurerm_resource_group_template_deployment", "x", {"template_content": "{}"})
    found = scan({"state.json": state(service(), template)})
    assert [gap.reason for gap in found.evidence.gaps] == [GapReason.UNSUPPORTED]
    assert found.complete == set()


def test_what_stands_nowhere_is_a_gap(scan: Scanner) -> None:
    lost = resource("azurerm_api_management_product", "p", {"product_id": "p"})
    found = scan({"plan.json": plan(module(service(), lost), [change(lost, {"api_management_name": True})])})
    [gap] = found.evidence.gaps
    assert (gap.scope, gap.kinds) == ("", {"product"})
    assert (SERVICE.lower(), "microsoft.apimanagement/service/products") not in found.complete
    assert (SERVICE.lower(), "microsoft.apimanagement/service/apis") in found.complete


def test_instances_of_count_and_for_each_stay_apart(scan: Scanner) -> None:
    services = [resource("azurerm_api_management", "main", {"sku_name": "Developer_1"}, index=key) for key in ("dev", "prod")]
    values = [
        resource("azurerm_api_management_named_value", "v", {"name": "a", "display_name": "a", "value": "x"}, index=key)
        for key in ("dev", "prod")
    ]
    blocks = [
        block("azurerm_api_management", "main", {"name": ref("each.key")}),
        block("azurerm_api_management_named_value", "v", {"api_management_name": ref("azurerm_api_management.main")}),
    ]
    changes = [
        *(change(found, {"id": True, "name": True}) for found in services),
        *(change(found, {"id": True, "api_management_name": True}) for found in values),
    ]
    found = scan({"plan.json": plan(module(*services, *values), changes, {"resources": blocks})})
    assert found.ids == [
        "/providers/Microsoft.ApiManagement/service/~azurerm_api_management.main[~dev~]",
        "/providers/Microsoft.ApiManagement/service/~azurerm_api_management.main[~dev~]/namedValues/a",
        "/providers/Microsoft.ApiManagement/service/~azurerm_api_management.main[~prod~]",
        "/providers/Microsoft.ApiManagement/service/~azurerm_api_management.main[~prod~]/namedValues/a",
    ]

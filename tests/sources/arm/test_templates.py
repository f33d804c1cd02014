"""Deployment templates: names, loops, conditions, nesting and scopes, as scans see them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason, Unresolved
from mcpguard.evidence.kinds import KIND_OF_TYPE
from tests.sources.conftest import Scan

Scanner = Callable[..., Scan]
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
SERVICE_TYPE = "Microsoft.ApiManagement/service"
APIM = "/providers/Microsoft.ApiManagement/service/contoso-apim"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def template(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def declared(type: str, name: str, *children: Any, **more: Any) -> dict[str, Any]:
    out = {"type": type, "apiVersion": "2024-05-01", "name": name, "properties": {}, **more}
    return out | ({"resources": list(children)} if children else {})


def nested(name: str, inner: dict[str, Any], parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A module as Bicep compiles it: with inner evaluation."""
    properties = {
        "expressionEvaluationOptions": {"scope": "inner"},
        "mode": "Incremental",
        "parameters": {key: {"value": value} for key, value in (parameters or {}).items()},
        "template": inner,
    }
    return declared("Microsoft.Resources/deployments", name, properties=properties, **more)


def strings(*names: str, **defaults: Any) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names} | {
        name: {"type": "string", "defaultValue": value} for name, value in defaults.items()
    }


# -- names -------------------------------------------------------------------------------------------------------------


def test_flat_and_nested_children(scan: Scanner) -> None:
    operation = declared("operations", "get-order", declared("policies", "policy"), properties={"method": "GET"})
    found = scan(
        {
            "main.json": template(
                declared(SERVICE_TYPE, "contoso-apim"),
                declared(f"{SERVICE_TYPE}/apis", "contoso-apim/orders", operation),
                declared(f"{SERVICE_TYPE}/products", "contoso-apim/retail"),
            )
        }
    )
    assert {resource.id: (resource.type, resource.origin.route) for resource in found.evidence.resources} == {
        APIM: ("microsoft.apimanagement/service", ("resources", 0)),
        f"{APIM}/apis/orders": ("microsoft.apimanagement/service/apis", ("resources", 1)),
        f"{APIM}/apis/orders/operations/get-order": (
            "microsoft.apimanagement/service/apis/operations",
            ("resources", 1, "resources", 0),
        ),
        f"{APIM}/apis/orders/operations/get-order/policies/policy": (
            "microsoft.apimanagement/service/apis/operations/policies",
            ("resources", 1, "resources", 0, "resources", 0),
        ),
        f"{APIM}/products/retail": ("microsoft.apimanagement/service/products", ("resources", 2)),
    }
    assert {resource.format for resource in found.evidence.resources} == {"arm-template"}
    assert {resource.api_version for resource in found.evidence.resources} == {"2024-05-01"}
    assert found.complete == {(APIM.lower(), "*")}
    assert "resources" not in found.resource(f"{APIM}/apis/orders").body


def test_names_that_are_computed(scan: Scanner) -> None:
    found = scan(
        {
            "main.json": template(
                declared(SERVICE_TYPE, "[variables('apim')]"),
                declared(f"{SERVICE_TYPE}/apis", "[format('{0}/{1}', variables('apim'), parameters('api'))]"),
                declared(f"{SERVICE_TYPE}/apis/policies", "[concat(variables('apim'), '/', parameters('api'), '/policy')]"),
                parameters=strings(api="orders", environment="prod"),
                variables={"apim": "[toLower(format('APIM-{0}', parameters('environment')))]"},
            )
        }
    )
    root = "/providers/Microsoft.ApiManagement/service/apim-prod"
    assert found.ids == [root, f"{root}/apis/orders", f"{root}/apis/orders/policies/policy"]
    assert found.complete == {(root.lower(), "*")}
    assert found.artifact("main.json").detail == ""
    assert found.resource(f"{root}/apis/orders").body["name"] == "apim-prod/orders"


def test_group_export(scan: Scanner) -> None:
    """``az group export`` names everything after parameters with defaults."""
    exported = template(
        declared(SERVICE_TYPE, "[parameters('service_contoso_apim_name')]"),
        declared(f"{SERVICE_TYPE}/policies", "[concat(parameters('service_contoso_apim_name'), '/policy')]"),
        declared(
            f"{SERVICE_TYPE}/apis/policies",
            "[concat(parameters('service_contoso_apim_name'), '/orders/policy')]",
            dependsOn=["[resourceId('Microsoft.ApiManagement/service', parameters('service_contoso_apim_name'))]"],
        ),
        parameters={"service_contoso_apim_name": {"defaultValue": "contoso-apim", "type": "String"}},
        variables={},
    )
    found = scan({"export.json": exported})
    assert found.ids == [APIM, f"{APIM}/apis/orders/policies/policy", f"{APIM}/policies/policy"]
    wrapped = scan({"answer.json": {"template": template(declared("Microsoft.Web/sites", "x")), "error": {"code": "E"}}})
    assert wrapped.artifact("answer.json").detail == "Azure could not export all resources"
    assert wrapped.resource("/providers/Microsoft.Web/sites/x").origin.route == ("template", "resources", 0)


def test_a_name_that_is_not_known_gets_a_stand_in_that_links(scan: Scanner) -> None:
    parameters = strings("apim", "api")
    found = scan(
        {
            "main.json": template(
                declared(SERVICE_TYPE, "[parameters('apim')]"),
                declared(f"{SERVICE_TYPE}/backends", "[format('{0}/orders', parameters('apim'))]"),
                nested(
                    "inner",
                    template(
                        declared(
                            f"{SERVICE_TYPE}/apis",
                            "[format('{0}/x-{1}', parameters('name'), toLower(parameters('api')))]",
                            properties={
                                "backendId": "orders",
                                "serviceUrl": "[format('https://{0}', parameters('name'))]",
                                "loggerId": "[resourceId('Microsoft.ApiManagement/service/loggers', parameters('name'), 'l')]",
                            },
                        ),
                        parameters=strings("name", "api"),
                    ),
                    {"name": "[parameters('apim')]", "api": "[parameters('api')]"},
                ),
                parameters=parameters,
            )
        }
    )
    root = "/providers/Microsoft.ApiManagement/service/[parameters('apim')]"
    assert found.ids == [root, f"{root}/apis/x-[tolower(parameters('api'))]", f"{root}/backends/orders"]
    properties = found.evidence.resources[1].body["properties"]
    assert properties["loggerId"] == f"{root}/loggers/l"
    assert properties["serviceUrl"].expression == "[format('https://{0}', parameters('name'))]"
    assert properties["serviceUrl"].parts == ("https://", Unresolved("[parameters('apim')]", "parameters", ("apim",)))
    assert found.complete == {(root.lower(), "*")}


def test_unique_names_are_stand_ins(scan: Scanner) -> None:
    suffix = {"suffix": {"type": "string", "defaultValue": "[uniqueString(subscription().id, resourceGroup().id)]"}}
    name = "[format('apim-{0}', parameters('suffix'))]"
    found = scan(
        {
            "main.json": template(
                nested("a", template(declared(SERVICE_TYPE, name), parameters=suffix)),
                nested("b", template(declared(f"{SERVICE_TYPE}/apis", f"[concat({name[1:-1]}, '/x')]"), parameters=suffix)),
            )
        }
    )
    service, api = found.ids
    assert service.startswith("/providers/Microsoft.ApiManagement/service/apim-unique")
    assert api == f"{service}/apis/x"
    assert found.artifact("main.json").detail == "what uniqueString would give is a stand-in, unique…"


def test_names_that_show_no_place_are_gaps(scan: Scanner) -> None:
    found = scan(
        {
            "main.json": template(
                declared(f"{SERVICE_TYPE}/apis", "[parameters('whole')]", declared("policies", "policy")),
                declared(f"{SERVICE_TYPE}/apis", "[parameters('other')]"),
                declared("Microsoft.Web/sites", "contoso-func", declared("config", "[parameters('c')]")),
                parameters=strings("whole", "other", "c"),
            )
        }
    )
    site = "/providers/Microsoft.Web/sites/contoso-func"
    assert found.ids == [site, f"{site}/config/[parameters('c')]"]
    first, second = found.evidence.gaps
    assert first.at == Location("main.json", ("resources", 0, "name"))
    assert (first.scope, first.kinds, first.reason) == ("", frozenset(("api",)), GapReason.UNSUPPORTED)
    assert first.detail == (
        "main.json declares 2 resources of type microsoft.apimanagement/service/apis, "
        "named by the expression [parameters('whole')] and others"
    )
    assert first.remedy.startswith("give the values in a parameter file beside the template")
    assert (second.scope, second.kinds) == ("", frozenset(("policy",)))


def test_what_may_belong_to_anything_leaves_no_declaration_whole(scan: Scanner) -> None:
    """A policy of the API that a parameter names may be the one of the API that is declared by its name."""
    found = scan(
        {
            "main.json": template(
                declared(SERVICE_TYPE, "contoso-apim"),
                declared(f"{SERVICE_TYPE}/apis", "contoso-apim/orders"),
                declared(f"{SERVICE_TYPE}/apis/policies", "[format('contoso-apim/{0}/policy', parameters('api'))]"),
                declared("Microsoft.Web/sites", "elsewhere"),
                parameters=strings("api"),
            )
        }
    )
    assert found.complete == {("/providers/microsoft.web/sites/elsewhere", "*")}
    (gap,) = found.evidence.gaps
    assert (gap.scope, gap.kinds) == (APIM.lower(), frozenset(("policy",)))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "x",
        [],
        {},
        {"type": 3, "name": "a"},
        {"type": "Microsoft.Web/sites"},
        {"type": "Microsoft.Web/sites", "name": "a/b/c"},
        {"type": "Microsoft.Web/sites", "name": 7},
        {"type": "Microsoft.Web/sites", "name": "[1]"},
        {"type": "Microsoft.Web/sites", "name": "[concat('a']"},
        {"type": "Microsoft.Web/sites", "name": "a", "scope": 7},
        {"type": "Microsoft.Web/sites", "name": "a", "copy": {"count": "x"}},
        {"type": "Microsoft.Web/sites", "name": "a", "copy": {"count": 1_000_000_000}},
        {"type": "config", "name": "web"},
    ],
)
def test_odd_resources_are_named_or_gaps(scan: Scanner, odd: Any) -> None:
    found = scan({"main.json": template(odd, declared(SERVICE_TYPE, "contoso-apim"))})
    assert APIM in found.ids
    assert found.evidence.gaps or found.artifact("main.json").status is ArtifactStatus.PARTIAL


# -- values ------------------------------------------------------------------------------------------------------------


def test_values_that_are_computed_and_values_that_only_look_so(scan: Scanner) -> None:
    properties = {
        "path": "[parameters('path')]",
        "description": "[[not an expression]",
        "displayName": "[] is a list",
        "protocols": ["https", "[variables('second')]"],
        "contact": {"name": "plain", "email": "[parameters('mail')]"},
        "license": "[variables('license')]",
        "[concat('computed', 'Key')]": 1,
        "nothing": None,
    }
    body = template(
        declared(f"{SERVICE_TYPE}/apis", "contoso-apim/a", properties=properties),
        parameters=strings("mail", path="orders"),
        variables={"second": "wss", "license": {"url": "[format('https://{0}', variables('second'))]"}},
    )
    found = scan({"main.json": body})
    assert found.only().body["properties"] == {
        "path": "orders",
        "description": "[not an expression]",
        "displayName": "[] is a list",
        "protocols": ["https", "wss"],
        "contact": {"name": "plain", "email": Unresolved("[parameters('mail')]", "parameters", ("mail",))},
        "license": {"url": "https://wss"},
        "computedKey": 1,
        "nothing": None,
    }
    place = found.place(found.only().origin.child("properties", "path"))
    assert place.excerpt[0].strip() == '"path": "[parameters(\'path\')]",'


def test_loops_over_properties_variables_and_resources(scan: Scanner) -> None:
    found = scan(
        {
            "main.json": template(
                declared(
                    f"{SERVICE_TYPE}/backends",
                    "[format('contoso-apim/b{0}', copyIndex(1))]",
                    copy={"name": "backends", "count": "[length(variables('hosts'))]"},
                    properties={
                        "url": "[variables('urls')[copyIndex('backends')]]",
                        "pool": {
                            "copy": [
                                {
                                    "name": "services",
                                    "count": 2,
                                    "input": {"id": "[format('/backends/{0}-{1}', copyIndex(), copyIndex('services', 5))]"},
                                }
                            ]
                        },
                    },
                ),
                variables={
                    "hosts": ["a", "b"],
                    "copy": [
                        {"name": "urls", "count": 2, "input": "[concat('https://', variables('hosts')[copyIndex('urls')])]"}
                    ],
                },
            )
        }
    )
    assert {resource.id.rpartition("/")[2]: resource.body["properties"] for resource in found.evidence.resources} == {
        "b1": {"url": "https://a", "pool": {"services": [{"id": "/backends/0-5"}, {"id": "/backends/0-6"}]}},
        "b2": {"url": "https://b", "pool": {"services": [{"id": "/backends/1-5"}, {"id": "/backends/1-6"}]}},
    }
    assert {resource.origin.route for resource in found.evidence.resources} == {("resources", 0)}


def test_loops_of_unknown_length(scan: Scanner) -> None:
    loop = {"copy": [{"name": "services", "count": "[length(parameters('n'))]", "input": {"id": "x"}}]}
    found = scan(
        {
            "main.json": template(
                declared(f"{SERVICE_TYPE}/backends", "contoso-apim/pool", properties={"pool": loop}),
                declared(
                    f"{SERVICE_TYPE}/apis",
                    "[format('contoso-apim/{0}', copyIndex())]",
                    copy={"name": "apis", "count": "[length(parameters('n'))]"},
                ),
                declared(SERVICE_TYPE, "contoso-apim"),
                parameters={"n": {"type": "array"}},
            )
        }
    )
    assert found.ids == [APIM, f"{APIM}/backends/pool"]
    assert found.resource(f"{APIM}/backends/pool").body["properties"]["pool"] == {
        "services": Unresolved("copy of [length(parameters('n'))] items")
    }
    (gap,) = found.evidence.gaps
    assert gap.kinds == frozenset(("api",))
    assert "as often as [length(parameters('n'))] says" in gap.detail
    assert found.complete == set()


def test_values_of_one_resource_are_not_those_of_another(scan: Scanner) -> None:
    """What is masked in one body stays whole in another one that takes the same variable."""
    settings = {"appSettings": [{"name": "SOME_PASSWORD", "value": "hunter2hunter2"}], "x": "kept"}
    found = scan(
        {
            "main.json": template(
                declared("Microsoft.Web/sites", "a", properties={"siteConfig": "[variables('config')]"}),
                declared("Microsoft.Storage/storageAccounts", "b", properties="[variables('config')]"),
                variables={"config": settings},
            )
        }
    )
    first, second = (resource.body["properties"] for resource in reversed(found.evidence.resources))
    assert first["siteConfig"]["appSettings"][0]["value"].startswith("<masked>")
    assert second["appSettings"][0]["value"] == "hunter2hunter2"
    assert first["siteConfig"] is not second


# -- conditions ----------------------------------------------------------------------------------------------------------


def test_symbolic_names_conditions_and_existing_resources(scan: Scanner) -> None:
    resources = {
        "apim": declared(SERVICE_TYPE, "contoso-apim", existing=True),
        "api": declared(f"{SERVICE_TYPE}/apis", "contoso-apim/orders"),
        "maybe": declared(f"{SERVICE_TYPE}/apis", "contoso-apim/maybe", condition="[parameters('c')]"),
        "never": declared(f"{SERVICE_TYPE}/apis", "contoso-apim/never", condition=False),
        "computed": declared(f"{SERVICE_TYPE}/apis", "contoso-apim/no", condition="[not(empty(parameters('e')))]"),
    }
    parameters = {"c": {"type": "bool"}, "e": {"type": "string", "defaultValue": ""}}
    found = scan(
        {
            "main.json": {
                "languageVersion": "2.0",
                "contentVersion": "1.0.0.0",
                "parameters": parameters,
                "resources": resources,
            }
        }
    )
    assert {resource.id: resource.origin.route for resource in found.evidence.resources} == {
        f"{APIM}/apis/maybe": ("resources", "maybe"),
        f"{APIM}/apis/orders": ("resources", "api"),
    }
    assert found.resource(f"{APIM}/apis/maybe").body["condition"].expression == "[parameters('c')]"
    assert "condition" not in found.resource(f"{APIM}/apis/orders").body
    assert found.complete == set()
    assert found.artifact("main.json").detail == (
        "a resource with the condition false was left out; "
        "1 resource under a condition that is not known, judged as if deployed"
    )


def test_a_setting_under_an_unknown_condition_lets_nothing_pass(scan: Scanner) -> None:
    policy = declared(
        f"{SERVICE_TYPE}/apis/policies",
        "contoso-apim/orders/policy",
        condition="[parameters('secure')]",
        properties={"format": "rawxml", "value": "<policies/>"},
    )
    found = scan(
        {
            "main.json": template(
                declared(SERVICE_TYPE, "contoso-apim"),
                declared(f"{SERVICE_TYPE}/apis", "contoso-apim/orders"),
                policy,
                parameters={"secure": {"type": "bool"}},
            )
        }
    )
    (gap,) = found.evidence.gaps
    assert (gap.scope, gap.kinds) == (f"{APIM}/apis/orders".lower(), frozenset(("policy",)))
    assert gap.at == Location("main.json", ("resources", 2, "condition"))
    assert "under a condition that is not known: parameters('secure')" in gap.detail
    assert found.complete == {(APIM.lower(), "*")}


def test_alternatives_under_conditions(scan: Scanner) -> None:
    def alternative(condition: str, text: str) -> dict[str, Any]:
        return declared(f"{SERVICE_TYPE}/policies", "contoso-apim/policy", condition=condition, properties={"value": text})

    first, second = alternative("[parameters('a')]", "<policies/>"), alternative("[not(parameters('a'))]", "<other/>")
    found = scan({"main.json": template(first, second, parameters={"a": {"type": "bool"}})})
    assert found.only().body["properties"]["value"] == "<policies/>"
    assert "more than once, under conditions that are not known" in found.evidence.gaps[1].detail
    chosen = scan({"main.json": template(first, second, parameters={"a": {"type": "bool", "defaultValue": False}})})
    assert chosen.only().body["properties"]["value"] == "<other/>"
    assert chosen.evidence.gaps == ()


# -- nested deployments ------------------------------------------------------------------------------------------------


def test_inner_evaluation_sees_its_own_parameters(scan: Scanner) -> None:
    inner = template(
        declared(f"{SERVICE_TYPE}/apis", "[format('{0}/{1}', parameters('apim'), variables('api'))]"),
        parameters={**strings("apim"), "kind": {"type": "string", "defaultValue": "[concat('mcp-', parameters('apim'))]"}},
        variables={"api": "[parameters('kind')]"},
    )
    outer = template(nested("module", inner, {"apim": "[variables('api')]"}), variables={"api": "contoso-apim"})
    found = scan({"main.json": outer})
    assert found.only().id == f"{APIM}/apis/mcp-contoso-apim"
    assert found.only().origin.route == ("resources", 0, "properties", "template", "resources", 0)
    assert found.evidence.gaps == ()


def test_outer_evaluation_sees_what_is_around_it(scan: Scanner) -> None:
    """Without expressionEvaluationOptions the inner parameters and variables do not count."""
    inner = template(declared("Microsoft.Web/sites", "[variables('name')]"), variables={"name": "inner"})
    module = declared("Microsoft.Resources/deployments", "module", properties={"mode": "Incremental", "template": inner})
    found = scan({"main.json": template(module, variables={"name": "outer"})})
    assert found.ids == ["/providers/Microsoft.Web/sites/outer"]


def test_outputs_of_one_deployment_are_parameters_of_another(scan: Scanner) -> None:
    first = template(
        outputs={
            "name": {"type": "string", "value": "contoso-apim"},
            "all": {"type": "array", "copy": {"count": 2, "input": "[format('n{0}', copyIndex())]"}},
            "key": {"type": "string", "value": "[reference('x').key]"},
        }
    )
    second = template(
        declared(
            f"{SERVICE_TYPE}/apis",
            "[format('{0}/{1}', parameters('apim'), parameters('api'))]",
            properties={"description": "[parameters('key')]"},
        ),
        parameters=strings("apim", "api", "key"),
    )
    reference = "reference(resourceId('Microsoft.Resources/deployments', 'first'), '2022-09-01')"
    values = {
        "apim": f"[{reference}.outputs.name.value]",
        "api": f"[{reference}.outputs.all.value[1]]",
        "key": f"[{reference}.outputs.key.value]",
    }
    found = scan({"main.json": template(nested("second", second, values), nested("first", first))})
    assert found.only().id == f"{APIM}/apis/n1"
    assert found.only().body["properties"]["description"] == Unresolved("[reference('x').key]", "reference", ("x",), ("key",))


def test_outputs_by_symbolic_name_and_turn(scan: Scanner) -> None:
    module = template(
        parameters=strings("name"), outputs={"id": {"type": "string", "value": "[concat(parameters('name'), '-out')]"}}
    )
    loop = {"name": "each", "count": 2}
    body = {
        "languageVersion": "2.0",
        "contentVersion": "1.0.0.0",
        "resources": {
            "each": nested("[format('m-{0}', copyIndex())]", module, {"name": "[string(copyIndex())]"}, copy=loop),
            "one": nested("one", module, {"name": "one"}),
            "site": declared("Microsoft.Web/sites", "[reference('each[1]').outputs.id.value]"),
            "other": declared("Microsoft.Web/sites", "[reference('one').outputs.id.value]"),
            "key": declared(
                f"{SERVICE_TYPE}/namedValues",
                "contoso-apim/key",
                properties={"value": "[listKeys('site', '2024-04-01').masterKey]", "secret": True},
            ),
        },
    }
    found = scan({"main.json": body})
    assert found.ids == [
        f"{APIM}/namedValues/key",
        "/providers/Microsoft.Web/sites/1-out",
        "/providers/Microsoft.Web/sites/one-out",
    ]
    value = found.resource(f"{APIM}/namedValues/key").body["properties"]["value"]
    assert (value.function, value.arguments, value.route) == (
        "listkeys",
        ("/providers/Microsoft.Web/sites/1-out", "2024-04-01"),
        ("masterKey",),
    )


def test_a_name_of_a_deployment_means_the_one_beside_it(scan: Scanner) -> None:
    """A module that refers to a resource of its own by a name that the module itself has outside."""
    inner = {
        "languageVersion": "2.0",
        "contentVersion": "1.0.0.0",
        "resources": {"registry": declared("Microsoft.ContainerRegistry/registries", "r")},
        "outputs": {"server": {"type": "string", "value": "[reference('registry').loginServer]"}},
    }
    outer = {
        "languageVersion": "2.0",
        "contentVersion": "1.0.0.0",
        "resources": {
            "registry": nested("registry", inner),
            "app": declared(
                "Microsoft.App/containerApps", "a", properties={"server": "[reference('registry').outputs.server.value]"}
            ),
        },
    }
    found = scan({"main.json": outer})
    assert found.artifact("main.json").status is ArtifactStatus.READ
    server = found.resource("/providers/Microsoft.App/containerApps/a").body["properties"]["server"]
    assert (server.function, server.arguments[0], server.route) == (
        "reference",
        "/providers/Microsoft.ContainerRegistry/registries/r",
        ("loginServer",),
    )


def test_places_of_nested_deployments(scan: Scanner) -> None:
    site = template(
        declared(
            "Microsoft.Web/sites",
            "app",
            properties={
                "serverFarmId": "[resourceId('Microsoft.Web/serverfarms', 'plan')]",
                "other": "[resourceId('rg-other', 'Microsoft.Web/serverfarms', 'plan')]",
                "group": "[resourceGroup().name]",
            },
        )
    )
    group = {"resourceGroup": "[parameters('rg')]"}
    elsewhere = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "rg-x"}
    body = template(
        nested("known", site, **group),
        nested("elsewhere", site, **elsewhere),
        nested("here", site, resourceGroup="[resourceGroup().name]"),
        parameters=strings(rg="rg-mcp"),
    )
    found = scan({"main.json": body})
    known = "/resourceGroups/rg-mcp/providers/Microsoft.Web"
    far = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-x/providers/Microsoft.Web"
    assert found.resource(f"{known}/sites/app").body["properties"] == {
        "serverFarmId": f"{known}/serverfarms/plan",
        "other": "/resourceGroups/rg-other/providers/Microsoft.Web/serverfarms/plan",
        "group": "rg-mcp",
    }
    assert found.resource(f"{far}/sites/app").body["properties"]["serverFarmId"] == f"{far}/serverfarms/plan"


def test_a_group_is_moved_onto_the_deployed_resource_in_it(scan: Scanner) -> None:
    module = nested("m", template(declared("Microsoft.Web/sites", "app"), declared("Microsoft.Web/sites/config", "app/web")))
    deployed = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/RG-MCP/providers/Microsoft.Web/sites/app"
    answer = {"id": deployed, "type": "Microsoft.Web/sites", "name": "app", "properties": {"state": "Running"}}
    found = scan({"main.json": template({**module, "resourceGroup": "rg-mcp"}), "site.json": answer})
    assert found.ids == [deployed, f"{deployed}/config/web"]
    apart = scan({"main.json": template({**module, "resourceGroup": "rg-two"}), "site.json": answer})
    assert len(apart.ids) == 3


def test_deployments_that_are_not_followed(scan: Scanner) -> None:
    linked = declared("Microsoft.Resources/deployments", "linked", properties={"templateLink": {"uri": "https://x"}})
    many = nested("[format('m{0}', copyIndex())]", template(declared("Microsoft.Web/sites", "x")))
    many["copy"] = {"name": "many", "count": "[length(parameters('n'))]"}
    body = template(linked, many, declared(SERVICE_TYPE, "contoso-apim"), parameters={"n": {"type": "array"}})
    found = scan({"main.json": body})
    first, second = found.evidence.gaps
    assert first.kinds == frozenset(KIND_OF_TYPE.values())
    assert "nested deployment (linked), which is not followed: its template is a link" in first.detail
    assert second.kinds == frozenset({"site"})
    assert found.ids == [APIM]
    assert found.complete == set()


def test_a_deployment_under_an_unknown_condition(scan: Scanner) -> None:
    """What is deployed together is there together; what is added to something else may be absent from it."""
    policy = declared(f"{SERVICE_TYPE}/policies", "contoso-apim/policy")
    unknown = {"condition": "[parameters('x')]"}
    parameters = {"x": {"type": "bool"}}
    both = template(nested("m", template(declared(SERVICE_TYPE, "contoso-apim"), policy), **unknown), parameters=parameters)
    found = scan({"main.json": both})
    assert found.ids == [APIM, f"{APIM}/policies/policy"]
    assert found.evidence.gaps == ()
    assert found.artifact("main.json").detail == "2 resources under a condition that is not known, judged as if deployed"
    alike = template(declared(SERVICE_TYPE, "contoso-apim", **unknown), {**policy, **unknown}, parameters=parameters)
    assert scan({"main.json": alike}).evidence.gaps == ()
    apart = template(nested("m", template(policy), **unknown), declared(SERVICE_TYPE, "contoso-apim"), parameters=parameters)
    gaps = scan({"main.json": apart}).evidence.gaps
    assert [(gap.scope, gap.kinds) for gap in gaps] == [(APIM.lower(), frozenset({"policy"}))]


def test_deployments_that_depend_on_each_other(scan: Scanner) -> None:
    def module(name: str, other: str) -> dict[str, Any]:
        value = f"[reference(resourceId('Microsoft.Resources/deployments', '{other}')).outputs.x.value]"
        inner = template(parameters=strings("p"), outputs={"x": {"type": "string", "value": "[parameters('p')]"}})
        return nested(name, inner, {"p": value})

    site = declared("Microsoft.Web/sites", "s", properties={"x": "[reference('a').outputs.x.value]"})
    found = scan({"main.json": template(module("a", "b"), module("b", "a"), site)})
    assert isinstance(found.only().body["properties"]["x"], Unresolved)
    artifact = found.artifact("main.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert "depends on itself" in artifact.detail


# -- other providers and scopes ------------------------------------------------------------------------------------------


def test_extension_resources_and_scopes(scan: Scanner) -> None:
    kind = "Microsoft.Insights/diagnosticSettings"
    old = declared(f"{SERVICE_TYPE}/providers/diagnosticSettings", "contoso-apim/Microsoft.Insights/law")
    new = declared(kind, "law2", scope=f"{SERVICE_TYPE}/contoso-apim")
    computed = declared(kind, "law3", scope="[format('Microsoft.ApiManagement/service/{0}', variables('apim'))]")
    by_id = declared(kind, "law4", scope="[resourceId('Microsoft.ApiManagement/service', variables('apim'))]")
    unknown = declared(kind, "law5", scope="[parameters('target')]")
    found = scan(
        {
            "main.json": template(
                old, new, computed, by_id, unknown, variables={"apim": "contoso-apim"}, parameters=strings("target")
            )
        }
    )
    assert {resource.id: resource.type for resource in found.evidence.resources} == {
        f"{APIM}/providers/{kind}/law": "microsoft.insights/diagnosticsettings",
        f"{APIM}/providers/{kind}/law2": "microsoft.insights/diagnosticsettings",
        f"{APIM}/providers/{kind}/law3": "microsoft.insights/diagnosticsettings",
        f"{APIM}/providers/{kind}/law4": "microsoft.insights/diagnosticsettings",
    }
    assert found.evidence.gaps[0].at == Location("main.json", ("resources", 4, "scope"))


def test_graph_resources_of_bicep_are_gaps(scan: Scanner) -> None:
    app = {"import": "microsoftGraphV1", "type": "Microsoft.Graph/applications@v1.0", "properties": {"uniqueName": "a"}}
    found = scan({"main.json": template(app, declared(SERVICE_TYPE, "contoso-apim"))})
    (gap,) = found.evidence.gaps
    assert (gap.kinds, gap.reason) == (frozenset(("application",)), GapReason.UNSUPPORTED)


def test_a_template_is_imported_only_when_there_is_one() -> None:
    import subprocess
    import sys

    code = "import mcpguard.sources.intake, sys; print([m for m in sys.modules if m.startswith('mcpguard.sources.arm')])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"


def test_a_snapshot_of_bicep(scan: Scanner) -> None:
    """What ``bicep snapshot`` predicts for its sample of nested loops."""
    vaults = [{"name": "myVault", "permissions": "[parameters('permissions')]", "keyVaultSku": "standard"}]
    item = "variables('vaults')[copyIndex()]"
    body = template(
        declared(
            "Microsoft.KeyVault/vaults",
            f"[{item}.name]",
            copy={"name": "keyVaults", "count": "[length(variables('vaults'))]", "mode": "serial", "batchSize": 1},
            location="[resourceGroup().location]",
            properties={
                "copy": [
                    {
                        "name": "accessPolicies",
                        "count": f"[length({item}.permissions)]",
                        "input": {"tenantId": "[subscription().tenantId]"},
                    }
                ],
                "sku": {"family": "A", "name": f"[{item}.keyVaultSku]"},
                "tenantId": "[subscription().tenantId]",
            },
        ),
        parameters={"permissions": {"type": "array"}},
        variables={"vaults": vaults},
    )
    given = {"$schema": SCHEMA.replace("Template", "Parameters"), "parameters": {"permissions": {"value": []}}}
    found = scan({"main.json": body, "main.parameters.json": json.loads(json.dumps(given))})
    resource = found.resource("/providers/Microsoft.KeyVault/vaults/myVault")
    assert resource.body["properties"]["accessPolicies"] == []
    assert resource.body["properties"]["sku"] == {"family": "A", "name": "standard"}
    assert resource.body["properties"]["tenantId"].expression == "[tenant().tenantId]"
    assert resource.body["location"].expression == "[resourceGroup().location]"


SPECIFICATION = {
    "openapi": "3.0.1",
    "paths": {"/orders/{id}": {"delete": {"operationId": "drop", "summary": "Drop"}, "get": {"responses": {}}}},
}


def test_operations_of_an_api_that_is_made_from_a_specification(scan: Scanner) -> None:
    """ARM reference, apis: ``format`` and ``value``. As text, out of a variable, as YAML."""
    found = scan(
        {
            "main.json": template(
                declared(
                    f"{SERVICE_TYPE}/apis",
                    "s/a",
                    properties={"path": "a", "format": "openapi+json", "value": "[variables('x')]"},
                ),
                declared(
                    f"{SERVICE_TYPE}/apis",
                    "s/b",
                    properties={
                        "path": "b",
                        "format": "openapi",
                        "value": "openapi: 3.0.1\npaths:\n  /x:\n    get: {operationId: y}\n",
                    },
                ),
                variables={"x": json.dumps(SPECIFICATION)},
            )
        }
    )
    operations = {
        r.key.rpartition("/apis/")[2]: r.body["properties"] for r in found.evidence.resources if r.type.endswith("/operations")
    }
    assert sorted(operations) == ["a/operations/drop", "a/operations/get-orders-id", "b/operations/y"]
    assert (operations["a/operations/drop"]["method"], operations["a/operations/drop"]["urlTemplate"]) == (
        "DELETE",
        "/orders/{id}",
    )
    assert not [gap for gap in found.evidence.gaps if "operation" in gap.kinds]


@pytest.mark.parametrize(
    "properties",
    [
        {"format": "openapi-link", "value": "https://specs.contoso.example/orders.json"},
        {"format": "wsdl", "value": "<definitions/>"},
        {"format": "openapi+json", "value": "[parameters('specification')]"},
        {"format": "openapi+json", "value": "{"},
        {"format": "[parameters('format')]", "value": "{}"},
    ],
)
def test_a_specification_that_cannot_be_read_is_a_gap(properties: dict[str, str], scan: Scanner) -> None:
    api = declared(f"{SERVICE_TYPE}/apis", "s/a", properties={"path": "a", **properties})
    found = scan({"main.json": template(api, parameters={"specification": {"type": "string"}, "format": {"type": "string"}})})
    (gap,) = [gap for gap in found.evidence.gaps if "operation" in gap.kinds]
    assert gap.scope.endswith("/apis/a") and "/apis/a/operations" in gap.remedy

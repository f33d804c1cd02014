"""Deployment templates: plain names are read, computed ones are gaps, computed values are unresolved leaves."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import ArtifactStatus, GapReason, Unresolved
from mcpguard.evidence.kinds import KIND_OF_TYPE
from tests.sources.conftest import Scan

Scanner = Callable[..., Scan]
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
APIM = "/providers/Microsoft.ApiManagement/service/contoso-apim"


def template(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def declared(type: str, name: str, *children: Any, **more: Any) -> dict[str, Any]:
    out = {"type": type, "apiVersion": "2024-05-01", "name": name, "properties": {}, **more}
    return out | ({"resources": list(children)} if children else {})


def test_flat_and_nested_children(scan: Scanner) -> None:
    nested = declared("operations", "get-order", declared("policies", "policy"), properties={"method": "GET"})
    found = scan(
        {
            "main.json": template(
                declared("Microsoft.ApiManagement/service", "contoso-apim"),
                declared("Microsoft.ApiManagement/service/apis", "contoso-apim/orders", nested),
                declared("Microsoft.ApiManagement/service/products", "contoso-apim/retail"),
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


def test_values_that_are_computed_and_values_that_only_look_so(scan: Scanner) -> None:
    properties = {
        "path": "[parameters('path')]",
        "description": "[[not an expression]",
        "displayName": "[] is a list",
        "protocols": ["https", "[variables('second')]"],
        "contact": {"name": "plain", "email": "[parameters('mail')]"},
    }
    found = scan(
        {"main.json": template(declared("Microsoft.ApiManagement/service/apis", "contoso-apim/a", properties=properties))}
    )
    assert found.only().body["properties"] == {
        "path": Unresolved("[parameters('path')]"),
        "description": "[not an expression]",
        "displayName": "[] is a list",
        "protocols": ["https", Unresolved("[variables('second')]")],
        "contact": {"name": "plain", "email": Unresolved("[parameters('mail')]")},
    }
    assert found.start(found.only().origin.child("properties", "path")) == (10, 17)


def test_copied_properties_are_unresolved(scan: Scanner) -> None:
    copy = {"copy": [{"name": "services", "count": "[length(parameters('n'))]", "input": {"id": "x"}}]}
    found = scan(
        {
            "main.json": template(
                declared("Microsoft.ApiManagement/service/backends", "contoso-apim/pool", properties={"pool": copy})
            )
        }
    )
    assert found.only().body["properties"]["pool"] == {"services": Unresolved("copy of [length(parameters('n'))] items")}


def test_names_that_are_expressions(scan: Scanner) -> None:
    name = "[format('{0}/{1}', parameters('apimName'), 'orders')]"
    found = scan(
        {
            "main.json": template(
                declared("Microsoft.ApiManagement/service/apis", name, declared("policies", "policy")),
                declared("Microsoft.ApiManagement/service/apis", "[concat(parameters('x'), '/b')]"),
                declared("Microsoft.Web/sites", "contoso-func", declared("config", "[variables('c')]")),
            )
        }
    )
    assert found.ids == ["/providers/Microsoft.Web/sites/contoso-func"]
    first, second, third = found.evidence.gaps
    assert first.at == Location("main.json", ("resources", 0, "name"))
    assert (first.scope, first.kinds, first.reason) == ("", frozenset(("api",)), GapReason.UNSUPPORTED)
    assert first.detail == (
        "main.json declares 2 resources of type microsoft.apimanagement/service/apis, "
        f"named by the expression {name} and others"
    )
    assert first.remedy.startswith("template expressions in names are not evaluated yet")
    assert (second.scope, second.kinds) == ("", frozenset(("policy",)))
    assert (third.scope, third.kinds) == ("/providers/microsoft.web/sites/contoso-func", frozenset(("site-config",)))
    assert found.complete == set()


def test_a_template_of_expressions_alone_is_read_and_leaves_a_gap(scan: Scanner) -> None:
    found = scan({"main.json": template(declared("Microsoft.ApiManagement/service", "[parameters('n')]"))})
    artifact = found.artifact("main.json")
    assert artifact.status is ArtifactStatus.READ
    assert artifact.detail == "all names in the template are expressions, so nothing was taken from it"
    (gap,) = found.evidence.gaps
    assert found.start(gap.at) == (8, 15)


def test_a_declaration_claims_its_children_unless_some_have_no_name(scan: Scanner) -> None:
    found = scan(
        {
            "main.json": template(
                declared("Microsoft.ApiManagement/service", "contoso-apim"),
                declared("Microsoft.Web/sites", "contoso-func"),
                declared("Microsoft.App/containerApps", "returns"),
                declared("Microsoft.ApiManagement/service/apis", "[concat('contoso-apim', '/a')]"),
            )
        }
    )
    assert found.complete == {
        ("/providers/microsoft.web/sites/contoso-func", "*"),
        ("/providers/microsoft.app/containerapps/returns", "*"),
    }


def test_symbolic_names_conditions_and_existing_resources(scan: Scanner) -> None:
    resources = {
        "apim": declared("Microsoft.ApiManagement/service", "contoso-apim", existing=True),
        "api": declared("Microsoft.ApiManagement/service/apis", "contoso-apim/orders"),
        "maybe": declared("Microsoft.ApiManagement/service/apis", "contoso-apim/maybe", condition="[parameters('c')]"),
        "never": declared("Microsoft.ApiManagement/service/apis", "contoso-apim/never", condition=False),
    }
    found = scan({"main.json": {"languageVersion": "2.0", "contentVersion": "1.0.0.0", "resources": resources}})
    assert {resource.id: resource.origin.route for resource in found.evidence.resources} == {
        f"{APIM}/apis/maybe": ("resources", "maybe"),
        f"{APIM}/apis/orders": ("resources", "api"),
    }
    assert found.resource(f"{APIM}/apis/maybe").body["condition"] == Unresolved("[parameters('c')]")
    assert found.complete == set()
    assert found.artifact("main.json").detail == "a resource with the condition false was left out"


def test_nested_deployments(scan: Scanner) -> None:
    inner = template(declared("Microsoft.Web/sites", "x"), declared("Microsoft.Storage/storageAccounts", "y"))
    module = declared("Microsoft.Resources/deployments", "[guid('x')]", properties={"template": inner})
    linked = declared("Microsoft.Resources/deployments", "linked", properties={"templateLink": {"uri": "https://x"}})
    found = scan({"main.json": template(module, linked, declared("Microsoft.ApiManagement/service", "contoso-apim"))})
    first, second = found.evidence.gaps
    assert (first.kinds, first.reason) == (frozenset(("site", "microsoft.storage/storageaccounts")), GapReason.UNSUPPORTED)
    assert second.kinds == frozenset(KIND_OF_TYPE.values())
    assert "nested deployment (linked)" in second.detail
    assert found.ids == [APIM]
    assert found.complete == set()


def test_extension_resources_and_scopes(scan: Scanner) -> None:
    old = declared("Microsoft.ApiManagement/service/providers/diagnosticSettings", "contoso-apim/Microsoft.Insights/law")
    new = declared("Microsoft.Insights/diagnosticSettings", "law2", scope="Microsoft.ApiManagement/service/contoso-apim")
    computed = declared("Microsoft.Insights/diagnosticSettings", "law3", scope="[format('x')]")
    found = scan({"main.json": template(old, new, computed)})
    assert {resource.id: resource.type for resource in found.evidence.resources} == {
        f"{APIM}/providers/Microsoft.Insights/diagnosticSettings/law": "microsoft.insights/diagnosticsettings",
        f"{APIM}/providers/Microsoft.Insights/diagnosticSettings/law2": "microsoft.insights/diagnosticsettings",
    }
    assert found.evidence.gaps[0].at == Location("main.json", ("resources", 2, "scope"))


def test_graph_resources_of_bicep_are_gaps(scan: Scanner) -> None:
    app = {"import": "microsoftGraphV1", "type": "Microsoft.Graph/applications@v1.0", "properties": {"uniqueName": "a"}}
    found = scan({"main.json": template(app, declared("Microsoft.ApiManagement/service", "contoso-apim"))})
    (gap,) = found.evidence.gaps
    assert (gap.kinds, gap.reason) == (frozenset(("application",)), GapReason.UNSUPPORTED)


def test_group_export(scan: Scanner) -> None:
    exported = template(
        declared("Microsoft.ApiManagement/service", "[parameters('service_contoso_apim_name')]"),
        declared("Microsoft.ApiManagement/service/policies", "[concat(parameters('service_contoso_apim_name'), '/policy')]"),
        parameters={"service_contoso_apim_name": {"defaultValue": "contoso-apim", "type": "String"}},
        variables={},
    )
    found = scan({"export.json": exported})
    assert [sorted(gap.kinds) for gap in found.evidence.gaps] == [["service"], ["policy"]]
    wrapped = scan({"answer.json": {"template": template(declared("Microsoft.Web/sites", "x")), "error": {"code": "E"}}})
    assert wrapped.artifact("answer.json").detail == "Azure could not export all resources"
    assert wrapped.resource("/providers/Microsoft.Web/sites/x").origin.route == ("template", "resources", 0)


def test_policy_texts_of_templates_are_looked_through(scan: Scanner) -> None:
    text = "<policies>\n<inbound>\n</policies>"
    found = scan(
        {
            "main.json": template(
                declared(
                    "Microsoft.ApiManagement/service/apis/policies",
                    "contoso-apim/a/policy",
                    properties={"format": "rawxml", "value": text},
                ),
                declared(
                    "Microsoft.ApiManagement/service/apis/policies",
                    "contoso-apim/b/policy",
                    properties={"format": "rawxml", "value": "[variables('$fxv#0')]"},
                ),
            )
        }
    )
    artifact = found.artifact("main.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.at is not None and artifact.at.route == ("resources", 0, "properties", "value")
    assert found.resource(f"{APIM}/apis/b/policies/policy").body["properties"]["value"] == Unresolved("[variables('$fxv#0')]")


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
        {"type": "config", "name": "web"},
    ],
)
def test_odd_resources_are_named_or_gaps(scan: Scanner, odd: Any) -> None:
    found = scan({"main.json": template(odd, declared("Microsoft.ApiManagement/service", "contoso-apim"))})
    assert found.ids == [APIM]
    assert found.evidence.gaps or found.artifact("main.json").status is ArtifactStatus.PARTIAL
    assert found.complete == ({(APIM.lower(), "*")} if found.evidence.gaps else set())


def test_parameter_files_are_left_alone(scan: Scanner) -> None:
    parameters = {"$schema": SCHEMA.replace("Template", "Parameters"), "contentVersion": "1.0.0.0", "parameters": {}}
    found = scan({"main.parameters.json": parameters, "main.json": template(declared("Microsoft.Web/sites", "x"))})
    assert found.artifact("main.parameters.json").detail == "parameters of a template; scan the template"

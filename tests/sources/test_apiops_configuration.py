"""What lies beside APIOps extracts: filters of the extractor, overrides of the publisher, and what redaction leaves."""

from collections.abc import Callable
from typing import Any

import pytest

from mcpguard.evidence import ArtifactStatus, GapReason
from mcpguard.evidence.redaction import UPSTREAM_MASK, is_masked
from tests.sources.conftest import Scan, service
from tests.sources.test_apiops import APIM, POLICY, extract, info

Scanner = Callable[..., Scan]
KEY = "0a1B2c3D4e5F6g7H8i9J"

OVERRIDES = f"""# production
apimServiceName: contoso-apim-prod
namedValues:
  - name: orders-key
    properties:
      displayName: orders-key
      value: {KEY}
  - name: from-vault
    properties:
      keyVault: {{secretIdentifier: "https://kv.example/secrets/a", identityClientId: null}}
backends:
  - name: orders
    properties:
      url: https://orders-prod.example
      credentials:
        header:
          x-functions-key: ["{KEY}2"]
apis:
  - name: orders
    properties: {{subscriptionRequired: false}}
    diagnostics:
      - name: applicationinsights
        properties: {{verbosity: error}}
"""


def test_overrides_are_a_gap_at_the_service_that_they_are_for(scan: Scanner) -> None:
    found = scan({**extract(), "configuration.prod.yaml": OVERRIDES})
    artifact = found.artifact("configuration.prod.yaml")
    assert (artifact.status, artifact.kind) == (ArtifactStatus.READ, "apiops-configuration")
    assert artifact.detail == (
        "overrides properties of 5 resources on publish to the service contoso-apim-prod, not applied to the extract"
    )
    [gap] = found.evidence.gaps
    assert gap.scope == "/providers/microsoft.apimanagement/service/contoso-apim-prod"
    assert gap.kinds == {"named-value", "backend", "api", "diagnostic"}
    assert gap.reason is GapReason.UNSUPPORTED
    assert found.resource(f"{APIM}/apis/orders").body["properties"].get("subscriptionRequired") is None
    assert (APIM.lower(), "*") in found.complete


def test_overrides_without_a_service_concern_no_service_that_was_read(scan: Scanner) -> None:
    text = OVERRIDES.replace("apimServiceName: contoso-apim-prod\n", "")
    [gap] = scan({**extract(), "configuration.prod.yaml": text}).evidence.gaps
    assert gap.scope == "file:configuration.prod.yaml"


def test_overrides_for_a_service_that_was_read_hide_something_there(scan: Scanner) -> None:
    deployed = service()
    deployed["id"] += "-prod"
    deployed["name"] += "-prod"
    found = scan({"configuration.prod.yaml": OVERRIDES, "service.json": deployed})
    assert [gap.scope for gap in found.evidence.gaps] == [deployed["id"].lower()]


def test_secrets_in_overrides_do_not_leave(scan: Scanner) -> None:
    found = scan({**extract(), "configuration.prod.yaml": OVERRIDES})
    body = found.resource("file:configuration.prod.yaml").body
    assert is_masked(body["namedValues"][0]["properties"]["value"])
    assert is_masked(body["backends"][0]["properties"]["credentials"]["header"]["x-functions-key"][0])
    assert KEY not in repr(found.evidence.resources)
    assert {KEY, f"{KEY}2"} <= found.evidence.texts["configuration.prod.yaml"].secrets


FILTERS = {
    "configuration.extractor.yaml": "apis:\n  - orders\n  - stock:\n      operations: []\nproducts: []\n",
    "configuration.older.yaml": "apiNames:\n  - orders\n  - stock\n",
}


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filtered_extract_does_not_say_what_else_there_is(scan: Scanner, name: str) -> None:
    stock = {"contoso-apim/apis/stock/apiInformation.json": info(path="stock", type="soap")}
    found = scan({**extract(), **stock, name: FILTERS[name]})
    assert found.artifact(name).detail == "the extract was limited to some apis"
    claims = found.complete
    assert (APIM.lower(), "*") not in claims
    assert (APIM.lower(), "microsoft.apimanagement/service/apis") not in claims
    assert (APIM.lower(), "microsoft.apimanagement/service/products") in claims
    assert (APIM.lower(), "microsoft.apimanagement/service/policies") in claims
    assert (f"{APIM}/apis/orders".lower(), "*") in claims
    assert ((f"{APIM}/apis/stock".lower(), "*") in claims) is ("stock:" not in FILTERS[name])


def test_a_filter_elsewhere_says_nothing_of_an_extract(scan: Scanner) -> None:
    found = scan({**extract(), "other/configuration.extractor.yaml": FILTERS["configuration.older.yaml"]})
    assert (APIM.lower(), "*") in found.complete


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.yaml", "apis:\n  - a\nunrelated: 1\n"),
        ("x.yaml", "apis: {a: 1}\n"),
        ("x.yaml", "apis: [a]\n"),
        ("x.yaml", "- apis: a\n"),
        ("notes.md", "namedValues: are {{ not [ yaml\n---\napis: x\n"),
        ("x.yaml", "products: [\n"),
    ],
)
def test_other_files_with_such_keys_are_left_alone(scan: Scanner, name: str, text: str) -> None:
    artifact = scan({**extract(), name: text}).artifact(name)
    assert (artifact.status, artifact.detail) == (ArtifactStatus.SKIPPED, "no format that mcpguard knows")


def test_a_broken_configuration_fails_with_its_place(scan: Scanner) -> None:
    found = scan({**extract(), "configuration.prod.yaml": "namedValues:\n  - name: [\n"})
    artifact = found.artifact("configuration.prod.yaml")
    assert artifact.status is ArtifactStatus.FAILED
    assert found.start(artifact.at)[0] == 3


# -- what extracts do not say ----------------------------------------------------------------------------------------


def test_an_extract_without_mcp_servers_may_have_been_made_by_an_old_api_version(scan: Scanner) -> None:
    files = {name: content for name, content in extract().items() if "orders-mcp" not in name}
    [gap] = scan(files).evidence.gaps
    assert (gap.scope, gap.kinds, gap.reason) == (APIM.lower(), {"mcp-server"}, GapReason.OLD_API_VERSION)
    assert "leave out MCP servers" in gap.detail


def test_redacted_values_stay_what_they_are(scan: Scanner) -> None:
    inner = f'<set-header name="Authorization" exists-action="override"><value>Bearer {UPSTREAM_MASK}</value></set-header>'
    text = f"<policies><inbound>{inner}<base /></inbound></policies>"
    found = scan(
        {
            **extract(),
            "contoso-apim/namedValues/key/namedValueInformation.json": info(
                displayName="key", secret=True, value=UPSTREAM_MASK
            ),
            "contoso-apim/apis/orders/policy.xml": text,
        }
    )
    value = found.resource(f"{APIM}/namedValues/key").body["properties"]["value"]
    assert value == UPSTREAM_MASK and is_masked(value)
    assert found.resource(f"{APIM}/apis/orders/policies/policy").body["properties"]["value"] == text
    kept = found.evidence.texts
    assert not kept["contoso-apim/apis/orders/policy.xml"].secrets
    assert not kept["contoso-apim/namedValues/key/namedValueInformation.json"].secrets


# -- more of the layout ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content", "id", "kind"),
    [
        ("apis/orders/apiInformation.yaml", "properties:\n  path: orders\n", "/apis/orders", "/apis"),
        ("apis/o/resolvers/r/resolverInformation.json", info(path="Query/x"), "/apis/o/resolvers/r", "/apis/resolvers"),
        ("apis/o/resolvers/r/policy.xml", POLICY, "/apis/o/resolvers/r/policies/policy", "/apis/resolvers/policies"),
        ("apis/o/releases/1/apiReleaseInformation.json", info(), "/apis/o/releases/1", "/apis/releases"),
        ("apis/o/releases/1/releaseInformation.json", info(), "/apis/o/releases/1", "/apis/releases"),
        (
            "apis/o/tagDescriptions/t/tagDescriptionInformation.json",
            info(),
            "/apis/o/tagdescriptions/t",
            "/apis/tagdescriptions",
        ),
        ("apis/o/tags/t/tagInformation.json", {}, "/apis/o/tags/t", "/apis/tags"),
        ("apis/o/mcpServerInformation.json", info(), "/apis/o/mcpServers/default", "/apis/mcpservers"),
        (
            "gateways/g/hostnameConfigurations/h/hostnameConfigurationInformation.json",
            info(hostname="edge.contoso.example", tls10Enabled=True),
            "/gateways/g/hostnameconfigurations/h",
            "/gateways/hostnameconfigurations",
        ),
        ("gateways/g/apis.json", [{"name": "orders"}], "/gateways/g/apis/orders", "/gateways/apis"),
        ("policyRestrictions/r/policyRestrictionInformation.json", info(), "/policyRestrictions/r", "/policyrestrictions"),
        ("products/p/apis.yaml", "- name: orders\n", "/products/p/apis/orders", "/products/apis"),
        (
            "workspaces/w/version sets/v/versionSetInformation.json",
            info(),
            "/workspaces/w/apiVersionSets/v",
            "/workspaces/apiversionsets",
        ),
    ],
)
def test_places_of_the_layout(scan: Scanner, path: str, content: Any, id: str, kind: str) -> None:
    found = scan({"svc/tags/anchor/tagInformation.json": info(), f"svc/{path}": content})
    resource = found.resource(f"/providers/Microsoft.ApiManagement/service/svc{id}")
    assert resource.type == "microsoft.apimanagement/service" + kind
    assert found.artifact(f"svc/{path}").status is ArtifactStatus.READ

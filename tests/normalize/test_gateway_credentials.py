"""What backend entities and named values keep of credentials: places, references, masks, template expressions."""

import json
from pathlib import Path

import pytest

from mcpguard.core.facts import Known, Unknown, value_or_none
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.credentials import CredentialSort, credential_uses
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Backend, Credential, NamedValue, PolicyText
from mcpguard.model.template_keys import HostKey
from tests.normalize.test_estate import SERVICE_RESOURCE, Json, api, child, estate, policy, server

KEY = "0123456789abcdefABCDEF"
TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
}
LIST_KEYS = "[listKeys('x', '2024-04-01').masterKey]"


def deployed(tmp_path: Path, kind: str, name: str, **properties: object) -> Estate:
    resource = {"type": f"Microsoft.ApiManagement/service/{kind}", "name": f"s/{name}", "properties": properties}
    (tmp_path / "main.json").write_text(json.dumps(TEMPLATE | {"resources": [resource | {"apiVersion": "2024-05-01"}]}))
    return estate(tmp_path)


def credentials(found: Estate) -> dict[tuple[str, str], Credential]:
    (backend,) = found.of(Backend)
    assert isinstance(backend.credentials, Known)
    return {(item.place, item.name): item for item in backend.credentials.value}


def test_every_place_of_a_backend(tmp_path: Path) -> None:
    given = {
        "header": {"x-functions-key": ["{{key}}", KEY], "x-one": KEY},
        "query": {"code": ["{{key}}"]},
        "authorization": {"scheme": "Basic", "parameter": KEY},
        "certificateIds": ["/certificates/c"],
    }
    proxy = {"url": "https://p", "username": "u", "password": KEY}
    found = estate(tmp_path, [child("backends/b", "backends", url="https://x", credentials=given, proxy=proxy)])
    (backend,) = found.of(Backend)
    assert isinstance(backend.credentials, Known)
    seen = [(item.place, item.name, value_or_none(item.value), item.at.route[-1]) for item in backend.credentials.value]
    masked = f"<masked>{'*' * (len(KEY) - 8)}"
    assert seen == [
        ("header", "x-functions-key", "{{key}}", 0),
        ("header", "x-functions-key", masked, 1),
        ("header", "x-one", masked, "x-one"),
        ("query", "code", "{{key}}", 0),
        ("authorization", "Basic", masked, "parameter"),
        ("proxy", "u", masked, "password"),
    ]
    assert is_masked(masked)


@pytest.mark.parametrize("properties", [{"url": "https://x"}, {"url": "https://x", "credentials": None, "proxy": None}])
def test_a_backend_without_credentials(tmp_path: Path, properties: Json) -> None:
    assert credentials(estate(tmp_path, [child("backends/b", "backends", **properties)])) == {}


def test_a_computed_value_and_a_computed_object(tmp_path: Path) -> None:
    found = deployed(tmp_path, "backends", "b", credentials={"header": {"x-functions-key": [LIST_KEYS]}})
    (item,) = credentials(found).values()
    assert isinstance(item.value, Unknown) and item.template is not None and item.template.keys == (HostKey.MASTER,)
    (tmp_path / "main.json").unlink()
    (backend,) = deployed(tmp_path, "backends", "b", credentials="[parameters('credentials')]").of(Backend)
    assert isinstance(backend.credentials, Unknown)


def test_a_list_of_names_says_nothing_of_credentials(tmp_path: Path) -> None:
    bare = child("backends/b", "backends")
    del bare["properties"]
    (backend,) = estate(tmp_path, [bare]).of(Backend)
    assert isinstance(backend.credentials, Unknown)


@pytest.mark.parametrize(
    ("properties", "secret"),
    [
        ({"secret": True}, True),
        ({"secret": False, "value": "v"}, False),
        ({"value": "v"}, False),
        ({"keyVault": {"secretIdentifier": "https://v/secrets/k"}}, True),
        ({"secret": None, "value": "v"}, False),
        ({"value": "*** REDACTED ***"}, True),
        ({}, None),
        ({"secret": "yes", "value": "v"}, None),
    ],
)
def test_whether_a_named_value_is_secret(tmp_path: Path, properties: Json, secret: bool | None) -> None:
    found = estate(tmp_path, [child("namedValues/k", "namedValues", displayName="k", **properties)])
    assert value_or_none(found.of(NamedValue)[0].secret) is secret


def test_what_a_named_value_keeps_of_its_source(tmp_path: Path) -> None:
    vault = {"secretIdentifier": "https://v.vault.azure.net/secrets/k"}
    found = estate(tmp_path, [child("namedValues/k", "namedValues", displayName="k", secret=True, keyVault=vault)])
    assert found.of(NamedValue)[0].key_vault == "https://v.vault.azure.net/secrets/k"
    declared = deployed(tmp_path, "namedValues", "c", displayName="c", value=LIST_KEYS).of(NamedValue)
    (computed,) = [value for value in declared if value.name == "c"]
    assert computed.template is not None and computed.template.keys == (HostKey.MASTER,)
    assert isinstance(computed.value, Unknown)


def test_a_policy_that_a_template_computes(tmp_path: Path) -> None:
    found = deployed(tmp_path, "policies", "policy", format="rawxml", value=LIST_KEYS)
    (policy,) = found.of(PolicyText)
    assert policy.template is not None and policy.template.keys == (HostKey.MASTER,)
    assert isinstance(policy.text, Unknown)


def test_credentials_of_everything_that_runs_for_a_server(tmp_path: Path) -> None:
    header = '<set-header name="{}"><value>{}</value></set-header>'
    fragment = f"<fragment>{header.format('x-api-key', '{{in-fragment}}')}</fragment>"
    condition = "context.Request.Headers.GetValueOrDefault(&quot;api-key&quot;, &quot;&quot;) != &quot;{{callers}}&quot;"
    found = estate(
        tmp_path,
        [SERVICE_RESOURCE],
        [
            api("x", type="mcp", path="x", backendId="b", subscriptionRequired=False),
            api("rest", type="http", path="rest"),
            api("tools", type="mcp", path="tools"),
        ],
        [child("apis/rest/operations/get", "apis/operations", method="GET", urlTemplate="/")],
        [
            child(
                "apis/tools/tools/t",
                "apis/tools",
                displayName="t",
                operationId=f"{SERVICE_RESOURCE['id']}/apis/rest/operations/get",
            )
        ],
        [child("policyFragments/f", "policyFragments", format="rawxml", value=fragment)],
        [
            policy("", ""),
            policy(
                "apis/x",
                '<include-fragment fragment-id="f" />'
                + header.format("Authorization", "{{in-policy}}")
                + header.format("x-functions-key", '@(context.Request.Headers.GetValueOrDefault("k", ""))')
                + header.format("x-plain", "{{no-credential}}")
                + f'<choose><when condition="@({condition})"><return-response /></when></choose>',
            ),
            policy("apis/rest", header.format("x-api-key", "{{behind}}")),
            policy("apis/tools", "<base />"),
        ],
        [policy("apis/x/operations/token", "<base /><set-body>client_secret={{in-form}}&amp;x={{other}}</set-body>")],
        [child("apis/x/operations/token", "apis/operations", method="POST", urlTemplate="/token")],
        [child("backends/b", "backends", url="https://x", credentials={"query": {"code": ["{{in-backend}}"]}})],
    )
    uses = credential_uses(server(found, "x"), found).items
    assert {(name, use.sort) for use in uses for name in use.names} == {
        ("in-fragment", CredentialSort.SENT),
        ("in-policy", CredentialSort.SENT),
        ("callers", CredentialSort.COMPARED),
        ("in-form", CredentialSort.SENT),
        ("in-backend", CredentialSort.SENT),
    }
    assert len({use.at for use in uses}) == len(uses) == 6
    assert [use.is_callers for use in uses if use.is_computed] == [True]
    assert {use.holder for use in uses} >= {"the fragment f", "the API policy of x", "backend b"}
    assert [use.names for use in credential_uses(server(found, "tools"), found).items] == [("behind",)]

"""Secrets stop at the door: in bodies, in policy texts, in details; what is no secret stays."""

import json
import pickle
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpguard.evidence import Unresolved
from mcpguard.evidence.redaction import (
    has_secret_shape,
    holds_mask,
    is_credential_name,
    is_masked,
    is_placeholder,
    mask,
    mask_shapes,
    mask_text,
    secret_ranges,
)
from mcpguard.sources import policy_secrets, read
from mcpguard.sources.secrecy import strike
from tests.sources.arm.test_templates import declared, template
from tests.sources.conftest import SERVICE, SITE, Scan, api, policy, write_files

Scanner = Callable[..., Scan]
APIM = "Microsoft.ApiManagement/service"


def child(kind: str, name: str, **properties: Any) -> dict[str, Any]:
    return {"id": f"{SERVICE}/{kind}/{name}", "type": f"{APIM}/{kind}", "name": name, "properties": properties}


def config(name: str, properties: Any) -> dict[str, Any]:
    return {"id": f"{SITE}/config/{name}", "type": "Microsoft.Web/sites/config", "name": name, "properties": properties}


def client(**server: Any) -> dict[str, Any]:
    return {"servers": {"orders": {"url": "https://x/mcp", **server}}}


def policies(inner: str) -> str:
    return f"<policies><inbound>{inner}</inbound></policies>"


def app(**more: Any) -> dict[str, Any]:
    return {"id": "1", "appId": "2", "identifierUris": [], **more}


CONTAINER = {
    "id": SITE.replace("Microsoft.Web/sites", "Microsoft.App/containerApps"),
    "type": "Microsoft.App/containerApps",
    "name": "x",
}

PLACES: dict[str, Callable[[str], Any]] = {
    "named value, secret": lambda s: child("namedValues", "x", displayName="x", secret=True, value=s),
    "named value, by name": lambda s: child("namedValues", "x", displayName="orders-api-key", value=s),
    "named value in a workspace": lambda s: {
        "id": f"{SERVICE}/workspaces/w/namedValues/x",
        "properties": {"displayName": "client-secret", "value": s},
    },
    "backend header": lambda s: child("backends", "x", credentials={"header": {"x-functions-key": [s]}}),
    "backend header as text": lambda s: child("backends", "x", credentials={"header": {"x-version": s}}),
    "backend query": lambda s: child("backends", "x", credentials={"query": {"code": [s, "{{code}}"]}}),
    "backend authorization": lambda s: child(
        "backends", "x", credentials={"authorization": {"scheme": "Basic", "parameter": s}}
    ),
    "backend proxy": lambda s: child("backends", "x", proxy={"url": "https://p", "username": "u", "password": s}),
    "backend url": lambda s: child("backends", "x", url=f"https://f.example/api?code={s}"),
    "service url": lambda s: api("x", serviceUrl=f"https://user:{s}@f.example/"),
    "logger": lambda s: child("loggers", "x", loggerType="azureEventHub", credentials={"connectionString": s}),
    "authorization server": lambda s: child("authorizationServers", "x", clientId="c", clientSecret=s),
    "identity provider": lambda s: child("identityProviders", "aad", clientSecret=s),
    "authorization provider": lambda s: child(
        "authorizationProviders", "x", oauth2={"grantTypes": {"clientCredentials": {"clientSecret": s}}}
    ),
    "cache": lambda s: child("caches", "x", connectionString=s),
    "subscription": lambda s: child("subscriptions", "x", scope="/apis", primaryKey=s, secondaryKey=s + "2"),
    "app setting": lambda s: config("appsettings", {"ORDERS_DB": s}),
    "app setting by name": lambda s: config("appsettings", {"MICROSOFT_PROVIDER_AUTHENTICATION_SECRET": s}),
    "host override": lambda s: config("appsettings", {"AzureFunctionsJobHost__some__apiKey": s}),
    "connection string": lambda s: config("connectionstrings", {"db": {"value": s, "type": "SQLAzure"}}),
    "web config": lambda s: config("web", {"connectionStrings": [{"name": "db", "connectionString": s}]}),
    "old authentication": lambda s: config("authsettings", {"enabled": True, "clientSecret": s}),
    "site": lambda s: {
        "id": SITE,
        "type": "Microsoft.Web/sites",
        "properties": {"siteConfig": {"appSettings": [{"name": "DB", "value": s}], "connectionStrings": None}},
    },
    "slot": lambda s: {
        "id": f"{SITE}/slots/staging",
        "type": "Microsoft.Web/sites/slots",
        "properties": {"siteConfig": {"appSettings": [{"name": "DB", "value": s}]}},
    },
    "container environment": lambda s: (
        CONTAINER | {"properties": {"template": {"containers": [{"env": [{"name": "API_KEY", "value": s}]}]}}}
    ),
    "container init environment": lambda s: (
        CONTAINER | {"properties": {"template": {"initContainers": [{"env": [{"name": "DB_PASSWORD", "value": s}]}]}}}
    ),
    "container secret": lambda s: (
        CONTAINER | {"properties": {"configuration": {"secrets": [{"name": "a", "value": s}], "ingress": {"external": True}}}}
    ),
    "application password": lambda s: app(passwordCredentials=[{"keyId": "k", "secretText": s}]),
    "application key": lambda s: app(keyCredentials=[{"keyId": "k", "key": s}]),
    "service principal": lambda s: (
        {"id": "1", "appId": "2", "servicePrincipalType": "Application"} | {"passwordCredentials": [{"secretText": s}]}
    ),
    "registration in the old manifest": lambda s: {
        "id": "1",
        "appId": "2",
        "accessTokenAcceptedVersion": 2,
        "identifierUris": [],
        "passwordCredentials": [{"keyId": "k", "value": s}],
    },
    "registration of ROADrecon": lambda s: {
        "objectType": "Application",
        "identifierUris": [],
        "objectId": "1",
        "appId": "2",
        "encryptedMsiApplicationSecret": s,
        "keyCredentials": [{"keyId": "k", "value": s + "2"}],
    },
    "registration of PowerShell": lambda s: {
        "Id": "1",
        "AppId": "2",
        "DisplayName": "x",
        "IdentifierUris": [],
        "PasswordCredentials": [{"KeyId": "k", "SecretText": s}],
        "Notes": f"https://x.example/?code={s}",
    },
    "connection": lambda s: {
        "id": f"{SITE.rpartition('/providers')[0]}/providers/Microsoft.CognitiveServices/accounts/a/projects/p/connections/c",
        "properties": {"category": "RemoteTool", "authType": "CustomKeys", "credentials": {"keys": {"x-api-key": s}}},
    },
    "unknown type": lambda s: {
        "id": "/subscriptions/1/resourceGroups/g/providers/Microsoft.Sql/servers/x",
        "properties": {"administratorLogin": "sa", "administratorLoginPassword": s},
    },
    "client header": lambda s: client(headers={"Authorization": f"Bearer {s}"}),
    "client request header": lambda s: client(requestInit={"headers": {"x-api-key": s}}),
    "client key header": lambda s: client(headers={"x-functions-key": s}),
    "client environment": lambda s: client(command="npx", env={"GITHUB_TOKEN": s}),
    "client url": lambda s: client(url=f"https://f.example/runtime/webhooks/mcp?code={s}&x=1"),
    "client argument": lambda s: client(command="npx", args=["-y", "server", "--api-key", s]),
    "client argument with =": lambda s: client(command="npx", args=[f"--token={s}"]),
    "client header argument": lambda s: client(command="npx", args=["--header", f"x-api-key: {s}"]),
    "client input": lambda s: client() | {"inputs": [{"id": "k", "password": True, "default": s}]},
    "template parameter": lambda s: template(
        declared("Microsoft.Web/sites", "x"), parameters={"p": {"type": "secureString", "defaultValue": s}}
    ),
    "template resource": lambda s: template(
        declared(f"{APIM}/namedValues", "svc/x", properties={"displayName": "x", "secret": True, "value": s})
    ),
    "template expression": lambda s: template(
        declared(f"{APIM}/backends", "svc/x", properties={"url": f"[concat('https://x?code={s}', 'y')]"})
    ),
}
POLICY_PLACES: dict[str, Callable[[str], str]] = {
    "authorization": lambda s: f'<set-header name="Authorization"><value>Basic {s}</value></set-header>',
    "authorization, spread": lambda s: f'<set-header name=" authorization "><value>\n  {s}\n </value></set-header>',
    "second value": lambda s: f"<set-header name='x-functions-key'><value>{{{{k}}}}</value><value>{s}</value></set-header>",
    "key header": lambda s: f'<set-header name="Ocp-Apim-Subscription-Key"><value>{s}</value></set-header>',
    "cdata": lambda s: f'<set-header name="api-key"><value><![CDATA[{s}]]></value></set-header>',
    "after a comment": lambda s: f'<set-header name="api-key"><value><!-- old -->{s}</value></set-header>',
    "after a brace": lambda s: f'<set-header name="api-key"><value>{{{s}</value></set-header>',
    "variable, value first": lambda s: f'<set-variable value="{s}" name="clientSecret" />',
    "cookie": lambda s: f'<set-header name="Cookie"><value>session={s}</value></set-header>',
    "header named like a key": lambda s: f'<set-header name="x-mcp-key"><value>{s}</value></set-header>',
    "checked header": lambda s: f'<check-header name="x-mcp-key"><value>{s}</value></check-header>',
    "compared header": lambda s: (
        f'<choose><when condition=\'@(context.Request.Headers.GetValueOrDefault("x-mcp-key", "") != "{s}")\' /></choose>'
    ),
    "compared item": lambda s: (
        f"<choose><when condition='@(context.Request.Headers[&quot;x-api-key&quot;].First().Equals(&quot;{s}&quot;))' /></choose>"
    ),
    "compared the other way round": lambda s: (
        f'<choose><when condition=\'@("Bearer {s}" == (string)context.Request.Headers["x-mcp-key"][0]?.Trim())\' /></choose>'
    ),
    "compared by a method": lambda s: (
        f"<choose><when condition='@{{ var ok = string.Equals(context.Request.Headers.GetValueOrDefault("
        f'"x-mcp-key"), "{s}", StringComparison.Ordinal); return ok; }}\' /></choose>'
    ),
    "compared where there may be none": lambda s: (
        f'<set-variable name="ok" value=\'@(context.Request.Headers.GetValueOrDefault("api-key")?.Equals("{s}") ?? false)\' />'
    ),
    "x-ms-apikey": lambda s: f'<set-header name="x-ms-apikey"><value>{s}</value></set-header>',
    "query": lambda s: f'<set-query-parameter name="code"><value>{s}</value></set-query-parameter>',
    "basic": lambda s: f'<authentication-basic username="u" password="{s}" />',
    "certificate": lambda s: f'<authentication-certificate body="{s}" password="{s}2" />',
    "proxy": lambda s: f'<proxy url="https://p" username="u" password="{s}" />',
    "signing key": lambda s: (
        f'<validate-jwt header-name="A"><issuer-signing-keys><key id="a">{s}</key></issuer-signing-keys></validate-jwt>'
    ),
    "url": lambda s: f'<set-backend-service base-url="https://f.example/api?a=1&amp;code={s}" />',
    "expression": lambda s: f'<set-variable name="t" value="@(&quot;https://x?sig={s * 2}&quot;)" />',
    "raw expression": lambda s: f'<set-body>@{{ return "AccountKey={s * 2};"; }}</set-body>',
    "form": lambda s: f"<set-body>grant_type=client_credentials&amp;client_secret={s}&amp;scope=x</set-body>",
    "variable": lambda s: f'<set-variable name="clientSecret" value="{s}" />',
    "comment": lambda s: f"<!-- Bearer {s * 2} -->",
}
SECRETS = st.text("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", min_size=12, max_size=40).filter(
    lambda text: any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
)


def leaks(folder: Path, content: Any, secret: str) -> list[str]:
    """Where a secret is found in the evidence, apart from the texts and their lists of secrets."""
    write_files(folder, {"file": content})
    evidence = read([folder])
    assert any(secret in spelling for text in evidence.texts.values() for spelling in text.secrets)
    for text in evidence.texts.values():
        assert secret not in mask_text(text.data.decode(), text.secrets)
    bare = msgspec.structs.replace(evidence, texts={}, digest="")
    found = [name for name, blob in (("repr", repr(bare)), ("pickle", str(pickle.dumps(bare)))) if secret in blob]
    if secret in json.dumps(msgspec.to_builtins(bare), default=str):
        found.append("values")
    return found


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECRETS)
def test_secrets_in_json_stay_outside(tmp_path: Path, place: str, secret: str) -> None:
    assert leaks(tmp_path, PLACES[place](secret), secret) == []


@pytest.mark.parametrize("place", POLICY_PLACES)
@pytest.mark.parametrize("holder", ["loose", "json", "escaped"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECRETS)
def test_secrets_in_policies_stay_outside(tmp_path: Path, holder: str, place: str, secret: str) -> None:
    text = policies(POLICY_PLACES[place](secret))
    content = text if holder == "loose" else policy(text, format="xml" if holder == "escaped" else "rawxml")
    assert leaks(tmp_path, content, secret) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://f.example/api?a=1&code=************", True),
        ("https://user:******@f.example/", True),
        ("client_secret=<masked>****&scope=x", True),
        ('@("Bearer ************")', True),
        ('@(key != "********")', True),
        ("a *** b", False),
        ("/**** a comment ****/", False),
        ("Bearer *** REDACTED ***", False),
        ("https://f.example/api?code={{key}}", False),
    ],
)
def test_a_mask_is_seen_in_a_text(text: str, wanted: bool) -> None:
    assert holds_mask(text) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<your-key>", True),
        ("&lt;your key&gt;", True),
        ("#{ApiKey}#", True),
        ("{#[api-key]#}", True),
        ("$(ApiKey)", True),
        ("YOUR_API_KEY", True),
        ("replace-me", True),
        ("enter-the-dragon", False),
        ("insert coins 2", False),
        ("your-key-4f2a", False),
        ("<4f2a8b>", False),
        ("changeme", False),
    ],
)
def test_placeholders_mark_the_place_of_a_value(text: str, wanted: bool) -> None:
    assert is_placeholder(text) is wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Authorization", True),
        ("X-MCP-Key", True),
        ("code", True),
        ("clientSecret", True),
        ("WWW-Authenticate", False),
        ("Idempotency-Key", False),
        ("x-csrf-token", False),
        ("X-Token-Issuer", False),
        ("Mcp-Session-Id", False),
    ],
)
def test_names_of_credentials(name: str, wanted: bool) -> None:
    assert is_credential_name(name) is wanted


@pytest.mark.parametrize("place", POLICY_PLACES)
def test_masked_policies_keep_every_offset(place: str) -> None:
    text = policies(POLICY_PLACES[place]("Zm9vYmFyMTIzNDU2"))
    scan = policy_secrets.scan(text)
    assert len(scan.masked) == len(text)
    assert scan.problems == ()
    assert scan.secrets and all("*" * len(secret) in scan.masked for secret in scan.secrets)
    differing = {index for index, (a, b) in enumerate(zip(text, scan.masked, strict=True)) if a != b}
    assert all(scan.masked[index] == "*" for index in differing)


@pytest.mark.parametrize(
    "inner",
    [
        '<set-header name="Authorization"><value>Bearer {{token}}</value></set-header>',
        '<set-header name="Authorization"><value>@("Bearer " + (string)context.Variables["t"])</value></set-header>',
        '<set-header name="Authorization" exists-action="delete" />',
        '<set-header name="WWW-Authenticate"><value>Bearer resource_metadata="https://x"</value></set-header>',
        '<set-header name="Authorization"><value>Bearer</value></set-header>',
        '<set-query-parameter name="api-version"><value>2024-05-01</value></set-query-parameter>',
        '<set-query-parameter name="code"><value>{{function-key}}</value></set-query-parameter>',
        '<authentication-basic username="u" password="{{password}}" />',
        '<authentication-certificate thumbprint="0123456789ABCDEF0123456789ABCDEF01234567" />',
        '<set-variable name="tokenUrl" value="https://login.microsoftonline.com/x/oauth2/v2.0/token" />',
        '<set-variable name="token" value="@(context.Request.Headers.GetValueOrDefault(&quot;A&quot;))" />',
        '<set-header name="Authorization"><value>*** REDACTED ***</value></set-header>',
        "<set-body>client_secret={{secret}}&amp;code=@(1)</set-body>",
        '<set-header name="x-functions-key"><value>&lt;your-key&gt;</value></set-header>',
        '<set-header name="api-key"><value>#{ApiKey}#</value></set-header>',
        '<set-header name="api-key"><value>YOUR_API_KEY</value></set-header>',
        '<set-header name="Idempotency-Key"><value>one-for-all-requests</value></set-header>',
        '<set-header name="x-mcp-key"><value>v2</value></set-header>',
        '<choose><when condition=\'@(context.Request.Headers.GetValueOrDefault("x-api-key", "") == "{{key-of-callers}}")\' /></choose>',
        '<choose><when condition=\'@(context.Request.Headers.GetValueOrDefault("X-Tenant", "") == "fabrikam-retail")\' /></choose>',
    ],
)
def test_what_is_no_secret_stays_in_a_policy(inner: str) -> None:
    text = policies(inner)
    assert (policy_secrets.scan(text).masked, policy_secrets.scan(text).secrets) == (text, ())


KEPT = {
    "WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES": "api://1f4b0158/user_impersonation",
    "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": "ff8835fe-27f4-4c99-a51e-af37db097700",
    "WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL": "true",
    "WEBSITE_AUTH_DISABLE_WWWAUTHENTICATE": "true",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "aebc6443-996d-45c2-90f0-388ff96faa56",
    "TokenExchangeAudience": "api://AzureADTokenExchange",
    "AzureWebJobsFeatureFlags": "EnableMcpCustomHandlerPreview",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "FUNCTIONS_EXTENSION_VERSION": "~4",
    "AzureFunctionsJobHost__customHandler__http__DefaultAuthorizationLevel": "anonymous",
    "AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel": "Anonymous",
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobsStorage__blobServiceUri": "https://x.blob.core.windows.net",
    "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
}


def test_app_settings_that_rules_look_at_stay(scan: Scanner) -> None:
    given = {**KEPT, "LEVEL": "5", "STAGE": "Production", "AzureWebJobsFeatureFlags2": "abc"}
    found = scan({"appsettings.json": config("appsettings", given)})
    properties = found.only().body["properties"]
    assert {name: properties[name] for name in KEPT} == KEPT
    assert properties["LEVEL"] == "*"
    assert properties["STAGE"] == "<masked>**"
    assert is_masked(properties["AzureWebJobsFeatureFlags2"])
    assert found.evidence.texts["appsettings.json"].secrets == {"Production"}


@pytest.mark.parametrize(
    "resource",
    [
        child("namedValues", "x", displayName="token-audience", value="1f4b0158-42c1-4516-8a5e-826a4aa93c44"),
        child("namedValues", "x", displayName="token-issuer", value="https://sts.windows.net/ff8835fe/"),
        child("namedValues", "x", displayName="api-key", secret=True, keyVault={"secretIdentifier": "https://v"}),
        child("namedValues", "x", displayName="header", value="{{other}}"),
        child("backends", "x", url="https://x?a=1", credentials={"header": {"Authorization": ["Bearer {{t}}"]}}),
        child("backends", "x", credentials={"certificateIds": ["/certificates/c"], "header": {}, "query": None}),
        child("loggers", "x", credentials={"name": "hub", "identityClientId": "SystemAssigned", "k": "{{Logger-1}}"}),
        config("slotConfigNames", {"appSettingNames": ["SECRET_NAME"]}),
        config("authsettingsV2", {"identityProviders": {"azureActiveDirectory": {"clientSecretSettingName": "SECRET_NAME"}}}),
        CONTAINER | {"properties": {"template": {"containers": [{"env": [{"name": "TOKEN_URL", "value": "https://x/y"}]}]}}},
        CONTAINER | {"properties": {"template": {"containers": [{"env": [{"name": "KEY", "secretRef": "k"}]}]}}},
        app(passwordCredentials=[{"displayName": "old", "hint": "abc", "secretText": None}]),
        client(headers={"Authorization": "Bearer ${input:token}", "x-tenant": "contoso-retail"}),
        client(command="npx", env={"API_KEY": "${env:KEY}", "HOST": "x.example"}, args=["--api-key", "${input:k}", 7]),
        client(headers=None, env=[], args={}, url=None),
    ],
)
def test_what_is_no_secret_stays(scan: Scanner, resource: dict[str, Any]) -> None:
    found = scan({"file.json": json.loads(json.dumps(resource))})
    assert found.only().body == resource
    assert found.evidence.texts["file.json"].secrets == frozenset()


def test_masks_keep_length_and_say_so(scan: Scanner) -> None:
    found = scan({"nv.json": child("namedValues", "x", displayName="x", secret=True, value="hunter2-hunter2")})
    value = found.only().body["properties"]["value"]
    assert value == "<masked>*******" and is_masked(value)


def test_a_key_in_a_url_leaves_the_url_readable(scan: Scanner) -> None:
    found = scan({"mcp.json": client(url="https://f.example/mcp?code=abcdefgh12345678&x=1")})
    assert found.only().body["servers"]["orders"]["url"] == "https://f.example/mcp?code=<masked>********&x=1"


def test_expressions_of_templates_are_trimmed(scan: Scanner) -> None:
    url = "[concat('https://x?code=abcdefgh12345678', parameters('y'))]"
    found = scan({"main.json": template(declared(f"{APIM}/backends", "svc/x", properties={"url": url}))})
    value = found.only().body["properties"]["url"]
    assert isinstance(value, Unresolved)
    assert value.expression == "[concat('https://x?code=<masked>********', parameters('y'))]"
    assert value.parts[0] == "https://x?code=<masked>********"


@pytest.mark.parametrize(
    ("spelled", "secret"),
    [
        (r"abc\u002Bdef\u002F12345", "abc+def/12345"),
        (r"abc\u0026\u003cdef\u003e12345", "abc&<def>12345"),
        (r"abc\/def12345", "abc/def12345"),
        (r"abc\"def\\12345", 'abc"def\\12345'),
        (r"gr\u00fc\u00dfe12345", "grüße12345"),
    ],
)
def test_secrets_are_listed_as_the_file_spells_them(scan: Scanner, spelled: str, secret: str) -> None:
    text = json.dumps(child("namedValues", "x", displayName="x", secret=True, value="SECRET")).replace("SECRET", spelled)
    found = scan({"nv.json": text})
    assert {spelled, secret} <= found.evidence.texts["nv.json"].secrets
    assert found.only().body["properties"]["value"] == mask(secret)


def test_secrets_of_policies_in_json_as_the_file_spells_them(scan: Scanner) -> None:
    text = policies('<authentication-basic username="u" password="abc+def/12345" />')
    spelled = json.dumps(policy(text)).replace("+", "\\u002B").replace("<", "\\u003C")
    found = scan({"policy.json": spelled})
    assert {r"abc\u002Bdef/12345", "abc+def/12345"} <= found.evidence.texts["policy.json"].secrets


def test_broken_files_are_quoted_without_their_secrets(scan: Scanner) -> None:
    broken = '{"mcpServers": {"a": {"headers": {"x-functions-key": "abcdefgh1234"}, "env": {"A": "plain"} "x"'
    found = scan({"mcp.json": broken, "api.json": api("a")})
    assert found.evidence.texts["mcp.json"].secrets == {"abcdefgh1234"}


def test_details_quote_nothing(scan: Scanner) -> None:
    text = '<policies><authentication-basic username="u" password=abcdefgh1234 /></policies>'
    found = scan({"policy.xml": text})
    assert found.artifact("policy.xml").detail.startswith("not an attribute of <authentication-basic")
    assert "abcdefgh" not in found.artifact("policy.xml").detail


PIECES = ["eyJ", "abcdefgh12345678", "-----BEGIN ", "RSA PRIVATE KEY-----", "AccountKey=", "?sig=", "&code=", "Bearer "]
PIECES += ["Basic ", ".", "-", " ", '"', "=", "InstrumentationKey=", "0123456789abcdef0123456789abcdef", "x" * 30]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_shapes_are_found_in_order_and_once(text: str) -> None:
    found = list(secret_ranges(text))
    assert all(start < end for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert has_secret_shape(text) == bool(found)
    assert len(mask_shapes(text)) == len(text)


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5))
def test_strike_keeps_length_and_hides_all(text: str, pairs: list[tuple[int, int]]) -> None:
    ranges = [(min(pair), min(max(pair), len(text))) for pair in pairs if min(pair) < min(max(pair), len(text))]
    struck, secrets = strike(text, ranges, lambda secret: "*" * len(secret))
    hidden = {index for start, end in ranges for index in range(start, end)}
    assert struck == "".join("*" if index in hidden else char for index, char in enumerate(text))
    assert sum(map(len, secrets)) == len(hidden)

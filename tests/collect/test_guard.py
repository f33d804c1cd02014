"""What no request may be, and where tokens may go: held by the pipeline and by the reading of endpoints."""

import re
from pathlib import Path

import pytest

from mcpguard.collect import Asked, cloud_of
from mcpguard.collect.clouds import NAMES, origin
from mcpguard.collect.explain import explain
from mcpguard.collect.guard import ForbiddenRequestError, check
from mcpguard.core.errors import UsageError

CUSTOMER = "aaaaaaaa-0000-4000-8000-000000000001"
ARM = "https://management.azure.com"
GROUP = f"{ARM}/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers"
SERVICE = f"{GROUP}/Microsoft.ApiManagement/service/apim"
SITE = f"{GROUP}/Microsoft.Web/sites/app"
ALLOWED = frozenset({origin(ARM), origin("https://graph.microsoft.com"), origin("https://a.services.ai.azure.com")})


def allowed(method: str, url: str, app_settings: bool = False) -> bool:
    try:
        check(method, url, ALLOWED, ("",), app_settings=app_settings)
    except ForbiddenRequestError:
        return False
    return True


SECRETS = [
    ("POST", f"{SERVICE}/namedValues/x/listValue?api-version=1"),
    ("POST", f"{SERVICE}/subscriptions/master/listSecrets"),
    ("POST", f"{SERVICE}/tenant/access/listSecrets"),
    ("POST", f"{SERVICE}/gateways/g/listKeys"),
    ("POST", f"{SERVICE}/gateways/g/listDebugCredentials"),
    ("POST", f"{SERVICE}/authorizationServers/a/listSecrets"),
    ("POST", f"{SERVICE}/getssotoken"),
    ("POST", f"{SITE}/config/connectionstrings/list"),
    ("POST", f"{SITE}/config/publishingcredentials/list"),
    ("POST", f"{SITE}/config/metadata/list"),
    ("POST", f"{SITE}/config/authsettings/list"),
    ("POST", f"{SITE}/config/appsettings/list"),
    ("POST", f"{SITE}/host/default/listkeys"),
    ("POST", f"{SITE}/functions/f/listkeys"),
    ("POST", f"{SITE}/publishxml"),
    ("GET", f"{SITE}/config/authsettingsV2/list"),
    ("GET", f"{SITE}/functions/admin/token"),
    ("GET", f"{SITE}/functions/admin/masterkey"),
    ("GET", f"{SITE}/host/default/functionkeys/default"),
    ("GET", f"{SITE}/FUNCTIONS/ADMIN/TOKEN"),
    ("POST", f"{GROUP}/Microsoft.App/containerApps/a/listSecrets"),
    ("POST", f"{GROUP}/Microsoft.CognitiveServices/accounts/a/listKeys"),
    ("POST", "https://a.services.ai.azure.com/api/projects/p/connections/c/getConnectionWithCredentials?api-version=v1"),
    ("POST", f"{GROUP}/Microsoft.OperationalInsights/workspaces/w/sharedKeys"),
    ("POST", "https://graph.microsoft.com/v1.0/applications/x/addPassword"),
]
WRITES = [(verb, f"{SERVICE}/apis/x") for verb in ("PUT", "PATCH", "DELETE", "POST", "HEAD", "OPTIONS", "get")]
ELSEWHERE = [
    ("GET", "https://evil.example/subscriptions"),
    ("GET", "https://management.azure.com.evil.example/subscriptions"),
    ("GET", "http://management.azure.com/subscriptions"),
    ("GET", "https://management.azure.com:444/subscriptions"),
    ("GET", "https://management.azure.com@evil.example/"),
    ("GET", f"{SERVICE}/apis/../../../../listKeys/.."),
    ("GET", f"{SERVICE}/apis/%2e%2e/x"),
    ("GET", f"{SERVICE}/apis/a%2Fb"),
    ("POST", f"{ARM}/x/providers/Microsoft.ResourceGraph/resources"),
    ("POST", "https://graph.microsoft.com/beta/$batch"),
]
READS = [
    ("GET", f"{SERVICE}/apis?api-version=2025-09-01-preview"),
    ("GET", f"{SERVICE}/apis/keys/policies/policy"),
    ("GET", f"{SERVICE}/apis/token/operations"),
    ("GET", f"{SITE}/basicPublishingCredentialsPolicies"),
    ("GET", f"{SITE}/config/authsettingsV2"),
    ("GET", f"{ARM}:443/subscriptions"),
    ("POST", f"{ARM}/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"),
    ("POST", "https://graph.microsoft.com/v1.0/$batch"),
]


@pytest.mark.parametrize(("method", "url"), SECRETS + WRITES + ELSEWHERE)
def test_refused(method: str, url: str) -> None:
    assert not allowed(method, url)


@pytest.mark.parametrize(("method", "url"), READS)
def test_let_through(method: str, url: str) -> None:
    assert allowed(method, url)


def test_app_settings_are_a_read_only_when_they_were_asked_for() -> None:
    url = f"{SITE}/config/appsettings/list?api-version=2025-05-01"
    assert allowed("POST", url, app_settings=True) and not allowed("POST", url)
    assert allowed("POST", f"{SITE}/slots/s/config/appsettings/list", app_settings=True)
    assert not allowed("POST", f"{SITE}/config/connectionstrings/list", app_settings=True)
    assert not allowed("GET", f"{SITE}/config/appsettings/list", app_settings=True)


def test_telemetry_is_queried_only_when_it_was_asked_for() -> None:
    logs = "https://api.loganalytics.io"
    url = f"{logs}/v1/workspaces/{CUSTOMER}/query"

    def passes(method: str, url: str, **how: bool) -> bool:
        try:
            check(method, url, frozenset({origin(logs)}), ("",), **how)
        except ForbiddenRequestError:
            return False
        return True

    assert passes("POST", url, queries=True) and not passes("POST", url)
    for other in ("$batch", "workspaces/name/query", f"workspaces/{CUSTOMER}/purge", f"workspaces/{CUSTOMER}/query/x", "query"):
        assert not passes("POST", f"{logs}/v1/{other}", queries=True)
    assert not passes("PUT", url, queries=True) and not passes("DELETE", url, queries=True)


@pytest.mark.parametrize("cloud", NAMES)
def test_the_guard_lets_the_whole_plan_through(cloud: str) -> None:
    named = cloud_of(cloud)
    everything = Asked(app_settings=True, conditional_access=True, all_operations=True, all_applications=True, telemetry=True)
    for call in explain(everything, named):
        url = call.url.replace("{customer id}", CUSTOMER)
        url = re.sub(r"\{[^}]*\}", "name", url).partition(" (in")[0]
        check(call.verb, url, frozenset({origin(url)}), ("",), app_settings=True, queries=True)
        assert url.startswith("https://")
        assert call.needs.role and "Contributor" not in call.needs.role and "Write" not in call.needs.role


# -- endpoints ---------------------------------------------------------------------------------------------------------


def cloud_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "cloud.toml"
    path.write_text(text)
    return str(path)


def test_a_file_overrides_the_public_cloud(tmp_path: Path) -> None:
    text = '[endpoints]\narm = "https://arm.stack.example/"\nfoundry = "https://{account}.ai.stack.example"\n'
    cloud = cloud_of(cloud_file(tmp_path, text))
    assert cloud.arm == "https://arm.stack.example" and cloud.graph == "https://graph.microsoft.com"
    assert cloud.foundry == "https://{account}.ai.stack.example" and not cloud.token_env


def test_a_static_token_is_named_by_its_variable(tmp_path: Path) -> None:
    assert cloud_of(cloud_file(tmp_path, '[auth]\nmode = "static-token"\ntoken_env = "MY_TOKEN"\n')).token_env == "MY_TOKEN"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/arm", "http://localhost:1", "http://[::1]:9", "http://127.9.9.9"])
def test_plain_http_for_this_machine(tmp_path: Path, url: str) -> None:
    assert cloud_of(cloud_file(tmp_path, f'[endpoints]\narm = "{url}"\n')).arm == url


@pytest.mark.parametrize(
    "url",
    [
        "http://management.azure.com",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "https://user:pass@management.azure.com",
        "https://management.azure.com?x=1",
        "https://management.azure.com#x",
        "https://",
        "https://host:99999",
        "management.azure.com",
        "",
    ],
)
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="arm"):
        cloud_of(cloud_file(tmp_path, f'[endpoints]\narm = "{url}"\n'))
    with pytest.raises(UsageError, match="foundry"):
        cloud_of(cloud_file(tmp_path, f'[endpoints]\nfoundry = "{url}"\n'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[endpoints]\narmm = 'https://x.example'\n", "did you mean 'arm'"),
        ("[endpoint]\n", "unknown table"),
        ("[endpoints]\narm = 1\n", "no text"),
        ("endpoints = 1\n", "no table"),
        ("[auth]\nmode = 'magic'\n", "no mode"),
        ("[auth]\nmode = 'static-token'\n", "token_env"),
        ("[auth]\ntoken_env = 'X'\n", "token_env"),
        ("[auth]\nmode = 'static-token'\ntoken_env = 'a b'\n", "environment variable"),
        ("not toml", "no TOML"),
    ],
)
def test_mistakes_in_the_file_are_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        cloud_of(cloud_file(tmp_path, text))
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_an_unknown_cloud_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        cloud_of("mars")
    assert "public, usgov, china" in caught.value.hint


# -- what can be asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        Asked(subscriptions=("not-a-guid",)),
        Asked(resource_group="rg' or 1=1 or 'x"),
        Asked(resource_group="a/b"),
        Asked(management_group="mg?x"),
        Asked(service="x'y"),
        Asked(service="/subscriptions/x/resourceGroups/y/providers/Microsoft.ApiManagement/service/z"),
        Asked(service="/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/y/providers/Microsoft.Web/sites/z"),
        Asked(subscriptions=("11111111-2222-3333-4444-555555555555",), management_group="mg"),
    ],
)
def test_what_azure_cannot_have_named_is_refused(asked: Asked) -> None:
    with pytest.raises(UsageError):
        asked.check()

"""OAuth proxies: which operations and files are steps of one."""

from pathlib import Path

import pytest

from mcpguard.model.estate import Estate
from mcpguard.model.kinds.oauth import OAuthProxy, OAuthRole
from tests.normalize.test_estate import SERVICE_RESOURCE, api, child, estate, policy

SPEAKS = {
    "authorize": 'context.Request.Url.Query.GetValueOrDefault("redirect_uri","")',
    "callback": 'context.Request.Url.Query.GetValueOrDefault("code","")',
    "token": 'new JObject { ["access_token"] = "x" }.ToString()',
    "register": 'context.Request.Body.As<JObject>()["redirect_uris"].ToString()',
}


def text(code: str = '"x"') -> str:
    return f'<policies><inbound><base/><set-variable name="a" value="@({code})"/></inbound></policies>'


def files(folder: Path, *names: str, said: str = "") -> Estate:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        role = next((role for role in SPEAKS if role in name), "")
        path.write_text(text(SPEAKS.get(role, '"x"')).replace("<base/>", f"<base/>{said}"))
    return estate(folder, [])


def roles(found: Estate) -> dict[str, set[str]]:
    return {proxy.name: {step.role.value for step in proxy.steps} for proxy in found.of(OAuthProxy)}


def test_files_of_one_folder_are_one_proxy(tmp_path: Path) -> None:
    found = files(
        tmp_path,
        *("mcp/authorize.policy.xml", "mcp/oauth-callback.policy.xml", "mcp/register.policy.xml", "mcp/token.policy.xml"),
        *("mcp/register-options.policy.xml", "mcp/token/revoke/policy.xml", "mcp/other.xml"),
    )
    assert roles(found) == {"mcp": {"authorize", "callback", "register", "token"}}
    (proxy,) = found.of(OAuthProxy)
    assert len(proxy.steps) == 4
    assert proxy.serves_mcp


def test_folders_name_files_that_are_called_policy(tmp_path: Path) -> None:
    assert roles(files(tmp_path, "auth/authorize/policy.xml", "auth/token/policy.xml")) == {"auth": {"authorize", "token"}}


def test_names_alone_are_not_enough(tmp_path: Path) -> None:
    (tmp_path / "mcp").mkdir()
    (tmp_path / "mcp/authorize.xml").write_text(text())
    (tmp_path / "mcp/token.xml").write_text(text("<!-- access_token -->").replace("@(<!-- access_token -->)", "1"))
    assert roles(estate(tmp_path, [])) == {}
    assert roles(files(tmp_path / "a", "mcp/token.policy.xml")) == {}, "one step that no browser goes to is no flow"


@pytest.mark.parametrize(
    ("said", "serves"), [("", False), ('<set-header name="Mcp-Session-Id" exists-action="delete"/>', True)]
)
def test_only_what_speaks_of_mcp_counts(tmp_path: Path, said: str, serves: bool) -> None:
    (proxy,) = files(tmp_path, "sso/authorize.xml", said=said).of(OAuthProxy)
    assert proxy.serves_mcp is serves


def test_operations_of_one_service_are_one_proxy(tmp_path: Path) -> None:
    resources = [SERVICE_RESOURCE, api("oauth", path="")]
    for name, method in (
        ("authorize", "GET"),
        ("oauth-callback", "GET"),
        ("token", "OPTIONS"),
        ("register", "POST"),
        ("orders", "GET"),
    ):
        resources.append(child(f"apis/oauth/operations/{name}", "apis/operations", method=method, urlTemplate=f"/{name}"))
        code = next((SPEAKS[role] for role in SPEAKS if role in name), '"x"')
        resources.append(policy(f"apis/oauth/operations/{name}", f'<set-variable name="a" value="@({code})"/>'))
    found = estate(tmp_path, resources)
    (proxy,) = found.of(OAuthProxy)
    assert {step.role for step in proxy.steps} == {OAuthRole.AUTHORIZE, OAuthRole.CALLBACK, OAuthRole.REGISTER}
    assert not proxy.serves_mcp, "the service has no MCP server"


def test_operations_without_a_policy_of_their_own_are_the_backends(tmp_path: Path) -> None:
    operation = child("apis/oauth/operations/authorize", "apis/operations", method="GET", urlTemplate="/authorize")
    assert estate(tmp_path, [SERVICE_RESOURCE, api("oauth", path=""), operation]).of(OAuthProxy) == ()

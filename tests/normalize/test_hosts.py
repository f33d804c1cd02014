"""Hosts in each format: which answer a member is believed from, what absence means there, and what stays unknown."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from mcpguard import sources
from mcpguard.core.facts import Known, Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.host_parts import SettingForm, StorageAccess
from mcpguard.model.kinds.hosting import ContainerApp, PlatformAuth, SessionPool, Site
from mcpguard.normalize import build

Json = dict[str, Any]
GROUP = "/subscriptions/0/resourceGroups/rg/providers"
SITE = f"{GROUP}/Microsoft.Web/sites/f"
APP = f"{GROUP}/Microsoft.App/containerApps/c"
ENVIRONMENT = f"{GROUP}/Microsoft.App/managedEnvironments/e"
POOL = f"{GROUP}/Microsoft.App/sessionPools/p"
UAMI = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/id-auth"
NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


def estate(folder: Path, *answers: Json) -> Estate:
    for number, answer in enumerate(answers):
        (folder / f"{number}.json").write_text(json.dumps(answer))
    return build(sources.read([folder]), NOW)


def only(found: Estate) -> Site:
    (site,) = found.of(Site)
    return site


def site(**more: Any) -> Json:
    properties = {"defaultHostName": "f.azurewebsites.net", "privateEndpointConnections": [], **more.pop("properties", {})}
    return {"id": SITE, "name": "f", "type": "Microsoft.Web/sites", "kind": "app,linux", **more, "properties": properties}


def below(path: str, **properties: Any) -> Json:
    type_ = "/".join(path.split("/")[::2])
    return {
        "id": f"{SITE}/{path}",
        "name": path.rsplit("/", 1)[-1],
        "type": f"Microsoft.Web/sites/{type_}",
        "properties": properties,
    }


def template(*resources: Json, **more: Any) -> Json:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def declared(type: str, name: str, properties: Json, **more: Any) -> Json:
    return {"type": type, "apiVersion": "2024-04-01", "name": name, "properties": properties, **more}


def auth_of(found: Estate) -> PlatformAuth:
    auth = only(found).auth
    assert isinstance(auth, Known) and auth.value is not None
    return auth.value


# -- where a member is believed ----------------------------------------------------------------------------------------


def test_what_a_list_says_of_the_configuration_is_unknown(tmp_path: Path) -> None:
    found = only(estate(tmp_path, site(properties={"siteConfig": {"minTlsVersion": "1.0", "cors": None, "ftpsState": None}})))
    for fact in (found.tls, found.ftps_state, found.remote_debugging, found.cors_origins, found.restrictions.rules):
        assert isinstance(fact, Unknown) and "config/web" in fact.remedy
    assert found.https_only == Known(False, found.at, "httpsOnly is false unless set (facts/hosting.md 10)")


def test_config_web_is_believed_and_null_is_not_set(tmp_path: Path) -> None:
    web = below("config/web", minTlsVersion="1.1", cors={"allowedOrigins": ["*"]}, ipSecurityRestrictions=None, ftpsState=None)
    found = only(estate(tmp_path, site(), web))
    assert isinstance(found.tls, Known) and found.tls.value == "1.1"
    assert isinstance(found.cors_origins, Known) and found.cors_origins.value == ("*",)
    assert found.restrictions.rules == Known((), found.restrictions.rules.at, "no access restrictions")
    assert isinstance(found.ftps_state, Unknown) and "no documented default" in found.ftps_state.missing


def test_a_template_is_believed_inline_and_in_nested_children(tmp_path: Path) -> None:
    inline = {"minTlsVersion": "1.0", "remoteDebuggingEnabled": True, "appSettings": [{"name": "A", "value": "1"}]}
    web = declared("config", "web", {"minTlsVersion": "1.2"})
    settings = declared("config", "appsettings", {"AzureWebJobsFeatureFlags": "EnableMcpCustomHandlerPreview"})
    app = declared("Microsoft.Web/sites", "f", {"siteConfig": inline}, kind="functionapp", resources=[web, settings])
    found = only(estate(tmp_path, template(app)))
    assert isinstance(found.tls, Known) and found.tls.value == "1.2"
    assert isinstance(found.remote_debugging, Known) and found.remote_debugging.value is True
    assert isinstance(found.app_settings, Known) and found.app_settings.value.keys() == {"azurewebjobsfeatureflags"}
    assert isinstance(found.cors_origins, Known) and found.cors_origins.defaulted
    assert isinstance(found.auth, Known) and found.auth.value is None
    assert isinstance(found.publishing.scm, Known) and found.publishing.scm.value is True


# -- access restrictions -----------------------------------------------------------------------------------------------

SUBNET = {
    "vnetSubnetResourceId": f"{GROUP}/Microsoft.Network/virtualNetworks/v/subnets/apim",
    "action": "Allow",
    "priority": 100,
}
ANY = {"ipAddress": "Any", "action": "Allow", "priority": 1, "name": "Allow all"}
NOBODY = {"ipAddress": "Any", "action": "Deny", "priority": 2147483647, "name": "Deny all"}


@pytest.mark.parametrize(
    ("web", "open_"),
    [
        ({"publicNetworkAccess": "Enabled"}, True),
        ({"publicNetworkAccess": "Disabled"}, False),
        ({"ipSecurityRestrictions": [ANY]}, True),
        ({"ipSecurityRestrictions": [SUBNET]}, False),
        ({"ipSecurityRestrictions": [SUBNET], "ipSecurityRestrictionsDefaultAction": "Allow"}, True),
        ({"ipSecurityRestrictions": [SUBNET, ANY], "ipSecurityRestrictionsDefaultAction": "Deny"}, True),
        ({"ipSecurityRestrictions": [NOBODY, SUBNET]}, False),
        ({"ipSecurityRestrictions": [{**ANY, "headers": {"x-azure-fdid": ["1"]}}]}, False),
        ({"ipSecurityRestrictions": [], "ipSecurityRestrictionsDefaultAction": "Deny"}, False),
    ],
)
def test_who_reaches_a_site(tmp_path: Path, web: Json, open_: bool) -> None:
    found = only(estate(tmp_path, site(), below("config/web", **web)))
    assert isinstance(found.internet_facing, Known) and found.internet_facing.value is open_


def connection(status: str) -> Json:
    return {
        "id": f"{SITE}/privateEndpointConnections/pe",
        "properties": {"privateLinkServiceConnectionState": {"status": status}},
    }


@pytest.mark.parametrize(
    ("status", "access", "open_"), [("Approved", None, False), ("Pending", None, True), ("Approved", "Enabled", True)]
)
def test_a_private_endpoint_closes_a_site_that_never_chose(
    tmp_path: Path, status: str, access: str | None, open_: bool
) -> None:
    app = site(properties={"privateEndpointConnections": [connection(status)], "publicNetworkAccess": access})
    found = only(estate(tmp_path, app, below("config/web", ipSecurityRestrictions=[])))
    assert isinstance(found.internet_facing, Known) and found.internet_facing.value is open_


def test_a_private_endpoint_that_a_template_declares(tmp_path: Path) -> None:
    target = "[resourceId('Microsoft.Web/sites', 'f')]"
    endpoint = declared(
        "Microsoft.Network/privateEndpoints",
        "pe",
        {
            "privateLinkServiceConnections": [
                {"name": "c", "properties": {"privateLinkServiceId": target, "groupIds": ["sites"]}}
            ]
        },
    )
    found = only(estate(tmp_path, template(declared("Microsoft.Web/sites", "f", {}), endpoint)))
    assert isinstance(found.restrictions.private_endpoints, Known) and len(found.restrictions.private_endpoints.value) == 1
    assert isinstance(found.internet_facing, Known) and found.internet_facing.value is False


@pytest.mark.parametrize(
    ("ingress", "environment", "open_"),
    [
        ({"external": True}, {}, True),
        ({"external": False}, {}, False),
        ({"external": True}, {"vnetConfiguration": {"internal": True}}, False),
        ({"external": True}, {"publicNetworkAccess": "Disabled"}, False),
        ({"external": True, "ipSecurityRestrictions": [{"action": "Allow", "ipAddressRange": "10.0.0.0/8"}]}, {}, False),
        ({"external": True, "ipSecurityRestrictions": [{"action": "Allow", "ipAddressRange": "0.0.0.0/0"}]}, {}, True),
        ({"external": True, "ipSecurityRestrictions": [{"action": "Deny", "ipAddressRange": "10.0.0.0/8"}]}, {}, True),
    ],
)
def test_who_reaches_a_container_app(tmp_path: Path, ingress: Json, environment: Json, open_: bool) -> None:
    app = {"managedEnvironmentId": ENVIRONMENT, "configuration": {"ingress": ingress}}
    (found,) = estate(
        tmp_path,
        {"id": APP, "type": "Microsoft.App/containerApps", "properties": app},
        {"id": ENVIRONMENT, "type": "Microsoft.App/managedEnvironments", "properties": environment},
    ).of(ContainerApp)
    assert isinstance(found.internet_facing, Known) and found.internet_facing.value is open_


# -- settings ----------------------------------------------------------------------------------------------------------


def test_forms_of_app_settings(tmp_path: Path) -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/s)"
    settings = below(
        "config/appsettings",
        WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES="api://x/a",
        ORDERS_DB="hunter2-hunter2",
        MICROSOFT_PROVIDER_AUTHENTICATION_SECRET=reference,
        AzureWebJobsStorage__accountName="st",
    )
    found = only(estate(tmp_path, site(), settings))
    forms = [
        found.setting(name)
        for name in ("website_auth_prm_default_with_scopes", "Orders_DB", "microsoft_provider_authentication_secret")
    ]
    assert [fact.value.form for fact in forms if isinstance(fact, Known) and fact.value is not None] == [
        SettingForm.PLAIN,
        SettingForm.WITHHELD,
        SettingForm.KEY_VAULT,
    ]
    absent = found.setting("NOPE")
    assert isinstance(absent, Known) and absent.value is None
    assert isinstance(found.storage, Known) and found.storage.value is StorageAccess.IDENTITY


def test_a_reader_sees_which_settings_are_references(tmp_path: Path) -> None:
    answer = {
        "value": [
            {
                "id": f"{SITE}/config/configreferences/appsettings/MY_SECRET",
                "name": "MY_SECRET",
                "type": "Microsoft.Web/sites/config/configreferences",
                "properties": {"reference": "@Microsoft.KeyVault(SecretUri=https://kv/secrets/s)", "status": "Resolved"},
            }
        ]
    }
    found = only(estate(tmp_path, site(), answer))
    mine, other = found.setting("my_secret"), found.setting("OTHER")
    assert isinstance(mine, Known) and mine.value is not None and mine.value.form is SettingForm.KEY_VAULT
    assert isinstance(mine.value.value, Unknown)
    assert isinstance(other, Unknown) and "config/list/action" in other.remedy


def test_settings_that_a_template_computes(tmp_path: Path) -> None:
    identity = "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id-auth')]"
    settings = {
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id-auth'), '2023-01-31').clientId]",
        "SECRET": "[format('@Microsoft.KeyVault(SecretUri={0})', reference('s').secretUri)]",
        "AzureWebJobsStorage": "[format('AccountKey={0}', listKeys(resourceId('Microsoft.Storage/storageAccounts', 's'), '2023-01-01').keys[0].value)]",
    }
    app = declared("Microsoft.Web/sites", "f", {}, identity={"type": "UserAssigned", "userAssignedIdentities": {identity: {}}})
    found = only(estate(tmp_path, template(app, declared("Microsoft.Web/sites/config", "f/appsettings", settings))))
    assert isinstance(found.app_settings, Known)
    fic, secret = (found.app_settings.value[name] for name in ("override_use_mi_fic_assertion_clientid", "secret"))
    assert isinstance(found.identities, Known)
    (attached,) = found.identities.value
    assert (fic.form, fic.computed_from) == (SettingForm.COMPUTED, f"{attached.resource_id}#clientId")
    assert secret.form is SettingForm.KEY_VAULT
    assert isinstance(found.storage, Known) and found.storage.value is StorageAccess.CONNECTION_STRING


def test_slot_settings_are_the_sites_own_list(tmp_path: Path) -> None:
    slot = {"id": f"{SITE}/slots/staging", "type": "Microsoft.Web/sites/slots", "kind": "app", "properties": {}}
    found = estate(tmp_path, site(), slot, below("config/slotConfigNames", appSettingNames=["Override_X"]))
    production, staging = found.of(Site)
    assert (production.slot_of, staging.slot_of) == ("", SITE.lower())
    assert staging.sticky_settings == production.sticky_settings
    assert isinstance(staging.sticky_settings, Known) and staging.sticky_settings.value == {"override_x"}


# -- identities --------------------------------------------------------------------------------------------------------


def test_identities_and_where_their_ids_come_from(tmp_path: Path) -> None:
    block = {"type": "SystemAssigned, UserAssigned", "principalId": "P-1", "userAssignedIdentities": {UAMI: {}}}
    printed = {
        "id": UAMI,
        "name": "id-auth",
        "clientId": "C-2",
        "principalId": "P-2",
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
    }
    found = only(estate(tmp_path, site(identity=block), printed))
    assert isinstance(found.identities, Known)
    system, user = found.identities.value
    assert isinstance(system.principal_id, Known) and system.principal_id.value == "p-1"
    assert isinstance(system.client_id, Unknown) and system.resource_id == ""
    assert isinstance(user.client_id, Known) and (user.resource_id, user.client_id.value) == (UAMI.lower(), "c-2")


def test_no_identity(tmp_path: Path) -> None:
    identities = only(estate(tmp_path, site(identity=None))).identities
    assert isinstance(identities, Known) and identities.value == () and identities.defaulted


# -- platform authentication -------------------------------------------------------------------------------------------


def test_defaults_of_version_2(tmp_path: Path) -> None:
    aad = {"registration": {"clientId": "ABC"}}
    auth = auth_of(estate(tmp_path, site(), below("config/authsettingsV2", identityProviders={"azureActiveDirectory": aad})))
    assert auth.version == "v2"
    facts = (
        auth.enabled,
        auth.microsoft_provider,
        auth.token_store,
        auth.validates_nonce,
        auth.requires_https,
        auth.certificate,
    )
    assert [fact.value for fact in facts if isinstance(fact, Known)] == [False, True, False, True, True, False]
    assert isinstance(auth.token_refresh_hours, Known) and auth.token_refresh_hours.value == 72
    assert isinstance(auth.client_id, Known) and auth.client_id.value == "abc"


@pytest.mark.parametrize(
    ("aad", "on"),
    [
        ({}, False),
        ({"enabled": False, "registration": {"clientId": "a"}}, False),
        ({"enabled": True, "registration": {"clientId": "a"}}, True),
    ],
)
def test_the_microsoft_provider(tmp_path: Path, aad: Json, on: bool) -> None:
    auth = auth_of(estate(tmp_path, site(), below("config/authsettingsV2", identityProviders={"azureActiveDirectory": aad})))
    assert isinstance(auth.microsoft_provider, Known) and auth.microsoft_provider.value is on


def test_version_1_counts_where_version_2_is_off(tmp_path: Path) -> None:
    old = {"enabled": True, "unauthenticatedClientAction": "AllowAnonymous", "clientId": "A", "allowedAudiences": ["api://a"]}
    auth = auth_of(estate(tmp_path, site(), below("config/authsettings", **old), below("config/authsettingsV2", platform={})))
    assert (auth.version, auth.name) == ("v1", "f")
    assert isinstance(auth.unauthenticated_action, Known) and auth.unauthenticated_action.value == "AllowAnonymous"
    assert isinstance(auth.allowed_audiences, Known) and auth.allowed_audiences.value == ("api://a",)


def test_version_2_counts_where_it_is_on(tmp_path: Path) -> None:
    old, new = below("config/authsettings", enabled=True), below("config/authsettingsV2", platform={"enabled": True})
    assert auth_of(estate(tmp_path, site(), old, new)).version == "v2"


def test_version_1_alone_that_is_off_says_nothing_of_version_2(tmp_path: Path) -> None:
    assert isinstance(only(estate(tmp_path, site(), below("config/authsettings", enabled=False))).auth, Unknown)


def test_a_list_of_configurations_holds_web_alone(tmp_path: Path) -> None:
    found = only(estate(tmp_path, site(), {"value": [below("config/web", minTlsVersion="1.2")]}))
    assert isinstance(found.auth, Unknown)


def test_the_environment_is_told_by_a_tag(tmp_path: Path) -> None:
    tag = only(estate(tmp_path, site(tags={"Environment": "Production"}))).environment_tag
    assert isinstance(tag, Known) and tag.value == "production"


# -- container apps and session pools ----------------------------------------------------------------------------------


def test_variables_of_containers(tmp_path: Path) -> None:
    env = [
        {"name": "MCP_TRANSPORT", "value": "http"},
        {"name": "POOL_KEY", "secretRef": "pool-key"},
        {"name": "API_KEY", "value": "s3cr3t-s3cr3t"},
    ]
    app = {"template": {"containers": [{"name": "main", "env": env}]}}
    (found,) = estate(tmp_path, {"id": APP, "type": "Microsoft.App/containerApps", "properties": app}).of(ContainerApp)
    assert isinstance(found.env, Known)
    plain, referenced, withheld = found.env.value
    assert isinstance(plain.value, Known) and (plain.value.value, plain.container) == ("http", "main")
    assert referenced.secret == "pool-key" and isinstance(referenced.value, Unknown)
    assert isinstance(withheld.value, Unknown) and withheld.secret == ""
    assert isinstance(found.client_certificate_mode, Known) and found.client_certificate_mode.value == "ignore"


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("2025-02-02-preview", {"isMcpServerEnabled": True}, True),
        ("2025-02-02-preview", None, False),
        ("2025-07-01", None, None),
    ],
)
def test_session_pools(tmp_path: Path, version: str, settings: Json | None, wanted: bool | None) -> None:
    properties: Json = {"containerType": "PythonLTS", "sessionNetworkConfiguration": {"status": "EgressEnabled"}}
    pool = {"id": POOL, "type": "Microsoft.App/sessionPools", "apiVersion": version, "properties": properties}
    if settings is not None:
        properties["mcpServerSettings"] = settings
    (found,) = estate(tmp_path, pool).of(SessionPool)
    assert isinstance(found.egress_enabled, Known) and found.egress_enabled.value is True
    assert (found.mcp_enabled.value if isinstance(found.mcp_enabled, Known) else None) is wanted
    assert isinstance(found.cooldown_seconds, Unknown)

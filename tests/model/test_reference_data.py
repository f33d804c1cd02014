"""The tables of public facts: their shape, and the lookups on them."""

import json
import re
from pathlib import Path

import pytest

from mcpguard.model import reference_data
from mcpguard.model.reference_data import (
    ClientClass,
    Permission,
    Privilege,
    RoleClass,
    built_in_roles,
    graph_application_roles,
    graph_delegated_scopes,
    graph_delegated_scopes_by_name,
    resource_of_audience,
    well_known_clients,
    well_known_resources,
)

FOLDER = Path(reference_data.__file__).resolve().parents[1] / "data"
FILES = sorted(FOLDER.glob("*.json"))
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def repeated(path: Path) -> list[str]:
    """Members that stand twice in one object, compared without case: a decoder would keep only the last."""
    found: list[str] = []

    def note(members: list[tuple[str, object]]) -> dict[str, object]:
        names = [name.lower() for name, _ in members]
        found.extend(name for name in set(names) if names.count(name) > 1)
        return dict(members)

    json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=note)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_where_it_is_from_and_repeats_nothing(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(content["source"]) > 30
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", content["date"])
    assert repeated(path) == []
    assert path.stat().st_size < 80_000


def test_every_file_is_read_by_somebody() -> None:
    code = Path(reference_data.__file__).read_text(encoding="utf-8")
    assert [path.name for path in FILES if f'"{path.name}"' not in code] == []


@pytest.mark.parametrize("table", [graph_application_roles, graph_delegated_scopes])
def test_permissions(table: object) -> None:
    rows: dict[str, Permission] = table()  # type: ignore[operator]
    assert all(GUID.fullmatch(key) and key == row.id for key, row in rows.items())
    assert len({row.name.lower() for row in rows.values()}) == len(rows)
    assert {row.level for row in rows.values()} <= {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("name", "key", "privilege"),
    [
        ("Directory.ReadWrite.All", "19dbc75e-c2e2-444c-a770-ec69d8559fc7", Privilege.TIER_ZERO),
        ("RoleManagement.ReadWrite.Directory", "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8", Privilege.TIER_ZERO),
        ("AppRoleAssignment.ReadWrite.All", "06b708a9-e830-4db3-a914-8e69da51d44f", Privilege.TAKEOVER),
        ("Application.ReadWrite.All", "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", Privilege.TAKEOVER),
        ("AgentIdentityBlueprint.AddRemoveCreds.All", "0510736e-bdfb-4b37-9a1f-89b4a074763a", Privilege.TAKEOVER),
        ("Mail.ReadWrite", "e2a3a72e-5f79-4c64-b1b1-878b674786c9", Privilege.BROAD),
        ("Files.Read.All", "01d4889c-1287-42c6-ac1f-5d1e02578ef6", Privilege.BROAD),
        ("Sites.Selected", "883ea226-0bf2-4a8f-9f9d-92c9162a727d", Privilege.PLAIN),
        ("User.Read.All", "df021288-bdef-4463-88db-98f22de89214", Privilege.PLAIN),
    ],
)
def test_application_roles_of_the_facts(name: str, key: str, privilege: Privilege) -> None:
    role = graph_application_roles()[key]
    assert (role.name, role.privilege) == (name, privilege)


def test_delegated_scopes_have_ids_of_their_own_and_names_in_grants() -> None:
    assert graph_delegated_scopes()["024d486e-b451-40bb-833d-3e66d98c5c73"].name == "Mail.ReadWrite"
    assert graph_delegated_scopes_by_name()["directory.accessasuser.all"].privilege is Privilege.BROAD
    assert graph_delegated_scopes_by_name()["user.read"].privilege is Privilege.PLAIN


def test_level_four_that_is_not_classed_is_a_decision() -> None:
    left = {role.name for role in graph_application_roles().values() if role.level == 4 and role.privilege is Privilege.PLAIN}
    assert left == {
        "AgentIdentity.CreateAsManager",  # every blueprint has it
        "AgentIdentityBlueprint.Create",
        "AgentIdentityBlueprintPrincipal.Create",
        "BackupRestore-Configuration.Read.All",
        "BackupRestore-Control.Read.All",
        "CustomSecAttributeProvisioning.Read.All",
        "DeviceManagementConfiguration.Read.All",
        "MutualTlsOauthConfiguration.Read.All",
        "PrintJob.ReadWrite.All",
    }


def test_built_in_roles() -> None:
    roles = built_in_roles()
    assert all(GUID.fullmatch(key) for key in roles)
    assert roles["62e90394-69f5-4237-9190-012177145e10"].role_class is RoleClass.TIER_ZERO
    assert roles["88d8e3e3-8f55-4a1e-953a-9b9898b8876b"].name == "Directory Readers"


def test_clients() -> None:
    clients = well_known_clients()
    assert all(GUID.fullmatch(key) for key in clients)
    assert clients["aebc6443-996d-45c2-90f0-388ff96faa56"].client_class is ClientClass.MCP_CLIENT
    assert clients["04b07795-8ddb-461a-bbee-02f9e1bf7b46"].client_class is ClientClass.GENERAL_PURPOSE


def test_resources_share_no_name() -> None:
    rows = well_known_resources()
    for names in ([i for row in rows for i in row.app_ids], [a for row in rows for a in row.audiences]):
        assert len(names) == len(set(names))
    assert all(GUID.fullmatch(app_id) for row in rows for app_id in row.app_ids)
    assert all(a == a.lower() and a.startswith("https://") and not a.endswith("/") for row in rows for a in row.audiences)
    assert all(suffix.startswith(".") for row in rows for suffix in row.host_suffixes)


@pytest.mark.parametrize(
    ("audience", "name"),
    [
        ("https://graph.microsoft.com", "Microsoft Graph"),
        ("https://graph.microsoft.com/", "Microsoft Graph"),
        ("https://graph.microsoft.com/.default", "Microsoft Graph"),
        ("HTTPS://Graph.Microsoft.US/User.Read", "Microsoft Graph"),
        ("00000003-0000-0000-C000-000000000000", "Microsoft Graph"),
        ("api://00000003-0000-0000-c000-000000000000/.default", "Microsoft Graph"),
        ("graph.microsoft.com", "Microsoft Graph"),
        ("https://management.core.windows.net//.default", "Azure Resource Manager"),
        ("https://kv1.vault.azure.net", "Azure Key Vault"),
        ("https://acct1.blob.core.usgovcloudapi.net/", "Azure Storage"),
        ("https://database.windows.net//.default", "Azure SQL Database"),
        ("https://api.loganalytics.io", "Log Analytics API"),
        ("https://fabrikam.sharepoint.com", "Office 365 SharePoint Online"),
        ("https://azure-api.net/authorization-manager", "Azure API Management credential manager"),
    ],
)
def test_audiences_in_every_spelling(audience: str, name: str) -> None:
    found = resource_of_audience(audience)
    assert found is not None and found.name == name


@pytest.mark.parametrize(
    "audience",
    [
        "",
        "https://",
        "api://29d6933b-8800-4c22-b1a8-4c16bec9e66d",
        "https://graph.microsoft.com.evil.example",
        "https://fabrikam-apim.azure-api.net/orders-mcp",
        "https://evil.example/graph.microsoft.com",
        "https://vault.azure.net.example",
        "https://mcp-server.azurewebsites.net",
    ],
)
def test_audiences_of_others(audience: str) -> None:
    assert resource_of_audience(audience) is None

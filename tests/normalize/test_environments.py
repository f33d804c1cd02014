"""Sites in environments that are closed to the internet, whatever the sites' own settings say."""

from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.facts import Known, Unknown
from tests.normalize.test_hosts import ENVIRONMENT, GROUP, below, estate, only, site

ASE = f"{GROUP}/Microsoft.Web/hostingEnvironments/ase"
OPEN = below("config/web", ipSecurityRestrictions=None, ipSecurityRestrictionsDefaultAction=None)


def app_service_environment(**properties: Any) -> dict[str, Any]:
    return {"id": ASE, "name": "ase", "type": "Microsoft.Web/hostingEnvironments", "properties": properties}


def managed_environment(**properties: Any) -> dict[str, Any]:
    return {"id": ENVIRONMENT, "name": "e", "type": "Microsoft.App/managedEnvironments", "properties": properties}


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("None", True), (None, True), ("Publishing", True), ("Web", False), ("Web, Publishing", False)],
)
def test_app_service_environments(tmp_path: Path, mode: str | None, wanted: bool) -> None:
    inside = site(properties={"publicNetworkAccess": "Enabled", "hostingEnvironmentProfile": {"id": ASE, "name": "ase"}})
    facing = only(estate(tmp_path, inside, OPEN, app_service_environment(internalLoadBalancingMode=mode))).internet_facing
    assert isinstance(facing, Known) and facing.value is wanted


def test_an_app_service_environment_that_was_not_read(tmp_path: Path) -> None:
    inside = site(properties={"publicNetworkAccess": "Enabled", "hostingEnvironmentProfile": {"id": ASE, "name": "ase"}})
    facing = only(estate(tmp_path, inside, OPEN)).internet_facing
    assert isinstance(facing, Unknown) and ASE in facing.remedy


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [({}, True), ({"vnetConfiguration": {"internal": True}}, False), ({"publicNetworkAccess": "Disabled"}, False)],
)
def test_function_apps_in_container_apps(tmp_path: Path, environment: Any, wanted: bool) -> None:
    inside = site(kind="functionapp,linux,container,azurecontainerapps", properties={"managedEnvironmentId": ENVIRONMENT})
    web = below("config/web", publicNetworkAccess="Enabled", ipSecurityRestrictions=None)
    facing = only(estate(tmp_path, inside, web, managed_environment(**environment))).internet_facing
    assert isinstance(facing, Known) and facing.value is wanted

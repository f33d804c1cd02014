"""Which key of a Functions host a value takes that a template or a Terraform plan computes."""

import pytest

from mcpguard.evidence import Unresolved
from mcpguard.model.template_keys import HostKey, template_keys
from tests.sources.arm.test_functions import evaluate

HOST = "concat(resourceId('Microsoft.Web/sites', 'f'), '/host/default')"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (f"listKeys({HOST}, '2024-04-01').masterKey", {HostKey.MASTER}),
        (f"listkeys({HOST}, '2024-04-01').MasterKey", {HostKey.MASTER}),
        (f"list({HOST}, '2016-08-01').functionKeys.default", {HostKey.DEFAULT}),
        (f"listKeys({HOST}, '2024-04-01')['functionKeys']['default']", {HostKey.DEFAULT}),
        (f"listKeys({HOST}, '2024-04-01').functionKeys.gateway", {HostKey.OTHER}),
        (f"listKeys({HOST}, '2024-04-01').systemKeys.mcp_extension", {HostKey.OTHER}),
        ("listKeys(resourceId('Microsoft.Web/sites/functions', 'f', 'mcp'), '2024-04-01').default", {HostKey.OTHER}),
        ("listKeys(resourceId('x', 'y'), '2024-04-01').keys[0].value", {HostKey.OTHER}),
        (
            f"format('{{0}} {{1}}', listKeys({HOST}, '1').masterKey, listKeys({HOST}, '1').functionKeys.default)",
            {HostKey.MASTER, HostKey.DEFAULT},
        ),
        (f"base64(concat('x:', listKeys({HOST}, '1').masterKey))", {HostKey.MASTER}),
        ("listKeys('it''s ) here.masterKey', '1').default", {HostKey.OTHER}),
        ("reference('x').masterKey", set()),
        (
            "listCallbackUrl(resourceId('Microsoft.Logic/workflows/triggers', 'w', 't'), '2019-05-01').queries.sig",
            {HostKey.OTHER},
        ),
        (
            "listCallbackUrl(resourceId('Microsoft.Logic/workflows/triggers', 'w', 't'), '2019-05-01').queries['api-version']",
            set(),
        ),
    ],
)
def test_keys_of_an_expression(expression: str, wanted: set[HostKey]) -> None:
    assert set(template_keys(evaluate(f"[{expression}]"))) == wanted


@pytest.mark.parametrize(
    ("references", "wanted"),
    [
        ("data.azurerm_function_app_host_keys.mcp.primary_key", {HostKey.MASTER}),
        ("data.azurerm_function_app_host_keys.mcp[0].default_function_key, var.x", {HostKey.DEFAULT}),
        ("data.azurerm_function_app_host_keys.mcp.event_grid_extension_key", {HostKey.OTHER}),
        ("azurerm_storage_account.mcp.primary_key", set()),
    ],
)
def test_keys_of_a_plan(references: str, wanted: set[HostKey]) -> None:
    assert set(template_keys(Unresolved(references))) == wanted
